// SPDX-License-Identifier: GPL-2.0

//! Accelerated RFS: a flow comes by the queue whose interrupt is handled where its reader runs.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use etherparse::PacketBuilder;
use offload_tests::cable::Cable;
use offload_tests::command::says;
use offload_tests::dpipe::dump;
use offload_tests::interrupt::Interrupt;
use offload_tests::link::await_that;
use offload_tests::netns::enter;
use offload_tests::nic::Nic;
use offload_tests::processor::run_on;
use offload_tests::wire::Sender;
use offload_uapi::stats;

/// One for each processor.
const QUEUES: usize = 2;
/// Flows that the kernel knows of each queue.
const FLOWS: u32 = 256;
/// Bytes of the hash key.
const KEY: usize = 56;
/// The host that sends and the one that reads, on a network of their own.
const HOSTS: [[u8; 4]; 2] = [[10, 9, 0, 1], [10, 9, 0, 2]];
const PORTS: [u16; 2] = [9, 7000];

/// Readers at the far end of a cable.
struct Reading {
    cable: Cable,
    sender: Sender,
    readers: Vec<Reader>,
}

/// One of them, and what it reads.
struct Reader {
    socket: UdpSocket,
    frame: Vec<u8>,
}

impl Reading {
    /// That many readers, of a NIC whose resources have these sizes.
    fn new(readers: u16, sizes: &[(&str, u64)]) -> Result<Self> {
        let cable = Cable::onic_with_sizes(u32::try_from(QUEUES)?, 1500, sizes)?;
        let far = &cable.far;
        // The kernel has one place in its table for all flows whose hashes end alike, and a second one is not
        // steered while the first is there. With this key those of the readers do not.
        let key: Vec<_> = (0..KEY)
            .map(|number| format!("{:02x}", (number * 37 + 11) % 256))
            .collect();
        far.cmd(format!("ethtool -X {} hkey {}", far.name, key.join(":")))
            .run()?;
        far.cmd(format!("ip address add 10.9.0.2/24 dev {}", far.name))
            .run()?;
        for (queue, interrupt) in Interrupt::of(&far.name)?.iter().enumerate() {
            interrupt.set_affinity(queue)?;
            far.write(&format!("queues/rx-{queue}/rps_flow_cnt"), FLOWS)?
                .run()?;
        }
        let readers = (0..readers).map(|number| Reader::new(&cable, PORTS[1] + number));
        Ok(Self {
            sender: Sender::new(&cable.near)?,
            readers: readers.collect::<Result<_>>()?,
            cable,
        })
    }

    /// By which queues frames have come so far.
    fn by_queue(&self) -> Result<Vec<u64>> {
        let statistics = self.cable.far.statistics()?;
        let names = (0..QUEUES).map(|queue| format!("rx{queue}_packets"));
        names.map(|name| statistics.get(&name)).collect()
    }

    /// Sends that many frames and reads each: by which queues they came.
    fn exchange(&self, reader: &Reader, frames: u64) -> Result<Vec<u64>> {
        let before = self.by_queue()?;
        for _ in 0..frames {
            self.sender.send(&reader.frame)?;
            reader
                .socket
                .recv(&mut [0; 64])
                .context("nothing to read")?;
        }
        let after = self.by_queue()?;
        Ok(after
            .iter()
            .zip(before)
            .map(|(now, then)| now - then)
            .collect())
    }

    /// Waits until the frames of `reader` come by `queue`, and sees that they go on to.
    fn comes_by(&self, reader: &Reader, queue: usize) -> Result<()> {
        let mut expected = vec![0; QUEUES];
        expected[queue] = 1;
        await_that(&format!("the flow on queue {queue}"), || {
            Ok(self.exchange(reader, 1)? == expected)
        })?;
        expected[queue] = 100;
        let interrupts = Interrupt::of(&self.cable.far.name)?;
        let found = self.exchange(reader, 100)?;
        ensure!(found == expected, "by {found:?}, not {expected:?}");
        for (number, (before, after)) in interrupts
            .iter()
            .zip(Interrupt::of(&self.cable.far.name)?)
            .enumerate()
        {
            let handled = after.counts[number] > before.counts[number];
            ensure!(
                handled == (number == queue),
                "queue {number}: {before:?}, {after:?}"
            );
        }
        Ok(())
    }

    /// Nobody knows any more where flows are read.
    fn forget(&self) -> Result<()> {
        let far = &self.cable.far;
        for queue in 0..QUEUES {
            far.write(&format!("queues/rx-{queue}/rps_flow_cnt"), 0)?
                .run()?;
        }
        Ok(())
    }
}

impl Reader {
    /// At `port` of the far end.
    fn new(cable: &Cable, port: u16) -> Result<Self> {
        let far = &cable.far;
        let socket = enter(far.ns.as_deref(), || {
            let socket = UdpSocket::bind(("10.9.0.2", port))?;
            // Of one that is connected alone the kernel notes where it is read.
            socket.connect(("10.9.0.1", PORTS[0]))?;
            socket.set_read_timeout(Some(Duration::from_secs(60)))?;
            Ok(socket)
        })?;
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], far.address()?)
            .ipv4(HOSTS[0], HOSTS[1], 64)
            .udp(PORTS[0], port)
            .write(&mut frame, b"somewhere")?;
        Ok(Self { socket, frame })
    }
}

/// Whether flows follow their readers on this kernel: to other processors, if it has some.
fn can_follow(test: &str) -> Result<bool> {
    let entries = Path::new("/proc/sys/net/core/rps_sock_flow_entries");
    if std::thread::available_parallelism()?.get() < QUEUES || !entries.exists() {
        println!("skipped: {test}: this kernel has one processor, or no RFS");
        return Ok(false);
    }
    fs::write(entries, "1024")?;
    Ok(true)
}

#[test]
fn a_flow_follows_its_reader() -> Result<()> {
    if !can_follow("a_flow_follows_its_reader")? {
        return Ok(());
    }
    let reading = Reading::new(1, &[])?;
    let reader = &reading.readers[0];
    run_on(0)?;
    let before = reading.cable.far.statistics()?;
    for processor in [0, 1, 0, 1] {
        run_on(processor)?;
        reading.comes_by(reader, processor)?;
    }
    let steered = reading.cable.far.statistics()?;
    let steered = steered.since(&before, &format!("{}flow", stats::RX_STEERED_PREFIX))?;
    ensure!(steered > 0, "no flow was steered");

    // Wherever its hash puts it, the reader is elsewhere now.
    let far = &reading.cable.far;
    far.cmd(format!("ethtool -X {} weight 1 0", far.name))
        .run()?;
    run_on(1)?;
    reading.comes_by(reader, 1)?;
    let flows = dump(&Nic { id: 0 }, "arfs")?;
    let is_shown = matches!(&flows[..], [flow] if flow.matches.starts_with("port=0x1 hash=0x")
        && flow.actions == "queue=0x1");
    ensure!(is_shown, "{flows:?}");
    // The user does not want it any more: what was steered is forgotten.
    reading.forget()?;
    reading.comes_by(reader, 0)?;
    await_that("no flow shown", || {
        Ok(dump(&Nic { id: 0 }, "arfs")?.is_empty())
    })?;
    println!("{steered} frames came by a queue that the stack has chosen");
    Ok(())
}

/// As many flows follow their readers as the device has room for; the others stay where their hash puts
/// them, and are counted.
#[test]
fn flows_beyond_the_limit() -> Result<()> {
    const RESOURCE: &str = "/flows";
    if !can_follow("flows_beyond_the_limit")? {
        return Ok(());
    }
    let nic = Nic { id: 0 };
    for (size, follow) in [(0, [false, false]), (1, [true, false]), (2, [true, true])] {
        let reading = Reading::new(2, &[(RESOURCE, size)])?;
        let far = &reading.cable.far;
        far.cmd(format!("ethtool -X {} weight 1 0", far.name))
            .run()?;
        run_on(1)?;
        let refused = || far.statistics()?.get(stats::RX_FLOW_NO_ROOM);
        let mut used = 0;
        for (reader, follows) in reading.readers.iter().zip(follow) {
            let before = refused()?;
            if follows {
                reading.comes_by(reader, 1)?;
                ensure!(refused()? == before, "{size}: refused, and yet it follows");
                used += 1;
            } else {
                await_that("a flow without room", || {
                    reading.exchange(reader, 1)?;
                    Ok(refused()? > before)
                })?;
                let found = reading.exchange(reader, 100)?;
                ensure!(found == [100, 0], "{size}: by {found:?}");
            }
            let now = nic.resources()?[RESOURCE].clone();
            ensure!((now.size, now.used) == (size, used), "{now:?}");
        }
        // Those that had room keep it.
        for reader in reading.readers.iter().zip(follow).filter(|it| it.1) {
            reading.comes_by(reader.0, 1)?;
        }
        if used > 0 {
            nic.resize(RESOURCE, used - 1).run()?;
            let words = format!("resource flows: size {} asked for, {used} in use", used - 1);
            says(&nic.reload().refused()?, &[&words])?;
        }
        reading.forget()?;
        await_that("what no flow has", || {
            Ok(nic.resources()?[RESOURCE].used == 0)
        })?;
    }
    Ok(())
}

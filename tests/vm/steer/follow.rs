// SPDX-License-Identifier: GPL-2.0

//! Accelerated RFS: a flow comes by the queue whose interrupt is handled where its reader runs.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use etherparse::PacketBuilder;
use nix::sched::{sched_setaffinity, CpuSet};
use nix::unistd::Pid;
use offload_tests::cable::Cable;
use offload_tests::link::await_that;
use offload_tests::netns::enter;
use offload_tests::wire::Sender;
use offload_uapi::stats;

use crate::interrupts::Interrupt;

/// One for each processor.
const QUEUES: usize = 2;
/// Flows that the kernel knows of each queue.
const FLOWS: u32 = 256;
/// The host that sends and the one that reads, on a network of their own.
const HOSTS: [[u8; 4]; 2] = [[10, 9, 0, 1], [10, 9, 0, 2]];
const PORTS: [u16; 2] = [9, 7000];

/// A reader at the far end of a cable, and what it reads.
struct Reading {
    cable: Cable,
    sender: Sender,
    socket: UdpSocket,
    frame: Vec<u8>,
}

impl Reading {
    fn new() -> Result<Self> {
        let cable = Cable::onic_with_queues(u32::try_from(QUEUES)?, 1500)?;
        let far = &cable.far;
        far.cmd(format!("ip address add 10.9.0.2/24 dev {}", far.name))
            .run()?;
        for (queue, interrupt) in Interrupt::of(&far.name)?.iter().enumerate() {
            interrupt.set_affinity(queue)?;
            far.write(&format!("queues/rx-{queue}/rps_flow_cnt"), FLOWS)?
                .run()?;
        }
        let socket = enter(far.ns.as_deref(), || {
            let socket = UdpSocket::bind(("10.9.0.2", PORTS[1]))?;
            // Of one that is connected alone the kernel notes where it is read.
            socket.connect(("10.9.0.1", PORTS[0]))?;
            socket.set_read_timeout(Some(Duration::from_secs(60)))?;
            Ok(socket)
        })?;
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], far.address()?)
            .ipv4(HOSTS[0], HOSTS[1], 64)
            .udp(PORTS[0], PORTS[1])
            .write(&mut frame, b"somewhere")?;
        Ok(Self {
            sender: Sender::new(&cable.near)?,
            cable,
            socket,
            frame,
        })
    }

    /// By which queues frames have come so far.
    fn by_queue(&self) -> Result<Vec<u64>> {
        let statistics = self.cable.far.statistics()?;
        let names = (0..QUEUES).map(|queue| format!("rx{queue}_packets"));
        names.map(|name| statistics.get(&name)).collect()
    }

    /// Sends that many frames and reads each: by which queues they came.
    fn exchange(&self, frames: u64) -> Result<Vec<u64>> {
        let before = self.by_queue()?;
        for _ in 0..frames {
            self.sender.send(&self.frame)?;
            self.socket.recv(&mut [0; 64]).context("nothing to read")?;
        }
        let after = self.by_queue()?;
        Ok(after
            .iter()
            .zip(before)
            .map(|(now, then)| now - then)
            .collect())
    }

    /// Waits until frames come by `queue`, and sees that they go on to.
    fn comes_by(&self, queue: usize) -> Result<()> {
        let mut expected = vec![0; QUEUES];
        expected[queue] = 1;
        await_that(&format!("the flow on queue {queue}"), || {
            Ok(self.exchange(1)? == expected)
        })?;
        expected[queue] = 100;
        let interrupts = Interrupt::of(&self.cable.far.name)?;
        let found = self.exchange(100)?;
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
}

/// Has this thread run on `processor` alone.
fn run_on(processor: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(processor)?;
    sched_setaffinity(Pid::from_raw(0), &set).context("sched_setaffinity")
}

#[test]
fn a_flow_follows_its_reader() -> Result<()> {
    let entries = Path::new("/proc/sys/net/core/rps_sock_flow_entries");
    if std::thread::available_parallelism()?.get() < QUEUES || !entries.exists() {
        println!("skipped: a_flow_follows_its_reader: this kernel has one processor, or no RFS");
        return Ok(());
    }
    fs::write(entries, "1024")?;
    let reading = Reading::new()?;
    run_on(0)?;
    let before = reading.cable.far.statistics()?;
    for processor in [0, 1, 0, 1] {
        run_on(processor)?;
        reading.comes_by(processor)?;
    }
    let steered = reading.cable.far.statistics()?;
    let steered = steered.since(&before, &format!("{}flow", stats::RX_STEERED_PREFIX))?;
    ensure!(steered > 0, "no flow was steered");

    // Wherever its hash puts it, the reader is elsewhere now.
    let far = &reading.cable.far;
    far.cmd(format!("ethtool -X {} weight 1 0", far.name))
        .run()?;
    run_on(1)?;
    reading.comes_by(1)?;
    // The user does not want it any more: what was steered is forgotten.
    for queue in 0..QUEUES {
        far.write(&format!("queues/rx-{queue}/rps_flow_cnt"), 0)?
            .run()?;
    }
    reading.comes_by(0)?;
    println!("{steered} frames came by a queue that the stack has chosen");
    Ok(())
}

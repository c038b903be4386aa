// SPDX-License-Identifier: GPL-2.0

//! Memory that the kernel does not get. Each operation is tried with its first
//! allocation failing, then with its second, and so on, until it has no more: it says
//! that there is no memory and leaves everything as it was, or does without. The frames
//! of the data path are lost one by one then, and counted.
//!
//! `tests/fault/attempt.c` makes the system calls: some have no safe wrapper in Rust.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;

use anyhow::{ensure, Context, Result};
use etherparse::PacketBuilder;
use nix::errno::Errno;
use nix::sys::socket::SockProtocol;
use offload_tests::bpf::{detach, Attached, Mode};
use offload_tests::cable::Cable;
use offload_tests::env;
use offload_tests::frames::{mark, Frames};
use offload_tests::link::{await_that, Link, Statistics};
use offload_tests::module::Module;
use offload_tests::nic::Nic;
use offload_tests::qstats;
use offload_tests::wire::run::transmit_offloads;
use offload_tests::wire::vnet::{Gso, Unfinished, VnetSender};
use offload_tests::wire::Sender;
use offload_uapi::{limits, stats};

mod coalesced;
mod filters;
mod injection;
mod nics;
mod pipeline;
mod transmit;
mod vlans;

use injection::{Attempt, Case, Faults, Settings};

/// A pin in the BPF file system, removed on drop.
struct Pin(String);

impl Pin {
    /// What lies under `name` once it is pinned.
    fn new(name: &str) -> Self {
        Self(format!("/sys/fs/bpf/faults_{name}"))
    }

    /// The program `tests/bpf/OBJECT.bpf.c`, loaded for `port` but not attached.
    fn program(port: &Link, object: &str) -> Result<Self> {
        let pin = Self::new(object);
        port.cmd("bpftool prog load")
            .arg(env::object(object)?)
            .args(format!("{} type xdp offload_dev {}", pin.0, port.name))
            .run()?;
        Ok(pin)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The NIC at both ends of the cable.
const NIC: Nic = Nic { id: 0 };

/// A cable, and what is needed to look into the device.
struct Bench {
    faults: Faults,
    /// A map that programs find; goes before the module.
    map: Pin,
    cable: Cable,
}

impl Bench {
    fn new(test: &str, queues: u32) -> Result<Option<Self>> {
        let Some(faults) = Faults::new(test)? else {
            return Ok(None);
        };
        let cable = Cable::onic_with_queues(queues, 1500)?;
        let map = Pin::new("map");
        let port = &cable.far;
        port.cmd(format!("bpftool map create {} type array", map.0))
            .args(format!(
                "key 4 value 8 entries 4 name faults offload_dev {}",
                port.name
            ))
            .run()?;
        Ok(Some(Self { faults, map, cable }))
    }

    fn port(&self) -> &Link {
        &self.cable.far
    }

    /// The operation that loads a program.
    fn load(&self) -> String {
        format!("program {} {}", self.port().name, self.map.0)
    }

    /// Bytes of the device's memory in use, as it tells whoever loads a program.
    fn memory(&self) -> Result<u64> {
        let loaded = self.faults.succeed(self.port(), &self.load())?;
        let log = loaded.verifier_log;
        let (_, behind) = log
            .split_once("device memory: ")
            .with_context(|| format!("no memory in use in the verifier log: {log}"))?;
        let (number, _) = behind.split_once(' ').context("no number")?;
        Ok(number.parse()?)
    }

    /// Waits until the device has `bytes` in use: what has no user any more is freed
    /// from a work queue.
    fn await_memory(&self, bytes: u64) -> Result<()> {
        await_that(&format!("{bytes} bytes of device memory in use"), || {
            Ok(self.memory()? == bytes)
        })
    }

    /// Waits until as much of each of the device's resources is in use as was `before`.
    fn await_used(&self, before: &BTreeMap<String, u64>) -> Result<()> {
        await_that(&format!("{before:?} in use"), || Ok(NIC.used()? == *before))
    }

    /// One frame in each direction arrives on the host.
    fn traffic_flows(&self) -> Result<()> {
        for (from, to) in [
            (&self.cable.near, &self.cable.far),
            (&self.cable.far, &self.cable.near),
        ] {
            from.await_carrier()?;
            let before = to.stat("rx", "packets")?;
            Sender::new(from)?.send(&mark(0x88b7, 0))?;
            to.await_that(
                "the frame",
                |to| Ok(to.stat("rx", "packets")? == before + 1),
            )?;
        }
        Ok(())
    }

    /// The id of the program that the device runs.
    fn program(&self) -> Result<Option<u64>> {
        Ok(Attached::of(self.port(), Mode::Offload)?.map(|program| program.id))
    }

    /// It all works as ever, and the module goes.
    fn finish(self) -> Result<()> {
        detach(self.port(), Mode::Offload)?;
        self.traffic_flows()?;
        drop(self);
        ensure!(!Module::is_loaded()?, "rmmod was refused");
        Ok(())
    }
}

fn never(_: &Attempt) -> bool {
    false
}

/// Nothing of the module is there.
fn no_trace_of_the_module() -> Result<()> {
    ensure!(!Module::is_loaded()?, "the module stays loaded");
    for dir in [
        "/sys/class/net",
        "/sys/devices",
        "/sys/bus",
        "/sys/kernel/debug",
    ] {
        for entry in fs::read_dir(dir)? {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            ensure!(
                !name.starts_with("onic") && !name.starts_with("offload_nic"),
                "{dir}/{name} was left behind"
            );
        }
    }
    Ok(())
}

/// There are more than a thousand allocations, most of them the kernel's own, and each
/// attempt loads the module anew: some of them stand for all.
#[test]
fn insmod() -> Result<()> {
    const ATTEMPTS: u32 = 20;
    const FAR: u32 = 1_000_000;
    let Some(faults) = Faults::new("insmod")? else {
        return Ok(());
    };
    if Module::is_loaded()? {
        Module::remove()?;
    }
    let module = env::module()?;
    let insmod = |parameters: &str| format!("insmod {} {parameters}", module.display());
    // A parameter that is refused tells where the module's own part begins.
    let refused = insmod("queues=0");
    let first = FAR - faults.attempt(None, FAR, &refused)?.left;
    let operation = insmod("queues=1");
    let all = FAR - faults.attempt(None, FAR, &operation)?.left;
    Module::remove()?;
    ensure!(first < all, "{first} of {all} allocations before init");

    let tally = faults.each(&Case {
        operation,
        port: None,
        nths: (first, ((all - first) / ATTEMPTS).max(1) as usize),
        // The kernel itself has other words: ENODEV where a device could not be bound to its
        // driver; ENOBUFS for the sysctl tables that IP makes for an interface; EINVAL for a
        // device that could not be given its name.
        says_otherwise: |attempt| {
            [Errno::ENODEV, Errno::ENOBUFS, Errno::EINVAL].contains(&Errno::from_raw(attempt.errno))
        },
        is_undone: &no_trace_of_the_module,
        undo: &|| {
            for name in ["onic0", "onic1"] {
                Link::new(name).show()?;
            }
            Module::remove()?;
            no_trace_of_the_module()
        },
    })?;
    ensure!(tally.failed > 0, "insmod never failed");
    Bench::new("insmod", 1)?.context("skipped")?.finish()
}

#[test]
fn map_creation() -> Result<()> {
    let Some(bench) = Bench::new("map_creation", 1)? else {
        return Ok(());
    };
    let used = NIC.used()?;
    // The last one is larger than what the kernel has in one piece.
    for (kind, value_size, entries) in [("array", 8, 4), ("hash", 8, 100), ("array", 4096, 2048)] {
        let port = &bench.port().name;
        let tally = bench.faults.each(&Case {
            operation: format!("map {kind} {port} {value_size} {entries}"),
            port: Some(bench.port()),
            nths: (1, 1),
            says_otherwise: never,
            is_undone: &|| bench.await_used(&used),
            undo: &|| bench.await_used(&used),
        })?;
        ensure!(tally.failed > 0, "{kind}: never failed");
    }
    bench.finish()
}

#[test]
fn program_load() -> Result<()> {
    let Some(bench) = Bench::new("program_load", 1)? else {
        return Ok(());
    };
    let used = NIC.used()?;
    let tally = bench.faults.each(&Case {
        operation: bench.load(),
        port: Some(bench.port()),
        nths: (1, 1),
        // The kernel says EINVAL where it has no memory for its own copy of the program,
        // before anybody has looked at it.
        says_otherwise: |attempt| {
            attempt.errno == Errno::EINVAL as i32 && attempt.verifier_log.is_empty()
        },
        is_undone: &|| bench.await_used(&used),
        undo: &|| bench.await_used(&used),
    })?;
    ensure!(tally.failed > 0, "never failed");
    bench.finish()
}

#[test]
fn attaching() -> Result<()> {
    let Some(bench) = Bench::new("attaching", 1)? else {
        return Ok(());
    };
    let port = bench.port();
    let program = Pin::program(port, "pass")?;
    let link = Pin::new("link");
    let memory = bench.memory()?;
    let is_undone = || {
        ensure!(bench.program()?.is_none(), "a program is attached");
        bench.await_memory(memory)?;
        bench.traffic_flows()
    };
    let tally = bench.faults.each(&Case {
        operation: format!("link {} {} {}", port.name, program.0, link.0),
        port: Some(port),
        nths: (1, 1),
        says_otherwise: never,
        is_undone: &is_undone,
        undo: &|| {
            ensure!(bench.program()?.is_some(), "no program is attached");
            bench.traffic_flows()?;
            fs::remove_file(&link.0)?;
            await_that("the link to go", || Ok(bench.program()?.is_none()))
        },
    })?;
    ensure!(tally.failed > 0, "never failed");
    is_undone()?;
    drop(program);
    bench.finish()
}

/// A program takes the place of another one whole, or not at all.
#[test]
fn replacing() -> Result<()> {
    let Some(bench) = Bench::new("replacing", 1)? else {
        return Ok(());
    };
    let port = bench.port();
    let (old, new) = (Pin::program(port, "pass")?, Pin::program(port, "drop")?);
    let link = Pin::new("link");
    let create = format!("link {} {} {}", port.name, old.0, link.0);
    bench.faults.succeed(port, &create)?;
    let id = bench.program()?;
    let old_one_runs = || {
        ensure!(bench.program()? == id, "another program is attached");
        let before = port.statistics()?;
        bench.traffic_flows()?;
        let passed = port.statistics()?.since(&before, stats::XDP_HW_PASS)?;
        ensure!(passed == 1, "the old program passed {passed} frames, not 1");
        Ok(())
    };
    bench.faults.each(&Case {
        operation: format!("replace {} {}", link.0, new.0),
        port: Some(port),
        nths: (1, 1),
        says_otherwise: never,
        is_undone: &old_one_runs,
        undo: &|| {
            ensure!(bench.program()? != id, "the old program is attached");
            let back = format!("replace {} {}", link.0, old.0);
            bench.faults.succeed(port, &back)?;
            old_one_runs()
        },
    })?;
    fs::remove_file(&link.0)?;
    await_that("the link to go", || Ok(bench.program()?.is_none()))?;
    drop((old, new));
    bench.finish()
}

#[test]
fn ring_resize() -> Result<()> {
    // Several queues: some rings have their new size when the next one gets none.
    let Some(bench) = Bench::new("ring_resize", 4)? else {
        return Ok(());
    };
    let port = bench.port();
    let rings = || port.cmd(format!("ethtool --json -g {}", port.name)).json();
    let before = rings()?;
    for size in [limits::MIN_RING, limits::MAX_RING] {
        let tally = bench.faults.each(&Case {
            operation: format!("rings {} {size}", port.name),
            port: Some(port),
            nths: (1, 1),
            says_otherwise: never,
            is_undone: &|| {
                let now = rings()?;
                ensure!(now == before, "the rings were changed: {now}");
                bench.traffic_flows()
            },
            undo: &|| {
                let now = rings()?;
                ensure!(now[0]["rx"] == size && now[0]["tx"] == size, "{now}");
                let old = limits::DEFAULT_RING;
                port.cmd(format!("ethtool -G {} rx {old} tx {old}", port.name))
                    .run()?;
                Ok(())
            },
        })?;
        ensure!(tally.failed > 0, "{size}: never failed");
    }
    bench.finish()
}

/// While there is no memory for the addresses of its filter a port takes all frames; when the stack has
/// asked again, those that it is to take.
#[test]
fn addresses_of_the_filter() -> Result<()> {
    let Some(bench) = Bench::new("addresses_of_the_filter", 1)? else {
        return Ok(());
    };
    let port = bench.port();
    port.set("promisc off").run()?;
    let sender = Sender::new(&bench.cable.near)?;
    let is_taken = |address: [u8; 6]| -> Result<bool> {
        let before = port.statistics()?;
        let mut frame = mark(0x88b8, 1);
        frame[..6].copy_from_slice(&address);
        sender.send(&frame)?;
        let mut counts = [0; 2];
        await_that("a frame", || {
            let now = port.statistics()?;
            for (count, name) in counts
                .iter_mut()
                .zip([stats::RX_DEVICE_FRAMES, stats::RX_FILTERED])
            {
                *count = now.since(&before, name)?;
            }
            Ok(counts != [0; 2])
        })?;
        Ok(counts[0] > 0)
    };
    let (group, other) = ([3, 0xcc, 0, 0, 0, 1], [3, 0xcc, 0, 0, 0, 2]);
    let eventually = |address, expected| {
        let what = format!("{address:02x?} taken: {expected}");
        await_that(&what, || Ok(is_taken(address)? == expected))
    };
    let leave = || -> Result<()> {
        port.cmd(format!("ip maddr del 03:cc:00:00:00:01 dev {}", port.name))
            .run()?;
        eventually(group, false)
    };
    let took_all = Cell::new(0);
    let tally = bench.faults.each(&Case {
        operation: format!("group {} 03:cc:00:00:00:01", port.name),
        port: Some(port),
        nths: (1, 1),
        says_otherwise: never,
        is_undone: &|| eventually(group, false),
        undo: &|| {
            if is_taken(other)? {
                took_all.set(took_all.get() + 1);
                ensure!(is_taken(group)?, "the group is left out");
            }
            eventually(other, false)?;
            eventually(group, true)?;
            leave()
        },
    })?;
    // The stack asks again after a second: how often it is seen before that is a matter of speed.
    println!(
        "{tally:?}, {} times all were seen to be taken",
        took_all.get()
    );
    ensure!(tally.failed > 0 && tally.survived > 0, "{tally:?}");
    port.set("promisc on").run()?;
    bench.finish()
}

/// Neither the driver nor the kernel must have memory for that.
#[test]
fn going_up() -> Result<()> {
    let Some(bench) = Bench::new("going_up", 2)? else {
        return Ok(());
    };
    let port = bench.port();
    let is_up = || -> Result<bool> {
        let show = port.show()?;
        let flags = show["flags"].as_array().context("no flags")?;
        Ok(flags.iter().any(|flag| flag == "UP"))
    };
    port.set("down").run()?;
    bench.faults.each(&Case {
        operation: format!("up {}", port.name),
        port: Some(port),
        nths: (1, 1),
        says_otherwise: never,
        is_undone: &|| {
            ensure!(!is_up()?, "it is up all the same");
            Ok(())
        },
        undo: &|| {
            ensure!(is_up()?, "it is down all the same");
            bench.traffic_flows()?;
            port.set("down").run()?;
            Ok(())
        },
    })?;
    port.set("up").run()?;
    bench.finish()
}

/// What became of the frames that a device took adds up.
fn adds_up(port: &Link, before: &Statistics, rx_packets: u64) -> Result<u64> {
    let now = port.statistics()?;
    let count = |name| now.since(before, name);
    let taken = count(stats::RX_DEVICE_FRAMES)?;
    let mut sum = port.stat("rx", "packets")? - rx_packets;
    for name in [
        stats::XDP_HW_DROP,
        stats::XDP_HW_ABORTED,
        stats::XDP_HW_TX,
        stats::XDP_HW_REDIRECT,
        stats::RX_NO_BUFFER_DROPS,
        stats::RX_RUNT_DROPS,
    ] {
        sum += count(name)?;
    }
    ensure!(
        taken == sum,
        "{port} took {taken} frames, {sum} are accounted for: {now:?}"
    );
    count(stats::RX_NO_BUFFER_DROPS)
}

/// Sends `frames` as a few super-frames that the device cuts. The pages of a queue are its own, so that
/// the host allocates a buffer's head alone, and that is often one of a frame that was just sent: there
/// must be more to receive than was sent.
fn super_frames(near: &Link, frames: u64) -> Result<()> {
    const SEGMENTS: u64 = 20;
    const PAYLOAD: u16 = 1000;
    let packet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ipv4([10, 9, 0, 1], [10, 9, 0, 2], 64)
        .udp(1000, 2000);
    let payload = vec![0x5a; usize::try_from(SEGMENTS)? * usize::from(PAYLOAD)];
    let mut frame = Vec::new();
    packet.write(&mut frame, &payload)?;
    let unfinished = Unfinished {
        checksum: Some((34, 6)),
        segments: Some((Gso::UdpL4, PAYLOAD)),
        ..Unfinished::default()
    };
    let sender = VnetSender::new(near, SockProtocol::EthAll)?;
    (0..frames / SEGMENTS).try_for_each(|_| sender.send(&unfinished, &frame))
}

/// Every frame for which the host has no memory is counted, with a program and without,
/// and the next one that it has memory for arrives.
#[test]
fn frames_without_a_buffer() -> Result<()> {
    const FRAMES: u64 = 1000;
    let Some(bench) = Bench::new("frames_without_a_buffer", 1)? else {
        return Ok(());
    };
    let (near, far) = (&bench.cable.near, &bench.cable.far);
    let sender = Sender::new(near)?;
    // Without, and with their headers apart; one that only reads; one that writes; one that sends back,
    // too; one of the host, for which frames are copied to the pages of their queue. What only its sender
    // has, and nobody writes to, hardly ever needs memory.
    for (program, split, is_copied) in [
        (None, "off", false),
        (None, "on", true),
        (Some((Mode::Offload, "protocols")), "off", false),
        (Some((Mode::Offload, "stamp_a")), "off", true),
        (Some((Mode::Offload, "actions")), "off", false),
        (Some((Mode::Native, "pass")), "off", true),
    ] {
        let what = format!("{program:?}, split {split}");
        far.cmd(format!("ethtool -G {} tcp-data-split {split}", far.name))
            .run()?;
        if let Some((mode, object)) = program {
            Attached::new(far, mode, object)?;
        }
        let is_native = matches!(program, Some((Mode::Native, _)));
        // The stack would need memory to cut super-frames itself.
        transmit_offloads(near, is_native)?;
        let mut source = Frames::new(60, 1500);
        let before = [near.statistics()?, far.statistics()?];
        let packets = [near.stat("rx", "packets")?, far.stat("rx", "packets")?];
        let told = qstats::of_device(far)?;
        let scarcity = Settings::new(&[
            // Only allocations that can't wait; a packet socket's can.
            ("ignore-gfp-wait", "Y"),
            ("times", "-1"),
            ("probability", "30"),
        ])?;
        if is_native {
            super_frames(near, FRAMES)?;
        } else {
            (0..FRAMES).try_for_each(|_| sender.send(&source.next_frame()))?;
        }
        drop(scarcity);

        far.await_that("every frame", |far| {
            Ok(far
                .statistics()?
                .since(&before[1], stats::RX_DEVICE_FRAMES)?
                == FRAMES)
        })?;
        near.await_that("what comes back", |near| {
            let now = far.statistics()?;
            let count = |name| now.since(&before[1], name);
            let back = count(stats::XDP_HW_TX)?
                - count(stats::XDP_HW_TX_RING_FULL_DROPS)?
                - count(stats::XDP_HW_TX_NO_CARRIER_DROPS)?;
            Ok(near
                .statistics()?
                .since(&before[0], stats::RX_DEVICE_FRAMES)?
                == back)
        })?;
        adds_up(near, &before[0], packets[0])?;
        let now = far.statistics()?;
        // What a program of the host was to see has arrived, to all counters but this one.
        let of_native = now.since(&before[1], stats::XDP_NATIVE_NO_BUFFER_DROPS)?;
        let lost = adds_up(far, &before[1], packets[1])? + of_native;
        println!("{what}: {lost} of {FRAMES} frames found no memory");
        ensure!(
            (lost > 0 || !is_copied) && lost < FRAMES,
            "{what}: {lost} frames found no memory"
        );
        let told = qstats::of_device(far)?.since(&told)?.get("rx-alloc-fail");
        ensure!(told == lost, "{what}: rx-alloc-fail is {told}, not {lost}");
        let apart = now.since(&before[1], stats::RX_HDS_PACKETS)?;
        ensure!(
            (apart > 0) == (split == "on"),
            "{what}: {apart} split frames"
        );

        if let Some((mode, _)) = program {
            detach(far, mode)?;
        }
        bench.traffic_flows()?;
    }
    bench.finish()
}

// SPDX-License-Identifier: GPL-2.0

//! Queues that an offloaded program chooses, and frames that it makes of others.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{detach, Attached, Mode};
use offload_tests::cable::Cable;
use offload_tests::env;
use offload_tests::frames::{mark_number, MARK_PASS};
use offload_tests::link::Statistics;
use offload_tests::wire::{Capture, Sender};
use offload_uapi::stats;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::packet::{Packet, TCP, UDP};
use crate::stand::Stand;
use crate::toeplitz::toeplitz;

const QUEUES: u32 = 4;

/// The queue that `tests/bpf/spread.bpf.c` chooses, if there is one of that number.
fn chosen(source_port: u16) -> Option<u32> {
    Some(u32::from(source_port % 8)).filter(|queue| *queue < QUEUES)
}

/// Frames that are counted as lost.
fn lost(link: &Statistics) -> u64 {
    link.sum(|name| name.ends_with("_drops"))
}

#[test]
fn by_the_lowest_bits_of_the_source_port() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(env::seed()?);
    let mut stand = Stand::new(QUEUES)?;
    let far = stand.cable.far.clone();
    let count: u16 = if env::is_slow() { 100 } else { 200 };
    let mut packets: Vec<_> = (0..count).map(|port| Packet::v4(UDP, [port, 5])).collect();
    let rest = (0..count / 4).map(|_| Packet::any(&mut rng));
    packets.extend(rest.filter(|packet| packet.protocol != UDP));
    let by_tables = stand.queues(&packets)?;

    let is_chooser = |packet: &Packet| packet.protocol == UDP;
    let expected: Vec<_> = packets
        .iter()
        .zip(&by_tables)
        .map(|(packet, table)| match chosen(packet.ports[0]) {
            Some(queue) if is_chooser(packet) => Some(queue),
            _ => *table,
        })
        .collect();
    let moved = expected.iter().zip(&by_tables).filter(|(a, b)| a != b);
    let moved = moved.count() as u64;
    let beyond = packets.iter().filter(|it| is_chooser(it));
    let beyond = beyond.filter(|it| chosen(it.ports[0]).is_none()).count() as u64;
    ensure!(moved > 10 && beyond > 40, "{moved} and {beyond}");

    let program = Attached::new(&far, Mode::Offload, "spread")?;
    // With a program of the host's as well, which gets frames by another way.
    for is_native in [false, true] {
        if is_native {
            Attached::new(&far, Mode::Native, "pass")?;
        }
        // As they arrive, and in polls.
        for deferral in [0, 20_000_000] {
            far.defer_interrupts(deferral)?;
            let before = far.statistics()?;
            let found = stand.queues(&packets)?;
            for (packet, (found, expected)) in packets.iter().zip(found.iter().zip(&expected)) {
                ensure!(
                    found == expected,
                    "{packet:?} by {found:?}, not {expected:?}, native {is_native}, {deferral}"
                );
            }
            let now = far.statistics()?;
            let program = format!("{}program", stats::RX_STEERED_PREFIX);
            for (name, expected) in [
                (stats::XDP_HW_QUEUE_CHANGES, moved),
                (&program, moved),
                (stats::XDP_HW_QUEUE_OUT_OF_RANGE, beyond),
                // It sees each frame once.
                (stats::XDP_HW_PASS, packets.len() as u64),
                (stats::RX_DEVICE_FRAMES, packets.len() as u64),
                ("rx_packets", packets.len() as u64),
            ] {
                let found = match name {
                    "rx_packets" => {
                        let each =
                            |name: &str| name.starts_with("rx") && name.ends_with("_packets");
                        let queues = |link: &Statistics| {
                            link.sum(|name| each(name) && name.as_bytes()[2].is_ascii_digit())
                        };
                        queues(&now) - queues(&before)
                    }
                    name => now.since(&before, name)?,
                };
                ensure!(found == expected, "{name}: {found}, not {expected}");
            }
            ensure!(lost(&now) == lost(&before), "lost: {now:?}");
        }
    }
    far.defer_interrupts(0)?;

    // What is chosen must be in use.
    detach(&far, Mode::Native)?;
    stand.ethtool("-L", "combined 2").run()?;
    let found = stand.queues(&packets[..8])?;
    let firsts = [Some(0), Some(1)];
    ensure!(found[..2] == firsts, "{found:?}, program {}", program.id);
    ensure!(found.iter().all(|it| firsts.contains(it)), "{found:?}");
    Ok(())
}

#[test]
fn what_a_program_has_changed() -> Result<()> {
    let mut stand = Stand::new(QUEUES)?;
    let far = stand.cable.far.clone();
    stand.ethtool("-X", "equal 1").run()?;
    for rule in [
        "udp4 dst-port 7 action 3 loc 0",
        "udp4 dst-port 8 action -1 loc 1",
        "udp4 dst-port 9 action 2 loc 2",
    ] {
        stand.ethtool("-N", &format!("flow-type {rule}")).run()?;
    }
    let packets = [
        Packet::v4(UDP, [7, 1]),
        Packet::v4(UDP, [8, 1]),
        Packet::v4(UDP, [6, 9]),
        Packet::v4(UDP, [9, 9]),
        Packet::v4(TCP, [7, 1]),
    ];
    let found = stand.queues(&packets)?;
    ensure!(found == [0, 0, 2, 2, 0].map(Some), "{found:?}");
    Attached::new(&far, Mode::Offload, "other_flow")?;
    let (_, key) = stand.spread()?;
    for deferral in [0, 20_000_000] {
        far.defer_interrupts(deferral)?;
        let before = far.statistics()?;
        let seen = stand.send(&packets)?;
        let queues: Vec<_> = seen.iter().map(|it| it.map(|seen| seen.queue)).collect();
        let expected = [Some(3), None, Some(0), Some(2), Some(0)];
        ensure!(queues == expected, "{queues:?}, not {expected:?}");
        // Which is that of the frame that is handed up.
        for (port, seen) in [(7, seen[0]), (6, seen[2])] {
            let changed = Packet::v4(UDP, [port, port]);
            let (source, destination) = changed.addresses().context("no addresses")?;
            let ports = [port, port].map(u16::to_be_bytes).concat();
            let hash = toeplitz(&key, &[source, destination, ports].concat());
            ensure!(
                seen.map(|seen| seen.hash) == Some(hash),
                "{port}: {seen:?}, not {hash:#x}"
            );
        }
        let now = far.statistics()?;
        for (name, expected) in [
            (stats::XDP_HW_QUEUE_CHANGES, 2),
            (stats::RX_RULE_DROPPED, 1),
            (stats::XDP_HW_PASS, 5),
            (stats::RX_DEVICE_FRAMES, 5),
        ] {
            let found = now.since(&before, name)?;
            ensure!(found == expected, "{name}: {found}, not {expected}");
        }
    }
    Ok(())
}

/// Flows that are handed over from queue to queue, by whatever way, in rings that are small.
#[test]
fn flows_keep_their_order() -> Result<()> {
    const FLOWS: u16 = 32;
    let rounds: u32 = if env::is_slow() { 30 } else { 60 };
    let cable = Cable::onic_with_queues(QUEUES, 1500)?;
    let (near, far) = (&cable.near, &cable.far);
    far.cmd(format!("ethtool -G {} rx 64", far.name)).run()?;
    Attached::new(far, Mode::Offload, "spread")?;
    let capture = Capture::of_short(far, "udp or ether proto 0x88b5")?;
    let sender = Sender::new(near)?;
    let before = (near.statistics()?, far.statistics()?);
    let mut sent = 0_u64;
    for deferral in [0, 20_000_000, 0] {
        far.defer_interrupts(deferral)?;
        for _ in 0..rounds {
            for flow in 0..FLOWS {
                let mut frame = Packet::v4(UDP, [flow, 5]).bytes([2, 0, 0, 1, 0, 1]);
                let end = frame.len() - 4;
                frame[end..].copy_from_slice(&u32::try_from(sent)?.to_be_bytes());
                sender.send(&frame)?;
                sent += 1;
            }
        }
    }
    far.defer_interrupts(0)?;
    far.await_that("every frame", |far| {
        let (near, far) = (near.statistics()?, far.statistics()?);
        let queues = |link: &Statistics| {
            (0..QUEUES).try_fold(0, |sum, queue| {
                Ok::<_, anyhow::Error>(sum + link.get(&format!("rx{queue}_packets"))?)
            })
        };
        let came = queues(&far)? - queues(&before.1)?;
        let gone = lost(&near) + lost(&far) - lost(&before.0) - lost(&before.1);
        Ok(came + gone >= sent)
    })?;
    sender.end_batch(MARK_PASS, 1)?;
    let frames = capture.until(|frame| mark_number(MARK_PASS, frame) == Some(1))?;
    capture.stop()?;
    let now = (near.statistics()?, far.statistics()?);
    let gone = lost(&now.0) + lost(&now.1) - lost(&before.0) - lost(&before.1);

    let mut last = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for frame in &frames {
        let number = frame.last_chunk().copied().map(u32::from_be_bytes);
        let number = number.context("a short frame")?;
        let flow = number % u32::from(FLOWS);
        let before = last.insert(flow, number);
        ensure!(
            before.is_none_or(|before| before < number),
            "frame {number} of flow {flow} behind {before:?}"
        );
        ensure!(seen.insert(number), "frame {number} came twice");
    }
    ensure!(
        seen.len() as u64 + gone == sent,
        "{} of {sent} came, {gone} are counted as lost",
        seen.len()
    );
    let changes = now.1.since(&before.1, stats::XDP_HW_QUEUE_CHANGES)?;
    println!("{sent} sent, {changes} changes of queue, {gone} lost");
    ensure!(changes > sent / 8, "{changes} changes of queue");
    Ok(())
}

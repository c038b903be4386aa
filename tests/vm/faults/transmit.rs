// SPDX-License-Identifier: GPL-2.0

//! Frames that somebody has still to finish when there is no memory for that.

use std::collections::BTreeSet;

use anyhow::{ensure, Result};
use nix::sys::socket::SockProtocol;
use offload_tests::command::Cmd;
use offload_tests::frames::{mark_number, MARK_PASS};
use offload_tests::rules::GSO;
use offload_tests::wire::matrix::{self, Combination, Work};
use offload_tests::wire::run::{is_ours, packet, run, transmit_offloads};
use offload_tests::wire::vnet::VnetSender;
use offload_tests::wire::{Capture, Sender};
use offload_uapi::stats;

use super::{adds_up, Bench, Settings};

/// Some of the matrix: those that fit an MTU of 1,500.
fn some() -> Vec<Combination> {
    let fits = |c: &Combination| match c.work {
        Work::Segments(size) => size <= 1400 && c.payload < 30_000,
        _ => c.payload <= 1000,
    };
    matrix::all(&[])
        .into_iter()
        .filter(fits)
        .step_by(19)
        .collect()
}

/// Whoever finishes a frame and gets no memory for it, loses the frame and counts that. What arrives
/// is what arrives with memory, also if a program that says the same is asked for the headers of segments.
#[test]
fn unfinished_frames() -> Result<()> {
    let Some(bench) = Bench::new("unfinished_frames", 1)? else {
        return Ok(());
    };
    let (near, far) = (&bench.cable.near, &bench.cable.far);
    transmit_offloads(near, true)?;
    // Segments have the headers of tunnels on top of what is cut.
    far.set("mtu 2000").run()?;
    let combinations = some();
    let intact = run(near, far, &combinations)?;
    let total: u64 = intact.iter().map(|frames| frames.len() as u64).sum();
    let intact: BTreeSet<_> = intact.into_iter().flatten().collect();
    let sender = VnetSender::new(near, SockProtocol::EthAll)?;
    let marks = Sender::new(near)?;
    let sample = GSO.sample()?;
    for (profile, has_program) in [
        ("programmable", false),
        ("legacy", false),
        ("none", false),
        ("none", true),
        ("programmable", true),
    ] {
        Cmd::new(format!(
            "devlink dev param set offload_nic/offload_nic0 name profile value {profile} \
             cmode runtime"
        ))
        .run()?;
        if has_program {
            // Without memory for what it is shown it has no say.
            GSO.load(near, &sample, "--in-kernel")?;
        }
        let capture = Capture::start(far, "")?;
        let before = [near.statistics()?, far.statistics()?];
        let packets = [near.stat("tx", "packets")?, far.stat("rx", "packets")?];
        let scarcity = Settings::new(&[
            // Only allocations that can't wait; a packet socket's can.
            ("ignore-gfp-wait", "Y"),
            ("times", "-1"),
            ("probability", "10"),
        ])?;
        let sent = combinations.iter().enumerate().try_for_each(|(number, c)| {
            let packet = packet(number, c);
            match sender.send(&packet.unfinished, &packet.bytes) {
                // The stack had no memory before the driver saw the frame.
                Err(error) if error.chain().any(|cause| cause.to_string().contains("ENO")) => {
                    Ok(())
                }
                other => other,
            }
        });
        drop(scarcity);
        sent?;
        marks.end_batch(MARK_PASS, 1)?;
        let arrived = capture.until(|frame| mark_number(MARK_PASS, frame) == Some(1))?;
        for frame in arrived.iter().filter(|frame| is_ours(frame)) {
            ensure!(
                intact.contains(frame),
                "{profile}: a frame that nobody sent: {frame:02x?}"
            );
        }
        let lost = {
            let now = near.statistics()?;
            let count = |name: &str| now.since(&before[0], name);
            count(stats::TX_CSUM_DROPS)? + count(stats::TX_GSO_DROPS)?
        };
        if has_program {
            let now = near.statistics()?;
            let count = |name: &str| now.since(&before[0], name);
            let heard = count(stats::TX_GSO_PROG_PACKETS)?;
            let (overruled, unsaid) = (
                count(stats::TX_GSO_PROG_OVERRULED)?,
                count(stats::TX_GSO_PROG_FAULTS)?,
            );
            println!("{profile}: heard for {heard} segments, said nothing for {unsaid}");
            ensure!(
                heard > 0 && overruled == 0 && (unsaid > 0) == (profile == "none"),
                "{profile}: {heard} heard, {overruled} overruled, {unsaid} unsaid"
            );
        }
        let sent = near.stat("tx", "packets")? - packets[0];
        far.await_that("every frame", |far| {
            let taken = far
                .statistics()?
                .since(&before[1], stats::RX_DEVICE_FRAMES)?;
            Ok(taken == sent)
        })?;
        let without_buffer = adds_up(far, &before[1], packets[1])?;
        println!(
            "{profile}: of {total} frames {sent} sent, {lost} times no memory on transmit, \
             {without_buffer} times on receive, {} arrived",
            arrived.len()
        );
        ensure!(lost + without_buffer > 0, "{profile}: nothing was lost");
        ensure!(!arrived.is_empty(), "{profile}: everything was lost");
    }
    bench.finish()
}

// SPDX-License-Identifier: GPL-2.0

//! Frames that the device puts together when there is no memory for that.

use anyhow::{ensure, Context, Result};
use etherparse::PacketBuilder;
use offload_tests::frames::{mark_number, MARK_PASS};
use offload_tests::gro::{await_batches, ethtool, BATCH};
use offload_tests::wire::vnet::VnetTap;
use offload_tests::wire::Sender;
use offload_uapi::stats;

use super::{adds_up, Bench, Settings};

/// Segments in a row.
const SEGMENTS: usize = 6000;
/// Bytes in each of those whose memory is worth keeping, and of those that are copied behind each other.
const LARGE: usize = 1000;
const SMALL: usize = 300;
/// Bytes of headers.
const HEADERS: usize = 14 + 20 + 20;

/// What the stream has at `at`.
fn byte(at: usize) -> u8 {
    (at * 31 + at / 251) as u8
}

/// Segment number `index`, with `size` bytes.
fn segment(target: [u8; 6], index: usize, size: usize) -> Result<Vec<u8>> {
    let payload: Vec<u8> = (index * size..(index + 1) * size).map(byte).collect();
    let mut packet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], target)
        .ipv4([10, 9, 0, 1], [10, 9, 0, 2], 64)
        .tcp(1000, 2000, u32::try_from(index * size)?, 1000);
    packet = packet.ack(1);
    let mut frame = Vec::new();
    packet.write(&mut frame, &payload)?;
    Ok(frame)
}

/// What waits goes up, and what there is no memory for behind it goes up alone; what stays where it is needs
/// none. Each byte of the stream that comes is where it was, and each frame is accounted for.
#[test]
fn coalesced_frames() -> Result<()> {
    let Some(bench) = Bench::new("coalesced_frames", 1)? else {
        return Ok(());
    };
    let alone = with_scarcity(&bench, SMALL, 70)?;
    ensure!(
        alone > 0,
        "there was always memory to put frames behind others"
    );
    let alone = with_scarcity(&bench, LARGE, 70)?;
    ensure!(
        alone == 0,
        "{alone} frames were not put behind others that need no memory for that"
    );
    bench.finish()
}

/// What can't be kept to be compared, or be cut, is not compared, and nothing else comes of it.
#[test]
fn audited_frames() -> Result<()> {
    let Some(bench) = Bench::new("audited_frames", 1)? else {
        return Ok(());
    };
    let far = &bench.cable.far;
    let audit = |args: &str| {
        let line = format!("gro audit {} --json {args}", far.name);
        far.offloadctl(line)?.json()
    };
    audit("--one-in 1")?;
    // Few frames in each, so that there is memory for all that some need.
    far.set("gro_ipv4_max_size 6000").run()?;
    for probability in [70, 4] {
        with_scarcity(&bench, LARGE, probability)?;
    }
    let told = &audit("")?[0];
    println!("{told}");
    ensure!(
        told["different"] == 0 && told["lossy"] == 0,
        "there is a difference: {told:#}"
    );
    for name in ["audited", "left_out"] {
        ensure!(told[name].as_u64() > Some(0), "{name} is 0: {told:#}");
    }
    audit("--one-in 0")?;
    bench.finish()
}

/// Has frames of a stream, with `size` bytes in each, put together while so many per cent of the allocations
/// that can't wait fail, and gives how many there was no memory for behind others.
fn with_scarcity(bench: &Bench, size: usize, probability: u8) -> Result<u64> {
    let (near, far) = (&bench.cable.near, &bench.cable.far);
    ethtool(far, "rx on gro off rx-gro-hw on")?;
    // So that there is something to be put together.
    await_batches(far, BATCH)?;
    let target = far.address()?;
    let (sender, tap) = (Sender::new(near)?, VnetTap::new(far)?);
    let before = far.statistics()?;
    let packets = [near.stat("tx", "packets")?, far.stat("rx", "packets")?];
    let scarcity = Settings::new(&[
        // Only allocations that can't wait; a packet socket's can.
        ("ignore-gfp-wait", "Y"),
        ("times", "-1"),
        ("probability", &probability.to_string()),
    ])?;
    let sent = (0..SEGMENTS).try_for_each(|index| sender.send(&segment(target, index, size)?));
    drop(scarcity);
    sent?;
    sender.end_batch(MARK_PASS, 1)?;
    let received = tap.until(|frame| mark_number(MARK_PASS, frame) == Some(1))?;
    let mut together = 0;
    for packet in &received {
        let sequence = packet.frame.get(38..42).context("no TCP")?;
        let at = sequence
            .iter()
            .fold(0, |at, byte| at << 8 | usize::from(*byte));
        let payload = &packet.frame[HEADERS..];
        let is_there = payload
            .iter()
            .copied()
            .eq((at..at + payload.len()).map(byte));
        ensure!(is_there, "other bytes at {at} than were sent");
        together += usize::from(packet.segments.is_some());
    }
    let sent = near.stat("tx", "packets")? - packets[0];
    far.await_that("every frame", |far| {
        let taken = far.statistics()?.since(&before, stats::RX_DEVICE_FRAMES)?;
        Ok(taken == sent)
    })?;
    let lost = adds_up(far, &before, packets[1])?;
    let alone = far
        .statistics()?
        .since(&before, stats::RX_HW_GRO_NO_BUFFER)?;
    println!(
        "{sent} frames sent, {lost} lost without a buffer, {alone} alone without one; {} packets, {together} \
         of several frames",
        received.len()
    );
    ensure!(together > 0, "nothing was put together");
    Ok(alone)
}

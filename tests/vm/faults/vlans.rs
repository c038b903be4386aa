// SPDX-License-Identifier: GPL-2.0

//! Frames with a VLAN tag for which there is no memory.

use anyhow::{ensure, Result};
use offload_tests::frames::{mark_number, MARK_PASS};
use offload_tests::streams;
use offload_tests::wire::{Capture, Sender, Tap};
use offload_uapi::stats;

use super::{Bench, Settings};

/// Fewer than a packet socket keeps.
const FRAMES: u64 = 150;
const PAYLOAD: usize = 64;

/// A frame that a packet socket has a clone of needs another head for its tag. Without memory for that it is
/// lost and counted; those that arrive have the tag.
#[test]
fn tags_without_memory() -> Result<()> {
    let Some(bench) = Bench::new("tags_without_memory", 1)? else {
        return Ok(());
    };
    let (near, far) = (&bench.cable.near, &bench.cable.far);
    let socket = streams::over_vlan(near, far, 7)?;
    let (marks, capture) = (Sender::new(near)?, Capture::start(far, "")?);
    let tap = Tap::new(near)?;
    let before = near.statistics()?;
    let scarcity = Settings::new(&[
        // Only allocations that can't wait; a socket's can.
        ("ignore-gfp-wait", "Y"),
        ("times", "-1"),
        ("probability", "20"),
    ])?;
    let mut sent = 0;
    for number in 0..FRAMES {
        let text = [number as u8; PAYLOAD];
        // The stack may have had no memory before the driver saw the frame.
        sent += u64::from(socket.send(&text).is_ok());
    }
    drop(scarcity);
    marks.end_batch(MARK_PASS, 1)?;
    let arrived = capture.until(|frame| mark_number(MARK_PASS, frame) == Some(1))?;
    let now = near.statistics()?;
    let (lost, tags) = (
        now.since(&before, stats::TX_VLAN_DROPS)?,
        now.since(&before, stats::TX_HW_VLAN_TAGS)?,
    );
    println!(
        "{sent} sent, {tags} tags put in, {lost} times no memory, {} arrived, {} tapped",
        arrived.len(),
        tap.frames()?.len()
    );
    for frame in &arrived {
        let (number, is_tagged) = (frame[frame.len() - 1], frame[12..16] == [0x81, 0, 0, 7]);
        let is_whole = frame.ends_with(&[number; PAYLOAD]);
        ensure!(is_tagged && is_whole, "not as it was sent: {frame:02x?}");
    }
    ensure!(lost > 0 && tags > 0 && !arrived.is_empty());
    ensure!(arrived.len() as u64 <= tags && tags + lost <= FRAMES);
    bench.finish()
}

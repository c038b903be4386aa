// SPDX-License-Identifier: GPL-2.0

//! Frames that come one by one and are put together in the device (`rx-gro-hw`): the stack gets what its own
//! GRO would have made of them, and what leaves again is what was on the first wire.

use anyhow::{ensure, Result};
use offload_tests::env;
use offload_tests::gro::equality::Plan;
use offload_tests::gro::{batch, equality, ethtool, By, Stand, BATCH};
use offload_tests::qstats;
use offload_tests::until::Until;
use offload_tests::wire::vnet::VnetTap;
use offload_uapi::stats;

#[path = "../../../module/engine/tests/coalesce/frames.rs"]
#[allow(dead_code, reason = "the engine's tests use the rest")]
pub(super) mod frames;

use frames::{Frame, Ip, DO_NOT_FRAGMENT, PSH};

pub(super) fn sequences() -> u64 {
    if env::is_slow() {
        150
    } else {
        2000
    }
}

/// Segment number `index` of a flow, with `len` bytes in each.
pub(super) fn segment(target: [u8; 6], index: usize, len: usize, flags: u8) -> Vec<u8> {
    let ip = Ip::V4 {
        tos: 0,
        id: index as u16,
        fragment: DO_NOT_FRAGMENT,
        ttl: 64,
        source: [10, 12, 0, 1],
        target: [10, 12, 0, 2],
        options: 0,
    };
    let payload = (0..len).map(|at| (index + at) as u8).collect();
    let mut frame = Frame::segment_at(&[ip], index * len, payload);
    frame.target = target;
    frame.tcp.flags |= flags;
    frame.bytes()
}

/// Frame by frame and segment by segment, for thousands of sequences with all that may befall a flow.
/// `cargo xtask hunt --gro` goes on for as long as one likes.
#[test]
fn what_the_kernel_would_make() -> Result<()> {
    let count = sequences();
    let plan = Plan {
        seed: 0,
        first: 0,
        until: Until::Count(count),
    };
    let report = equality::compare(&plan, |_| {})?;
    println!("{report}");
    ensure!(report.findings.is_empty(), "{}", report.findings.join("\n"));
    ensure!(report.again * 4 <= count, "most were tried again: {report}");
    ensure!(report.together > count / 2, "hardly any was put together");
    ensure!(report.audited > 0, "the kernel has cut nothing again");
    Ok(())
}

#[test]
fn counted_as_what_was_on_the_wire() -> Result<()> {
    let stand = Stand::new(2)?;
    let far = stand.far();
    stand.put_together(By::Device)?;
    stand.await_batches()?;
    let (count, len) = (10, 1000);
    let mut frames: Vec<_> = (0..count)
        .map(|index| segment(stand.target, index, len, if index == 9 { PSH } else { 0 }))
        .collect();
    // More flows than there are places, and one alone that ends with time.
    for flow in 0..3 {
        let mut frame = segment(stand.target, 0, len, 0);
        let [high, low] = 3000_u16.wrapping_add(flow).to_be_bytes();
        (frame[34], frame[35]) = (high, low);
        // The port before and the checksum: what one has more the other has less.
        let ports = 3000 + flow - 1000;
        let check = u16::from_be_bytes([frame[50], frame[51]]);
        let (check, borrow) = check.overflowing_sub(ports);
        let check = check.wrapping_sub(u16::from(borrow)).to_be_bytes();
        frame[50..52].copy_from_slice(&check);
        frames.push(frame);
    }
    let before = far.statistics()?;
    let packets = far.stat("rx", "packets")?;
    let received = stand.exchange(&batch(stand.target, &frames))?;
    let several: Vec<_> = received
        .iter()
        .filter(|packet| packet.segments.is_some())
        .collect();
    let [one] = several[..] else {
        anyhow::bail!("{} of several", several.len());
    };
    ensure!(
        one.frame.len() == 54 + count * len,
        "{} bytes",
        one.frame.len()
    );
    ensure!(one.segments == Some((1, len as u16)) && one.checksum == Some((34, 16)));
    let now = far.statistics()?;
    for (name, expected) in [
        (stats::RX_HW_GRO_PACKETS, 1),
        (stats::RX_HW_GRO_BYTES, 54 + count * len),
        (stats::RX_HW_GRO_WIRE_PACKETS, count),
        (stats::RX_HW_GRO_WIRE_BYTES, count * (54 + len)),
        (stats::RX_HW_GRO_EVICTED, 1),
        (stats::RX_HW_GRO_TIMED_OUT, 2),
        (stats::RX_CSUM_COMPLETE, BATCH - count),
        (stats::RX_DEVICE_FRAMES, BATCH),
    ] {
        let counted = now.since(&before, name)?;
        ensure!(
            counted == expected as u64,
            "{name}: {counted}, not {expected}"
        );
    }
    let packets = far.stat("rx", "packets")? - packets;
    ensure!(packets == BATCH as u64, "{packets} packets");
    let told = qstats::of_device(far)?;
    ensure!(told.get("rx-hw-gro-packets") == 1, "{told:?}");
    ensure!(
        told.get("rx-hw-gro-wire-packets") == count as u64,
        "{told:?}"
    );
    Ok(())
}

/// Frames of several polls are put together as long as there is patience, and go up when there is none.
#[test]
fn over_several_polls() -> Result<()> {
    let stand = Stand::new(64)?;
    let far = stand.far();
    stand.put_together(By::Device)?;
    // Each frame has a poll of its own.
    far.write("gro_flush_timeout", 400_000_000_u64)?.run()?;
    let frames: Vec<_> = (0..5)
        .map(|index| segment(stand.target, index, 500, 0))
        .collect();
    let received = stand.exchange(&frames)?;
    ensure!(received.len() == 1, "{} packets", received.len());
    // Without a word of the user's nothing waits long either.
    far.write("gro_flush_timeout", 0)?.run()?;
    let received = stand.exchange(&frames[..1])?;
    ensure!(received[0].frame == frames[0], "another frame");
    let timed_out = far.statistics()?.get(stats::RX_HW_GRO_TIMED_OUT)?;
    ensure!(timed_out == 2, "{timed_out} timed out");
    Ok(())
}

/// LRO is the same to the device, counts for itself, and goes where packets are forwarded.
#[test]
fn as_large_receive_offload() -> Result<()> {
    let stand = Stand::new(64)?;
    let far = stand.far();
    stand.put_together(By::Device)?;
    ethtool(far, "rx-gro-hw off large-receive-offload on")?;
    stand.await_batches()?;
    let frames: Vec<_> = (0..4)
        .map(|index| segment(stand.target, index, 500, 0))
        .collect();
    let before = far.statistics()?;
    let received = stand.exchange(&batch(stand.target, &frames))?;
    ensure!(received.len() == BATCH - 3, "{} packets", received.len());
    let now = far.statistics()?;
    for (name, expected) in [
        (stats::RX_LRO_PACKETS, 1),
        (stats::RX_LRO_BYTES, 54 + 2000),
        (stats::RX_LRO_WIRE_PACKETS, 4),
        (stats::RX_LRO_WIRE_BYTES, 4 * (54 + 500)),
        (stats::RX_HW_GRO_PACKETS, 0),
    ] {
        let counted = now.since(&before, name)?;
        ensure!(counted == expected, "{name}: {counted}, not {expected}");
    }
    far.cmd("sysctl -q net.ipv4.ip_forward=1").run()?;
    let received = stand.exchange(&batch(stand.target, &frames))?;
    ensure!(received.len() == BATCH, "{} packets", received.len());
    Ok(())
}

/// What waits while the port goes down is lost as all that is under way, and counted; and it begins anew.
#[test]
fn nothing_waits_in_a_port_that_is_down() -> Result<()> {
    let stand = Stand::new(64)?;
    let far = stand.far();
    stand.put_together(By::Device)?;
    far.write("gro_flush_timeout", 60_000_000_000_u64)?.run()?;
    let frames: Vec<_> = (0..3)
        .map(|index| segment(stand.target, index, 500, 0))
        .collect();
    let before = far.statistics()?;
    stand.send(&frames)?;
    far.await_that("all frames in the device", |far| {
        Ok(far.statistics()?.since(&before, stats::RX_DEVICE_FRAMES)? == 3)
    })?;
    ensure!(stand.tap.is_empty()?, "they went up");
    far.set("down").run()?;
    let lost = far.statistics()?.since(&before, stats::RX_DOWN_DROPS)?;
    ensure!(lost == 3, "{lost} lost");
    far.set("up").run()?;
    for link in [&stand.cable.near, far] {
        link.await_carrier()?;
    }
    let tap = VnetTap::new(far)?;
    let ending = segment(stand.target, 3, 500, PSH);
    stand.sender.send(&ending)?;
    let received = tap.next(1)?;
    ensure!(received[0].frame == ending, "another frame");
    Ok(())
}

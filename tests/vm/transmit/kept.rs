// SPDX-License-Identifier: GPL-2.0

//! Where the bytes lie of frames that the device puts together: where they came, or in pages to which the
//! small ones are copied. The stack gets the same of both.

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{detach, Attached, Mode};
use offload_tests::gro::{ethtool, By, Stand};
use offload_uapi::stats;

use crate::gro::frames::PSH;
use crate::gro::segment;
use crate::whole::{cable, switch, transfer, FAR};

/// More segments than a frame has pages.
const SEGMENTS: usize = 44;
/// Bytes of headers.
const HEADERS: usize = 14 + 20 + 20;
/// How long frames wait, in nanoseconds: each has a poll of its own.
const PATIENCE: u64 = 2_000_000_000;

/// Large ones, which stay where they came, and small ones.
#[test]
fn segments_of_any_size() -> Result<()> {
    let stand = Stand::new(64)?;
    stand.put_together(By::Device)?;
    stand.far().write("gro_flush_timeout", PATIENCE)?.run()?;
    for len in [1400, 1, 700, 100, 1400] {
        let frames: Vec<_> = (0..SEGMENTS)
            .map(|index| {
                let is_last = index + 1 == SEGMENTS;
                segment(stand.target, index, len, if is_last { PSH } else { 0 })
            })
            .collect();
        let received = stand.exchange(&frames)?;
        ensure!(received.len() == 1, "{len}: {} packets", received.len());
        let payload = received[0].frame.get(HEADERS..).context("no payload")?;
        let sent: Vec<_> = frames.iter().flat_map(|frame| &frame[HEADERS..]).collect();
        ensure!(payload.iter().eq(sent), "{len}: other bytes");
    }
    Ok(())
}

/// TCP whose segments were cut by the sender's stack, and those that the device has cut, for a program: no byte
/// is another one, and what was put together is cut again into what was on the wire.
#[test]
fn tcp_that_comes_in_segments() -> Result<()> {
    let cable = cable()?;
    let (near, far) = (&cable.near, &cable.far);
    switch(far, "on")?;
    far.offloadctl(format!("gro audit {} --one-in 3", far.name))?
        .run()?;
    for (tso, program) in [("off", None), ("on", Some("pass"))] {
        ethtool(near, &format!("tso {tso}"))?;
        if let Some(program) = program {
            Attached::new(far, Mode::Offload, program)?;
        }
        let before = far.statistics()?;
        transfer(near, far, FAR)?;
        let wire = far
            .statistics()?
            .since(&before, stats::RX_HW_GRO_WIRE_PACKETS)?;
        println!("tso {tso}: {wire} segments were put together");
        ensure!(wire > 0, "tso {tso}: nothing was put together");
    }
    detach(far, Mode::Offload)?;
    let line = format!("gro audit {} --json", far.name);
    let told = &far.offloadctl(line)?.json()?[0];
    ensure!(
        told["audited"].as_u64() > Some(0) && told["different"] == 0,
        "{told:#}"
    );
    Ok(())
}

// SPDX-License-Identifier: GPL-2.0

//! Replacing a program while frames come in: none is lost, and each meets the old program or the
//! new one, never some of both.

use anyhow::{bail, ensure, Result};

use crate::cable::Cable;
use crate::env;
use crate::frames::{mark, mark_number, MARK_PASS};
use crate::wire::{Capture, Sender};

/// The EtherType that `tests/bpf/stamp.h` and `tests/bpf/tc_stamp.h` stamp.
const STAMP: u16 = 0x88b7;

/// Sends frames over `cable` while `swap` puts the programs with even and with odd numbers, which
/// stamp `A` and `B` in two places, in each other's place.
///
/// # Errors
///
/// Where a frame is lost, or met some of both, or one program never ran.
pub fn live_swap(cable: &Cable, swap: impl Fn(usize) -> Result<()> + Sync) -> Result<()> {
    swap(0)?;
    let sender = Sender::new(&cable.near)?;
    let capture = Capture::start(&cable.far, "")?;
    let swaps = if env::is_slow() { 10 } else { 60 };
    let (sent, arrived) = std::thread::scope(|scope| -> Result<_> {
        let swapper = scope.spawn(|| (1..=swaps).try_for_each(&swap));
        // Frames go on for as long as programs are replaced.
        let mut sent = 0;
        let mut arrived = Vec::new();
        while !swapper.is_finished() {
            for _ in 0..100 {
                sender.send(&mark(STAMP, sent))?;
                sent += 1;
            }
            sender.end_batch(MARK_PASS, sent)?;
            arrived.extend(capture.until(|frame| mark_number(MARK_PASS, frame) == Some(sent))?);
        }
        swapper
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok((sent, arrived))
    })?;
    capture.stop()?;
    ensure!(
        arrived.len() == sent as usize,
        "{} of {sent} arrived",
        arrived.len()
    );
    let mut seen = [0_usize; 2];
    for (number, frame) in (0..).zip(&arrived) {
        ensure!(
            mark_number(STAMP, frame) == Some(number),
            "frame {number} is missing or late"
        );
        match (frame[20], frame[40]) {
            (b'A', b'A') => seen[0] += 1,
            (b'B', b'B') => seen[1] += 1,
            stamps => bail!("frame {number} met a mixture: {stamps:?}"),
        }
    }
    println!("{sent} frames, {swaps} swaps: {seen:?} by each program");
    ensure!(
        seen.iter().all(|count| *count > 0),
        "only one program ever ran"
    );
    Ok(())
}

// SPDX-License-Identifier: GPL-2.0

//! Replacing a program while frames come in: none is lost, and each meets the old program or the
//! new one, never some of both.

use anyhow::{bail, ensure, Result};

use crate::cable::Cable;
use crate::env;
use crate::traffic::each_arrives;

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
    let swaps = if env::is_slow() { 10 } else { 60 };
    let arrived = each_arrives(cable, STAMP, || (1..=swaps).try_for_each(&swap))?;
    let mut seen = [0_usize; 2];
    for (number, frame) in arrived.iter().enumerate() {
        match (frame[20], frame[40]) {
            (b'A', b'A') => seen[0] += 1,
            (b'B', b'B') => seen[1] += 1,
            stamps => bail!("frame {number} met a mixture: {stamps:?}"),
        }
    }
    println!(
        "{} frames, {swaps} swaps: {seen:?} by each program",
        arrived.len()
    );
    ensure!(
        seen.iter().all(|count| *count > 0),
        "only one program ever ran"
    );
    Ok(())
}

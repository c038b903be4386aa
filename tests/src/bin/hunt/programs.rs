// SPDX-License-Identifier: GPL-2.0

//! Programs that do something else in the device than on the kernel.

use anyhow::Result;
use offload_tests::hunt::run::{Hunt, Plan};

use super::{tell, Wish};

/// Frames for each program: as many as it takes for the run of a program to cost more than its load.
const FRAMES: usize = 100;

/// Whether there is none.
pub(super) fn hunt(wish: &Wish) -> Result<bool> {
    let (first, until) = wish.range();
    let plan = Plan {
        seed: wish.seed,
        first,
        until,
        frames: FRAMES,
    };
    let mut told = 0;
    let report = Hunt::new()?.run(&plan, |report| {
        tell(&report.findings, &mut told);
        println!("{report}");
    })?;
    println!("{}", report.coverage);
    for (reason, count) in &report.not_compared {
        println!("not compared: {count}: {reason}");
    }
    for (complaint, count) in &report.complaints {
        println!("of the refused by the verifier that were asked: {count}: {complaint}");
    }
    for hole in report.coverage.holes() {
        println!("not reached: {hole}");
    }
    tell(&report.findings, &mut told);
    println!("seed {}: {report}", wish.seed);
    Ok(report.findings.is_empty())
}

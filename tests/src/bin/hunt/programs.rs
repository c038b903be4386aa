// SPDX-License-Identifier: GPL-2.0

//! Programs that do something else in the device than on the kernel.

use std::time::Duration;

use anyhow::Result;
use offload_tests::hunt::run::{Hunt, Plan, Until};

use super::Wish;

/// Frames for each program: as many as it takes for the run of a program to cost more than its load.
const FRAMES: usize = 100;

/// Whether there is none.
pub(super) fn hunt(wish: &Wish) -> Result<bool> {
    let plan = Plan {
        seed: wish.seed,
        first: wish.number.unwrap_or(0),
        until: match wish.number {
            None => Until::Elapsed(Duration::from_secs(60 * wish.minutes)),
            Some(_) => Until::Programs(1),
        },
        frames: FRAMES,
    };
    let mut told = 0;
    let report = Hunt::new()?.run(&plan, |report| {
        // One who waits for the end may wait for an hour.
        for finding in &report.findings[told..] {
            println!("\n{finding}");
        }
        told = report.findings.len();
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
    for finding in &report.findings[told..] {
        println!("\n{finding}");
    }
    println!("seed {}: {report}", wish.seed);
    Ok(report.findings.is_empty())
}

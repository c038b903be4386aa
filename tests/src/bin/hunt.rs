// SPDX-License-Identifier: GPL-2.0

//! Looks for programs that do something else in the device than on the kernel: `hunt MINUTES SEED`.
//! `hunt 0 SEED NUMBER` tries one program again.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{bail, Result};
use offload_tests::hunt::run::{Hunt, Plan, Until};

/// Frames for each program: as many as it takes for the run of a program to cost more than its load.
const FRAMES: usize = 100;

fn main() -> Result<ExitCode> {
    let numbers = std::env::args()
        .skip(1)
        .map(|argument| argument.parse::<u64>())
        .collect::<Result<Vec<_>, _>>()?;
    let [minutes, seed, one @ ..] = &numbers[..] else {
        bail!("hunt MINUTES SEED [NUMBER]");
    };
    let plan = Plan {
        seed: *seed,
        first: one.first().copied().unwrap_or(0),
        until: match one.is_empty() {
            true => Until::Elapsed(Duration::from_secs(60 * minutes)),
            false => Until::Programs(1),
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
    println!("seed {seed}: {report}");
    Ok(match report.findings.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

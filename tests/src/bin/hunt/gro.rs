// SPDX-License-Identifier: GPL-2.0

//! Sequences of frames that the device puts together otherwise than the kernel's GRO.

use std::time::Duration;

use anyhow::Result;
use offload_tests::gro::equality::{compare, Plan, Until};

use super::Wish;

/// Whether there is none.
pub(super) fn hunt(wish: &Wish) -> Result<bool> {
    let plan = Plan {
        seed: wish.seed,
        first: wish.number.unwrap_or(0),
        until: match wish.number {
            None => Until::Elapsed(Duration::from_secs(60 * wish.minutes)),
            Some(_) => Until::Sequences(1),
        },
    };
    let mut told = 0;
    let report = compare(&plan, |report| {
        // One who waits for the end may wait for an hour.
        for finding in &report.findings[told..] {
            println!("\n{finding}");
        }
        told = report.findings.len();
        println!("{report}");
    })?;
    println!("seed {}: {report}", wish.seed);
    Ok(report.findings.is_empty())
}

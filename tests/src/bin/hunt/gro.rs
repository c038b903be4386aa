// SPDX-License-Identifier: GPL-2.0

//! Sequences of frames that the device puts together otherwise than the kernel's GRO.

use anyhow::Result;
use offload_tests::gro::equality::{compare, Plan};

use super::{tell, Wish};

/// Whether there is none.
pub(super) fn hunt(wish: &Wish) -> Result<bool> {
    let (first, until) = wish.range();
    let plan = Plan {
        seed: wish.seed,
        first,
        until,
    };
    let mut told = 0;
    let report = compare(&plan, |report| {
        tell(&report.findings, &mut told);
        println!("{report}");
    })?;
    println!("seed {}: {report}", wish.seed);
    Ok(report.findings.is_empty())
}

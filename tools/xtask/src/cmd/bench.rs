// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask bench`: speed, as ratios measured in one guest.

use anyhow::Result;

use super::{TargetOptions, Workshop};
use crate::cargo;
use crate::guest::Output;
use crate::session::Session;
use crate::ui;

/// Measures frames per second in one guest and prints ratios
///
/// On User Mode Linux with one processor unless told otherwise: it runs kernel
/// code at native speed, which QEMU does under KVM only, and with a second
/// processor its numbers say more about its locks than about the code.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Measure under QEMU (worth something under KVM only)
    #[arg(long)]
    qemu: bool,
    /// Arguments for the benchmark
    #[arg(last = true, value_name = "ARG")]
    arguments: Vec<String>,
}

impl Args {
    /// Runs the command; its exit status.
    pub(crate) fn run(self) -> Result<i32> {
        let workshop = Workshop::open()?;
        let bench = cargo::vm_binary(&workshop, "bench")?;
        let kernel = workshop.choose(&TargetOptions::machine(self.qemu))?;
        let mut session = Session::new(&workshop, kernel)?;
        session.cpus(1);
        ui::say(if self.qemu {
            "Measuring under QEMU"
        } else {
            "Measuring on User Mode Linux, one processor"
        });
        let mut argv = vec![bench.display().to_string()];
        argv.extend(self.arguments);
        let outcome = session.run(Some(argv), Output::Pass)?;
        outcome.report();
        Ok(outcome.code())
    }
}

// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask stress`: everything at once, for half an hour, on a debug kernel.

use std::time::Duration;

use anyhow::Result;

use super::{Debug, TargetOptions};
use crate::cargo;
use crate::guest::Output;
use crate::session::Session;
use crate::ui;
use crate::workshop::Workshop;

/// Time for the boot, the last check and the hunt for leaks.
const MARGIN: Duration = Duration::from_secs(1200);

/// Does everything to NICs at once, under traffic, and judges what is left
///
/// On the debug kernel for memory errors unless told otherwise; `--debug=locking`
/// is the one that knows lock trouble and leaks.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The debug kernel
    #[arg(
        long,
        value_name = "KIND",
        require_equals = true,
        default_value = "memory"
    )]
    debug: Debug,
    /// How long
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=1440))]
    minutes: u64,
    /// Where chance begins
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Args {
    /// Runs the command; its exit status.
    pub(crate) fn run(self) -> Result<i32> {
        let workshop = Workshop::open()?;
        let stress = cargo::vm_binary(&workshop, "stress")?;
        let kernel = TargetOptions::debug(self.debug).choose(&workshop)?;
        let mut session = Session::new(&workshop, kernel)?;
        session.timeout(Duration::from_secs(60 * self.minutes) + MARGIN);
        session.user_side(None)?;
        ui::say(&format!("{} minutes of everything at once", self.minutes));
        let argv = [
            stress.display().to_string(),
            self.minutes.to_string(),
            self.seed.to_string(),
        ];
        let outcome = session.run(Some(argv.to_vec()), Output::Pass)?;
        outcome.report();
        Ok(outcome.code())
    }
}

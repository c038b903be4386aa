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
/// Time for a flash, if the machine has other things to do.
const PER_FLASH: Duration = Duration::from_secs(1);

/// Does everything to NICs at once, under traffic, and judges what is left
///
/// On the debug kernel for memory errors unless told otherwise; `--debug=locking`
/// is the one that knows lock trouble and leaks. `--flashes 10000` does one thing alone, that often: parse
/// graphs are flashed and activated, and damaged ones refused, while no frame may be lost.
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
    /// So many flashes of parse graphs instead
    #[arg(long, value_name = "NUMBER", conflicts_with = "minutes",
          value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    flashes: Option<u64>,
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
        session.user_side(None)?;
        let mut argv = vec![stress.display().to_string()];
        let limit = match self.flashes {
            Some(flashes) => {
                ui::say(&format!("{flashes} flashes of parse graphs under traffic"));
                argv.extend(["flashes".to_owned(), flashes.to_string()]);
                PER_FLASH * u32::try_from(flashes)?
            }
            None => {
                ui::say(&format!("{} minutes of everything at once", self.minutes));
                argv.push(self.minutes.to_string());
                Duration::from_secs(60 * self.minutes)
            }
        };
        argv.push(self.seed.to_string());
        session.timeout(limit + MARGIN);
        let outcome = session.run(Some(argv), Output::Pass)?;
        outcome.report();
        Ok(outcome.code())
    }
}

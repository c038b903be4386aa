// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask hunt`: random programs, on the kernel and on the engine; or random frames, to the kernel's
//! GRO and to the device's.

use std::time::Duration;

use anyhow::Result;

use crate::cargo;
use crate::flavour::Flavour;
use crate::guest::Output;
use crate::session::Session;
use crate::target::Target;
use crate::ui;
use crate::workshop::Workshop;

/// Time for the boot, and for making small what was found last.
const MARGIN: Duration = Duration::from_secs(1200);

/// Hunts for programs that do something else in the device than on the kernel
///
/// Random programs that the verifier accepts run on random frames, in the kernel of
/// a guest and on the device's engine. Each difference is made as small as it gets,
/// and printed with what it takes to have it again.
///
/// With --gro it is random sequences of frames that the device puts together
/// otherwise than the kernel's GRO.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Frames to two GROs, and no programs
    #[arg(long)]
    gro: bool,
    /// How long
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1440))]
    minutes: u64,
    /// Where chance begins
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The kernel: User Mode Linux has its interpreter, the others their JIT
    #[arg(long, value_name = "KERNEL", default_value = "uml")]
    on: Flavour,
    /// This program of the seed alone, or this sequence
    #[arg(
        long,
        visible_alias = "sequence",
        value_name = "NUMBER",
        conflicts_with = "minutes"
    )]
    program: Option<u64>,
}

impl Args {
    /// Runs the command; its exit status.
    pub(crate) fn run(self) -> Result<i32> {
        let workshop = Workshop::open()?;
        let hunt = cargo::vm_binary(&workshop, "hunt")?;
        let kernel = workshop.kernel(self.on, None)?;
        let mut session = Session::new(&workshop, Target::Ours(kernel))?;
        // Both sides take turns, and User Mode Linux is quicker with one.
        session.cpus(1);
        session.timeout(Duration::from_secs(60 * self.minutes) + MARGIN);
        if self.gro {
            session.user_side(None)?;
        }
        let (kind, one) = match self.gro {
            true => ("gro", "Sequence"),
            false => ("programs", "Program"),
        };
        let mut argv = vec![
            hunt.display().to_string(),
            kind.to_owned(),
            self.minutes.to_string(),
            self.seed.to_string(),
        ];
        argv.extend(self.program.map(|number| number.to_string()));
        let what = match self.program {
            Some(number) => format!("{one} {number} of seed {}", self.seed),
            None => format!(
                "{} minutes of hunting ({kind}), seed {}",
                self.minutes, self.seed
            ),
        };
        ui::say(&format!("{what}, on the kernel {}", self.on.name()));
        let outcome = session.run(Some(argv), Output::Pass)?;
        outcome.report();
        Ok(outcome.code())
    }
}

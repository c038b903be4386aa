// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask bench`: speed, as ratios measured in one guest.

use std::path::PathBuf;

use anyhow::Result;

use crate::cargo;
use crate::flavour::Flavour;
use crate::guest::Output;
use crate::profile::{self, Profile};
use crate::selftests;
use crate::session::Session;
use crate::target::Target;
use crate::ui;
use crate::workshop::Workshop;

/// Measures frames per second in one guest and prints ratios
///
/// On User Mode Linux without SMP unless told otherwise: it runs kernel code at native
/// speed, which QEMU does under KVM only. With SMP each change of the interrupt flag is
/// a system call of the host's there, and most of what is measured is that.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Measure on this kernel; may be given several times
    #[arg(long, value_name = "KERNEL", default_value = "uml-up")]
    on: Vec<Flavour>,
    /// Show whose code the time goes to, by `perf` of this machine (User Mode Linux only)
    #[arg(long)]
    profile: bool,
    /// Measure this offload_nic.ko, which was built for the kernel, and not that of this checkout; of
    /// several one after the other, in guests of their own
    #[arg(long, value_name = "FILE")]
    module: Vec<PathBuf>,
    /// How many processors the guest has; `queues` wants two
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    cpus: u32,
    /// What is measured, by default all of it: drop, map, tcp, cut, udp, rss, gro, dissect, flash, queues
    #[arg(last = true, value_name = "WHAT")]
    what: Vec<String>,
}

impl Args {
    /// Runs the command; its exit status.
    pub(crate) fn run(self) -> Result<i32> {
        let workshop = Workshop::open()?;
        let bench = cargo::vm_binary(&workshop, "bench")?;
        let mut argv = vec![bench.display().to_string()];
        argv.extend(self.what.iter().cloned());
        for &flavour in &self.on {
            let kernel = workshop.kernel(flavour, None)?;
            let dissector =
                selftests::build_dissector(&workshop, &kernel.source)?.keep(&workshop)?;
            let of_this_checkout = self.module.is_empty().then_some(None);
            let given = self.module.iter().map(Some);
            for module in of_this_checkout.into_iter().chain(given) {
                let kernel = Target::Ours(kernel.clone());
                let mut session = match module {
                    None => Session::new(&workshop, kernel)?,
                    Some(module) => {
                        ui::say(&format!("The module is {}", module.display()));
                        Session::with_module(&workshop, kernel, module)?
                    }
                };
                session.env(
                    "OFFLOAD_NIC_SAMPLE_DISSECTOR",
                    dissector.join("bpf_flow.bpf.o").display().to_string(),
                );
                let code = self.measure(&workshop, flavour, session, &argv)?;
                if code != 0 {
                    return Ok(code);
                }
            }
        }
        Ok(0)
    }

    /// Runs the benchmark in a guest of `session`; its exit status.
    fn measure(
        &self,
        workshop: &Workshop,
        flavour: Flavour,
        mut session: Session<'_>,
        argv: &[String],
    ) -> Result<i32> {
        session.cpus(self.cpus);
        session.user_side(None)?;
        let profile = self.profile(workshop, flavour)?;
        if let Some(profile) = &profile {
            profile.of(&mut session);
        }
        ui::say(&format!(
            "Measuring on the kernel {flavour}, processors: {}",
            self.cpus
        ));
        let outcome = session.run(Some(argv.to_vec()), Output::Pass)?;
        outcome.report();
        if outcome.code() != 0 {
            return Ok(outcome.code());
        }
        if let Some(profile) = profile {
            profile.show()?;
        }
        Ok(0)
    }

    /// The profile of a run on `flavour`, if one is wanted and can be had.
    fn profile(&self, workshop: &Workshop, flavour: Flavour) -> Result<Option<Profile>> {
        if !self.profile {
            return Ok(None);
        }
        if let Some(reason) = profile::missing(flavour.machine()) {
            println!("skipped: profile on {flavour}: {reason}");
            return Ok(None);
        }
        let directory = workshop.own.path(&format!("profile-{flavour}"))?;
        Ok(Some(Profile::new(directory)))
    }
}

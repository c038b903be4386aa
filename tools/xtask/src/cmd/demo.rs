// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask demo`: a firewall runs inside the NIC's device.

use std::time::Duration;

use anyhow::Result;

use crate::cargo;
use crate::flavour::Flavour;
use crate::guest::{self, Output};
use crate::session::Session;
use crate::target::Target;
use crate::ui;
use crate::workshop::Workshop;

/// What the demo may take, on the slowest of guests.
const LIMIT: Duration = Duration::from_secs(900);

/// Shows a compiled eBPF firewall at work in the device, with the usual tools
///
/// Runs under QEMU where KVM works, else on User Mode Linux.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run under QEMU even without KVM, which is slow
    #[arg(long)]
    qemu: bool,
}

impl Args {
    /// Runs the command; its exit status.
    pub(crate) fn run(self) -> Result<i32> {
        let workshop = Workshop::open()?;
        let demo = cargo::vm_binary(&workshop, "demo")?;
        let mut session = None;
        // A kernel for QEMU takes minutes to make: not before KVM looks good.
        if self.qemu || guest::kvm_plausible(&workshop.root.enter())? {
            let kernel = workshop.kernel(Flavour::Distro, None)?;
            let qemu = Session::new(&workshop, Target::Ours(kernel))?;
            session = (self.qemu || qemu.kvm()).then_some(qemu);
        } else {
            ui::say(
                "KVM does not work here: the demo runs on User Mode Linux (--qemu forces QEMU)",
            );
        }
        let mut session = match session {
            Some(session) => session,
            None => {
                let kernel = workshop.kernel(Flavour::Uml, None)?;
                Session::new(&workshop, Target::Ours(kernel))?
            }
        };
        session.timeout(LIMIT);
        let outcome = session.run(Some(vec![demo.display().to_string()]), Output::Pass)?;
        outcome.report();
        ui::say(&format!(
            "The demo took {}, boot included",
            ui::duration(outcome.took)
        ));
        Ok(outcome.code())
    }
}

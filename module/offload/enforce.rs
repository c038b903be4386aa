// SPDX-License-Identifier: GPL-2.0

//! What the comparison leads to: what is permitted, and what is taken back.

use crate::{
    compare::{
        Comparison,
        Label, //
    },
    digest::Digest,
    events::Events,
    interface::{
        Interface,
        Statistics, //
    },
    program::{
        DeviceProgram,
        KernelProgram, //
    },
    registry::Registry,
    report::ReportPrograms,
    Policy,
    Slot,
    State,
    Verdict, //
};
use core::fmt;
use kernel::prelude::*;
use net::{
    extack::Extack,
    genl::Family,
    netdev::Rtnl,
    rcu, //
};
use offload_uapi::netlink::{
    Command,
    ProgramKind, //
};

/// The slots that may run programs.
const PROGRAMMED: [Slot; 4] = [Slot::Xdp, Slot::TcIngress, Slot::Gro, Slot::Gso];

/// An interface, and what its policy leads to there.
#[derive(Clone, Copy)]
pub struct Enforcer<'a> {
    family: &'a Family<Registry>,
    interface: &'a dyn ReportPrograms,
}

/// That a program may be run in a slot, and what the comparison says of it there.
pub struct Permit {
    slot: Slot,
    comparison: Comparison,
    replaces_kernel: bool,
}

impl Permit {
    /// Whether the program is to replace the kernel's, where the driver runs that.
    pub fn replaces_kernel(&self) -> bool {
        self.replaces_kernel
    }
}

impl<'a> Enforcer<'a> {
    pub(crate) fn new(family: &'a Family<Registry>, interface: &'a dyn ReportPrograms) -> Self {
        Self { family, interface }
    }

    fn kept(&self) -> &'a Interface {
        self.interface.interface()
    }

    fn statistics(&self) -> &'a Statistics {
        &self.kept().statistics
    }

    /// Compares what is in `slot` now. A program that is found changed in the device's memory is taken
    /// out of all slots before.
    pub fn examine(&self, slot: Slot, rtnl: &Rtnl<'_>) -> Comparison {
        let interface = self.interface;
        let mut found = interface.in_slot(slot, rtnl);
        let is_faulted = found.is_some_and(|program| program.state == State::Faulted);
        if is_faulted && interface.is_running(slot, rtnl) {
            self.take_out_faulted(rtnl);
            found = interface.in_slot(slot, rtnl);
        }
        let comparison = Comparison {
            is_running: interface.is_running(slot, rtnl),
            replaces_kernel: interface.replaces_kernel(slot, rtnl),
            in_kernel: interface.runs_in_kernel(slot, rtnl),
            ..Comparison::new(found, interface.kernel_program(slot, rtnl))
        };
        self.statistics().compared(&comparison, rtnl);
        comparison
    }

    /// Takes each program of the device that is found changed in its memory out of all slots of all
    /// its interfaces, and tells of it.
    pub fn take_out_faulted(&self, rtnl: &Rtnl<'_>) {
        // An interface may have programs before it is known here.
        self.take_out_own(rtnl);
        for other in self.family.context().all(rtnl) {
            if other.interface().shares_device_with(self.kept()) {
                Enforcer::new(self.family, &*other).take_out_own(rtnl);
            }
        }
    }

    fn take_out_own(&self, rtnl: &Rtnl<'_>) {
        for slot in PROGRAMMED {
            if !self.interface.is_running(slot, rtnl) {
                continue;
            }
            let found = self.interface.in_slot(slot, rtnl);
            let Some(found) = found.filter(|it| it.state == State::Faulted) else {
                continue;
            };
            self.interface.take_out(slot, rtnl);
            let statistics = self.statistics();
            statistics.faults.add_one(rtnl);
            statistics.removals.add_one(rtnl);
            let kernel = self.interface.kernel_program(slot, rtnl);
            let comparison = Comparison::new(Some(found), kernel);
            pr_err!(
                "{}: {}: program {} was found changed in the device's memory and is taken out: {}\n",
                self.interface.net_device().name(rtnl),
                format_args!("{}", Label(slot)),
                found.id,
                format_args!("{}", Both(&comparison))
            );
            self.tell_of_slot(Command::SlotFaultNtf, slot, &comparison, rtnl);
        }
    }

    /// Whether `slot` may be given `candidate` when the kernel runs `kernel` there.
    ///
    /// # Errors
    ///
    /// `EPERM` if the policy forbids it: `extack` has both digests, the kernel log all of them, and who
    /// listens is told.
    pub fn permit(
        &self,
        slot: Slot,
        candidate: &DeviceProgram,
        kernel: Option<KernelProgram>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result<Permit> {
        let comparison = Comparison::new(Some(*candidate), kernel);
        self.statistics().compared(&comparison, rtnl);
        let is_required = self.kept().policy(rtnl) == Policy::RequireEqual;
        if is_required && comparison.verdict != Verdict::Equal {
            self.refuse(slot, &comparison, extack, rtnl);
            return Err(EPERM);
        }
        Ok(Permit {
            slot,
            comparison,
            replaces_kernel: is_required,
        })
    }

    /// Whether the kernel may begin to run `candidate` where the device may have a program in `slot`.
    ///
    /// # Errors
    ///
    /// As for [`Self::permit`].
    pub fn permit_kernel(
        &self,
        slot: Slot,
        candidate: KernelProgram,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        if self.kept().policy(rtnl) == Policy::Report {
            return Ok(());
        }
        let now = self.examine(slot, rtnl);
        if !now.is_running {
            return Ok(());
        }
        let comparison = Comparison::new(now.device, Some(candidate));
        self.statistics().compared(&comparison, rtnl);
        if comparison.verdict == Verdict::Equal {
            return Ok(());
        }
        self.refuse(slot, &comparison, extack, rtnl);
        Err(EPERM)
    }

    /// Whether a feature that stands for `slot` may be switched on; if not, what the comparison says of
    /// the slot.
    pub fn permit_feature(&self, slot: Slot, rtnl: &Rtnl<'_>) -> Result<(), Verdict> {
        if self.kept().policy(rtnl) == Policy::Report {
            return Ok(());
        }
        match self.examine(slot, rtnl).verdict {
            Verdict::Equal => Ok(()),
            verdict => Err(verdict),
        }
    }

    fn refuse(&self, slot: Slot, comparison: &Comparison, extack: &Extack<'_>, rtnl: &Rtnl<'_>) {
        let (device, kernel) = comparison.digests();
        extack.fmt(format_args!(
            "{}: device {}, kernel {}: policy {}",
            Label(slot),
            Tag(device),
            Tag(kernel),
            Policy::RequireEqual.name()
        ));
        if net::log::ratelimit() {
            pr_warn!(
                "{}: {}: refused by the policy \"{}\": {}\n",
                self.interface.net_device().name(rtnl),
                format_args!("{}", Label(slot)),
                Policy::RequireEqual.name(),
                format_args!("{}", Both(comparison))
            );
        }
        self.statistics().refusals.add_one(rtnl);
        self.tell_of_slot(Command::SlotMismatchNtf, slot, comparison, rtnl);
    }

    /// The slot was given the program that was permitted, in place of another one if there `was_one`.
    pub fn activated(&self, permit: Permit, was_one: bool, rtnl: &Rtnl<'_>) {
        let statistics = self.statistics();
        if was_one {
            statistics.removals.add_one(rtnl);
        }
        statistics.activations.add_one(rtnl);
        let Permit {
            slot, comparison, ..
        } = permit;
        let comparison = Comparison {
            device: comparison.device.map(|program| DeviceProgram {
                state: State::Active,
                ..program
            }),
            is_running: true,
            replaces_kernel: self.interface.replaces_kernel(slot, rtnl),
            in_kernel: self.interface.runs_in_kernel(slot, rtnl),
            ..comparison
        };
        self.tell_of_slot(Command::SlotActivateNtf, slot, &comparison, rtnl);
    }

    /// The program that `slot` ran was taken out, for another reason than a fault.
    pub fn removed(&self, slot: Slot, rtnl: &Rtnl<'_>) {
        self.statistics().removals.add_one(rtnl);
        let comparison = self.examine(slot, rtnl);
        self.tell_of_slot(Command::SlotRemoveNtf, slot, &comparison, rtnl);
    }

    /// A program that is to be run in `slot` was found not to be what the kernel loaded. Where the
    /// device runs it, it does not any more, and who listens is told.
    pub fn faulted(&self, slot: Slot, program: &DeviceProgram, rtnl: &Rtnl<'_>) {
        let before = self.statistics().faults.get();
        self.take_out_faulted(rtnl);
        if self.statistics().faults.get() == before {
            self.statistics().faults.add_one(rtnl);
            let kernel = self.interface.kernel_program(slot, rtnl);
            let comparison = Comparison::new(Some(*program), kernel);
            self.tell_of_slot(Command::SlotFaultNtf, slot, &comparison, rtnl);
        }
    }

    /// What the device does in `slot` by itself counts from now on, or not any more: who listens gets to
    /// know.
    pub fn permission(&self, slot: Slot, is_permitted: bool, rtnl: &Rtnl<'_>) {
        if !is_permitted {
            return self.removed(slot, rtnl);
        }
        self.statistics().activations.add_one(rtnl);
        let comparison = self.examine(slot, rtnl);
        self.tell_of_slot(Command::SlotActivateNtf, slot, &comparison, rtnl);
    }

    fn tell_of_slot(&self, command: Command, slot: Slot, comparison: &Comparison, rtnl: &Rtnl<'_>) {
        let device = self.interface.net_device();
        Events(self.family).slot(command, device, slot, comparison, rtnl);
    }

    /// Makes `policy` that of the interface.
    ///
    /// # Errors
    ///
    /// `EPERM` if a slot runs a program that the policy would not permit, with both digests in
    /// `extack`; `ENOMEM`. Then all is as before.
    pub fn set_policy(&self, policy: Policy, extack: &Extack<'_>, rtnl: &Rtnl<'_>) -> Result {
        let (interface, kept) = (self.interface, self.kept());
        let replaces = policy == Policy::RequireEqual;
        if replaces {
            self.check_active(extack, rtnl)?;
        }
        for slot in PROGRAMMED {
            if interface.is_running(slot, rtnl) {
                interface
                    .set_replaces_kernel(slot, replaces, rtnl)
                    .inspect_err(|_| {
                        for slot in PROGRAMMED {
                            let before = kept.policy(rtnl) == Policy::RequireEqual;
                            // What can't be taken back is what the policy is to be from now on.
                            let _ = interface.set_replaces_kernel(slot, before, rtnl);
                        }
                        extack.msg(c"no memory to have slots and kernel take turns");
                    })?;
            }
        }
        if kept.policy(rtnl) == policy {
            return Ok(());
        }
        kept.store_policy(policy, rtnl);
        // Polls under way go by the one before.
        rcu::synchronize_net();
        Events(self.family).policy(interface, rtnl);
        if policy == Policy::Report {
            // What was to stay off may be on now.
            interface.net_device().update_features(rtnl);
        }
        Ok(())
    }

    /// Whether all programs that slots run are those of the kernel.
    fn check_active(&self, extack: &Extack<'_>, rtnl: &Rtnl<'_>) -> Result {
        if self.kept().policy(rtnl) == Policy::RequireEqual {
            // They were when they were permitted, and the kernel may have given up its own since.
            return Ok(());
        }
        for slot in PROGRAMMED {
            let comparison = self.examine(slot, rtnl);
            let device = comparison.device;
            let is_program = device.is_some_and(|it| it.kind != ProgramKind::Fixed);
            if comparison.is_running && is_program && comparison.verdict != Verdict::Equal {
                let (device, kernel) = comparison.digests();
                extack.fmt(format_args!(
                    "{}: device {}, kernel {}: detach one of them first",
                    Label(slot),
                    Tag(device),
                    Tag(kernel)
                ));
                return Err(EPERM);
            }
        }
        Ok(())
    }
}

/// A digest's tag, if there is one.
struct Tag(Option<Digest>);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(digest) => digest.tag().fmt(f),
            None => f.write_str("none"),
        }
    }
}

/// The digests of both sides in full.
struct Both<'a>(&'a Comparison);

impl fmt::Display for Both<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (device, kernel) = self.0.digests();
        for (who, digest) in [("device ", device), (", kernel ", kernel)] {
            f.write_str(who)?;
            match digest {
                Some(digest) => digest.fmt(f)?,
                None => f.write_str("none")?,
            }
        }
        Ok(())
    }
}

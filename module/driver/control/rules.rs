// SPDX-License-Identifier: GPL-2.0

//! The programs of a port that are asked where fixed rules leave something open: those that the device asks
//! which frames are to be put together, and what the headers of segments are, and what the kernel has of each.

use crate::port::{
    KernelRules,
    Label,
    LoadedProgram,
    Port,
    Rules,
    StoredProgram, //
};
use device::{
    profile::Profile,
    rules::AskedSlot, //
};
use engine::store;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    netdev::{
        Features,
        Rtnl, //
    },
    rcu, //
};
use offload::{
    DeviceProgram,
    KernelProgram,
    RuleBlame,
    RulePrograms,
    RuleSlot,
    State, //
};

impl Port {
    /// Where the device has the program of `slot`, and what is known beside.
    pub(super) fn rules(&self, slot: RuleSlot) -> (&AskedSlot<Label>, &Rules) {
        match slot {
            RuleSlot::Gro => (&self.hardware.slots.gro, &self.gro),
            RuleSlot::Gso => (&self.hardware.slots.gso, &self.gso),
        }
    }

    /// Has the device, and the driver, go by `programs` in `slot`, in place of those that are there; by the
    /// fixed rules alone without.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the program is not in the device, `EINVAL` if it is none for the slot, or not what the
    /// kernel has loaded, or is to run in the kernel and is not the same there; `EPERM` of the policy;
    /// `ENOMEM`. Then all is as before.
    pub(super) fn set_rules(
        &self,
        slot: RuleSlot,
        programs: Option<RulePrograms>,
        blame: &RuleBlame<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        let Some(RulePrograms {
            device,
            kernel,
            in_kernel,
        }) = programs
        else {
            self.clear_rules(slot, rtnl);
            return Ok(());
        };
        self.asic.residents().tell_of_new(rtnl);
        let (program, found) = self.rule_candidate(slot, device, blame, rtnl)?;
        let facts = kernel
            .as_ref()
            .map(|kernel| KernelProgram::from(kernel.facts()));
        if in_kernel {
            let loaded = KernelProgram::from(program.label().loaded);
            if facts.is_none_or(|it| it.digest != loaded.digest) {
                blame.in_kernel(fmt!("the kernel's program is not the one in the device"));
                return Err(EINVAL);
            }
            if slot == RuleSlot::Gro {
                self.hardware.prepare_coalescing(self)?;
            }
        }
        let kernel = kernel.map(|program| KernelRules {
            program,
            is_run: in_kernel,
        });
        let kernel = kernel
            .map(|kernel| Arc::new(kernel, GFP_KERNEL))
            .transpose()?;
        let facts = Some(facts.unwrap_or(KernelProgram::FIXED));
        let enforcer = self.enforcer();
        let permit = enforcer.permit(slot.into(), &found, facts, blame.extack(), rtnl)?;
        let (on_card, rules) = self.rules(slot);
        let was_one = on_card.set(program)?;
        rules.kernel.replace(kernel);
        rules.faulted.replace(None);
        rules.begin(false);
        enforcer.activated(permit, was_one, rtnl);
        // What the policy refused without programs may be on with them.
        self.device.update_features(rtnl);
        Ok(())
    }

    /// Program number `id` of the device, and what it is at this moment, if it can be one for `slot`.
    fn rule_candidate(
        &self,
        slot: RuleSlot,
        id: u32,
        blame: &RuleBlame<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result<(Arc<LoadedProgram>, DeviceProgram)> {
        let resident = self.asic.residents().from(id, rtnl);
        let Some((_, program)) = resident.filter(|(number, _)| *number == id) else {
            blame.device(fmt!("program {id} is not in the device of the interface"));
            return Err(ENOENT);
        };
        let is_xdp = program.stored().kind() == store::ProgramKind::Xdp;
        let image = program.image();
        match slot {
            RuleSlot::Gro if !is_xdp || !image.only_looks() => {
                blame.device(fmt!(
                    "a GRO program is one of type XDP that neither writes nor redirects"
                ));
                return Err(EINVAL);
            }
            RuleSlot::Gso if !is_xdp || image.redirects() => {
                blame.device(fmt!(
                    "a GSO program is one of type XDP that does not redirect"
                ));
                return Err(EINVAL);
            }
            RuleSlot::Gro | RuleSlot::Gso => {}
        }
        let loaded = program.label().loaded.into();
        let found = self.check(&program, loaded, slot.into(), blame.extack(), rtnl)?;
        Ok((program, found))
    }

    /// Has nobody go by programs in `slot` any more: a user wants that, or the kernel has given up the one in
    /// the device.
    fn clear_rules(&self, slot: RuleSlot, rtnl: &Rtnl<'_>) {
        let had_one = self.rule_program(slot).is_some();
        let (on_card, rules) = self.rules(slot);
        // Before the device goes by its own rules.
        rules.begin(had_one);
        let was_one = on_card.clear().is_some();
        rules.kernel.replace(None);
        rules.faulted.replace(None);
        if was_one {
            self.enforcer().removed(slot.into(), rtnl);
        }
    }

    /// The kernel has given up the program in `stored`: no slot goes by it any more.
    pub(super) fn forget_rules(&self, stored: &Arc<StoredProgram>, rtnl: &Rtnl<'_>) {
        for slot in RuleSlot::ALL {
            if self.goes_by(slot, stored) {
                self.clear_rules(slot, rtnl);
            }
        }
    }

    /// Whether the device goes by the program in `stored`.
    pub(super) fn has_rules(&self, stored: &Arc<StoredProgram>) -> bool {
        RuleSlot::ALL
            .into_iter()
            .any(|slot| self.goes_by(slot, stored))
    }

    fn goes_by(&self, slot: RuleSlot, stored: &Arc<StoredProgram>) -> bool {
        let program = self.rules(slot).0.program();
        program.is_some_and(|it| Arc::ptr_eq(it.stored(), stored))
    }

    /// Whether a poll has found that a program by which the device goes is not what it was.
    pub(super) fn has_doubts(&self) -> bool {
        RuleSlot::ALL.into_iter().any(|slot| self.doubts(slot))
    }

    fn doubts(&self, slot: RuleSlot) -> bool {
        let (on_card, rules) = self.rules(slot);
        rules.is_faulted() && on_card.program().is_some()
    }

    /// Those programs count as faulted, whatever their memory says by now.
    pub(super) fn condemn_rules(&self) {
        let doubted = RuleSlot::ALL.into_iter().filter(|slot| self.doubts(*slot));
        for slot in doubted {
            if let Some(program) = self.rules(slot).0.program() {
                program.label().set_faulted();
            }
        }
    }

    /// Takes the program out of `slot` by which the device goes, as it was found to be faulted.
    pub(super) fn take_out_rules(&self, slot: RuleSlot) {
        let (on_card, rules) = self.rules(slot);
        rules.set_faulted();
        if let Some(program) = on_card.clear() {
            rules.faulted.replace(Some(program));
        }
    }

    /// The program that the device has for `slot`, or the one that was found to be faulted.
    pub(super) fn rule_program(&self, slot: RuleSlot) -> Option<Arc<LoadedProgram>> {
        let (on_card, rules) = self.rules(slot);
        let program = on_card.program();
        program.or_else(|| rules.faulted.load_arc(&rcu::Guard::new()))
    }

    /// What the kernel has for the function of `slot`.
    pub(super) fn kernel_rules(&self, slot: RuleSlot) -> KernelProgram {
        let guard = rcu::Guard::new();
        let kernel = self.rules(slot).1.kernel.load(&guard);
        kernel.map_or(KernelProgram::FIXED, |kernel| kernel.program.facts().into())
    }

    /// [`State::Active`] if the device does what `slot` stands for, by a program or without.
    pub(super) fn rule_state(&self, slot: RuleSlot, rtnl: &Rtnl<'_>) -> State {
        let is_missed = self
            .rules(slot)
            .1
            .is_missed_by(self.interface.current_policy());
        let (features, is_stopped) = match slot {
            RuleSlot::Gro => (
                Features::COALESCING,
                self.gro.is_faulted() || self.interface.gro_audit.has_ended(),
            ),
            RuleSlot::Gso => (
                Features::SEGMENTATION,
                self.hardware.profile() == Profile::None,
            ),
        };
        let is_off = (features & self.device.features(rtnl)).is_empty();
        if is_off || is_missed || is_stopped {
            State::Loaded
        } else {
            State::Active
        }
    }
}

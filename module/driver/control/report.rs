// SPDX-License-Identifier: GPL-2.0

//! What a port tells the offload infrastructure: the programs in its device, what the host runs in
//! their place, and what there is of the device.

use crate::port::{
    LoadedProgram,
    Port, //
};
use device::profile::Profile;
use engine::{
    image,
    insn::Insn,
    resources, //
};
use kernel::prelude::*;
use net::{
    bpf::{
        Instruction,
        NAME_LEN, //
    },
    extack::Extack,
    flow_dissector,
    netdev::{
        Features,
        NetDevice,
        Rtnl, //
    },
    rcu, //
};
use offload::{
    Blame,
    DeviceProgram,
    Digest,
    Digests,
    Enforcer,
    Entry,
    ImageFacts,
    Interface,
    KernelProgram,
    NewEntry,
    Parsed,
    Parser,
    ParserCounts,
    Policy,
    ProgramKind,
    ReportPrograms,
    Resource,
    RuleBlame,
    RulePrograms,
    RuleSlot,
    Slot,
    State,
    Steered,
    Table,
    Unit, //
};

impl Port {
    /// What the policy of its interface leads to.
    pub(super) fn enforcer(&self) -> Enforcer<'_> {
        self.asic.offload.enforcer(self)
    }

    /// Which of the features in `wanted` stand for slots that the policy does not permit them for. The
    /// kernel log says so of those that were not refused the last time.
    pub(super) fn check_features(&self, wanted: Features, rtnl: &Rtnl<'_>) -> Features {
        let mut refused = Features::NONE;
        for (slot, name, features) in [
            (Slot::TcIngress, "TC", Features::TC),
            (Slot::Gso, "GSO", Features::SEGMENTATION),
            (Slot::Gro, "GRO", Features::COALESCING),
        ] {
            let features = features & wanted;
            if features.is_empty() {
                continue;
            }
            let Err(verdict) = self.enforcer().permit_feature(slot, rtnl) else {
                continue;
            };
            refused = refused | features;
            let is_new = !(features & !self.refused_features.get(rtnl)).is_empty();
            if is_new && net::log::ratelimit() {
                pr_warn!(
                    "{}: {name}: what is off stays off: the policy is \"{}\", and the verdict \"{}\"\n",
                    self.device.name(rtnl),
                    Policy::RequireEqual.name(),
                    verdict.name()
                );
            }
        }
        self.refused_features.set(refused, rtnl);
        refused
    }

    /// What the device does for `slot`: by a program, or by itself.
    fn rule_function(&self, slot: RuleSlot, rtnl: &Rtnl<'_>) -> Option<DeviceProgram> {
        match self.rule_program(slot) {
            Some(program) => Some(describe(&program, self.rule_state(slot, rtnl))),
            None => self.fixed_function(slot, rtnl),
        }
    }

    /// Whether the device does what `slot` stands for, or has a program for that.
    fn has_rule_function(&self, slot: RuleSlot, rtnl: &Rtnl<'_>) -> bool {
        let function = self.fixed_function(slot, rtnl);
        function.is_some_and(|it| it.state == State::Active)
            || self.rules(slot).0.program().is_some()
    }

    /// What the device does for `slot` by itself.
    fn fixed_function(&self, slot: RuleSlot, rtnl: &Rtnl<'_>) -> Option<DeviceProgram> {
        let features = match slot {
            RuleSlot::Gso if self.hardware.profile() != Profile::None => Features::SEGMENTATION,
            RuleSlot::Gro => Features::COALESCING & self.device.switchable_features(rtnl),
            RuleSlot::Gso => Features::NONE,
        };
        if features.is_empty() {
            return None;
        }
        Some(DeviceProgram {
            kind: ProgramKind::Fixed,
            name: [0; NAME_LEN],
            id: 0,
            digests: None,
            state: self.rule_state(slot, rtnl),
            image: None,
        })
    }
}

/// What `program` is at this moment: `state`, unless it is not what the kernel loaded.
///
/// The digests are made from the program store. What the device executes is the image, and was made
/// from there when the program was loaded: it is faulted, too, if it is not as it was then.
pub(super) fn describe(program: &LoadedProgram, state: State) -> DeviceProgram {
    let (label, image) = (program.label(), program.image());
    let digests = digests(program.stored().original());
    if digests.sha256.0 != label.loaded.digest || !image.is_intact() {
        label.set_faulted();
    }
    let state = if label.is_faulted() {
        State::Faulted
    } else {
        state
    };
    // CAST: The limits of a program are far below `u32::MAX`, and its memory below `u64::MAX`.
    let facts = ImageFacts {
        instructions: program.stored().original().len() as u32,
        format: image::FORMAT.into(),
        size: image.bytes().len() as u32,
        operations: image.ops().len() as u32,
        memory: program.memory() as u64,
    };
    let kernel = KernelProgram::from(label.loaded);
    DeviceProgram {
        kind: kernel.kind,
        name: kernel.name,
        id: label.number(),
        digests: Some(digests),
        state,
        image: Some(facts),
    }
}

/// Whether some port runs `program`.
pub(super) fn state_of(program: &LoadedProgram) -> State {
    if program.stored().is_running() {
        State::Active
    } else {
        State::Loaded
    }
}

/// The digests of `instructions` as they lie in the program store.
pub(super) fn digests(instructions: impl ExactSizeIterator<Item = Insn>) -> Digests {
    Digests::of(instructions.map(|insn| Instruction {
        code: insn.code,
        dst: insn.dst(),
        src: insn.src(),
        off: insn.off,
        imm: insn.imm,
    }))
}

impl ReportPrograms for Port {
    fn net_device(&self) -> &NetDevice {
        &self.device
    }

    fn interface(&self) -> &Interface {
        &self.interface
    }

    fn in_slot(&self, slot: Slot, rtnl: &Rtnl<'_>) -> Option<DeviceProgram> {
        let program = match slot {
            Slot::Xdp => match self.hardware.slots.xdp() {
                Some((program, _)) => program,
                None => self.xdp_faulted.load_arc(&rcu::Guard::new())?,
            },
            Slot::TcIngress => {
                let active = self.hardware.slots.classifier();
                active.or_else(|| self.filters.faulted())?.0
            }
            Slot::Parser => return self.parser_program(),
            Slot::Gro => return self.rule_function(RuleSlot::Gro, rtnl),
            Slot::Gso => return self.rule_function(RuleSlot::Gso, rtnl),
        };
        Some(describe(&program, State::Active))
    }

    fn is_running(&self, slot: Slot, rtnl: &Rtnl<'_>) -> bool {
        match slot {
            Slot::Xdp => self.hardware.slots.xdp().is_some(),
            Slot::TcIngress => self.hardware.slots.classifier().is_some(),
            Slot::Parser => self.has_permission(),
            Slot::Gro => self.has_rule_function(RuleSlot::Gro, rtnl),
            Slot::Gso => self.has_rule_function(RuleSlot::Gso, rtnl),
        }
    }

    fn replaces_kernel(&self, slot: Slot, _rtnl: &Rtnl<'_>) -> bool {
        // The stack runs the host's classifiers, not the driver.
        let xdp = self.hardware.slots.xdp();
        slot == Slot::Xdp && xdp.is_some_and(|(_, replaces)| replaces)
    }

    fn runs_in_kernel(&self, slot: Slot, _rtnl: &Rtnl<'_>) -> bool {
        let guard = rcu::Guard::new();
        let mut rules = RuleSlot::ALL.into_iter().filter(|it| slot == (*it).into());
        rules.any(|slot| self.rules(slot).1.run(&guard).is_some())
    }

    fn kernel_program(&self, slot: Slot, rtnl: &Rtnl<'_>) -> Option<KernelProgram> {
        match slot {
            Slot::Xdp => {
                let guard = rcu::Guard::new();
                let native = self.xdp_native.load(&guard)?;
                Some(native.facts().into())
            }
            Slot::TcIngress => {
                let active = self.hardware.slots.classifier();
                let filter = active.or_else(|| self.filters.faulted());
                let direct_action = filter.is_none_or(|(_, direct_action)| direct_action);
                self.classifier_of_host(direct_action, rtnl)
            }
            Slot::Parser => {
                let guard = rcu::Guard::new();
                let attached = flow_dissector::attached(&self.device, &guard)?;
                let program = attached.program();
                let digest = Digest(program.digest);
                Some(KernelProgram {
                    kind: ProgramKind::FlowDissector,
                    digest: attached.is_self_contained().then_some(digest),
                    ..program.into()
                })
            }
            Slot::Gro => Some(self.kernel_rules(RuleSlot::Gro)),
            Slot::Gso => Some(self.kernel_rules(RuleSlot::Gso)),
        }
    }

    fn program_from(&self, id: u32, rtnl: &Rtnl<'_>) -> Option<DeviceProgram> {
        // With another number than it was found by, a list would begin again, or never end.
        let (number, program) = self.asic.residents().from(id, rtnl)?;
        Some(DeviceProgram {
            id: number,
            ..describe(&program, state_of(&program))
        })
    }

    fn show_image(&self, id: u32, see: &mut dyn FnMut(u32, &[u8]), rtnl: &Rtnl<'_>) -> bool {
        match self.asic.residents().from(id, rtnl) {
            Some((number, program)) if number == id => {
                see(image::FORMAT.into(), program.image().bytes());
                true
            }
            _ => false,
        }
    }

    fn steer(&self, frame: &[u8], _rtnl: &Rtnl<'_>) -> Option<Steered> {
        Some(self.explain(frame))
    }

    fn show_parser(&self, see: &mut dyn FnMut(&Parser<'_>), _rtnl: &Rtnl<'_>) -> bool {
        Self::show_parser(self, see)
    }

    fn parse(
        &self,
        frame: &[u8],
        flags: u32,
        see: &mut dyn FnMut(&Parsed<'_>),
        _rtnl: &Rtnl<'_>,
    ) -> bool {
        Self::parse(self, frame, flags, see)
    }

    fn set_counting(&self, is_on: bool, extack: &Extack<'_>, rtnl: &Rtnl<'_>) -> Result {
        Self::set_counting(self, is_on, extack, rtnl)
    }

    fn show_counts(&self, see: &mut dyn FnMut(Option<&dyn ParserCounts>), _rtnl: &Rtnl<'_>) {
        Self::show_counts(self, see);
    }

    fn add_table(&self, table: &Table<'_>, blame: &Blame<'_>, rtnl: &Rtnl<'_>) -> Result {
        self.add_raw_table(table, blame, rtnl)
    }

    fn delete_table(&self, number: u16, blame: &Blame<'_>, _rtnl: &Rtnl<'_>) -> Result {
        self.delete_raw_table(number, blame)
    }

    fn show_tables(&self, first: u32, see: &mut dyn FnMut(&Table<'_>) -> bool, _rtnl: &Rtnl<'_>) {
        self.show_raw_tables(first, see);
    }

    fn add_entry(
        &self,
        table: u16,
        entry: &NewEntry<'_>,
        blame: &Blame<'_>,
        _rtnl: &Rtnl<'_>,
    ) -> Result {
        self.add_raw_rule(table, entry, blame)
    }

    fn delete_entry(
        &self,
        table: u16,
        priority: u32,
        blame: &Blame<'_>,
        _rtnl: &Rtnl<'_>,
    ) -> Result {
        self.delete_raw_rule(table, priority, blame)
    }

    fn show_entries(
        &self,
        table: u16,
        priority: u32,
        see: &mut dyn FnMut(&Entry<'_>) -> bool,
        _rtnl: &Rtnl<'_>,
    ) {
        self.show_raw_rules(table, priority, see);
    }

    fn resources(&self, see: &mut dyn FnMut(&Resource<'_>)) {
        for usage in self.asic.card.memory.resources().all() {
            see(&Resource {
                name: usage.resource.c_name(),
                unit: match usage.resource.unit() {
                    resources::Unit::Bytes => Unit::Byte,
                    resources::Unit::Entries => Unit::Entry,
                },
                limit: usage.size,
                used: usage.used,
            });
        }
    }

    fn take_out(&self, slot: Slot, _rtnl: &Rtnl<'_>) {
        match slot {
            Slot::Xdp => {
                if let Some(program) = self.hardware.clear_xdp(self) {
                    self.xdp_faulted.replace(Some(program));
                }
            }
            Slot::TcIngress => {
                if let Some((program, direct_action)) = self.hardware.clear_classifier(self) {
                    self.filters.set_faulted(program, direct_action);
                }
            }
            Slot::Gro => self.take_out_rules(RuleSlot::Gro),
            Slot::Gso => self.take_out_rules(RuleSlot::Gso),
            Slot::Parser => {}
        }
    }

    fn set_rules(
        &self,
        slot: RuleSlot,
        programs: Option<RulePrograms>,
        blame: &RuleBlame<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        Self::set_rules(self, slot, programs, blame, rtnl)
    }

    fn set_replaces_kernel(&self, slot: Slot, replaces: bool, _rtnl: &Rtnl<'_>) -> Result {
        // The stack runs the host's classifiers, not the driver.
        let slots = &self.hardware.slots;
        if let (Slot::Xdp, Some((program, before))) = (slot, slots.xdp()) {
            if before != replaces {
                self.hardware.set_xdp(self, program, replaces)?;
            }
        }
        Ok(())
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What a port tells the offload infrastructure: the programs in its device, what the host runs in
//! their place, and what there is of the device.

use crate::{
    loaded::{
        LoadedProgram,
        StoredProgram, //
    },
    port::Port,
    profile::Profile,
    tc::Classifier, //
};
use engine::{
    image,
    resources, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    bpf::NAME_LEN,
    netdev::{
        Features,
        NetDevice,
        Rtnl, //
    },
    rcu, //
};
use offload::{
    DeviceProgram,
    InSlot,
    Interface,
    KernelProgram,
    Policy,
    ProgramKind,
    ReportPrograms,
    Resource,
    Slot,
    State,
    Unit, //
};

impl Port {
    /// The port as the infrastructure sees it.
    pub(crate) fn reporter(&self) -> &dyn ReportPrograms {
        self
    }

    /// Whether the device runs for this port's frames what is made of `stored`.
    pub(crate) fn runs(&self, stored: &Arc<StoredProgram>, guard: &rcu::Guard) -> bool {
        self.xdp_hw.runs(stored, guard) || self.tc_hw.runs(stored, guard)
    }

    /// Whether it runs something else that is made of the same as `program`.
    pub(crate) fn runs_other(&self, program: &Arc<LoadedProgram>) -> bool {
        let xdp = self.xdp_hw.active().map(|(active, _)| active);
        let filter = self.tc_hw.active().map(|filter| filter.program().clone());
        let is_other = |it: Arc<LoadedProgram>| {
            Arc::ptr_eq(it.stored(), program.stored()) && !Arc::ptr_eq(&it, program)
        };
        xdp.is_some_and(is_other) || filter.is_some_and(is_other)
    }

    /// Has it run `program` instead of what else is made of the same.
    pub(crate) fn swap_image(&self, program: &Arc<LoadedProgram>, rtnl: &Rtnl<'_>) -> Result {
        match self.xdp_hw.active() {
            Some((active, replaces)) if Arc::ptr_eq(active.stored(), program.stored()) => {
                self.xdp_hw.set(program.clone(), replaces, rtnl).map(|_| ())
            }
            _ => self.tc_hw.swap_program(program.clone()),
        }
    }

    /// Which of the features in `wanted` stand for slots that the policy does not permit them for. The
    /// kernel log says so of those that were not refused the last time.
    pub(crate) fn check_features(&self, wanted: Features, rtnl: &Rtnl<'_>) -> Features {
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
            let Err(verdict) = self.reporter().permit_feature(slot, rtnl) else {
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

    /// What the device does in `slot` by itself.
    fn fixed_function(&self, slot: Slot, rtnl: &Rtnl<'_>) -> Option<InSlot> {
        let device = &self.device;
        let features = match slot {
            Slot::Gso if self.profile() != Profile::None => Features::SEGMENTATION,
            Slot::Gro => Features::COALESCING & device.switchable_features(rtnl),
            _ => Features::NONE,
        };
        if features.is_empty() {
            return None;
        }
        let is_running = !(features & device.features(rtnl)).is_empty();
        let program = DeviceProgram {
            kind: ProgramKind::Fixed,
            name: [0; NAME_LEN],
            id: 0,
            digests: None,
            state: if is_running {
                State::Active
            } else {
                State::Loaded
            },
            image: None,
        };
        Some(InSlot {
            program,
            is_running,
            replaces_kernel: false,
        })
    }
}

/// `program`, which a slot runs or has run.
fn in_slot(program: &LoadedProgram, is_running: bool, replaces_kernel: bool) -> InSlot {
    InSlot {
        program: program.report(State::Active),
        is_running,
        replaces_kernel,
    }
}

impl ReportPrograms for Port {
    fn net_device(&self) -> &NetDevice {
        &self.device
    }

    fn interface(&self) -> &Interface {
        &self.interface
    }

    fn in_slot(&self, slot: Slot, rtnl: &Rtnl<'_>) -> Option<InSlot> {
        match slot {
            Slot::Xdp => match self.xdp_hw.active() {
                Some((program, replaces)) => Some(in_slot(&program, true, replaces)),
                None => Some(in_slot(&*self.xdp_hw.faulted()?, false, false)),
            },
            Slot::TcIngress => match self.tc_hw.active() {
                Some(filter) => Some(in_slot(filter.program(), true, false)),
                None => Some(in_slot(self.tc_hw.faulted()?.program(), false, false)),
            },
            Slot::Parser | Slot::Gso | Slot::Gro => self.fixed_function(slot, rtnl),
        }
    }

    fn kernel_program(&self, slot: Slot, rtnl: &Rtnl<'_>) -> Option<KernelProgram> {
        match slot {
            Slot::Xdp => {
                let guard = rcu::Guard::new();
                let native = self.xdp_native.load(&guard)?;
                Some(native.facts().into())
            }
            Slot::TcIngress => {
                let filter = self.tc_hw.active().or_else(|| self.tc_hw.faulted());
                let direct_action = filter.is_none_or(|filter| Classifier::direct_action(&filter));
                self.classifier_of_host(direct_action, rtnl)
            }
            Slot::Parser => None,
            Slot::Gso | Slot::Gro => Some(KernelProgram::FIXED),
        }
    }

    fn program_from(&self, id: u32, rtnl: &Rtnl<'_>) -> Option<DeviceProgram> {
        let residents = self.asic().residents();
        // With another number than it was found by, a list would begin again, or never end.
        residents
            .from(id, rtnl)
            .map(|(number, program)| DeviceProgram {
                id: number,
                ..residents.report(&program)
            })
    }

    fn show_image(&self, id: u32, see: &mut dyn FnMut(u32, &[u8]), rtnl: &Rtnl<'_>) -> bool {
        match self.asic().residents().from(id, rtnl) {
            Some((number, program)) if number == id => {
                see(image::FORMAT.into(), program.engine().image().bytes());
                true
            }
            _ => false,
        }
    }

    fn resources(&self, see: &mut dyn FnMut(&Resource<'_>)) {
        for usage in self.asic().resources() {
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

    fn take_out(&self, slot: Slot, rtnl: &Rtnl<'_>) {
        match slot {
            Slot::Xdp => self.xdp_hw.take_out(rtnl),
            Slot::TcIngress => self.tc_hw.take_out(),
            Slot::Parser | Slot::Gso | Slot::Gro => {}
        }
    }

    fn set_replaces_kernel(&self, slot: Slot, replaces: bool, rtnl: &Rtnl<'_>) -> Result {
        // The stack runs the host's classifiers, not the driver.
        if let (Slot::Xdp, Some((program, before))) = (slot, self.xdp_hw.active()) {
            if before != replaces {
                self.xdp_hw.set(program, replaces, rtnl)?;
            }
        }
        Ok(())
    }
}

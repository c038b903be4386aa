// SPDX-License-Identifier: GPL-2.0

//! The GRO programs of a port: the one that the device asks which frames are to be put together, and the one
//! that the kernel has of it.

use crate::port::{
    KernelGro,
    LoadedProgram,
    Port,
    StoredProgram, //
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
    GroBlame,
    GroPrograms,
    KernelProgram,
    Slot,
    State, //
};

impl Port {
    /// Has the device, and the driver, go by `programs`, in place of those that are there; by the rules of GRO
    /// alone without.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the program is not in the device, `EINVAL` if it is none that only looks, or not what the
    /// kernel has loaded, or is to run in the kernel and is not the same there; `EPERM` of the policy;
    /// `ENOMEM`. Then all is as before.
    pub(super) fn set_gro_programs(
        &self,
        programs: Option<GroPrograms>,
        blame: &GroBlame<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        let Some(GroPrograms {
            device,
            kernel,
            in_kernel,
        }) = programs
        else {
            self.clear_gro_programs(rtnl);
            return Ok(());
        };
        self.asic.residents().tell_of_new(rtnl);
        let (program, found) = self.gro_candidate(device, blame, rtnl)?;
        let facts = kernel
            .as_ref()
            .map(|kernel| KernelProgram::from(kernel.facts()));
        if in_kernel {
            let loaded = KernelProgram::from(program.label().loaded);
            if facts.is_none_or(|it| it.digest != loaded.digest) {
                blame.in_kernel(fmt!("the kernel's program is not the one in the device"));
                return Err(EINVAL);
            }
            self.hardware.prepare_coalescing(self)?;
        }
        let kernel = kernel.map(|program| KernelGro {
            program,
            is_run: in_kernel,
        });
        let kernel = kernel
            .map(|kernel| Arc::new(kernel, GFP_KERNEL))
            .transpose()?;
        let facts = Some(facts.unwrap_or(KernelProgram::FIXED));
        let enforcer = self.enforcer();
        let permit = enforcer.permit(Slot::Gro, &found, facts, blame.extack(), rtnl)?;
        let was_one = self.hardware.slots.gro.set(program)?;
        self.gro.kernel.replace(kernel);
        self.gro.faulted.replace(None);
        self.gro.begin(false);
        enforcer.activated(permit, was_one, rtnl);
        // What the policy refused without programs may be on with them.
        self.device.update_features(rtnl);
        Ok(())
    }

    /// Program number `id` of the device, and what it is at this moment, if it can be one for GRO.
    fn gro_candidate(
        &self,
        id: u32,
        blame: &GroBlame<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result<(Arc<LoadedProgram>, DeviceProgram)> {
        let resident = self.asic.residents().from(id, rtnl);
        let Some((_, program)) = resident.filter(|(number, _)| *number == id) else {
            blame.device(fmt!("program {id} is not in the device of the interface"));
            return Err(ENOENT);
        };
        if program.stored().kind() != store::ProgramKind::Xdp || !program.image().only_looks() {
            blame.device(fmt!(
                "a GRO program is one of type XDP that neither writes nor redirects"
            ));
            return Err(EINVAL);
        }
        let loaded = program.label().loaded.into();
        let found = self.check(&program, loaded, Slot::Gro, blame.extack(), rtnl)?;
        Ok((program, found))
    }

    /// Has nobody go by programs any more: a user wants that, or the kernel has given up the one in the device.
    pub(super) fn clear_gro_programs(&self, rtnl: &Rtnl<'_>) {
        let had_one = self.gro_program().is_some();
        // Before the device goes by its own rules.
        self.gro.begin(had_one);
        let was_one = self.hardware.slots.gro.clear().is_some();
        self.gro.kernel.replace(None);
        self.gro.faulted.replace(None);
        if was_one {
            self.enforcer().removed(Slot::Gro, rtnl);
        }
    }

    /// Whether the device goes by the program in `stored`.
    pub(super) fn has_gro_program(&self, stored: &Arc<StoredProgram>) -> bool {
        let program = self.hardware.slots.gro.program();
        program.is_some_and(|it| Arc::ptr_eq(it.stored(), stored))
    }

    /// The program by which the device goes was found not to be what it was, whatever its memory says by now.
    pub(super) fn condemn_gro_program(&self) {
        if let Some(program) = self.hardware.slots.gro.program() {
            program.label().set_faulted();
        }
    }

    /// Takes the program out by which the device goes, as it was found to be faulted.
    pub(super) fn take_out_gro_program(&self) {
        self.gro.set_faulted();
        if let Some(program) = self.hardware.slots.gro.clear() {
            self.gro.faulted.replace(Some(program));
        }
    }

    /// The program in the device, or the one that was found to be faulted.
    pub(super) fn gro_program(&self) -> Option<Arc<LoadedProgram>> {
        let program = self.hardware.slots.gro.program();
        program.or_else(|| self.gro.faulted.load_arc(&rcu::Guard::new()))
    }

    /// What the kernel has for the function of the slot.
    pub(super) fn kernel_gro(&self) -> KernelProgram {
        let guard = rcu::Guard::new();
        let kernel = self.gro.kernel.load(&guard);
        kernel.map_or(KernelProgram::FIXED, |kernel| kernel.program.facts().into())
    }

    /// [`State::Active`] if the device puts frames together, by a program or without.
    pub(super) fn gro_state(&self, rtnl: &Rtnl<'_>) -> State {
        let features = Features::COALESCING & self.device.features(rtnl);
        let is_stopped = self.gro.stops(self.interface.current_policy());
        if features.is_empty() || is_stopped || self.interface.gro_audit.has_ended() {
            State::Loaded
        } else {
            State::Active
        }
    }
}

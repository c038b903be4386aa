// SPDX-License-Identifier: GPL-2.0

//! What it takes to have the device run a program, in whatever slot.

use super::{
    program::OffloadedProgram,
    report::describe, //
};
use crate::port::{
    LoadedProgram,
    Port, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    bpf::AttachedProgram,
    extack::Extack,
    netdev::Rtnl, //
};
use offload::{
    compare,
    DeviceProgram,
    KernelProgram,
    Slot,
    State, //
};

impl Port {
    /// Has the device run `program` in `slot`, where the host runs `kernel`: if what lies in the device
    /// is what the kernel loaded, and the policy permits it, `set` puts it there, is told whether it
    /// replaces the host's, and gives whether it has replaced one of the device's.
    ///
    /// # Errors
    ///
    /// `EINVAL` if what lies in the device is not what the kernel loaded, what the policy gives, or
    /// what `set` gives; then all is as before.
    pub(super) fn attach(
        &self,
        program: &AttachedProgram<'_, OffloadedProgram>,
        (slot, kernel): (Slot, Option<KernelProgram>),
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
        set: impl FnOnce(Arc<LoadedProgram>, bool) -> Result<bool>,
    ) -> Result {
        self.asic.residents().tell_of_new(rtnl);
        let Some(loaded) = program.resident() else {
            extack.msg(c"the program is not in the device: load it again");
            return Err(EINVAL);
        };
        let found = self.check(&loaded, program.facts().into(), slot, extack, rtnl)?;
        let enforcer = self.enforcer();
        let permit = enforcer.permit(slot, &found, kernel, extack, rtnl)?;
        let was_one = set(loaded, permit.replaces_kernel())?;
        enforcer.activated(permit, was_one, rtnl);
        Ok(())
    }

    /// What `program` is at this moment, which the kernel has loaded as `kernel` and which is to be run in
    /// `slot`.
    ///
    /// # Errors
    ///
    /// `EINVAL` if what lies in the device is not what the kernel loaded; `extack` has both digests.
    pub(super) fn check(
        &self,
        program: &LoadedProgram,
        kernel: KernelProgram,
        slot: Slot,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result<DeviceProgram> {
        let was_known = program.label().is_faulted();
        let found = describe(program, State::Loaded);
        if let Err(mismatch) = compare(slot, &found, &kernel) {
            extack.fmt(format_args!("{mismatch}"));
            if !was_known {
                self.enforcer().faulted(slot, &found, rtnl);
            }
            return Err(EINVAL);
        }
        Ok(found)
    }
}

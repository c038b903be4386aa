// SPDX-License-Identifier: GPL-2.0

//! The XDP slot of a port: which program the device runs for each received frame.

use crate::program::{
    LoadedProgram,
    Program, //
};
use kernel::{
    prelude::*,
    sync::rcu::Guard, //
};
use net::{
    bpf::AttachedProgram,
    extack::Extack,
    rcu, //
};
use offload::{
    compare,
    Digest,
    ProgramIdentity,
    Slot, //
};

/// The XDP slot of a port.
pub(crate) struct XdpSlot(rcu::Slot<LoadedProgram>);

impl XdpSlot {
    /// An empty slot.
    pub(crate) const fn empty() -> Self {
        Self(rcu::Slot::empty())
    }

    /// The program to run for the frame at hand, for as long as `guard` is held.
    #[inline]
    pub(crate) fn load<'a>(&'a self, guard: &'a Guard) -> Option<&'a LoadedProgram> {
        self.0.load(guard)
    }

    /// Attaches `program`, in place of the one that is there, or takes that one away. RTNL is held.
    ///
    /// Each frame meets either the old program or the new one. On return no frame is in the old one
    /// any more.
    ///
    /// # Errors
    ///
    /// `EINVAL` if what lies in the device is not what the kernel loaded; `extack` has both
    /// digests, and the old program stays.
    pub(crate) fn setup(
        &self,
        program: Option<&AttachedProgram<'_, Program>>,
        extack: &Extack<'_>,
    ) -> Result {
        let Some(program) = program else {
            self.0.replace(None);
            return Ok(());
        };
        let Some(loaded) = program.loaded() else {
            extack.msg(c"the program is not in the device: load it again");
            return Err(EINVAL);
        };
        let kernel = ProgramIdentity {
            kind: program.program().kind(),
            digest: Digest(*program.program().digest()),
        };
        if let Err(mismatch) = compare(&**loaded, Slot::Xdp, &kernel) {
            extack.fmt(format_args!("{mismatch}"));
            return Err(EINVAL);
        }
        self.0.replace(Some(loaded.clone()));
        Ok(())
    }
}

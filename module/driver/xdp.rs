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
use offload::Slot;

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

    /// Whether there is a program.
    pub(crate) fn is_taken(&self) -> bool {
        self.0.load(&Guard::new()).is_some()
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
        let loaded = LoadedProgram::checked(program, Slot::Xdp, extack)?;
        self.0.replace(Some(loaded));
        Ok(())
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The XDP slot of a port: which program the device runs for each received frame.

use crate::loaded::{
    LoadedProgram,
    StoredProgram, //
};
use kernel::{
    prelude::*,
    sync::{
        rcu::Guard,
        Arc, //
    }, //
};
use net::{
    netdev::Rtnl,
    rcu, //
};

/// What the slot holds.
pub(crate) struct ActiveProgram {
    program: Arc<LoadedProgram>,
    replaces_native: bool,
}

impl ActiveProgram {
    /// The program.
    pub(crate) fn program(&self) -> &LoadedProgram {
        &self.program
    }

    /// Whether the host does not run its program for the frames that this one has seen.
    pub(crate) fn replaces_native(&self) -> bool {
        self.replaces_native
    }
}

/// The XDP slot of a port. Written under RTNL.
pub(crate) struct XdpSlot {
    active: rcu::Slot<ActiveProgram>,
    /// What was active until it was found to be faulted, and the kernel still believes to be.
    faulted: rcu::Slot<LoadedProgram>,
}

impl XdpSlot {
    /// An empty slot.
    pub(crate) const fn empty() -> Self {
        Self {
            active: rcu::Slot::empty(),
            faulted: rcu::Slot::empty(),
        }
    }

    /// The program to run for the frame at hand, for as long as `guard` is held.
    #[inline]
    pub(crate) fn load<'a>(&'a self, guard: &'a Guard) -> Option<&'a ActiveProgram> {
        self.active.load(guard)
    }

    /// Whether there is a program.
    pub(crate) fn is_taken(&self) -> bool {
        self.active.load(&Guard::new()).is_some()
    }

    /// Whether what is made of `stored` runs.
    pub(crate) fn runs(&self, stored: &Arc<StoredProgram>, guard: &Guard) -> bool {
        let active = self.active.load(guard);
        active.is_some_and(|it| Arc::ptr_eq(it.program.stored(), stored))
    }

    /// What runs, and whether it replaces the host's.
    pub(crate) fn active(&self) -> Option<(Arc<LoadedProgram>, bool)> {
        let guard = Guard::new();
        let active = self.active.load(&guard)?;
        Some((active.program.clone(), active.replaces_native))
    }

    /// What ran until it was found to be faulted.
    pub(crate) fn faulted(&self) -> Option<Arc<LoadedProgram>> {
        self.faulted.load_arc(&Guard::new())
    }

    /// Puts `program` in place of what is there, and gives whether there was something.
    ///
    /// Each frame meets either what was there or `program`. On return no frame is in what was there
    /// any more, and each sees `program`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then what was there stays.
    pub(crate) fn set(
        &self,
        program: Arc<LoadedProgram>,
        replaces_native: bool,
        _rtnl: &Rtnl<'_>,
    ) -> Result<bool> {
        let active = ActiveProgram {
            program,
            replaces_native,
        };
        let old = self.active.publish(Some(Arc::new(active, GFP_KERNEL)?));
        self.faulted.replace(None);
        Ok(old.is_some())
    }

    /// Takes away what is there, and gives whether there was something. On return no frame is in it
    /// any more.
    pub(crate) fn clear(&self, _rtnl: &Rtnl<'_>) -> bool {
        self.faulted.replace(None);
        self.active.publish(None).is_some()
    }

    /// As [`Self::clear`], for a program that is faulted: the slot remembers it.
    pub(crate) fn take_out(&self, _rtnl: &Rtnl<'_>) {
        if let Some(active) = self.active.publish(None) {
            self.faulted.replace(Some(active.program.clone()));
        }
    }
}

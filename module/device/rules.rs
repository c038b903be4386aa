// SPDX-License-Identifier: GPL-2.0

//! Programs that a port asks, and whose word counts as far as fixed rules go: which frames are to be put
//! together, and what the headers of segments are.

use crate::program::{
    Program,
    Slotted, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::rcu;

/// What a program was when it was set: its instructions in the program store, and what is executed.
type Fingerprints = (u64, u64);

/// A program that is asked.
pub(crate) struct Asked<L> {
    program: Slotted<L>,
    set: Fingerprints,
}

impl<L> Asked<L> {
    /// It.
    #[inline]
    pub(crate) fn program(&self) -> &Program<L> {
        &self.program
    }

    /// Whether it is what it was when it was set: asked in each poll, so its digest is not made.
    fn is_intact(&self) -> bool {
        fingerprints(&self.program) == self.set
    }
}

/// A program that is asked, as a poll has it.
pub(crate) struct Watched<'a, L> {
    asked: &'a Asked<L>,
    /// What was found when the first super-frame of the poll was there.
    is_intact: Option<bool>,
}

impl<'a, L> Watched<'a, L> {
    pub(crate) fn new(asked: &'a Asked<L>) -> Self {
        Self {
            asked,
            is_intact: None,
        }
    }

    /// Whether it is what it was when it was set, as far as this poll knows.
    #[inline]
    pub(crate) fn is_intact(&mut self) -> bool {
        let asked = self.asked;
        *self.is_intact.get_or_insert_with(|| asked.is_intact())
    }
}

fn fingerprints<L>(program: &Program<L>) -> Fingerprints {
    let (stored, image) = (program.stored(), program.image());
    (stored.fingerprint(), image.fingerprint())
}

/// Where a port has a program that is asked. Who changes it has the host's lock for that.
pub struct AskedSlot<L: Send + Sync>(rcu::Slot<Asked<L>>);

impl<L: Send + Sync> AskedSlot<L> {
    pub(crate) const fn empty() -> Self {
        Self(rcu::Slot::empty())
    }

    /// The one that is asked, for as long as `guard` is held.
    #[inline]
    pub(crate) fn active<'a>(&'a self, guard: &'a rcu::Guard) -> Option<&'a Asked<L>> {
        self.0.load(guard)
    }

    /// The one that is asked.
    pub fn program(&self) -> Option<Arc<Program<L>>> {
        let guard = rcu::Guard::new();
        Some(self.0.load(&guard)?.program.clone())
    }

    /// Has `program` asked; gives whether there was one before. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then what was there stays.
    pub fn set(&self, program: Arc<Program<L>>) -> Result<bool> {
        let set = fingerprints(&program);
        self.replace(program, set)
    }

    fn replace(&self, program: Arc<Program<L>>, set: Fingerprints) -> Result<bool> {
        let program = Slotted::new(program);
        let active = Arc::new(Asked { program, set }, GFP_KERNEL)?;
        Ok(self.0.replace(Some(active)).is_some())
    }

    /// Has none asked, and gives the one that was. On return no poll asks it any more. Process context.
    pub fn clear(&self) -> Option<Arc<Program<L>>> {
        self.0.publish(None).map(|old| old.program.clone())
    }

    /// Has what is asked of `program`'s place in the program store be executed as `program` is: its memory
    /// has failed, so it counts as what it was. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn swap_image(&self, program: &Arc<Program<L>>) -> Result {
        let set = {
            let guard = rcu::Guard::new();
            let active = self.0.load(&guard);
            active
                .filter(|it| Arc::ptr_eq(it.program.stored(), program.stored()))
                .map(|it| it.set)
        };
        match set {
            Some(set) => self.replace(program.clone(), set).map(drop),
            None => Ok(()),
        }
    }
}

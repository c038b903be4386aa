// SPDX-License-Identifier: GPL-2.0

//! The programs that lie in the device.

use crate::program::{
    Program,
    StoredProgram, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};

/// Programs, the oldest first.
type List<L> = KVec<Arc<Program<L>>>;

/// The programs in the device's memory, the oldest first. There is no other list of them.
pub struct Programs<L> {
    /// Held for a look at the list and no longer: nothing is locked behind it.
    list: Pin<KBox<Mutex<List<L>>>>,
}

impl<L> Programs<L> {
    /// None yet.
    pub(crate) fn new() -> Result<Self> {
        let list = new_mutex!(KVec::new(), "offload_nic_programs");
        Ok(Self {
            list: KBox::pin_init(list, GFP_KERNEL)?,
        })
    }

    /// Adds a program. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn add(&self, program: Program<L>) -> Result<Arc<Program<L>>> {
        let program = Arc::new(program, GFP_KERNEL)?;
        self.list.lock().push(program.clone(), GFP_KERNEL)?;
        Ok(program)
    }

    /// Takes what is made of `stored` away, and gives it. Process context.
    pub fn remove(&self, stored: &Arc<StoredProgram<L>>) -> Option<Arc<Program<L>>> {
        let mut list = self.list.lock();
        let position = list.iter().position(|it| is_of(it, stored))?;
        list.remove(position).ok()
    }

    /// What the device runs of `stored`. Process context.
    pub fn of(&self, stored: &Arc<StoredProgram<L>>) -> Option<Arc<Program<L>>> {
        self.see(|programs| programs.iter().find(|it| is_of(it, stored)).cloned())
    }

    /// What `look` gives for the programs that there are. Process context; `look` must not sleep.
    pub fn see<R>(&self, look: impl FnOnce(&[Arc<Program<L>>]) -> R) -> R {
        look(&self.list.lock())
    }

    /// Puts `program` in place of what else is made of the same.
    pub(crate) fn replace(&self, program: &Arc<Program<L>>) -> Result {
        let mut list = self.list.lock();
        let mut programs = list.iter_mut();
        let place = programs.find(|it| is_of(it, program.stored()));
        *place.ok_or(ENOENT)? = program.clone();
        Ok(())
    }
}

fn is_of<L>(program: &Program<L>, stored: &Arc<StoredProgram<L>>) -> bool {
    Arc::ptr_eq(program.stored(), stored)
}

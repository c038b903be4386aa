// SPDX-License-Identifier: GPL-2.0

//! Memory of the card that fails, so that what notices that can be tested.

use crate::{
    card::Card,
    host::MAX_PORTS,
    port::Plugged,
    program::StoredProgram, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

impl<H: Plugged> Card<H> {
    /// Has the memory of the image of `stored` fail in bit `bit`, under the frames that it is run for.
    /// Process context.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such bit, or the device could not execute what comes out; `ENOENT` if
    /// the program is not in the device any more; `ENOMEM`.
    pub fn damage(&self, stored: &Arc<StoredProgram<H::Label>>, bit: usize) -> Result {
        let program = self.programs.of(stored).ok_or(ENOENT)?;
        let damaged = program.damaged(&self.memory.source(), bit)?;
        let damaged = Arc::new(damaged, GFP_KERNEL)?;
        self.programs.replace(&damaged)?;
        for index in 0..MAX_PORTS {
            if let Some(host) = self.ports.get(index) {
                host.port().slots.swap_image(&damaged)?;
            }
        }
        Ok(())
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Memory that ends.

use std::cell::Cell;
use std::sync::Mutex;

use engine::memory::{HostMemory, LockClass, Memory, OutOfMemory};

/// Memory that ends after a number of allocations.
pub(crate) struct Ending(Cell<u32>);

impl Ending {
    pub(crate) fn after(allocations: u32) -> Self {
        Self(Cell::new(allocations))
    }

    fn take(&self) -> Result<(), OutOfMemory> {
        self.0.set(self.0.get().checked_sub(1).ok_or(OutOfMemory)?);
        Ok(())
    }
}

impl Memory for Ending {
    type Buffer<T: Send + Sync + 'static> = Vec<T>;
    type Lock<T: Send + Unpin + 'static> = Mutex<T>;

    fn allocate<T: Send + Sync + 'static>(
        &self,
        len: usize,
        fill: impl FnMut(usize) -> T,
    ) -> Result<Vec<T>, OutOfMemory> {
        self.take()?;
        HostMemory.allocate(len, fill)
    }

    fn locks<T: Send + Unpin + 'static>(
        &self,
        class: LockClass,
        len: usize,
        fill: impl FnMut(usize) -> T,
    ) -> Result<Vec<Mutex<T>>, OutOfMemory> {
        self.take()?;
        HostMemory.locks(class, len, fill)
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Memory that counts how many bytes of it were taken.

use std::cell::Cell;
use std::sync::Mutex;

use engine::memory::{lock_bytes, HostMemory, LockClass, Memory, OutOfMemory};

#[derive(Default)]
pub(crate) struct Measured(pub(crate) Cell<u64>);

impl Measured {
    fn take(&self, len: usize, each: usize) {
        self.0.set(self.0.get() + (len * each) as u64);
    }
}

impl Memory for Measured {
    type Buffer<T: Send + Sync + 'static> = Vec<T>;
    type Lock<T: Send + Unpin + 'static> = Mutex<T>;

    fn allocate<T: Send + Sync + 'static>(
        &self,
        len: usize,
        fill: impl FnMut(usize) -> T,
    ) -> Result<Vec<T>, OutOfMemory> {
        self.take(len, size_of::<T>());
        HostMemory.allocate(len, fill)
    }

    fn locks<T: Send + Unpin + 'static>(
        &self,
        class: LockClass,
        len: usize,
        fill: impl FnMut(usize) -> T,
    ) -> Result<Vec<Mutex<T>>, OutOfMemory> {
        self.take(len, lock_bytes::<T>());
        HostMemory.locks(class, len, fill)
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Memory that counts how many bytes of it are taken.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use engine::memory::{lock_bytes, HostMemory, LockClass, Memory, OutOfMemory};

/// Memory that counts what it gives.
#[derive(Clone, Default)]
pub(crate) struct Counting(pub(crate) Arc<AtomicUsize>);

impl Memory for Counting {
    type Buffer<T: Send + Sync + 'static> = Vec<T>;
    type Lock<T: Send + Unpin + 'static> = Mutex<T>;

    fn allocate<T: Send + Sync + 'static>(
        &self,
        len: usize,
        fill: impl FnMut(usize) -> T,
    ) -> Result<Vec<T>, OutOfMemory> {
        self.0.fetch_add(len * size_of::<T>(), Ordering::Relaxed);
        HostMemory.allocate(len, fill)
    }

    fn locks<T: Send + Unpin + 'static>(
        &self,
        class: LockClass,
        len: usize,
        fill: impl FnMut(usize) -> T,
    ) -> Result<Vec<Mutex<T>>, OutOfMemory> {
        self.0.fetch_add(len * lock_bytes::<T>(), Ordering::Relaxed);
        HostMemory.locks(class, len, fill)
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Where the device's memory and its locks come from.
//!
//! The device owns all memory that a program can reach, but it does not know how to get memory, nor
//! how to wait for another CPU: whoever embeds the engine does. The kernel module hands out
//! `kvmalloc` memory under a quota and spin locks; host builds and tests use ordinary vectors and
//! mutexes ([`HostMemory`]).

use core::fmt;
use core::ops::{Deref, DerefMut};

/// The embedder has no more memory for the device: its quota is spent or the host is short of
/// memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfMemory;

impl fmt::Display for OutOfMemory {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no memory left for the device")
    }
}

/// What one lock counts for, in bytes of device memory, whatever the embedder's takes: a cache line.
pub const LOCK_BYTES: u64 = 64;

/// What a lock counts as, in bytes, that has a `T` in it: no less than that, whatever a lock is in this kernel.
#[inline]
pub const fn lock_bytes<T>() -> usize {
    // CAST: It is small.
    let (least, inner) = (LOCK_BYTES as usize, size_of::<T>());
    if inner > least {
        inner
    } else {
        least
    }
}

/// What a lock guards. Locks of one class are never nested; of two, the one that is listed first is
/// taken first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockClass {
    /// Chains of a hash map.
    Buckets,
    /// The elements of a hash map that hold nothing.
    FreeElements,
    /// Flows that the host has steered.
    Flows,
    /// Frames that failed at a node of a parse graph.
    Failures,
}

/// Mutual exclusion around a `T`.
///
/// Whoever asks waits for as long as it takes. Critical sections are short, don't sleep and don't
/// take the same lock again. They run wherever the engine is called: in the kernel in softirq
/// context, and in process context with bottom halves disabled.
pub trait Lock<T>: Send + Sync + 'static {
    /// Runs `critical` while nobody else runs such a section of this lock.
    fn with<R>(&self, critical: impl FnOnce(&mut T) -> R) -> R;
}

/// A source of device memory and of locks.
///
/// Allocation happens only when programs and maps are made or removed, never per frame.
pub trait Memory: 'static {
    /// A fixed-size run of elements; freed when dropped.
    type Buffer<T: Send + Sync + 'static>: Deref<Target = [T]> + DerefMut + Send + Sync + 'static;

    /// A lock.
    type Lock<T: Send + Unpin + 'static>: Lock<T>;

    /// Allocates `len` elements, element `i` made by `fill(i)`.
    ///
    /// Process context; may sleep. `len` may be zero.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`]; nothing stays allocated.
    fn allocate<T: Send + Sync + 'static>(
        &self,
        len: usize,
        fill: impl FnMut(usize) -> T,
    ) -> Result<Self::Buffer<T>, OutOfMemory>;

    /// Makes `len` locks of one class, lock `i` around `fill(i)`. Each counts as [`lock_bytes`].
    ///
    /// Process context; may sleep.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`]; nothing stays allocated.
    fn locks<T: Send + Unpin + 'static>(
        &self,
        class: LockClass,
        len: usize,
        fill: impl FnMut(usize) -> T,
    ) -> Result<Self::Buffer<Self::Lock<T>>, OutOfMemory>;
}

#[cfg(any(test, feature = "std"))]
impl<T: Send + Unpin + 'static> Lock<T> for std::sync::Mutex<T> {
    fn with<R>(&self, critical: impl FnOnce(&mut T) -> R) -> R {
        // A test that failed inside has told so already.
        let guard = self.lock();
        critical(&mut guard.unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

/// Device memory from the host's allocator, without a quota: for tests, benches and host tools.
#[cfg(any(test, feature = "std"))]
#[derive(Clone, Copy, Debug, Default)]
pub struct HostMemory;

#[cfg(any(test, feature = "std"))]
impl Memory for HostMemory {
    type Buffer<T: Send + Sync + 'static> = std::vec::Vec<T>;
    type Lock<T: Send + Unpin + 'static> = std::sync::Mutex<T>;

    fn allocate<T: Send + Sync + 'static>(
        &self,
        len: usize,
        fill: impl FnMut(usize) -> T,
    ) -> Result<Self::Buffer<T>, OutOfMemory> {
        let mut elements = std::vec::Vec::new();
        elements.try_reserve_exact(len).map_err(|_| OutOfMemory)?;
        elements.extend((0..len).map(fill));
        Ok(elements)
    }

    fn locks<T: Send + Unpin + 'static>(
        &self,
        _class: LockClass,
        len: usize,
        mut fill: impl FnMut(usize) -> T,
    ) -> Result<Self::Buffer<Self::Lock<T>>, OutOfMemory> {
        self.allocate(len, |index| std::sync::Mutex::new(fill(index)))
    }
}

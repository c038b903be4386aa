// SPDX-License-Identifier: GPL-2.0

//! Where the device's memory comes from.
//!
//! The device owns all memory that a program can reach, but it does not know how to get memory:
//! whoever embeds the engine does. The kernel module hands out `kvmalloc` memory under a quota;
//! host builds and tests use ordinary vectors ([`HostMemory`]).

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

/// A source of device memory.
///
/// Allocation happens only when programs and maps are made or removed, never per frame.
pub trait Memory: 'static {
    /// A fixed-size run of elements; freed when dropped.
    type Buffer<T: Send + Sync + 'static>: Deref<Target = [T]> + DerefMut + Send + Sync + 'static;

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
}

/// Device memory from the host's allocator, without a quota: for tests, benches and host tools.
#[cfg(any(test, feature = "std"))]
#[derive(Clone, Copy, Debug, Default)]
pub struct HostMemory;

#[cfg(any(test, feature = "std"))]
impl Memory for HostMemory {
    type Buffer<T: Send + Sync + 'static> = std::vec::Vec<T>;

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
}

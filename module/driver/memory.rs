// SPDX-License-Identifier: GPL-2.0

//! The memory of one NIC: kernel memory, counted against what the device is built with.

use core::{
    fmt,
    ops::{
        Deref,
        DerefMut, //
    },
    sync::atomic::{
        AtomicU64,
        Ordering, //
    },
};
use engine::{
    limits::Limits,
    memory::{
        Memory,
        OutOfMemory, //
    }, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// Bytes of memory that a NIC has for programs and maps.
pub(crate) const DEVICE_MEMORY: u64 = 256 << 20;

/// The memory that the programs and maps of one NIC share.
#[derive(Clone)]
pub(crate) struct DeviceMemory {
    quota: Arc<Quota>,
    limits: Limits,
}

impl DeviceMemory {
    /// Memory for one NIC, all of it free.
    pub(crate) fn new() -> Result<Self> {
        let quota = Quota {
            limit: DEVICE_MEMORY,
            used: AtomicU64::new(0),
        };
        Ok(Self {
            quota: Arc::new(quota, GFP_KERNEL)?,
            limits: Limits {
                max_map_bytes: DEVICE_MEMORY,
                ..Limits::default()
            },
        })
    }

    /// The source that the engine takes this memory from.
    pub(crate) fn source(&self) -> KernelMemory {
        KernelMemory(self.quota.clone())
    }

    /// What one program or map may ask for.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How many bytes are in use, and how many there are.
    pub(crate) fn usage(&self) -> (u64, u64) {
        (self.quota.used.load(Ordering::Relaxed), self.quota.limit)
    }
}

impl fmt::Display for DeviceMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (used, limit) = self.usage();
        write!(f, "device memory: {used} of {limit} bytes in use")
    }
}

/// How much of a fixed amount of memory is in use.
struct Quota {
    limit: u64,
    used: AtomicU64,
}

/// A part of a quota, given back when dropped.
struct Charge {
    quota: Arc<Quota>,
    bytes: u64,
}

impl Charge {
    fn new(quota: &Arc<Quota>, bytes: u64) -> Result<Self, OutOfMemory> {
        let grow = |used: u64| used.checked_add(bytes).filter(|&sum| sum <= quota.limit);
        quota
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow)
            .map_err(|_| OutOfMemory)?;
        Ok(Self {
            quota: quota.clone(),
            bytes,
        })
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.quota.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The memory of one NIC, for the engine.
#[derive(Clone)]
pub(crate) struct KernelMemory(Arc<Quota>);

/// A run of elements in the memory of a NIC.
pub(crate) struct KernelBuffer<T> {
    // Fields are dropped in declaration order: memory is free before it counts as free.
    elements: KVVec<T>,
    _charge: Charge,
}

impl<T> Deref for KernelBuffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.elements
    }
}

impl<T> DerefMut for KernelBuffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.elements
    }
}

impl Memory for KernelMemory {
    type Buffer<T: Send + Sync + 'static> = KernelBuffer<T>;

    fn allocate<T: Send + Sync + 'static>(
        &self,
        len: usize,
        mut fill: impl FnMut(usize) -> T,
    ) -> Result<KernelBuffer<T>, OutOfMemory> {
        let bytes = len.checked_mul(size_of::<T>()).ok_or(OutOfMemory)?;
        // CAST: `usize` has at most 64 bits.
        let charge = Charge::new(&self.0, bytes as u64)?;
        // Charged to the memory cgroup of whoever loads; the refusal is told to the user, so that
        // the allocator need not write a warning with a stack dump to the kernel log.
        let flags = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
        let mut elements = KVVec::with_capacity(len, flags).map_err(|_| OutOfMemory)?;
        for index in 0..len {
            elements.push(fill(index), flags).map_err(|_| OutOfMemory)?;
        }
        Ok(KernelBuffer {
            elements,
            _charge: charge,
        })
    }
}

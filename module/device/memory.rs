// SPDX-License-Identifier: GPL-2.0

//! The memory of one NIC: kernel memory, counted against what the device is built with; and the
//! locks of what lies in it.

use core::{
    fmt,
    ops::{
        Deref,
        DerefMut, //
    }, //
};
use engine::{
    limits::{
        Limits,
        DEVICE_MEMORY, //
    },
    memory::{
        lock_bytes,
        Lock,
        LockClass,
        Memory,
        OutOfMemory, //
    },
    resources::{
        self,
        Exhausted,
        Resource,
        Resources,
        Usage, //
    }, //
};
use kernel::{
    alloc::Flags,
    new_spinlock,
    prelude::*,
    sync::{
        Arc,
        SpinLock, //
    }, //
};

/// The memory that the programs and maps of one NIC share, and what else they take of the device.
#[derive(Clone)]
pub struct DeviceMemory {
    resources: Arc<Resources>,
    limits: Limits,
}

impl DeviceMemory {
    /// Memory for one NIC, all of it free.
    pub fn new() -> Result<Self> {
        Ok(Self {
            resources: Arc::new(Resources::new(), GFP_KERNEL)?,
            limits: Limits {
                max_map_bytes: DEVICE_MEMORY,
                ..Limits::default()
            },
        })
    }

    /// The source that the engine takes this memory from. What it takes is charged piece by piece.
    pub(crate) fn source(&self) -> KernelMemory {
        KernelMemory(Some(self.resources.clone()))
    }

    /// A source of memory that was charged beforehand.
    pub(crate) fn charged_source(&self) -> KernelMemory {
        KernelMemory::uncharged()
    }

    /// What one program or map may ask for.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What there is of the device, and is in use.
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// Takes `amount` of `resource`. Any context.
    ///
    /// # Errors
    ///
    /// [`Exhausted`] if there is not as much left.
    pub(crate) fn charge(&self, resource: Resource, amount: u64) -> Result<Charge, Exhausted> {
        Charge::new(self.resources.clone(), resource, amount)
    }

    /// What takes `resource` piece by piece, and has none yet.
    pub(crate) fn tally(&self, resource: Resource) -> Tally {
        Tally::new(self.resources.clone(), resource)
    }

    /// How many bytes are in use, and how many there are.
    pub fn usage(&self) -> Usage {
        self.resources.usage(Resource::Memory)
    }
}

impl fmt::Display for DeviceMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Usage { used, size, .. } = self.usage();
        write!(f, "device memory: {used} of {size} bytes in use")
    }
}

/// Pieces of a resource that are in use, given back when dropped.
pub(crate) type Tally = resources::Tally<Arc<Resources>>;

/// A part of a resource that is in use, given back when dropped.
pub type Charge = resources::Charge<Arc<Resources>>;

/// The memory of one NIC, for the engine; without resources if what it takes is charged already.
#[derive(Clone)]
pub struct KernelMemory(Option<Arc<Resources>>);

/// A run of elements in the memory of a NIC.
pub struct KernelBuffer<T> {
    // Fields are dropped in declaration order: memory is free before it counts as free.
    elements: KVVec<T>,
    _charge: Option<Charge>,
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

/// A spin lock on a cache line of its own. The data path takes it in softirq context, so process
/// context takes it with bottom halves disabled.
pub struct KernelLock<T>(Pin<KBox<Line<T>>>);

#[pin_data]
#[repr(align(64))]
struct Line<T> {
    #[pin]
    lock: SpinLock<T>,
}

impl<T: Send + Unpin + 'static> KernelLock<T> {
    fn new(class: LockClass, guarded: T) -> Result<Self, OutOfMemory> {
        // A class of lockdep's for each: one is taken while another is held.
        let line = match class {
            LockClass::Buckets => KBox::pin_init(
                pin_init!(Line { lock <- new_spinlock!(guarded, "offload_nic_map_buckets") }),
                flags(),
            ),
            LockClass::FreeElements => KBox::pin_init(
                pin_init!(Line { lock <- new_spinlock!(guarded, "offload_nic_map_free_elements") }),
                flags(),
            ),
            LockClass::Flows => KBox::pin_init(
                pin_init!(Line { lock <- new_spinlock!(guarded, "offload_nic_flows") }),
                flags(),
            ),
            LockClass::Failures => KBox::pin_init(
                pin_init!(Line { lock <- new_spinlock!(guarded, "offload_nic_failures") }),
                flags(),
            ),
        };
        line.map(Self).map_err(|_| OutOfMemory)
    }
}

impl<T: Send + Unpin + 'static> Lock<T> for KernelLock<T> {
    #[inline]
    fn with<R>(&self, critical: impl FnOnce(&mut T) -> R) -> R {
        critical(&mut self.0.lock.lock())
    }
}

impl Memory for KernelMemory {
    type Buffer<T: Send + Sync + 'static> = KernelBuffer<T>;
    type Lock<T: Send + Unpin + 'static> = KernelLock<T>;

    fn allocate<T: Send + Sync + 'static>(
        &self,
        len: usize,
        mut fill: impl FnMut(usize) -> T,
    ) -> Result<KernelBuffer<T>, OutOfMemory> {
        let charge = self.charge(len.checked_mul(size_of::<T>()))?;
        let elements = collect(len, |index| Ok(fill(index)))?;
        Ok(KernelBuffer {
            elements,
            _charge: charge,
        })
    }

    fn locks<T: Send + Unpin + 'static>(
        &self,
        class: LockClass,
        len: usize,
        mut fill: impl FnMut(usize) -> T,
    ) -> Result<KernelBuffer<KernelLock<T>>, OutOfMemory> {
        let charge = self.charge(len.checked_mul(lock_bytes::<T>()))?;
        let elements = collect(len, |index| KernelLock::new(class, fill(index)))?;
        Ok(KernelBuffer {
            elements,
            _charge: charge,
        })
    }
}

impl KernelMemory {
    /// A source of memory that counts nothing: it was charged beforehand, or is no memory of the device's.
    pub(crate) fn uncharged() -> Self {
        Self(None)
    }

    /// Takes `bytes` (nothing, if there are more than can be counted) of the device, unless that was
    /// done beforehand.
    fn charge(&self, bytes: Option<usize>) -> Result<Option<Charge>, OutOfMemory> {
        let bytes = bytes.ok_or(OutOfMemory)?;
        let Some(resources) = &self.0 else {
            return Ok(None);
        };
        // CAST: `usize` has at most 64 bits.
        let charge = Charge::new(resources.clone(), Resource::Memory, bytes as u64);
        charge.map(Some).map_err(|_| OutOfMemory)
    }
}

/// Charged to the memory cgroup of whoever loads; a refusal is told to the user, so that the
/// allocator need not write a warning with a stack dump to the kernel log.
fn flags() -> Flags {
    GFP_KERNEL_ACCOUNT | __GFP_NOWARN
}

/// As many elements as `len`, element `i` made by `make(i)`.
fn collect<T>(
    len: usize,
    make: impl FnMut(usize) -> Result<T, OutOfMemory>,
) -> Result<KVVec<T>, OutOfMemory> {
    let mut elements = KVVec::with_capacity(len, flags()).map_err(|_| OutOfMemory)?;
    for element in (0..len).map(make) {
        elements.push(element?, flags()).map_err(|_| OutOfMemory)?;
    }
    Ok(elements)
}

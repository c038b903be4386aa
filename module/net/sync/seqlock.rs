// SPDX-License-Identifier: GPL-2.0

//! What many read and few write.
//!
//! C header: [`include/linux/seqlock.h`](srctree/include/linux/seqlock.h)

use crate::bindings;
use core::{
    cell::UnsafeCell,
    mem::MaybeUninit, //
};
use kernel::{
    prelude::*,
    types::Opaque, //
};

/// A value that is read without a lock, by readers who begin again if somebody writes meanwhile, and
/// written with interrupts off (`seqlock_t`).
///
/// Any context but non-maskable interrupts, for both. A writer can't be come upon by a reader on its
/// own CPU, so that none waits for long.
///
/// # Invariants
///
/// `lock` is initialised. Only who has it writes to `value`.
#[pin_data]
pub struct SeqLock<T: Copy> {
    #[pin]
    lock: Opaque<bindings::seqlock_t>,
    value: UnsafeCell<T>,
}

// SAFETY: The value is plain data, which moves with what has it.
unsafe impl<T: Copy + Send> Send for SeqLock<T> {}
// SAFETY: Readers get copies of the value, and one at a time writes.
unsafe impl<T: Copy + Send> Sync for SeqLock<T> {}

impl<T: Copy> SeqLock<T> {
    /// With `value` in it.
    pub fn new(value: T) -> impl PinInit<Self> {
        pin_init!(Self {
            // INVARIANT: Initialised by this, where it stays.
            // SAFETY: `lock` is memory for a `seqlock_t`.
            lock <- Opaque::ffi_init(|lock| unsafe { bindings::offload_nic_seqlock_init(lock) }),
            value: UnsafeCell::new(value),
        })
    }

    /// The value, and what `sample` gives while that is the value: it is called again whenever
    /// somebody has written meanwhile, and must be quick.
    #[inline]
    pub fn read<R>(&self, mut sample: impl FnMut() -> R) -> (T, R) {
        loop {
            // SAFETY: Initialised by the type invariants.
            let begun = unsafe { bindings::offload_nic_read_seqbegin(self.lock.get()) };
            // SAFETY: It is there and aligned. A writer may be at work on it on another CPU: what is
            // copied may be of no value at all, and is not taken for one before it is known that none
            // was. That is what the kernel's memory model has volatile reads for.
            let value = unsafe {
                self.value
                    .get()
                    .cast_const()
                    .cast::<MaybeUninit<T>>()
                    .read_volatile()
            };
            let sampled = sample();
            // SAFETY: As above.
            if !unsafe { bindings::offload_nic_read_seqretry(self.lock.get(), begun) } {
                // SAFETY: Nobody has written while it was read.
                return (unsafe { value.assume_init() }, sampled);
            }
        }
    }

    /// Has `change` make another value of the one that there is: no reader has the old one any more
    /// when this has returned, and writers wait for each other. Interrupts are off meanwhile.
    ///
    /// # Errors
    ///
    /// What `change` gives; then the value stays.
    pub fn write<E>(&self, change: impl FnOnce(&T) -> Result<T, E>) -> Result<(), E> {
        // SAFETY: Initialised by the type invariants. Paired with the call below; there is no way out
        // between them, as the kernel does not unwind.
        let flags = unsafe { bindings::offload_nic_write_seqlock(self.lock.get()) };
        // SAFETY: We have the lock, so that nobody else writes.
        let result = change(unsafe { &*self.value.get() }).map(|value| {
            // SAFETY: As above, and nobody has a reference to it; who reads at this moment finds out.
            // The write is volatile as those reads are.
            unsafe { self.value.get().write_volatile(value) };
        });
        // SAFETY: It was taken above.
        unsafe { bindings::offload_nic_write_sequnlock(self.lock.get(), flags) };
        result
    }
}

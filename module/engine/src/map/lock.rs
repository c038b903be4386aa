// SPDX-License-Identifier: GPL-2.0

//! A spin lock without an owner's data: it guards links between atomics.

use core::hint;
use core::sync::atomic::{AtomicU32, Ordering};

/// How often a locked lock is looked at before the caller gives up: far longer than any holder
/// keeps one, and short enough that a lock that is never released costs a fraction of a second and
/// not the machine.
const SPINS: u32 = 1 << 22;

/// The lock was not released in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Contended;

/// A spin lock. Holders neither sleep nor take it twice; in the kernel they run with bottom halves
/// disabled.
#[derive(Default)]
pub(crate) struct SpinLock(AtomicU32);

impl SpinLock {
    /// Takes the lock; it is released when the guard is dropped.
    #[inline]
    pub(crate) fn lock(&self) -> Result<SpinGuard<'_>, Contended> {
        for _ in 0..SPINS {
            let free = self.0.load(Ordering::Relaxed) == 0;
            if free
                && self
                    .0
                    .compare_exchange_weak(0, 1, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return Ok(SpinGuard(&self.0));
            }
            hint::spin_loop();
        }
        Err(Contended)
    }
}

/// Keeps a [`SpinLock`] locked.
pub(crate) struct SpinGuard<'a>(&'a AtomicU32);

impl Drop for SpinGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

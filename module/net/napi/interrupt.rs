// SPDX-License-Identifier: GPL-2.0

//! The interrupt of a queue, which NAPI masks while the queue is polled, and for longer if the user
//! wants that (`napi_defer_hard_irqs`).

use core::sync::atomic::{
    AtomicU8,
    Ordering, //
};

const MASKED: u8 = 1;
/// An event came since the interrupt was masked.
const PENDING: u8 = 2;

/// An interrupt that a device raises and a driver masks.
pub(crate) struct Interrupt(AtomicU8);

impl Interrupt {
    /// It is not masked.
    pub(crate) const fn new() -> Self {
        Self(AtomicU8::new(0))
    }

    /// Raises it, and gives whether it is to be handled now. Else it will be when it is unmasked.
    /// What the caller did before is seen by whoever handles it, if that one takes a lock or masks
    /// the interrupt first.
    #[inline]
    pub(crate) fn raise(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
            || self.0.fetch_or(PENDING, Ordering::AcqRel) & MASKED == 0
    }

    /// Masks it. What had raised it so far is for the caller to handle.
    #[inline]
    pub(crate) fn mask(&self) {
        self.0.swap(MASKED, Ordering::AcqRel);
    }

    /// Unmasks it, and gives whether it was raised since [`Self::mask`].
    #[inline]
    pub(crate) fn unmask(&self) -> bool {
        self.0.swap(0, Ordering::AcqRel) & PENDING != 0
    }
}

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

/// The mask of an interrupt that a device raises, and a driver handles by polling.
///
/// To raise it masks it, as devices do of which one says that they *auto-mask*: how many events come
/// before the poll begins, there is one interrupt.
pub(crate) struct Interrupt(AtomicU8);

impl Interrupt {
    /// It is not masked.
    pub(crate) const fn new() -> Self {
        Self(AtomicU8::new(0))
    }

    /// Notes an event, masks it, and gives whether it is to be delivered: it was not masked. Else what
    /// has masked it is followed by a poll, or by its being unmasked. What the caller did before is seen
    /// by the poll that handles it.
    #[inline]
    pub(crate) fn raise(&self) -> bool {
        self.0.fetch_or(MASKED | PENDING, Ordering::AcqRel) & MASKED == 0
    }

    /// Masks it, and is followed by a poll: what had raised it so far is for the caller to handle.
    #[inline]
    pub(crate) fn mask(&self) {
        if self.0.load(Ordering::Relaxed) == 0 {
            // Somebody polls without having been asked. Who raises it before it sees this delivers it,
            // and NAPI does not forget that during a poll (`NAPI_STATE_MISSED`). So there is nothing to
            // be kept, and no need for a locked operation.
            self.0.store(MASKED, Ordering::Relaxed);
        } else {
            self.0.swap(MASKED, Ordering::AcqRel);
        }
    }

    /// Unmasks it, and gives whether it was raised since [`Self::mask`].
    #[inline]
    pub(crate) fn unmask(&self) -> bool {
        self.0.swap(0, Ordering::AcqRel) & PENDING != 0
    }
}

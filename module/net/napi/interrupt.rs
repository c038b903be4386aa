// SPDX-License-Identifier: GPL-2.0

//! The interrupt of a queue, which NAPI masks while the queue is polled, and for longer if the user
//! wants that (`napi_defer_hard_irqs`).

use kernel::sync::atomic::{
    Atomic,
    Full,
    Relaxed, //
};

const UNMASKED: i32 = 0;
const MASKED: i32 = 1;
/// It is masked, and an event came since.
const PENDING: i32 = 2;

/// The mask of an interrupt that a device raises, and a driver handles by polling.
///
/// To raise it masks it, as devices do of which one says that they *auto-mask*: how many events come
/// before the poll begins, there is one interrupt.
pub(crate) struct Interrupt(Atomic<i32>);

impl Interrupt {
    /// It is not masked.
    pub(crate) const fn new() -> Self {
        Self(Atomic::new(UNMASKED))
    }

    /// Notes an event, masks it, and gives whether it is to be delivered: it was not masked. Else what
    /// has masked it is followed by a poll, or by its being unmasked. What the caller did before is seen
    /// by the poll that handles it.
    #[inline]
    pub(crate) fn raise(&self) -> bool {
        self.replace(PENDING) == UNMASKED
    }

    /// Masks it, and is followed by a poll: what had raised it so far is for the caller to handle.
    #[inline]
    pub(crate) fn mask(&self) {
        if self.0.load(Relaxed) == UNMASKED {
            // Somebody polls without having been asked. Who raises it before it sees this delivers it,
            // and NAPI does not forget that during a poll (`NAPI_STATE_MISSED`). So there is nothing to
            // be kept, and no need for a locked operation.
            self.0.store(MASKED, Relaxed);
        } else {
            self.replace(MASKED);
        }
    }

    /// Unmasks it, and gives whether it was raised since [`Self::mask`].
    #[inline]
    pub(crate) fn unmask(&self) -> bool {
        self.replace(UNMASKED) == PENDING
    }

    /// What `xchg()` does, which locks the bus also where there is one CPU.
    #[inline]
    fn replace(&self, new: i32) -> i32 {
        loop {
            let old = self.0.load(Relaxed);
            if self.0.cmpxchg(old, new, Full).is_ok() {
                return old;
            }
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Memory of the card that fails under what is put together there, so that what notices that can be tested.

use core::sync::atomic::{
    AtomicU32,
    Ordering, //
};
use kernel::prelude::*;
use net::skbuff::Aggregate;

/// Memory that fails under the next super-frame which a port puts together.
pub struct DamagedSuperFrame {
    /// The number of the bit and 1, or 0 for none.
    bit: AtomicU32,
}

impl DamagedSuperFrame {
    /// None fails.
    pub(crate) const fn none() -> Self {
        Self {
            bit: AtomicU32::new(0),
        }
    }

    /// Has bit `bit` of the next one fail, from its first byte on and the lowest first: of one that has that
    /// bit in the frame that came first. Any context.
    ///
    /// # Errors
    ///
    /// `EINVAL`: no frame has as many.
    pub fn set(&self, bit: u32) -> Result {
        let number = bit.checked_add(1).ok_or(EINVAL)?;
        self.bit.store(number, Ordering::Relaxed);
        Ok(())
    }

    /// It befalls `frame`, if it is to.
    #[inline]
    pub(crate) fn befall(&self, frame: &mut Aggregate) {
        if self.bit.load(Ordering::Relaxed) != 0 {
            self.flip(frame);
        }
    }

    #[cold]
    #[inline(never)]
    fn flip(&self, frame: &mut Aggregate) {
        let number = self.bit.load(Ordering::Relaxed);
        let Some(bit) = number.checked_sub(1) else {
            return;
        };
        // CAST: `usize` has at least 32 bits.
        let Some(byte) = frame.first_mut().get_mut((bit / 8) as usize) else {
            return;
        };
        let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        // Another queue may have been first.
        if self
            .bit
            .compare_exchange(number, 0, success, failure)
            .is_ok()
        {
            *byte ^= 1 << (bit % 8);
        }
    }
}

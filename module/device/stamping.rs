// SPDX-License-Identifier: GPL-2.0

//! Which frames of a port are stamped.

use core::sync::atomic::{
    AtomicBool,
    Ordering, //
};

/// Which frames of a port are stamped.
pub(crate) struct Stamping {
    left: AtomicBool,
    arrived: AtomicBool,
}

impl Stamping {
    /// None.
    pub(crate) const fn new() -> Self {
        Self {
            left: AtomicBool::new(false),
            arrived: AtomicBool::new(false),
        }
    }

    /// Those that leave, if `left`, and those that arrive, if `arrived`.
    pub(crate) fn set(&self, left: bool, arrived: bool) {
        self.left.store(left, Ordering::Relaxed);
        self.arrived.store(arrived, Ordering::Relaxed);
    }

    /// Whether those that leave are.
    #[inline]
    pub(crate) fn left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    /// Whether those that arrive are.
    #[inline]
    pub(crate) fn arrived(&self) -> bool {
        self.arrived.load(Ordering::Relaxed)
    }
}

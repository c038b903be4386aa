// SPDX-License-Identifier: GPL-2.0

//! Which received frames have their headers and what these carry in different memory.

use core::sync::atomic::{
    AtomicU32,
    Ordering, //
};

/// Frames that are longer than some number of bytes, or none. Written under RTNL, read by polls at any
/// time: one that runs has what it has read at its beginning.
pub(crate) struct Splits(AtomicU32);

impl Splits {
    /// Longer than any frame.
    const NONE: u32 = u32::MAX;

    /// None.
    pub(super) const fn new() -> Self {
        Self(AtomicU32::new(Self::NONE))
    }

    /// Those longer than `threshold` bytes, or none.
    pub(crate) fn set(&self, threshold: Option<u32>) {
        self.0
            .store(threshold.unwrap_or(Self::NONE), Ordering::Relaxed);
    }

    /// How long the longest frames are that lie in one piece, if there are others.
    #[inline]
    pub(crate) fn threshold(&self) -> Option<u32> {
        let threshold = self.0.load(Ordering::Relaxed);
        (threshold != Self::NONE).then_some(threshold)
    }
}

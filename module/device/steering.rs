// SPDX-License-Identifier: GPL-2.0

//! What a port has to steer by, and what it counts of it.

use crate::memory::KernelMemory;
use core::sync::atomic::{
    AtomicU64,
    Ordering, //
};
use engine::steer;

/// What steers the frames of a port.
pub(crate) type Steering = steer::Steering<KernelMemory>;

/// The flows of a port that its host steers by itself.
pub(crate) type FlowTable = steer::FlowTable<KernelMemory>;

/// How frames came to the queue that they are in, or why they came to none.
pub struct Steered([AtomicU64; steer::Reason::ALL.len()]);

impl Steered {
    pub(crate) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; steer::Reason::ALL.len()])
    }

    /// Counts a frame. Several senders do at once.
    #[inline]
    pub(crate) fn count(&self, reason: steer::Reason) {
        if let Some(count) = self.0.get(reason as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many there were for `reason`. Those of a port with one queue and no rules are not looked
    /// at, and not counted.
    pub fn get(&self, reason: steer::Reason) -> u64 {
        let count = self.0.get(reason as usize);
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

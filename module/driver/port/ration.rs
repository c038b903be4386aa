// SPDX-License-Identifier: GPL-2.0

//! The time that frames which bounce between two ports for ever may take: all queues in which they
//! do share a fifth of one CPU, however many there are.
//!
//! Softirqs are served before all tasks; without this the machine would do nothing else. These frames
//! have a lane of their own, so that no other frame waits for them.

use core::sync::atomic::{
    AtomicU64,
    Ordering, //
};

/// How much time passes for each piece of it that is spent on frames that bounce.
const SHARE: u64 = 5;
/// The shortest pause in nanoseconds: what a timer can do without being the work itself.
const MIN_PAUSE_NS: u64 = 10_000;
/// The longest pause in nanoseconds.
const MAX_PAUSE_NS: u64 = 2_000_000_000;

/// The time of the monotonic clock up to which the ration is used up, in nanoseconds.
static USED_UP_TO: AtomicU64 = AtomicU64::new(0);

/// Until when the frames that bounce in a receive queue have to wait, by the monotonic clock, in
/// nanoseconds. Belongs to the queue's poll.
#[derive(Default)]
pub(crate) struct Pause(AtomicU64);

impl Pause {
    /// How long that is from `now` on; nothing if it is over.
    pub(crate) fn left(&self, now: u64) -> Option<u64> {
        let until = self.0.load(Ordering::Relaxed);
        until.checked_sub(now).filter(|left| *left > 0)
    }

    /// Notes that the frames of the queue took from `began` to `now`, and gives how long they have
    /// to wait.
    pub(crate) fn begin(&self, began: u64, now: u64) -> u64 {
        let used = now.saturating_sub(began).saturating_mul(SHARE);
        // Two polls at once may lose one of their notes: the ration is no exact one.
        let from = USED_UP_TO.load(Ordering::Relaxed).max(began);
        let left = from.saturating_add(used).saturating_sub(now);
        let left = left.clamp(MIN_PAUSE_NS, MAX_PAUSE_NS);
        let until = now.saturating_add(left);
        USED_UP_TO.store(until, Ordering::Relaxed);
        self.0.store(until, Ordering::Relaxed);
        left
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The time that frames which bounce between two ports for ever may take: all queues in which they
//! do share a fifth of one CPU, however many there are.
//!
//! Softirqs are served before all tasks; without this the machine would do nothing else.

use core::sync::atomic::{
    AtomicU64,
    Ordering, //
};

/// How much time passes for each piece of it that is spent on frames that bounce.
const SHARE: u64 = 5;
/// The shortest rest in nanoseconds: what a timer can do without being the work itself.
const MIN_REST_NS: u64 = 10_000;
/// The longest rest in nanoseconds.
const MAX_REST_NS: u64 = 2_000_000_000;

/// The time of the monotonic clock up to which the ration is used up, in nanoseconds.
static USED_UP_TO: AtomicU64 = AtomicU64::new(0);

/// Notes that a poll took from `began` to `now`; gives how long its queue has to rest, all in
/// nanoseconds.
pub(super) fn rest(began: u64, now: u64) -> u64 {
    let used = now.saturating_sub(began).saturating_mul(SHARE);
    // Two polls at once may lose one of their notes: the ration is no exact one.
    let from = USED_UP_TO.load(Ordering::Relaxed).max(began);
    let rest = from.saturating_add(used).saturating_sub(now);
    let rest = rest.clamp(MIN_REST_NS, MAX_REST_NS);
    USED_UP_TO.store(now.saturating_add(rest), Ordering::Relaxed);
    rest
}

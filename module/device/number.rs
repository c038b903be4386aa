// SPDX-License-Identifier: GPL-2.0

//! Numbers that tell what frames are treated by from what they were treated by before: memory may be had
//! again at the same address.

use core::sync::atomic::{
    AtomicU64,
    Ordering, //
};

static LAST: AtomicU64 = AtomicU64::new(0);

/// A number that nothing else has had. Any context.
pub(crate) fn next_number() -> u64 {
    LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
}

// SPDX-License-Identifier: GPL-2.0

//! Restraint in the kernel log.
//!
//! C header: [`include/linux/net.h`](srctree/include/linux/net.h)

use crate::bindings;

/// Whether a line about networking may go to the kernel log now.
///
/// The limit is that of all of networking (`net.core.message_cost`, `net.core.message_burst`).
/// Whatever a user can cause at will must ask.
pub fn ratelimit() -> bool {
    // SAFETY: Any context; no requirement.
    unsafe { bindings::net_ratelimit() != 0 }
}

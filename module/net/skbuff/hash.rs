// SPDX-License-Identifier: GPL-2.0

//! What kind of hash a device has made of a frame.
//!
//! C header: [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)

use crate::bindings;

/// The innermost layer whose fields a hash of a frame was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashKind {
    /// The Ethernet header.
    L2,
    /// The network header.
    L3,
    /// The transport header: the stack takes the hash for the flow's. With one of another kind it
    /// makes its own where it wants the flow's (`skb_get_hash`).
    L4,
}

impl HashKind {
    pub(super) fn raw(self) -> bindings::pkt_hash_types {
        match self {
            Self::L2 => bindings::pkt_hash_types_PKT_HASH_TYPE_L2,
            Self::L3 => bindings::pkt_hash_types_PKT_HASH_TYPE_L3,
            Self::L4 => bindings::pkt_hash_types_PKT_HASH_TYPE_L4,
        }
    }
}

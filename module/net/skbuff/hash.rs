// SPDX-License-Identifier: GPL-2.0

//! What kind of hash the stack is told of a frame.
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
    /// The stack's own [hash](crate::flow_dissector::flow_hash), which need not be made again. `is_flow`: it
    /// tells one flow of two hosts from another.
    OfStack {
        /// See there.
        is_flow: bool,
    },
}

impl HashKind {
    pub(super) fn raw(self) -> bindings::offload_nic_hash {
        match self {
            Self::L2 => bindings::offload_nic_hash_OFFLOAD_NIC_HASH_L2,
            Self::L3 => bindings::offload_nic_hash_OFFLOAD_NIC_HASH_L3,
            Self::L4 => bindings::offload_nic_hash_OFFLOAD_NIC_HASH_L4,
            Self::OfStack { is_flow: false } => {
                bindings::offload_nic_hash_OFFLOAD_NIC_HASH_OF_STACK
            }
            Self::OfStack { is_flow: true } => {
                bindings::offload_nic_hash_OFFLOAD_NIC_HASH_OF_STACK_L4
            }
        }
    }
}

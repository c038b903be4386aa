// SPDX-License-Identifier: GPL-2.0

//! Frames as they lie in a ring.

use engine::{
    descriptor::TxDescriptor,
    pipeline, //
};
use net::skbuff::{
    Fragment,
    SkBuff,
    StablePayload,
    Stamp, //
};

/// A frame, and what its sender's driver has left to the device.
pub(super) struct Sent {
    pub(super) skb: SkBuff,
    pub(super) descriptor: TxDescriptor,
    /// When it arrived, if that was noted.
    pub(super) arrived: Option<Stamp>,
}

impl pipeline::Sent for Sent {
    type Stable<'a> = StablePayload<'a>;

    #[inline]
    fn descriptor(&self) -> Option<&TxDescriptor> {
        let descriptor = &self.descriptor;
        (!descriptor.is_wire_frame()).then_some(descriptor)
    }

    #[inline]
    fn stamp(&self) -> Option<Stamp> {
        self.arrived
    }

    #[inline]
    fn headers(&self) -> &[u8] {
        self.skb.linear()
    }

    #[inline]
    fn fragments(&self) -> impl Iterator<Item = &[u8]> {
        fn linear(fragment: Fragment<'_>) -> &[u8] {
            fragment.linear().unwrap_or_default()
        }
        self.skb.fragments().map(linear)
    }

    fn stable_payload(&self, header: usize) -> Option<StablePayload<'_>> {
        self.skb.stable_payload_behind(header)
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The transmit engine: what a descriptor asks of the device for a frame.

use engine::{
    descriptor::TxDescriptor,
    transmit::{
        TxPlan,
        TxRefusal, //
    },
    vlan, //
};
use kernel::prelude::*;
use net::skbuff::{
    Fragment,
    SkBuff,
    UniqueSkBuff,
    VlanTag, //
};

/// Puts the VLAN tag that the stack has left beside `skb` into it. That comes first: what the frame is
/// steered by at the far end, cut into and summed up to are its bytes with the tag. Any context.
///
/// # Errors
///
/// `ENOMEM`, or `EINVAL` for what has no Ethernet header; the frame is freed as lost.
pub fn insert_tag(mut skb: UniqueSkBuff, tag: VlanTag) -> Result<UniqueSkBuff> {
    let tag = vlan::VlanTag {
        protocol: tag.protocol,
        tci: tag.tci,
    };
    skb.insert_vlan_tag(|front| vlan::insert(front, tag))?;
    Ok(skb)
}

/// Plans what the device does for `skb` by `descriptor`.
///
/// # Errors
///
/// Why it can't.
#[inline(never)]
pub fn plan(skb: &SkBuff, descriptor: &TxDescriptor) -> Result<TxPlan, TxRefusal> {
    TxPlan::new(descriptor, skb.linear(), fragments(skb))
}

/// The lengths of the fragments that a frame's list has, for the device: 0 for one that does not lie in
/// one piece, which it does not take.
#[inline]
pub fn fragments(skb: &SkBuff) -> impl Iterator<Item = u32> + '_ {
    // CAST: The length of an skb has 32 bits.
    let len = |fragment: Fragment<'_>| fragment.linear().map_or(0, |bytes| bytes.len() as u32);
    skb.fragments().map(len)
}

/// How many frames on the wire one on the cable is, as the sender has counted it.
pub(crate) fn wire_frames(skb: &SkBuff, descriptor: &TxDescriptor) -> u64 {
    if descriptor.gso.is_none() {
        return 1;
    }
    plan(skb, descriptor).map_or(1, |plan| plan.frames().into())
}

// SPDX-License-Identifier: GPL-2.0

//! Frames on their way up into the stack.

use super::{
    hash::HashKind,
    stamp::Stamp,
    Chain,
    SkBuff,
    UniqueSkBuff,
    VlanTag, //
};
use crate::{
    bindings,
    napi::PollContext, //
};
use core::ptr::NonNull;
use kernel::{
    error::from_err_ptr,
    prelude::*, //
};

/// A frame on its way up into the stack.
///
/// # Invariants
///
/// `skb` has no clones, its headers are linear, and it has at least `metadata` initialised bytes of
/// headroom.
pub struct Received {
    skb: UniqueSkBuff,
    metadata: u8,
    checksum: Option<u16>,
}

impl Received {
    /// # Safety
    ///
    /// `skb` must have no clones, its headers in the linear part, and at least `metadata` initialised
    /// bytes of headroom.
    pub(super) unsafe fn new(skb: UniqueSkBuff, metadata: u8) -> Self {
        // INVARIANT: As the caller guarantees.
        Self {
            skb,
            metadata,
            checksum: None,
        }
    }

    /// The bytes of the frame that lie in its linear part: all but those in pages.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.skb.linear()
    }

    /// How many bytes of the frame lie in pages, behind [`Self::bytes`].
    #[inline]
    pub fn len_in_pages(&self) -> usize {
        self.skb.len().saturating_sub(self.bytes().len())
    }

    /// Has the stack know the ones' complement sum of the bytes behind the link-layer header
    /// (`CHECKSUM_COMPLETE`): of 16-bit words as they lie in memory, folded. Without, it sums them
    /// itself where it has to.
    #[inline]
    pub fn set_checksum(&mut self, sum: Option<u16>) {
        self.checksum = sum;
    }

    /// Has the stack know a hash of the frame, 32 bits as the host has numbers. However the frame is
    /// delivered, the hash goes with it.
    #[inline]
    pub fn set_hash(&mut self, hash: u32, kind: HashKind) {
        self.skb.set_hash(hash, kind);
    }

    /// Has the stack know when the frame arrived at the device.
    #[inline]
    pub fn set_time_stamp(&mut self, stamp: Stamp) {
        self.skb.set_time_stamp(stamp);
    }

    /// Has the stack know the VLAN tag that the device has taken out of the frame.
    #[inline]
    pub fn set_vlan_tag(&mut self, tag: VlanTag) {
        self.skb.set_vlan_tag(tag);
    }

    /// What the kernel's own segmentation makes of a frame that was [put
    /// together](super::Aggregate::into_coalesced): new frames, in their order, each in one piece and with
    /// its checksum filled in. The frame stays as it is. Context: NAPI poll.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; what the protocol finds wrong with the frame, or `EINVAL` if it is none to be cut.
    pub fn cut_again(&mut self, _context: &PollContext<'_>) -> Result<Chain<()>> {
        if self.bytes().len() < bindings::ETH_HLEN as usize {
            return Err(EINVAL);
        }
        // SAFETY: The skb is valid, in no list, and has an Ethernet header in its linear part. Nobody else has
        // a reference; what is made of it for a while is gone on return.
        let frames = unsafe { bindings::offload_nic_skb_cut_again(self.skb.as_ptr()) };
        let frames = NonNull::new(from_err_ptr(frames)?).ok_or(EINVAL)?;
        // SAFETY: A list of new skbs linked by `next`, whose only references are ours.
        Ok(unsafe { Chain::from_raw(frames) })
    }

    /// Frees the frame as one that nobody needs. Context: the poll that `context` stands for.
    pub fn consume_in(self, context: &PollContext<'_>) {
        SkBuff::from(self.skb).consume_in(context);
    }

    /// The skb, with what is known of its checksum.
    fn into_skb(self) -> *mut bindings::sk_buff {
        let skb = self.skb.into_raw().as_ptr();
        if let Some(sum) = self.checksum {
            // SAFETY: The skb is valid and ours.
            unsafe { bindings::offload_nic_skb_checksum_complete(skb, sum) };
        }
        skb
    }

    /// Hands the frame to the stack (through GRO), as received on `queue` of the polled device.
    ///
    /// Returns the number of bytes handed up, or nothing for a frame that is shorter than an
    /// Ethernet header, which is dropped. Context: NAPI poll.
    pub fn deliver(self, queue: u16, context: &PollContext<'_>) -> Option<usize> {
        let len = self.skb.len();
        if self.bytes().len() < bindings::ETH_HLEN as usize {
            return None;
        }
        let metadata = self.metadata;
        let skb = self.into_skb();
        // SAFETY: The skb is valid, ours, and has an Ethernet header in one piece; the context proves
        // that `napi` is valid and that this is its poll function. The stack takes our reference.
        unsafe {
            if metadata > 0 {
                bindings::offload_nic_skb_metadata_set(skb, metadata);
            }
            bindings::offload_nic_napi_receive(context.napi(), skb, queue, context.is_last());
        }
        Some(len)
    }

    /// As [`Self::deliver`], with what a classifier of the device has left of the frame: what it
    /// knows is not found out again.
    ///
    /// Returns nothing for a frame whose linear part ends before its network header, too, which is
    /// dropped.
    pub fn deliver_classified(
        self,
        context: &PollContext<'_>,
        found: &Classified,
    ) -> Option<usize> {
        let (len, linear) = (self.skb.len(), self.bytes().len());
        if linear < bindings::ETH_HLEN as usize || linear < found.network_offset as usize {
            return None;
        }
        let found = found.to_raw();
        let skb = self.into_skb();
        // SAFETY: The skb is valid, ours, and its linear part reaches to its network header; the context
        // proves that `napi` is valid and that this is its poll function. The stack takes our
        // reference.
        unsafe {
            bindings::offload_nic_napi_receive_classified(context.napi(), skb, &found);
        }
        Some(len)
    }
}

/// What is known of a frame that a classifier of the device has seen, all in host byte order.
#[derive(Clone, Copy, Debug)]
pub struct Classified {
    /// EtherType behind the tag that was taken out, as of when the frame was received.
    pub protocol: u16,
    /// For whom the frame is: `PACKET_HOST`, `PACKET_BROADCAST`, ...
    pub pkt_type: u8,
    /// Offset of the network header in the frame.
    pub network_offset: u32,
    /// The VLAN tag that goes beside the frame.
    pub vlan: Option<VlanTag>,
    /// `skb->mark`.
    pub mark: u32,
    /// `skb->priority`.
    pub priority: u32,
    /// `skb->tc_index`.
    pub tc_index: u16,
    /// `skb->queue_mapping`: the receive queue plus 1.
    pub queue_mapping: u16,
    /// Whether the verdict is the last word: the host's classifiers do not see the frame.
    pub is_final: bool,
}

impl Classified {
    fn to_raw(self) -> bindings::offload_nic_classified {
        let (vlan_proto, vlan_tci) = self.vlan.map_or((0, 0), |tag| (tag.protocol, tag.tci));
        bindings::offload_nic_classified {
            network_offset: self.network_offset,
            mark: self.mark,
            priority: self.priority,
            protocol: self.protocol,
            tc_index: self.tc_index,
            queue_mapping: self.queue_mapping,
            vlan_proto,
            vlan_tci,
            pkt_type: self.pkt_type,
            has_vlan: self.vlan.is_some(),
            is_final: self.is_final,
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Socket buffers.
//!
//! Two types for the two ways that a frame goes: [`SkBuff`] is a frame that the stack or a device
//! has sent, read-only because others may share its data; [`FrameBuffer`] is a frame that a device
//! is writing into the host's memory, owned alone.
//!
//! C header: [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)

use crate::{
    bindings,
    netdev::PollContext, //
};
use core::{
    ops::Range,
    ptr::NonNull, //
};
use kernel::prelude::*;

/// A frame on its way out of a device, owned.
///
/// Dropping it frees it as lost; [`SkBuff::consume`] frees it as delivered.
///
/// # Invariants
///
/// `0` points to a valid `struct sk_buff` and this object owns one reference to it.
pub struct SkBuff(NonNull<bindings::sk_buff>);

// SAFETY: An skb is not tied to the CPU or task that made it.
unsafe impl Send for SkBuff {}

impl SkBuff {
    /// # Safety
    ///
    /// `ptr` must be a valid skb and the caller must give up its reference to it.
    pub(crate) unsafe fn from_raw(ptr: NonNull<bindings::sk_buff>) -> Self {
        // INVARIANT: As the caller guarantees.
        Self(ptr)
    }

    pub(crate) fn into_raw(self) -> NonNull<bindings::sk_buff> {
        let ptr = self.0;
        core::mem::forget(self);
        ptr
    }

    pub(crate) fn as_ptr(&self) -> *mut bindings::sk_buff {
        self.0.as_ptr()
    }

    /// Length of the frame in bytes, from the Ethernet header on.
    #[inline]
    pub fn len(&self) -> usize {
        // SAFETY: By the type invariants, the skb is valid.
        unsafe { (*self.as_ptr()).len as usize }
    }

    /// Whether the frame has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of the frame that lie in the linear part: all of them unless it has fragments.
    #[inline]
    pub fn linear(&self) -> &[u8] {
        // SAFETY: By the type invariants the skb is valid: `headlen` bytes at `data` are
        // initialised, and nobody writes to them while we hold a reference: a sent frame is
        // read-only for all that share it.
        unsafe {
            core::slice::from_raw_parts(
                (*self.as_ptr()).data,
                bindings::offload_nic_skb_headlen(self.as_ptr()) as usize,
            )
        }
    }

    /// Whether all of the frame lies in [`Self::linear`].
    #[inline]
    pub fn is_linear(&self) -> bool {
        // SAFETY: By the type invariants, the skb is valid.
        unsafe { (*self.as_ptr()).data_len == 0 }
    }

    /// The transmit queue that the stack chose.
    #[inline]
    pub fn queue(&self) -> u16 {
        // SAFETY: By the type invariants, the skb is valid.
        unsafe { bindings::offload_nic_skb_get_queue_mapping(self.as_ptr()) }
    }

    /// Notes another transmit queue.
    #[inline]
    pub fn set_queue(&mut self, queue: u16) {
        // SAFETY: By the type invariants, the skb is valid and ours.
        unsafe { bindings::offload_nic_skb_set_queue_mapping(self.as_ptr(), queue) };
    }

    /// What the stack asks of the device for this frame: the fields of a transmit descriptor.
    pub fn offload_request(&self) -> OffloadRequest {
        // SAFETY: By the type invariants, the skb is valid.
        unsafe { bindings::offload_nic_skb_offload_request(self.as_ptr()) }.into()
    }

    /// Fills in the checksum that the stack left to the device.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if the header is shared and can't be copied, `EINVAL` if the request is malformed.
    pub fn checksum_help(&mut self) -> Result {
        // SAFETY: By the type invariants, the skb is valid and ours; `skb_checksum_help` makes the
        // header writable before it writes.
        kernel::error::to_result(unsafe { bindings::skb_checksum_help(self.as_ptr()) })
    }

    /// Takes the frame from the account of the socket that sent it.
    pub fn orphan(&mut self) {
        // SAFETY: By the type invariants, the skb is valid and ours.
        unsafe { bindings::offload_nic_skb_orphan(self.as_ptr()) };
    }

    /// Frees the frame as one that has reached its destination.
    #[inline]
    pub fn consume(self) {
        // SAFETY: By the type invariants we own a reference, given up here.
        unsafe { bindings::offload_nic_consume_skb(self.into_raw().as_ptr()) };
    }
}

impl Drop for SkBuff {
    fn drop(&mut self) {
        // SAFETY: By the type invariants we own a reference, given up here. Every context is
        // allowed.
        unsafe {
            bindings::dev_kfree_skb_any_reason(
                self.as_ptr(),
                bindings::skb_drop_reason_SKB_DROP_REASON_NOT_SPECIFIED,
            )
        };
    }
}

/// What a sent frame asks of the device, in the terms of `struct sk_buff`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OffloadRequest {
    /// Offset of the first byte to be summed, from the start of the frame; only if `csum`.
    pub csum_start: u16,
    /// Offset of the checksum field from `csum_start`; only if `csum`.
    pub csum_offset: u16,
    /// Whether a checksum is asked for (`CHECKSUM_PARTIAL`).
    pub csum: bool,
    /// Bytes of payload in each segment, 0 if the frame is sent as it is.
    pub gso_size: u16,
    /// Number of segments that the stack expects.
    pub gso_segs: u16,
    /// The `SKB_GSO_*` flags.
    pub gso_type: u32,
    /// VLAN tag (TCI) to be inserted and its protocol, if any, both in host byte order.
    pub vlan: Option<(u16, u16)>,
}

impl From<bindings::offload_nic_offload_request> for OffloadRequest {
    fn from(raw: bindings::offload_nic_offload_request) -> Self {
        Self {
            csum_start: raw.csum_start,
            csum_offset: raw.csum_offset,
            csum: raw.csum,
            gso_size: raw.gso_size,
            gso_segs: raw.gso_segs,
            gso_type: raw.gso_type,
            vlan: raw.vlan_present.then_some((raw.vlan_tci, raw.vlan_proto)),
        }
    }
}

/// A frame in host memory that a device has written and may still change, with room around it.
///
/// # Invariants
///
/// `skb` is a linear skb that nobody shares, with `len == 0` and `capacity` initialised bytes from
/// `data` on, all within the buffer.
pub struct FrameBuffer {
    skb: SkBuff,
    capacity: usize,
}

impl FrameBuffer {
    /// Copies the whole of `frame` into a new buffer: the device's one write to host memory.
    ///
    /// `headroom` and `tailroom` zero bytes lie before and behind it. Returns nothing if there is
    /// no memory. Context: NAPI poll.
    pub fn copy_of(
        frame: &SkBuff,
        headroom: usize,
        tailroom: usize,
        context: &PollContext<'_>,
    ) -> Option<Self> {
        let len = frame.len();
        let capacity = headroom.checked_add(len)?.checked_add(tailroom)?;
        // `napi_alloc_skb` adds a pad and its own data to what it is asked for, in 32 bits.
        if capacity > i32::MAX as usize / 2 {
            return None;
        }
        // CAST: Both are at most `capacity`.
        let (before, after) = (headroom as u32, len.wrapping_add(tailroom) as u32);
        // SAFETY: The context proves that `napi` is valid and that this is its poll function.
        let skb = unsafe { bindings::offload_nic_napi_alloc_skb(context.napi(), before, after) };
        let skb = NonNull::new(skb)?;
        // SAFETY: A new skb, valid, whose only reference is ours.
        let skb = unsafe { SkBuff::from_raw(skb) };

        // SAFETY: The new skb is linear and has at least `capacity` bytes behind `data`: what was
        // asked for. Each of them is written here: the room around the frame with zeros, the frame
        // by `skb_copy_bits`, whose range is that of the frame.
        let copied = unsafe {
            let data = (*skb.as_ptr()).data;
            data.write_bytes(0, headroom);
            data.add(headroom).add(len).write_bytes(0, tailroom);
            bindings::skb_copy_bits(
                frame.as_ptr(),
                0,
                data.add(headroom).cast(),
                // CAST: At most `capacity`.
                len as i32,
            )
        };
        // INVARIANT: The length of a new skb is 0, and the `capacity` bytes were initialised above.
        // Its `data` stays where it is until `into_received`.
        (copied == 0).then_some(Self { skb, capacity })
    }

    /// The whole buffer: headroom, frame, tailroom.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: By the type invariants, `capacity` bytes from `data` on are initialised, and the
        // skb is shared with nobody.
        unsafe { core::slice::from_raw_parts_mut((*self.skb.as_ptr()).data, self.capacity) }
    }

    /// Makes `range` of the buffer the frame, clipped to the buffer.
    fn finish(self, range: Range<usize>) -> SkBuff {
        let start = range.start.min(self.capacity);
        let len = range.end.min(self.capacity).saturating_sub(start);
        // SAFETY: By the type invariants `len` is 0, so the head may be moved; start + len lies
        // within the buffer, so that neither call can overrun it.
        unsafe {
            // CAST: Both are at most `capacity`, which fits into an `i32`.
            bindings::offload_nic_skb_reserve(self.skb.as_ptr(), start as i32);
            bindings::skb_put(self.skb.as_ptr(), len as u32);
        }
        self.skb
    }

    /// Makes the frame one that can be sent again: `range` of the buffer is what goes out.
    pub fn into_sent(self, range: Range<usize>) -> SkBuff {
        self.finish(range)
    }

    /// Makes the frame one for the host: `range` of the buffer is what it gets, with `metadata`
    /// bytes before it that belong to programs on the host.
    pub fn into_received(self, range: Range<usize>, metadata: u8) -> Received {
        let metadata = if usize::from(metadata) <= range.start {
            metadata
        } else {
            0
        };
        Received {
            skb: self.finish(range),
            metadata,
        }
    }
}

/// A frame on its way up into the stack.
///
/// # Invariants
///
/// `skb` is linear, shared with nobody, and has at least `metadata` initialised bytes of headroom.
pub struct Received {
    skb: SkBuff,
    metadata: u8,
}

impl Received {
    /// Hands the frame to the stack (through GRO), as received on `queue` of the polled device.
    ///
    /// Returns the number of bytes handed up, or nothing for a frame that is shorter than an
    /// Ethernet header, which is dropped. Context: NAPI poll.
    pub fn deliver(self, queue: u16, context: &PollContext<'_>) -> Option<usize> {
        let len = self.skb.len();
        if len < bindings::ETH_HLEN as usize {
            return None;
        }
        let skb = self.skb.into_raw().as_ptr();
        // SAFETY: The skb is valid, ours, linear and has an Ethernet header; the context proves
        // that `napi` is valid and that this is its poll function. The stack takes our reference.
        unsafe {
            if self.metadata > 0 {
                bindings::offload_nic_skb_metadata_set(skb, self.metadata);
            }
            bindings::offload_nic_napi_receive(context.napi(), skb, queue);
        }
        Some(len)
    }
    /// As [`Self::deliver`], with what a classifier of the device has left of the frame: what it
    /// knows is not found out again.
    ///
    /// Returns nothing for a frame that ends before its network header, too, which is dropped.
    pub fn deliver_classified(
        self,
        context: &PollContext<'_>,
        found: &Classified,
    ) -> Option<usize> {
        let len = self.skb.len();
        if len < bindings::ETH_HLEN as usize || len < found.network_offset as usize {
            return None;
        }
        let found = found.to_raw();
        let skb = self.skb.into_raw().as_ptr();
        // SAFETY: The skb is valid, ours, linear and reaches to its network header; the context
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
    /// Protocol and TCI of the VLAN tag that goes beside the frame.
    pub vlan: Option<(u16, u16)>,
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
        let (vlan_proto, vlan_tci) = self.vlan.unwrap_or_default();
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

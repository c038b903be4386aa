// SPDX-License-Identifier: GPL-2.0

//! Frames of which only the headers are copied: the payload stays in the pages where it is.

use super::{
    FrameBuffer,
    Received,
    Room,
    SkBuff,
    UniqueSkBuff, //
};
use crate::{
    bindings,
    napi::PollContext, //
};
use core::{
    ops::Range,
    ptr::NonNull, //
};

/// What lies behind the linear part of a frame, if it lies in pages whose bytes stay as they are: it
/// may be read more than once, and others may hold on to it.
///
/// Pages that a task can still write to are not of that kind: those of `MSG_ZEROCOPY`, of files
/// (`sendfile()`, `splice()`), and of the rings of packet sockets, which say so nowhere. So it has to
/// be a frame of a socket of the Internet protocols that has copied what it was given.
///
/// # Invariants
///
/// All of `frame` behind its linear part lies in its own pages, no list follows, and nobody writes to
/// the pages' bytes that are the frame's before their last reference is gone.
#[derive(Clone, Copy)]
pub struct StablePayload<'a> {
    frame: &'a SkBuff,
}

impl SkBuff {
    /// Whether the frame has pages that a task has lent, and may still write to.
    #[inline]
    pub fn has_lent_pages(&self) -> bool {
        // SAFETY: By the type invariants, the skb is valid.
        unsafe { bindings::offload_nic_skb_has_lent_frags(self.as_ptr()) }
    }

    /// The frame's payload, if it is stable and begins where the linear part ends, `header` bytes from
    /// the frame's first one.
    #[inline]
    pub fn stable_payload_behind(&self, header: usize) -> Option<StablePayload<'_>> {
        // SAFETY: By the type invariants, the skb is valid.
        let are_stable = unsafe { bindings::offload_nic_skb_has_stable_frags(self.as_ptr()) };
        let is_all = self.linear().len() == header && self.fragments().next().is_none();
        // INVARIANT: As was found out; a socket's answer stays true, as it has given the frame away.
        (are_stable && is_all).then_some(StablePayload { frame: self })
    }
}

impl<'a> StablePayload<'a> {
    /// The pieces that `range` of the frame lies in, in their order. They end early where the payload
    /// does, and begin late where it begins later.
    #[inline]
    pub fn pieces(self, range: Range<usize>) -> Pieces<'a> {
        let start = range.start.max(self.frame.linear().len());
        Pieces {
            frame: self.frame,
            range: start..range.end,
        }
    }
}

/// Pieces of a payload, as [`StablePayload::pieces`] gives them.
///
/// # Invariants
///
/// `frame` is that of a [`StablePayload`], and `range` begins behind its linear part.
pub struct Pieces<'a> {
    frame: &'a SkBuff,
    range: Range<usize>,
}

impl<'a> Pieces<'a> {
    /// The pieces of all that is behind the linear part of `frame`.
    ///
    /// # Safety
    ///
    /// That must be a stable payload.
    #[inline]
    pub(super) unsafe fn of_stable(frame: &'a SkBuff) -> Self {
        // INVARIANT: By the function's contract.
        let stable = StablePayload { frame };
        stable.pieces(0..frame.len())
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.range.start >= self.range.end.min(self.frame.len()) {
            return None;
        }
        let mut len = 0;
        // SAFETY: The frame is valid. CAST: Below its length, which has 32 bits.
        let piece = unsafe {
            let start = self.range.start as u32;
            bindings::offload_nic_skb_piece(self.frame.as_ptr(), start, &mut len)
        };
        let piece = NonNull::new(piece.cast_mut().cast::<u8>())?;
        // CAST: A `usize` has at least 32 bits in the kernel.
        let len = (len as usize).min(self.range.len());
        self.range.start = self.range.start.saturating_add(len);
        // SAFETY: That many bytes from there on are the frame's, which is borrowed for `'a`, and are
        // initialised. By the type invariants they are those of a stable payload: nobody writes to
        // them.
        Some(unsafe { core::slice::from_raw_parts(piece.as_ptr(), len) })
    }
}

/// A frame for the host with headers of its own, and a payload that it shares.
///
/// # Invariants
///
/// The linear part of `skb`, which has no clones, holds the headers.
pub struct SplitFrame {
    skb: UniqueSkBuff,
}

impl SplitFrame {
    /// Copies the first `header` bytes of the frame that `stable` is the payload of, and shares
    /// `payload` of it.
    ///
    /// `None` if there is no memory, or no such bytes are in the frame. Context: NAPI poll.
    pub fn new(
        stable: StablePayload<'_>,
        header: usize,
        payload: Range<usize>,
        context: &PollContext<'_>,
    ) -> Option<Self> {
        let frame = stable.frame;
        let is_in_pages = payload.start >= frame.linear().len() && payload.end <= frame.len();
        let header = frame.linear().get(..header).filter(|_| is_in_pages)?;
        let head = FrameBuffer::join(header, &[], Room::default(), context)?;
        let skb = head.into_sent(0..header.len());
        let len = payload.end.checked_sub(payload.start)?;
        // SAFETY: Both are valid, and `skb` is ours; the range lies behind the linear part of `frame`
        // and within it. CAST: Both are at most the length of the frame, which has 32 bits.
        let fits = unsafe {
            let (start, len) = (payload.start as u32, len as u32);
            bindings::offload_nic_skb_share(skb.as_ptr(), frame.as_ptr(), start, len)
        };
        // INVARIANT: A new skb with the headers in one piece, and nothing else in that.
        fits.then_some(Self { skb })
    }

    /// The headers, to be changed.
    #[inline]
    pub fn header_mut(&mut self) -> &mut [u8] {
        // SAFETY: By the type invariants there are no clones.
        unsafe { self.skb.own_linear_mut() }
    }

    /// Takes the VLAN tag behind the addresses out of the headers. Gives whether they are long enough for
    /// that.
    pub fn take_out_vlan_tag(&mut self) -> bool {
        // SAFETY: By the type invariants there are no clones; there is no metadata.
        // INVARIANT: The linear part holds the headers still.
        unsafe { self.skb.take_out_vlan_tag(0) }
    }

    /// The frame on its way up.
    pub fn into_received(self) -> Received {
        // SAFETY: By the type invariants no clones, and the headers in the linear part.
        unsafe { Received::new(self.skb, 0) }
    }
}

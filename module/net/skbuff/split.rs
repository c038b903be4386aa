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
    netdev::PollContext, //
};
use core::{
    ops::Range,
    ptr::NonNull, //
};

impl SkBuff {
    /// Whether all that lies behind the first `header` bytes of the frame lies in pages that others may
    /// hold on to as well: nobody writes to them. Pages that a task has lent are not of that kind.
    #[inline]
    pub fn has_stable_pages_behind(&self, header: usize) -> bool {
        // SAFETY: By the type invariants, the skb is valid.
        let are_stable = unsafe { bindings::offload_nic_skb_has_stable_pages(self.as_ptr()) };
        are_stable && self.linear().len() == header && self.fragments().next().is_none()
    }

    /// The pieces that `range` of the frame lies in, in their order. They end early where the frame
    /// does, and where its bytes can't be looked at.
    #[inline]
    pub fn pieces(&self, range: Range<usize>) -> Pieces<'_> {
        Pieces { frame: self, range }
    }
}

/// Pieces of a frame, as [`SkBuff::pieces`] gives them.
pub struct Pieces<'a> {
    frame: &'a SkBuff,
    range: Range<usize>,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.range.start >= self.range.end.min(self.frame.len()) {
            return None;
        }
        let mut len = 0;
        // SAFETY: The frame is valid. CAST: Its length has 32 bits.
        let piece = unsafe {
            let start = self.range.start as u32;
            bindings::offload_nic_skb_piece(self.frame.as_ptr(), start, &mut len)
        };
        let piece = NonNull::new(piece.cast_mut().cast::<u8>())?;
        let len = (len as usize).min(self.range.len());
        self.range.start = self.range.start.saturating_add(len);
        // SAFETY: That many bytes from there on are the frame's, which is borrowed for `'a`, and are
        // initialised. Those of a sent frame are read-only for all that share it.
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
    /// Copies the first `header` bytes of `frame`, and shares `payload` of it, which must lie in pages.
    ///
    /// `None` if there is no memory, or no such bytes are in the frame. Context: NAPI poll.
    pub fn new(
        frame: &SkBuff,
        header: usize,
        payload: Range<usize>,
        context: &PollContext<'_>,
    ) -> Option<Self> {
        let is_in_pages = payload.start >= frame.linear().len() && payload.end <= frame.len();
        let header = frame.linear().get(..header).filter(|_| is_in_pages)?;
        let head = FrameBuffer::join(header, &[], Room::default(), context)?;
        let skb = head.into_sent(0..header.len());
        let len = payload.end.checked_sub(payload.start)?;
        // SAFETY: Both are valid, and `skb` is ours; the range lies behind the linear part of `frame`
        // and within it. CAST: The length of a frame has 32 bits.
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
        // SAFETY: By the type invariants the linear part of the skb is ours alone: `headlen` bytes at
        // `data` are initialised.
        unsafe {
            let skb = self.skb.as_ptr();
            let len = bindings::offload_nic_skb_headlen(skb) as usize;
            core::slice::from_raw_parts_mut((*skb).data, len)
        }
    }

    /// The frame on its way up.
    pub fn into_received(self) -> Received {
        Received::new(self.skb, 0)
    }
}

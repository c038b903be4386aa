// SPDX-License-Identifier: GPL-2.0

//! Frames that a device writes into the host's memory in two parts: headers into a buffer, and what
//! they carry into pages of the receive queue's.

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

/// A frame for the host with its headers in one piece, and a payload in pages of the queue's pool.
///
/// # Invariants
///
/// `skb`, which has no clones, has at least `metadata` initialised bytes of headroom and the headers in
/// its linear part. All else of it lies in pages of a pool, which have addresses and to whose bytes
/// nobody writes before the frame goes up.
pub struct PagedFrame {
    skb: UniqueSkBuff,
    metadata: u8,
}

impl PagedFrame {
    /// Copies the first `header` bytes of `frame` to a buffer, and `payload` of it to pages of the polled
    /// queue.
    ///
    /// `None` if there is no memory, or no such bytes are in the frame. Context: NAPI poll.
    pub fn copy_of(
        frame: &SkBuff,
        header: usize,
        payload: Range<usize>,
        context: &PollContext<'_>,
    ) -> Option<Self> {
        let head = FrameBuffer::gather(frame, header, 0..0, Room::default(), context)?;
        Self::with_head(head.into_sent(0..header), 0, frame, payload, context)
    }

    /// The frame that is in `range` of `buffer`, of which the first `header` bytes are headers, and
    /// `metadata` bytes before it belong to programs on the host, as far as there are so many.
    ///
    /// `None` if there is no memory, or no such bytes are in the buffer. Context: NAPI poll.
    pub fn of_buffer(
        buffer: FrameBuffer,
        range: Range<usize>,
        header: usize,
        metadata: u8,
        context: &PollContext<'_>,
    ) -> Option<Self> {
        let before = range.start.checked_sub(metadata.into());
        let (first, metadata) = match before {
            Some(first) => (first, metadata),
            None => (range.start, 0),
        };
        let behind = range.start.checked_add(header)?;
        let all = buffer.bytes().get(first..behind)?;
        let head = FrameBuffer::join(all, &[], Room::default(), context)?;
        let head = head.into_sent(metadata.into()..all.len());
        let frame = buffer.into_sent(range);
        let payload = header..frame.len();
        let paged = Self::with_head(head, metadata, &frame, payload, context)?;
        SkBuff::from(frame).consume_in(context);
        Some(paged)
    }

    /// `head`, which is new and behind as many bytes of metadata, with `payload` of `frame`.
    fn with_head(
        head: UniqueSkBuff,
        metadata: u8,
        frame: &SkBuff,
        payload: Range<usize>,
        context: &PollContext<'_>,
    ) -> Option<Self> {
        let pool = context.memory().pool();
        let len = payload.end.checked_sub(payload.start)?;
        if pool.is_null() || payload.end > frame.len() {
            return None;
        }
        // SAFETY: Both frames are valid and `head` is ours; the range lies within `frame`. The context
        // proves that this is the poll whose pool that is.
        // CAST: Both are at most the length of the frame, which has 32 bits.
        let is_there = unsafe {
            let (start, len) = (payload.start as u32, len as u32);
            bindings::offload_nic_skb_copy_to_pages(head.as_ptr(), pool, frame.as_ptr(), start, len)
        };
        // INVARIANT: A new skb with the headers in one piece, behind the metadata, and all else in pages
        // of the pool, which has given them to nobody else.
        is_there.then_some(Self {
            skb: head,
            metadata,
        })
    }

    /// The headers.
    #[inline]
    pub fn header(&self) -> &[u8] {
        self.skb.linear()
    }

    /// The headers, to be changed.
    #[inline]
    pub fn header_mut(&mut self) -> &mut [u8] {
        // SAFETY: By the type invariants there are no clones.
        unsafe { self.skb.own_linear_mut() }
    }

    /// Takes the VLAN tag behind the addresses out of the headers; the metadata stays right before the
    /// frame. Gives whether the headers are long enough for that.
    pub fn take_out_vlan_tag(&mut self) -> bool {
        // SAFETY: By the type invariants there are no clones, and so many bytes of metadata.
        // INVARIANT: The linear part has the headers still, behind the metadata.
        unsafe { self.skb.take_out_vlan_tag(self.metadata) }
    }

    /// What is behind them, in its order.
    pub fn pages(&self) -> Pages<'_> {
        Pages {
            frame: self,
            next: 0,
        }
    }

    /// The frame on its way up.
    pub fn into_received(self) -> Received {
        // SAFETY: By the type invariants no clones, the headers in the linear part, and so many bytes of
        // metadata before them.
        unsafe { Received::new(self.skb, self.metadata) }
    }
}

/// The pages of a frame, as [`PagedFrame::pages`] gives them.
pub struct Pages<'a> {
    frame: &'a PagedFrame,
    next: u32,
}

impl<'a> Iterator for Pages<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let mut len = 0;
        // SAFETY: The frame is valid, and its pages have addresses.
        let page = unsafe {
            let skb = self.frame.skb.as_ptr();
            bindings::offload_nic_skb_page(skb, self.next, &mut len)
        };
        let page = NonNull::new(page.cast_mut().cast::<u8>())?;
        self.next = self.next.wrapping_add(1);
        // SAFETY: That many bytes from there on are the frame's, which is borrowed for `'a`, and were
        // copied there. By the type invariants nobody writes to them.
        // CAST: A `usize` has at least 32 bits in the kernel.
        Some(unsafe { core::slice::from_raw_parts(page.as_ptr(), len as usize) })
    }
}

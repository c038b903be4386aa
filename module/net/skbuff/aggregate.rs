// SPDX-License-Identifier: GPL-2.0

//! Frames that a device puts together before the stack gets them.

use super::{
    FrameBuffer,
    OffloadRequest,
    Received,
    SkBuff,
    UniqueSkBuff, //
};
use crate::{
    bindings,
    napi::PollContext, //
};
use core::ops::Range;

/// A frame in host memory that a device has written, and that others are put behind.
///
/// # Invariants
///
/// `skb`, which has no clones, has the first frame in its linear part, and all else in pages of a pool.
/// Behind what the last of these has of it are `left` bytes of that page that nobody else has.
pub struct Aggregate {
    skb: UniqueSkBuff,
    left: u32,
}

impl Aggregate {
    /// The frame that is in `range` of `buffer`.
    #[inline]
    pub fn new(buffer: FrameBuffer, range: Range<usize>) -> Self {
        // INVARIANT: It is linear, and has no clones.
        Self {
            skb: buffer.into_sent(range),
            left: 0,
        }
    }

    /// Whether nothing was put behind the first frame yet.
    #[inline]
    pub fn is_one(&self) -> bool {
        self.skb.is_linear()
    }

    /// The bytes of the first frame.
    #[inline]
    pub fn first(&self) -> &[u8] {
        self.skb.linear()
    }

    /// As [`Self::first`], to be changed.
    #[inline]
    pub fn first_mut(&mut self) -> &mut [u8] {
        // SAFETY: By the type invariants there are no clones.
        unsafe { self.skb.own_linear_mut() }
    }

    /// Puts what is behind the first `header` bytes of `range` of `buffer` behind all that there is.
    /// Context: NAPI poll.
    ///
    /// # Errors
    ///
    /// The buffer: there is no memory, or no such bytes are in it; nothing has changed.
    pub fn append(
        &mut self,
        buffer: FrameBuffer,
        range: Range<usize>,
        header: usize,
        context: &PollContext<'_>,
    ) -> Result<(), FrameBuffer> {
        let pool = context.memory().pool();
        let start = range.start.saturating_add(header);
        let Some(payload) = buffer.bytes().get(start..range.end) else {
            return Err(buffer);
        };
        if pool.is_null() {
            return Err(buffer);
        }
        // SAFETY: The skb is ours, and has no clones. The payload is as long as it says, and the last page
        // has as much room as is said, by the type invariants. The context proves that this is the poll
        // whose pool that is.
        // INVARIANT: What is new lies in pages of the pool, and `left` is what the last one has left.
        // CAST: A frame is shorter than 4 GiB.
        let is_done = unsafe {
            bindings::offload_nic_skb_append(
                self.skb.as_ptr(),
                pool,
                payload.as_ptr(),
                payload.len() as u32,
                &mut self.left,
            )
        };
        if !is_done {
            return Err(buffer);
        }
        SkBuff::from(buffer.into_sent(range)).consume_in(context);
        Ok(())
    }

    /// The frame on its way up, as it is.
    pub fn into_received(self) -> Received {
        // SAFETY: By the type invariants there are no clones, and the first frame, with its headers, is
        // linear.
        unsafe { Received::new(self.skb, 0) }
    }

    /// The frame on its way up, as one that GRO has made: `made` says how it would be cut again. Its
    /// headers are those of the whole, but for the checksum, which is left open.
    pub fn into_coalesced(self, made: OffloadRequest) -> Received {
        let made = made.into();
        // SAFETY: The skb is ours, and has no clones.
        unsafe { bindings::offload_nic_skb_set_coalesced(self.skb.as_ptr(), &made) };
        self.into_received()
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Frames that a device puts together before the stack gets them.

use super::{
    FrameBuffer,
    OffloadRequest,
    Received,
    SharedFrame,
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

/// How many times what a frame carries it may count for, so that it is worth its memory: what others
/// carry is copied.
const DENSE: usize = 3;

/// What was put behind the first frame, and how more of it is.
#[derive(Clone, Copy)]
enum Tail {
    /// Nothing.
    Nothing,
    /// Copies, in pages of a pool, with room behind the last of them.
    Copied(u32),
    /// Where it was, up to this part.
    Kept(NonNull<bindings::sk_buff>),
}

/// A frame in host memory, and that others are put behind: one that a device has written there, or that is shared
/// with its sender.
///
/// What they carry stays where it is, as in the kernel's own GRO. It is copied if they are so small that they
/// would have the socket that gets them count much more memory than they fill: of some that wait for each
/// other there are thousands.
///
/// # Invariants
///
/// `skb`, which has no clones, has the headers of the first frame in its linear part: all of that frame, unless it
/// is a [`SharedFrame`], whose payload then is the first of what is kept. Behind that it has what `tail` says:
///
/// - [`Tail::Copied`]: pages of a pool. Behind what the last of these has of it are so many bytes of that page
///   that nobody else has.
/// - [`Tail::Kept`]: memory of frames that nobody else had or writes to, as pages of `skb`'s and a list of parts
///   with pages of theirs. The part is `skb` if there is no list, and the last one of it else.
pub struct Aggregate {
    skb: UniqueSkBuff,
    tail: Tail,
}

// SAFETY: An skb is not tied to the CPU or task that made it, and neither are the parts, which are its own.
unsafe impl Send for Aggregate {}

impl Aggregate {
    /// The frame that is in `range` of `buffer`.
    #[inline]
    pub fn new(buffer: FrameBuffer, range: Range<usize>) -> Self {
        // INVARIANT: It is linear, and has no clones.
        Self {
            skb: buffer.into_sent(range),
            tail: Tail::Nothing,
        }
    }

    /// The frame `shared`.
    #[inline]
    pub fn of_shared(shared: SharedFrame) -> Self {
        let skb = shared.into_skb();
        // INVARIANT: It has its headers in its linear part, no clones, and no list.
        let tail = Tail::Kept(skb.0);
        Self { skb, tail }
    }

    /// Whether nothing was put yet behind a first frame that lies in one piece.
    #[inline]
    pub fn is_one(&self) -> bool {
        self.skb.is_linear()
    }

    /// The first bytes of the first frame, at least those of its headers.
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
    /// The buffer: there is no memory, or it is of another kind, or no such bytes are in it; nothing has
    /// changed.
    pub fn append(
        &mut self,
        buffer: FrameBuffer,
        range: Range<usize>,
        header: usize,
        context: &PollContext<'_>,
    ) -> Result<(), FrameBuffer> {
        let start = range.start.saturating_add(header);
        let Some(payload) = buffer.bytes().get(start..range.end) else {
            return Err(buffer);
        };
        let part = match self.tail {
            Tail::Copied(left) => return self.append_copy(buffer, range, start, left, context),
            Tail::Kept(part) => part,
            Tail::Nothing => {
                let is_dense = payload.len().saturating_mul(DENSE) >= buffer.truesize();
                if !is_dense || !buffer.skb().goes_back_as(&self.skb) {
                    return self.append_copy(buffer, range, start, 0, context);
                }
                // INVARIANT: Of what there is, `skb` is the last part.
                self.skb.0
            }
        };
        if !buffer.skb().goes_back_as(&self.skb) {
            return Err(buffer);
        }
        let mut last = part.as_ptr();
        let from = buffer.into_sent(range).into_raw().as_ptr();
        // SAFETY: Both are valid, ours, and have no clones, and `from` is linear, in no list, and at least as
        // long as its headers. By the type invariants `last` is the last part of `skb`. What is taken from a
        // frame with pages of pools and others would be given back wrongly: both are of one kind.
        // CAST: A frame is shorter than 4 GiB.
        unsafe {
            bindings::offload_nic_skb_append(self.skb.as_ptr(), &mut last, from, header as u32)
        };
        // INVARIANT: What is new is where it was: the memory of a frame that nobody else had. It is in `last`.
        self.tail = NonNull::new(last).map_or(self.tail, Tail::Kept);
        Ok(())
    }

    /// Puts what is behind the headers of `shared` behind all that there is, where it lies. They are `header` bytes.
    /// Context: NAPI poll.
    ///
    /// # Errors
    ///
    /// The frame: copies go before it, or memory of another kind, or its headers are not as long; nothing has
    /// changed.
    pub fn append_shared(
        &mut self,
        shared: SharedFrame,
        header: usize,
        _context: &PollContext<'_>,
    ) -> Result<(), SharedFrame> {
        let part = match self.tail {
            Tail::Copied(_) => return Err(shared),
            Tail::Kept(part) => part,
            // INVARIANT: Of what there is, `skb` is the last part.
            Tail::Nothing => self.skb.0,
        };
        let (is_alike, len) = (shared.skb().goes_back_as(&self.skb), shared.header().len());
        if !is_alike || len != header {
            return Err(shared);
        }
        let mut last = part.as_ptr();
        let from = shared.into_raw().as_ptr();
        // SAFETY: Both are valid, ours, and have no clones, and `from` has no list. By the type invariants `last` is
        // the last part of `skb`. What is taken from a frame with pages of pools and others would be given back
        // wrongly: both are of one kind. This is a poll.
        unsafe { bindings::offload_nic_skb_append_shared(self.skb.as_ptr(), &mut last, from) };
        // INVARIANT: What is new is where it was: nobody writes to it. It is in `last`.
        self.tail = NonNull::new(last).map_or(self.tail, Tail::Kept);
        Ok(())
    }

    /// As [`Self::append`], of what is in the buffer from `start` on, with `left` bytes of room behind what was
    /// copied last.
    fn append_copy(
        &mut self,
        buffer: FrameBuffer,
        range: Range<usize>,
        start: usize,
        mut left: u32,
        context: &PollContext<'_>,
    ) -> Result<(), FrameBuffer> {
        let pool = context.memory().pool();
        let payload = buffer.bytes().get(start..range.end);
        let Some(payload) = payload.filter(|_| !pool.is_null()) else {
            return Err(buffer);
        };
        // SAFETY: The skb is ours, and has no clones. The payload is as long as it says, and the last page
        // has as much room as is said, by the type invariants. The context proves that this is the poll
        // whose pool that is.
        // CAST: A frame is shorter than 4 GiB.
        let is_done = unsafe {
            bindings::offload_nic_skb_append_copy(
                self.skb.as_ptr(),
                pool,
                payload.as_ptr(),
                payload.len() as u32,
                &mut left,
            )
        };
        if !is_done {
            return Err(buffer);
        }
        // INVARIANT: What is new lies in pages of the pool, and `left` is what the last one has left.
        self.tail = Tail::Copied(left);
        SkBuff::from(buffer.into_sent(range)).consume_in(context);
        Ok(())
    }

    /// The frame on its way up, as it is.
    pub fn into_received(self) -> Received {
        // SAFETY: By the type invariants there are no clones, and the headers of the first frame are in the
        // linear part.
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

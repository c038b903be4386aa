// SPDX-License-Identifier: GPL-2.0

//! Frames that a device writes into the host's memory.

use super::{
    Received,
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

/// Free bytes around a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Before its first byte.
    pub before: usize,
    /// Behind its last byte.
    pub behind: usize,
}

/// Copies `len` bytes of `frame` from `offset` on, wherever they lie. Whether it could.
///
/// # Safety
///
/// `to` must have room for them; both numbers must fit into an `i32`.
unsafe fn copy_bits(frame: &SkBuff, offset: usize, to: *mut u8, len: usize) -> bool {
    // SAFETY: The frame is valid; the rest by the function's contract.
    // CAST: By the function's contract.
    unsafe { bindings::skb_copy_bits(frame.as_ptr(), offset as i32, to.cast(), len as i32) == 0 }
}

impl SkBuff {
    /// The first bytes of the frame, as many as `room` has place for or the frame has, wherever they
    /// lie. Pages may be a task's, which writes to them: this is what was there at this moment.
    pub fn headers<'a>(&self, room: &'a mut [u8]) -> &'a [u8] {
        let len = room.len().min(self.len());
        // A `room` is on the stack.
        let Ok(_) = i32::try_from(len) else {
            return &[];
        };
        // SAFETY: There is room for as many; the numbers fit.
        if unsafe { copy_bits(self, 0, room.as_mut_ptr(), len) } {
            room.get(..len).unwrap_or_default()
        } else {
            &[]
        }
    }

    /// As [`Self::headers`], where they lie if they lie in one piece, and with what lies behind them there.
    #[inline]
    pub fn first_bytes<'a>(&'a self, room: &'a mut [u8]) -> &'a [u8] {
        let linear = self.linear();
        if linear.len() >= room.len() || self.is_linear() {
            return linear;
        }
        self.headers(room)
    }

    /// Whether its memory goes back to a page pool, if that of `other` does, and if not, not.
    #[inline]
    pub(super) fn goes_back_as(&self, other: &Self) -> bool {
        // SAFETY: Both are valid.
        unsafe { bindings::offload_nic_skb_goes_back_alike(self.as_ptr(), other.as_ptr()) }
    }

    /// Free bytes behind its linear part; none if it is not linear.
    #[inline]
    pub fn tailroom(&self) -> usize {
        // SAFETY: By the type invariants, the skb is valid.
        // CAST: A `usize` has at least 32 bits in the kernel.
        unsafe { bindings::offload_nic_skb_tailroom(self.as_ptr()) as usize }
    }

    /// The `N` bytes at offset `at`, wherever they lie, if the frame has all of them: what was there at
    /// this moment, as of [`Self::headers`].
    pub fn bytes_at<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        let end = at.checked_add(N)?;
        if end > self.len() {
            return None;
        }
        let mut bytes = [0; N];
        // SAFETY: There is room for as many. They lie in the frame, whose length fits into an `i32`.
        unsafe { copy_bits(self, at, bytes.as_mut_ptr(), N) }.then_some(bytes)
    }
}

/// A frame in host memory that a device has written and may still change, with room around it.
///
/// # Invariants
///
/// `skb` is a linear skb that has no clones, with `len == 0` and `capacity` initialised bytes from
/// `data` on, all within the buffer.
pub struct FrameBuffer {
    skb: UniqueSkBuff,
    capacity: usize,
}

impl FrameBuffer {
    /// Copies the whole of `frame` into a new buffer: the device's one write to host memory.
    ///
    /// `room` zero bytes lie before and behind it. Returns nothing if there is no memory. Context:
    /// NAPI poll.
    pub fn copy_of(frame: &SkBuff, room: Room, context: &PollContext<'_>) -> Option<Self> {
        Self::gather(frame, 0, 0..frame.len(), room, context)
    }

    /// Copies a part of `frame` into a new buffer: its first `header` bytes, and right behind them
    /// `payload`.
    ///
    /// `room` zero bytes lie before and behind it. Returns nothing if there is no memory, or no such
    /// bytes are in the frame. Context: NAPI poll.
    pub fn gather(
        frame: &SkBuff,
        header: usize,
        payload: Range<usize>,
        room: Room,
        context: &PollContext<'_>,
    ) -> Option<Self> {
        if header > frame.len() || payload.end > frame.len() {
            return None;
        }
        let len = payload
            .end
            .checked_sub(payload.start)?
            .checked_add(header)?;
        // SAFETY: There is room for `len` bytes. The ranges lie in `frame` as was checked above, so
        // that all of these numbers fit into an `i32` as its length does.
        let copy = |to: *mut u8| unsafe {
            copy_bits(frame, 0, to, header)
                && copy_bits(frame, payload.start, to.add(header), payload.len())
        };
        // SAFETY: Each of the bytes was written if both have been copied.
        unsafe { Self::filled(len, room, context, copy) }
    }

    /// Copies `header`, and right behind it `payload`, into a new buffer.
    ///
    /// `room` zero bytes lie before and behind it. Returns nothing if there is no memory. Context:
    /// NAPI poll.
    pub fn join(
        header: &[u8],
        payload: &[u8],
        room: Room,
        context: &PollContext<'_>,
    ) -> Option<Self> {
        let len = header.len().checked_add(payload.len())?;
        // SAFETY: There is room for both, and a new buffer overlaps with nothing.
        let copy = |to: *mut u8| unsafe {
            to.copy_from_nonoverlapping(header.as_ptr(), header.len());
            to.add(header.len())
                .copy_from_nonoverlapping(payload.as_ptr(), payload.len());
            true
        };
        // SAFETY: Each of the bytes was written.
        unsafe { Self::filled(len, room, context, copy) }
    }

    /// A new buffer with a frame of `len` bytes, which `copy` writes to where it is told.
    ///
    /// # Safety
    ///
    /// If `copy` returns `true` it must have written all of the `len` bytes that it is given room for,
    /// and never more.
    unsafe fn filled(
        len: usize,
        room: Room,
        context: &PollContext<'_>,
        copy: impl FnOnce(*mut u8) -> bool,
    ) -> Option<Self> {
        let (headroom, tailroom) = (room.before, room.behind);
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
        let skb = unsafe { UniqueSkBuff::from_raw(skb) };

        // SAFETY: The new skb is linear and has at least `capacity` bytes behind `data`: what was
        // asked for. The room around the frame is written here.
        let frame = unsafe {
            let data = (*skb.as_ptr()).data;
            data.write_bytes(0, headroom);
            data.add(headroom).add(len).write_bytes(0, tailroom);
            data.add(headroom)
        };
        // INVARIANT: The length of a new skb is 0, and the `capacity` bytes are initialised: the room
        // above, the frame by `copy`, as its contract says. Its `data` stays where it is until
        // `into_received`.
        copy(frame).then_some(Self { skb, capacity })
    }

    /// A buffer that is the memory in which `frame` was sent, if nobody else has that and it lies in one
    /// piece: the frame is all of it. Nothing else of what the sender's host has noted with the frame is
    /// left. Gives the frame back, unchanged, if that is not so. Context: NAPI poll.
    ///
    /// # Errors
    ///
    /// The frame.
    #[inline]
    pub fn take_over(frame: SkBuff, _context: &PollContext<'_>) -> Result<Self, SkBuff> {
        let capacity = frame.len();
        let skb = frame.try_into_unique()?;
        // SAFETY: By its type invariants, nobody else has a reference to the skb, and in a poll bottom
        // halves are off, so that its socket's destructor may run.
        if !unsafe { bindings::offload_nic_skb_take_over(skb.as_ptr()) } {
            return Err(skb.into());
        }
        // INVARIANT: It was linear and has no clones, and its length is 0 now. What was its frame is
        // initialised.
        Ok(Self { skb, capacity })
    }

    /// The whole buffer: headroom, frame, tailroom.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: By the type invariants, `capacity` bytes from `data` on are initialised, and the
        // skb has no clones.
        unsafe { core::slice::from_raw_parts((*self.skb.as_ptr()).data, self.capacity) }
    }

    /// As [`Self::bytes`], to be changed.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: By the type invariants, `capacity` bytes from `data` on are initialised, and the
        // skb has no clones.
        unsafe { core::slice::from_raw_parts_mut((*self.skb.as_ptr()).data, self.capacity) }
    }

    /// For how many bytes of memory the frame counts with whoever keeps it.
    #[inline]
    pub(super) fn truesize(&self) -> usize {
        // SAFETY: By the type invariants, the skb is valid.
        // CAST: A `usize` has at least 32 bits in the kernel.
        unsafe { (*self.skb.as_ptr()).truesize as usize }
    }

    /// The skb that it is to be.
    #[inline]
    pub(super) fn skb(&self) -> &SkBuff {
        &self.skb
    }

    /// Makes `range` of the buffer the frame, clipped to the buffer.
    fn finish(self, range: Range<usize>) -> UniqueSkBuff {
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
    pub fn into_sent(self, range: Range<usize>) -> UniqueSkBuff {
        self.finish(range)
    }

    /// As [`Self::into_sent`], with `metadata` bytes that lie before the frame: as many as there are.
    pub(crate) fn into_handed(self, range: Range<usize>, metadata: u8) -> (SkBuff, u8) {
        let headroom = range.start.min(self.capacity);
        let metadata = if usize::from(metadata) <= headroom {
            metadata
        } else {
            0
        };
        (self.finish(range).into(), metadata)
    }

    /// The buffer again, and where in it the frame is: it begins with the metadata, and ends with the
    /// frame.
    ///
    /// # Safety
    ///
    /// `skb` and `metadata` must come from [`Self::into_handed`], and nobody may have had the skb since
    /// but to keep it.
    pub(crate) unsafe fn from_handed(skb: SkBuff, metadata: u8) -> (Self, Range<usize>) {
        let (len, metadata) = (skb.len(), usize::from(metadata));
        let capacity = metadata.wrapping_add(len);
        // SAFETY: By the function's contract the skb is linear, there are no other references and no
        // clones, and the frame has as many bytes of headroom that are initialised. Then it is made
        // one of length 0 that begins there.
        // CAST: Less than 256.
        let skb = unsafe {
            bindings::skb_push(skb.as_ptr(), metadata as u32);
            bindings::skb_trim(skb.as_ptr(), 0);
            UniqueSkBuff::from_raw(skb.into_raw())
        };
        // INVARIANT: Both the metadata and the frame are initialised.
        (Self { skb, capacity }, metadata..capacity)
    }

    /// Makes the frame one for the host: `range` of the buffer is what it gets, with `metadata`
    /// bytes before it that belong to programs on the host.
    pub fn into_received(self, range: Range<usize>, metadata: u8) -> Received {
        // Where the frame would begin behind the buffer it is empty, at its end.
        let headroom = range.start.min(self.capacity);
        let metadata = if usize::from(metadata) <= headroom {
            metadata
        } else {
            0
        };
        // SAFETY: By the type invariants the skb is linear, has no clones, and the bytes of the
        // buffer before the frame are initialised: `headroom` of them.
        unsafe { Received::new(self.finish(range), metadata) }
    }
}

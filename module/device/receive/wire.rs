// SPDX-License-Identifier: GPL-2.0

//! Frames as they are on the wire, and where their bytes lie at the end of it.

use super::sent::Sent;
use core::ops::Range;
use engine::{
    frame::Frame,
    pipeline::{
        self,
        OnWire,
        Owned,
        Room, //
    }, //
};
use net::{
    napi::PollContext,
    skbuff::{
        self,
        Aggregate,
        FrameBuffer,
        PagedFrame,
        Received,
        SharedFrame,
        SkBuff,
        UniqueSkBuff, //
    }, //
};

/// A frame with the bytes that are on the wire.
pub(super) enum Wire {
    /// In memory of the sender's, which may share it.
    Sent(SkBuff),
    /// In memory of the receiver's: the device has written it there.
    Written(Written),
}

/// A frame in memory of the receiver's, with room around it for the program that runs.
pub(super) struct Written {
    buffer: FrameBuffer,
    range: Range<usize>,
}

impl From<Sent> for Wire {
    #[inline]
    fn from(sent: Sent) -> Self {
        Self::Sent(sent.skb)
    }
}

impl From<Written> for Wire {
    #[inline]
    fn from(written: Written) -> Self {
        Self::Written(written)
    }
}

impl OnWire for Wire {
    #[inline]
    fn frame_len(&self) -> usize {
        match self {
            Self::Sent(skb) => skb.len(),
            Self::Written(written) => written.range.len(),
        }
    }

    /// Of what the sender has, those in its linear part: pages may be a task's, which writes to them.
    #[inline]
    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Sent(skb) => skb.is_linear().then(|| skb.linear()),
            Self::Written(written) => Some(written.bytes()),
        }
    }

    #[inline]
    fn first_bytes<'a>(&'a self, room: &'a mut [u8]) -> &'a [u8] {
        match self {
            Self::Sent(skb) => skb.first_bytes(room),
            Self::Written(written) => written.bytes(),
        }
    }

    fn pair(&self, at: usize) -> Option<[u8; 2]> {
        match self {
            Self::Sent(skb) => skb.bytes_at(at),
            Self::Written(written) => written.bytes().get(at..)?.first_chunk().copied(),
        }
    }
}

/// A frame in memory of the receiver's: headers in a buffer, and pages with what is behind them.
pub(super) struct InPages(PagedFrame);

impl pipeline::InPages for InPages {
    #[inline]
    fn header(&self) -> &[u8] {
        self.0.header()
    }

    #[inline]
    fn pages(&self) -> impl Iterator<Item = &[u8]> {
        self.0.pages()
    }

    fn take_out_tag(&mut self) -> bool {
        self.0.take_out_vlan_tag()
    }
}

impl InPages {
    /// The frame of which the first `header` bytes are headers, with `metadata` bytes before it that
    /// belong to programs of the host. `None` if there is no memory.
    pub(super) fn from_wire(
        wire: Wire,
        header: usize,
        metadata: u8,
        context: &PollContext<'_>,
    ) -> Option<Self> {
        let frame = match wire {
            Wire::Sent(skb) => {
                let frame = PagedFrame::copy_of(&skb, header, header..skb.len(), context)?;
                skb.consume_in(context);
                frame
            }
            Wire::Written(written) => {
                let (buffer, range) = written.into_parts();
                PagedFrame::of_buffer(buffer, range, header, metadata, context)?
            }
        };
        Some(Self(frame))
    }

    /// The frame for the host.
    pub(super) fn into_received(self) -> Received {
        self.0.into_received()
    }
}

/// A frame that was sent, of which the receiver has the headers alone.
pub(super) struct Shared(SharedFrame);

impl pipeline::Shared for Shared {
    #[inline]
    fn header(&self) -> &[u8] {
        self.0.header()
    }

    #[inline]
    fn header_mut(&mut self) -> &mut [u8] {
        self.0.header_mut()
    }

    #[inline]
    fn payload(&self) -> impl Iterator<Item = &[u8]> {
        self.0.payload()
    }
}

impl Shared {
    /// The frame `sent`, if it can be taken as it lies and begins with `header` bytes of headers.
    #[inline]
    pub(super) fn from_sent(
        sent: SkBuff,
        header: usize,
        context: &PollContext<'_>,
    ) -> Result<Self, SkBuff> {
        SharedFrame::take_over(sent, header, context).map(Self)
    }

    /// The frame as it was sent.
    pub(super) fn into_sent(self) -> SkBuff {
        self.0.into_sent()
    }

    /// The frame as one that others are put behind.
    pub(super) fn into_aggregate(self) -> Aggregate {
        Aggregate::of_shared(self.0)
    }

    /// Puts what is behind its headers, which are `header` bytes, behind `aggregate`.
    ///
    /// # Errors
    ///
    /// The frame: what is there is of another kind.
    #[inline]
    pub(super) fn append_to(
        self,
        aggregate: &mut Aggregate,
        header: usize,
        context: &PollContext<'_>,
    ) -> Result<(), Self> {
        let appended = aggregate.append_shared(self.0, header, context);
        appended.map_err(Self)
    }

    /// The frame for the host.
    pub(super) fn into_received(self) -> Received {
        self.0.into_received()
    }
}

impl Wire {
    /// The frame as the cable has it.
    pub(super) fn into_skb(self) -> SkBuff {
        match self {
            Self::Sent(skb) => skb,
            Self::Written(written) => written.into_sent().into(),
        }
    }
}

impl Owned for Written {
    #[inline]
    fn bytes(&self) -> &[u8] {
        let range = self.range.clone();
        self.buffer.bytes().get(range).unwrap_or_default()
    }

    fn frame(&mut self) -> Option<Frame<'_>> {
        let Range { start, end } = self.range;
        Frame::writable(self.buffer.bytes_mut(), start, end)
    }

    fn set_bounds(&mut self, start: usize, end: usize) {
        self.range = start..end;
    }
}

impl Written {
    /// Room behind a frame in bytes that is too much for the host: it would count as memory of the
    /// socket that receives. What a page leaves is not.
    const WASTE: usize = 4096;
    /// The same of memory in which a frame was sent.
    const WASTE_OF_SENDER: usize = 1024;

    /// The frame that is in `range` of `buffer`.
    pub(super) fn from_parts(buffer: FrameBuffer, range: Range<usize>) -> Self {
        Self { buffer, range }
    }

    /// The buffer, and where in it the frame is.
    pub(super) fn into_parts(self) -> (FrameBuffer, Range<usize>) {
        (self.buffer, self.range)
    }

    /// Copies the first `header` bytes of `frame` and `payload` of it to the receiver's memory, with
    /// `room` around them. `None` if there is no memory.
    pub(super) fn gather(
        frame: &SkBuff,
        header: usize,
        payload: Range<usize>,
        room: Room,
        context: &PollContext<'_>,
    ) -> Option<Self> {
        let len = header.saturating_add(payload.len());
        let buffer = FrameBuffer::gather(frame, header, payload, around(room), context)?;
        Some(Self::new(buffer, len, room))
    }

    /// As [`Self::gather`], of `header` and `payload`.
    pub(super) fn join(
        header: &[u8],
        payload: &[u8],
        room: Room,
        context: &PollContext<'_>,
    ) -> Option<Self> {
        let len = header.len().saturating_add(payload.len());
        let buffer = FrameBuffer::join(header, payload, around(room), context)?;
        Some(Self::new(buffer, len, room))
    }

    fn new(buffer: FrameBuffer, len: usize, room: Room) -> Self {
        Self {
            buffer,
            range: room.before..room.before.saturating_add(len),
        }
    }

    /// The frame in the receiver's memory with `room` around it: copied there, unless it is there,
    /// when it has the room that the running program wants. What that has not used is not left behind
    /// a frame that need not have it. `None` if there is no memory.
    pub(super) fn from_wire(wire: Wire, room: Room, context: &PollContext<'_>) -> Option<Self> {
        let skb = match wire {
            Wire::Written(written) if !written.wastes(room) => return Some(written),
            // Most have the size that they need.
            Wire::Sent(skb)
                if room == Room::default() && skb.tailroom() <= Self::WASTE_OF_SENDER =>
            {
                match FrameBuffer::take_over(skb, context) {
                    Ok(buffer) => {
                        let range = 0..buffer.bytes().len();
                        return Some(Self { buffer, range });
                    }
                    Err(skb) => skb,
                }
            }
            wire => wire.into_skb(),
        };
        let written = Self::gather(&skb, 0, 0..skb.len(), room, context)?;
        skb.consume_in(context);
        Some(written)
    }

    fn wastes(&self, room: Room) -> bool {
        let behind = self.buffer.bytes().len().saturating_sub(self.range.end);
        behind > room.behind.saturating_add(Self::WASTE)
    }

    /// The bytes of the frame, to be changed.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        let range = self.range.clone();
        self.buffer.bytes_mut().get_mut(range).unwrap_or_default()
    }

    /// The frame as one that can be sent.
    pub(super) fn into_sent(self) -> UniqueSkBuff {
        self.buffer.into_sent(self.range)
    }

    /// The frame as one that others are put behind.
    pub(super) fn into_aggregate(self) -> Aggregate {
        Aggregate::new(self.buffer, self.range)
    }

    /// Puts what is behind its first `header` bytes behind `aggregate`.
    ///
    /// # Errors
    ///
    /// The frame: there is no memory.
    pub(super) fn append_to(
        self,
        aggregate: &mut Aggregate,
        header: usize,
        context: &PollContext<'_>,
    ) -> Result<(), Self> {
        let Self { buffer, range } = self;
        let appended = aggregate.append(buffer, range.clone(), header, context);
        appended.map_err(|buffer| Self { buffer, range })
    }

    /// The frame for the host, with `metadata` bytes before it that belong to programs there.
    pub(super) fn into_received(self, metadata: u8) -> Received {
        self.buffer.into_received(self.range, metadata)
    }
}

fn around(room: Room) -> skbuff::Room {
    skbuff::Room {
        before: room.before,
        behind: room.behind,
    }
}

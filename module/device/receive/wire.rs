// SPDX-License-Identifier: GPL-2.0

//! Frames as they are on the wire, and where their bytes lie at the end of it.

use super::poll::Poll;
use crate::port::Plugged;
use core::ops::Range;
use engine::frame::Frame;
use net::skbuff::{
    FrameBuffer,
    Received,
    Room,
    SkBuff,
    UniqueSkBuff, //
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

impl Wire {
    /// Length of the frame in bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Sent(skb) => skb.len(),
            Self::Written(written) => written.range.len(),
        }
    }

    /// The bytes of the frame, if they lie in one piece.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Sent(skb) => skb.is_linear().then(|| skb.linear()),
            Self::Written(written) => written.buffer.bytes().get(written.range.clone()),
        }
    }

    /// The frame as the cable has it.
    pub(super) fn into_skb(self) -> SkBuff {
        match self {
            Self::Sent(skb) => skb,
            Self::Written(written) => written.into_sent().into(),
        }
    }

    /// The frame as one that the device can send. `None`, and counted, if there is no memory for a
    /// frame that the sender has not let go of.
    pub(super) fn into_sent<H: Plugged>(self, poll: &Poll<'_, H>) -> Option<UniqueSkBuff> {
        let skb = match self {
            Self::Sent(skb) => skb.share_check().ok(),
            Self::Written(written) => Some(written.into_sent()),
        };
        if skb.is_none() {
            poll.rx.no_buffer_drops.add(1);
        }
        skb
    }

    /// Frees a frame that went where it was meant to go.
    pub(super) fn consume(self) {
        if let Self::Sent(skb) = self {
            skb.consume();
        }
    }
}

impl Written {
    /// Copies the first `header` bytes of `frame` and `payload` of it to the receiver's memory, with
    /// `room` around them. `None`, and counted, if there is no memory.
    pub(super) fn gather<H: Plugged>(
        frame: &SkBuff,
        header: usize,
        payload: Range<usize>,
        room: Room,
        poll: &Poll<'_, H>,
    ) -> Option<Self> {
        let len = header.saturating_add(payload.len());
        let buffer = FrameBuffer::gather(frame, header, payload, room, poll.context);
        Self::new(buffer, len, room, poll)
    }

    /// As [`Self::gather`], of `header` and `payload`.
    pub(super) fn join<H: Plugged>(
        header: &[u8],
        payload: &[u8],
        room: Room,
        poll: &Poll<'_, H>,
    ) -> Option<Self> {
        let len = header.len().saturating_add(payload.len());
        let buffer = FrameBuffer::join(header, payload, room, poll.context);
        Self::new(buffer, len, room, poll)
    }

    fn new<H: Plugged>(
        buffer: Option<FrameBuffer>,
        len: usize,
        room: Room,
        poll: &Poll<'_, H>,
    ) -> Option<Self> {
        if buffer.is_none() {
            poll.rx.no_buffer_drops.add(1);
        }
        Some(Self {
            buffer: buffer?,
            range: room.before..room.before.saturating_add(len),
        })
    }

    /// `frame` in the receiver's memory: copied there, unless it is there. `None`, and counted, if
    /// there is no memory.
    pub(super) fn from_wire<H: Plugged>(frame: Wire, poll: &Poll<'_, H>) -> Option<Self> {
        Self::with_room(frame, Room::default(), poll)
    }

    /// As [`Self::from_wire`], with `room` around it if it is copied; what is there has the room that
    /// the running program wants.
    pub(super) fn with_room<H: Plugged>(
        frame: Wire,
        room: Room,
        poll: &Poll<'_, H>,
    ) -> Option<Self> {
        match frame {
            Wire::Sent(skb) => {
                let written = Self::gather(&skb, 0, 0..skb.len(), room, poll)?;
                skb.consume();
                Some(written)
            }
            Wire::Written(written) => Some(written),
        }
    }

    /// The bytes of the frame, to be changed.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        let range = self.range.clone();
        self.buffer.bytes_mut().get_mut(range).unwrap_or_default()
    }

    /// The frame as a program gets it.
    pub(super) fn frame(&mut self) -> Option<Frame<'_>> {
        let Range { start, end } = self.range;
        Frame::writable(self.buffer.bytes_mut(), start, end)
    }

    /// The frame with other bounds: those that a program has given it.
    pub(super) fn with_range(self, range: Range<usize>) -> Self {
        Self { range, ..self }
    }

    /// The frame as one that can be sent.
    pub(super) fn into_sent(self) -> UniqueSkBuff {
        self.buffer.into_sent(self.range)
    }

    /// The frame for the host, with `metadata` bytes before it that belong to programs there.
    pub(super) fn into_received(self, metadata: u8) -> Received {
        self.buffer.into_received(self.range, metadata)
    }
}

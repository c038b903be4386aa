// SPDX-License-Identifier: GPL-2.0

//! Frames as they are on the wire: where they are received, and what may befall them.

use crate::fault::FaultRecord;
use crate::frame::Frame;

/// Where frames are received, as programs get to know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ingress {
    /// The Ethernet address of the port.
    pub address: [u8; 6],
    /// Its interface index.
    pub ifindex: u32,
    /// The queue that receives.
    pub queue: u16,
}

/// A frame with the bytes that are on the wire, in memory of the sender's or the receiver's.
pub trait OnWire {
    /// Its length in bytes.
    fn frame_len(&self) -> usize;

    /// Its bytes, if they lie in one piece. Nobody changes them.
    fn bytes(&self) -> Option<&[u8]>;

    /// Its first bytes, wherever it lies: as many as `room` has place for or the frame has, or more.
    /// `room` may be where they are. Those of a sender that has lent them may be others later.
    fn first_bytes<'a>(&'a self, room: &'a mut [u8]) -> &'a [u8];

    /// The two bytes at offset `at`, wherever they lie, if the frame has both. As of
    /// [`first_bytes`](Self::first_bytes) they may be others later.
    fn pair(&self, at: usize) -> Option<[u8; 2]>;
}

/// Where the payload of a wire frame is for the host that goes up apart from its headers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Payload<S> {
    /// Where the sender has it.
    Stable(S),
    /// In pages of the receiver's, to which it is copied.
    Copied,
}

/// A frame in memory of the receiver's that lies in pieces: headers, and pages with what is behind them.
pub trait InPages {
    /// The bytes of the headers.
    fn header(&self) -> &[u8];

    /// What is behind them, in its order.
    fn pages(&self) -> impl Iterator<Item = &[u8]>;

    /// Takes the VLAN tag behind the addresses out of the headers, with what lies before the frame closing
    /// up. Gives whether they are long enough for that.
    fn take_out_tag(&mut self) -> bool;
}

/// A frame that was sent, whose payload stays where its sender has it. Its headers are nobody else's.
pub trait Shared {
    /// The bytes of the headers.
    fn header(&self) -> &[u8];

    /// As [`Self::header`], to be changed.
    fn header_mut(&mut self) -> &mut [u8];

    /// What is behind them, in its order. Nobody changes it.
    fn payload(&self) -> impl Iterator<Item = &[u8]>;
}

/// A frame in memory of the receiver's, which nobody else has.
pub trait Owned {
    /// Its bytes.
    fn bytes(&self) -> &[u8];

    /// The frame as a program gets it, with the room around it. `None` if it has no memory.
    fn frame(&mut self) -> Option<Frame<'_>>;

    /// The frame begins at `start` and ends before `end`, counted from where the room before it began.
    fn set_bounds(&mut self, start: usize, end: usize);
}

/// Why a device lost a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lost {
    /// There was no memory for it.
    NoBuffer,
    /// What was agreed on can't be done. The sender has made the same plan, so there is none of these.
    Unplanned,
    /// It is too short for what it was to go to.
    Runt,
    /// It is longer than the port takes. It has not arrived.
    TooLong,
}

/// How long the frames are that a port takes from the cable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LengthLimit(Option<usize>);

impl LengthLimit {
    /// Of any length.
    pub const NONE: Self = Self(None);

    /// With at most `longest` bytes, from the Ethernet header on and without a frame check sequence.
    pub const fn of(longest: usize) -> Self {
        Self(Some(longest))
    }

    /// Whether a frame of `len` bytes is taken.
    #[inline]
    pub const fn takes(self, len: usize) -> bool {
        match self.0 {
            Some(longest) => len <= longest,
            None => true,
        }
    }
}

/// Who is told of what befalls frames.
pub trait Watcher {
    /// Frames have come from the cable: so many, with so many bytes in all.
    fn arrived(&mut self, frames: u32, bytes: u64);

    /// A frame is lost.
    fn lost(&mut self, why: Lost);

    /// A program has chosen a queue that is not in use: the frame goes where it would go without that.
    fn misdirected(&mut self);

    /// A program was stopped.
    fn stopped(&mut self, record: FaultRecord);
}

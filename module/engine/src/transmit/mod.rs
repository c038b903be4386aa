// SPDX-License-Identifier: GPL-2.0

//! The transmit engine: wire frames of what the host sends.
//!
//! What comes out is, byte for byte, what the host's software makes of the same frame: segmentation
//! as by `skb_gso_segment` with no features, then checksums as by `skb_checksum_help` and
//! `skb_crc32c_csum_help`. What can't be done so is refused, and software does it. The exception is
//! [`TxCapability::ProtocolSpecific`], which is wrong about frames whose headers it misunderstands,
//! as NICs of that kind are.
//!
//! A [`TxPlan`] reads the headers once. Then each of its [`WireFrames`] is copied as it says, and
//! [`TxPlan::finish`] writes its header fields and checksums in place. No header is trusted: it may
//! come from a virtual machine.

mod finisher;
mod headers;
mod program;
mod refusal;
mod segments;

use core::ops::Range;

use crate::checksum::{sum, Sum};
use crate::crc32c::Crc32c;
use crate::descriptor::{TxCapability, TxChecksum, TxDescriptor};
use crate::fields::put;
use crate::protocol::{self, sent};
pub use finisher::{Asked, Finisher};
pub use program::{GsoCounts, Heard, SHOWN_HEADERS};
pub use refusal::TxRefusal;
use segments::{Behind, Segments};

/// What is to be done to a frame that is to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TxPlan {
    len: u32,
    work: Work,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Work {
    /// The frame goes out as it is.
    Nothing,
    Internet {
        start: usize,
        field: usize,
    },
    Crc32c {
        start: usize,
        field: usize,
    },
    /// The device looks for the checksum itself.
    ProtocolSpecific,
    Cut(Segments),
}

/// One frame on the wire: which bytes of the host's frame it consists of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WireFrame {
    index: u32,
    /// That many from its beginning, all of them in its linear part.
    pub header: usize,
    /// Then these.
    pub payload: Range<usize>,
}

impl WireFrame {
    /// Its length in bytes.
    #[inline]
    pub const fn len(&self) -> usize {
        let payload = self.payload.end.saturating_sub(self.payload.start);
        self.header.saturating_add(payload)
    }

    /// Whether it has no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The frames on the wire, in their order.
#[derive(Clone, Debug)]
pub struct WireFrames<'a, I> {
    plan: &'a TxPlan,
    fragments: I,
    index: u32,
    start: usize,
}

impl<I: Iterator<Item = u32>> Iterator for WireFrames<'_, I> {
    type Item = WireFrame;

    fn next(&mut self) -> Option<WireFrame> {
        let index = self.index;
        if index >= self.plan.frames() {
            return None;
        }
        let (header, end) = match &self.plan.work {
            Work::Cut(segments) => {
                let end = segments.end(self.start, || self.fragments.next())?;
                (segments.header_len(), end)
            }
            _ => (0, self.plan.len as usize),
        };
        let payload = self.start..end;
        self.start = end;
        self.index = index.wrapping_add(1);
        Some(WireFrame {
            index,
            header,
            payload,
        })
    }
}

impl TxPlan {
    /// What is to be done as `descriptor` asks to the frame whose linear part is `headers`.
    ///
    /// `fragments` are the lengths in bytes of the fragments that the host has the rest of it in
    /// (`frag_list`). They are looked at if segments are to end where they do (`GSO_BY_FRAGS`).
    ///
    /// # Errors
    ///
    /// What the device leaves to software.
    pub fn new(
        descriptor: &TxDescriptor,
        headers: &[u8],
        fragments: impl IntoIterator<Item = u32>,
    ) -> Result<Self, TxRefusal> {
        let headers = headers.get(..descriptor.len as usize).unwrap_or(headers);
        let work = match (descriptor.gso, descriptor.checksum, descriptor.capability) {
            (Some(gso), ..) => Work::Cut(Segments::new(
                descriptor,
                gso,
                headers,
                fragments.into_iter(),
            )?),
            (None, TxChecksum::None, _) => Work::Nothing,
            (None, _, TxCapability::ProtocolSpecific) => Work::ProtocolSpecific,
            (None, TxChecksum::Internet { start, offset }, _) => {
                let (start, field) = range(start, offset, 2, headers)?;
                Work::Internet { start, field }
            }
            (None, TxChecksum::Crc32c { start, offset }, _) => {
                let (start, field) = range(start, offset, 4, headers)?;
                Work::Crc32c { start, field }
            }
        };
        Ok(Self {
            len: descriptor.len,
            work,
        })
    }

    /// Whether a frame that is not cut can be finished as `descriptor` asks. As [`Self::new`], for who needs no
    /// more than that.
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn check_whole(descriptor: &TxDescriptor, headers: &[u8]) -> Result<(), TxRefusal> {
        let headers = headers.get(..descriptor.len as usize).unwrap_or(headers);
        match (descriptor.checksum, descriptor.capability) {
            (TxChecksum::None, _) | (_, TxCapability::ProtocolSpecific) => Ok(()),
            (TxChecksum::Internet { start, offset }, _) => {
                range(start, offset, 2, headers).map(drop)
            }
            (TxChecksum::Crc32c { start, offset }, _) => range(start, offset, 4, headers).map(drop),
        }
    }

    /// Number of wire frames, 1 for a frame that is not cut.
    #[inline]
    pub const fn frames(&self) -> u32 {
        match &self.work {
            Work::Cut(segments) => segments.count(),
            _ => 1,
        }
    }

    /// Whether the payload of each wire frame is one of the host's fragments.
    pub const fn is_by_fragments(&self) -> bool {
        match &self.work {
            Work::Cut(segments) => segments.is_by_fragments(),
            _ => false,
        }
    }

    /// Whether of the payload of each wire frame nothing is needed but its sum, so that
    /// [`finish_header`](Self::finish_header) serves.
    pub const fn is_summed(&self) -> bool {
        match &self.work {
            Work::Cut(segments) => segments.is_summed(),
            _ => false,
        }
    }

    /// Bytes of headers that each wire frame begins with; `None` if the frame is not cut.
    pub const fn header_len(&self) -> Option<usize> {
        match &self.work {
            Work::Cut(segments) => Some(segments.header_len()),
            _ => None,
        }
    }

    /// Length of all wire frames together, in bytes.
    #[inline]
    pub const fn wire_bytes(&self) -> u64 {
        match &self.work {
            Work::Cut(segments) => segments.wire_bytes(),
            _ => self.len as u64,
        }
    }

    /// The frames on the wire. A frame that is not cut is all payload. `fragments` are those that the
    /// plan was made with; with others there may be fewer frames, and of other lengths.
    pub fn wire_frames<I>(&self, fragments: I) -> WireFrames<'_, I::IntoIter>
    where
        I: IntoIterator<Item = u32>,
    {
        WireFrames {
            plan: self,
            fragments: fragments.into_iter(),
            index: 0,
            start: match &self.work {
                Work::Cut(segments) => segments.header_len(),
                _ => 0,
            },
        }
    }

    /// Writes header fields and checksums of `frame` to `wire`, which has the bytes that it says.
    ///
    /// # Errors
    ///
    /// [`TxRefusal::WireFrame`] if that is not a wire frame of this plan or `wire` has not its length;
    /// the bytes are then of no use.
    pub fn finish(&self, frame: &WireFrame, wire: &mut [u8]) -> Result<(), TxRefusal> {
        let whole = frame.index < self.frames() && frame.payload.end <= self.len as usize;
        if !whole || frame.len() != wire.len() {
            return Err(TxRefusal::WireFrame);
        }
        let finished = match &self.work {
            Work::Nothing => Some(()),
            Work::Internet { start, field } => {
                let summed = wire.get(*start..).map(sum);
                summed.and_then(|sum| put(wire, *field, sent(sum.complement(), true)))
            }
            Work::Crc32c { start, field } => {
                let crc = wire.get(*start..).map(|bytes| Crc32c::new().and(bytes));
                crc.and_then(|crc| put(wire, *field, crc.value().to_le_bytes()))
            }
            Work::ProtocolSpecific => {
                protocol::fill(wire, true);
                Some(())
            }
            Work::Cut(segments) => {
                segments.finish(frame.index, &frame.payload, wire, Behind::NOTHING)
            }
        };
        finished.ok_or(TxRefusal::WireFrame)
    }
}

impl TxPlan {
    /// As [`finish`](Self::finish), where `header` has the bytes of the frame's header alone, and its
    /// payload lies somewhere else: `payload` is the sum of it. Returns the sum of the whole wire
    /// frame behind its first `skip` bytes, which must not be more than those of the header.
    ///
    /// # Errors
    ///
    /// [`TxRefusal::WireFrame`] as there, and if the plan is not one for sums.
    pub fn finish_header(
        &self,
        frame: &WireFrame,
        header: &mut [u8],
        payload: Sum,
        skip: usize,
    ) -> Result<Sum, TxRefusal> {
        let whole = frame.index < self.frames() && frame.payload.end <= self.len as usize;
        let behind = Behind {
            len: frame.len().saturating_sub(frame.header),
            sum: payload,
        };
        let finished = match &self.work {
            Work::Cut(segments) if whole && frame.header == header.len() => {
                segments.finish(frame.index, &frame.payload, header, behind)
            }
            _ => None,
        };
        let summed = header.get(skip..).filter(|_| finished.is_some());
        let summed = summed.map(|bytes| sum(bytes).add(payload.behind(bytes.len())));
        summed.ok_or(TxRefusal::WireFrame)
    }
}

impl TxPlan {
    /// As [`finish`](Self::finish), of a frame that is not cut and whose checksum is a sum, where `header` has its
    /// first bytes alone, and the rest lies somewhere else: of that, `payload` is the sum and the length. Returns
    /// the sum of all behind the first `skip` bytes, which must not be more than those of the header.
    ///
    /// # Errors
    ///
    /// [`TxRefusal::WireFrame`] if it is not such a frame, or has another length.
    pub fn finish_apart(
        &self,
        header: &mut [u8],
        (payload, len): (Sum, usize),
        skip: usize,
    ) -> Result<Sum, TxRefusal> {
        let Work::Internet { start, field } = self.work else {
            return Err(TxRefusal::WireFrame);
        };
        let is_whole = header.len().checked_add(len) == Some(self.len as usize);
        let with_payload = |bytes: &[u8]| sum(bytes).add(payload.behind(bytes.len()));
        let summed = header.get(start..).filter(|_| is_whole).map(with_payload);
        let finished = summed.and_then(|sum| put(header, field, sent(sum.complement(), true)));
        let behind = header.get(skip..).filter(|_| finished.is_some());
        behind.map(with_payload).ok_or(TxRefusal::WireFrame)
    }
}

/// Offsets in the frame of the first byte that is summed and of the checksum, which has `len`
/// bytes.
#[inline]
fn range(start: u16, offset: u16, len: usize, headers: &[u8]) -> Result<(usize, usize), TxRefusal> {
    let start = usize::from(start);
    let field = start.saturating_add(offset.into());
    let end = field.saturating_add(len);
    if end <= headers.len() {
        Ok((start, field))
    } else {
        Err(TxRefusal::Checksum)
    }
}

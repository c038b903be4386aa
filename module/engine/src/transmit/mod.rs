// SPDX-License-Identifier: GPL-2.0

//! The transmit engine: wire frames of what the host sends.
//!
//! What comes out is, byte for byte, what the host's software makes of the same frame: segmentation
//! as by `skb_gso_segment` with no features, then checksums as by `skb_checksum_help` and
//! `skb_crc32c_csum_help`. What can't be done so is refused, and software does it. The exception is
//! [`TxCapability::ProtocolSpecific`], which is wrong about frames whose headers it misunderstands,
//! as NICs of that kind are.
//!
//! A [`TxPlan`] reads the headers once. Then each wire frame is copied as [`TxPlan::layout`] says,
//! and [`TxPlan::finish`] writes its header fields and checksums in place. No header is trusted: it
//! may come from a virtual machine.

mod headers;
mod refusal;
mod segments;

use core::ops::Range;

use crate::checksum::sum;
use crate::crc32c::Crc32c;
use crate::descriptor::{TxCapability, TxChecksum, TxDescriptor};
use crate::fields::put;
use crate::protocol::{self, sent};
pub use refusal::TxRefusal;
use segments::Segments;

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

/// Which bytes of the host's frame a wire frame consists of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    /// That many from its beginning, all of them in its linear part.
    pub header: usize,
    /// Then these.
    pub payload: Range<usize>,
}

impl TxPlan {
    /// What is to be done as `descriptor` asks to the frame whose linear part is `headers`.
    ///
    /// # Errors
    ///
    /// What the device leaves to software.
    pub fn new(descriptor: &TxDescriptor, headers: &[u8]) -> Result<Self, TxRefusal> {
        if descriptor.vlan.is_some() {
            return Err(TxRefusal::VlanTag);
        }
        let headers = headers.get(..descriptor.len as usize).unwrap_or(headers);
        let work = match (descriptor.gso, descriptor.checksum, descriptor.capability) {
            (Some(gso), ..) => Work::Cut(Segments::new(descriptor, gso, headers)?),
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

    /// Number of wire frames, 1 for a frame that is not cut.
    pub const fn frames(&self) -> u32 {
        match &self.work {
            Work::Cut(segments) => segments.count(),
            _ => 1,
        }
    }

    /// Length of all wire frames together, in bytes.
    pub const fn wire_bytes(&self) -> u64 {
        match &self.work {
            Work::Cut(segments) => segments.wire_bytes(),
            _ => self.len as u64,
        }
    }

    /// Which bytes wire frame `index` consists of; `None` if there are not that many. A frame that
    /// is not cut is all payload.
    pub fn layout(&self, index: u32) -> Option<Layout> {
        match &self.work {
            Work::Cut(segments) => segments.layout(index),
            _ => (index == 0).then_some(Layout {
                header: 0,
                payload: 0..self.len as usize,
            }),
        }
    }

    /// Writes header fields and checksums of wire frame `index` to `wire`, which has the bytes that
    /// [`layout`](Self::layout) says.
    ///
    /// # Errors
    ///
    /// [`TxRefusal::WireFrame`] if there is no such wire frame or `wire` has not its length; the
    /// bytes are then of no use.
    pub fn finish(&self, index: u32, wire: &mut [u8]) -> Result<(), TxRefusal> {
        let whole = self.layout(index).is_some_and(|layout| {
            let payload = layout.payload.end.saturating_sub(layout.payload.start);
            layout.header.saturating_add(payload) == wire.len()
        });
        if !whole {
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
            Work::Cut(segments) => segments.finish(index, wire),
        };
        finished.ok_or(TxRefusal::WireFrame)
    }
}

/// Offsets in the frame of the first byte that is summed and of the checksum, which has `len`
/// bytes.
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

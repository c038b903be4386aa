// SPDX-License-Identifier: GPL-2.0

//! What a frame that has come is to GRO.

use super::headers::Headers;
use crate::checksum::{sum, Sum};
use crate::fields::get;
use crate::frame::ETH_HLEN;
use crate::protocol::{TCP_DATA_OFFSET, TCP_HEADER};

pub(super) const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
pub(super) const PSH: u8 = 0x08;
pub(super) const URG: u8 = 0x20;
/// Flags behind which GRO waits for nothing more.
const LAST: u8 = FIN | SYN | RST | PSH | URG;

/// A TCP segment that GRO looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    pub(super) headers: Headers,
    /// Offset of its payload.
    payload: usize,
    /// Length of that.
    pub(super) len: u32,
    pub(super) flags: u8,
    /// Whether its IP headers say how long it is: padding behind it is more than they say.
    pub(super) is_true: bool,
}

impl Segment {
    /// The one that is `frame`, from the Ethernet header on. `rest` is the sum of all behind that, folded as
    /// in [`RxChecksum::Complete`](crate::receive_checksum::RxChecksum::Complete). `None` if it goes up as
    /// it is, whatever is held: it is no TCP segment, its checksum is wrong, or GRO does not take one such.
    pub fn of(frame: &[u8], rest: u16) -> Option<Self> {
        let headers = Headers::find(frame)?;
        let is_true = headers.networks().all(|ip| ip.is_true(frame, frame.len()));
        let tcp = frame.get(headers.tcp..)?;
        // All headers are as long as a number of 16-bit words.
        let from = |at| {
            let before = sum(frame.get(ETH_HLEN..at)?);
            Some(Sum::of_field(rest.to_le_bytes()).sub(before))
        };
        // What is flushed anyway is not verified.
        if let Some(gre) = headers.gre.filter(|gre| gre.has_checksum) {
            let is_flushed = !headers.outer.is_true(frame, frame.len());
            if !is_flushed && from(gre.at)?.fold() != u16::MAX {
                return None;
            }
        }
        if is_true {
            let pseudo = headers.network().pseudo_header(frame, tcp.len());
            if pseudo.add(from(headers.tcp)?).fold() != u16::MAX {
                return None;
            }
        }
        let [offset, flags] = get(tcp, TCP_DATA_OFFSET)?;
        let header = usize::from(offset >> 4).wrapping_mul(4);
        let len = tcp.len().checked_sub(header)?;
        (header >= TCP_HEADER).then_some(Self {
            headers,
            payload: headers.tcp.wrapping_add(header),
            // CAST: A frame is shorter than 4 GiB.
            len: len as u32,
            flags,
            is_true,
        })
    }

    /// Length of its headers, from the Ethernet header on.
    pub fn header_len(&self) -> usize {
        self.payload
    }

    /// Whether GRO holds it, to see what comes behind it.
    pub fn may_begin(&self) -> bool {
        self.is_true && self.len > 0 && !self.is_last()
    }

    /// Whether GRO waits for nothing behind it.
    pub(super) fn is_last(&self) -> bool {
        self.flags & LAST != 0
    }

    /// A number that segments of its flow have in common; `frame` is its bytes.
    pub fn print(&self, frame: &[u8]) -> u32 {
        self.headers.print(frame)
    }

    /// As [`print`](Self::print), of the flow of a super-frame that begins with `headers`, if GRO knows it.
    pub fn print_of(headers: &[u8]) -> Option<u32> {
        Some(Headers::find(headers)?.print(headers))
    }
}

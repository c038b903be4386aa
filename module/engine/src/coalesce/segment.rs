// SPDX-License-Identifier: GPL-2.0

//! What a frame that has come is to GRO.

use super::headers::{Headers, Transport};
use crate::checksum::{sum, Sum};
use crate::descriptor::TxChecksum;
use crate::fields::{get, get16};
use crate::frame::ETH_HLEN;
use crate::protocol::{TCP_DATA_OFFSET, TCP_HEADER, UDP_HEADER};

/// Where the checksum lies in a TCP header.
pub(super) const TCP_CHECK: usize = 16;
/// Where the length and the checksum lie in a UDP header.
pub(super) const UDP_LEN: usize = 4;
pub(super) const UDP_CHECK: usize = 6;

pub(super) const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
pub(super) const PSH: u8 = 0x08;
pub(super) const URG: u8 = 0x20;
/// Flags behind which GRO waits for nothing more.
const LAST: u8 = FIN | SYN | RST | PSH | URG;

/// A TCP segment or UDP datagram that GRO looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    pub(super) headers: Headers,
    /// Offset of its payload.
    payload: usize,
    /// Length of that.
    pub(super) len: u32,
    /// Those of TCP.
    pub(super) flags: u8,
    /// Whether its headers say how long it is: padding behind it is more than they say. A datagram also has
    /// to have a checksum, as segmentation makes one.
    pub(super) is_true: bool,
}

impl Segment {
    /// The one that is `frame`, from the Ethernet header on. `rest` is the sum of all behind that, folded as
    /// in [`RxChecksum::Complete`](crate::receive_checksum::RxChecksum::Complete). `None` if it goes up as
    /// it is, whatever is held: it is neither, a checksum is wrong, or GRO does not take one such.
    pub fn of(frame: &[u8], rest: u16) -> Option<Self> {
        let headers = Headers::find(frame)?;
        let (segment, is_checked) = Self::with(headers, frame, frame.len())?;
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
        if is_checked {
            let pseudo = headers.pseudo_header(frame, frame.len().checked_sub(headers.transport)?);
            if pseudo.add(from(headers.transport)?).fold() != u16::MAX {
                return None;
            }
        }
        Some(segment)
    }

    /// The one in a frame of `len` bytes that begins with `header`, from the Ethernet header on, and of whose
    /// checksums only `open` is not filled in yet: that is going to be right, as what its field has is the sum of
    /// the pseudo header. `None` if that can't be said of it by its headers alone, or GRO does not take it.
    pub fn of_open(header: &[u8], len: usize, open: TxChecksum) -> Option<Self> {
        let headers = Headers::find(header)?;
        let (segment, is_checked) = Self::with(headers, header, len)?;
        let is_alone = headers.gre.is_none_or(|gre| !gre.has_checksum);
        let field = match headers.kind {
            Transport::Tcp => TCP_CHECK,
            Transport::Udp => UDP_CHECK,
        };
        let TxChecksum::Internet { start, offset } = open else {
            return None;
        };
        let is_its = (usize::from(start), usize::from(offset)) == (headers.transport, field);
        if !is_its || !is_alone || !is_checked {
            return None;
        }
        let seed = Sum::of_field(get(header, headers.transport.checked_add(field)?)?);
        let pseudo = headers.pseudo_header(header, len.checked_sub(headers.transport)?);
        // Zero has two forms.
        matches!(seed.sub(pseudo).fold(), 0 | u16::MAX).then_some(segment)
    }

    /// The one with `headers` in a frame of `len` bytes that begins with `frame`; and whether its checksum counts.
    fn with(headers: Headers, frame: &[u8], len: usize) -> Option<(Self, bool)> {
        let transport = frame.get(headers.transport..)?;
        let (header, flags, is_summed) = match headers.kind {
            Transport::Tcp => {
                let [offset, flags] = get(transport, TCP_DATA_OFFSET)?;
                (usize::from(offset >> 4).wrapping_mul(4), flags, true)
            }
            Transport::Udp => (UDP_HEADER, 0, get16(transport, UDP_CHECK)? != 0),
        };
        let is_checked = is_summed && headers.networks().all(|ip| ip.is_true(frame, len));
        let is_taken = match headers.kind {
            Transport::Tcp => header >= TCP_HEADER,
            Transport::Udp => true,
        };
        let payload = headers.transport.wrapping_add(header);
        let segment = Self {
            headers,
            payload,
            // CAST: A frame is shorter than 4 GiB.
            len: len.checked_sub(payload)? as u32,
            flags,
            is_true: is_checked && headers.is_true_datagram(frame, len),
        };
        is_taken.then_some((segment, is_checked))
    }

    /// Whether it is a datagram.
    pub fn is_datagram(&self) -> bool {
        self.headers.kind == Transport::Udp
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
    pub(super) fn print(&self, frame: &[u8], secret: u64) -> u32 {
        self.headers.print(frame, secret)
    }
}

impl Headers {
    /// Whether a UDP header, if it is one, counts the bytes that there are from it on in a frame of `len` bytes
    /// which begins with `frame`.
    pub(super) fn is_true_datagram(&self, frame: &[u8], len: usize) -> bool {
        let told = || get16(frame, self.transport.checked_add(UDP_LEN)?);
        match self.kind {
            Transport::Tcp => true,
            Transport::Udp => told().map(usize::from) == len.checked_sub(self.transport),
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Cutting a frame to segments.

use core::ops::Range;

use crate::checksum::{sum, Sum};
use crate::crc32c::Crc32c;
use crate::descriptor::{Gso, TxCapability, TxChecksum, TxDescriptor};
use crate::fields::{get, get16, put, put16};
use crate::protocol::{self, sent, IPV6_HEADER};
use crate::transmit::headers::{Headers, Network, Transport, Tunnel};
use crate::transmit::refusal::TxRefusal;

/// The size that is none: segments end where the host's fragments do.
const GSO_BY_FRAGS: u16 = 0xffff;

const TCP_FIN: u8 = 0x01;
const TCP_PSH: u8 = 0x08;
const TCP_CWR: u8 = 0x80;

/// Offset of the checksum in an SCTP header.
const SCTP_CHECKSUM: u16 = 8;

/// Where segments end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Boundaries {
    /// Behind so many bytes of payload each; the last segment may have less.
    Every(u32),
    /// Where the host's fragments do.
    Fragments,
}

/// What of a wire frame lies behind the bytes at hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Behind {
    pub(super) len: usize,
    /// Its sum, as if it began a frame.
    pub(super) sum: Sum,
}

impl Behind {
    /// Nothing: the wire frame is at hand.
    pub(super) const NOTHING: Self = Self {
        len: 0,
        sum: Sum::ZERO,
    };
}

/// How a frame is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Segments {
    pub(super) headers: Headers,
    /// Length of the whole frame.
    pub(super) len: u32,
    boundaries: Boundaries,
    /// How many segments that makes.
    count: u32,
    /// Whether the device looks for the checksum itself.
    protocol_specific: bool,
}

impl Segments {
    /// How to cut the frame whose linear part is `bytes`; `fragments` are the lengths of those of the
    /// host's, which are looked at if segments end where they do.
    pub(super) fn new(
        descriptor: &TxDescriptor,
        gso: Gso,
        bytes: &[u8],
        fragments: impl Iterator<Item = u32>,
    ) -> Result<Self, TxRefusal> {
        let headers = Headers::new(gso, descriptor.headers, bytes)?;
        check_checksum(descriptor.checksum, &headers)?;
        let protocol_specific = descriptor.capability == TxCapability::ProtocolSpecific;
        if protocol_specific {
            let tcp = matches!(headers.transport, Transport::Tcp { .. });
            let found = protocol::locate(bytes).is_some_and(|ip| ip == headers.network.ip);
            if !tcp || !found {
                return Err(TxRefusal::ProtocolSpecific);
            }
        }
        // Headers end within the frame, whose length has 32 bits.
        let payload = descriptor.len.saturating_sub(headers.len as u32);
        let (boundaries, count) = match (gso.size, headers.transport) {
            (GSO_BY_FRAGS, Transport::Sctp) => {
                if bytes.len() != headers.len {
                    return Err(TxRefusal::Fragments);
                }
                (Boundaries::Fragments, count_fragments(payload, fragments)?)
            }
            (0 | GSO_BY_FRAGS, _) | (_, Transport::Sctp) => return Err(TxRefusal::SegmentSize),
            (size, _) => {
                let size = u32::from(size);
                if payload <= size {
                    return Err(TxRefusal::Payload);
                }
                let before_last = payload.wrapping_sub(1).checked_div(size);
                let count = before_last.ok_or(TxRefusal::SegmentSize)?.wrapping_add(1);
                (Boundaries::Every(size), count)
            }
        };
        Ok(Self {
            headers,
            len: descriptor.len,
            boundaries,
            count,
            protocol_specific,
        })
    }

    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// Bytes of payload in all segments but the last; 0 if they have different ones.
    pub(super) const fn size(&self) -> u32 {
        match self.boundaries {
            Boundaries::Every(size) => size,
            Boundaries::Fragments => 0,
        }
    }

    pub(super) const fn is_by_fragments(&self) -> bool {
        matches!(self.boundaries, Boundaries::Fragments)
    }

    /// Whether of the payload nothing is needed but its sum.
    pub(super) const fn is_summed(&self) -> bool {
        !self.protocol_specific && !matches!(self.headers.transport, Transport::Sctp)
    }

    pub(super) const fn header_len(&self) -> usize {
        self.headers.len
    }

    pub(super) const fn wire_bytes(&self) -> u64 {
        let repeated = self.count.wrapping_sub(1) as u64;
        repeated
            .wrapping_mul(self.headers.len as u64)
            .wrapping_add(self.len as u64)
    }

    /// Where the segment ends whose payload begins at offset `start` of the frame. `fragment` gives
    /// the length of the host's next fragment.
    pub(super) fn end(
        &self,
        start: usize,
        fragment: impl FnOnce() -> Option<u32>,
    ) -> Option<usize> {
        let whole = self.len as usize;
        let (size, last) = match self.boundaries {
            Boundaries::Every(size) => (size, whole),
            Boundaries::Fragments => (fragment()?, usize::MAX),
        };
        let end = start.checked_add(size as usize)?.min(last);
        (start < end && end <= whole).then_some(end)
    }

    /// Writes the header fields of segment `index`, whose payload is `payload` of the frame. `wire` are
    /// its bytes, or the first of them with all headers, and `behind` is what follows. `None` if `wire`
    /// is too short for them, or too short for a checksum that is no sum.
    pub(super) fn finish(
        &self,
        index: u32,
        payload: &Range<usize>,
        wire: &mut [u8],
        behind: Behind,
    ) -> Option<()> {
        if behind.len != 0 && !self.is_summed() {
            return None;
        }
        let last = index.wrapping_add(1) == self.count;
        let at = self.headers.network.ip.end;
        let whole_len = self.len.wrapping_sub(at as u32);
        let transport = wire.get_mut(at..)?;
        let here = transport.len();
        let len = here.wrapping_add(behind.len);
        let rest = behind.sum.behind(here);
        let summed = match self.headers.transport {
            Transport::Tcp { keep_cwr } => {
                let sequence = u32::from_be_bytes(get(transport, 4)?);
                // The length of a frame has 32 bits.
                let before = payload.start.wrapping_sub(self.headers.len) as u32;
                put(transport, 4, sequence.wrapping_add(before).to_be_bytes())?;
                let [mut flags] = get(transport, 13)?;
                if !last {
                    flags &= !(TCP_FIN | TCP_PSH);
                }
                if index != 0 && !keep_cwr {
                    flags &= !TCP_CWR;
                }
                put(transport, 13, [flags])?;
                if self.protocol_specific {
                    self.headers.network.finish(index, wire, 0)?;
                    protocol::fill(wire, false);
                    return Some(());
                }
                let seed = for_length(transport, 16, whole_len, len)?;
                seal(transport, 16, seed, here, rest, false)?
            }
            Transport::Udp => {
                let old_len = get16(transport, 4)?;
                put16(transport, 4, len)?;
                let seed = for_length(transport, 6, old_len.into(), len)?;
                seal(transport, 6, seed, here, rest, true)?
            }
            Transport::Sctp => {
                let field = SCTP_CHECKSUM.into();
                put(transport, field, [0; 4])?;
                let crc = Crc32c::new().and(transport).value();
                put(transport, field, crc.to_le_bytes())?;
                match self.headers.outer {
                    Some(_) => sum(transport),
                    None => Sum::ZERO,
                }
            }
        };
        self.headers.network.finish(index, wire, behind.len)?;
        if let Some((network, tunnel)) = &self.headers.outer {
            network.finish(index, wire, behind.len)?;
            let start = network.ip.end;
            let before = at.wrapping_sub(start);
            let whole_len = self.len.wrapping_sub(start as u32);
            let bytes = wire.get_mut(start..)?;
            tunnel.finish(bytes, before, whole_len, summed, behind.len)?;
        }
        Some(())
    }
}

/// Whether `checksum` is that of the transport protocol whose header is the last of `headers`.
fn check_checksum(checksum: TxChecksum, headers: &Headers) -> Result<(), TxRefusal> {
    let start = match (checksum, headers.transport) {
        (
            TxChecksum::Crc32c {
                start,
                offset: SCTP_CHECKSUM,
            },
            Transport::Sctp,
        ) => start,
        (TxChecksum::Internet { start, .. }, Transport::Tcp { .. } | Transport::Udp) => start,
        _ => return Err(TxRefusal::Checksum),
    };
    if usize::from(start) == headers.network.ip.end {
        Ok(())
    } else {
        Err(TxRefusal::Checksum)
    }
}

/// How many `fragments` there are, which have to be all of `payload` bytes.
fn count_fragments(payload: u32, fragments: impl Iterator<Item = u32>) -> Result<u32, TxRefusal> {
    let (mut left, mut count) = (payload, 0_u32);
    for len in fragments {
        if len == 0 || len > u16::MAX.into() {
            return Err(TxRefusal::Fragments);
        }
        left = left.checked_sub(len).ok_or(TxRefusal::Fragments)?;
        // None is empty: there are no more than bytes of payload.
        count = count.wrapping_add(1);
    }
    if count != 0 && left == 0 {
        Ok(count)
    } else {
        Err(TxRefusal::Fragments)
    }
}

impl Network {
    /// Writes length, identification and checksum of the header. So many bytes of the packet are
    /// `behind` those of `wire`.
    fn finish(&self, index: u32, wire: &mut [u8], behind: usize) -> Option<()> {
        let packet = wire.get_mut(self.ip.at..)?;
        let len = packet.len().wrapping_add(behind);
        if self.ip.v6 {
            return put16(packet, 4, len.wrapping_sub(IPV6_HEADER));
        }
        put16(packet, 2, len)?;
        if !self.fixed_id {
            let id = get16(packet, 4)?;
            put16(packet, 4, usize::from(id).wrapping_add(index as usize))?;
        }
        put(packet, 10, [0; 2])?;
        let header = packet.get(..self.ip.end.wrapping_sub(self.ip.at))?;
        put(packet, 10, sum(header).complement())
    }
}

impl Tunnel {
    /// Writes length and checksum of the tunnel's header, where `bytes` begins. `summed` is the sum
    /// of all but the first `before` bytes; `whole_len` is what there would be of the whole frame, and
    /// so many bytes are `behind` those of `bytes`.
    fn finish(
        &self,
        bytes: &mut [u8],
        before: usize,
        whole_len: u32,
        summed: Sum,
        behind: usize,
    ) -> Option<()> {
        let rest = summed.behind(before);
        match *self {
            Self::Ip | Self::Gre { checksum: false } => {}
            Self::Gre { checksum: true } => {
                // The field behind the checksum is cleared with it.
                put(bytes, 4, [0; 4])?;
                seal(bytes, 4, [0; 2], before, rest, true)?;
            }
            Self::Udp { checksum, partial } => {
                let old_len = get16(bytes, 4)?;
                let len = bytes.len().wrapping_add(behind);
                put16(bytes, 4, len)?;
                if checksum {
                    let old_len = if partial { old_len.into() } else { whole_len };
                    let seed = for_length(bytes, 6, old_len, len)?;
                    seal(bytes, 6, seed, before, rest, true)?;
                }
            }
        }
        Some(())
    }
}

/// What the checksum field of `bytes` holds, the sum of a pseudo header with length `old_len`, with
/// `len` instead.
fn for_length(bytes: &[u8], field: usize, old_len: u32, len: usize) -> Option<[u8; 2]> {
    let old = Sum::of_field(get(bytes, field)?).sub(Sum::of_number(old_len));
    Some(old.add(Sum::of_number(len as u32)).field())
}

/// Fills the checksum field of `bytes` in, which is to hold `seed` before: the sum of the first
/// `count` bytes and `rest`. Returns the sum of them as they then are.
fn seal(
    bytes: &mut [u8],
    field: usize,
    seed: [u8; 2],
    count: usize,
    rest: Sum,
    no_zero: bool,
) -> Option<Sum> {
    put(bytes, field, seed)?;
    let total = sum(bytes.get(..count)?).add(rest);
    let checksum = sent(total.complement(), no_zero);
    put(bytes, field, checksum)?;
    let difference = Sum::of_field(checksum).sub(Sum::of_field(seed));
    Some(total.add(difference))
}

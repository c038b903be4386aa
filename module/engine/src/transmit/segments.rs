// SPDX-License-Identifier: GPL-2.0

//! Cutting a frame to segments.

use crate::checksum::{sum, Sum};
use crate::descriptor::{Gso, TxCapability, TxChecksum, TxDescriptor};
use crate::fields::{get, get16, put, put16};
use crate::protocol::{self, sent, IPV6_HEADER};
use crate::transmit::headers::{Headers, Network, Transport, Tunnel};
use crate::transmit::refusal::TxRefusal;
use crate::transmit::Layout;

/// The size that is none: segments end where the host's fragments do.
const GSO_BY_FRAGS: u16 = 0xffff;

const TCP_FIN: u8 = 0x01;
const TCP_PSH: u8 = 0x08;
const TCP_CWR: u8 = 0x80;

/// How a frame is cut. Its payload is longer than one segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Segments {
    headers: Headers,
    /// Length of the whole frame.
    len: u32,
    /// Bytes of payload in each segment but the last.
    size: u32,
    /// How many segments that makes.
    count: u32,
    /// Whether the device looks for the checksum itself.
    protocol_specific: bool,
}

impl Segments {
    pub(super) fn new(
        descriptor: &TxDescriptor,
        gso: Gso,
        bytes: &[u8],
    ) -> Result<Self, TxRefusal> {
        let headers = Headers::new(gso, descriptor.headers, bytes)?;
        let transport = headers.network.ip.end;
        match descriptor.checksum {
            TxChecksum::Internet { start, .. } if usize::from(start) == transport => {}
            _ => return Err(TxRefusal::Checksum),
        }
        let protocol_specific = descriptor.capability == TxCapability::ProtocolSpecific;
        if protocol_specific {
            let tcp = matches!(headers.transport, Transport::Tcp { .. });
            let found = protocol::locate(bytes).is_some_and(|ip| ip == headers.network.ip);
            if !tcp || !found {
                return Err(TxRefusal::ProtocolSpecific);
            }
        }
        if matches!(gso.size, 0 | GSO_BY_FRAGS) {
            return Err(TxRefusal::SegmentSize);
        }
        let size = u32::from(gso.size);
        // Headers end within the frame, whose length has 32 bits.
        let payload = descriptor.len.saturating_sub(headers.len as u32);
        if payload <= size {
            return Err(TxRefusal::Payload);
        }
        let before_last = payload.wrapping_sub(1).checked_div(size);
        Ok(Self {
            headers,
            len: descriptor.len,
            size,
            count: before_last.ok_or(TxRefusal::SegmentSize)?.wrapping_add(1),
            protocol_specific,
        })
    }

    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    pub(super) const fn wire_bytes(&self) -> u64 {
        let repeated = self.count.wrapping_sub(1) as u64;
        repeated
            .wrapping_mul(self.headers.len as u64)
            .wrapping_add(self.len as u64)
    }

    pub(super) fn layout(&self, index: u32) -> Option<Layout> {
        let before = (index as usize).checked_mul(self.size as usize)?;
        let start = self.headers.len.checked_add(before)?;
        let len = self.len as usize;
        (start < len).then(|| Layout {
            header: self.headers.len,
            payload: start..start.saturating_add(self.size as usize).min(len),
        })
    }

    /// Writes the header fields of segment `index`; `None` if `wire` is too short for them.
    pub(super) fn finish(&self, index: u32, wire: &mut [u8]) -> Option<()> {
        let last = index.wrapping_add(1) == self.count;
        let at = self.headers.network.ip.end;
        let whole_len = self.len.wrapping_sub(at as u32);
        let transport = wire.get_mut(at..)?;
        let summed = match self.headers.transport {
            Transport::Tcp { keep_cwr } => {
                let sequence = u32::from_be_bytes(get(transport, 4)?);
                let before = index.wrapping_mul(self.size);
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
                    self.headers.network.finish(index, wire)?;
                    protocol::fill(wire, false);
                    return Some(());
                }
                let seed = for_length(transport, 16, whole_len)?;
                let all = transport.len();
                seal(transport, 16, seed, all, Sum::ZERO, false)?
            }
            Transport::Udp => {
                let old_len = get16(transport, 4)?;
                let len = transport.len();
                put16(transport, 4, len)?;
                let seed = for_length(transport, 6, old_len.into())?;
                seal(transport, 6, seed, len, Sum::ZERO, true)?
            }
        };
        self.headers.network.finish(index, wire)?;
        if let Some((network, tunnel)) = &self.headers.outer {
            network.finish(index, wire)?;
            let start = network.ip.end;
            let before = at.wrapping_sub(start);
            let whole_len = self.len.wrapping_sub(start as u32);
            tunnel.finish(wire.get_mut(start..)?, before, whole_len, summed)?;
        }
        Some(())
    }
}

impl Network {
    /// Writes length, identification and checksum of the header.
    fn finish(&self, index: u32, wire: &mut [u8]) -> Option<()> {
        let packet = wire.get_mut(self.ip.at..)?;
        let len = packet.len();
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
    /// of all but the first `before` bytes; `whole_len` is what there would be of the whole frame.
    fn finish(&self, bytes: &mut [u8], before: usize, whole_len: u32, summed: Sum) -> Option<()> {
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
                let len = bytes.len();
                put16(bytes, 4, len)?;
                if checksum {
                    let old_len = if partial { old_len.into() } else { whole_len };
                    let seed = for_length(bytes, 6, old_len)?;
                    seal(bytes, 6, seed, before, rest, true)?;
                }
            }
        }
        Some(())
    }
}

/// What the checksum field of `bytes` holds, the sum of a pseudo header with length `old_len`, with
/// the length of `bytes` instead.
fn for_length(bytes: &[u8], field: usize, old_len: u32) -> Option<[u8; 2]> {
    let old = Sum::of_field(get(bytes, field)?).sub(Sum::of_number(old_len));
    Some(old.add(Sum::of_number(bytes.len() as u32)).field())
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

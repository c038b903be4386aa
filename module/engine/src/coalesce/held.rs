// SPDX-License-Identifier: GPL-2.0

//! What is known of a frame that is held, and how its headers are completed when it goes up.

use super::headers::{Headers, Ip, Transport};
use super::segment::{Segment, FIN, PSH, TCP_CHECK, UDP_CHECK, UDP_LEN};
use crate::checksum::Sum;
use crate::descriptor::{
    Coalesced, Gso, GsoKind, InnerHeaders, TxChecksum, TxDescriptor, TxHeaders,
};
use crate::fields::{get, put, put16};
use crate::frame::ETH_HLEN;
use crate::protocol::IPV6_HEADER;

/// Offset of the flags in a TCP header.
const TCP_FLAGS: usize = 13;
const CWR: u8 = 0x80;

/// Which IPv4 headers have the same identification in all segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FixedIds {
    /// The first one.
    pub outer: bool,
    /// The one inside that.
    pub inner: bool,
}

/// A frame that is held, and what was put behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    pub(super) headers: Headers,
    /// Length of the headers.
    header_len: usize,
    /// Its bytes behind the Ethernet header.
    pub(super) len: u32,
    /// What it carries of these.
    pub(super) payload: u32,
    /// What the first segment has carried: no other has more, and only the last one less.
    pub(super) size: u32,
    /// Segments in it. As each has a byte, there are fewer than 2^16.
    pub(super) count: u16,
    pub(super) fixed: FixedIds,
    /// Flags that have come since the first one.
    flags: u8,
}

impl Held {
    /// Length of the headers, from the Ethernet header on.
    pub fn header_len(&self) -> usize {
        self.header_len
    }

    /// `segment`, by itself.
    pub fn new(segment: &Segment) -> Self {
        let before = segment.header_len().saturating_sub(ETH_HLEN);
        Self {
            headers: segment.headers,
            header_len: segment.header_len(),
            // CAST: A frame is shorter than 4 GiB.
            len: (before as u32).wrapping_add(segment.len),
            payload: segment.len,
            size: segment.len,
            count: 1,
            fixed: FixedIds::default(),
            flags: 0,
        }
    }

    /// Puts `segment` behind it, by which identifications become `fixed`.
    pub fn merge(&mut self, segment: &Segment, fixed: FixedIds) {
        self.grow(segment.len);
        self.fixed = fixed;
        self.flags |= segment.flags & (FIN | PSH);
    }

    /// As [`merge`](Self::merge), of the segment that was [expected](super::Expected).
    #[inline]
    pub fn merge_expected(&mut self) {
        self.grow(self.size);
    }

    /// One more segment is in it, which carries `len` bytes.
    #[inline]
    fn grow(&mut self, len: u32) {
        self.len = self.len.wrapping_add(len);
        self.payload = self.payload.wrapping_add(len);
        self.count = self.count.wrapping_add(1);
    }

    /// Whether the headers of `segment` lie where those of the frame lie that this is of.
    pub fn is_alike(&self, segment: &Segment) -> bool {
        self.headers == segment.headers
    }

    /// Whether the frame that this is of, which begins with `held`, is of the flow of one that begins with
    /// `headers`.
    pub fn is_same_flow(&self, held: &[u8], headers: &[u8]) -> bool {
        Headers::find(headers) == Some(self.headers) && self.headers.is_same_flow(held, headers)
    }

    /// How many frames it was on the wire.
    pub fn coalesced(&self) -> Coalesced {
        let headers = u64::from(self.count).wrapping_mul(self.header_len as u64);
        Coalesced {
            frames: self.count.into(),
            bytes: headers.wrapping_add(self.payload.into()),
        }
    }

    /// Completes the headers, which are the first bytes of `frame`, and gives what a device that sends it on
    /// has to know. To be called if there is more than one segment in it; of one alone the headers stay as
    /// they are.
    pub fn complete(&self, frame: &mut [u8]) -> TxDescriptor {
        let Headers {
            outer,
            gre,
            inner,
            transport,
            ..
        } = self.headers;
        // CAST: A `usize` has at least 32 bits.
        let len = ETH_HLEN.wrapping_add(self.len as usize);
        for ip in self.headers.networks() {
            // There is room: each header was found there.
            let _ = ip.set_len(frame, len.wrapping_sub(ip.at));
        }
        let (flags, check) = self.complete_transport(frame, len.wrapping_sub(transport));
        let offset = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
        let transport = offset(transport);
        TxDescriptor {
            // CAST: A frame is shorter than 4 GiB.
            len: len as u32,
            checksum: TxChecksum::Internet {
                start: transport,
                offset: check,
            },
            gso: Some(Gso {
                size: u16::try_from(self.size).unwrap_or(u16::MAX),
                segs: self.count,
                kind: self.kind(flags),
            }),
            headers: TxHeaders {
                network: offset(outer.at),
                transport: match (gre, inner) {
                    (Some(gre), _) => offset(gre.at),
                    (None, Some(inner)) => offset(inner.at),
                    (None, None) => transport,
                },
                inner: inner.map(|inner| InnerHeaders {
                    network: offset(inner.at),
                    transport,
                }),
                labelled: None,
            },
            ..TxDescriptor::default()
        }
    }

    /// The kind of segmentation by which it is cut again, if it has these flags of TCP.
    fn kind(&self, flags: u8) -> GsoKind {
        let when = |is_so, kind| if is_so { kind } else { GsoKind::default() };
        let Headers { outer, gre, .. } = self.headers;
        let FixedIds {
            outer: outer_fixed,
            inner: inner_fixed,
        } = self.fixed;
        let transport = match (self.headers.kind, self.headers.network().v6) {
            (Transport::Tcp, true) => GsoKind::TCPV6,
            (Transport::Tcp, false) => GsoKind::TCPV4,
            (Transport::Udp, _) => GsoKind::UDP_L4,
        };
        let first_fixed = match gre {
            // Inside GRE it is the first bit as well that counts.
            Some(_) => outer_fixed || inner_fixed,
            // Of an outer header with IPv6 inside nothing is said: that is how the kernel's GRO is.
            None => outer_fixed && !self.headers.loses_id(),
        };
        let tunnel = match (gre, self.headers.inner) {
            (Some(gre), _) if gre.has_checksum => GsoKind::GRE_CSUM,
            (Some(_), _) => GsoKind::GRE,
            (None, Some(_)) if outer.v6 => GsoKind::IPXIP6,
            (None, Some(_)) => GsoKind::IPXIP4,
            (None, None) => GsoKind::default(),
        };
        transport
            .and(tunnel)
            .and(when(first_fixed, GsoKind::TCP_FIXEDID))
            .and(when(inner_fixed, GsoKind::TCP_FIXEDID_INNER))
            .and(when(flags & CWR != 0, GsoKind::TCP_ACCECN))
    }

    /// Completes the last header, from which on there are `len` bytes, and leaves its checksum open. The flags
    /// of TCP, and where the checksum lies.
    fn complete_transport(&self, frame: &mut [u8], len: usize) -> (u8, u16) {
        let seed = self.headers.pseudo_header(frame, len);
        let at = |field| self.headers.transport.wrapping_add(field);
        // There is room: the header was found there.
        let (flags, check) = match self.headers.kind {
            Transport::Tcp => {
                let flags = get(frame, at(TCP_FLAGS)).map_or(0, |[flags]: [u8; 1]| flags);
                let flags = flags | self.flags;
                let _ = put(frame, at(TCP_FLAGS), [flags]);
                (flags, TCP_CHECK)
            }
            Transport::Udp => {
                let _ = put16(frame, at(UDP_LEN), len);
                (0, UDP_CHECK)
            }
        };
        let _ = put(frame, at(check), seed.field());
        // CAST: It is one of the two.
        (flags, check as u16)
    }
}

impl Ip {
    /// Has the header say that there are `len` bytes from it on.
    fn set_len(self, frame: &mut [u8], len: usize) -> Option<()> {
        if self.v6 {
            return put16(
                frame,
                self.at.checked_add(4)?,
                len.wrapping_sub(IPV6_HEADER),
            );
        }
        self.replace(frame, 2, len)
    }

    /// Has the field of 16 bits at offset `field` of an IPv4 header be `value`, and its checksum what it is then.
    pub(super) fn replace(self, frame: &mut [u8], field: usize, value: usize) -> Option<()> {
        let packet = frame.get_mut(self.at..)?;
        let old = Sum::of_field(get(packet, field)?);
        put16(packet, field, value)?;
        let [high, low]: [u8; 2] = get(packet, 10)?;
        let new = Sum::of_field([!high, !low])
            .sub(old)
            .add(Sum::of_field(get(packet, field)?));
        put(packet, 10, new.complement())
    }
}

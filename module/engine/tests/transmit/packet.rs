// SPDX-License-Identifier: GPL-2.0

//! Packets as a stack would make them, each from nothing: the frame that it leaves to the device,
//! and the segments that it would send itself. Sums are etherparse's, and SCTP's checksum is `crc`'s.

use crc::{Crc, CRC_32_ISCSI};
use engine::descriptor::{
    Gso, GsoKind, InnerHeaders, TxCapability, TxChecksum, TxDescriptor, TxHeaders,
};
use etherparse::checksum::Sum16BitWords;

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
const SCTP: u8 = 132;

/// What is in front of the (outer) IP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Ethernet,
    Vlan,
    QinQ,
    Mpls(u8),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Extension {
    /// Eight bytes, and so many times eight.
    HopByHop(u8),
    Destination(u8),
    /// SRv6: the packet is on its way to `to`, and only then to this address.
    Segments([u8; 16]),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ip {
    pub(crate) v6: bool,
    pub(crate) from: [u8; 16],
    pub(crate) to: [u8; 16],
    /// IPv4 only.
    pub(crate) id: u16,
    /// Words of IPv4 options.
    pub(crate) options: u8,
    /// IPv6 only.
    pub(crate) extensions: Vec<Extension>,
    /// Whether segments keep `id`.
    pub(crate) fixed_id: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tunnel {
    Ip,
    /// With an Ethernet header inside or not, and so many bytes of a header before it.
    Udp {
        port: u16,
        checksum: bool,
        header: u8,
        ethernet: bool,
        /// The stack has made the outer header for one segment already.
        partial: bool,
    },
    Gre {
        checksum: bool,
        key: Option<u32>,
        sequence: Option<u32>,
        ethernet: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp {
        sequence: u32,
        /// The byte with CWR to FIN.
        flags: u8,
        words: u8,
        accurate_ecn: bool,
    },
    Udp,
    /// Cut where the host's fragments end.
    Sctp {
        tag: u32,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) link: Link,
    pub(crate) outer: Option<(Ip, Tunnel)>,
    pub(crate) ip: Ip,
    pub(crate) transport: Transport,
    pub(crate) payload: Vec<u8>,
}

/// How checksums are filled in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fill {
    /// As they are sent.
    Done,
    /// With the sum of the pseudo header; lengths of partial outer headers are those of a segment
    /// that is so many bytes shorter.
    Seed { shorter: usize },
}

impl Fill {
    fn checksum(self, pseudo: Sum16BitWords, bytes: &[u8], no_zero: bool) -> [u8; 2] {
        match self {
            Self::Seed { .. } => (!pseudo.ones_complement()).to_ne_bytes(),
            Self::Done => match pseudo.add_slice(bytes).ones_complement() {
                0 if no_zero => [0xff; 2],
                sum => sum.to_ne_bytes(),
            },
        }
    }
}

impl Ip {
    pub(crate) fn v4(last: u8) -> Self {
        let mut ip = Self {
            v6: false,
            from: [0; 16],
            to: [0; 16],
            id: 0xfffe,
            options: 0,
            extensions: Vec::new(),
            fixed_id: false,
        };
        ip.from[..4].copy_from_slice(&[10, 1, 0, last]);
        ip.to[..4].copy_from_slice(&[10, 2, 0, last]);
        ip
    }

    pub(crate) fn v6(last: u8) -> Self {
        let mut ip = Self::v4(last);
        ip.v6 = true;
        ip.from = [0xfd, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
        ip.to = [0xfd, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
        ip
    }

    fn addresses(&self, to: &[u8; 16]) -> Vec<u8> {
        let len = if self.v6 { 16 } else { 4 };
        [&self.from[..len], &to[..len]].concat()
    }

    /// The pseudo header's sum, which has the address of the packet's last stop.
    fn pseudo(&self, protocol: u8, len: usize) -> Sum16BitWords {
        let last_stop = |extension: &Extension| match extension {
            Extension::Segments(address) => Some(*address),
            _ => None,
        };
        let to = self.extensions.iter().find_map(last_stop);
        Sum16BitWords::new()
            .add_slice(&self.addresses(&to.unwrap_or(self.to)))
            .add_slice(&(len as u32).to_be_bytes())
            .add_2bytes([0, protocol])
    }

    fn extension_headers(&self, protocol: u8) -> (u8, Vec<u8>) {
        let mut bytes = Vec::new();
        let mut next = protocol;
        for extension in self.extensions.iter().rev() {
            let (number, mut header) = match extension {
                Extension::HopByHop(more) => (0, vec![next, *more, 1, 4, 0, 0, 0, 0]),
                Extension::Destination(more) => (60, vec![next, *more, 1, 4, 0, 0, 0, 0]),
                Extension::Segments(last) => {
                    let fixed = [next, 4, 4, 1, 1, 0, 0, 0];
                    (43, [&fixed[..], &last[..], &self.to[..]].concat())
                }
            };
            // One option of padding that fills what more there is.
            let len = usize::from(header[1]) * 8 + 8;
            if number != 43 && len > 8 {
                header.extend([1, (len - 10) as u8]);
            }
            header.resize(len, 0);
            header.extend(bytes);
            bytes = header;
            next = number;
        }
        (next, bytes)
    }

    /// The packet with `payload` behind this header.
    fn wrap(&self, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let (next, rest) = self.extension_headers(protocol);
        let addresses = self.addresses(&self.to);
        if self.v6 {
            let len = u16::try_from(rest.len() + payload.len()).unwrap_or(0);
            let mut packet = vec![0x60, 0x12, 0x34, 0x56];
            packet.extend(len.to_be_bytes());
            packet.extend([next, 61]);
            return [packet, addresses, rest, payload.to_vec()].concat();
        }
        let header = 20 + usize::from(self.options) * 4;
        let len = u16::try_from(header + payload.len()).unwrap_or(0);
        let mut packet = vec![0x40 | (header / 4) as u8, 2];
        packet.extend(len.to_be_bytes());
        packet.extend(self.id.to_be_bytes());
        packet.extend([0x40, 0, 62, protocol, 0, 0]);
        packet.extend(addresses);
        packet.resize(header, 1);
        let sum = Sum16BitWords::new().add_slice(&packet).ones_complement();
        packet[10..12].copy_from_slice(&sum.to_ne_bytes());
        packet.extend(payload);
        packet
    }

    fn ether_type(&self) -> [u8; 2] {
        if self.v6 {
            [0x86, 0xdd]
        } else {
            [8, 0]
        }
    }

    fn protocol(&self) -> u8 {
        if self.v6 {
            41
        } else {
            4
        }
    }

    fn advance(&mut self, index: usize) {
        if !self.fixed_id {
            self.id = self.id.wrapping_add(index as u16);
        }
    }
}

impl Tunnel {
    /// `inner` in the tunnel's header.
    fn wrap(&self, outer: &Ip, inner_ip: &Ip, inner: &[u8], fill: Fill) -> Vec<u8> {
        let ethernet = [&[0x02; 12][..], &inner_ip.ether_type()].concat();
        let (protocol, bytes) = match *self {
            Self::Ip => (inner_ip.protocol(), inner.to_vec()),
            Self::Udp {
                port,
                checksum,
                header,
                ethernet: has_ethernet,
                partial,
            } => {
                let mut bytes = port.to_be_bytes().to_vec();
                bytes.extend([0x12, 0xb5, 0, 0, 0, 0]);
                bytes.extend((0..header).map(|at| at ^ 0x5a));
                bytes.extend(ethernet.iter().filter(|_| has_ethernet));
                bytes.extend(inner);
                let len = match fill {
                    Fill::Seed { shorter } if partial => bytes.len() - shorter,
                    _ => bytes.len(),
                };
                let field = u16::try_from(len).unwrap_or(0);
                bytes[4..6].copy_from_slice(&field.to_be_bytes());
                if checksum {
                    let sum = fill.checksum(outer.pseudo(UDP, len), &bytes, true);
                    bytes[6..8].copy_from_slice(&sum);
                }
                (UDP, bytes)
            }
            Self::Gre {
                checksum,
                key,
                sequence,
                ethernet: has_ethernet,
            } => {
                let flag = |set: bool, bit: u8| if set { bit } else { 0 };
                let flags = flag(checksum, 0x80)
                    | flag(key.is_some(), 0x20)
                    | flag(sequence.is_some(), 0x10);
                let mut bytes = vec![flags, 0];
                bytes.extend(if has_ethernet {
                    [0x65, 0x58]
                } else {
                    inner_ip.ether_type()
                });
                bytes.extend([0; 4].iter().filter(|_| checksum));
                for word in [key, sequence].into_iter().flatten() {
                    bytes.extend(word.to_be_bytes());
                }
                bytes.extend(ethernet.iter().filter(|_| has_ethernet));
                bytes.extend(inner);
                if checksum {
                    let sum = fill.checksum(Sum16BitWords::new(), &bytes, true);
                    bytes[4..6].copy_from_slice(&sum);
                    if fill != Fill::Done {
                        // What is there before is of no account.
                        bytes[4..8].copy_from_slice(&[0xbe, 0xef, 0x12, 0x34]);
                    }
                }
                (47, bytes)
            }
        };
        outer.wrap(protocol, &bytes)
    }

    fn kind(&self, outer: &Ip) -> GsoKind {
        match self {
            Self::Ip if outer.v6 => GsoKind::IPXIP6,
            Self::Ip => GsoKind::IPXIP4,
            Self::Udp { checksum: true, .. } => GsoKind::UDP_TUNNEL_CSUM,
            Self::Udp { .. } => GsoKind::UDP_TUNNEL,
            Self::Gre { checksum: true, .. } => GsoKind::GRE_CSUM,
            Self::Gre { .. } => GsoKind::GRE,
        }
    }
}

impl Transport {
    fn protocol(&self) -> u8 {
        match self {
            Self::Tcp { .. } => TCP,
            Self::Udp => UDP,
            Self::Sctp { .. } => SCTP,
        }
    }

    pub(crate) fn header_len(&self) -> usize {
        match self {
            Self::Tcp { words, .. } => 20 + usize::from(*words) * 4,
            Self::Udp => 8,
            Self::Sctp { .. } => 12,
        }
    }

    fn checksum_offset(&self) -> u16 {
        match self {
            Self::Tcp { .. } => 16,
            Self::Udp => 6,
            Self::Sctp { .. } => 8,
        }
    }

    fn wrap(&self, ip: &Ip, payload: &[u8], fill: Fill, no_zero: bool) -> Vec<u8> {
        let mut bytes = vec![0x30, 0x39, 0x00, 0x50];
        let len = self.header_len() + payload.len();
        match self {
            Self::Tcp {
                sequence,
                flags,
                words,
                ..
            } => {
                bytes.extend(sequence.to_be_bytes());
                bytes.extend([1, 2, 3, 4, (5 + words) << 4, *flags, 0x20, 0, 0, 0, 0, 7]);
                bytes.extend((0..words * 4).map(|at| at | 1));
            }
            Self::Udp => {
                let field = u16::try_from(len).expect("a datagram has at most 65,535 bytes");
                bytes.extend(field.to_be_bytes());
                bytes.extend([0, 0]);
            }
            Self::Sctp { tag } => {
                bytes.extend(tag.to_be_bytes());
                bytes.extend([0; 4]);
            }
        }
        bytes.extend(payload);
        if let Self::Sctp { .. } = self {
            let field = match fill {
                Fill::Done => Crc::<u32>::new(&CRC_32_ISCSI).checksum(&bytes),
                // What is there before is of no account.
                Fill::Seed { .. } => 0xdead_beef,
            };
            bytes[8..12].copy_from_slice(&field.to_le_bytes());
            return bytes;
        }
        let sum = fill.checksum(ip.pseudo(self.protocol(), len), &bytes, no_zero);
        let at = usize::from(self.checksum_offset());
        bytes[at..at + 2].copy_from_slice(&sum);
        bytes
    }
}

impl Packet {
    fn link_header(&self) -> Vec<u8> {
        let ip = self.outer.as_ref().map_or(&self.ip, |(ip, _)| ip);
        let mut bytes = vec![0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2];
        match self.link {
            Link::Ethernet => bytes.extend(ip.ether_type()),
            Link::Vlan => {
                bytes.extend([0x81, 0, 0x20, 7]);
                bytes.extend(ip.ether_type());
            }
            Link::QinQ => {
                bytes.extend([0x88, 0xa8, 0x20, 7, 0x81, 0, 0, 9]);
                bytes.extend(ip.ether_type());
            }
            Link::Mpls(labels) => {
                bytes.extend([0x88, 0x47]);
                for left in (0..labels).rev() {
                    bytes.extend([0, 0x12, u8::from(left == 0), 64]);
                }
            }
        }
        bytes
    }

    fn build(&self, fill: Fill, no_zero: bool) -> Vec<u8> {
        let transport = self.transport.wrap(&self.ip, &self.payload, fill, no_zero);
        let mut packet = self.ip.wrap(self.transport.protocol(), &transport);
        if let Some((outer, tunnel)) = &self.outer {
            packet = tunnel.wrap(outer, &self.ip, &packet, fill);
        }
        [self.link_header(), packet].concat()
    }

    /// The frame as it is sent if nobody cuts it: checksum as by `skb_checksum_help`.
    pub(crate) fn sent(&self) -> Vec<u8> {
        self.build(Fill::Done, true)
    }

    /// The frame that the stack leaves to the device, to be cut to segments of `size` bytes.
    pub(crate) fn unfinished(&self, size: usize) -> Vec<u8> {
        let shorter = self.payload.len().saturating_sub(size);
        self.build(Fill::Seed { shorter }, false)
    }

    /// What the device gets with it.
    pub(crate) fn descriptor(&self, size: Option<u16>) -> TxDescriptor {
        let bytes = self.build(Fill::Done, false);
        let transport = bytes.len() - self.payload.len() - self.transport.header_len();
        let ip_header = self.ip.wrap(0, &[]).len();
        let offset = |at: usize| u16::try_from(at).expect("headers are short");
        let link = self.link_header().len();
        let network = match self.link {
            Link::Mpls(labels) => link - usize::from(labels) * 4,
            _ => link,
        };
        let outer = self.outer.as_ref();
        let kind = outer.map_or(GsoKind::default(), |(ip, tunnel)| tunnel.kind(ip));
        let fixed = |fixed, bit| if fixed { bit } else { GsoKind::default() };
        let accurate =
            matches!(&self.transport, Transport::Tcp { accurate_ecn, .. } if *accurate_ecn);
        let partial = matches!(outer, Some((_, Tunnel::Udp { partial: true, .. })));
        let first = outer.map_or(&self.ip, |(ip, _)| ip);
        let kind = kind
            .and(match (&self.transport, self.ip.v6) {
                (Transport::Udp, _) => GsoKind::UDP_L4,
                (Transport::Sctp { .. }, _) => GsoKind::SCTP,
                (_, true) => GsoKind::TCPV6,
                (_, false) => GsoKind::TCPV4,
            })
            .and(fixed(first.fixed_id, GsoKind::TCP_FIXEDID))
            .and(fixed(
                matches!(outer, Some((_, Tunnel::Ip))) && self.ip.fixed_id,
                GsoKind::TCP_FIXEDID_INNER,
            ))
            .and(fixed(accurate, GsoKind::TCP_ACCECN))
            .and(fixed(partial, GsoKind::PARTIAL));
        TxDescriptor {
            len: bytes.len() as u32,
            queue: 0,
            checksum: match (offset(transport), self.transport.checksum_offset()) {
                (start, offset) if self.transport.protocol() == SCTP => {
                    TxChecksum::Crc32c { start, offset }
                }
                (start, offset) => TxChecksum::Internet { start, offset },
            },
            gso: size.map(|size| Gso {
                size,
                segs: 0,
                kind,
            }),
            headers: TxHeaders {
                network: offset(network),
                transport: offset(match outer {
                    Some((ip, _)) => link + ip.wrap(0, &[]).len(),
                    None => transport,
                }),
                inner: outer.map(|_| InnerHeaders {
                    network: offset(transport - ip_header),
                    transport: offset(transport),
                }),
                labelled: matches!(self.link, Link::Mpls(_)).then_some(offset(link)),
            },
            capability: TxCapability::Agnostic,
        }
    }

    /// The segments that the stack would send itself.
    pub(crate) fn segments(&self, size: usize) -> Vec<Vec<u8>> {
        let lengths: Vec<_> = self.payload.chunks(size).map(<[u8]>::len).collect();
        self.segments_of(&lengths)
    }

    /// The same with so many bytes of payload in each.
    pub(crate) fn segments_of(&self, lengths: &[usize]) -> Vec<Vec<u8>> {
        let mut before = 0;
        let segment = |(index, len): (usize, &usize)| {
            let mut segment = self.clone();
            segment.payload = self.payload[before..before + len].to_vec();
            segment.ip.advance(index);
            if let Some((outer, _)) = &mut segment.outer {
                outer.advance(index);
            }
            if let Transport::Tcp {
                sequence,
                flags,
                accurate_ecn,
                ..
            } = &mut segment.transport
            {
                *sequence = sequence.wrapping_add(before as u32);
                if index + 1 < lengths.len() {
                    *flags &= !0x09; // PSH and FIN
                }
                if index > 0 && !*accurate_ecn {
                    *flags &= !0x80; // CWR
                }
            }
            before += len;
            let udp = segment.transport == Transport::Udp;
            segment.build(Fill::Done, udp)
        };
        lengths.iter().enumerate().map(segment).collect()
    }
}

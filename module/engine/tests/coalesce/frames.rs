// SPDX-License-Identifier: GPL-2.0

//! TCP segments and UDP datagrams as they are on the wire, with headers and checksums made from nothing; and wrong ones.

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;
pub(crate) const URG: u8 = 0x20;
pub(crate) const ECE: u8 = 0x40;
pub(crate) const CWR: u8 = 0x80;

pub(crate) const DO_NOT_FRAGMENT: u16 = 0x4000;

/// An IP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ip {
    V4 {
        tos: u8,
        id: u16,
        /// Flags and offset.
        fragment: u16,
        ttl: u8,
        source: [u8; 4],
        target: [u8; 4],
        /// Words of options.
        options: u8,
    },
    V6 {
        version: u8,
        class: u8,
        label: u32,
        hops: u8,
        source: [u8; 16],
        target: [u8; 16],
        /// Extension headers: their number, and what is in them behind the first two bytes.
        extensions: Vec<(u8, Vec<u8>)>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tcp {
    pub(crate) ports: [u16; 2],
    pub(crate) sequence: u32,
    pub(crate) acknowledged: u32,
    /// Length of the header in words, if it is not true.
    pub(crate) words: Option<u8>,
    /// The bits between that and the flags.
    pub(crate) reserved: u8,
    pub(crate) flags: u8,
    pub(crate) window: u16,
    pub(crate) options: Vec<u8>,
}

/// GRE behind the first IP header.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Gre {
    /// More flags.
    pub(crate) flags: u16,
    /// What is behind the checksum, if there is one.
    pub(crate) checksum: Option<u16>,
    pub(crate) is_wrong: bool,
    pub(crate) key: Option<u32>,
    /// Ethernet addresses, if there is Ethernet inside.
    pub(crate) ethernet: Option<[u8; 12]>,
    /// Protocols and contents of VLAN tags inside.
    pub(crate) tags: Vec<(u16, u16)>,
}

/// UDP in place of TCP, with the ports of that.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Udp {
    /// What is added to its length.
    pub(crate) length_error: u16,
    /// Whether there is no checksum.
    pub(crate) is_unsummed: bool,
}

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) target: [u8; 6],
    pub(crate) source: [u8; 6],
    /// Protocols and contents of VLAN tags.
    pub(crate) tags: Vec<(u16, u16)>,
    /// IP headers, the outermost first.
    pub(crate) ips: Vec<Ip>,
    /// What is between the first two of these.
    pub(crate) gre: Option<Gre>,
    pub(crate) tcp: Tcp,
    pub(crate) udp: Option<Udp>,
    pub(crate) payload: Vec<u8>,
    /// Bytes behind the packet.
    pub(crate) padding: usize,
    /// What is added to the length that the first IP header tells.
    pub(crate) length_error: u16,
    /// Whether the checksum of the last IP header, or of TCP or UDP, is wrong.
    pub(crate) is_ip_wrong: bool,
    pub(crate) is_tcp_wrong: bool,
}

/// The ones' complement sum of bytes, as long as it is.
fn sum(bytes: &[u8]) -> u32 {
    let word =
        |pair: &[u8]| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |byte| u32::from(*byte));
    bytes.chunks(2).map(word).sum()
}

fn checksum(mut sum: u32) -> [u8; 2] {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

impl Ip {
    pub(crate) fn is_v6(&self) -> bool {
        matches!(self, Self::V6 { .. })
    }

    fn addresses(&self) -> Vec<u8> {
        match self {
            Self::V4 { source, target, .. } => [*source, *target].concat(),
            Self::V6 { source, target, .. } => [*source, *target].concat(),
        }
    }

    /// `packet` of protocol `protocol` behind the header.
    fn wrap(&self, protocol: u8, packet: &[u8], error: u16, is_wrong: bool) -> Vec<u8> {
        match self {
            Self::V4 {
                tos,
                id,
                fragment,
                ttl,
                options,
                ..
            } => {
                let header_len = 20 + usize::from(*options) * 4;
                let len = ((header_len + packet.len()) as u16).wrapping_add(error);
                let mut header = vec![0x45 + options, *tos];
                header.extend(len.to_be_bytes());
                header.extend(id.to_be_bytes());
                header.extend(fragment.to_be_bytes());
                header.extend([*ttl, protocol, 0, 0]);
                header.extend(self.addresses());
                header.resize(header_len, 1);
                let check = checksum(sum(&header) + u32::from(is_wrong));
                header[10..12].copy_from_slice(&check);
                [&header, packet].concat()
            }
            Self::V6 {
                version,
                class,
                label,
                hops,
                extensions,
                ..
            } => {
                let kinds: Vec<u8> = extensions.iter().map(|(kind, _)| *kind).collect();
                let next = |index: usize| kinds.get(index).copied().unwrap_or(protocol);
                let mut behind = Vec::new();
                for (index, (_, contents)) in extensions.iter().enumerate() {
                    behind.extend([next(index + 1), ((contents.len() + 2) / 8 - 1) as u8]);
                    behind.extend(contents);
                }
                behind.extend(packet);
                let word = u32::from(*version) << 28 | u32::from(*class) << 20 | label;
                let mut header = word.to_be_bytes().to_vec();
                header.extend((behind.len() as u16).wrapping_add(error).to_be_bytes());
                header.extend([next(0), *hops]);
                header.extend(self.addresses());
                header.extend(behind);
                header
            }
        }
    }
}

/// VLAN tags in front of a packet of IP, and the EtherType of the first.
fn tagged(tags: &[(u16, u16)], v6: bool, packet: &[u8]) -> (u16, Vec<u8>) {
    let mut kind = if v6 { 0x86dd } else { 0x0800_u16 };
    let mut bytes = packet.to_vec();
    for (protocol, contents) in tags.iter().rev() {
        bytes = [&contents.to_be_bytes(), &kind.to_be_bytes(), &bytes[..]].concat();
        kind = *protocol;
    }
    (kind, bytes)
}

impl Gre {
    /// `packet` of IP behind the header.
    fn wrap(&self, v6: bool, packet: &[u8]) -> Vec<u8> {
        let (mut kind, mut behind) = tagged(&self.tags, v6, packet);
        if let Some(addresses) = self.ethernet {
            behind = [&addresses[..], &kind.to_be_bytes(), &behind].concat();
            kind = 0x6558;
        }
        let mut flags = self.flags;
        let mut header = [[0; 2], kind.to_be_bytes()].concat();
        if let Some(reserved) = self.checksum {
            flags ^= 0x8000;
            header.extend([[0; 2], reserved.to_be_bytes()].concat());
        }
        if let Some(key) = self.key {
            flags ^= 0x2000;
            header.extend(key.to_be_bytes());
        }
        header[..2].copy_from_slice(&flags.to_be_bytes());
        header.extend(behind);
        if self.checksum.is_some() {
            let check = checksum(sum(&header) + u32::from(self.is_wrong));
            header[4..6].copy_from_slice(&check);
        }
        header
    }
}

impl Frame {
    /// A segment of TCP with nothing odd about it, from `at` of its flow on. Where it goes is left open.
    pub(crate) fn segment_at(ips: &[Ip], at: usize, payload: Vec<u8>) -> Self {
        Self {
            target: [0; 6],
            source: [2, 0, 0, 0, 0, 9],
            tags: Vec::new(),
            ips: ips.to_vec(),
            gre: None,
            tcp: Tcp {
                ports: [1000, 2000],
                sequence: at as u32,
                acknowledged: 1,
                words: None,
                reserved: 0,
                flags: ACK,
                window: 1000,
                options: Vec::new(),
            },
            udp: None,
            payload,
            padding: 0,
            length_error: 0,
            is_ip_wrong: false,
            is_tcp_wrong: false,
        }
    }

    /// From the header of TCP on, and where the checksum belongs.
    fn segment(&self) -> (Vec<u8>, usize) {
        let Tcp {
            ports: [from, to],
            sequence,
            acknowledged,
            words,
            reserved,
            flags,
            window,
            options,
        } = &self.tcp;
        let mut packet = [from.to_be_bytes(), to.to_be_bytes()].concat();
        packet.extend(sequence.to_be_bytes());
        packet.extend(acknowledged.to_be_bytes());
        let words = words.unwrap_or((5 + options.len() / 4) as u8);
        packet.extend([words << 4 | reserved, *flags]);
        packet.extend(window.to_be_bytes());
        packet.extend([0; 4]);
        packet.extend(options);
        packet.extend(&self.payload);
        (packet, 16)
    }

    /// As [`segment`](Self::segment), of UDP.
    fn datagram(&self, udp: &Udp) -> (Vec<u8>, usize) {
        let [from, to] = self.tcp.ports;
        let len = (8 + self.payload.len() as u16).wrapping_add(udp.length_error);
        let header = [from, to, len, 0].map(u16::to_be_bytes).concat();
        ([&header[..], &self.payload].concat(), 6)
    }

    /// Its bytes, from the Ethernet header on.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let (mut protocol, (mut packet, at)) = match &self.udp {
            Some(udp) => (17, self.datagram(udp)),
            None => (6, self.segment()),
        };
        let last = self.ips.last().expect("an IP header");
        let pseudo = sum(&last.addresses()) + packet.len() as u32 + u32::from(protocol);
        let mut check = checksum(pseudo + sum(&packet) + u32::from(self.is_tcp_wrong));
        match &self.udp {
            Some(Udp {
                is_unsummed: true, ..
            }) => check = [0; 2],
            Some(_) if check == [0; 2] => check = [0xff; 2],
            _ => {}
        }
        packet[at..at + 2].copy_from_slice(&check);
        for (index, ip) in self.ips.iter().enumerate().rev() {
            let error = if index == 0 { self.length_error } else { 0 };
            let is_wrong = self.is_ip_wrong && index + 1 == self.ips.len();
            packet = ip.wrap(protocol, &packet, error, is_wrong);
            protocol = if ip.is_v6() { 41 } else { 4 };
            if let (1, Some(gre)) = (index, &self.gre) {
                packet = gre.wrap(ip.is_v6(), &packet);
                protocol = 47;
            }
        }
        let (kind, packet) = tagged(&self.tags, self.ips[0].is_v6(), &packet);
        let mut bytes = [self.target, self.source].concat();
        bytes.extend(kind.to_be_bytes());
        bytes.extend(packet);
        bytes.resize(bytes.len() + self.padding, 0);
        bytes
    }
}

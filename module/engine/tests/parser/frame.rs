// SPDX-License-Identifier: GPL-2.0

//! Frames made header by header, with what each header tells: nothing is read back from the bytes.

use engine::parser::{FlowType, Keys, Layer4, Parsed, Path};
use etherparse::{
    EtherType, Ethernet2Header, IpAuthHeader, IpNumber, Ipv4Header, Ipv4Options,
    Ipv6FragmentHeader, Ipv6Header, Ipv6RawExtHeader, SingleVlanHeader, TcpHeader, UdpHeader,
};

/// How many VLAN tags and extension headers of a frame the kernel's dissector goes on behind
/// (`MAX_FLOW_DISSECT_HDRS`).
pub(crate) const MAX_HEADERS: usize = 15;

/// All parts of a [`Path`].
pub(crate) const PATHS: [Path; 8] = [
    Path::VLAN,
    Path::VLAN_STACK,
    Path::IPV4,
    Path::IPV4_OPTIONS,
    Path::IPV6,
    Path::IPV6_EXTENSION,
    Path::FRAGMENT,
    Path::LAYER4,
];

/// What can be seen of a [`Parsed`], or should be.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) keys: Keys,
    pub(crate) flow: FlowType,
    pub(crate) path: Vec<Path>,
    pub(crate) transport_offset: usize,
}

impl Seen {
    pub(crate) fn of(parsed: &Parsed) -> Self {
        let has = |path: &Path| parsed.path.has(*path);
        Self {
            keys: parsed.keys,
            flow: parsed.flow,
            path: PATHS.into_iter().filter(has).collect(),
            transport_offset: parsed.transport_offset.into(),
        }
    }

    fn passes(&mut self, path: Path) {
        self.path.push(path);
    }
}

/// A VLAN tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag {
    /// Whether it is one of 802.1ad.
    pub(crate) is_service: bool,
    pub(crate) tci: u16,
}

impl Tag {
    fn protocol(self) -> u16 {
        if self.is_service {
            0x88a8
        } else {
            0x8100
        }
    }
}

/// What is behind the tags.
#[derive(Clone, Debug)]
pub(crate) enum Net {
    Other(u16),
    V4 {
        tos: u8,
        addresses: ([u8; 4], [u8; 4]),
        /// Words of options.
        options: u8,
        fragment: Option<Piece>,
    },
    V6 {
        class: u8,
        label: u32,
        addresses: ([u8; 16], [u8; 16]),
        extensions: Vec<Extension>,
        fragment: Option<Piece>,
    },
}

/// Which piece of a packet it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    /// Offset in units of 8 bytes.
    pub(crate) offset: u16,
    pub(crate) has_more: bool,
}

/// An extension header of IPv6.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension {
    pub(crate) kind: u8,
    /// Units of 8 bytes beyond the first.
    pub(crate) units: u8,
}

/// What is behind IP, with its first bytes or SPI.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Transport {
    Tcp([u8; 4]),
    Udp([u8; 4]),
    Sctp([u8; 4]),
    Ah([u8; 4]),
    Esp([u8; 4]),
    /// A protocol that the parser knows nothing of.
    Other(u8, [u8; 4]),
    /// No header, which only IPv6 has a number for.
    None,
}

impl Transport {
    pub(crate) fn protocol(self) -> u8 {
        match self {
            Self::Tcp(_) => 6,
            Self::Udp(_) => 17,
            Self::Sctp(_) => 132,
            Self::Ah(_) => 51,
            Self::Esp(_) => 50,
            Self::Other(protocol, _) => protocol,
            Self::None => 59,
        }
    }

    pub(crate) fn flow(self, v6: bool) -> FlowType {
        match (self, v6) {
            (Self::Tcp(_), false) => FlowType::Tcp4,
            (Self::Udp(_), false) => FlowType::Udp4,
            (Self::Sctp(_), false) => FlowType::Sctp4,
            (Self::Ah(_), false) => FlowType::Ah4,
            (Self::Esp(_), false) => FlowType::Esp4,
            (Self::Other(..) | Self::None, false) => FlowType::Ipv4,
            (Self::Tcp(_), true) => FlowType::Tcp6,
            (Self::Udp(_), true) => FlowType::Udp6,
            (Self::Sctp(_), true) => FlowType::Sctp6,
            (Self::Ah(_), true) => FlowType::Ah6,
            (Self::Esp(_), true) => FlowType::Esp6,
            (Self::Other(..) | Self::None, true) => FlowType::Ipv6,
        }
    }

    /// Its header.
    fn bytes(self) -> Vec<u8> {
        let halves =
            |[a, b, c, d]: [u8; 4]| (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        match self {
            Self::Tcp(ports) => {
                let (source, destination) = halves(ports);
                TcpHeader::new(source, destination, 1, 2)
                    .to_bytes()
                    .to_vec()
            }
            Self::Udp(ports) => {
                let (source_port, destination_port) = halves(ports);
                let header = UdpHeader {
                    source_port,
                    destination_port,
                    length: 8,
                    checksum: 0,
                };
                header.to_bytes().to_vec()
            }
            Self::Ah(spi) => {
                let header = IpAuthHeader::new(IpNumber::TCP, u32::from_be_bytes(spi), 1, &[7; 12]);
                header.expect("three words").to_bytes().to_vec()
            }
            Self::Sctp(first) | Self::Esp(first) | Self::Other(_, first) => {
                [first, [0x11; 4]].concat()
            }
            Self::None => vec![],
        }
    }

    /// What a parser takes of it, and how many bytes it has to have for that.
    fn first(self) -> Option<([u8; 4], usize)> {
        match self {
            Self::Ah(spi) => Some((spi, 8)),
            Self::Tcp(first) | Self::Udp(first) | Self::Sctp(first) => Some((first, 4)),
            Self::Esp(first) | Self::Other(_, first) => Some((first, 4)),
            Self::None => None,
        }
    }
}

/// A frame.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) destination: [u8; 6],
    pub(crate) source: [u8; 6],
    pub(crate) tags: Vec<Tag>,
    pub(crate) net: Net,
    pub(crate) transport: Transport,
}

/// The bytes of a frame, and what is known of it when it has so many.
pub(crate) struct Told {
    pub(crate) bytes: Vec<u8>,
    /// What is known from a length on, in bytes; in the order of these.
    known: Vec<(usize, Seen)>,
}

impl Told {
    /// What a parser should find in the first `len` bytes.
    pub(crate) fn by(&self, len: usize) -> Seen {
        let known = self.known.iter().take_while(|(from, _)| *from <= len);
        known
            .last()
            .map(|(_, seen)| seen.clone())
            .unwrap_or_default()
    }

    /// With `len` bytes more than those before the header in hand, what is known is this.
    fn know(&mut self, len: usize, seen: &Seen) {
        self.known.push((self.bytes.len() + len, seen.clone()));
    }
}

impl Frame {
    fn ether_type(&self) -> u16 {
        match self.net {
            Net::Other(ether_type) => ether_type,
            Net::V4 { .. } => 0x0800,
            Net::V6 { .. } => 0x86dd,
        }
    }

    /// Its bytes, and what they tell.
    pub(crate) fn told(&self) -> Told {
        let mut told = Told {
            bytes: vec![],
            known: vec![],
        };
        let mut seen = Seen::default();
        self.link(&mut told, &mut seen);
        let tags = self.tags.len();
        let is_seen = tags <= MAX_HEADERS;
        if is_seen {
            told.know(0, &seen);
        }
        let known = told.known.len();
        match &self.net {
            Net::Other(_) => told.bytes.extend([0x33; 20]),
            Net::V4 { .. } => self.v4(&mut told, &mut seen),
            Net::V6 { .. } => self.v6(&mut told, &mut seen),
        }
        if !is_seen {
            told.known.truncate(known);
        }
        told
    }

    fn link(&self, told: &mut Told, seen: &mut Seen) {
        // The EtherType of each tag, then that of what is behind them.
        let protocols = self.tags.iter().map(|tag| tag.protocol());
        let mut ether_types = protocols.chain([self.ether_type()]);
        let mut next = || EtherType(ether_types.next().expect("one more than tags"));
        seen.keys.destination = self.destination;
        told.know(6, seen);
        seen.keys.source = self.source;
        told.know(12, seen);
        let ethernet = Ethernet2Header {
            source: self.source,
            destination: self.destination,
            ether_type: next(),
        };
        seen.keys.ether_type = ethernet.ether_type.0;
        told.bytes.extend(ethernet.to_bytes());
        // There is nothing behind a tag and before what it tells of the next.
        told.know(0, seen);
        for (number, tag) in self.tags.iter().enumerate() {
            let ether_type = next();
            let [high, low] = tag.tci.to_be_bytes();
            let [t0, t1] = ether_type.0.to_be_bytes();
            let header = SingleVlanHeader::from_bytes([high, low, t0, t1]);
            if number == 0 {
                seen.keys.vlan_protocol = tag.protocol();
                seen.keys.vlan_tci = tag.tci;
                seen.passes(Path::VLAN);
            } else if number == 1 {
                seen.passes(Path::VLAN_STACK);
            }
            told.bytes.extend(header.to_bytes());
            // The last that is looked at is behind so many.
            if number <= MAX_HEADERS {
                seen.keys.ether_type = ether_type.0;
                told.know(0, seen);
            }
        }
    }

    fn v4(&self, told: &mut Told, seen: &mut Seen) {
        let Net::V4 {
            tos,
            addresses: (source, destination),
            options,
            fragment,
        } = self.net
        else {
            return;
        };
        let words = [1; 40];
        let mut header = Ipv4Header {
            dscp: (tos >> 2).try_into().expect("six bits"),
            ecn: (tos & 3).try_into().expect("two bits"),
            protocol: IpNumber(self.transport.protocol()),
            time_to_live: 64,
            source,
            destination,
            options: Ipv4Options::try_from(&words[..usize::from(options) * 4])
                .expect("ten words at most"),
            dont_fragment: fragment.is_none(),
            ..Ipv4Header::default()
        };
        if let Some(piece) = fragment {
            header.fragment_offset = piece.offset.try_into().expect("13 bits");
            header.more_fragments = piece.has_more;
            seen.keys.layer4 = Layer4::Fragment;
        }
        header
            .set_payload_len(self.transport.bytes().len())
            .expect("a short one");
        let keys = &mut seen.keys;
        keys.ip_version = 4;
        keys.ip_protocol = self.transport.protocol();
        keys.tos = tos;
        keys.ip_source[..4].copy_from_slice(&source);
        keys.ip_destination[..4].copy_from_slice(&destination);
        seen.flow = FlowType::Ipv4;
        seen.passes(Path::IPV4);
        if options > 0 {
            seen.passes(Path::IPV4_OPTIONS);
        }
        if fragment.is_some() {
            seen.passes(Path::FRAGMENT);
        }
        told.know(20, seen);
        told.bytes.extend(header.to_bytes());
        self.behind_ip(told, seen, false, fragment.is_some());
    }

    fn v6(&self, told: &mut Told, seen: &mut Seen) {
        let Net::V6 {
            class,
            label,
            addresses: (source, destination),
            ref extensions,
            fragment,
        } = self.net
        else {
            return;
        };
        let kinds = extensions.iter().map(|extension| extension.kind);
        let mut kinds = kinds
            .chain(fragment.map(|_| 44))
            .chain([self.transport.protocol()]);
        let mut next = || kinds.next().expect("one more than headers");
        let first = next();
        let header = Ipv6Header {
            traffic_class: class,
            flow_label: label.try_into().expect("20 bits"),
            payload_length: 0,
            next_header: IpNumber(first),
            hop_limit: 64,
            source,
            destination,
        };
        let keys = &mut seen.keys;
        keys.ip_version = 6;
        keys.ip_protocol = first;
        keys.tos = class;
        keys.flow_label = label;
        keys.ip_source = source;
        keys.ip_destination = destination;
        seen.flow = FlowType::Ipv6;
        seen.passes(Path::IPV6);
        told.know(40, seen);
        told.bytes.extend(header.to_bytes());
        let mut counted = self.tags.len();
        // At how many of the things that are known the parser ends, if it does so early.
        let mut end = None;
        for extension in extensions {
            let following = next();
            let payload = vec![5; 6 + 8 * usize::from(extension.units)];
            let header = Ipv6RawExtHeader::new_raw(IpNumber(following), &payload).expect("units");
            if end.is_none() && counted > MAX_HEADERS {
                end = Some(told.known.len());
            }
            if !seen.path.contains(&Path::IPV6_EXTENSION) {
                seen.passes(Path::IPV6_EXTENSION);
            }
            seen.keys.ip_protocol = following;
            told.know(2, seen);
            told.bytes.extend(header.to_bytes());
            told.know(0, seen);
            counted += 1;
        }
        if let Some(piece) = fragment {
            if end.is_none() && counted > MAX_HEADERS {
                end = Some(told.known.len());
            }
            let header = Ipv6FragmentHeader {
                next_header: IpNumber(next()),
                fragment_offset: piece.offset.try_into().expect("13 bits"),
                more_fragments: piece.has_more,
                identification: 9,
            };
            if !seen.path.contains(&Path::IPV6_EXTENSION) {
                seen.passes(Path::IPV6_EXTENSION);
            }
            seen.passes(Path::FRAGMENT);
            seen.keys.ip_protocol = self.transport.protocol();
            seen.keys.layer4 = Layer4::Fragment;
            told.bytes.extend(header.to_bytes());
        }
        self.behind_ip(told, seen, true, fragment.is_some());
        if let Some(end) = end {
            told.known.truncate(end);
        }
    }

    fn behind_ip(&self, told: &mut Told, seen: &mut Seen, v6: bool, is_fragment: bool) {
        told.know(0, seen);
        seen.transport_offset = told.bytes.len();
        told.know(1, seen);
        if let (Some((first, needed)), false) = (self.transport.first(), is_fragment) {
            seen.keys.ports = first;
            seen.keys.layer4 = Layer4::Whole;
            seen.flow = self.transport.flow(v6);
            seen.passes(Path::LAYER4);
            told.know(needed, seen);
        }
        told.bytes.extend(self.transport.bytes());
    }
}

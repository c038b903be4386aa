// SPDX-License-Identifier: GPL-2.0

//! Frames that are made of what steering looks at, so that nobody has to find it in them again.

use rand::seq::IndexedRandom;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

pub(crate) const ICMP: u8 = 1;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const GRE: u8 = 47;
pub(crate) const ESP: u8 = 50;
pub(crate) const AH: u8 = 51;
pub(crate) const SCTP: u8 = 132;

const ARP: u16 = 0x0806;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const FRAGMENT_HEADER: u8 = 44;
/// Hop-by-hop options, routing, destination options.
const EXTENSIONS: [u8; 3] = [0, 43, 60];

/// What is behind the Ethernet header and its tags.
#[derive(Clone, Debug)]
pub(crate) enum Network {
    /// Something with that EtherType.
    Other(u16),
    V4 {
        source: [u8; 4],
        destination: [u8; 4],
        /// Options, in words of four bytes.
        options: u8,
    },
    V6 {
        source: [u8; 16],
        destination: [u8; 16],
        label: u32,
        /// Types of the extension headers.
        extensions: Vec<u8>,
    },
}

/// Where a frame ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// Behind all of its headers.
    Whole,
    /// Within the IP header.
    Network,
    /// Within the first bytes of what is behind the IP header.
    Transport,
}

/// A frame, but for its source address.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) destination: [u8; 6],
    /// VLAN tags, the outermost first: TPID and tag control information.
    pub(crate) tags: Vec<(u16, u16)>,
    pub(crate) network: Network,
    /// Type of service, or traffic class.
    pub(crate) tos: u8,
    /// Behind the IP header and its extension headers.
    pub(crate) protocol: u8,
    /// Source and destination port; the halves of an SPI.
    pub(crate) ports: [u16; 2],
    pub(crate) is_fragment: bool,
    /// What it carries behind the header of TCP, UDP or SCTP. Something, if that is nothing.
    pub(crate) payload: Vec<u8>,
    pub(crate) end: End,
}

impl Packet {
    /// A packet of IPv4 from 10.0.0.1 to 10.0.0.2.
    pub(crate) fn v4(protocol: u8, ports: [u16; 2]) -> Self {
        Self {
            destination: [2, 0, 0, 0, 0, 2],
            tags: Vec::new(),
            network: Network::V4 {
                source: [10, 0, 0, 1],
                destination: [10, 0, 0, 2],
                options: 0,
            },
            tos: 0,
            protocol,
            ports,
            is_fragment: false,
            payload: Vec::new(),
            end: End::Whole,
        }
    }

    /// A packet of IPv6 from fd00::1 to fd00::2.
    pub(crate) fn v6(protocol: u8, ports: [u16; 2]) -> Self {
        let address = |last| [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
        Self {
            network: Network::V6 {
                source: address(1),
                destination: address(2),
                label: 0,
                extensions: Vec::new(),
            },
            ..Self::v4(protocol, ports)
        }
    }

    /// Something else than IP.
    pub(crate) fn other(ether_type: u16) -> Self {
        Self {
            network: Network::Other(ether_type),
            ..Self::v4(0, [0; 2])
        }
    }

    /// One of any kind.
    pub(crate) fn any(rng: &mut ChaCha8Rng) -> Self {
        let protocols = [ICMP, TCP, TCP, UDP, UDP, SCTP, GRE, ESP, AH];
        let protocol = *protocols.choose(rng).unwrap_or(&UDP);
        let network = match rng.random_range(0..10) {
            0 => Network::Other(if rng.random() { ARP } else { 0x88cc }),
            1..=5 => Network::V4 {
                source: [10, 0, rng.random(), rng.random()],
                destination: [10, 1, rng.random(), rng.random()],
                options: [0, 0, 1, 10].choose(rng).copied().unwrap_or(0),
            },
            _ => {
                let count = [0, 0, 1, 2, 3].choose(rng).copied().unwrap_or(0);
                let extension = |_| *EXTENSIONS.choose(rng).unwrap_or(&0);
                let extensions = (0..count).map(extension).collect();
                Network::V6 {
                    source: rng.random(),
                    destination: rng.random(),
                    label: [0, rng.random_range(0..1 << 20)][rng.random_range(0..2)],
                    extensions,
                }
            }
        };
        let tag = |tpid, rng: &mut ChaCha8Rng| (tpid, rng.random());
        let tags = match rng.random_range(0..8) {
            0 => vec![tag(0x8100, rng)],
            1 => vec![tag(0x88a8, rng)],
            2 => vec![tag(0x88a8, rng), tag(0x8100, rng)],
            _ => Vec::new(),
        };
        Self {
            destination: [2, rng.random(), rng.random(), rng.random(), 0, 2],
            tags,
            network,
            tos: rng.random(),
            protocol,
            ports: rng.random(),
            is_fragment: rng.random_bool(0.1),
            payload: {
                let len = [0, 0, 3, 70].choose(rng).copied().unwrap_or(0);
                (0..len).map(|_| rng.random_range(1..3)).collect()
            },
            end: match rng.random_range(0..16) {
                0 => End::Network,
                1 => End::Transport,
                _ => End::Whole,
            },
        }
    }

    /// Its bytes, with `source` as the source address.
    pub(crate) fn bytes(&self, source: [u8; 6]) -> Vec<u8> {
        let mut frame = [self.destination, source].concat();
        for (tpid, tci) in &self.tags {
            frame.extend(tpid.to_be_bytes());
            frame.extend(tci.to_be_bytes());
        }
        let payload = self.transport();
        let header = match &self.network {
            Network::Other(ether_type) => {
                frame.extend(ether_type.to_be_bytes());
                vec![0x5a; 46]
            }
            Network::V4 {
                source,
                destination,
                options,
            } => {
                frame.extend(IPV4.to_be_bytes());
                self.header4(*source, *destination, *options, payload.len())
            }
            Network::V6 {
                source,
                destination,
                label,
                extensions,
            } => {
                frame.extend(IPV6.to_be_bytes());
                let behind = self.extensions(extensions);
                let first = match (extensions.first(), self.is_fragment) {
                    (Some(first), _) => *first,
                    (None, true) => FRAGMENT_HEADER,
                    (None, false) => self.protocol,
                };
                let word = 6 << 28 | u32::from(self.tos) << 20 | label;
                let len = (behind.len() + payload.len()) as u16;
                let mut header = word.to_be_bytes().to_vec();
                header.extend(len.to_be_bytes());
                header.extend([first, 64]);
                header.extend(source);
                header.extend(destination);
                header.extend(behind);
                header
            }
        };
        let (len, first) = (header.len(), self.first_bytes());
        if matches!(self.network, Network::Other(_)) {
            frame.extend(header);
            return frame;
        }
        frame.extend(header);
        frame.extend(payload);
        let missing = match self.end {
            End::Whole => 0,
            // All but half of the shortest header of IP.
            End::Network => frame.len() - self.network_offset() - 10,
            End::Transport => frame.len() - self.network_offset() - len - first / 2,
        };
        frame.truncate(frame.len() - missing);
        frame
    }

    fn network_offset(&self) -> usize {
        14 + 4 * self.tags.len()
    }

    fn header4(
        &self,
        source: [u8; 4],
        destination: [u8; 4],
        options: u8,
        payload: usize,
    ) -> Vec<u8> {
        let len = 20 + 4 * usize::from(options);
        let mut header = vec![0x40 | (len / 4) as u8, self.tos];
        header.extend(((len + payload) as u16).to_be_bytes());
        // More fragments follow, or this is not the first one.
        let fragment = match (self.is_fragment, self.tos & 1) {
            (false, _) => 0,
            (true, 0) => 0x2000_u16,
            (true, _) => 0x0003,
        };
        header.extend([0, 1]);
        header.extend(fragment.to_be_bytes());
        header.extend([64, self.protocol, 0, 0]);
        header.extend(source);
        header.extend(destination);
        // No operation.
        header.resize(len, 1);
        header
    }

    /// The extension headers of types `kinds`, and that of a fragment.
    fn extensions(&self, kinds: &[u8]) -> Vec<u8> {
        let mut kinds = kinds.to_vec();
        if self.is_fragment {
            kinds.push(FRAGMENT_HEADER);
        }
        let next = kinds.iter().skip(1).chain([&self.protocol]);
        let mut all = Vec::new();
        for (number, (kind, next)) in kinds.iter().zip(next).enumerate() {
            // Some are longer than others.
            let more = u8::from(*kind != FRAGMENT_HEADER && number == 1);
            let mut header = vec![*next, more];
            header.resize(8 + 8 * usize::from(more), 0);
            all.extend(header);
        }
        all
    }

    /// How many bytes of what is behind the IP header tell flows apart, with those before.
    fn first_bytes(&self) -> usize {
        if self.protocol == AH {
            8
        } else {
            4
        }
    }

    fn transport(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.first_bytes() - 4];
        bytes.extend(self.ports[0].to_be_bytes());
        bytes.extend(self.ports[1].to_be_bytes());
        if self.payload.is_empty() {
            bytes.resize(40, 0xa5);
            return bytes;
        }
        let len = match self.protocol {
            // With one word of options.
            TCP => 24,
            SCTP => 12,
            UDP => 8,
            _ => bytes.len(),
        };
        bytes.resize(len, 0x61);
        bytes.extend(&self.payload);
        bytes
    }

    /// Its addresses of IP, if it has some.
    pub(crate) fn addresses(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        if self.end == End::Network {
            return None;
        }
        match &self.network {
            Network::Other(_) => None,
            Network::V4 {
                source,
                destination,
                ..
            } => Some((source.to_vec(), destination.to_vec())),
            Network::V6 {
                source,
                destination,
                ..
            } => Some((source.to_vec(), destination.to_vec())),
        }
    }

    /// Its ports, if it has some: of the first fragment as well nobody looks at them.
    pub(crate) fn known_ports(&self) -> Option<[u16; 2]> {
        let is_known = self.addresses().is_some() && !self.is_fragment && self.end == End::Whole;
        is_known.then_some(self.ports)
    }

    /// The flow label of a packet of IPv6.
    pub(crate) fn label(&self) -> Option<u32> {
        match &self.network {
            Network::V6 { label, .. } if self.end != End::Network => Some(*label),
            _ => None,
        }
    }

    /// What `ethtool` calls frames like this.
    pub(crate) fn flow(&self) -> &'static str {
        let is_v6 = match self.network {
            _ if self.addresses().is_none() => return "ether",
            Network::V6 { .. } => true,
            _ => false,
        };
        let [v4, v6] = match self.protocol {
            _ if self.known_ports().is_none() => ["ip4", "ip6"],
            TCP => ["tcp4", "tcp6"],
            UDP => ["udp4", "udp6"],
            SCTP => ["sctp4", "sctp6"],
            ESP => ["esp4", "esp6"],
            AH => ["ah4", "ah6"],
            _ => ["ip4", "ip6"],
        };
        if is_v6 {
            v6
        } else {
            v4
        }
    }
}

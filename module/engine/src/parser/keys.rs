// SPDX-License-Identifier: GPL-2.0

//! What a parser finds in a frame.

use crate::protocol::{IPPROTO_AH, IPPROTO_ESP, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP};

/// What tells flows from each other. What a frame does not have is zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Keys {
    /// Destination address of the Ethernet header.
    pub destination: [u8; 6],
    /// Its source address.
    pub source: [u8; 6],
    /// EtherType behind all VLAN tags, in host byte order.
    pub ether_type: u16,
    /// TPID of the outermost VLAN tag, in host byte order; 0 if there is none.
    pub vlan_protocol: u16,
    /// Tag control information of the outermost VLAN tag, in host byte order.
    pub vlan_tci: u16,
    /// Version of the IP header; 0 if there is none.
    pub ip_version: u8,
    /// Protocol behind the IP header and its extension headers; the type of the first of them that the
    /// parser does not come through, if there is one.
    pub ip_protocol: u8,
    /// Type of service, or traffic class.
    pub tos: u8,
    /// What is known of what is behind the IP header.
    pub layer4: Layer4,
    /// Source address as it is on the wire; one of IPv4 in the first four bytes.
    pub ip_source: [u8; 16],
    /// Destination address, as the source address.
    pub ip_destination: [u8; 16],
    /// Flow label of IPv6, 20 bits in host byte order.
    pub flow_label: u32,
    /// Source and destination port as they are on the wire, or the SPI of IPsec, or the first four bytes
    /// of another header behind IP.
    pub ports: [u8; 4],
}

/// What is behind an IP header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum Layer4 {
    /// Nothing that could be read.
    #[default]
    None = 0,
    /// A piece of something: no piece but the first has a header, and what they are to be kept together
    /// by is not in it.
    Fragment = 1,
    /// A header, whose first bytes are among the keys.
    Whole = 2,
}

/// The keys as numbers: what can be compared under a mask. Bits that no key has are there for who compares
/// something else of a frame along with them.
pub type KeyWords = [u64; Keys::WORDS];

impl Keys {
    /// How many numbers they are.
    pub const WORDS: usize = 8;

    /// The keys as numbers: all but the flow label, each bit at a place of its own.
    pub const fn words(&self) -> KeyWords {
        let [d0, d1, d2, d3, d4, d5] = self.destination;
        let [s0, s1, s2, s3, s4, s5] = self.source;
        let [t0, t1] = self.ether_type.to_be_bytes();
        let [p0, p1] = self.vlan_protocol.to_be_bytes();
        let [v0, v1] = self.vlan_tci.to_be_bytes();
        let [l0, l1, l2, l3] = self.ports;
        let [source_high, source_low] = halves(self.ip_source);
        let [destination_high, destination_low] = halves(self.ip_destination);
        [
            u64::from_be_bytes([d0, d1, d2, d3, d4, d5, t0, t1]),
            u64::from_be_bytes([s0, s1, s2, s3, s4, s5, p0, p1]),
            u64::from_be_bytes([
                v0,
                v1,
                self.ip_version,
                self.ip_protocol,
                self.tos,
                self.layer4 as u8,
                0,
                0,
            ]),
            source_high,
            source_low,
            destination_high,
            destination_low,
            u64::from_be_bytes([l0, l1, l2, l3, 0, 0, 0, 0]),
        ]
    }
}

/// The two halves of an address.
const fn halves(address: [u8; 16]) -> [u64; 2] {
    let whole = u128::from_be_bytes(address);
    // CAST: The lower half is what is left of it.
    [(whole >> 64) as u64, whole as u64]
}

/// What kind of frame it is, as users choose by what it is steered (`ethtool -n DEV rx-flow-hash`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum FlowType {
    /// No IP.
    #[default]
    Ether,
    /// IPv4, and none of those below: also a fragment of one of them, or one whose header is cut off.
    Ipv4,
    /// TCP over IPv4.
    Tcp4,
    /// UDP over IPv4.
    Udp4,
    /// SCTP over IPv4.
    Sctp4,
    /// Authentication headers over IPv4.
    Ah4,
    /// Encrypted packets over IPv4.
    Esp4,
    /// IPv6, and none of those below: as for IPv4.
    Ipv6,
    /// TCP over IPv6.
    Tcp6,
    /// UDP over IPv6.
    Udp6,
    /// SCTP over IPv6.
    Sctp6,
    /// Authentication headers over IPv6.
    Ah6,
    /// Encrypted packets over IPv6.
    Esp6,
}

impl FlowType {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All of them, by discriminant.
    pub const ALL: [Self; 13] = [
        Self::Ether,
        Self::Ipv4,
        Self::Tcp4,
        Self::Udp4,
        Self::Sctp4,
        Self::Ah4,
        Self::Esp4,
        Self::Ipv6,
        Self::Tcp6,
        Self::Udp6,
        Self::Sctp6,
        Self::Ah6,
        Self::Esp6,
    ];

    /// The type of a packet that is no fragment, with `protocol` behind an IP header of version 6, if
    /// `v6`, or 4.
    pub(super) const fn of(v6: bool, protocol: u8) -> Self {
        match (v6, protocol) {
            (false, IPPROTO_TCP) => Self::Tcp4,
            (false, IPPROTO_UDP) => Self::Udp4,
            (false, IPPROTO_SCTP) => Self::Sctp4,
            (false, IPPROTO_AH) => Self::Ah4,
            (false, IPPROTO_ESP) => Self::Esp4,
            (false, _) => Self::Ipv4,
            (true, IPPROTO_TCP) => Self::Tcp6,
            (true, IPPROTO_UDP) => Self::Udp6,
            (true, IPPROTO_SCTP) => Self::Sctp6,
            (true, IPPROTO_AH) => Self::Ah6,
            (true, IPPROTO_ESP) => Self::Esp6,
            (true, _) => Self::Ipv6,
        }
    }
}

/// The headers that a parser has come through, as a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Path(u16);

impl Path {
    /// A VLAN tag.
    pub const VLAN: Self = Self(1 << 0);
    /// More than one.
    pub const VLAN_STACK: Self = Self(1 << 1);
    /// IPv4.
    pub const IPV4: Self = Self(1 << 2);
    /// Options of IPv4.
    pub const IPV4_OPTIONS: Self = Self(1 << 3);
    /// IPv6.
    pub const IPV6: Self = Self(1 << 4);
    /// An extension header of IPv6.
    pub const IPV6_EXTENSION: Self = Self(1 << 5);
    /// A fragment.
    pub const FRAGMENT: Self = Self(1 << 6);
    /// A header behind that of IP.
    pub const LAYER4: Self = Self(1 << 7);

    /// The headers of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it has anything that `other` has.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether it has all that `other` has.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

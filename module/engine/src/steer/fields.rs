// SPDX-License-Identifier: GPL-2.0

//! What of a frame is hashed, for each kind of frame.

use super::toeplitz::{Contributions, Sum};
use crate::parser::{FlowType, Layer4, Parsed, Path};

/// Fields of a frame, as a set: `RXH_*` of `linux/ethtool.h`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fields(u32);

impl Fields {
    /// Nothing: all frames have the same queue.
    pub const NONE: Self = Self(0);
    /// The destination address of the Ethernet header.
    pub const L2DA: Self = Self(1 << 1);
    /// The tag control information of the outermost VLAN tag.
    pub const VLAN: Self = Self(1 << 2);
    /// The protocol behind IP.
    pub const L3_PROTO: Self = Self(1 << 3);
    /// The source address of IP.
    pub const IP_SRC: Self = Self(1 << 4);
    /// The destination address of IP.
    pub const IP_DST: Self = Self(1 << 5);
    /// The first two bytes of what is behind IP: the source port, or the upper half of an SPI.
    pub const L4_B_0_1: Self = Self(1 << 6);
    /// The next two: the destination port, or the lower half of an SPI.
    pub const L4_B_2_3: Self = Self(1 << 7);
    /// The flow label of IPv6.
    pub const IP6_FL: Self = Self(1 << 9);
    /// No field: frames that would be hashed are dropped.
    pub const DISCARD: Self = Self(1 << 31);

    /// Both addresses of IP.
    pub const ADDRESSES: Self = Self::IP_SRC.with(Self::IP_DST);
    /// Both ports.
    pub const PORTS: Self = Self::L4_B_0_1.with(Self::L4_B_2_3);
    /// The addresses and ports of a flow.
    pub const FOUR_TUPLE: Self = Self::ADDRESSES.with(Self::PORTS);

    /// Those whose `RXH_*` bits are set in `bits`, which may be any.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Their `RXH_*` bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Those of either set.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that `other` does not have.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether one is in both sets.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether none is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that can be chosen for frames of type `flow`.
    pub const fn of(flow: FlowType) -> Self {
        let link = Self::L2DA.with(Self::VLAN).with(Self::DISCARD);
        let ipv4 = link.with(Self::L3_PROTO).with(Self::ADDRESSES);
        let ipv6 = ipv4.with(Self::IP6_FL);
        match flow {
            FlowType::Ether => link,
            FlowType::Ipv4 => ipv4,
            FlowType::Ipv6 => ipv6,
            FlowType::Tcp4 | FlowType::Udp4 | FlowType::Sctp4 | FlowType::Ah4 | FlowType::Esp4 => {
                ipv4.with(Self::PORTS)
            }
            FlowType::Tcp6 | FlowType::Udp6 | FlowType::Sctp6 | FlowType::Ah6 | FlowType::Esp6 => {
                ipv6.with(Self::PORTS)
            }
        }
    }

    /// Those that a device hashes as long as nobody wants others.
    pub const fn usual(flow: FlowType) -> Self {
        match flow {
            FlowType::Ether => Self::NONE,
            FlowType::Tcp4
            | FlowType::Udp4
            | FlowType::Sctp4
            | FlowType::Tcp6
            | FlowType::Udp6
            | FlowType::Sctp6 => Self::FOUR_TUPLE,
            FlowType::Ipv4
            | FlowType::Ah4
            | FlowType::Esp4
            | FlowType::Ipv6
            | FlowType::Ah6
            | FlowType::Esp6 => Self::ADDRESSES,
        }
    }
}

/// What makes both directions of a flow alike: `RXH_XFRM_*` of `linux/ethtool.h`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Symmetry {
    /// Nothing.
    #[default]
    None,
    /// In place of source and destination, of addresses and of ports, their exclusive or stands twice.
    Xor,
    /// In their place stand their or, and their exclusive or.
    OrXor,
}

impl Symmetry {
    /// What stands in place of `source` and `destination`.
    #[inline]
    fn of<const N: usize>(self, source: [u8; N], destination: [u8; N]) -> [[u8; N]; 2] {
        fn each<const N: usize>(
            mut left: [u8; N],
            right: [u8; N],
            combine: fn(u8, u8) -> u8,
        ) -> [u8; N] {
            for (left, right) in left.iter_mut().zip(right) {
                *left = combine(*left, right);
            }
            left
        }
        let xor = |left, right| left ^ right;
        match self {
            Self::None => [source, destination],
            Self::Xor => [each(source, destination, xor); 2],
            Self::OrXor => [
                each(source, destination, |left, right| left | right),
                each(source, destination, xor),
            ],
        }
    }
}

/// How reliably a hash tells flows apart: `enum pkt_hash_types` of `linux/skbuff.h`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HashKind {
    /// By Ethernet addresses and VLAN tag.
    L2,
    /// By addresses of IP.
    L3,
    /// By what tells the flows of two addresses apart.
    L4,
}

/// What is hashed of a frame, field by field.
pub(super) struct Input<'a> {
    sum: Sum<'a>,
    /// What it tells apart; nothing as long as nothing is hashed.
    kind: Option<HashKind>,
}

impl<'a> Input<'a> {
    /// The hash of a frame, of which `fields` are hashed, and what it tells apart; `None` if the frame has
    /// none of them. `places` has what a byte contributes at each place of the input.
    ///
    /// Addresses and ports come first, in the order of the published test vectors.
    #[inline]
    pub(super) fn hash(
        places: &'a [Contributions],
        parsed: &Parsed,
        fields: Fields,
        symmetry: Symmetry,
    ) -> Option<(u32, HashKind)> {
        let mut input = Self {
            sum: Sum::new(places),
            kind: None,
        };
        let keys = &parsed.keys;
        if fields.meets(Fields::ADDRESSES) {
            if parsed.path.has(Path::IPV4) {
                let [source, destination] = [keys.ip_source, keys.ip_destination].map(narrowed);
                input.pair(symmetry.of(source, destination), fields, Fields::ADDRESSES);
                input.kind = Some(HashKind::L3);
            } else if parsed.path.has(Path::IPV6) {
                let pair = symmetry.of(keys.ip_source, keys.ip_destination);
                input.pair(pair, fields, Fields::ADDRESSES);
                input.kind = Some(HashKind::L3);
            }
        }
        if keys.layer4 == Layer4::Whole && fields.meets(Fields::PORTS) {
            let [s0, s1, d0, d1] = keys.ports;
            input.pair(symmetry.of([s0, s1], [d0, d1]), fields, Fields::PORTS);
            input.kind = Some(HashKind::L4);
        }
        if fields.meets(Fields::IP6_FL.with(Fields::L3_PROTO.with(Fields::VLAN.with(Fields::L2DA))))
        {
            input.rest(parsed, fields);
        }
        Some((input.sum.value(), input.kind?))
    }

    /// Those of `fields` that are hashed of a frame.
    pub(super) fn fields_of(parsed: &Parsed, fields: Fields, symmetry: Symmetry) -> Fields {
        let bits = (0..u32::BITS).map(|bit| Fields(fields.0 & 1_u32.wrapping_shl(bit)));
        let found = bits.filter(|field| Self::hash(&[], parsed, *field, symmetry).is_some());
        found.fold(Fields::NONE, Fields::with)
    }

    /// What is hashed where users want more than addresses and ports.
    #[cold]
    fn rest(&mut self, parsed: &Parsed, fields: Fields) {
        let Parsed { keys, path, .. } = parsed;
        if fields.meets(Fields::IP6_FL) && path.has(Path::IPV6) {
            self.sum.add(keys.flow_label.to_be_bytes());
            // The kernel as well takes a label for what tells flows apart, if there is one.
            if keys.flow_label != 0 {
                self.kind = Some(HashKind::L4);
            } else {
                self.kind.get_or_insert(HashKind::L3);
            }
        }
        if fields.meets(Fields::L3_PROTO) && keys.ip_version != 0 {
            self.sum.add([keys.ip_protocol]);
            self.kind.get_or_insert(HashKind::L2);
        }
        if fields.meets(Fields::VLAN) && path.has(Path::VLAN) {
            self.sum.add(keys.vlan_tci.to_be_bytes());
            self.kind.get_or_insert(HashKind::L2);
        }
        if fields.meets(Fields::L2DA) {
            self.sum.add(keys.destination);
            self.kind.get_or_insert(HashKind::L2);
        }
    }

    /// Adds those of the two of `pair` that are in `fields`, of which they are `both`: the source is
    /// the lower bit.
    #[inline]
    fn pair<const N: usize>(&mut self, pair: [[u8; N]; 2], fields: Fields, both: Fields) {
        let [source, destination] = pair;
        // The lowest bit of a set of two.
        let first = Fields(both.0 & both.0.wrapping_neg());
        if fields.meets(first) {
            self.sum.add(source);
        }
        if fields.meets(both.without(first)) {
            self.sum.add(destination);
        }
    }
}

/// The address of IPv4 that keys have.
const fn narrowed(address: [u8; 16]) -> [u8; 4] {
    let [a, b, c, d, ..] = address;
    [a, b, c, d]
}

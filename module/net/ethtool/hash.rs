// SPDX-License-Identifier: GPL-2.0

//! What a hash for receive-side scaling is made of (`ethtool -N X rx-flow-hash`).
//!
//! C header: [`include/uapi/linux/ethtool.h`](srctree/include/uapi/linux/ethtool.h)

use crate::bindings;
use core::ops::BitOr;

/// A set of fields of a frame, as a hash is made of them (`RXH_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HashFields(u32);

impl HashFields {
    /// None: frames of the flow type have no hash.
    pub const NONE: Self = Self(0);
    /// Destination address of the Ethernet header.
    pub const L2_DESTINATION: Self = Self(bindings::RXH_L2DA);
    /// VLAN tag.
    pub const VLAN: Self = Self(bindings::RXH_VLAN);
    /// Protocol of the network layer.
    pub const L3_PROTOCOL: Self = Self(bindings::RXH_L3_PROTO);
    /// IP source address.
    pub const IP_SOURCE: Self = Self(bindings::RXH_IP_SRC);
    /// IP destination address.
    pub const IP_DESTINATION: Self = Self(bindings::RXH_IP_DST);
    /// Bytes 0 and 1 of the transport header: the source port.
    pub const L4_BYTES_0_1: Self = Self(bindings::RXH_L4_B_0_1);
    /// Bytes 2 and 3 of the transport header: the destination port.
    pub const L4_BYTES_2_3: Self = Self(bindings::RXH_L4_B_2_3);
    /// Tunnel endpoint identifier of GTP.
    pub const GTP_TEID: Self = Self(bindings::RXH_GTP_TEID);
    /// Flow label of IPv6. The core and this crate refuse it for all but flow types of IPv6.
    pub const IP6_FLOW_LABEL: Self = Self(bindings::RXH_IP6_FL);
    /// Frames of the flow type are to be dropped.
    pub const DISCARD: Self = Self(bindings::RXH_DISCARD);

    const ALL: u32 = Self::L2_DESTINATION.0
        | Self::VLAN.0
        | Self::L3_PROTOCOL.0
        | Self::IP_SOURCE.0
        | Self::IP_DESTINATION.0
        | Self::L4_BYTES_0_1.0
        | Self::L4_BYTES_2_3.0
        | Self::GTP_TEID.0
        | Self::IP6_FLOW_LABEL.0
        | Self::DISCARD.0;

    /// The set that the core has as `fields`, unless there are bits in it that nobody knows.
    pub(super) fn from_raw(fields: u32) -> Option<Self> {
        (fields & !Self::ALL == 0).then_some(Self(fields))
    }

    pub(super) const fn raw(self) -> u32 {
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

    /// Whether all of `other` are in it.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is none in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for HashFields {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

/// A type of flow for which users choose the fields of the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashedFlow {
    /// TCP over IPv4.
    Tcp4,
    /// UDP over IPv4.
    Udp4,
    /// SCTP over IPv4.
    Sctp4,
    /// IPsec over IPv4, either of its protocols.
    AhEsp4,
    /// IPsec's authentication header over IPv4.
    Ah4,
    /// IPsec's encrypted payload over IPv4.
    Esp4,
    /// All other of IPv4.
    Ip4,
    /// TCP over IPv6.
    Tcp6,
    /// UDP over IPv6.
    Udp6,
    /// SCTP over IPv6.
    Sctp6,
    /// IPsec over IPv6, either of its protocols.
    AhEsp6,
    /// IPsec's authentication header over IPv6.
    Ah6,
    /// IPsec's encrypted payload over IPv6.
    Esp6,
    /// All other of IPv6.
    Ip6,
    /// What is neither.
    Ether,
    /// GTP over either, control or user plane, by whatever of it.
    Gtp,
}

impl HashedFlow {
    /// The type that the core has as `flow`.
    pub(super) fn from_raw(flow: u32) -> Option<Self> {
        Some(match flow {
            bindings::TCP_V4_FLOW => Self::Tcp4,
            bindings::UDP_V4_FLOW => Self::Udp4,
            bindings::SCTP_V4_FLOW => Self::Sctp4,
            bindings::AH_ESP_V4_FLOW => Self::AhEsp4,
            bindings::AH_V4_FLOW => Self::Ah4,
            bindings::ESP_V4_FLOW => Self::Esp4,
            bindings::IPV4_FLOW => Self::Ip4,
            bindings::TCP_V6_FLOW => Self::Tcp6,
            bindings::UDP_V6_FLOW => Self::Udp6,
            bindings::SCTP_V6_FLOW => Self::Sctp6,
            bindings::AH_ESP_V6_FLOW => Self::AhEsp6,
            bindings::AH_V6_FLOW => Self::Ah6,
            bindings::ESP_V6_FLOW => Self::Esp6,
            bindings::IPV6_FLOW => Self::Ip6,
            bindings::ETHER_FLOW => Self::Ether,
            bindings::GTPU_V4_FLOW
            | bindings::GTPU_V6_FLOW
            | bindings::GTPC_V4_FLOW
            | bindings::GTPC_V6_FLOW
            | bindings::GTPC_TEID_V4_FLOW
            | bindings::GTPC_TEID_V6_FLOW
            | bindings::GTPU_EH_V4_FLOW
            | bindings::GTPU_EH_V6_FLOW
            | bindings::GTPU_UL_V4_FLOW
            | bindings::GTPU_UL_V6_FLOW
            | bindings::GTPU_DL_V4_FLOW
            | bindings::GTPU_DL_V6_FLOW => Self::Gtp,
            _ => return None,
        })
    }

    /// Whether frames of the type have an IPv6 header.
    pub const fn is_ip6(self) -> bool {
        matches!(
            self,
            Self::Tcp6
                | Self::Udp6
                | Self::Sctp6
                | Self::AhEsp6
                | Self::Ah6
                | Self::Esp6
                | Self::Ip6
        )
    }
}

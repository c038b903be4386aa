// SPDX-License-Identifier: GPL-2.0

//! From driver to device: one frame to send, and what is still to be done to it.

/// One frame to send. Offsets count from the first byte of its Ethernet header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TxDescriptor {
    /// Length of the frame in bytes.
    pub len: u32,
    /// Transmit queue.
    pub queue: u16,
    /// The checksum that the device has to fill in.
    pub checksum: TxChecksum,
    /// How the device has to cut the frame; `None` for a frame that goes out as it is.
    pub gso: Option<Gso>,
    /// Where the stack says that the frame's headers are.
    pub headers: TxHeaders,
    /// What the device that gets the frame can do.
    pub capability: TxCapability,
}

impl TxDescriptor {
    /// That of a frame of `len` bytes, below 4 GiB, that queue `queue` sends as it is.
    #[inline]
    pub fn of_wire_frame(len: usize, queue: u16) -> Self {
        Self {
            // CAST: A frame is shorter than 4 GiB.
            len: len as u32,
            queue,
            ..Self::default()
        }
    }

    /// Whether nothing is left to be done: the bytes are those of the wire.
    #[inline]
    pub const fn is_wire_frame(&self) -> bool {
        matches!(self.checksum, TxChecksum::None) && self.gso.is_none()
    }
}

/// What a device can do about checksums.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TxCapability {
    /// Sums what it is told to sum, whatever the protocols are (`NETIF_F_HW_CSUM`).
    #[default]
    Agnostic,
    /// Looks for TCP and UDP by itself, behind the outermost IP header, and makes up the pseudo
    /// header of what it reads there (`NETIF_F_IP_CSUM`, `NETIF_F_IPV6_CSUM`).
    ProtocolSpecific,
}

/// A checksum that the device has to fill in (`CHECKSUM_PARTIAL`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TxChecksum {
    /// None.
    #[default]
    None,
    /// A ones' complement sum, of everything from `start` to the end of the frame; the field holds
    /// what is to be added to it.
    Internet {
        /// Offset of the first byte that is summed.
        start: u16,
        /// Offset of the checksum from `start`.
        offset: u16,
    },
    /// A CRC-32C, as SCTP has it, of everything from `start` to the end of the frame
    /// (`csum_not_inet`).
    Crc32c {
        /// Offset of the first byte that is summed.
        start: u16,
        /// Offset of the checksum from `start`.
        offset: u16,
    },
}

/// How to cut a frame: the fields of `struct skb_shared_info`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gso {
    /// Payload bytes of each segment but the last, which may have less (`gso_size`).
    pub size: u16,
    /// Number of segments that the stack expects (`gso_segs`). The device counts them itself: for
    /// frames of untrusted sources this may be 0.
    pub segs: u16,
    /// Which headers there are (`gso_type`).
    pub kind: GsoKind,
}

/// The `SKB_GSO_*` bits of `linux/skbuff.h`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GsoKind(pub u32);

impl GsoKind {
    /// TCP over IPv4.
    pub const TCPV4: Self = Self(1 << 0);
    /// From an untrusted source: the device must not believe the headers.
    pub const DODGY: Self = Self(1 << 1);
    /// The super-frame has CWR set, which only its first segment may keep.
    pub const TCP_ECN: Self = Self(1 << 2);
    /// TCP over IPv6.
    pub const TCPV6: Self = Self(1 << 4);
    /// Fibre Channel over Ethernet.
    pub const FCOE: Self = Self(1 << 5);
    /// In GRE without a checksum.
    pub const GRE: Self = Self(1 << 6);
    /// In GRE with a checksum.
    pub const GRE_CSUM: Self = Self(1 << 7);
    /// In IPv4, directly.
    pub const IPXIP4: Self = Self(1 << 8);
    /// In IPv6, directly.
    pub const IPXIP6: Self = Self(1 << 9);
    /// In a UDP tunnel without a checksum.
    pub const UDP_TUNNEL: Self = Self(1 << 10);
    /// In a UDP tunnel with a checksum.
    pub const UDP_TUNNEL_CSUM: Self = Self(1 << 11);
    /// The outer headers are those of a segment already.
    pub const PARTIAL: Self = Self(1 << 12);
    /// In a UDP tunnel whose receiver finds out the inner checksum.
    pub const TUNNEL_REMCSUM: Self = Self(1 << 13);
    /// SCTP.
    pub const SCTP: Self = Self(1 << 14);
    /// In ESP.
    pub const ESP: Self = Self(1 << 15);
    /// A UDP datagram to be fragmented by IP.
    pub const UDP: Self = Self(1 << 16);
    /// UDP datagrams of one size.
    pub const UDP_L4: Self = Self(1 << 17);
    /// The segments are there already, as a list.
    pub const FRAGLIST: Self = Self(1 << 18);
    /// CWR is part of a counter (accurate ECN): every segment keeps it.
    pub const TCP_ACCECN: Self = Self(1 << 19);
    /// All segments get the same IPv4 identification.
    pub const TCP_FIXEDID: Self = Self(1 << 30);
    /// The same for the inner IPv4 header of IP in IP.
    pub const TCP_FIXEDID_INNER: Self = Self(1 << 31);

    /// Whether this has any of the bits of `other`.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The bits of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Where the headers of a frame are, as the stack noted it in `struct sk_buff`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TxHeaders {
    /// Offset of the (outer) network header.
    pub network: u16,
    /// Offset of the (outer) transport header.
    pub transport: u16,
    /// The headers inside a tunnel, if the frame is in one (`skb->encapsulation`).
    pub inner: Option<InnerHeaders>,
    /// Offset of the network header behind MPLS labels, if the stack has put them in front
    /// (`inner_network_header` of what is in no tunnel).
    pub labelled: Option<u16>,
}

/// Where the headers inside a tunnel are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InnerHeaders {
    /// Offset of the network header.
    pub network: u16,
    /// Offset of the transport header.
    pub transport: u16,
}

// SPDX-License-Identifier: GPL-2.0

//! What the transmit engine leaves to software.

/// Why the device does not do what a transmit descriptor asks for. The discriminant indexes
/// [`TxRefusal::ALL`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum TxRefusal {
    /// Segments that are a list already (`SKB_GSO_FRAGLIST`): each has headers of its own.
    FragmentList,
    /// UDP datagrams to be fragmented by IP (`SKB_GSO_UDP`).
    IpFragmentation,
    /// UDP tunnels with remote checksum offload (`SKB_GSO_TUNNEL_REMCSUM`).
    RemoteChecksum,
    /// ESP (`SKB_GSO_ESP`): the state that encrypts is the host's.
    Esp,
    /// Fibre Channel over Ethernet (`SKB_GSO_FCOE`).
    Fcoe,
    /// Fragments of the host's that are not the payload of a segment each, in a frame to be cut where
    /// they end.
    Fragments,
    /// Segmentation bits that the device does not know, no transport protocol among them, or
    /// several.
    Kind,
    /// A tunnel in a tunnel.
    NestedTunnels,
    /// Tunnel bits without inner headers, or inner headers without tunnel bits.
    Encapsulation,
    /// Segments of 0 bytes; or of as many as the host's fragments have (`GSO_BY_FRAGS`) and not SCTP,
    /// or the other way round.
    SegmentSize,
    /// Payload that is not longer than one segment.
    Payload,
    /// A checksum outside the frame's linear part, or none, or one elsewhere, in a frame to be cut.
    Checksum,
    /// Headers that are longer than the frame's linear part.
    HeadersNotLinear,
    /// Headers that are not those that the descriptor tells of.
    Headers,
    /// Segmentation that a protocol-specific device can't do: of anything but TCP behind IP.
    ProtocolSpecific,
    /// A wire frame that is not one of the plan's, or not as long as that.
    WireFrame,
}

impl TxRefusal {
    /// All refusals, by discriminant.
    pub const ALL: [Self; 16] = [
        Self::FragmentList,
        Self::IpFragmentation,
        Self::RemoteChecksum,
        Self::Esp,
        Self::Fcoe,
        Self::Fragments,
        Self::Kind,
        Self::NestedTunnels,
        Self::Encapsulation,
        Self::SegmentSize,
        Self::Payload,
        Self::Checksum,
        Self::HeadersNotLinear,
        Self::Headers,
        Self::ProtocolSpecific,
        Self::WireFrame,
    ];

    /// A short name of lower-case letters and underscores, fit for a statistics counter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FragmentList => "fraglist",
            Self::IpFragmentation => "ip_fragmentation",
            Self::RemoteChecksum => "remote_checksum",
            Self::Esp => "esp",
            Self::Fcoe => "fcoe",
            Self::Fragments => "fragments",
            Self::Kind => "gso_kind",
            Self::NestedTunnels => "nested_tunnels",
            Self::Encapsulation => "encapsulation",
            Self::SegmentSize => "gso_size",
            Self::Payload => "short_payload",
            Self::Checksum => "checksum_request",
            Self::HeadersNotLinear => "headers_not_linear",
            Self::Headers => "headers",
            Self::ProtocolSpecific => "protocol_specific",
            Self::WireFrame => "wire_frame",
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What a sent frame leaves to the device.

use crate::bindings;

/// A checksum that the stack left open (`CHECKSUM_PARTIAL`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// Offset of the first byte that counts, from the start of the frame.
    pub start: u16,
    /// Offset of the checksum field from `start`.
    pub offset: u16,
    /// Whether it is a CRC32c (`csum_not_inet`) and not the ones' complement sum of the Internet
    /// protocols.
    pub is_crc32c: bool,
}

/// How a super-frame is to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GsoRequest {
    /// Bytes of payload in each segment.
    pub size: u16,
    /// Number of segments that the stack expects; 0 if nobody has counted them.
    pub segs: u16,
    /// The `SKB_GSO_*` flags: see [`gso`].
    pub kind: u32,
}

macro_rules! gso_kinds {
    ($($(#[$doc:meta])* $name:ident = $raw:ident;)*) => {
        /// The `SKB_GSO_*` flags: the protocols of a super-frame, and what else is to be minded when
        /// it is cut.
        pub mod gso {
            use crate::bindings;

            $(
                $(#[$doc])*
                // CAST: Bits, whatever the sign that C gives to the last one.
                pub const $name: u32 = bindings::$raw as u32;
            )*
        }
    };
}

gso_kinds! {
    /// TCP in IPv4.
    TCPV4 = SKB_GSO_TCPV4;
    /// The segments' headers may come from outside of the kernel.
    DODGY = SKB_GSO_DODGY;
    /// TCP with CWR set: for the first segment alone.
    TCP_ECN = SKB_GSO_TCP_ECN;
    /// All segments have the same IPv4 identification: that of the outer header.
    TCP_FIXEDID = SKB_GSO_TCP_FIXEDID;
    /// TCP in IPv6.
    TCPV6 = SKB_GSO_TCPV6;
    /// Fibre Channel over Ethernet.
    FCOE = SKB_GSO_FCOE;
    /// GRE without checksum.
    GRE = SKB_GSO_GRE;
    /// GRE with checksum.
    GRE_CSUM = SKB_GSO_GRE_CSUM;
    /// IPv4 or IPv6 in IPv4.
    IPXIP4 = SKB_GSO_IPXIP4;
    /// IPv4 or IPv6 in IPv6.
    IPXIP6 = SKB_GSO_IPXIP6;
    /// A tunnel in UDP without checksum.
    UDP_TUNNEL = SKB_GSO_UDP_TUNNEL;
    /// A tunnel in UDP with checksum.
    UDP_TUNNEL_CSUM = SKB_GSO_UDP_TUNNEL_CSUM;
    /// The outer headers are those of the segments already.
    PARTIAL = SKB_GSO_PARTIAL;
    /// Remote checksum offload of a tunnel in UDP.
    TUNNEL_REMCSUM = SKB_GSO_TUNNEL_REMCSUM;
    /// SCTP, cut where its list of fragments says.
    SCTP = SKB_GSO_SCTP;
    /// IPsec.
    ESP = SKB_GSO_ESP;
    /// A UDP datagram that becomes IP fragments.
    UDP = SKB_GSO_UDP;
    /// UDP that becomes several datagrams.
    UDP_L4 = SKB_GSO_UDP_L4;
    /// A list of packets that were received.
    FRAGLIST = SKB_GSO_FRAGLIST;
    /// TCP with Accurate ECN: CWR in all segments.
    TCP_ACCECN = SKB_GSO_TCP_ACCECN;
    /// All segments have the same IPv4 identification: that of the inner header.
    TCP_FIXEDID_INNER = SKB_GSO_TCP_FIXEDID_INNER;
}

/// [`GsoRequest::size`] of a super-frame that is cut where its list of fragments says.
pub const GSO_BY_FRAGS: u16 = bindings::GSO_BY_FRAGS as u16;

/// What a sent frame asks of the device, in the terms of `struct sk_buff`. Offsets count from the
/// start of the frame; that of a header which the stack does not know, or which lies beyond the
/// linear part, is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OffloadRequest {
    /// The checksum to be filled in, if any.
    pub checksum: Option<Checksum>,
    /// How to cut the frame, unless it is to be sent as it is.
    pub gso: Option<GsoRequest>,
    /// Offset of the network header, the outer one of an encapsulated packet.
    pub network: u16,
    /// Offset of the transport header, the outer one of an encapsulated packet.
    pub transport: u16,
    /// Offsets of the inner network and transport header of an encapsulated packet
    /// (`skb->encapsulation`).
    pub inner: Option<(u16, u16)>,
    /// Offset of the inner network header of what is not encapsulated, if one was noted: that behind
    /// MPLS labels.
    pub labelled: Option<u16>,
}

impl From<bindings::offload_nic_offload_request> for OffloadRequest {
    #[inline]
    fn from(raw: bindings::offload_nic_offload_request) -> Self {
        Self {
            checksum: raw.csum.then_some(Checksum {
                start: raw.csum_start,
                offset: raw.csum_offset,
                is_crc32c: raw.csum_not_inet,
            }),
            gso: (raw.gso_size != 0).then_some(GsoRequest {
                size: raw.gso_size,
                segs: raw.gso_segs,
                kind: raw.gso_type,
            }),
            network: raw.network,
            transport: raw.transport,
            inner: raw
                .encapsulation
                .then_some((raw.inner_network, raw.inner_transport)),
            labelled: (raw.labelled != 0).then_some(raw.labelled),
        }
    }
}

impl From<OffloadRequest> for bindings::offload_nic_offload_request {
    fn from(request: OffloadRequest) -> Self {
        let OffloadRequest {
            checksum,
            gso,
            network,
            transport,
            inner,
            labelled,
        } = request;
        Self {
            gso_type: gso.map_or(0, |gso| gso.kind),
            csum_start: checksum.map_or(0, |checksum| checksum.start),
            csum_offset: checksum.map_or(0, |checksum| checksum.offset),
            gso_size: gso.map_or(0, |gso| gso.size),
            gso_segs: gso.map_or(0, |gso| gso.segs),
            network,
            transport,
            inner_network: inner.map_or(0, |(network, _)| network),
            inner_transport: inner.map_or(0, |(_, transport)| transport),
            labelled: labelled.unwrap_or(0),
            csum: checksum.is_some(),
            csum_not_inet: checksum.is_some_and(|checksum| checksum.is_crc32c),
            encapsulation: inner.is_some(),
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The headers that all segments of a frame have, found where the descriptor says that they are.

use crate::descriptor::{Gso, GsoKind, TxHeaders};
use crate::fields::{get, get16};
use crate::protocol::{
    IpHeader, NotIp, ETH_P_MPLS_MC, ETH_P_MPLS_UC, IPPROTO_GRE, IPPROTO_IPIP, IPPROTO_IPV6,
    IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, SCTP_HEADER, UDP_HEADER,
};
use crate::transmit::refusal::TxRefusal;

/// What GRE has at least, and with a checksum.
const GRE_HEADER: usize = 4;
const GRE_CSUM_HEADER: usize = 8;
/// The flag of a GRE header that has a checksum.
const GRE_CSUM: u8 = 0x80;

const TUNNEL_UDP: GsoKind = GsoKind::UDP_TUNNEL.and(GsoKind::UDP_TUNNEL_CSUM);
const TUNNEL_GRE: GsoKind = GsoKind::GRE.and(GsoKind::GRE_CSUM);
const TUNNEL_IP: GsoKind = GsoKind::IPXIP4.and(GsoKind::IPXIP6);
const TUNNELS: GsoKind = TUNNEL_UDP.and(TUNNEL_GRE).and(TUNNEL_IP);

const TCP: GsoKind = GsoKind::TCPV4.and(GsoKind::TCPV6);
const KNOWN: GsoKind = TUNNELS
    .and(TCP)
    .and(GsoKind::UDP_L4)
    .and(GsoKind::SCTP)
    .and(GsoKind::DODGY)
    .and(GsoKind::TCP_ECN)
    .and(GsoKind::PARTIAL)
    .and(GsoKind::TCP_ACCECN)
    .and(GsoKind::TCP_FIXEDID)
    .and(GsoKind::TCP_FIXEDID_INNER);

/// An IP header whose lengths, identification and checksum each segment has for itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Network {
    pub(super) ip: IpHeader,
    /// Whether the identification is the same in all segments.
    pub(super) fixed_id: bool,
}

/// How a frame is wrapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tunnel {
    /// IP in IP.
    Ip,
    /// A UDP header at the end of the outer IP header.
    Udp {
        /// Whether it has a checksum.
        checksum: bool,
        /// Whether the checksum counts the length of the UDP header, not that of the frame.
        partial: bool,
    },
    /// A GRE header at the end of the outer IP header.
    Gre {
        /// Whether it has a checksum.
        checksum: bool,
    },
}

/// The transport protocol of the segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Transport {
    Tcp {
        /// Whether every segment keeps CWR.
        keep_cwr: bool,
    },
    Udp,
    Sctp,
}

/// The headers of a frame to be cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Headers {
    pub(super) outer: Option<(Network, Tunnel)>,
    /// The IP header in front of the transport header.
    pub(super) network: Network,
    pub(super) transport: Transport,
    /// Length of all headers.
    pub(super) len: usize,
}

impl From<NotIp> for TxRefusal {
    fn from(error: NotIp) -> Self {
        match error {
            NotIp::Short => Self::HeadersNotLinear,
            NotIp::Other => Self::Headers,
        }
    }
}

/// What no device segments without more than a descriptor.
fn check_kind(kind: GsoKind) -> Result<(), TxRefusal> {
    let refusals = [
        (GsoKind::FRAGLIST, TxRefusal::FragmentList),
        (GsoKind::UDP, TxRefusal::IpFragmentation),
        (GsoKind::TUNNEL_REMCSUM, TxRefusal::RemoteChecksum),
        (GsoKind::ESP, TxRefusal::Esp),
        (GsoKind::FCOE, TxRefusal::Fcoe),
        (GsoKind(!KNOWN.0), TxRefusal::Kind),
    ];
    for (bits, refusal) in refusals {
        if kind.has(bits) {
            return Err(refusal);
        }
    }
    Ok(())
}

impl Headers {
    /// The headers of the frame that begins with `bytes`.
    pub(super) fn new(gso: Gso, offsets: TxHeaders, bytes: &[u8]) -> Result<Self, TxRefusal> {
        let kind = gso.kind;
        check_kind(kind)?;
        let first = Network {
            ip: first_ip(bytes, offsets)?,
            fixed_id: kind.has(GsoKind::TCP_FIXEDID),
        };
        let (outer, network) = match (kind.has(TUNNELS), offsets.inner) {
            (false, None) => (None, first),
            (true, Some(inner)) => {
                let at = usize::from(inner.network);
                let tunnel = Tunnel::new(kind, &first.ip, at, bytes)?;
                let network = Network {
                    ip: IpHeader::at(bytes, at)?,
                    // Headers inside UDP and GRE count as the first ones, for the kernel.
                    fixed_id: match tunnel {
                        Tunnel::Ip => kind.has(GsoKind::TCP_FIXEDID_INNER),
                        _ => first.fixed_id,
                    },
                };
                if tunnel == Tunnel::Ip && first.ip.protocol != protocol_of(&network.ip) {
                    return Err(TxRefusal::Headers);
                }
                (Some((first, tunnel)), network)
            }
            _ => return Err(TxRefusal::Encapsulation),
        };
        let (transport, len) = Transport::new(kind, &network.ip, bytes)?;
        Ok(Self {
            outer,
            network,
            transport,
            len,
        })
    }
}

/// The protocol number of IP itself.
const fn protocol_of(ip: &IpHeader) -> u8 {
    if ip.v6 {
        IPPROTO_IPV6
    } else {
        IPPROTO_IPIP
    }
}

/// The first IP header of a frame. For the stack, MPLS labels are a network header; software cuts what
/// is behind them only if it knows where that begins, and notes tunnels in the same place.
fn first_ip(bytes: &[u8], offsets: TxHeaders) -> Result<IpHeader, TxRefusal> {
    let at = usize::from(offsets.network);
    let before = at.checked_sub(2).ok_or(TxRefusal::Headers)?;
    let ether_type = get16(bytes, before).ok_or(TxRefusal::HeadersNotLinear)?;
    if !matches!(ether_type, ETH_P_MPLS_UC | ETH_P_MPLS_MC) {
        let ip = IpHeader::at(bytes, at)?;
        return if ether_type == ip.ether_type() {
            Ok(ip)
        } else {
            Err(TxRefusal::Headers)
        };
    }
    if offsets.inner.is_some() {
        return Err(TxRefusal::NestedTunnels);
    }
    let mut behind = at;
    let mut more = true;
    while more {
        let [_, _, bottom, _] = get(bytes, behind).ok_or(TxRefusal::HeadersNotLinear)?;
        behind = behind.wrapping_add(4);
        more = bottom & 1 == 0;
    }
    if offsets.labelled.map(usize::from) != Some(behind) {
        return Err(TxRefusal::Headers);
    }
    Ok(IpHeader::at(bytes, behind)?)
}

impl Tunnel {
    /// The tunnel whose header is at the end of `outer`, before the inner IP header at `inner`.
    fn new(kind: GsoKind, outer: &IpHeader, inner: usize, bytes: &[u8]) -> Result<Self, TxRefusal> {
        let between = inner.checked_sub(outer.end).ok_or(TxRefusal::Headers)?;
        let (tunnel, protocol, header) = if kind.has(TUNNEL_UDP) {
            // IP directly in UDP, as FOU has it, is both.
            if kind.has(TUNNEL_GRE) {
                return Err(TxRefusal::NestedTunnels);
            }
            let tunnel = Self::Udp {
                checksum: kind.has(GsoKind::UDP_TUNNEL_CSUM),
                partial: kind.has(GsoKind::PARTIAL),
            };
            (tunnel, IPPROTO_UDP, UDP_HEADER)
        } else if kind.has(TUNNEL_GRE) {
            if kind.has(TUNNEL_IP) {
                return Err(TxRefusal::NestedTunnels);
            }
            let checksum = kind.has(GsoKind::GRE_CSUM);
            let [flags] = get(bytes, outer.end).ok_or(TxRefusal::HeadersNotLinear)?;
            if (flags & GRE_CSUM != 0) != checksum {
                return Err(TxRefusal::Headers);
            }
            let header = if checksum {
                GRE_CSUM_HEADER
            } else {
                GRE_HEADER
            };
            (Self::Gre { checksum }, IPPROTO_GRE, header)
        } else if between == 0 {
            return Ok(Self::Ip);
        } else {
            return Err(TxRefusal::NestedTunnels);
        };
        if outer.protocol != protocol {
            return Err(TxRefusal::NestedTunnels);
        }
        if between < header {
            return Err(TxRefusal::Headers);
        }
        Ok(tunnel)
    }
}

impl Transport {
    /// The transport protocol behind `ip`, and where its header ends.
    fn new(kind: GsoKind, ip: &IpHeader, bytes: &[u8]) -> Result<(Self, usize), TxRefusal> {
        let tcp = if ip.v6 {
            GsoKind::TCPV6
        } else {
            GsoKind::TCPV4
        };
        let transport = GsoKind(kind.0 & TCP.and(GsoKind::UDP_L4).and(GsoKind::SCTP).0);
        let (transport, protocol, len) = if transport == tcp {
            let [data_offset] =
                get(bytes, ip.end.saturating_add(12)).ok_or(TxRefusal::HeadersNotLinear)?;
            let keep_cwr = kind.has(GsoKind::TCP_ACCECN);
            let len = usize::from(data_offset >> 4).wrapping_mul(4);
            (Self::Tcp { keep_cwr }, IPPROTO_TCP, len)
        } else if transport == GsoKind::UDP_L4 {
            (Self::Udp, IPPROTO_UDP, UDP_HEADER)
        } else if transport == GsoKind::SCTP {
            (Self::Sctp, IPPROTO_SCTP, SCTP_HEADER)
        } else {
            return Err(TxRefusal::Kind);
        };
        if ip.protocol != protocol {
            return Err(TxRefusal::Headers);
        }
        let end = ip.end.saturating_add(len);
        if end > bytes.len() {
            return Err(TxRefusal::HeadersNotLinear);
        }
        if matches!(transport, Self::Tcp { .. }) && len < 20 {
            return Err(TxRefusal::Headers);
        }
        Ok((transport, end))
    }
}

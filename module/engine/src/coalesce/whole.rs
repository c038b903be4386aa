// SPDX-License-Identifier: GPL-2.0

//! Super-frames that need not be cut: GRO would make of their wire frames these very super-frames.

use super::GroLimits;
use crate::checksum::{sum, Sum};
use crate::descriptor::{Gso, GsoKind, TxChecksum, TxDescriptor};
use crate::fields::{get, get16};
use crate::frame::ETH_HLEN;
use crate::protocol::IPV6_HEADER;

const ETH_P_IP: u16 = 0x0800;
const ETH_P_IPV6: u16 = 0x86dd;
const IPPROTO_TCP: u8 = 6;
const IPV4_HEADER: usize = 20;
/// Version 4, and no options, which GRO does not take.
const IPV4_PLAIN: u8 = 0x45;
/// More fragments, and the offset of a fragment.
const FRAGMENT: u16 = 0x3fff;
const TCP_HEADER: usize = 20;
/// Where the checksum lies in a TCP header.
const TCP_CHECK: usize = 16;
/// SYN, RST, URG and CWR: GRO ends a packet at each segment that has one of them, or finds it in
/// the first segment alone.
const NOT_MERGED: u8 = 0x02 | 0x04 | 0x20 | 0x80;

/// Whether GRO would make of the wire frames of a super-frame just this super-frame, its checksum
/// left open as GRO leaves it.
///
/// That is so for TCP right behind IP right behind Ethernet, of a sender whose headers are trusted
/// and true. `headers` are the bytes of the super-frame's linear part.
pub fn is_made_by_gro(descriptor: &TxDescriptor, headers: &[u8], limits: &GroLimits) -> bool {
    let Some(gso) = descriptor.gso else {
        return false;
    };
    let is_plain =
        descriptor.headers.inner.is_none() && usize::from(descriptor.headers.network) == ETH_HLEN;
    is_plain && segments(descriptor, headers, gso.size, limits) == Some(u32::from(gso.segs))
}

/// Number of segments, if all of the headers is as GRO would leave it.
fn segments(
    descriptor: &TxDescriptor,
    headers: &[u8],
    size: u16,
    limits: &GroLimits,
) -> Option<u32> {
    let Gso { kind, .. } = descriptor.gso?;
    let packet = headers.get(ETH_HLEN..)?;
    let packet_len = (descriptor.len as usize).checked_sub(ETH_HLEN)?;
    let (ip, addresses, limit) = match (get16(headers, ETH_HLEN.wrapping_sub(2))?, kind) {
        (ETH_P_IP, GsoKind::TCPV4) => (IPV4_HEADER, ipv4(packet, packet_len)?, limits.ipv4),
        (ETH_P_IPV6, GsoKind::TCPV6) => (IPV6_HEADER, ipv6(packet, packet_len)?, limits.ipv6),
        _ => return None,
    };
    let transport = ETH_HLEN.wrapping_add(ip);
    let is_tcp = usize::from(descriptor.headers.transport) == transport
        && descriptor.checksum
            == TxChecksum::Internet {
                start: descriptor.headers.transport,
                offset: TCP_CHECK as u16,
            };
    if !is_tcp || packet_len >= limit as usize {
        return None;
    }
    let tcp = packet.get(ip..)?;
    let len = packet_len.checked_sub(ip)?;
    let seed = addresses
        .add(Sum::of_number(len as u32))
        .add(Sum::of_number(IPPROTO_TCP.into()));
    let payload = len.checked_sub(tcp_header(tcp, seed)?)?;
    let before_last = payload.checked_sub(1)?.checked_div(size.into())?;
    Some((before_last as u32).wrapping_add(1))
}

/// The sum of an IPv4 header's addresses, if GRO takes the header and leaves it as it is.
fn ipv4(packet: &[u8], len: usize) -> Option<Sum> {
    let header = packet.get(..IPV4_HEADER)?;
    let [first] = get(header, 0)?;
    let [protocol] = get(header, 9)?;
    let is_whole = get16(header, 6)? & FRAGMENT == 0;
    let is_true = usize::from(get16(header, 2)?) == len && sum(header).fold() == u16::MAX;
    (first == IPV4_PLAIN && protocol == IPPROTO_TCP && is_whole && is_true)
        .then(|| sum(header.get(12..).unwrap_or_default()))
}

/// As [`ipv4`], of an IPv6 header.
fn ipv6(packet: &[u8], len: usize) -> Option<Sum> {
    let header = packet.get(..IPV6_HEADER)?;
    let [first] = get(header, 0)?;
    let [next] = get(header, 6)?;
    let is_true = usize::from(get16(header, 4)?).checked_add(IPV6_HEADER) == Some(len);
    (first >> 4 == 6 && next == IPPROTO_TCP && is_true)
        .then(|| sum(header.get(8..).unwrap_or_default()))
}

/// Length of a TCP header that GRO merges segments with, and whose checksum field holds `seed`: from
/// another one come wrong checksums.
fn tcp_header(tcp: &[u8], seed: Sum) -> Option<usize> {
    let [offset, flags] = get(tcp, 12)?;
    let len = usize::from(offset >> 4).wrapping_mul(4);
    let is_merged = flags & NOT_MERGED == 0 && get(tcp, TCP_CHECK)? == seed.field();
    (is_merged && len >= TCP_HEADER && len <= tcp.len()).then_some(len)
}

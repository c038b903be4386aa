// SPDX-License-Identifier: GPL-2.0

//! Which checksums a device gets right that looks for them itself.

use super::Reason;
use net::skbuff::{
    Checksum,
    OffloadRequest, //
};

/// Bytes of two Ethernet addresses.
const ADDRESSES: usize = 12;
const ETH_P_IP: u16 = 0x0800;
const ETH_P_IPV6: u16 = 0x86dd;
/// `ETH_P_8021Q` and `ETH_P_8021AD`.
const ETH_P_VLAN: [u16; 2] = [0x8100, 0x88a8];
const IPPROTO_TCP: u8 = 6;
const IPPROTO_UDP: u8 = 17;
/// Where the checksum lies in a TCP header, and in a UDP header.
const TCP_CHECK: u16 = 16;
const UDP_CHECK: u16 = 6;
const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;
/// More fragments, and the offset of a fragment.
const FRAGMENT: u16 = 0x3fff;
/// The IPv4 options that make the header's destination another one than the packet's: loose and
/// strict source route.
const SOURCE_ROUTES: [u8; 2] = [131, 137];

/// Whether a protocol-specific device fills in the right checksum: one that finds the IP header
/// itself and takes the pseudo header's addresses from it, as devices do that drivers announce with
/// `NETIF_F_IP_CSUM` and `NETIF_F_IPV6_CSUM`.
///
/// That is so for TCP and UDP right behind an IP header that is not a fragment's and has no other
/// destination than the packet, if nothing but Ethernet and VLAN tags is in front of it. `headers`
/// are the bytes of the frame that lie in the linear part. Any context.
///
/// # Errors
///
/// Why it does not.
pub fn skb_csum_hwoffload_legacy_check(
    request: &OffloadRequest,
    checksum: &Checksum,
    headers: &[u8],
) -> Result<(), Reason> {
    if checksum.is_crc32c {
        return Err(Reason::Crc32c);
    }
    if request.inner.is_some() {
        return Err(Reason::Encapsulated);
    }
    let (protocol, network) = network_header(headers).ok_or(Reason::HeaderNotLinear)?;
    if network != usize::from(request.network) {
        return Err(Reason::LinkHeader);
    }
    let packet = headers.get(network..).ok_or(Reason::HeaderNotLinear)?;
    let (next, len) = match protocol {
        ETH_P_IP => ipv4(packet)?,
        ETH_P_IPV6 => ipv6(packet)?,
        _ => return Err(Reason::LinkHeader),
    };
    let field = match next {
        IPPROTO_TCP => TCP_CHECK,
        IPPROTO_UDP => UDP_CHECK,
        _ if protocol == ETH_P_IPV6 => return Err(Reason::ExtensionHeader),
        _ => return Err(Reason::Transport),
    };
    let transport = network.checked_add(len);
    if transport != Some(usize::from(checksum.start)) || checksum.offset != field {
        return Err(Reason::Transport);
    }
    Ok(())
}

/// The big-endian word at `offset`.
fn word(bytes: &[u8], offset: usize) -> Option<u16> {
    let word = bytes.get(offset..)?.first_chunk()?;
    Some(u16::from_be_bytes(*word))
}

/// EtherType and offset of what lies behind the Ethernet header and VLAN tags.
fn network_header(frame: &[u8]) -> Option<(u16, usize)> {
    let mut offset = ADDRESSES;
    loop {
        let protocol = word(frame, offset)?;
        if !ETH_P_VLAN.contains(&protocol) {
            return Some((protocol, offset.checked_add(2)?));
        }
        offset = offset.checked_add(4)?;
    }
}

/// Protocol behind an IPv4 header, and the header's length.
fn ipv4(packet: &[u8]) -> Result<(u8, usize), Reason> {
    let first = *packet.first().ok_or(Reason::HeaderNotLinear)?;
    let len = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || len < IPV4_HEADER {
        return Err(Reason::LinkHeader);
    }
    let header = packet.get(..len).ok_or(Reason::HeaderNotLinear)?;
    let (fragment, next) = (word(header, 6), header.get(9));
    let (fragment, next) = fragment.zip(next).ok_or(Reason::HeaderNotLinear)?;
    if fragment & FRAGMENT != 0 {
        return Err(Reason::Fragment);
    }
    if has_source_route(header.get(IPV4_HEADER..).unwrap_or_default()) {
        return Err(Reason::RoutingHeader);
    }
    Ok((*next, len))
}

fn has_source_route(mut options: &[u8]) -> bool {
    while let [kind, rest @ ..] = options {
        options = match kind {
            0 => return false,
            1 => rest,
            kind if SOURCE_ROUTES.contains(kind) => return true,
            // The length counts the two bytes that all but the first two kinds begin with.
            _ => match rest.first() {
                Some(len) if *len >= 2 => options.get(usize::from(*len)..).unwrap_or_default(),
                _ => return true,
            },
        };
    }
    false
}

/// Next header of an IPv6 header, and the header's length.
fn ipv6(packet: &[u8]) -> Result<(u8, usize), Reason> {
    const FRAGMENT_HEADER: u8 = 44;
    const ROUTING_HEADER: u8 = 43;
    let header = packet.get(..IPV6_HEADER).ok_or(Reason::HeaderNotLinear)?;
    match header {
        [first, _, _, _, _, _, next, ..] if first >> 4 == 6 => match *next {
            FRAGMENT_HEADER => Err(Reason::Fragment),
            ROUTING_HEADER => Err(Reason::RoutingHeader),
            next => Ok((next, IPV6_HEADER)),
        },
        _ => Err(Reason::LinkHeader),
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Which checksums a device gets right that looks for them itself.

use super::reason::Reason;
use net::{
    checksum::Sum,
    skbuff::{
        Checksum,
        OffloadRequest, //
    }, //
};

/// Bytes of two Ethernet addresses.
const ADDRESSES: usize = 12;
const ETH_P_IP: u16 = 0x0800;
const ETH_P_IPV6: u16 = 0x86dd;
/// `ETH_P_8021Q` and `ETH_P_8021AD`.
const ETH_P_VLAN: [u16; 2] = [0x8100, 0x88a8];
const IPPROTO_TCP: u8 = 6;
const IPPROTO_UDP: u8 = 17;
/// Where the checksum lies in a TCP header, and in a UDP header; and what bytes these have at least.
const TCP_CHECK: u16 = 16;
const UDP_CHECK: u16 = 6;
const TCP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;
/// More fragments, and the offset of a fragment.
const FRAGMENT: u16 = 0x3fff;
/// The IPv4 options that make the header's destination another one than the packet's: loose and
/// strict source route.
const SOURCE_ROUTES: [u8; 2] = [131, 137];

/// Whether a protocol-specific device fills in the checksum that software would: one that finds the
/// IP header itself and makes up the pseudo header of what it reads there, as devices do that drivers
/// announce with `NETIF_F_IP_CSUM` and `NETIF_F_IPV6_CSUM`.
///
/// That is so for TCP and UDP right behind an IP header that is not a fragment's, if nothing but
/// Ethernet and VLAN tags is in front of it; if the packet ends where the frame does, of whose
/// `len` bytes software sums all; and if the checksum's field holds the sum of just that pseudo
/// header. Frames of the stack do. Those of packet sockets and virtual machines need not: software
/// adds whatever they have there. (The IP header of a super-frame may give any length, as each
/// segment gets one of its own.)
///
/// `headers` are the bytes of the frame that lie in the linear part. Any context.
///
/// # Errors
///
/// Why it does not.
pub fn skb_csum_hwoffload_legacy_check(
    request: &OffloadRequest,
    checksum: &Checksum,
    headers: &[u8],
    len: usize,
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
    let ip = match protocol {
        ETH_P_IP => ipv4(packet)?,
        ETH_P_IPV6 => ipv6(packet)?,
        _ => return Err(Reason::LinkHeader),
    };
    let (field, header) = match ip.next {
        IPPROTO_TCP => (TCP_CHECK, TCP_HEADER),
        IPPROTO_UDP => (UDP_CHECK, UDP_HEADER),
        _ if protocol == ETH_P_IPV6 => return Err(Reason::ExtensionHeader),
        _ => return Err(Reason::Transport),
    };
    let start = usize::from(checksum.start);
    if network.checked_add(ip.header) != Some(start) || checksum.offset != field {
        return Err(Reason::Transport);
    }
    let summed = len.checked_sub(start).filter(|summed| *summed >= header);
    let summed = summed.ok_or(Reason::Length)?;
    if request.gso.is_none() && ip.payload != Some(summed) {
        return Err(Reason::Length);
    }
    let seed = headers.get(start..).and_then(|bytes| {
        let field: &[u8; 2] = bytes.get(usize::from(field)..)?.first_chunk()?;
        Some(Sum::of(field))
    });
    if !is_same(
        seed.ok_or(Reason::HeaderNotLinear)?,
        ip.pseudo_header(summed)?,
    ) {
        return Err(Reason::PseudoHeader);
    }
    Ok(())
}

/// What a device reads in an IP header.
struct Ip<'a> {
    /// Protocol of what is behind it.
    next: u8,
    /// Its length in bytes.
    header: usize,
    /// Bytes behind it, as it gives them.
    payload: Option<usize>,
    addresses: &'a [u8],
}

impl Ip<'_> {
    /// The sum of the pseudo header of `len` bytes of TCP or UDP.
    fn pseudo_header(&self, len: usize) -> Result<Sum, Reason> {
        let len = u32::try_from(len).map_err(|_| Reason::Length)?;
        let protocol = Sum::of_word(self.next.into());
        let len = Sum::of(&len.to_be_bytes());
        Ok(Sum::of(self.addresses).and(protocol).and(len))
    }
}

/// Whether nothing can come of adding one sum that does not of the other: all ones are a zero, too.
fn is_same(one: Sum, other: Sum) -> bool {
    one.fold() % u16::MAX == other.fold() % u16::MAX
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

fn ipv4(packet: &[u8]) -> Result<Ip<'_>, Reason> {
    let first = *packet.first().ok_or(Reason::HeaderNotLinear)?;
    let len = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || len < IPV4_HEADER {
        return Err(Reason::LinkHeader);
    }
    let header = packet.get(..len).ok_or(Reason::HeaderNotLinear)?;
    let fixed: &[u8; IPV4_HEADER] = header.first_chunk().ok_or(Reason::HeaderNotLinear)?;
    let [_, _, len_high, len_low, _, _, flags, offset, _, next, ..] = *fixed;
    if u16::from_be_bytes([flags, offset]) & FRAGMENT != 0 {
        return Err(Reason::Fragment);
    }
    if has_source_route(header.get(IPV4_HEADER..).unwrap_or_default()) {
        return Err(Reason::RoutingHeader);
    }
    Ok(Ip {
        next,
        header: len,
        payload: usize::from(u16::from_be_bytes([len_high, len_low])).checked_sub(len),
        addresses: fixed.get(12..).unwrap_or_default(),
    })
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

fn ipv6(packet: &[u8]) -> Result<Ip<'_>, Reason> {
    const FRAGMENT_HEADER: u8 = 44;
    const ROUTING_HEADER: u8 = 43;
    let header: &[u8; IPV6_HEADER] = packet.first_chunk().ok_or(Reason::HeaderNotLinear)?;
    let [first, _, _, _, len_high, len_low, next, ..] = *header;
    match next {
        _ if first >> 4 != 6 => Err(Reason::LinkHeader),
        FRAGMENT_HEADER => Err(Reason::Fragment),
        ROUTING_HEADER => Err(Reason::RoutingHeader),
        next => Ok(Ip {
            next,
            header: IPV6_HEADER,
            payload: Some(u16::from_be_bytes([len_high, len_low]).into()),
            addresses: header.get(8..).unwrap_or_default(),
        }),
    }
}

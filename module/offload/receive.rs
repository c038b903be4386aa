// SPDX-License-Identifier: GPL-2.0

//! Receive offloads: from what a device says of a checksum to what the stack wants to know.

use net::checksum::Sum;

const ETH_HLEN: usize = 14;
const ETH_P_IP: [u8; 2] = [0x08, 0x00];
const ETH_P_IPV6: [u8; 2] = [0x86, 0xdd];
/// `ETH_P_8021Q` and `ETH_P_8021AD`.
const ETH_P_VLAN: [[u8; 2]; 2] = [[0x81, 0x00], [0x88, 0xa8]];
const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;

/// The sum of all bytes behind the Ethernet header (`CHECKSUM_COMPLETE`, folded) of a frame whose
/// TCP or UDP checksum the device has found right (`CHECKSUM_UNNECESSARY`). The payload is not
/// summed: with a right checksum it cancels out against the pseudo header.
///
/// `in_pages` bytes of the frame lie somewhere else, behind those of `frame`: only what is carried, up
/// to the end of the packet.
///
/// `None` if the frame is not one of TCP or UDP right behind an IP header, with VLAN tags at most in
/// front of that: then the device can't have meant its checksum. Nor if its pages have more than that.
/// Any context.
pub fn skb_csum_rx_legacy_convert_unnecessary(frame: &[u8], in_pages: usize) -> Option<u16> {
    let behind_ethernet = frame.get(ETH_HLEN..)?;
    let mut protocol: [u8; 2] = *frame.get(ETH_HLEN - 2..)?.first_chunk()?;
    let mut packet = behind_ethernet;
    while ETH_P_VLAN.contains(&protocol) {
        protocol = *packet.get(2..)?.first_chunk()?;
        packet = packet.get(4..)?;
    }
    let ip = match protocol {
        ETH_P_IP => ipv4(packet)?,
        ETH_P_IPV6 => ipv6(packet)?,
        _ => return None,
    };
    // The sum of pseudo header and segment is all ones.
    let segment = Sum::default().without(ip.addresses.and(ip.protocol_and_len));
    let before = behind_ethernet.len().checked_sub(packet.len())?;
    let before = behind_ethernet.get(..before.checked_add(ip.header)?)?;
    let padding = if in_pages == 0 {
        Sum::of(packet.get(ip.total..)?)
    } else if packet.len().checked_add(in_pages)? == ip.total {
        Sum::default()
    } else {
        return None;
    };
    // A sum of what begins at an odd offset has its bytes the other way round.
    let padding = if ip.total % 2 == 0 {
        padding
    } else {
        padding.swapped()
    };
    Some(Sum::of(before).and(segment).and(padding).fold())
}

/// What the sum needs of an IP header.
struct Ip {
    /// Its length in bytes.
    header: usize,
    /// That of the packet.
    total: usize,
    /// The sum of the pseudo header's addresses.
    addresses: Sum,
    /// The sum of the rest of it.
    protocol_and_len: Sum,
}

impl Ip {
    fn new(header: usize, total: usize, protocol: u8, addresses: &[u8]) -> Option<Self> {
        // CAST: The length of a frame's packet is below 2^32.
        let len = total.checked_sub(header)? as u32;
        let protocol_and_len = Sum::of(&len.to_be_bytes()).and(Sum::of_word(protocol.into()));
        Some(Self {
            header,
            total,
            addresses: Sum::of(addresses),
            protocol_and_len,
        })
    }
}

fn is_tcp_or_udp(protocol: u8) -> bool {
    const IPPROTO_TCP: u8 = 6;
    const IPPROTO_UDP: u8 = 17;
    [IPPROTO_TCP, IPPROTO_UDP].contains(&protocol)
}

fn ipv4(packet: &[u8]) -> Option<Ip> {
    let fixed: &[u8; IPV4_HEADER] = packet.first_chunk()?;
    let [first, _, len_high, len_low, _, _, flags, offset, _, protocol, ..] = *fixed;
    let header = usize::from(first & 0x0f) * 4;
    let is_fragment = (flags & 0x3f) | offset != 0;
    if first >> 4 != 4 || header < IPV4_HEADER || is_fragment || !is_tcp_or_udp(protocol) {
        return None;
    }
    let total = usize::from(u16::from_be_bytes([len_high, len_low]));
    Ip::new(header, total, protocol, fixed.get(12..)?)
}

fn ipv6(packet: &[u8]) -> Option<Ip> {
    let fixed: &[u8; IPV6_HEADER] = packet.first_chunk()?;
    let [first, _, _, _, len_high, len_low, next, ..] = *fixed;
    if first >> 4 != 6 || !is_tcp_or_udp(next) {
        return None;
    }
    let payload = usize::from(u16::from_be_bytes([len_high, len_low]));
    Ip::new(
        IPV6_HEADER,
        IPV6_HEADER.checked_add(payload)?,
        next,
        fixed.get(8..)?,
    )
}

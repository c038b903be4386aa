// SPDX-License-Identifier: GPL-2.0

//! Packets that a router sends on and does nothing else with: what `ip_rcv()`, `ip_route_input_slow()` and
//! `ip_forward()` of Linux 7.2 look at, and `ip6_rcv()` and `ip6_forward()`.

use super::decision::Trap;
use super::prefix::IpAddress;
use super::rewrite::{CHECKSUM, HOP_LIMIT, TTL};
use crate::checksum::sum;
use crate::fields::{get, get16};
use crate::protocol::{
    IPPROTO_AH, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT, IPPROTO_HOPOPTS, IPPROTO_NONE, IPPROTO_ROUTING,
    IPV4_FRAGMENT, IPV4_HEADER, IPV6_HEADER,
};

const _: () = assert!(CHECKSUM + 2 <= IPV4_HEADER && TTL < IPV4_HEADER && HOP_LIMIT < IPV6_HEADER);

/// A packet that may be sent on.
pub(super) struct Packet {
    pub(super) source: IpAddress,
    pub(super) destination: IpAddress,
    /// Its length, in bytes.
    pub(super) len: u32,
}

impl Packet {
    /// The IPv4 packet that begins with `bytes`, in a frame that has `room` for it.
    #[inline]
    pub(super) fn ipv4(bytes: &[u8], room: u32) -> Result<Self, Trap> {
        let header: &[u8; IPV4_HEADER] = bytes.first_chunk().ok_or(Trap::Short)?;
        let [first, ..] = *header;
        match first {
            0x45 => {}
            0x46..=0x4f => return Err(Trap::Options),
            _ => return Err(Trap::Header),
        }
        if sum(header).fold() != u16::MAX {
            return Err(Trap::Checksum);
        }
        let len = number16(header, 2);
        if len < IPV4_HEADER as u32 || len > room {
            return Err(Trap::Length);
        }
        // CAST: The field has 16 bits.
        if number16(header, 6) as u16 & IPV4_FRAGMENT != 0 {
            return Err(Trap::Fragment);
        }
        let source = get(header, 12).unwrap_or_default();
        let destination = get(header, 16).unwrap_or_default();
        if destination == [0xff; 4] || is_multicast(destination) {
            return Err(Trap::Multicast);
        }
        if is_martian(source) {
            return Err(Trap::MartianSource);
        }
        if is_martian(destination) {
            return Err(Trap::MartianDestination);
        }
        let [hops] = get(header, TTL).unwrap_or_default();
        if hops <= 1 {
            return Err(Trap::Expired);
        }
        Ok(Self {
            source: IpAddress::V4(source),
            destination: IpAddress::V4(destination),
            len,
        })
    }

    /// As [`ipv4`](Self::ipv4), of IPv6.
    #[inline]
    pub(super) fn ipv6(bytes: &[u8], room: u32) -> Result<Self, Trap> {
        let header: &[u8; IPV6_HEADER] = bytes.first_chunk().ok_or(Trap::Short)?;
        let [first, ..] = *header;
        if first >> 4 != 6 {
            return Err(Trap::Header);
        }
        let len = number16(header, 4).wrapping_add(IPV6_HEADER as u32);
        if len > room {
            return Err(Trap::Length);
        }
        let [next] = get(header, 6).unwrap_or_default();
        // `ipv6_ext_hdr()`: what follows may be for routers, or is not where a flow is looked for.
        match next {
            IPPROTO_FRAGMENT => return Err(Trap::Fragment),
            IPPROTO_HOPOPTS | IPPROTO_ROUTING | IPPROTO_AH | IPPROTO_NONE | IPPROTO_DSTOPTS => {
                return Err(Trap::Extension)
            }
            _ => {}
        }
        let source = get(header, 8).unwrap_or_default();
        let destination = get(header, 24).unwrap_or_default();
        if destination[0] == 0xff {
            return Err(Trap::Multicast);
        }
        if source[0] == 0xff || is_martian6(source) {
            return Err(Trap::MartianSource);
        }
        if is_martian6(destination) {
            return Err(Trap::MartianDestination);
        }
        let [hops] = get(header, HOP_LIMIT).unwrap_or_default();
        if hops <= 1 {
            return Err(Trap::Expired);
        }
        Ok(Self {
            source: IpAddress::V6(source),
            destination: IpAddress::V6(destination),
            len,
        })
    }
}

/// The number of 16 bits at `at` in a header that has it.
#[inline]
fn number16(header: &[u8], at: usize) -> u32 {
    get16(header, at).map_or(0, u32::from)
}

#[inline]
const fn is_multicast([first, ..]: [u8; 4]) -> bool {
    first & 0xf0 == 0xe0
}

/// Whether a packet is not routed that has `address` on one side: what is in 0.0.0.0/8, of the host itself
/// (127.0.0.0/8), and of groups. The kernel routes what is of the link (169.254.0.0/16) and reserved (240.0.0.0/4),
/// but who wants it to?
#[inline]
const fn is_martian(address: [u8; 4]) -> bool {
    match address {
        [0 | 127, ..] | [169, 254, ..] => true,
        [first, ..] => first >= 0xe0,
    }
}

/// Whether a packet is not routed that has `address` on one side, which is not that of a group: no address (`::`),
/// that of the host itself, what stands for IPv4, is of the link (`fe80::/10`), or was of a site.
#[inline]
const fn is_martian6(address: [u8; 16]) -> bool {
    let bits = u128::from_be_bytes(address);
    // `::` and `::1`, those that were compatible with IPv4, and those that it is mapped to.
    bits >> 48 == 0 || bits >> 32 == 0xffff || address[0] == 0xfe && address[1] >= 0x80
}

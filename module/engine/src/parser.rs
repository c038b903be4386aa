// SPDX-License-Identifier: GPL-2.0

//! The parser of the device: which flow a frame is of.
//!
//! It goes through what the kernel's own flow dissector goes through on its way to the outermost flow
//! (`__skb_flow_dissect`): VLAN tags, IPv4 with options, IPv6 with extension headers, and the first
//! bytes of what is behind them. It looks into no packet that is carried by another one, takes the
//! protocol of a fragment from its header but no ports, and ends at the same number of headers. It is
//! stricter in that an IP header must be of the version that the EtherType says: the kernel drops others
//! behind its dissector.

mod keys;

pub use crate::protocol::{IPPROTO_AH, IPPROTO_ESP, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP};
pub use keys::{FlowType, KeyWords, Keys, Layer4, Path};

use crate::fields::{get, get16};
use crate::frame::ETH_HLEN;
use crate::protocol::{
    ETH_P_8021AD, ETH_P_8021Q, ETH_P_IP, ETH_P_IPV6, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT,
    IPPROTO_HOPOPTS, IPPROTO_NONE, IPPROTO_ROUTING, IPV4_FRAGMENT, IPV4_HEADER, IPV6_HEADER,
    TCP_HEADER,
};

/// How many VLAN tags and extension headers of a frame the parser goes on behind, as
/// `MAX_FLOW_DISSECT_HDRS`: of one more it takes what it tells, ports behind it too, and no further
/// header.
pub const MAX_HEADERS: u32 = 15;

/// Bytes at the beginning of a frame in which most have all of the headers that the parser reads: a
/// stack of tags, IPv6 with extensions, ports. It finds less in what is cut off there.
pub const USUAL_HEADERS: usize = 128;

/// Offset of the flags and the fragment's offset in an IPv4 header.
const IPV4_FLAGS: usize = 6;
/// Offset of the SPI in an authentication header; that of other headers is what they begin with.
const AH_SPI: usize = 4;
/// Offset of the length of a TCP header, in units of 4 bytes in the upper half.
const TCP_DATA_OFFSET: usize = 12;
/// Length of the fragment header of IPv6 in bytes.
const IPV6_FRAGMENT_HEADER: usize = 8;

/// What a parser has found in a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Parsed {
    /// What tells its flow from others.
    pub keys: Keys,
    /// What kind of frame it is.
    pub flow: FlowType,
    /// The headers that it has.
    pub path: Path,
    /// Offset of what is behind the Ethernet header and all VLAN tags, in bytes.
    pub network_offset: u16,
    /// Offset of what is behind the IP header and its extension headers, in bytes; 0 if the parser did
    /// not come there. Never behind the frame's end.
    pub transport_offset: u16,
}

/// Finds out which flow a frame is of. `frame` are its bytes from the Ethernet header on; where they end
/// within a header, that has nothing of what it should tell.
pub fn parse(frame: &[u8]) -> Parsed {
    let mut parser = Parser {
        frame,
        at: 0,
        headers: 0,
        found: Parsed::default(),
    };
    // What was found until a header ended too early is of use as well.
    let through = parser.ethernet();
    let mut found = parser.found;
    if through.is_none() {
        found.path.add(Path::TRUNCATED);
    }
    found
}

/// Offset of what TCP carries in a frame that begins with `headers`: behind its outermost headers, of
/// which the last is TCP's, with options. `None` if it is another frame, or a piece of one, or `headers`
/// has not all of them.
pub fn tcp_payload(headers: &[u8]) -> Option<usize> {
    let parsed = parse(headers);
    let (FlowType::Tcp4 | FlowType::Tcp6) = parsed.flow else {
        return None;
    };
    let start = usize::from(parsed.transport_offset);
    let [words] = get(headers, start.checked_add(TCP_DATA_OFFSET)?)?;
    let len = usize::from(words >> 4).wrapping_mul(4);
    let end = start.checked_add(len)?;
    (len >= TCP_HEADER && end <= headers.len()).then_some(end)
}

/// A parser on its way through a frame.
struct Parser<'a> {
    frame: &'a [u8],
    /// Offset of the header in hand.
    at: usize,
    /// How many tags and extension headers there were.
    headers: u32,
    found: Parsed,
}

impl Parser<'_> {
    /// The header in hand was one of `len` bytes.
    #[inline(always)]
    fn leave(&mut self, len: usize) -> Option<()> {
        self.at = self
            .at
            .checked_add(len)
            .filter(|at| *at <= self.frame.len())?;
        Some(())
    }

    /// The header in hand was a tag or an extension header of `len` bytes.
    fn leave_counted(&mut self, len: usize) -> Option<()> {
        self.headers = self.headers.saturating_add(1);
        self.leave(len)
    }

    /// Whether there were so many headers that the next is not looked for.
    #[inline(always)]
    fn is_over_limit(&self) -> bool {
        self.headers > MAX_HEADERS
    }

    /// The `N` bytes at offset `at` of the header in hand.
    #[inline(always)]
    fn get<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        get(self.frame, self.at.checked_add(at)?)
    }

    /// The number at offset `at` of the header in hand.
    #[inline(always)]
    fn get16(&self, at: usize) -> Option<u16> {
        get16(self.frame, self.at.checked_add(at)?)
    }

    #[inline]
    fn ethernet(&mut self) -> Option<()> {
        self.found.keys.destination = self.get(0)?;
        self.found.keys.source = self.get(6)?;
        let mut ether_type = self.get16(12)?;
        self.at = ETH_HLEN;
        while let (ETH_P_8021Q | ETH_P_8021AD, false) = (ether_type, self.is_over_limit()) {
            ether_type = self.vlan(ether_type)?;
        }
        self.found.keys.ether_type = ether_type;
        // CAST: Tags are at most `MAX_HEADERS` and one.
        self.found.network_offset = self.at as u16;
        match ether_type {
            _ if self.is_over_limit() => Some(()),
            ETH_P_IP => self.ipv4(),
            ETH_P_IPV6 => self.ipv6(),
            _ => Some(()),
        }
    }

    /// A VLAN tag with `protocol`; the EtherType behind it.
    #[cold]
    fn vlan(&mut self, protocol: u16) -> Option<u16> {
        let tci = self.get16(0)?;
        let ether_type = self.get16(2)?;
        let found = &mut self.found;
        if found.path.has(Path::VLAN) {
            found.path.add(Path::VLAN_STACK);
        } else {
            found.path.add(Path::VLAN);
            found.keys.vlan_protocol = protocol;
            found.keys.vlan_tci = tci;
        }
        self.leave_counted(4)?;
        Some(ether_type)
    }

    #[inline]
    fn ipv4(&mut self) -> Option<()> {
        let header: [u8; IPV4_HEADER] = self.get(0)?;
        let [first, tos, _, _, _, _, _, _, _, protocol, _, _, addresses @ ..] = header;
        let len = usize::from(first & 0xf).wrapping_mul(4);
        if first >> 4 != 4 || len < IPV4_HEADER {
            return None;
        }
        let flags = get16(&header, IPV4_FLAGS)?;
        let [s0, s1, s2, s3, d0, d1, d2, d3] = addresses;
        let keys = &mut self.found.keys;
        keys.ip_version = 4;
        keys.ip_protocol = protocol;
        keys.tos = tos;
        keys.ip_source = widened([s0, s1, s2, s3]);
        keys.ip_destination = widened([d0, d1, d2, d3]);
        self.found.flow = FlowType::Ipv4;
        self.found.path.add(Path::IPV4);
        if len > IPV4_HEADER {
            self.found.path.add(Path::IPV4_OPTIONS);
        }
        if flags & IPV4_FRAGMENT != 0 {
            self.is_fragment();
            self.leave(len)?;
            return self.transport();
        }
        self.leave(len)?;
        self.layer4(false, protocol)
    }

    #[inline]
    fn ipv6(&mut self) -> Option<()> {
        let header: [u8; IPV6_HEADER] = self.get(0)?;
        let [v0, v1, v2, v3, _, _, next, _, addresses @ ..] = header;
        if v0 >> 4 != 6 {
            return None;
        }
        let word = u32::from_be_bytes([v0, v1, v2, v3]);
        let keys = &mut self.found.keys;
        keys.ip_version = 6;
        // CAST: Bits 20 to 27.
        keys.tos = (word >> 20) as u8;
        keys.flow_label = word & 0xf_ffff;
        keys.ip_source = get(&addresses, 0)?;
        keys.ip_destination = get(&addresses, 16)?;
        self.found.flow = FlowType::Ipv6;
        self.found.path.add(Path::IPV6);
        self.leave(IPV6_HEADER)?;
        self.behind_ipv6(next)
    }

    /// The extension headers from one of type `next` on, and what is behind them.
    #[inline]
    fn behind_ipv6(&mut self, mut next: u8) -> Option<()> {
        loop {
            self.found.keys.ip_protocol = next;
            match next {
                IPPROTO_HOPOPTS | IPPROTO_ROUTING | IPPROTO_DSTOPTS | IPPROTO_FRAGMENT
                    if self.is_over_limit() =>
                {
                    return Some(());
                }
                IPPROTO_HOPOPTS | IPPROTO_ROUTING | IPPROTO_DSTOPTS => {
                    let [following, words] = self.get(0)?;
                    self.found.path.add(Path::IPV6_EXTENSION);
                    // Known even if the rest of the header is not there.
                    self.found.keys.ip_protocol = following;
                    self.leave_counted(usize::from(words).wrapping_add(1).wrapping_mul(8))?;
                    next = following;
                }
                // Ports are in the first piece alone, if in any: the kernel does not look for them either.
                IPPROTO_FRAGMENT => {
                    let header: [u8; IPV6_FRAGMENT_HEADER] = self.get(0)?;
                    let [following, ..] = header;
                    self.found.path.add(Path::IPV6_EXTENSION);
                    self.found.keys.ip_protocol = following;
                    self.is_fragment();
                    self.leave(IPV6_FRAGMENT_HEADER)?;
                    return self.transport();
                }
                IPPROTO_NONE => return self.transport(),
                protocol => return self.layer4(true, protocol),
            }
        }
    }

    /// What is behind the IP header is a piece of something.
    #[cold]
    fn is_fragment(&mut self) {
        self.found.keys.layer4 = Layer4::Fragment;
        self.found.path.add(Path::FRAGMENT);
    }

    /// The IP header and its extension headers end here.
    #[inline(always)]
    fn transport(&mut self) -> Option<()> {
        // CAST: Headers are at most `MAX_HEADERS` and some, none of which is longer than 2,048 bytes.
        self.found.transport_offset = self.at as u16;
        Some(())
    }

    /// The header of `protocol` behind the IP header and its extension headers.
    #[inline]
    fn layer4(&mut self, v6: bool, protocol: u8) -> Option<()> {
        self.transport()?;
        let first = if protocol == IPPROTO_AH { AH_SPI } else { 0 };
        self.found.keys.ports = self.get(first)?;
        self.found.keys.layer4 = Layer4::Whole;
        self.found.flow = FlowType::of(v6, protocol);
        self.found.path.add(Path::LAYER4);
        Some(())
    }
}

/// An address of IPv4 as [`Keys`] have it.
pub const fn widened(address: [u8; 4]) -> [u8; 16] {
    let [a, b, c, d] = address;
    [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

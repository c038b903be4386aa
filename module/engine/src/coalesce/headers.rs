// SPDX-License-Identifier: GPL-2.0

//! Where the headers of a TCP segment or of a UDP datagram lie, and which of their bytes tell its flow.

use super::gre::Gre;
use crate::checksum::{sum, Sum};
use crate::fields::{get, get16};
use crate::frame::ETH_HLEN;
use crate::mix;
use crate::protocol::{
    ETH_P_8021AD, ETH_P_8021Q, ETH_P_IP, ETH_P_IPV6, ETH_P_TEB, IPPROTO_DSTOPTS, IPPROTO_GRE,
    IPPROTO_HOPOPTS, IPPROTO_IPIP, IPPROTO_IPV6, IPPROTO_ROUTING, IPPROTO_TCP, IPPROTO_UDP,
    IPV4_FRAGMENT, IPV4_HEADER, IPV6_HEADER,
};
use crate::vlan::VLAN_HLEN;

/// Version 4, and no options, which GRO does not take.
const IPV4_PLAIN: u8 = 0x45;
/// Version and flow label of IPv6: they tell flows, and the traffic class between them does not.
const IPV6_FLOW: u32 = 0xf00f_ffff;
/// So many protocols within each other are too many for GRO.
const RECURSION_LIMIT: u32 = 15;

/// An IP header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ip {
    /// Its offset.
    pub(super) at: usize,
    /// Whether it is IPv6, not IPv4.
    pub(super) v6: bool,
}

/// What is behind the IP headers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Transport {
    Tcp,
    Udp,
}

/// The headers of a TCP segment or of a UDP datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Headers {
    /// The first IP header.
    pub(super) outer: Ip,
    /// What is between that and the next one, unless there is nothing.
    pub(super) gre: Option<Gre>,
    /// The one inside that, if there is one.
    pub(super) inner: Option<Ip>,
    /// What the last header is of.
    pub(super) kind: Transport,
    /// Offset of that.
    pub(super) transport: usize,
}

impl Ip {
    /// The one behind VLAN tags, of which `ether_type` is the first, at `at`; and how many they are. In a
    /// tunnel an Ethernet header may be among them (transparent Ethernet bridging).
    fn find(
        frame: &[u8],
        mut at: usize,
        mut ether_type: u16,
        is_tunnelled: bool,
    ) -> Option<(Self, u32)> {
        let mut levels = 0_u32;
        loop {
            let header = match ether_type {
                ETH_P_IP => break Some((Self { at, v6: false }, levels)),
                ETH_P_IPV6 => break Some((Self { at, v6: true }, levels)),
                ETH_P_8021Q | ETH_P_8021AD => VLAN_HLEN,
                ETH_P_TEB if is_tunnelled => ETH_HLEN,
                _ => break None,
            };
            at = at.wrapping_add(header);
            ether_type = get16(frame, at.wrapping_sub(2))?;
            levels = levels.wrapping_add(1);
            if levels == RECURSION_LIMIT {
                break None;
            }
        }
    }

    /// The protocol behind the header and its extension headers, and where that begins; `None` if GRO
    /// does not take such a header.
    fn behind(self, frame: &[u8]) -> Option<(u8, usize)> {
        let packet = frame.get(self.at..)?;
        if self.v6 {
            return self.behind_ipv6(packet);
        }
        let header = packet.get(..IPV4_HEADER)?;
        let ([first], [protocol]) = (get(header, 0)?, get(header, 9)?);
        let is_whole = get16(header, 6)? & IPV4_FRAGMENT == 0;
        let is_taken = first == IPV4_PLAIN && is_whole && sum(header).fold() == u16::MAX;
        is_taken.then_some((protocol, self.at.wrapping_add(IPV4_HEADER)))
    }

    fn behind_ipv6(self, packet: &[u8]) -> Option<(u8, usize)> {
        let ([first], [mut protocol]) = (get(packet, 0)?, get(packet, 6)?);
        if first >> 4 != 6 {
            return None;
        }
        let mut len = IPV6_HEADER;
        let mut rest = packet.get(len..)?;
        while let IPPROTO_HOPOPTS | IPPROTO_ROUTING | IPPROTO_DSTOPTS = protocol {
            let [next, words] = get(rest, 0)?;
            let extension = usize::from(words).wrapping_add(1).wrapping_mul(8);
            rest = rest.get(extension..)?;
            len = len.wrapping_add(extension);
            protocol = next;
        }
        Some((protocol, self.at.wrapping_add(len)))
    }

    /// Whether the header counts the bytes that there are from it on in a frame of `len` bytes which begins
    /// with `frame`, and GRO knows all of its flags.
    pub(super) fn is_true(self, frame: &[u8], len: usize) -> bool {
        let is_true = || {
            let (packet, len) = (frame.get(self.at..)?, len.checked_sub(self.at)?);
            if self.v6 {
                let told = usize::from(get16(packet, 4)?).wrapping_add(IPV6_HEADER);
                return Some(told == len);
            }
            let is_reserved = get16(packet, 6)? & 0x8000 != 0;
            Some(usize::from(get16(packet, 2)?) == len && !is_reserved)
        };
        is_true().unwrap_or(false)
    }

    /// The sum of the pseudo header for `len` bytes of `protocol`.
    fn pseudo_header(self, frame: &[u8], protocol: u8, len: usize) -> Sum {
        let addresses = if self.v6 {
            self.at.wrapping_add(8)..self.at.wrapping_add(IPV6_HEADER)
        } else {
            self.at.wrapping_add(12)..self.at.wrapping_add(IPV4_HEADER)
        };
        sum(frame.get(addresses).unwrap_or_default())
            // CAST: A frame is shorter than 4 GiB.
            .add(Sum::of_number(len as u32))
            .add(Sum::of_number(protocol.into()))
    }

    /// Whether what tells flows is the same in both headers, the next of which is at `end`.
    fn is_same_flow(self, end: usize, one: &[u8], other: &[u8]) -> Option<bool> {
        let (one, other) = (one.get(self.at..end)?, other.get(self.at..end)?);
        if !self.v6 {
            let is_same = get::<1>(one, 9)? == get::<1>(other, 9)?
                && get::<8>(one, 12)? == get::<8>(other, 12)?;
            return Some(is_same);
        }
        let words = [get(one, 0)?, get(other, 0)?].map(u32::from_be_bytes);
        let [one_word, other_word] = words;
        let is_same = (one_word ^ other_word) & IPV6_FLOW == 0
            && get::<1>(one, 6)? == get::<1>(other, 6)?
            // Addresses and extension headers.
            && one.get(8..)? == other.get(8..)?;
        Some(is_same)
    }
}

impl Headers {
    /// Those of the segment or datagram `frame`; `None` if it is neither, or GRO leaves such a frame alone.
    ///
    /// Each is true by itself, but for lengths.
    pub(super) fn find(frame: &[u8]) -> Option<Self> {
        let ether_type = get16(frame, ETH_HLEN.wrapping_sub(2))?;
        let (outer, tags) = Ip::find(frame, ETH_HLEN, ether_type, false)?;
        let (mut protocol, mut transport) = outer.behind(frame)?;
        let (mut gre, mut levels) = (None, tags.wrapping_add(1));
        let inner = match protocol {
            IPPROTO_IPIP | IPPROTO_IPV6 => {
                levels = levels.wrapping_add(1);
                let v6 = protocol == IPPROTO_IPV6;
                Some(Ip { at: transport, v6 })
            }
            IPPROTO_GRE => {
                let (header, ether_type) = Gre::at(frame, transport)?;
                gre = Some(header);
                let (inner, between) = Ip::find(frame, header.end, ether_type, true)?;
                levels = levels.wrapping_add(between).wrapping_add(2);
                Some(inner)
            }
            _ => None,
        };
        if let Some(inner) = inner {
            (protocol, transport) = inner.behind(frame)?;
        }
        let kind = match protocol {
            IPPROTO_TCP => Transport::Tcp,
            IPPROTO_UDP => {
                levels = levels.wrapping_add(1);
                Transport::Udp
            }
            _ => return None,
        };
        (levels < RECURSION_LIMIT).then_some(Self {
            outer,
            gre,
            inner,
            kind,
            transport,
        })
    }

    /// The IP header in front of the last header.
    pub(super) fn network(&self) -> Ip {
        self.inner.unwrap_or(self.outer)
    }

    /// The IP headers.
    pub(super) fn networks(&self) -> impl Iterator<Item = Ip> {
        core::iter::once(self.outer).chain(self.inner)
    }

    /// The protocol of the last header.
    pub(super) fn protocol(&self) -> u8 {
        match self.kind {
            Transport::Tcp => IPPROTO_TCP,
            Transport::Udp => IPPROTO_UDP,
        }
    }

    /// The sum of the pseudo header for `len` bytes from the last header on.
    pub(super) fn pseudo_header(&self, frame: &[u8], len: usize) -> Sum {
        self.network().pseudo_header(frame, self.protocol(), len)
    }

    /// Whether GRO loses the identification of the first header if it is fixed: of IPv4 with IPv6 inside, and
    /// TCP in that.
    pub(super) fn loses_id(&self) -> bool {
        let has_v6 = self.inner.is_some_and(|inner| inner.v6);
        has_v6 && self.gre.is_none() && self.kind == Transport::Tcp
    }

    /// Whether who cuts a super-frame goes by one bit for the identifications of two IPv4 headers: those
    /// inside GRE count as the first ones, for the kernel.
    pub(super) fn has_one_fixed_bit(&self) -> bool {
        self.gre.is_some() && self.networks().all(|ip| !ip.v6)
    }

    /// Whether two frames with headers in these places are of one flow to GRO.
    pub(super) fn is_same_flow(&self, one: &[u8], other: &[u8]) -> bool {
        self.tell_same_flow(one, other).unwrap_or(false)
    }

    fn tell_same_flow(&self, one: &[u8], other: &[u8]) -> Option<bool> {
        let (start, transport) = (self.outer.at, self.transport);
        let is_same = get::<4>(one, transport)? == get::<4>(other, transport)?
            && one.get(..start)? == other.get(..start)?
            && match self.inner {
                None => self.outer.is_same_flow(transport, one, other)?,
                Some(inner) => {
                    let end = self.gre.map_or(inner.at, |gre| gre.at);
                    let is_same_tunnel = match self.gre {
                        None => true,
                        Some(gre) => gre.is_same_tunnel(inner.at, one, other)?,
                    };
                    is_same_tunnel
                        && self.outer.is_same_flow(end, one, other)?
                        && inner.is_same_flow(transport, one, other)?
                }
            };
        Some(is_same)
    }

    /// A number that frames of one flow have in common, and of different flows hardly any: which ones do nobody can
    /// tell who does not know `secret`.
    pub(super) fn print(&self, frame: &[u8], secret: u64) -> u32 {
        let print = || {
            let ip = self.network();
            let at: &[usize] = if ip.v6 { &[8, 16, 24, 32] } else { &[12] };
            let mut hash = secret;
            for at in at {
                let word = u64::from_ne_bytes(get(frame, ip.at.wrapping_add(*at))?);
                hash = mix::hash(hash, [word]);
            }
            let ports = u32::from_ne_bytes(get(frame, self.transport)?);
            // CAST: All bits of it are as good.
            Some(mix::hash(hash, [ports.into()]) as u32)
        };
        print().unwrap_or(0)
    }
}

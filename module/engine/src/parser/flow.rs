// SPDX-License-Identifier: GPL-2.0

//! The flow that a frame is of, in the words of those who steer it.

use parse_graph::{stop, Field};

use super::decisive::Decisive;
use super::found::{Found, Verdict};
use super::keys::{FlowType, Keys, Layer4, Path};
use super::machine::Machine;
use crate::fields::{get, get16};
use crate::memory::Memory;
use crate::protocol::{
    ETH_P_IP, ETH_P_IPV6, IPPROTO_AH, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT, IPPROTO_HOPOPTS,
    IPPROTO_NONE, IPPROTO_ROUTING, TCP_DATA_OFFSET, TCP_HEADER,
};

/// What who wants to know the flow of a frame asks for: the outermost one.
pub const ASKED_OF_FLOWS: u16 = stop::STOP_BEFORE_ENCAP;

/// Offset of the SPI in an authentication header; that of other headers is what they begin with.
const AH_SPI: usize = 4;

/// What a parser has found in a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Parsed {
    /// What tells its flow from others.
    pub keys: Keys,
    /// What kind of frame it is.
    pub flow: FlowType,
    /// The headers that it has.
    pub path: Path,
    /// Offset of what is behind the IP header and its extension headers, in bytes; 0 if there is nothing,
    /// or the parser did not come there.
    pub transport_offset: u16,
}

impl<M: Memory> Machine<M> {
    /// Finds out which flow a frame is of: the outermost one, where the graph tells that one packet
    /// carries another. `frame` are its bytes from the Ethernet header on; where they end within a
    /// header, that has nothing of what it should tell. Any context.
    #[inline]
    pub fn flow_of(&self, frame: &[u8]) -> Parsed {
        let mut parsed = Parsed::default();
        self.flow_into(frame, &mut parsed);
        parsed
    }

    /// As [`Self::flow_of`], into `parsed`, which has nothing yet: to move it takes as long as to fill it.
    /// Gives what of the frame has decided that, if it is known.
    #[inline(never)]
    pub fn flow_into(&self, frame: &[u8], parsed: &mut Parsed) -> Option<&Decisive> {
        let mut found = Found::default();
        let decisive = self.parse_into(frame, ASKED_OF_FLOWS, &mut found);
        parsed.note(frame, &found);
        // That is behind what else is looked at.
        decisive.filter(|_| parsed.keys.ip_protocol != IPPROTO_AH)
    }

    /// Offset of what TCP carries in a frame that begins with `headers`: behind its outermost headers, of
    /// which the last is TCP's, with options. `None` if it is another frame, or a piece of one, or `headers`
    /// has not all of them. Any context.
    pub fn tcp_payload(&self, headers: &[u8]) -> Option<usize> {
        let parsed = self.flow_of(headers);
        let (FlowType::Tcp4 | FlowType::Tcp6) = parsed.flow else {
            return None;
        };
        let start = usize::from(parsed.transport_offset);
        let [words] = get(headers, start.checked_add(TCP_DATA_OFFSET)?)?;
        let len = usize::from(words >> 4).wrapping_mul(4);
        let end = start.checked_add(len)?;
        (len >= TCP_HEADER && end <= headers.len()).then_some(end)
    }
}

impl Parsed {
    /// Notes what `found` tells of `frame`.
    ///
    /// What the graph leaves to the kernel has its Ethernet header alone. Of other frames all counts
    /// that was found, until they ended or were none that the graph knows.
    #[inline]
    fn note(&mut self, frame: &[u8], found: &Found) {
        let keys = &mut self.keys;
        keys.destination = get(frame, 0).unwrap_or_default();
        keys.source = get(frame, 6).unwrap_or_default();
        if found.verdict == Verdict::LeftOut {
            keys.ether_type = get16(frame, 12).unwrap_or_default();
            return;
        }
        let number16 = |field| found.number(field) as u16;
        keys.ether_type = number16(Field::NProto);
        keys.vlan_protocol = number16(Field::VlanTpid);
        keys.vlan_tci = number16(Field::VlanTci);
        let has = |path: Path, is: bool| if is { path } else { Path::default() };
        self.path = has(Path::VLAN, keys.vlan_protocol != 0)
            .and(has(Path::VLAN_STACK, number16(Field::CvlanTpid) != 0));
        self.network(frame, found);
    }

    /// What is known of the IP header.
    #[inline]
    fn network(&mut self, frame: &[u8], found: &Found) {
        let keys = &mut self.keys;
        // CAST: Fields of 16, 32 and 8 bits.
        let v6 = match (found.number(Field::AddrProto) as u16).swap_bytes() {
            ETH_P_IP => {
                let address = |field| widened((found.number(field) as u32).to_be_bytes());
                keys.ip_version = 4;
                keys.ip_source = address(Field::Ipv4Src);
                keys.ip_destination = address(Field::Ipv4Dst);
                self.path = self.path.and(Path::IPV4);
                false
            }
            ETH_P_IPV6 => {
                keys.ip_version = 6;
                keys.ip_source = found.address(Field::Ipv6Src);
                keys.ip_destination = found.address(Field::Ipv6Dst);
                keys.flow_label = found.number(Field::FlowLabel) as u32;
                self.path = self.path.and(Path::IPV6);
                true
            }
            _ => return,
        };
        keys.tos = found.number(Field::Tos) as u8;
        keys.ip_protocol = found.number(Field::IpProto) as u8;
        self.flow = if v6 { FlowType::Ipv6 } else { FlowType::Ipv4 };
        if found.number(Field::IsExtended) != 0 {
            let longer = if v6 {
                Path::IPV6_EXTENSION
            } else {
                Path::IPV4_OPTIONS
            };
            self.path = self.path.and(longer);
        }
        let is_fragment = found.is_fragment();
        if is_fragment {
            keys.layer4 = Layer4::Fragment;
            self.path = self.path.and(Path::FRAGMENT);
        }
        let is_left = v6 && !is_fragment && is_extension(keys.ip_protocol);
        let has_header = !is_fragment && (!v6 || keys.ip_protocol != IPPROTO_NONE);
        let offset = (found.number(Field::Thoff) as u16).swap_bytes();
        if found.verdict == Verdict::Okay && !is_left && usize::from(offset) < frame.len() {
            self.transport_offset = offset;
            if has_header {
                self.transport(frame, found, v6);
            }
        }
    }

    /// What is known of the header behind that of IP.
    #[inline]
    fn transport(&mut self, frame: &[u8], found: &Found, v6: bool) {
        let keys = &mut self.keys;
        // CAST: A field of 32 bits.
        let ports = match found.number(Field::Ports) as u32 {
            // None, or the graph has none for this protocol: rules look at these bytes all the same.
            0 => {
                let is_ah = keys.ip_protocol == IPPROTO_AH;
                let first = if is_ah { AH_SPI } else { 0 };
                get(frame, first.wrapping_add(self.transport_offset.into()))
            }
            ports => Some(ports.to_be_bytes()),
        };
        if let Some(ports) = ports {
            keys.ports = ports;
            keys.layer4 = Layer4::Whole;
            self.flow = FlowType::of(v6, keys.ip_protocol);
            self.path = self.path.and(Path::LAYER4);
        }
    }
}

/// Whether a header of IPv6 says more of the packet, and what comes next.
const fn is_extension(next: u8) -> bool {
    matches!(
        next,
        IPPROTO_HOPOPTS | IPPROTO_ROUTING | IPPROTO_DSTOPTS | IPPROTO_FRAGMENT
    )
}

/// An address of IPv4 as [`Keys`] have it.
pub const fn widened(address: [u8; 4]) -> [u8; 16] {
    let [a, b, c, d] = address;
    [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

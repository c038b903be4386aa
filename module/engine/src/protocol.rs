// SPDX-License-Identifier: GPL-2.0

//! Protocol headers, and what a device does that looks for them by itself.
//!
//! Such a device is what NICs were before checksums became agnostic of protocols. It knows Ethernet,
//! VLAN tags, IPv4, IPv6, TCP and UDP, and takes the addresses of the outermost IP header for those
//! of the pseudo header, whatever a routing header says.

use crate::checksum::{sum, Sum};
use crate::fields::{get, get16, put};

pub(crate) const ETH_P_IP: u16 = 0x0800;
pub(crate) const ETH_P_IPV6: u16 = 0x86dd;
/// Ethernet, inside something else.
pub(crate) const ETH_P_TEB: u16 = 0x6558;
pub(crate) const ETH_P_MPLS_UC: u16 = 0x8847;
pub(crate) const ETH_P_MPLS_MC: u16 = 0x8848;
pub(crate) const ETH_P_8021Q: u16 = 0x8100;
pub(crate) const ETH_P_8021AD: u16 = 0x88a8;

pub(crate) const IPPROTO_HOPOPTS: u8 = 0;
pub(crate) const IPPROTO_IPIP: u8 = 4;
/// TCP behind IP.
pub const IPPROTO_TCP: u8 = 6;
/// UDP behind IP.
pub const IPPROTO_UDP: u8 = 17;
pub(crate) const IPPROTO_IPV6: u8 = 41;
pub(crate) const IPPROTO_ROUTING: u8 = 43;
pub(crate) const IPPROTO_FRAGMENT: u8 = 44;
pub(crate) const IPPROTO_GRE: u8 = 47;
/// IPsec's encrypted payload behind IP.
pub const IPPROTO_ESP: u8 = 50;
/// IPsec's authentication header behind IP.
pub const IPPROTO_AH: u8 = 51;
pub(crate) const IPPROTO_NONE: u8 = 59;
pub(crate) const IPPROTO_DSTOPTS: u8 = 60;
/// SCTP behind IP.
pub const IPPROTO_SCTP: u8 = 132;

pub(crate) const IPV6_HEADER: usize = 40;
pub(crate) const IPV4_HEADER: usize = 20;
pub(crate) const UDP_HEADER: usize = 8;
pub(crate) const SCTP_HEADER: usize = 12;
pub(crate) const TCP_HEADER: usize = 20;
/// Offset of the length of a TCP header, in units of 4 bytes in the upper half.
pub(crate) const TCP_DATA_OFFSET: usize = 12;

/// Flag "don't fragment" of IPv4.
pub(crate) const IPV4_DONT_FRAGMENT: u16 = 0x4000;
/// Flag "more fragments" and the offset of an IPv4 fragment.
pub(crate) const IPV4_FRAGMENT: u16 = 0x3fff;

/// What an offset is not the beginning of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotIp {
    /// The bytes end before the header does.
    Short,
    /// It is something else.
    Other,
}

/// An IP header and the extension headers that segments of a frame have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct IpHeader {
    /// Its offset.
    pub(crate) at: usize,
    /// Whether it is IPv6, not IPv4.
    pub(crate) v6: bool,
    /// The protocol behind it and its extension headers.
    pub(crate) protocol: u8,
    /// Offset of that protocol's header.
    pub(crate) end: usize,
}

impl IpHeader {
    /// The header at offset `at` of `bytes`.
    pub(crate) fn at(bytes: &[u8], at: usize) -> Result<Self, NotIp> {
        let header = bytes.get(at..).ok_or(NotIp::Short)?;
        let [first] = get(header, 0).ok_or(NotIp::Short)?;
        match first >> 4 {
            4 => {
                let len = usize::from(first & 0xf).wrapping_mul(4);
                if len < IPV4_HEADER {
                    return Err(NotIp::Other);
                }
                let header = header.get(..len).ok_or(NotIp::Short)?;
                let [protocol] = get(header, 9).ok_or(NotIp::Short)?;
                Ok(Self {
                    at,
                    v6: false,
                    protocol,
                    end: at.wrapping_add(len),
                })
            }
            6 => {
                let [mut protocol] = get(header, 6).ok_or(NotIp::Short)?;
                let mut len = IPV6_HEADER;
                let mut rest = header.get(len..).ok_or(NotIp::Short)?;
                while let IPPROTO_HOPOPTS | IPPROTO_ROUTING | IPPROTO_DSTOPTS = protocol {
                    let [next, words] = get(rest, 0).ok_or(NotIp::Short)?;
                    let extension = usize::from(words).wrapping_add(1).wrapping_mul(8);
                    rest = rest.get(extension..).ok_or(NotIp::Short)?;
                    len = len.wrapping_add(extension);
                    protocol = next;
                }
                Ok(Self {
                    at,
                    v6: true,
                    protocol,
                    end: at.wrapping_add(len),
                })
            }
            _ => Err(NotIp::Other),
        }
    }

    /// The EtherType of what this is.
    pub(crate) const fn ether_type(&self) -> u16 {
        if self.v6 {
            ETH_P_IPV6
        } else {
            ETH_P_IP
        }
    }

    /// Whether an extension header is between the IP header and [`protocol`](Self::protocol)'s.
    fn has_extensions(&self) -> bool {
        self.v6 && self.end != self.at.wrapping_add(IPV6_HEADER)
    }

    /// Length of what is behind the headers, as the IP header gives it.
    fn payload_len(&self, frame: &[u8]) -> Option<usize> {
        let (field, from) = if self.v6 {
            (4, self.at.wrapping_add(IPV6_HEADER))
        } else {
            (2, self.at)
        };
        let len = usize::from(get16(frame, self.at.wrapping_add(field))?);
        len.checked_sub(self.end.checked_sub(from)?)
    }

    /// The sum of the pseudo header for `len` bytes of [`protocol`](Self::protocol).
    fn pseudo_header(&self, frame: &[u8], len: usize) -> Option<Sum> {
        let header = frame.get(self.at..)?;
        let addresses = if self.v6 {
            sum(header.get(8..IPV6_HEADER)?)
        } else {
            sum(header.get(12..IPV4_HEADER)?)
        };
        let rest = Sum::of_number(len as u32).add(Sum::of_number(self.protocol.into()));
        Some(addresses.add(rest))
    }
}

/// The outermost IP header of a frame, if TCP or UDP is behind it and not cut to fragments.
pub(crate) fn locate(frame: &[u8]) -> Option<IpHeader> {
    let mut at = 12;
    let mut ether_type = get16(frame, at)?;
    while let ETH_P_8021Q | ETH_P_8021AD = ether_type {
        at = at.wrapping_add(4);
        ether_type = get16(frame, at)?;
    }
    let ip = IpHeader::at(frame, at.wrapping_add(2)).ok()?;
    let fragment = !ip.v6 && get16(frame, ip.at.wrapping_add(6))? & IPV4_FRAGMENT != 0;
    let known = matches!(ip.protocol, IPPROTO_TCP | IPPROTO_UDP);
    (ether_type == ip.ether_type() && known && !fragment).then_some(ip)
}

/// Where the bytes of a TCP or UDP header and its payload are, and what is known of them.
struct Transport {
    start: usize,
    end: usize,
    /// Offset of the checksum from `start`.
    checksum: usize,
    pseudo_header: Sum,
}

impl Transport {
    fn behind(ip: &IpHeader, frame: &[u8]) -> Option<Self> {
        let len = ip.payload_len(frame)?;
        let (header, checksum) = if ip.protocol == IPPROTO_TCP {
            (TCP_HEADER, 16)
        } else {
            (UDP_HEADER, 6)
        };
        if len < header {
            return None;
        }
        Some(Self {
            start: ip.end,
            end: ip.end.checked_add(len)?,
            checksum,
            pseudo_header: ip.pseudo_header(frame, len)?,
        })
    }
}

/// Fills in the checksum of the TCP or UDP header that the device finds in `frame`; whatever it
/// does not understand it leaves alone. With `no_zero` a checksum of 0 becomes all ones.
pub(crate) fn fill(frame: &mut [u8], no_zero: bool) {
    let transport = locate(frame).and_then(|ip| Transport::behind(&ip, frame));
    let Some(transport) = transport else {
        return;
    };
    if let Some(bytes) = frame.get_mut(transport.start..transport.end) {
        // There is room: the length was compared with that of the header.
        let _ = put(bytes, transport.checksum, [0; 2]);
        let checksum = transport.pseudo_header.add(sum(bytes)).complement();
        let _ = put(bytes, transport.checksum, sent(checksum, no_zero));
    }
}

/// A checksum as it is sent: 0 may mean "none".
pub(crate) const fn sent(checksum: [u8; 2], no_zero: bool) -> [u8; 2] {
    match checksum {
        [0, 0] if no_zero => [0xff; 2],
        _ => checksum,
    }
}

/// Whether `frame` has TCP or UDP directly behind its IP header, with a checksum that is right.
pub(crate) fn verify(frame: &[u8]) -> bool {
    let verified = || {
        let ip = locate(frame).filter(|ip| !ip.has_extensions())?;
        let transport = Transport::behind(&ip, frame)?;
        let bytes = frame.get(transport.start..transport.end)?;
        if ip.protocol == IPPROTO_UDP {
            let whole = usize::from(get16(bytes, 4)?) == bytes.len();
            let has_checksum = get16(bytes, transport.checksum)? != 0;
            if !whole || !has_checksum {
                return None;
            }
        }
        let total = transport.pseudo_header.add(sum(bytes));
        Some(total.fold() == u16::MAX)
    };
    verified().unwrap_or(false)
}

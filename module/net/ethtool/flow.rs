// SPDX-License-Identifier: GPL-2.0

//! Which frames a rule of receive flow classification is for, and what becomes of them.
//!
//! All fields of frames are bytes in the order of the wire. What a user gave is kept bit for bit,
//! values outside of their masks included: it is what the user reads back.
//!
//! C header: [`include/uapi/linux/ethtool.h`](srctree/include/uapi/linux/ethtool.h)

use crate::{
    bindings,
    error::not_supported, //
};
use core::mem::size_of;
use kernel::prelude::*;

/// A value, and which of its bits count: those that are 1 in `mask`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Masked<F> {
    /// The bits that frames have.
    pub value: F,
    /// The bits that count.
    pub mask: F,
}

/// Fields of TCP, UDP or SCTP over IPv4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transport4 {
    /// Source address.
    pub source: [u8; 4],
    /// Destination address.
    pub destination: [u8; 4],
    /// Source port.
    pub source_port: [u8; 2],
    /// Destination port.
    pub destination_port: [u8; 2],
    /// Type of service.
    pub tos: u8,
}

/// Fields of IPsec over IPv4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ipsec4 {
    /// Source address.
    pub source: [u8; 4],
    /// Destination address.
    pub destination: [u8; 4],
    /// Security parameters index.
    pub spi: [u8; 4],
    /// Type of service.
    pub tos: u8,
}

/// Fields of IPv4 with whatever is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ip4 {
    /// Source address.
    pub source: [u8; 4],
    /// Destination address.
    pub destination: [u8; 4],
    /// The first four bytes of the transport header.
    pub l4_bytes: [u8; 4],
    /// Type of service.
    pub tos: u8,
    /// Number of the transport protocol.
    pub protocol: u8,
}

/// Fields of TCP, UDP or SCTP over IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transport6 {
    /// Source address.
    pub source: [u8; 16],
    /// Destination address.
    pub destination: [u8; 16],
    /// Source port.
    pub source_port: [u8; 2],
    /// Destination port.
    pub destination_port: [u8; 2],
    /// Traffic class.
    pub traffic_class: u8,
}

/// Fields of IPsec over IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ipsec6 {
    /// Source address.
    pub source: [u8; 16],
    /// Destination address.
    pub destination: [u8; 16],
    /// Security parameters index.
    pub spi: [u8; 4],
    /// Traffic class.
    pub traffic_class: u8,
}

/// Fields of IPv6 with whatever is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ip6 {
    /// Source address.
    pub source: [u8; 16],
    /// Destination address.
    pub destination: [u8; 16],
    /// The first four bytes of the transport header.
    pub l4_bytes: [u8; 4],
    /// Traffic class.
    pub traffic_class: u8,
    /// Number of the transport protocol, behind any extension headers.
    pub protocol: u8,
}

/// Fields of an Ethernet header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ether {
    /// Destination address.
    pub destination: [u8; 6],
    /// Source address.
    pub source: [u8; 6],
    /// EtherType.
    pub ether_type: [u8; 2],
}

/// The type of flow that a rule is for, and which of its fields count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowMatch {
    /// TCP over IPv4.
    Tcp4(Masked<Transport4>),
    /// UDP over IPv4.
    Udp4(Masked<Transport4>),
    /// SCTP over IPv4.
    Sctp4(Masked<Transport4>),
    /// IPsec's authentication header over IPv4.
    Ah4(Masked<Ipsec4>),
    /// IPsec's encrypted payload over IPv4.
    Esp4(Masked<Ipsec4>),
    /// IPv4.
    Ip4(Masked<Ip4>),
    /// TCP over IPv6.
    Tcp6(Masked<Transport6>),
    /// UDP over IPv6.
    Udp6(Masked<Transport6>),
    /// SCTP over IPv6.
    Sctp6(Masked<Transport6>),
    /// IPsec's authentication header over IPv6.
    Ah6(Masked<Ipsec6>),
    /// IPsec's encrypted payload over IPv6.
    Esp6(Masked<Ipsec6>),
    /// IPv6.
    Ip6(Masked<Ip6>),
    /// All frames.
    Ether(Masked<Ether>),
}

/// Further fields that a rule may ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extension {
    /// EtherType of the VLAN tag.
    pub vlan_ether_type: [u8; 2],
    /// VLAN tag: priority, drop eligible indicator, number.
    pub vlan_tci: [u8; 2],
    /// What the driver makes of it (`user-def`), the highest byte first.
    pub user: [u8; 8],
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is dropped.
    Drop,
    /// It goes to this queue, or, in a rule with a configuration of receive-side scaling, this number
    /// is added to the queue that the configuration's table gives.
    Queue(u32),
}

/// Where in the table a rule is to be. The lowest location that a frame fits counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// There; a rule that is there already is replaced.
    At(u32),
    /// Wherever the driver wants it.
    Any,
    /// Before the others.
    First,
    /// Behind the others.
    Last,
}

/// A rule of receive flow classification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowRule {
    /// Which frames it is for.
    pub flow: FlowMatch,
    /// What else they must have.
    pub extension: Option<Masked<Extension>>,
    /// The destination address of the Ethernet header that they must have.
    pub destination: Option<Masked<[u8; 6]>>,
    /// What becomes of them.
    pub action: Action,
    /// The configuration of receive-side scaling that spreads them. Number 0 is the main one.
    pub context: Option<u32>,
    /// Where the rule is to be, or is.
    pub location: Location,
}

/// The flags in the type of a flow.
const FLAGS: u32 = bindings::FLOW_EXT | bindings::FLOW_MAC_EXT | bindings::FLOW_RSS;

/// Fields that the core has in a member of its union.
///
/// # Safety
///
/// `Raw` must be a member of `ethtool_flow_union` that is made of integers.
unsafe trait Fields: Copy {
    type Raw;

    fn from_raw(raw: &Self::Raw) -> Self;

    /// Writes the fields one by one: what is between them must stay zero, as users see it.
    fn write(self, raw: &mut Self::Raw);
}

fn read<F: Fields>(fields: &bindings::ethtool_flow_union) -> F {
    const { assert!(size_of::<F::Raw>() <= size_of::<bindings::ethtool_flow_union>()) };
    // SAFETY: By the contract of `Fields`, this is a member of the union, and any bits are a value.
    F::from_raw(unsafe { &*core::ptr::from_ref(fields).cast::<F::Raw>() })
}

fn write<F: Fields>(value: F, fields: &mut bindings::ethtool_flow_union) {
    const { assert!(size_of::<F::Raw>() <= size_of::<bindings::ethtool_flow_union>()) };
    // SAFETY: As in `read`.
    value.write(unsafe { &mut *core::ptr::from_mut(fields).cast::<F::Raw>() });
}

fn read_masked<F: Fields>(spec: &bindings::ethtool_rx_flow_spec) -> Masked<F> {
    Masked {
        value: read(&spec.h_u),
        mask: read(&spec.m_u),
    }
}

fn write_masked<F: Fields>(fields: Masked<F>, spec: &mut bindings::ethtool_rx_flow_spec) {
    write(fields.value, &mut spec.h_u);
    write(fields.mask, &mut spec.m_u);
}

/// An IPv6 address as the core has it.
fn address(words: &[bindings::__be32; 4]) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
    bytes
}

/// An IPv6 address as the core wants it.
fn words(bytes: [u8; 16]) -> [bindings::__be32; 4] {
    let mut words = [0; 4];
    for (place, word) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        *place = u32::from_ne_bytes(word.try_into().unwrap_or_default());
    }
    words
}

// SAFETY: `tcp_ip4_spec`, `udp_ip4_spec` and `sctp_ip4_spec`.
unsafe impl Fields for Transport4 {
    type Raw = bindings::ethtool_tcpip4_spec;

    fn from_raw(raw: &Self::Raw) -> Self {
        Self {
            source: raw.ip4src.to_ne_bytes(),
            destination: raw.ip4dst.to_ne_bytes(),
            source_port: raw.psrc.to_ne_bytes(),
            destination_port: raw.pdst.to_ne_bytes(),
            tos: raw.tos,
        }
    }

    fn write(self, raw: &mut Self::Raw) {
        raw.ip4src = u32::from_ne_bytes(self.source);
        raw.ip4dst = u32::from_ne_bytes(self.destination);
        raw.psrc = u16::from_ne_bytes(self.source_port);
        raw.pdst = u16::from_ne_bytes(self.destination_port);
        raw.tos = self.tos;
    }
}

// SAFETY: `ah_ip4_spec` and `esp_ip4_spec`.
unsafe impl Fields for Ipsec4 {
    type Raw = bindings::ethtool_ah_espip4_spec;

    fn from_raw(raw: &Self::Raw) -> Self {
        Self {
            source: raw.ip4src.to_ne_bytes(),
            destination: raw.ip4dst.to_ne_bytes(),
            spi: raw.spi.to_ne_bytes(),
            tos: raw.tos,
        }
    }

    fn write(self, raw: &mut Self::Raw) {
        raw.ip4src = u32::from_ne_bytes(self.source);
        raw.ip4dst = u32::from_ne_bytes(self.destination);
        raw.spi = u32::from_ne_bytes(self.spi);
        raw.tos = self.tos;
    }
}

// SAFETY: `usr_ip4_spec`.
unsafe impl Fields for Ip4 {
    type Raw = bindings::ethtool_usrip4_spec;

    fn from_raw(raw: &Self::Raw) -> Self {
        Self {
            source: raw.ip4src.to_ne_bytes(),
            destination: raw.ip4dst.to_ne_bytes(),
            l4_bytes: raw.l4_4_bytes.to_ne_bytes(),
            tos: raw.tos,
            protocol: raw.proto,
        }
    }

    fn write(self, raw: &mut Self::Raw) {
        raw.ip4src = u32::from_ne_bytes(self.source);
        raw.ip4dst = u32::from_ne_bytes(self.destination);
        raw.l4_4_bytes = u32::from_ne_bytes(self.l4_bytes);
        raw.tos = self.tos;
        raw.proto = self.protocol;
    }
}

// SAFETY: `tcp_ip6_spec`, `udp_ip6_spec` and `sctp_ip6_spec`.
unsafe impl Fields for Transport6 {
    type Raw = bindings::ethtool_tcpip6_spec;

    fn from_raw(raw: &Self::Raw) -> Self {
        Self {
            source: address(&raw.ip6src),
            destination: address(&raw.ip6dst),
            source_port: raw.psrc.to_ne_bytes(),
            destination_port: raw.pdst.to_ne_bytes(),
            traffic_class: raw.tclass,
        }
    }

    fn write(self, raw: &mut Self::Raw) {
        raw.ip6src = words(self.source);
        raw.ip6dst = words(self.destination);
        raw.psrc = u16::from_ne_bytes(self.source_port);
        raw.pdst = u16::from_ne_bytes(self.destination_port);
        raw.tclass = self.traffic_class;
    }
}

// SAFETY: `ah_ip6_spec` and `esp_ip6_spec`.
unsafe impl Fields for Ipsec6 {
    type Raw = bindings::ethtool_ah_espip6_spec;

    fn from_raw(raw: &Self::Raw) -> Self {
        Self {
            source: address(&raw.ip6src),
            destination: address(&raw.ip6dst),
            spi: raw.spi.to_ne_bytes(),
            traffic_class: raw.tclass,
        }
    }

    fn write(self, raw: &mut Self::Raw) {
        raw.ip6src = words(self.source);
        raw.ip6dst = words(self.destination);
        raw.spi = u32::from_ne_bytes(self.spi);
        raw.tclass = self.traffic_class;
    }
}

// SAFETY: `usr_ip6_spec`.
unsafe impl Fields for Ip6 {
    type Raw = bindings::ethtool_usrip6_spec;

    fn from_raw(raw: &Self::Raw) -> Self {
        Self {
            source: address(&raw.ip6src),
            destination: address(&raw.ip6dst),
            l4_bytes: raw.l4_4_bytes.to_ne_bytes(),
            traffic_class: raw.tclass,
            protocol: raw.l4_proto,
        }
    }

    fn write(self, raw: &mut Self::Raw) {
        raw.ip6src = words(self.source);
        raw.ip6dst = words(self.destination);
        raw.l4_4_bytes = u32::from_ne_bytes(self.l4_bytes);
        raw.tclass = self.traffic_class;
        raw.l4_proto = self.protocol;
    }
}

// SAFETY: `ether_spec`.
unsafe impl Fields for Ether {
    type Raw = bindings::ethhdr;

    fn from_raw(raw: &Self::Raw) -> Self {
        let ether_type = raw.h_proto;
        Self {
            destination: raw.h_dest,
            source: raw.h_source,
            ether_type: ether_type.to_ne_bytes(),
        }
    }

    fn write(self, raw: &mut Self::Raw) {
        raw.h_dest = self.destination;
        raw.h_source = self.source;
        raw.h_proto = u16::from_ne_bytes(self.ether_type);
    }
}

impl Extension {
    fn from_raw(raw: &bindings::ethtool_flow_ext) -> Self {
        let mut user = [0; 8];
        for (place, word) in user.chunks_exact_mut(4).zip(raw.data) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        Self {
            vlan_ether_type: raw.vlan_etype.to_ne_bytes(),
            vlan_tci: raw.vlan_tci.to_ne_bytes(),
            user,
        }
    }

    fn write(self, raw: &mut bindings::ethtool_flow_ext) {
        let [a, b, c, d, e, f, g, h] = self.user;
        raw.vlan_etype = u16::from_ne_bytes(self.vlan_ether_type);
        raw.vlan_tci = u16::from_ne_bytes(self.vlan_tci);
        raw.data = [[a, b, c, d], [e, f, g, h]].map(u32::from_ne_bytes);
    }
}

impl FlowMatch {
    /// # Errors
    ///
    /// `EOPNOTSUPP` for a type that is not known, `EINVAL` for another version of IP in a rule for
    /// IPv4.
    fn from_raw(spec: &bindings::ethtool_rx_flow_spec) -> Result<Self> {
        Ok(match spec.flow_type & !FLAGS {
            bindings::TCP_V4_FLOW => Self::Tcp4(read_masked(spec)),
            bindings::UDP_V4_FLOW => Self::Udp4(read_masked(spec)),
            bindings::SCTP_V4_FLOW => Self::Sctp4(read_masked(spec)),
            bindings::AH_V4_FLOW => Self::Ah4(read_masked(spec)),
            bindings::ESP_V4_FLOW => Self::Esp4(read_masked(spec)),
            bindings::IPV4_USER_FLOW => {
                // SAFETY: This type has this member of the union, and any bits are a value.
                let (value, mask) = unsafe {
                    (
                        spec.h_u.usr_ip4_spec.ip_ver,
                        spec.m_u.usr_ip4_spec.ip_ver, //
                    )
                };
                if u32::from(value) != bindings::ETH_RX_NFC_IP4 || mask != 0 {
                    return Err(EINVAL);
                }
                Self::Ip4(read_masked(spec))
            }
            bindings::TCP_V6_FLOW => Self::Tcp6(read_masked(spec)),
            bindings::UDP_V6_FLOW => Self::Udp6(read_masked(spec)),
            bindings::SCTP_V6_FLOW => Self::Sctp6(read_masked(spec)),
            bindings::AH_V6_FLOW => Self::Ah6(read_masked(spec)),
            bindings::ESP_V6_FLOW => Self::Esp6(read_masked(spec)),
            bindings::IPV6_USER_FLOW => Self::Ip6(read_masked(spec)),
            bindings::ETHER_FLOW => Self::Ether(read_masked(spec)),
            _ => return Err(not_supported()),
        })
    }

    fn write(self, spec: &mut bindings::ethtool_rx_flow_spec) {
        match self {
            Self::Tcp4(fields) | Self::Udp4(fields) | Self::Sctp4(fields) => {
                write_masked(fields, spec)
            }
            Self::Ah4(fields) | Self::Esp4(fields) => write_masked(fields, spec),
            Self::Ip4(fields) => {
                write_masked(fields, spec);
                // CAST: 1.
                spec.h_u.usr_ip4_spec.ip_ver = bindings::ETH_RX_NFC_IP4 as u8;
            }
            Self::Tcp6(fields) | Self::Udp6(fields) | Self::Sctp6(fields) => {
                write_masked(fields, spec)
            }
            Self::Ah6(fields) | Self::Esp6(fields) => write_masked(fields, spec),
            Self::Ip6(fields) => write_masked(fields, spec),
            Self::Ether(fields) => write_masked(fields, spec),
        }
        spec.flow_type = match self {
            Self::Tcp4(_) => bindings::TCP_V4_FLOW,
            Self::Udp4(_) => bindings::UDP_V4_FLOW,
            Self::Sctp4(_) => bindings::SCTP_V4_FLOW,
            Self::Ah4(_) => bindings::AH_V4_FLOW,
            Self::Esp4(_) => bindings::ESP_V4_FLOW,
            Self::Ip4(_) => bindings::IPV4_USER_FLOW,
            Self::Tcp6(_) => bindings::TCP_V6_FLOW,
            Self::Udp6(_) => bindings::UDP_V6_FLOW,
            Self::Sctp6(_) => bindings::SCTP_V6_FLOW,
            Self::Ah6(_) => bindings::AH_V6_FLOW,
            Self::Esp6(_) => bindings::ESP_V6_FLOW,
            Self::Ip6(_) => bindings::IPV6_USER_FLOW,
            Self::Ether(_) => bindings::ETHER_FLOW,
        };
    }
}

// CAST: All ones, and one less: 64-bit numbers that bindgen takes for negative ones.
const DROP: u64 = bindings::RX_CLS_FLOW_DISC as u64;
const WAKE: u64 = bindings::RX_CLS_FLOW_WAKE as u64;

impl Action {
    /// # Errors
    ///
    /// `EOPNOTSUPP` for a rule that wakes the host or is for a virtual function, `EINVAL` for a
    /// queue beyond all.
    fn from_raw(cookie: u64) -> Result<Self> {
        match cookie {
            DROP => Ok(Self::Drop),
            WAKE => Err(not_supported()),
            cookie => match u32::try_from(cookie) {
                Ok(queue) => Ok(Self::Queue(queue)),
                Err(_) if cookie >> bindings::ETHTOOL_RX_FLOW_SPEC_RING_VF_OFF <= 0xff => {
                    Err(not_supported())
                }
                Err(_) => Err(EINVAL),
            },
        }
    }

    fn raw(self) -> u64 {
        match self {
            Self::Drop => DROP,
            Self::Queue(queue) => queue.into(),
        }
    }
}

impl Location {
    /// # Errors
    ///
    /// `EINVAL` for a special one that is not known.
    fn from_raw(location: u32) -> Result<Self> {
        match location {
            bindings::RX_CLS_LOC_ANY => Ok(Self::Any),
            bindings::RX_CLS_LOC_FIRST => Ok(Self::First),
            bindings::RX_CLS_LOC_LAST => Ok(Self::Last),
            location if location & bindings::RX_CLS_LOC_SPECIAL != 0 => Err(EINVAL),
            location => Ok(Self::At(location)),
        }
    }
}

impl FlowRule {
    /// The rule that the core has as `spec`, with a configuration of receive-side scaling if there
    /// is one in the type of the flow.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` for a type of flow that is not known, for a rule that wakes the host or is for a
    /// virtual function; `EINVAL` for values that nobody knows.
    pub(super) fn from_raw(spec: &bindings::ethtool_rx_flow_spec, context: u32) -> Result<Self> {
        let has = |flag| spec.flow_type & flag != 0;
        let (value, mask) = (&spec.h_ext, &spec.m_ext);
        Ok(Self {
            flow: FlowMatch::from_raw(spec)?,
            extension: has(bindings::FLOW_EXT).then(|| Masked {
                value: Extension::from_raw(value),
                mask: Extension::from_raw(mask),
            }),
            destination: has(bindings::FLOW_MAC_EXT).then_some(Masked {
                value: value.h_dest,
                mask: mask.h_dest,
            }),
            action: Action::from_raw(spec.ring_cookie)?,
            context: has(bindings::FLOW_RSS).then_some(context),
            location: Location::from_raw(spec.location)?,
        })
    }

    /// Writes the rule to `spec`, but for where it is, and for the number of its configuration. Of
    /// what was there before nothing stays.
    pub(super) fn write(&self, spec: &mut bindings::ethtool_rx_flow_spec) {
        // SAFETY: Zeros are a value of this type. What lies between its fields is zeroed, too.
        unsafe { core::ptr::from_mut(spec).write_bytes(0, 1) };
        self.flow.write(spec);
        if let Some(extension) = self.extension {
            spec.flow_type |= bindings::FLOW_EXT;
            extension.value.write(&mut spec.h_ext);
            extension.mask.write(&mut spec.m_ext);
        }
        if let Some(destination) = self.destination {
            spec.flow_type |= bindings::FLOW_MAC_EXT;
            spec.h_ext.h_dest = destination.value;
            spec.m_ext.h_dest = destination.mask;
        }
        if self.context.is_some() {
            spec.flow_type |= bindings::FLOW_RSS;
        }
        spec.ring_cookie = self.action.raw();
    }
}

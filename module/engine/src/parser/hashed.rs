// SPDX-License-Identifier: GPL-2.0

//! What the kernel makes its own hash of a flow from, for who asks the kernel to make it.

use parse_graph::{stop, Carrier, Field};

use super::found::{Found, Verdict};
use super::keys::FlowType;
use super::machine::Machine;
use crate::fields::get;
use crate::frame::VlanTag;
use crate::memory::Memory;
use crate::protocol::{ETH_P_IP, ETH_P_IPV6};

/// Offset of the EtherType in a frame, in bytes.
const ETHER_TYPE: usize = 12;
/// Offset of the EtherType behind the first VLAN tag of a frame.
const TAGGED_TYPE: usize = 16;
/// Offset of the addresses in `struct bpf_flow_keys`.
const ADDRESSES: usize = match Field::Ipv6Src.carrier() {
    Carrier::FlowKeys(at) => at as usize,
    Carrier::Device(_) => unreachable!(),
};
/// What is less is the length of a frame of IEEE 802.3.
const ETH_P_802_3_MIN: u64 = 0x600;
/// The bits of tag control information that tell flows apart: not the drop eligible indicator.
const TCI: u16 = 0xefff;

/// What the kernel's hash of a flow is made from, as `skb_get_hash` asks its flow dissector for it
/// (`struct flow_keys` of `include/net/flow_dissector.h`). Bytes are as on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FlowKeys {
    /// What the addresses are of, if there are any.
    pub addresses: Option<IpVersion>,
    /// Where both addresses lie in `struct bpf_flow_keys`: those of IPv6, or of IPv4 in the first eight
    /// bytes, behind which are those of an IPv6 header around it, if it has one.
    pub address_bytes: [u8; 32],
    /// EtherType of the network header.
    pub ether_type: [u8; 2],
    /// Protocol behind the IP header.
    pub ip_protocol: u8,
    /// Flow label of IPv6, 20 bits in host byte order.
    pub flow_label: u32,
    /// Both ports.
    pub ports: [u8; 4],
    /// The outermost VLAN tag, without its drop eligible indicator, and the EtherType behind it.
    pub vlan: Option<(VlanTag, [u8; 2])>,
    /// The key of GRE.
    pub gre_key: [u8; 4],
}

/// Of which version addresses are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl FlowKeys {
    /// Whether they tell one flow of two hosts from another (`flow_keys_have_l4`).
    #[inline]
    pub fn have_layer4(&self) -> bool {
        self.ports != [0; 4] || self.flow_label != 0
    }

    /// What kind of frame they are of.
    pub fn flow(&self) -> FlowType {
        let Some(version) = self.addresses else {
            return FlowType::Ether;
        };
        match (version, self.ports) {
            (IpVersion::V4, [0, 0, 0, 0]) => FlowType::Ipv4,
            (IpVersion::V6, [0, 0, 0, 0]) => FlowType::Ipv6,
            _ => FlowType::of(version == IpVersion::V6, self.ip_protocol),
        }
    }
}

impl<M: Memory> Machine<M> {
    /// Finds what the kernel makes its hash of `frame` from, which begins with its Ethernet header and has
    /// the VLAN tag `beside` not among its bytes. What the frame breaks off within is not there, as in the
    /// kernel. `None` if the graph leaves the frame to the kernel, or it has a length for an EtherType,
    /// for which the kernel has types of its own, or a tag and so many headers that it matters whether the
    /// tag is counted: a program does not see one that is beside the frame. Any context.
    pub fn flow_keys_of(&self, frame: &[u8], beside: Option<VlanTag>) -> Option<FlowKeys> {
        let found = self.parse(frame, stop::STOP_AT_FLOW_LABEL);
        let has_type = found.number(Field::NProto) >= ETH_P_802_3_MIN;
        if found.verdict == Verdict::LeftOut || !has_type {
            return None;
        }
        let keys = FlowKeys::of(&found, frame, beside);
        let may_be_at_limit = found.steps().len() > usize::from(self.stages.counted());
        (keys.vlan.is_none() || !may_be_at_limit).then_some(keys)
    }
}

impl FlowKeys {
    fn of(found: &Found, frame: &[u8], beside: Option<VlanTag>) -> Self {
        // CAST: Fields of 32, 16 and, below, 8 bits.
        let number32 = |field| found.number(field) as u32;
        let number16 = |field| found.number(field) as u16;
        let addresses = match number16(Field::AddrProto).swap_bytes() {
            ETH_P_IP => Some(IpVersion::V4),
            ETH_P_IPV6 => Some(IpVersion::V6),
            _ => None,
        };
        let among = || {
            let tag = VlanTag {
                protocol: number16(Field::VlanTpid),
                tci: number16(Field::VlanTci),
            };
            (tag.protocol != 0).then_some((tag, TAGGED_TYPE))
        };
        let tag = beside.map(|tag| (tag, ETHER_TYPE)).or_else(among);
        let vlan = tag.map(|(tag, behind)| {
            let tci = tag.tci & TCI;
            (
                VlanTag { tci, ..tag },
                get(frame, behind).unwrap_or_default(),
            )
        });
        Self {
            addresses,
            address_bytes: get(&found.flow_keys(), ADDRESSES).unwrap_or_default(),
            ether_type: number16(Field::NProto).to_be_bytes(),
            ip_protocol: found.number(Field::IpProto) as u8,
            flow_label: number32(Field::FlowLabel),
            ports: number32(Field::Ports).to_be_bytes(),
            vlan,
            gre_key: number32(Field::GreKey).to_be_bytes(),
        }
    }
}

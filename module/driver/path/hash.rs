// SPDX-License-Identifier: GPL-2.0

//! The hash of a frame's flow: the device's, or the stack's own of what the device has found.

use crate::port::Port;
use engine::{
    descriptor::{
        RxDescriptor,
        ToldFlow, //
    },
    parser::{
        FlowKeys,
        FlowType,
        IpVersion, //
    },
    steer, //
};
use net::{
    flow_dissector,
    rcu,
    skbuff::HashKind,
    xdp::{
        RssHash,
        RssType, //
    }, //
};

impl Port {
    /// The hash that the stack is told.
    #[inline]
    pub(super) fn told_hash(
        &self,
        descriptor: &RxDescriptor,
        guard: &rcu::Guard,
    ) -> Option<(u32, HashKind)> {
        match descriptor.flow.as_ref()? {
            ToldFlow::Hash(hash) => Some((hash.value, kind(hash.kind))),
            ToldFlow::Keys(keys) => Some(self.own_hash(keys, guard)),
        }
    }

    /// The hash that the stack makes of a flow by itself.
    #[inline(never)]
    fn own_hash(&self, keys: &FlowKeys, guard: &rcu::Guard) -> (u32, HashKind) {
        let is_flow = keys.have_layer4();
        let hash = flow_dissector::flow_hash(&in_words_of_kernel(keys), &self.device, guard);
        (hash, HashKind::OfStack { is_flow })
    }

    /// The hash that programs of the host are told.
    pub(super) fn rss_hash(
        &self,
        descriptor: &RxDescriptor,
        guard: &rcu::Guard,
    ) -> Option<RssHash> {
        let (value, kind) = self.told_hash(descriptor, guard)?;
        let rss_type = match descriptor.flow.as_ref()? {
            ToldFlow::Hash(hash) => rss_type(hash.flow, hash.kind, hash.extended),
            ToldFlow::Keys(keys) => rss_type_of_keys(keys),
        };
        Some(RssHash {
            value,
            kind,
            rss_type,
        })
    }
}

fn in_words_of_kernel(keys: &FlowKeys) -> flow_dissector::FlowKeys {
    let (tpid, tci, behind) = match keys.vlan {
        None => ([0; 2], 0, [0; 2]),
        Some((tag, behind)) => (tag.protocol.to_be_bytes(), tag.tci, behind),
    };
    flow_dissector::FlowKeys {
        addr_proto: match keys.addresses {
            None => 0,
            Some(IpVersion::V4) => flow_dissector::ETH_P_IP,
            Some(IpVersion::V6) => flow_dissector::ETH_P_IPV6,
        },
        addresses: keys.address_bytes,
        n_proto: keys.ether_type,
        ip_proto: keys.ip_protocol,
        flow_label: keys.flow_label,
        ports: keys.ports,
        gre_key: keys.gre_key,
        vlan_tpid: tpid,
        vlan_tci: tci,
        vlan_eth_type: behind,
    }
}

/// In the words of the stack.
const fn kind(kind: steer::HashKind) -> HashKind {
    match kind {
        steer::HashKind::L2 => HashKind::L2,
        steer::HashKind::L3 => HashKind::L3,
        steer::HashKind::L4 => HashKind::L4,
    }
}

/// What the stack's own hash is made of, in the words of programs.
fn rss_type_of_keys(keys: &FlowKeys) -> Option<RssType> {
    let kind = match keys.ports {
        // They have none for flow labels.
        [0, 0, 0, 0] => steer::HashKind::L3,
        _ => steer::HashKind::L4,
    };
    rss_type(keys.flow(), kind, false)
}

/// What a hash is made of, in the words of programs, which have none for Ethernet alone. `extended`: the
/// frame has options of IPv4, or extension headers of IPv6.
fn rss_type(flow: FlowType, kind: steer::HashKind, extended: bool) -> Option<RssType> {
    let (version, layer4) = match flow {
        FlowType::Ether => return None,
        FlowType::Ipv4 => (RssType::IPV4, None),
        FlowType::Tcp4 => (RssType::IPV4, Some(RssType::TCP)),
        FlowType::Udp4 => (RssType::IPV4, Some(RssType::UDP)),
        FlowType::Sctp4 => (RssType::IPV4, Some(RssType::SCTP)),
        FlowType::Ah4 | FlowType::Esp4 => (RssType::IPV4, Some(RssType::IPSEC)),
        FlowType::Ipv6 => (RssType::IPV6, None),
        FlowType::Tcp6 => (RssType::IPV6, Some(RssType::TCP)),
        FlowType::Udp6 => (RssType::IPV6, Some(RssType::UDP)),
        FlowType::Sctp6 => (RssType::IPV6, Some(RssType::SCTP)),
        FlowType::Ah6 | FlowType::Esp6 => (RssType::IPV6, Some(RssType::IPSEC)),
    };
    let mut all = version;
    if extended {
        all = all.with(RssType::DYNAMIC_HEADER);
    }
    match kind {
        steer::HashKind::L2 => None,
        steer::HashKind::L3 => Some(all),
        steer::HashKind::L4 => {
            all = all.with(RssType::L4);
            Some(layer4.map_or(all, |layer4| all.with(layer4)))
        }
    }
}

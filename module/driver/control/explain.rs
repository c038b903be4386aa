// SPDX-License-Identifier: GPL-2.0

//! Where the device would have a frame go, in the words of the offload infrastructure.

use crate::port::Port;
use device::steer::{
    Explained,
    Looked, //
};
use engine::{
    parser::FlowType,
    steer::{
        HashKind,
        Reason,
        Symmetry, //
    }, //
};
use net::rcu;
use offload::{
    HashLevel,
    Hashed,
    SteerReason,
    Steered, //
};

impl Port {
    /// Where a frame would go that arrived now, which begins with `frame`.
    pub(super) fn explain(&self, frame: &[u8]) -> Steered {
        let guard = rcu::Guard::new();
        let explained = self.hardware.explain(self, frame, &guard);
        let told = Steered {
            reason: SteerReason::SingleQueue,
            queue: explained.queue.map(u32::from),
            rule: None,
            table: None,
            context: 0,
            entry: None,
            flow: None,
            hash: None,
            programmed: explained.programmed,
        };
        match &explained {
            Explained {
                looked: Some(looked),
                ..
            } => tell(looked, told),
            _ => told,
        }
    }
}

/// `told`, with what was found in the frame.
fn tell(looked: &Looked, told: Steered) -> Steered {
    let (steered, hashed) = (&looked.steered, &looked.hashed);
    Steered {
        reason: reason(steered.reason),
        rule: steered.rule,
        table: steered.table,
        context: steered.context,
        entry: steered.entry.map(|entry| (entry, hashed.entries)),
        flow: Some(flow_type(looked.flow)),
        hash: steered.hash.map(|hash| Hashed {
            value: hash.value,
            level: match hash.kind {
                HashKind::L2 => HashLevel::L2,
                HashKind::L3 => HashLevel::L3,
                HashKind::L4 => HashLevel::L4,
            },
            fields: hashed.fields.bits(),
            symmetry: match hashed.symmetry {
                Symmetry::None => offload::Symmetry::None,
                Symmetry::Xor => offload::Symmetry::Xor,
                Symmetry::OrXor => offload::Symmetry::OrXor,
            },
        }),
        ..told
    }
}

const fn reason(reason: Reason) -> SteerReason {
    match reason {
        Reason::Hash => SteerReason::Hash,
        Reason::Unhashed => SteerReason::Unhashed,
        Reason::Rule => SteerReason::Rule,
        Reason::Dropped => SteerReason::RuleDrop,
        Reason::Flow => SteerReason::Flow,
        Reason::Discarded => SteerReason::TypeDrop,
        Reason::Program => SteerReason::Program,
        Reason::Filtered | Reason::OtherVlan => SteerReason::Filtered,
    }
}

const fn flow_type(flow: FlowType) -> offload::FlowType {
    match flow {
        FlowType::Ether => offload::FlowType::Ether,
        FlowType::Ipv4 => offload::FlowType::Ip4,
        FlowType::Tcp4 => offload::FlowType::Tcp4,
        FlowType::Udp4 => offload::FlowType::Udp4,
        FlowType::Sctp4 => offload::FlowType::Sctp4,
        FlowType::Ah4 => offload::FlowType::Ah4,
        FlowType::Esp4 => offload::FlowType::Esp4,
        FlowType::Ipv6 => offload::FlowType::Ip6,
        FlowType::Tcp6 => offload::FlowType::Tcp6,
        FlowType::Udp6 => offload::FlowType::Udp6,
        FlowType::Sctp6 => offload::FlowType::Sctp6,
        FlowType::Ah6 => offload::FlowType::Ah6,
        FlowType::Esp6 => offload::FlowType::Esp6,
    }
}

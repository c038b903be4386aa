// SPDX-License-Identifier: GPL-2.0

//! Rules of users', as the device has them.

use engine::{
    parser::{
        widened,
        Keys,
        Layer4,
        IPPROTO_AH,
        IPPROTO_ESP,
        IPPROTO_SCTP,
        IPPROTO_TCP,
        IPPROTO_UDP, //
    },
    steer::{
        self,
        Rule, //
    }, //
};
use kernel::{
    fmt::{
        Display,
        Formatter,
        Result as FmtResult, //
    },
    prelude::*, //
};
use net::{
    error::not_supported,
    ethtool::{
        Action,
        Ether,
        FlowMatch,
        FlowRule,
        Ip4,
        Ip6,
        Ipsec4,
        Ipsec6,
        Masked,
        Transport4,
        Transport6, //
    }, //
};

/// Why a port can't have a rule.
pub(super) enum Refusal {
    /// It names a queue that is not in use.
    Queue { asked: u32, in_use: u16 },
    /// It adds to the queues of a configuration, and comes to one that is not in use.
    Sum {
        largest: u16,
        offset: u32,
        in_use: u16,
    },
    /// It asks for bits of the driver's own.
    UserDefined,
}

impl Refusal {
    /// What the user gets.
    pub(super) fn errno(&self) -> Error {
        match self {
            Self::Queue { .. } | Self::Sum { .. } => EINVAL,
            Self::UserDefined => not_supported(),
        }
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match self {
            Self::Queue { asked, in_use } => {
                write!(f, "queue {asked} is none of the {in_use} that are in use")
            }
            Self::Sum {
                largest,
                offset,
                in_use,
            } => write!(
                f,
                "queue {offset} is added to those of the context, of which {largest} is the largest, \
                 and {in_use} are in use"
            ),
            Self::UserDefined => f.write_str("user-def means nothing to this device"),
        }
    }
}

/// Whether a port with `in_use` queues can have `rule`, which is for a configuration with `table`, if
/// for any.
///
/// # Errors
///
/// Why not.
pub(super) fn check(rule: &FlowRule, table: Option<&[u16]>, in_use: u16) -> Result<(), Refusal> {
    if let Action::Queue(asked) = rule.action {
        if asked >= in_use.into() {
            return Err(Refusal::Queue { asked, in_use });
        }
        let largest = table.and_then(|table| table.iter().max());
        if let Some(&largest) =
            largest.filter(|&&largest| u32::from(largest).saturating_add(asked) >= in_use.into())
        {
            return Err(Refusal::Sum {
                largest,
                offset: asked,
                in_use,
            });
        }
    }
    let user = rule
        .extension
        .map_or([0; 8], |extension| extension.mask.user);
    if user != [0; 8] {
        return Err(Refusal::UserDefined);
    }
    Ok(())
}

/// What the device makes of a rule that was [checked](check).
pub(super) fn of(rule: &FlowRule) -> Rule {
    let mut keys = of_flow(&rule.flow);
    if let Some(extension) = &rule.extension {
        keys = keys.with(extension, |keys, extension| {
            keys.vlan_protocol = u16::from_be_bytes(extension.vlan_ether_type);
            keys.vlan_tci = u16::from_be_bytes(extension.vlan_tci);
        });
    }
    if let Some(destination) = &rule.destination {
        keys = keys.with(destination, |keys, address| {
            for (place, byte) in keys.destination.iter_mut().zip(address) {
                *place |= byte;
            }
        });
    }
    // CAST: A queue in use.
    let action = match (rule.action, rule.context) {
        (Action::Drop, _) => steer::Action::Drop,
        (Action::Queue(queue), None) => steer::Action::Queue(queue as u16),
        (Action::Queue(queue), Some(id)) => steer::Action::Context {
            id,
            offset: queue as u16,
        },
    };
    Rule {
        key: keys.value.words(),
        mask: keys.mask.words(),
        action,
    }
}

/// Keys, and which of their bits count.
#[derive(Default)]
struct Pair {
    value: Keys,
    mask: Keys,
}

impl Pair {
    /// This, with the keys that count, and those bits of them, set by what is in `fields`.
    fn with<F>(mut self, fields: &Masked<F>, set: impl Fn(&mut Keys, &F)) -> Self {
        set(&mut self.value, &fields.value);
        set(&mut self.mask, &fields.mask);
        self
    }

    /// Asks for packets of IP version `version`.
    fn ip(version: u8) -> Self {
        let mut pair = Self::default();
        (pair.value.ip_version, pair.mask.ip_version) = (version, u8::MAX);
        pair
    }

    /// Asks for packets that are no fragments and have `protocol` behind IP version `version`.
    fn transport(version: u8, protocol: u8) -> Self {
        let mut pair = Self::ip(version);
        (pair.value.ip_protocol, pair.mask.ip_protocol) = (protocol, u8::MAX);
        pair.whole()
    }

    /// Asks for what is no fragment.
    fn whole(mut self) -> Self {
        (self.value.layer4, self.mask.layer4) = (Layer4::Whole, Layer4::Whole);
        self
    }

    /// Asks for what is no fragment, if first bytes behind the IP header count by `mask`.
    fn whole_for(self, mask: [u8; 4]) -> Self {
        if mask == [0; 4] {
            self
        } else {
            self.whole()
        }
    }
}

/// The keys that frames must have for `flow`.
fn of_flow(flow: &FlowMatch) -> Pair {
    match flow {
        FlowMatch::Tcp4(fields) => transport4(IPPROTO_TCP, fields),
        FlowMatch::Udp4(fields) => transport4(IPPROTO_UDP, fields),
        FlowMatch::Sctp4(fields) => transport4(IPPROTO_SCTP, fields),
        FlowMatch::Ah4(fields) => ipsec4(IPPROTO_AH, fields),
        FlowMatch::Esp4(fields) => ipsec4(IPPROTO_ESP, fields),
        FlowMatch::Ip4(fields) => ip4(fields),
        FlowMatch::Tcp6(fields) => transport6(IPPROTO_TCP, fields),
        FlowMatch::Udp6(fields) => transport6(IPPROTO_UDP, fields),
        FlowMatch::Sctp6(fields) => transport6(IPPROTO_SCTP, fields),
        FlowMatch::Ah6(fields) => ipsec6(IPPROTO_AH, fields),
        FlowMatch::Esp6(fields) => ipsec6(IPPROTO_ESP, fields),
        FlowMatch::Ip6(fields) => ip6(fields),
        FlowMatch::Ether(fields) => ether(fields),
    }
}

fn transport4(protocol: u8, fields: &Masked<Transport4>) -> Pair {
    Pair::transport(4, protocol).with(fields, |keys, fields| {
        keys.ip_source = widened(fields.source);
        keys.ip_destination = widened(fields.destination);
        keys.ports = ports(fields.source_port, fields.destination_port);
        keys.tos = fields.tos;
    })
}

fn transport6(protocol: u8, fields: &Masked<Transport6>) -> Pair {
    Pair::transport(6, protocol).with(fields, |keys, fields| {
        keys.ip_source = fields.source;
        keys.ip_destination = fields.destination;
        keys.ports = ports(fields.source_port, fields.destination_port);
        keys.tos = fields.traffic_class;
    })
}

fn ipsec4(protocol: u8, fields: &Masked<Ipsec4>) -> Pair {
    Pair::transport(4, protocol).with(fields, |keys, fields| {
        keys.ip_source = widened(fields.source);
        keys.ip_destination = widened(fields.destination);
        keys.ports = fields.spi;
        keys.tos = fields.tos;
    })
}

fn ipsec6(protocol: u8, fields: &Masked<Ipsec6>) -> Pair {
    Pair::transport(6, protocol).with(fields, |keys, fields| {
        keys.ip_source = fields.source;
        keys.ip_destination = fields.destination;
        keys.ports = fields.spi;
        keys.tos = fields.traffic_class;
    })
}

fn ip4(fields: &Masked<Ip4>) -> Pair {
    let pair = Pair::ip(4).with(fields, |keys, fields| {
        keys.ip_source = widened(fields.source);
        keys.ip_destination = widened(fields.destination);
        keys.ports = fields.l4_bytes;
        keys.tos = fields.tos;
        keys.ip_protocol = fields.protocol;
    });
    pair.whole_for(fields.mask.l4_bytes)
}

fn ip6(fields: &Masked<Ip6>) -> Pair {
    let pair = Pair::ip(6).with(fields, |keys, fields| {
        keys.ip_source = fields.source;
        keys.ip_destination = fields.destination;
        keys.ports = fields.l4_bytes;
        keys.tos = fields.traffic_class;
        keys.ip_protocol = fields.protocol;
    });
    pair.whole_for(fields.mask.l4_bytes)
}

fn ether(fields: &Masked<Ether>) -> Pair {
    Pair::default().with(fields, |keys, fields| {
        keys.destination = fields.destination;
        keys.source = fields.source;
        keys.ether_type = u16::from_be_bytes(fields.ether_type);
    })
}

/// The keys of two ports.
const fn ports(source: [u8; 2], destination: [u8; 2]) -> [u8; 4] {
    [source[0], source[1], destination[0], destination[1]]
}

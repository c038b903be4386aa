// SPDX-License-Identifier: GPL-2.0

//! Rules of users', as the device has them.

use super::user::{
    self,
    RawRule, //
};
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
        with_payload,
        Carrier,
        Place,
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
use offload_uapi::limits::MAX_PAYLOAD_OFFSET;

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
    /// It looks at two bytes of a payload (`user-def`) in a way that the device does not.
    UserDefined(UserDefinedRefusal),
    /// It can't be one of a raw table (`user-def`).
    Raw(user::Refusal),
}

/// Why `user-def` can't be as it is.
pub(super) enum UserDefinedRefusal {
    /// Frames of the flow's type have nothing that it could mean.
    Type,
    /// Bits count that mean nothing.
    Unknown { value: u64 },
    /// The mask has the offset in part.
    PartOfOffset { mask: u64 },
    /// The mask has nothing of the bytes.
    NoByte { mask: u64 },
    /// The offset is too large.
    Offset { value: u64, offset: u64 },
}

impl Refusal {
    /// What the user gets.
    pub(super) fn errno(&self) -> Error {
        match self {
            Self::Queue { .. } | Self::Sum { .. } => EINVAL,
            Self::UserDefined(UserDefinedRefusal::Type) => not_supported(),
            Self::UserDefined(_) | Self::Raw(_) => EINVAL,
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
            Self::UserDefined(refusal) => {
                f.write_str("user-def")?;
                refusal.fmt(f)
            }
            Self::Raw(refusal) => refusal.fmt(f),
        }
    }
}

impl Display for UserDefinedRefusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match *self {
            Self::Type => f.write_str(
                ": only what tcp, udp, sctp and ip carry, version 4 or 6, is looked at, and this is \
                 a rule for another type of flow",
            ),
            Self::Unknown { value } => write!(
                f,
                " {value:#x}: bits 32 to 47 and 63 mean nothing, and have to be 0"
            ),
            // Users of `ethtool` give the bits that do not count.
            Self::PartOfOffset { mask } => write!(
                f,
                " m {:#x}: bits 16 to 31 are an offset, of which all have to count",
                !mask
            ),
            Self::NoByte { mask } => write!(
                f,
                " m {:#x}: bits 0 to 15 are what a frame is to have, and none counts",
                !mask
            ),
            Self::Offset { value, offset } => write!(
                f,
                " {value:#x}: offset {offset} is beyond the last one, {MAX_PAYLOAD_OFFSET}"
            ),
        }
    }
}

/// Two bytes that frames are to carry.
struct Payload {
    place: Place,
    value: u16,
    mask: u16,
}

impl Payload {
    /// What a rule asks for by `user-def`: bits 16 to 31 are an offset in what frames of the flow's type
    /// carry, bits 0 to 15 the two bytes there. `None` if it does not ask.
    ///
    /// # Errors
    ///
    /// Why the device can't look for that.
    fn of(rule: &FlowRule) -> Result<Option<Self>, UserDefinedRefusal> {
        let Some(extension) = &rule.extension else {
            return Ok(None);
        };
        let mask = u64::from_be_bytes(extension.mask.user);
        // One of a raw table has other bits.
        if mask == 0 || RawRule::of(rule).is_ok_and(|raw| raw.is_some()) {
            return Ok(None);
        }
        let value = u64::from_be_bytes(extension.value.user);
        let of = match rule.flow {
            FlowMatch::Tcp4(_)
            | FlowMatch::Udp4(_)
            | FlowMatch::Sctp4(_)
            | FlowMatch::Tcp6(_)
            | FlowMatch::Udp6(_)
            | FlowMatch::Sctp6(_) => Carrier::Transport,
            FlowMatch::Ip4(_) | FlowMatch::Ip6(_) => Carrier::Ip,
            FlowMatch::Ah4(_)
            | FlowMatch::Esp4(_)
            | FlowMatch::Ah6(_)
            | FlowMatch::Esp6(_)
            | FlowMatch::Ether(_) => return Err(UserDefinedRefusal::Type),
        };
        if (value & mask) >> 32 != 0 {
            return Err(UserDefinedRefusal::Unknown { value });
        }
        if !mask & 0xffff_0000 != 0 {
            return Err(UserDefinedRefusal::PartOfOffset { mask });
        }
        if mask & 0xffff == 0 {
            return Err(UserDefinedRefusal::NoByte { mask });
        }
        let wanted = value >> 16 & 0xffff;
        let offset = u8::try_from(wanted).ok();
        let offset = offset.filter(|offset| *offset <= MAX_PAYLOAD_OFFSET);
        let offset = offset.ok_or(UserDefinedRefusal::Offset {
            value,
            offset: wanted,
        })?;
        // CAST: The lower 16 bits.
        Ok(Some(Self {
            place: Place { of, offset },
            value: value as u16,
            mask: mask as u16,
        }))
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
        check_queue(asked, table, in_use)?;
    }
    RawRule::of(rule).map_err(Refusal::Raw)?;
    Payload::of(rule).map(drop).map_err(Refusal::UserDefined)
}

/// Whether a rule of a port with `in_use` queues can ask for queue `asked`, or have it added to those of
/// `table`.
///
/// # Errors
///
/// Why not.
pub(super) fn check_queue(asked: u32, table: Option<&[u16]>, in_use: u16) -> Result<(), Refusal> {
    if asked >= in_use.into() {
        return Err(Refusal::Queue { asked, in_use });
    }
    let largest = table.and_then(|table| table.iter().max());
    match largest {
        Some(&largest) if u32::from(largest).saturating_add(asked) >= in_use.into() => {
            Err(Refusal::Sum {
                largest,
                offset: asked,
                in_use,
            })
        }
        _ => Ok(()),
    }
}

/// What the device looks for in frames by a rule that was [checked](check).
pub(crate) struct Wanted {
    /// Keys that frames must have,
    pub(crate) value: Keys,
    /// and which of their bits count.
    pub(crate) mask: Keys,
    /// Two bytes of the payload and the mask for them, each behind their offset, as in `user-def`.
    pub(crate) user: Option<(u32, u32)>,
}

impl Wanted {
    /// By `rule`.
    pub(crate) fn of(rule: &FlowRule) -> Self {
        let Pair { value, mask } = keys(rule);
        let payload = Payload::of(rule).unwrap_or_default();
        let user = payload.map(|it| {
            let number = |offset: u16, bytes: u16| u32::from(offset) << 16 | u32::from(bytes);
            let offset = it.place.offset.into();
            (
                number(offset, it.value & it.mask),
                number(u16::MAX, it.mask),
            )
        });
        Self { value, mask, user }
    }
}

/// What becomes of frames that a rule has that was [checked](check).
pub(crate) fn action(rule: &FlowRule) -> steer::Action {
    // CAST: A queue in use.
    match (rule.action, rule.context) {
        (Action::Drop, _) => steer::Action::Drop,
        (Action::Queue(queue), None) => steer::Action::Queue(queue as u16),
        (Action::Queue(queue), Some(id)) => steer::Action::Context {
            id,
            offset: queue as u16,
        },
    }
}

/// The keys that frames must have for a rule.
fn keys(rule: &FlowRule) -> Pair {
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
    keys
}

/// What the device makes of a rule that was [checked](check).
pub(super) fn of(rule: &FlowRule) -> Rule {
    let keys = keys(rule);
    // It was checked.
    let payload = Payload::of(rule).unwrap_or_default();
    let (value, mask) = payload.as_ref().map_or((0, 0), |it| (it.value, it.mask));
    Rule {
        key: with_payload(keys.value.words(), value),
        mask: with_payload(keys.mask.words(), mask),
        payload: payload.map(|it| it.place),
        action: action(rule),
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

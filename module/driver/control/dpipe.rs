// SPDX-License-Identifier: GPL-2.0

//! How the device parses and steers frames, as `devlink dpipe` shows it.
//!
//! Headers have all fields that a parse graph could find, whatever the one that runs finds: a rule may ask for
//! what the next graph finds and this one does not, and has to be shown with that. What follows the graph are
//! the tables' lists of fields.

use super::{
    ports::Ports,
    steer::{
        rule::{
            self,
            Wanted, //
        },
        user::RawRule, //
    }, //
};
use crate::port::{
    key_bytes,
    Configuration,
    Port,
    RawTable, //
};
use engine::{
    parser::{
        Keys,
        Layer4, //
    },
    resources::Resource,
    steer::{
        Action,
        Rule,
        MAIN_CONTEXT, //
    }, //
};
use kernel::prelude::*;
use net::{
    devlink::dpipe::{
        self,
        Dump,
        Fields,
        Header,
        Headers,
        Listed,
        Pipeline,
        Place,
        Value, //
    },
    error::not_supported,
    ethtool::FlowRule, //
};
use parse_graph::Field;

/// The tables of a NIC, in the order of [`Table`].
pub(crate) struct SteeringPipeline;

/// A table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    /// What the parser does.
    Parser,
    /// Rules of receive flow classification.
    Ntuple,
    /// Indirection tables of receive-side scaling.
    Rss,
    /// The flows of accelerated RFS.
    Arfs,
    /// Rules of raw tables.
    Raw,
}

impl Table {
    const ALL: [Self; 5] = [Self::Parser, Self::Ntuple, Self::Rss, Self::Arfs, Self::Raw];

    /// What an entry takes one of.
    const fn resource(self) -> Resource {
        match self {
            Self::Parser => Resource::ParserNodes,
            Self::Ntuple => Resource::Rules,
            Self::Rss => Resource::RssEntries,
            Self::Arfs => Resource::Flows,
            Self::Raw => Resource::RawRules,
        }
    }

    const fn told(self) -> dpipe::Table {
        let name = match self {
            Self::Parser => c"parser",
            Self::Ntuple => c"ntuple",
            Self::Rss => c"rss",
            Self::Arfs => c"arfs",
            Self::Raw => c"raw",
        };
        dpipe::Table {
            name,
            resource: Some(self.resource() as usize),
        }
    }
}

/// What is not in a frame.
#[derive(Clone, Copy)]
enum Meta {
    /// Number of the port that the frame has come to.
    Port,
    /// The queue that it gets.
    Queue,
    /// What is added to the queue that it gets.
    QueueOffset,
    /// 1 if it is dropped.
    Drop,
    /// The configuration that spreads it.
    RssContext,
    /// The entry of that configuration's table.
    RssEntry,
    /// Its hash.
    Hash,
    /// Two bytes of its payload, behind their offset, as in the `user-def` of rules.
    UserDef,
    /// Number of the raw table that looks at it.
    RawTable,
    /// What the frame has in the key of that: its first 16 bytes,
    RawKey0,
    /// the next ones,
    RawKey1,
    /// those behind them,
    RawKey2,
    /// and the last ones.
    RawKey3,
}

impl Meta {
    const FIELDS: [dpipe::Field; 13] = [
        dpipe::Field::new(c"port", Self::Port as u32, 16).of_interfaces(),
        dpipe::Field::new(c"queue", Self::Queue as u32, 16),
        dpipe::Field::new(c"queue_offset", Self::QueueOffset as u32, 16),
        dpipe::Field::new(c"drop", Self::Drop as u32, 1),
        dpipe::Field::new(c"rss_context", Self::RssContext as u32, 32),
        dpipe::Field::new(c"rss_entry", Self::RssEntry as u32, 32),
        dpipe::Field::new(c"hash", Self::Hash as u32, 32),
        dpipe::Field::new(c"user_def", Self::UserDef as u32, 32),
        dpipe::Field::new(c"raw_table", Self::RawTable as u32, 16),
        dpipe::Field::new(c"raw_key0", Self::RawKey0 as u32, 128),
        dpipe::Field::new(c"raw_key1", Self::RawKey1 as u32, 128),
        dpipe::Field::new(c"raw_key2", Self::RawKey2 as u32, 128),
        dpipe::Field::new(c"raw_key3", Self::RawKey3 as u32, 128),
    ];

    /// The pieces of the key of a raw table.
    const RAW_KEY: [Self; 4] = [Self::RawKey0, Self::RawKey1, Self::RawKey2, Self::RawKey3];

    const fn place(self) -> Place {
        // CAST: A small number.
        META.field(self as u32)
    }

    fn value(self, value: impl Into<u32>) -> Value {
        Value::number(self.place(), value.into())
    }
}

static META_FIELDS: [dpipe::Field; Meta::FIELDS.len()] = Meta::FIELDS;
static META: Header = Header::new(c"offload_nic_meta", 0, &META_FIELDS);

/// Whether a header of the core's has `field`.
const fn is_common(field: Field) -> bool {
    matches!(field, Field::EthDst | Field::Ipv4Dst | Field::Ipv6Dst)
}

/// The number of `field` in [`PARSED`]: how many come before it there.
const fn number(field: Field) -> u32 {
    let mut number = 0;
    let mut index = 0;
    while index < Field::ALL.len() && Field::ALL[index] as u8 != field as u8 {
        if !is_common(Field::ALL[index]) {
            number += 1;
        }
        index += 1;
    }
    number
}

static PARSED_FIELDS: [dpipe::Field; Field::ALL.len() - 3] = {
    let mut fields = [const { dpipe::Field::new(c"", 0, 0) }; Field::ALL.len() - 3];
    let mut index = 0;
    while index < Field::ALL.len() {
        let field = Field::ALL[index];
        if !is_common(field) {
            let id = number(field);
            fields[id as usize] = dpipe::Field::new(field.c_name(), id, field.bits());
        }
        index += 1;
    }
    fields
};
static PARSED: Header = Header::new(c"offload_nic_parser", 1, &PARSED_FIELDS);

static LIST: [Listed; 5] = [
    Listed::new(&META),
    Listed::new(&PARSED),
    Listed::ethernet(),
    Listed::ipv4(),
    Listed::ipv6(),
];
static HEADERS: Headers = Headers::new(&LIST);

/// Where `field` is among the headers.
fn place(field: Field) -> Place {
    match field {
        Field::EthDst => Place::ethernet_destination(),
        Field::Ipv4Dst => Place::ipv4_destination(),
        Field::Ipv6Dst => Place::ipv6_destination(),
        _ => PARSED.field(number(field)),
    }
}

/// The fields that rules may ask for.
const ASKED_FOR: [Field; 15] = [
    Field::EthDst,
    Field::EthSrc,
    Field::NProto,
    Field::VlanTpid,
    Field::VlanTci,
    Field::AddrProto,
    Field::IpProto,
    Field::Tos,
    Field::IsFrag,
    Field::Ipv4Src,
    Field::Ipv4Dst,
    Field::Ipv6Src,
    Field::Ipv6Dst,
    Field::Ports,
    // Not asked for by itself: where the payload begins.
    Field::Thoff,
];

/// Which of all fields the parser that runs can find.
struct Found(u64);

impl Found {
    fn by(ports: &Ports) -> Self {
        // Wherever the parser stops, it says where.
        let mut found = Self(1 << Field::Thoff as u8);
        if let Some(parser) = ports.asic().card.parsers.running() {
            let contents = parser.contents();
            let stores = contents.iter().flat_map(|blob| blob.graph.all_stores());
            for store in stores {
                found.0 |= 1 << store.field as u8;
            }
        }
        found
    }

    fn has(&self, field: Field) -> bool {
        self.0 & 1 << field as u8 != 0
    }
}

/// Each fits into the set.
const _: () = {
    let mut index = 0;
    while index < Field::ALL.len() {
        assert!((Field::ALL[index] as u8) < 64);
        index += 1;
    }
};

impl Pipeline<Ports> for SteeringPipeline {
    const TABLES: &'static [dpipe::Table] = &[
        Table::Parser.told(),
        Table::Ntuple.told(),
        Table::Rss.told(),
        Table::Arfs.told(),
        Table::Raw.told(),
    ];

    fn headers() -> &'static Headers {
        &HEADERS
    }

    fn size(ports: &Ports, index: usize) -> u64 {
        let table = Table::ALL.get(index);
        table.map_or(0, |table| ports.resources().usage(table.resource()).size)
    }

    fn matches(ports: &Ports, index: usize, list: &mut Fields<'_>) -> Result {
        let meta: &[Meta] = match Table::ALL.get(index) {
            // It begins with nothing but the frame.
            Some(Table::Parser) | None => return Ok(()),
            Some(Table::Ntuple) => {
                let found = Found::by(ports);
                list.push(Meta::Port.place())?;
                for field in ASKED_FOR.into_iter().filter(|field| found.has(*field)) {
                    if field == Field::Thoff {
                        list.push(Meta::UserDef.place())?;
                    } else {
                        list.push(place(field))?;
                    }
                }
                return Ok(());
            }
            Some(Table::Rss) => &[Meta::Port, Meta::RssContext, Meta::RssEntry],
            Some(Table::Arfs) => &[Meta::Port, Meta::Hash],
            Some(Table::Raw) => &[
                Meta::Port,
                Meta::RawTable,
                Meta::RawKey0,
                Meta::RawKey1,
                Meta::RawKey2,
                Meta::RawKey3,
            ],
        };
        meta.iter().try_for_each(|meta| list.push(meta.place()))
    }

    fn actions(ports: &Ports, index: usize, list: &mut Fields<'_>) -> Result {
        let meta: &[Meta] = match Table::ALL.get(index) {
            Some(Table::Parser) => {
                let found = Found::by(ports);
                let mut fields = Field::ALL.into_iter().filter(|field| found.has(*field));
                return fields.try_for_each(|field| list.push(place(field)));
            }
            Some(Table::Ntuple | Table::Raw) => {
                &[Meta::Queue, Meta::Drop, Meta::RssContext, Meta::QueueOffset]
            }
            Some(Table::Rss | Table::Arfs) => &[Meta::Queue],
            None => &[],
        };
        meta.iter().try_for_each(|meta| list.push(meta.place()))
    }

    /// What users choose of a port is written by others meanwhile, who have RTNL and not the lock of the
    /// instance: a port's entries are of one moment, those of two ports need not be.
    fn dump(ports: &Ports, index: usize, dump: &mut Dump<'_>) -> Result {
        let mut all = ports.all();
        match Table::ALL.get(index) {
            // `offloadctl parser show` has a form for graphs.
            Some(Table::Parser) | None => Err(not_supported()),
            Some(Table::Ntuple) => all.try_for_each(|port| dump_rules(port, dump)),
            Some(Table::Rss) => all.try_for_each(|port| dump_spreads(port, dump)),
            Some(Table::Arfs) => all.try_for_each(|port| dump_flows(port, dump)),
            Some(Table::Raw) => all.try_for_each(|port| dump_raw(port, dump)),
        }
    }
}

/// That a frame has come to `port`.
fn at(port: &Port) -> Value {
    Meta::Port
        .value(port.index())
        .of_interface(port.device.ifindex())
}

/// The number of what has the number `of_port`, of 16 bits, in a table of each port.
fn entry(port: &Port, of_port: impl Into<u64>) -> u64 {
    u64::from(port.index()) << 16 | of_port.into()
}

fn dump_rules(port: &Port, dump: &mut Dump<'_>) -> Result {
    let mut asked = Asked(KVec::new());
    for (location, rule) in port.chosen.lock().rules.iter() {
        // One of a raw table is told there.
        if raw_rule(rule).is_some() {
            continue;
        }
        asked.0.clear();
        asked.0.push(at(port), GFP_KERNEL)?;
        asked.ask(&Wanted::of(rule))?;
        let index = entry(port, *location);
        dump_action(index, &asked, rule::action(rule), dump)?;
    }
    Ok(())
}

/// A rule of a raw table, if `rule` is one.
fn raw_rule(rule: &FlowRule) -> Option<RawRule> {
    RawRule::of(rule).unwrap_or_default()
}

fn dump_action(index: u64, asked: &Asked, action: Action, dump: &mut Dump<'_>) -> Result {
    match action {
        Action::Drop => dump.entry(index, &asked.0, &[Meta::Drop.value(1_u32)]),
        Action::Queue(queue) => dump.entry(index, &asked.0, &[Meta::Queue.value(queue)]),
        Action::Context { id, offset } => dump.entry(
            index,
            &asked.0,
            &[Meta::RssContext.value(id), Meta::QueueOffset.value(offset)],
        ),
    }
}

/// The rules of a port's raw tables, each with a number that it has in this list alone.
fn dump_raw(port: &Port, dump: &mut Dump<'_>) -> Result {
    let chosen = port.chosen.lock();
    let mut number = 0_u16;
    let mut asked = Asked(KVec::new());
    let mut dump_one = |table: &RawTable, rule: &Rule| -> Result {
        asked.0.clear();
        asked.0.push(at(port), GFP_KERNEL)?;
        let value = Meta::RawTable.value(table.number);
        asked.0.push(value, GFP_KERNEL)?;
        asked.key(table.len(), rule)?;
        dump_action(entry(port, number), &asked, rule.action, dump)?;
        // Not as many as would come to the beginning again.
        number = number.wrapping_add(1);
        Ok(())
    };
    for table in chosen.raw.iter() {
        for (_, rule) in table.rules.iter() {
            dump_one(table, rule)?;
        }
        for (_, rule) in chosen.rules.iter() {
            if let Some(raw) = raw_rule(rule).filter(|raw| raw.table == table.number) {
                dump_one(table, &raw.rule(table.bits(), rule::action(rule)))?;
            }
        }
    }
    Ok(())
}

/// What a rule asks for.
struct Asked(KVec<Value>);

impl Asked {
    fn ask(&mut self, wanted: &Wanted) -> Result {
        let (value, mask) = (&wanted.value, &wanted.mask);
        self.bytes(Field::EthDst, &value.destination, &mask.destination)?;
        self.bytes(Field::EthSrc, &value.source, &mask.source)?;
        self.number(Field::NProto, value.ether_type, mask.ether_type)?;
        self.number(Field::VlanTpid, value.vlan_protocol, mask.vlan_protocol)?;
        self.number(Field::VlanTci, value.vlan_tci, mask.vlan_tci)?;
        if mask.ip_version != 0 {
            let protocol = if value.ip_version == 4 {
                ETH_P_IP
            } else {
                ETH_P_IPV6
            };
            self.number(Field::AddrProto, protocol, u16::MAX)?;
        }
        self.number(Field::IpProto, value.ip_protocol, mask.ip_protocol)?;
        self.number(Field::Tos, value.tos, mask.tos)?;
        if mask.layer4 != Layer4::None {
            self.number(Field::IsFrag, 0_u32, 1_u32)?;
        }
        self.addresses(value, mask)?;
        let ports = u32::from_be_bytes;
        self.number(Field::Ports, ports(value.ports), ports(mask.ports))?;
        if let Some((value, mask)) = wanted.user {
            let user = Meta::UserDef.value(value);
            let is_exact = mask == u32::MAX;
            let user = if is_exact {
                user
            } else {
                user.under_number(mask)
            };
            self.0.push(user, GFP_KERNEL)?;
        }
        Ok(())
    }

    /// Asks for the bits of a key of `len` bytes that are in the mask of `rule`.
    fn key(&mut self, len: usize, rule: &Rule) -> Result {
        let (value, mask) = (key_bytes(&rule.key), key_bytes(&rule.mask));
        let pieces = value.chunks(PIECE).zip(mask.chunks(PIECE));
        for ((number, meta), (value, mask)) in (0..).zip(Meta::RAW_KEY).zip(pieces) {
            let len = len.saturating_sub(number * PIECE).min(PIECE);
            let (value, mask) = (value.get(..len), mask.get(..len));
            let (Some(value), Some(mask)) = (value, mask) else {
                continue;
            };
            if mask.iter().any(|byte| *byte != 0) {
                let asked = Value::bytes(meta.place(), value).under(mask);
                self.0.push(asked, GFP_KERNEL)?;
            }
        }
        Ok(())
    }

    fn addresses(&mut self, value: &Keys, mask: &Keys) -> Result {
        if value.ip_version != 4 {
            self.bytes(Field::Ipv6Src, &value.ip_source, &mask.ip_source)?;
            return self.bytes(Field::Ipv6Dst, &value.ip_destination, &mask.ip_destination);
        }
        // In the first bytes.
        let number = |[b0, b1, b2, b3, ..]: [u8; 16]| u32::from_be_bytes([b0, b1, b2, b3]);
        let source = (number(value.ip_source), number(mask.ip_source));
        self.number(Field::Ipv4Src, source.0, source.1)?;
        let destination = (number(value.ip_destination), number(mask.ip_destination));
        self.number(Field::Ipv4Dst, destination.0, destination.1)
    }

    /// Asks for those bits of a number in `field` that are in `mask`, if there are any. A mask of all bits that
    /// the field has goes without saying.
    fn number(&mut self, field: Field, value: impl Into<u32>, mask: impl Into<u32>) -> Result {
        let (value, mask) = (value.into(), mask.into());
        if mask == 0 {
            return Ok(());
        }
        let asked = Value::number(place(field), value & mask);
        let is_whole = mask == u32::MAX >> 32_u32.saturating_sub(field.bits());
        let asked = if is_whole {
            asked
        } else {
            asked.under_number(mask)
        };
        Ok(self.0.push(asked, GFP_KERNEL)?)
    }

    /// As [`Self::number`], of bytes.
    fn bytes<const LEN: usize>(
        &mut self,
        field: Field,
        value: &[u8; LEN],
        mask: &[u8; LEN],
    ) -> Result {
        if mask.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        let mut masked = *value;
        masked
            .iter_mut()
            .zip(mask)
            .for_each(|(byte, mask)| *byte &= mask);
        let asked = Value::bytes(place(field), &masked);
        let is_whole = mask.iter().all(|byte| *byte == u8::MAX);
        let asked = if is_whole { asked } else { asked.under(mask) };
        Ok(self.0.push(asked, GFP_KERNEL)?)
    }
}

/// Bytes of a key that have room in one value.
const PIECE: usize = 16;

const ETH_P_IP: u16 = 0x0800;
const ETH_P_IPV6: u16 = 0x86dd;

fn dump_spreads(port: &Port, dump: &mut Dump<'_>) -> Result {
    let chosen = port.chosen.lock();
    let mut number = 0_u16;
    let mut dump_one = |id: u32, configuration: &Configuration| -> Result {
        for (place, queue) in (0_u32..).zip(configuration.table.iter()) {
            dump.entry(
                entry(port, number),
                &[
                    at(port),
                    Meta::RssContext.value(id),
                    Meta::RssEntry.value(place),
                ],
                &[Meta::Queue.value(*queue)],
            )?;
            // Not as many as would come to the beginning again.
            number = number.wrapping_add(1);
        }
        Ok(())
    };
    dump_one(MAIN_CONTEXT, &chosen.main)?;
    for (id, configuration) in chosen.others() {
        dump_one(id, configuration)?;
    }
    Ok(())
}

fn dump_flows(port: &Port, dump: &mut Dump<'_>) -> Result {
    for (filter, hash, queue) in port.hardware.flows() {
        dump.entry(
            entry(port, filter),
            &[at(port), Meta::Hash.value(hash)],
            &[Meta::Queue.value(queue)],
        )?;
    }
    Ok(())
}

/// The numbers of a port's entries have 16 bits.
const _: () = {
    use offload_uapi::limits::{MAX_CONTEXTS, MAX_INDIRECTION, MAX_RAW_RULES, MAX_RULES};
    assert!(MAX_RULES + MAX_RAW_RULES <= 1 << 16);
    assert!((MAX_CONTEXTS + 1) * MAX_INDIRECTION <= 1 << 16);
    assert!(device::port::MAX_FLOWS <= 1 << 16);
};

// SPDX-License-Identifier: GPL-2.0

//! The statistics of queues that the kernel keeps in one form for all NICs, and the pages of their
//! memory: `qstats-get` and `page-pool-get` of the generic netlink family `netdev`
//! (`Documentation/netlink/specs/netdev.yaml`).

use std::collections::BTreeMap;
use std::fmt::Debug;

use anyhow::{bail, ensure, Context, Result};
use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, NetlinkDeserializable, NetlinkMessage, NetlinkPayload,
    NetlinkSerializable, Nla, NlasIterator, Parseable, ParseableParametrized, NLM_F_ACK,
    NLM_F_DUMP, NLM_F_REQUEST,
};
use netlink_packet_generic::ctrl::nlas::GenlCtrlAttrs;
use netlink_packet_generic::ctrl::{GenlCtrl, GenlCtrlCmd};
use netlink_packet_generic::{GenlFamily, GenlHeader, GenlMessage};
use netlink_sys::protocols::NETLINK_GENERIC;
use netlink_sys::{Socket, SocketAddr};

use crate::link::Link;
use crate::netns;

/// `NETDEV_CMD_PAGE_POOL_GET`.
const PAGE_POOL_GET: u8 = 5;
/// `NETDEV_CMD_QSTATS_GET`.
const QSTATS_GET: u8 = 12;
/// `NETDEV_QSTATS_SCOPE_QUEUE`.
const SCOPE_QUEUE: u64 = 1;

/// Attributes of a message, `NETDEV_A_QSTATS_*`.
mod attribute {
    pub(super) const IFINDEX: u16 = 1;
    pub(super) const QUEUE_TYPE: u16 = 2;
    pub(super) const QUEUE_ID: u16 = 3;
    pub(super) const SCOPE: u16 = 4;
}

/// Attributes of a pool, `NETDEV_A_PAGE_POOL_*`.
mod pool {
    pub(super) const IFINDEX: u16 = 2;
    pub(super) const NAPI_ID: u16 = 3;
    pub(super) const INFLIGHT: u16 = 4;
}

/// The counters that are looked at: their names in the specification and their attributes.
const COUNTERS: &[(&str, u16)] = &[
    ("rx-packets", 8),
    ("rx-bytes", 9),
    ("tx-packets", 10),
    ("tx-bytes", 11),
    ("rx-alloc-fail", 12),
    ("rx-csum-complete", 15),
    ("rx-csum-unnecessary", 16),
    ("rx-csum-none", 17),
    ("tx-csum-none", 26),
    ("tx-needs-csum", 27),
    ("tx-hw-gso-packets", 28),
    ("tx-hw-gso-bytes", 29),
    ("tx-hw-gso-wire-packets", 30),
    ("tx-hw-gso-wire-bytes", 31),
];

/// A queue: whether it transmits, and its number.
pub type Queue = (bool, u64);

/// Counters by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    /// The counter `name`; 0 if the kernel does not tell it.
    pub fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// By how much they have grown.
    ///
    /// # Errors
    ///
    /// Where one has gone back.
    pub fn since(&self, before: &Self) -> Result<Self> {
        let grown = |(name, now): (&&'static str, &u64)| {
            let grown = now.checked_sub(before.get(name));
            Ok((
                *name,
                grown.with_context(|| format!("{name} has gone back"))?,
            ))
        };
        self.0.iter().map(grown).collect::<Result<_>>().map(Self)
    }

    /// Adds what `other` has.
    pub fn add(&mut self, other: &Self) {
        for (name, count) in &other.0 {
            *self.0.entry(name).or_default() += count;
        }
    }
}

/// A message of the family `netdev`.
#[derive(Clone, Debug)]
struct Message {
    command: u8,
    attributes: Vec<DefaultNla>,
}

impl GenlFamily for Message {
    fn family_name() -> &'static str {
        "netdev"
    }

    fn command(&self) -> u8 {
        self.command
    }

    fn version(&self) -> u8 {
        1
    }
}

impl Emitable for Message {
    fn buffer_len(&self) -> usize {
        self.attributes.as_slice().buffer_len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        self.attributes.as_slice().emit(buffer);
    }
}

impl ParseableParametrized<[u8], GenlHeader> for Message {
    fn parse_with_param(bytes: &[u8], header: GenlHeader) -> Result<Self, DecodeError> {
        let attributes = NlasIterator::new(bytes).map(|each| DefaultNla::parse(&each?));
        Ok(Self {
            command: header.cmd,
            attributes: attributes.collect::<Result<_, _>>()?,
        })
    }
}

impl Message {
    /// The number in an attribute, which has 32 or 64 bits.
    fn number(&self, attribute: u16) -> Option<u64> {
        let mut all = self.attributes.iter();
        let found = all.find(|each| each.kind() == attribute)?;
        let mut value = vec![0; found.value_len()];
        found.emit_value(&mut value);
        if let Ok(wide) = value.as_slice().try_into() {
            return Some(u64::from_ne_bytes(wide));
        }
        let narrow = value.as_slice().try_into().ok()?;
        Some(u32::from_ne_bytes(narrow).into())
    }

    fn counts(&self) -> Counts {
        let counts = COUNTERS
            .iter()
            .filter_map(|(name, attribute)| Some((*name, self.number(*attribute)?)));
        Counts(counts.collect())
    }
}

/// Asks, and gives the messages of the answer.
fn ask<T>(socket: &Socket, mut message: GenlMessage<T>, family: u16, flags: u16) -> Result<Vec<T>>
where
    T: GenlFamily + Clone + Debug + Emitable + ParseableParametrized<[u8], GenlHeader>,
    GenlMessage<T>: NetlinkSerializable + NetlinkDeserializable,
{
    message.set_resolved_family_id(family);
    let mut request = NetlinkMessage::from(message);
    request.header.flags = NLM_F_REQUEST | flags;
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    socket.send(&bytes, 0).context("ask by generic netlink")?;
    let mut answer = Vec::new();
    loop {
        let (bytes, _) = socket.recv_from_full().context("an answer")?;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let message = NetlinkMessage::<GenlMessage<T>>::deserialize(rest)?;
            let len = (message.header.length as usize).next_multiple_of(4);
            rest = rest.get(len..).unwrap_or_default();
            match message.payload {
                NetlinkPayload::InnerMessage(message) => answer.push(message.into_parts().1),
                NetlinkPayload::Done(_) => return Ok(answer),
                NetlinkPayload::Error(error) if error.code.is_none() => return Ok(answer),
                other => bail!("generic netlink says {other:?}"),
            }
        }
    }
}

/// The number that the kernel has given to the family `netdev`.
fn family(socket: &Socket) -> Result<u16> {
    let asked = GenlMessage::from_payload(GenlCtrl {
        cmd: GenlCtrlCmd::GetFamily,
        nlas: vec![GenlCtrlAttrs::FamilyName(Message::family_name().to_owned())],
    });
    let answer = ask(socket, asked, 0, NLM_F_ACK)?;
    let attributes = answer.iter().flat_map(|message| &message.nlas);
    let id = attributes
        .into_iter()
        .find_map(|attribute| match attribute {
            GenlCtrlAttrs::FamilyId(id) => Some(*id),
            _ => None,
        });
    id.context("the kernel has no family `netdev`")
}

/// Asks for all that `command` gives of what `attributes` choose, in the namespace of `link`.
fn dump(link: &Link, command: u8, attributes: Vec<(u16, Vec<u8>)>) -> Result<Vec<Message>> {
    netns::enter(link.ns.as_deref(), || {
        let mut socket = Socket::new(NETLINK_GENERIC)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        let family = family(&socket)?;
        let attributes = attributes
            .into_iter()
            .map(|(kind, value)| DefaultNla::new(kind, value));
        let asked = GenlMessage::from_payload(Message {
            command,
            attributes: attributes.collect(),
        });
        ask(&socket, asked, family, NLM_F_DUMP)
    })
}

fn statistics(link: &Link, by_queue: bool) -> Result<Vec<Message>> {
    let index = link.index()?.to_ne_bytes().to_vec();
    let mut attributes = vec![(attribute::IFINDEX, index)];
    if by_queue {
        // A number of any width, for the kernel.
        attributes.push((attribute::SCOPE, SCOPE_QUEUE.to_ne_bytes().to_vec()));
    }
    dump(link, QSTATS_GET, attributes)
}

/// A pool of pages for what a queue receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The NAPI instance that takes pages out of it.
    pub napi: Option<u64>,
    /// Pages that are out.
    pub in_flight: u64,
}

/// The pools of `link`.
///
/// # Errors
///
/// As those of [`of_device`].
pub fn page_pools(link: &Link) -> Result<Vec<Pool>> {
    let index = u64::from(link.index()?);
    let all = dump(link, PAGE_POOL_GET, Vec::new())?;
    let ours = all
        .iter()
        .filter(|found| found.number(pool::IFINDEX) == Some(index));
    let pools = ours.map(|found| {
        let in_flight = found.number(pool::INFLIGHT);
        Ok(Pool {
            napi: found.number(pool::NAPI_ID),
            in_flight: in_flight.context("a pool without pages")?,
        })
    });
    pools.collect()
}

/// The counters of `link`, all queues together.
///
/// # Errors
///
/// Where the kernel does not tell them.
pub fn of_device(link: &Link) -> Result<Counts> {
    let found = statistics(link, false)?;
    ensure!(found.len() == 1, "{link}: {found:?}");
    Ok(found[0].counts())
}

/// The counters of each queue of `link` that is in use.
///
/// # Errors
///
/// As those of [`of_device`].
pub fn of_queues(link: &Link) -> Result<BTreeMap<Queue, Counts>> {
    let queue = |found: &Message| -> Result<(Queue, Counts)> {
        let kind = found.number(attribute::QUEUE_TYPE).context("no type")?;
        let id = found.number(attribute::QUEUE_ID).context("no number")?;
        Ok(((kind == 1, id), found.counts()))
    };
    statistics(link, true)?.iter().map(queue).collect()
}

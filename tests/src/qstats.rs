// SPDX-License-Identifier: GPL-2.0

//! The statistics of queues that the kernel keeps in one form for all NICs, and the pages of their
//! memory: `qstats-get` and `page-pool-get` of the generic netlink family `netdev`
//! (`Documentation/netlink/specs/netdev.yaml`).

use std::collections::BTreeMap;

use anyhow::{ensure, Context, Result};
use netlink_packet_core::NLM_F_DUMP;

use crate::genl::{self, Family};
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
    ("rx-hw-gro-packets", 19),
    ("rx-hw-gro-wire-packets", 21),
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

/// The attributes of a message.
#[derive(Clone, Debug)]
struct Message(Vec<u8>);

impl Message {
    /// The number in an attribute, if it is there.
    fn number(&self, attribute: u16) -> Result<Option<u64>> {
        Ok(genl::attributes(&self.0)?.uint(attribute)?)
    }

    fn counts(&self) -> Result<Counts> {
        let mut counts = Counts::default();
        for (name, attribute) in COUNTERS {
            if let Some(count) = self.number(*attribute)? {
                counts.0.insert(name, count);
            }
        }
        Ok(counts)
    }
}

/// Asks for all that `command` gives of what `attributes` choose, in the namespace of `link`.
fn dump(link: &Link, command: u8, attributes: Vec<(u16, Vec<u8>)>) -> Result<Vec<Message>> {
    netns::enter(link.ns.as_deref(), || {
        let answer = Family::open("netdev")?.ask(command, attributes, NLM_F_DUMP)?;
        Ok(answer.into_iter().map(Message).collect())
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
    let mut pools = Vec::new();
    for found in dump(link, PAGE_POOL_GET, Vec::new())? {
        if found.number(pool::IFINDEX)? == Some(index) {
            pools.push(Pool {
                napi: found.number(pool::NAPI_ID)?,
                in_flight: found
                    .number(pool::INFLIGHT)?
                    .context("a pool without pages")?,
            });
        }
    }
    Ok(pools)
}

/// The counters of `link`, all queues together.
///
/// # Errors
///
/// Where the kernel does not tell them.
pub fn of_device(link: &Link) -> Result<Counts> {
    let found = statistics(link, false)?;
    ensure!(found.len() == 1, "{link}: {found:?}");
    found[0].counts()
}

/// The counters of each queue of `link` that is in use.
///
/// # Errors
///
/// As those of [`of_device`].
pub fn of_queues(link: &Link) -> Result<BTreeMap<Queue, Counts>> {
    let queue = |found: &Message| -> Result<(Queue, Counts)> {
        let kind = found.number(attribute::QUEUE_TYPE)?.context("no type")?;
        let id = found.number(attribute::QUEUE_ID)?.context("no number")?;
        Ok(((kind == 1, id), found.counts()?))
    };
    statistics(link, true)?.iter().map(queue).collect()
}

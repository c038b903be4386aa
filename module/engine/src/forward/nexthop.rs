// SPDX-License-Identifier: GPL-2.0

//! Where routes lead: a neighbour behind a port, or one of several by a hash.
//!
//! A route has the number of an entry here, and that has a record, which nobody changes: another one is put
//! in its place. An entry stays while routes or groups name it, even if the nexthop is taken out; then it has
//! no record, and what it is for is not forwarded by the device.
//!
//! Of a group, the hash chooses as `nexthop_select_path_hthr()` of Linux does: each member has the hashes up to a
//! bound, by the weights of it and of those before it.

use core::sync::atomic::{AtomicU32, Ordering};

use super::arena::{Arena, Block};
use super::entry::Stamp;
use super::error::{EntryError, Part};
use super::keyed::Keyed;
use super::log::{Left, Log};
use super::record::{words_of, words_of_group, Member, Nexthop, Record, Via, MAX_MEMBERS};
use crate::memory::{Memory, OutOfMemory};

/// The way of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Way {
    /// The number of the entry of the group, if a member of one was chosen.
    pub(super) group: Option<u32>,
    /// The number of the nexthop's entry.
    pub(super) entry: u32,
    pub(super) via: Via,
}

/// Why a frame has no way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoWay {
    /// There is no record.
    Missing,
    /// It has no hash, and is for a group.
    Unhashed,
}

/// All nexthops.
pub(super) struct Nexthops<M: Memory> {
    /// What a nexthop's number stands for is its record, or 0.
    table: Keyed<M, 2>,
    records: Arena<M>,
    /// How many routes and members name each entry.
    names: M::Buffer<AtomicU32>,
}

impl<M: Memory> Nexthops<M> {
    /// Room for `len` nexthops, and `bytes` bytes for their records. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub(super) fn new(memory: &M, len: u32, bytes: u32, seed: u64) -> Result<Self, OutOfMemory> {
        let table: Keyed<M, 2> = Keyed::new(memory, len, seed)?;
        // CAST: A `usize` has at least 32 bits.
        let len = table.entries().capacity() as usize;
        Ok(Self {
            table,
            records: Arena::new(memory, bytes)?,
            names: memory.allocate(len, |_| AtomicU32::new(0))?,
        })
    }

    /// Bytes that [`new`](Self::new) allocates.
    pub(super) fn memory(len: u32, bytes: u32) -> u64 {
        let names = u64::from(len).wrapping_mul(size_of::<AtomicU32>() as u64);
        Keyed::<M, 2>::memory(len)
            .wrapping_add(Arena::<M>::memory(bytes))
            .wrapping_add(names)
    }

    pub(super) fn table(&self) -> &Keyed<M, 2> {
        &self.table
    }

    pub(super) fn records(&self) -> &Arena<M> {
        &self.records
    }

    /// The record of `entry`, if it has one.
    #[inline]
    fn record(&self, entry: u32) -> Option<Record<'_>> {
        // CAST: 32 bits were stored.
        let block = Block::of(self.table.value(entry)? as u32)?;
        Some(Record(self.records.words(block)))
    }

    /// The way of a frame to the nexthop of `entry`. `hash` is that of its flow, of 31 bits. Any context.
    #[inline]
    pub(super) fn way(&self, entry: u32, hash: impl FnOnce() -> Option<u32>) -> Result<Way, NoWay> {
        let record = self.record(entry).ok_or(NoWay::Missing)?;
        if let Some(via) = record.via() {
            let group = None;
            return Ok(Way { group, entry, via });
        }
        let hash = hash().ok_or(NoWay::Unhashed)?;
        let mut members = record.members();
        let chosen = members.find(|(bound, _)| hash <= *bound);
        let (_, member) = chosen.ok_or(NoWay::Missing)?;
        let via = self.record(member).and_then(|record| record.via());
        Ok(Way {
            group: Some(entry),
            entry: member,
            via: via.ok_or(NoWay::Missing)?,
        })
    }

    /// Whether some way of `entry` is by `port`. Any context.
    pub(super) fn uses(&self, entry: u32, port: u16) -> bool {
        let Some(record) = self.record(entry) else {
            return false;
        };
        let leads = |via: Option<Via>| via.is_some_and(|via| via.port == port);
        leads(record.via())
            || record
                .members()
                .any(|(_, member)| leads(self.record(member).and_then(|record| record.via())))
    }

    /// The entry of nexthop `id`, if that is there.
    pub(super) fn find(&self, id: u32) -> Option<u32> {
        let (entry, record) = self.table.find(&[id.into()])?;
        (record != 0).then_some(entry)
    }

    /// The number of the nexthop that `entry` is of.
    pub(super) fn id(&self, entry: u32) -> Option<u32> {
        let [_, id] = self.table.key(entry)?;
        // CAST: 32 bits were stored.
        Some(id as u32)
    }

    /// Has `id` lead to `nexthop`.
    ///
    /// # Errors
    ///
    /// [`EntryError`]; nothing has changed then.
    pub(super) fn set(
        &self,
        id: u32,
        nexthop: &Nexthop<'_>,
        stamp: Stamp,
        log: &mut Log<M>,
    ) -> Result<(), EntryError> {
        let record = match nexthop {
            Nexthop::Via(via) => self.record_of(via),
            Nexthop::Group(members) => self.record_of_group(id, members),
        }?;
        let known = self.table.find(&[id.into()]);
        let value = u64::from(record.bits());
        let entry = match known {
            Some((entry, _)) => Some(entry),
            None => self.table.insert(&[id.into()], value, stamp),
        };
        let Some(entry) = entry else {
            self.records.give(record);
            return Err(EntryError::Full {
                part: Part::Nexthops,
                limit: self.table.entries().capacity().into(),
            });
        };
        for (_, member) in Record(self.records.words(record)).members() {
            self.name(member);
        }
        if known.is_some() {
            self.replace(entry, value, log);
        }
        if let Some(entry) = self.table.entries().get(entry) {
            entry.set_owned(stamp.owned);
        }
        Ok(())
    }

    /// Takes the nexthop of `entry` out: its entry goes when nobody names it any more.
    pub(super) fn remove(&self, entry: u32, log: &mut Log<M>) {
        self.replace(entry, 0, log);
        self.leave_if_idle(entry, log);
    }

    /// Has `record`, or nothing, be what `entry` has.
    fn replace(&self, entry: u32, record: u64, log: &mut Log<M>) {
        // CAST: 32 bits were stored.
        let old = self.table.value(entry).unwrap_or(0) as u32;
        self.table.set_value(entry, record);
        let Some(old) = Block::of(old) else { return };
        for (_, member) in Record(self.records.words(old)).members() {
            self.forget(member, log);
        }
        log.push(Left::Record(old));
    }

    /// Notes that one more route or member has the number of `entry`.
    pub(super) fn name(&self, entry: u32) {
        self.count(entry, 1);
    }

    /// Notes that one less has it.
    pub(super) fn forget(&self, entry: u32, log: &mut Log<M>) {
        self.count(entry, u32::MAX);
        self.leave_if_idle(entry, log);
    }

    /// Adds `more`, which wraps around, to the number of those that name `entry`.
    fn count(&self, entry: u32, more: u32) {
        // CAST: A `usize` has at least 32 bits.
        if let Some(names) = self.names.get(entry as usize) {
            let sum = names.load(Ordering::Relaxed).wrapping_add(more);
            names.store(sum, Ordering::Relaxed);
        }
    }

    fn leave_if_idle(&self, entry: u32, log: &mut Log<M>) {
        // CAST: A `usize` has at least 32 bits.
        let names = self.names.get(entry as usize);
        let is_named = names.is_some_and(|names| names.load(Ordering::Relaxed) > 0);
        if is_named || self.table.value(entry) != Some(0) {
            return;
        }
        if let Some(id) = self.id(entry) {
            if self.table.remove(&[id.into()]).is_some() {
                log.push(Left::Nexthop(entry));
            }
        }
    }

    /// A block for a record of `words`, which are written to it.
    fn block(&self, words: impl Iterator<Item = u64>, len: usize) -> Result<Block, EntryError> {
        let block = self.records.take(len).ok_or(EntryError::Full {
            part: Part::Records,
            limit: self.records.bytes(),
        })?;
        for (to, word) in self.records.words(block).iter().zip(words) {
            to.store(word, Ordering::Relaxed);
        }
        Ok(block)
    }

    fn record_of(&self, via: &Via) -> Result<Block, EntryError> {
        self.block(words_of(via).into_iter(), 4)
    }

    /// Of the group that `group` is to be.
    fn record_of_group(&self, group: u32, members: &[Member]) -> Result<Block, EntryError> {
        if members.is_empty() || members.len() > MAX_MEMBERS {
            return Err(EntryError::Members {
                asked: members.len(),
                limit: MAX_MEMBERS,
            });
        }
        let (mut entries, mut total) = ([0; MAX_MEMBERS], 0_u64);
        for (to, Member { id, weight }) in entries.iter_mut().zip(members) {
            let id = *id;
            *to = self.find(id).ok_or(EntryError::NoNexthop { id })?;
            let is_via = self
                .record(*to)
                .is_some_and(|record| record.via().is_some());
            if id == group || !is_via {
                return Err(EntryError::Nested { id });
            }
            if *weight == 0 {
                return Err(EntryError::Weight { id });
            }
            total = total.wrapping_add((*weight).into());
        }
        let words = words_of_group(members, &entries, total);
        let len = members.len().wrapping_add(1);
        self.block(words, len)
    }

    /// What `entry` leads to, if it is that of no group.
    pub(super) fn via(&self, entry: u32) -> Option<Via> {
        self.record(entry)?.via()
    }

    /// Gives `each` member of the group of `entry`: its number, and the last hash that it has.
    pub(super) fn members(&self, entry: u32, mut each: impl FnMut(u32, u32)) {
        if let Some(record) = self.record(entry) {
            for (bound, member) in record.members() {
                each(self.id(member).unwrap_or(0), bound);
            }
        }
    }
}

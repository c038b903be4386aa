// SPDX-License-Identifier: GPL-2.0

//! A table in which entries are found by a key of some words.
//!
//! Entries with one hash are a chain. Readers walk it without a lock: an entry comes in as the first of its
//! chain when all of it is written, and one that leaves still leads those on who are at it. It is taken for
//! another key only when there are none of these any more; see [`Log`](super::log::Log). What a key stands for is
//! one word, so that it changes at once.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::entry::{store_all, Entries, Entry, Stamp, NONE};
use crate::memory::{Memory, OutOfMemory};
use crate::mix::hash;

/// Entries of `WORDS` words: what the key stands for, and the key.
pub(super) struct Keyed<M: Memory, const WORDS: usize> {
    entries: Entries<M, WORDS>,
    /// The first entry of each chain. As many as a power of two.
    chains: M::Buffer<AtomicU32>,
    seed: u64,
}

/// How many chains there are for `len` entries.
fn chains(len: u32) -> u32 {
    len.checked_next_power_of_two().unwrap_or(1 << 31)
}

impl<M: Memory, const WORDS: usize> Keyed<M, WORDS> {
    /// Room for `len` entries. `seed` is a random number, so that nobody can choose keys that are much work
    /// to look up. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub(super) fn new(memory: &M, len: u32, seed: u64) -> Result<Self, OutOfMemory> {
        let entries: Entries<M, WORDS> = Entries::new(memory, len)?;
        // CAST: A `usize` has at least 32 bits.
        let chains = chains(entries.capacity()) as usize;
        Ok(Self {
            entries,
            chains: memory.allocate(chains, |_| AtomicU32::new(NONE))?,
            seed,
        })
    }

    /// Bytes that [`new`](Self::new) allocates.
    pub(super) fn memory(len: u32) -> u64 {
        let chains = u64::from(chains(len.min(super::entry::MOST)));
        Entries::<M, WORDS>::memory(len)
            .wrapping_add(chains.wrapping_mul(size_of::<AtomicU32>() as u64))
    }

    /// The entries, by their numbers.
    #[inline]
    pub(super) fn entries(&self) -> &Entries<M, WORDS> {
        &self.entries
    }

    /// The number of the entry with `key`, and what that stands for. Any context.
    #[inline]
    pub(super) fn find(&self, key: &[u64]) -> Option<(u32, u64)> {
        let (index, entry) = self.chain(key).find(|(_, entry)| has(*entry, key))?;
        Some((index, value_of(entry)?.load(Ordering::Acquire)))
    }

    /// What the key of the entry with number `index` stands for.
    #[inline]
    pub(super) fn value(&self, index: u32) -> Option<u64> {
        let value = value_of(self.entries.get(index)?)?;
        Some(value.load(Ordering::Acquire))
    }

    /// Has the key of the entry with number `index` stand for `value`, after all that was written.
    pub(super) fn set_value(&self, index: u32, value: u64) {
        if let Some(to) = self.entries.get(index).and_then(value_of) {
            to.store(value, Ordering::Release);
        }
    }

    /// Takes `key` in, which is not there, and gives the number of its entry. `None` if there is no room.
    pub(super) fn insert(&self, key: &[u64], value: u64, stamp: Stamp) -> Option<u32> {
        let first = self.first(key)?;
        let (index, entry) = self.entries.take(stamp)?;
        if let Some((to, words)) = entry.words().split_first() {
            to.store(value, Ordering::Relaxed);
            store_all(words, key);
        }
        entry.set_link(first.load(Ordering::Relaxed));
        first.store(index, Ordering::Release);
        Some(index)
    }

    /// Takes `key` out, and gives the number of its entry. Those who look may still see that.
    pub(super) fn remove(&self, key: &[u64]) -> Option<u32> {
        let mut before = None;
        let (index, entry) = self.chain(key).find(|(_, entry)| {
            let is_it = has(entry, key);
            if !is_it {
                before = Some(*entry);
            }
            is_it
        })?;
        match before {
            Some(before) => before.set_link(entry.link()),
            None => self.first(key)?.store(entry.link(), Ordering::Release),
        }
        self.entries.leave();
        Some(index)
    }

    /// The first entry that is in the table with a number of at least `from`. For who writes.
    pub(super) fn next(&self, from: u32) -> Option<u32> {
        (from..self.entries.capacity()).find(|index| {
            let key = self.key(*index).unwrap_or([0; WORDS]);
            let key = key.split_first().map_or(&[][..], |(_, key)| key);
            self.find(key).is_some_and(|(found, _)| found == *index)
        })
    }

    /// What the entry with number `index` has: what its key stands for, and the key.
    pub(super) fn key(&self, index: u32) -> Option<[u64; WORDS]> {
        let words = self.entries.get(index)?.words();
        Some(words.each_ref().map(|word| word.load(Ordering::Relaxed)))
    }

    /// Where the chain for `key` begins.
    #[inline]
    fn first(&self, key: &[u64]) -> Option<&AtomicU32> {
        // CAST: A `usize` has at least 32 bits.
        let chain =
            hash(self.seed, key.iter().copied()) as usize & self.chains.len().wrapping_sub(1);
        self.chains.get(chain)
    }

    /// The entries with the hash of `key`.
    #[inline]
    fn chain(&self, key: &[u64]) -> impl Iterator<Item = (u32, &Entry<WORDS>)> {
        let mut next = self
            .first(key)
            .map_or(NONE, |first| first.load(Ordering::Acquire));
        // No chain has more, whatever is read.
        (0..self.entries.capacity()).map_while(move |_| {
            let (index, entry) = (next, self.entries.get(next)?);
            next = entry.link();
            Some((index, entry))
        })
    }
}

/// What the key of `entry` stands for.
#[inline]
fn value_of<const WORDS: usize>(entry: &Entry<WORDS>) -> Option<&AtomicU64> {
    entry.words().first()
}

/// Whether `entry` is that with `key`.
#[inline]
fn has<const WORDS: usize>(entry: &Entry<WORDS>, key: &[u64]) -> bool {
    let words = entry.words().split_first().map_or(&[][..], |(_, key)| key);
    words
        .iter()
        .zip(key)
        .all(|(word, key)| word.load(Ordering::Relaxed) == *key)
}

#[cfg(test)]
mod tests {
    use super::super::entry::{Owned, Stamp};
    use super::Keyed;
    use crate::memory::HostMemory;
    use std::collections::BTreeMap;
    use std::vec::Vec;

    /// Keys come and go in chains that many of them share, and the table has what a map has.
    #[test]
    fn a_table_is_a_map() {
        let stamp = Stamp {
            owned: Owned::default(),
            now: 0,
        };
        for room in [1, 5, 40] {
            let table: Keyed<_, 3> = Keyed::new(&HostMemory, room, 9).expect("memory");
            let mut model = BTreeMap::new();
            let mut random = 3_u64;
            for round in 0..4_000_u64 {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let key = [random >> 61, random >> 40 & 7];
                match (table.find(&key), model.get(&key).copied()) {
                    (Some((index, value)), Some(expected)) => {
                        assert_eq!((index, value), expected);
                        if random >> 32 & 1 == 0 {
                            table.set_value(index, round);
                            model.insert(key, (index, round));
                        } else {
                            assert_eq!(table.remove(&key), Some(index));
                            assert_eq!(table.remove(&key), None);
                            table.entries().give(index);
                            model.remove(&key);
                        }
                    }
                    (None, None) => match table.insert(&key, round, stamp) {
                        Some(index) => {
                            model.insert(key, (index, round));
                        }
                        None => assert_eq!(model.len(), room as usize),
                    },
                    other => panic!("{other:?}"),
                }
                assert_eq!(table.entries().len() as usize, model.len());
            }
            let from = |from| table.next(from);
            let listed = core::iter::successors(from(0), |index| from(index + 1));
            let mut expected: Vec<_> = model.values().map(|(index, _)| *index).collect();
            expected.sort_unstable();
            assert!(listed.eq(expected));
        }
    }
}

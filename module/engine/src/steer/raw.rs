// SPDX-License-Identifier: GPL-2.0

//! Raw tables: rules that match any bits of the headers that a parse graph knows.
//!
//! A table has a *key*: fields, each of which is some bits from an offset on behind the beginning of a
//! node's header. Which headers a frame has is found by a walk of its own, as what the flow of a frame is
//! does not tell it: that ends where one packet carries another, and remembers no more than its first
//! steps. A node that a frame meets twice is told apart by that, so that a table can look at an inner
//! header. A frame that has not all nodes of a key, or ends before one of the fields does, is not in the
//! table.
//!
//! The bits of a key lie one behind the other in words, in which rules are then looked up as those of a
//! user by a frame's keys.

use core::sync::atomic::{AtomicU64, Ordering};

use super::look::Look;
use super::rule::{Action, Rule, RuleTable};
use crate::memory::{Memory, OutOfMemory};
use crate::parser::{load, KeyWords, Keys, Machine, Passed};

/// The most raw tables that a port has.
pub const MAX_RAW_TABLES: usize = 16;
/// The most fields of a key.
pub const MAX_RAW_FIELDS: usize = 8;
/// The most bits of a key.
pub const MAX_RAW_BITS: usize = Keys::WORDS * 64;
/// How many bytes at the beginning of a frame are looked at: headers with a tunnel's in front of them. A
/// field that is not all in there is none that the frame has.
pub const RAW_BYTES: usize = 256;

/// The most headers that the tables of a port look at.
const MAX_HEADERS: usize = MAX_RAW_TABLES * MAX_RAW_FIELDS;

/// A part of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RawField {
    /// Number of the node.
    pub node: u16,
    /// Which time it is that a frame comes to it, from 1 on.
    pub occurrence: u8,
    /// Where it begins behind the beginning of the header, in bits.
    pub offset: u16,
    /// How long it is, in bits.
    pub bits: u16,
}

/// A raw table, as it is told to the device. Of a key that is too long what is too much does not count;
/// so do fields, and tables, that are too many.
#[derive(Clone, Copy, Debug)]
pub struct RawTable<'a> {
    /// Its number, by which it is told of.
    pub number: u16,
    /// Its key. The first field begins at the highest bit of the first word.
    pub fields: &'a [RawField],
    /// Its rules, sorted by their numbers. Of those that match a frame, in whatever table of the port, the
    /// one with the lowest number counts.
    pub rules: &'a [(u32, Rule)],
}

/// A rule of a raw table that a frame matches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RawFound {
    /// Number of the table.
    pub(super) table: u16,
    /// Number of the rule.
    pub(super) number: u32,
    /// What it has done.
    pub(super) action: Action,
}

/// The raw tables of a port.
pub(super) struct RawTables<M: Memory> {
    headers: M::Buffer<Header>,
    cuts: M::Buffer<Cut>,
    /// Sorted by their numbers.
    tables: M::Buffer<Table<M>>,
    /// Those of each table side by side, in the order of their numbers.
    hits: M::Buffer<Hits>,
}

/// A header that tables look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Header {
    node: u16,
    occurrence: u8,
}

/// Bits of a frame that lie in one word of a key, and can be loaded at once.
#[derive(Clone, Copy, Debug, Default)]
struct Cut {
    /// Index of the header.
    header: u8,
    /// Where in it they are loaded from, in bytes.
    at: u16,
    /// Bytes that the frame must have there.
    needs: u8,
    /// By how many bits what was loaded is shifted to the left, and then to the right.
    left: u8,
    right: u8,
    /// By how many they are shifted to their place in the word.
    up: u8,
    /// Number of the word.
    word: u8,
}

struct Table<M: Memory> {
    number: u16,
    /// Indices of its first cut, and behind the last one.
    cuts: (u16, u16),
    /// The same of its hits.
    hits: (u32, u32),
    rules: RuleTable<M>,
}

/// How many frames had a rule.
struct Hits {
    number: u32,
    frames: AtomicU64,
}

/// A header that a frame has not come to. None begins there.
const NOWHERE: u16 = u16::MAX;

/// Where the headers of a frame begin that tables look at.
struct Way {
    offsets: [u16; MAX_HEADERS],
    /// How often the frame has still to come to each.
    left: [u8; MAX_HEADERS],
}

impl Way {
    /// That of the frame that begins with `bytes`.
    fn new<M: Memory>(parser: &Machine<M>, bytes: &[u8], headers: &[Header]) -> Self {
        let mut way = Self {
            offsets: [NOWHERE; MAX_HEADERS],
            left: [0; MAX_HEADERS],
        };
        for (left, header) in way.left.iter_mut().zip(headers) {
            *left = header.occurrence;
        }
        // Nothing is asked of it: it goes on into what a packet carries.
        parser.trace(bytes, 0, &mut |passed: &Passed| way.pass(passed, headers));
        way
    }

    fn pass(&mut self, passed: &Passed, headers: &[Header]) {
        if passed.is_broken || passed.is_before {
            return;
        }
        let places = self.offsets.iter_mut().zip(&mut self.left);
        for ((offset, left), header) in places.zip(headers) {
            if header.node == passed.step.node {
                if *left == 1 {
                    *offset = passed.step.offset;
                }
                *left = left.saturating_sub(1);
            }
        }
    }
}

/// The cuts of a table's fields, one after the other.
struct Cuts<'a> {
    fields: core::slice::Iter<'a, RawField>,
    /// What is left of the field that the next one is of.
    rest: RawField,
    /// How many bits of the key there are.
    done: u16,
}

impl<'a> Cuts<'a> {
    fn of(table: &RawTable<'a>) -> Self {
        let fields = table.fields.get(..MAX_RAW_FIELDS).unwrap_or(table.fields);
        Self {
            fields: fields.iter(),
            rest: RawField {
                node: 0,
                occurrence: 0,
                offset: 0,
                bits: 0,
            },
            done: 0,
        }
    }

    fn count(self) -> usize {
        self.fold(0, |count, _| count.wrapping_add(1))
    }
}

impl Iterator for Cuts<'_> {
    /// With the header that it is of, whose index it has not.
    type Item = (Header, Cut);

    fn next(&mut self) -> Option<Self::Item> {
        const WORD: u16 = u64::BITS as u16;
        while self.rest.bits == 0 {
            self.rest = *self.fields.next()?;
        }
        if usize::from(self.done) >= MAX_RAW_BITS {
            return None;
        }
        let rest = &mut self.rest;
        // In the byte that it begins in, and in the word that it comes into.
        let (before, used) = (rest.offset % 8, self.done % WORD);
        let bits = rest
            .bits
            .min(WORD.wrapping_sub(before))
            .min(WORD.wrapping_sub(used));
        let unused = WORD.wrapping_sub(bits);
        // CAST: All below 64, but for the bytes, which are 8 at most, and the word, of 8.
        let cut = Cut {
            header: 0,
            at: rest.offset / 8,
            needs: before.wrapping_add(bits).div_ceil(8) as u8,
            left: before as u8,
            right: unused as u8,
            up: unused.wrapping_sub(used) as u8,
            word: (self.done / WORD) as u8,
        };
        let header = Header {
            node: rest.node,
            occurrence: rest.occurrence,
        };
        rest.offset = rest.offset.wrapping_add(bits);
        rest.bits = rest.bits.wrapping_sub(bits);
        self.done = self.done.wrapping_add(bits);
        Some((header, cut))
    }
}

impl<M: Memory> RawTables<M> {
    /// Of `tables`, sorted by their numbers. `seed` as for [`RuleTable::new`]. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub(super) fn new(memory: &M, tables: &[RawTable<'_>], seed: u64) -> Result<Self, OutOfMemory> {
        let told = tables.get(..MAX_RAW_TABLES).unwrap_or(tables);
        let (all, len) = headers(told);
        let headers = memory.allocate(len, |index| all.get(index).copied().unwrap_or_default())?;
        let lengths = told.iter().map(|table| Cuts::of(table).count());
        let count = lengths.fold(0, usize::wrapping_add);
        let mut next = told.iter().flat_map(Cuts::of);
        let cuts = memory.allocate(count, |_| {
            let (header, cut) = next.next().unwrap_or_default();
            let index = headers.iter().position(|other| *other == header);
            Cut {
                // CAST: Below `MAX_HEADERS`.
                header: index.unwrap_or(0) as u8,
                ..cut
            }
        })?;
        let rules = told.iter().map(|table| table.rules.len());
        let mut numbers = told.iter().flat_map(|table| table.rules);
        let hits = memory.allocate(rules.fold(0, usize::wrapping_add), |_| Hits {
            number: numbers.next().map_or(0, |(number, _)| *number),
            frames: AtomicU64::new(0),
        })?;
        let (mut first_cut, mut first_hit) = (0_u16, 0_u32);
        let mut tables = memory.allocate(told.len(), |index| {
            let (mut behind_cuts, mut behind_hits) = (first_cut, first_hit);
            if let Some(table) = told.get(index) {
                // CAST: Some tens for each table; no more rules than have room in a table.
                behind_cuts = first_cut.wrapping_add(Cuts::of(table).count() as u16);
                behind_hits = first_hit.wrapping_add(table.rules.len() as u32);
            }
            Table {
                number: told.get(index).map_or(0, |table| table.number),
                cuts: (core::mem::replace(&mut first_cut, behind_cuts), behind_cuts),
                hits: (core::mem::replace(&mut first_hit, behind_hits), behind_hits),
                rules: RuleTable::empty(),
            }
        })?;
        for (table, told) in tables.iter_mut().zip(told) {
            table.rules = RuleTable::new(memory, told.rules, seed)?;
        }
        Ok(Self {
            headers,
            cuts,
            tables,
            hits,
        })
    }

    /// Whether there is no rule.
    pub(super) fn is_empty(&self) -> bool {
        self.hits.is_empty()
    }

    /// The rule with the lowest number of those that match `frame`, whose way `parser` finds; of two with
    /// the same number that of the lower table. Any context.
    #[inline(never)]
    pub(super) fn find(&self, parser: &Machine<M>, frame: &dyn Look) -> Option<RawFound> {
        let mut room = [0; RAW_BYTES];
        let bytes = frame.first_bytes(&mut room);
        // There may be more, as it lies. No frame is to be in a table or not by that.
        let bytes = bytes.get(..RAW_BYTES).unwrap_or(bytes);
        let way = Way::new(parser, bytes, &self.headers);
        let mut found: Option<RawFound> = None;
        for table in self.tables.iter() {
            let lowest = table.rules.lowest();
            if table.rules.is_empty() || found.is_some_and(|found| found.number <= lowest) {
                continue;
            }
            let key = self.key(table, &way, bytes);
            let Some((number, action)) = key.and_then(|key| table.rules.find_by(&key)) else {
                continue;
            };
            if found.is_none_or(|found| number < found.number) {
                found = Some(RawFound {
                    table: table.number,
                    number,
                    action,
                });
            }
        }
        found
    }

    /// What `bytes` have that `table` looks at.
    fn key(&self, table: &Table<M>, way: &Way, bytes: &[u8]) -> Option<KeyWords> {
        let mut key: KeyWords = [0; Keys::WORDS];
        let (first, end) = table.cuts;
        for cut in self.cuts.get(first.into()..end.into())? {
            let offset = *way.offsets.get(usize::from(cut.header))?;
            if offset == NOWHERE {
                return None;
            }
            let at = usize::from(offset).wrapping_add(cut.at.into());
            if at.wrapping_add(cut.needs.into()) > bytes.len() {
                return None;
            }
            let bits = load(bytes, at)
                .wrapping_shl(cut.left.into())
                .wrapping_shr(cut.right.into());
            *key.get_mut(usize::from(cut.word))? |= bits.wrapping_shl(cut.up.into());
        }
        Some(key)
    }

    /// How many frames had the rule with `number` of table `table`, to be added to.
    fn hits_of(&self, table: u16, number: u32) -> Option<&AtomicU64> {
        let all = &self.tables;
        let table = all.binary_search_by_key(&table, |table| table.number);
        let (first, end) = all.get(table.ok()?)?.hits;
        // CAST: A `usize` has at least 32 bits.
        let hits = self.hits.get(first as usize..end as usize)?;
        let index = hits.binary_search_by_key(&number, |hits| hits.number);
        hits.get(index.ok()?).map(|hits| &hits.frames)
    }

    /// Counts `frames` that had the rule with `number` of table `table`. Any context, several at once.
    #[cold]
    pub(super) fn count(&self, table: u16, number: u32, frames: u64) {
        if let Some(hits) = self.hits_of(table, number) {
            hits.fetch_add(frames, Ordering::Relaxed);
        }
    }

    /// How many frames were counted that had the rule with `number` of table `table`.
    pub(super) fn hits(&self, table: u16, number: u32) -> u64 {
        let hits = self.hits_of(table, number);
        hits.map_or(0, |hits| hits.load(Ordering::Relaxed))
    }
}

/// The headers that `tables` look at, each once, and how many there are.
fn headers(tables: &[RawTable<'_>]) -> ([Header; MAX_HEADERS], usize) {
    let mut all = [Header::default(); MAX_HEADERS];
    let mut len = 0_usize;
    for (header, _) in tables.iter().flat_map(Cuts::of) {
        let (known, free) = all.split_at_mut_checked(len).unwrap_or_default();
        if known.contains(&header) {
            continue;
        }
        if let Some(place) = free.first_mut() {
            *place = header;
            len = len.wrapping_add(1);
        }
    }
    (all, len)
}

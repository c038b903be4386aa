// SPDX-License-Identifier: GPL-2.0

//! The rules by which a user steers frames (`ethtool -N`), as the device looks them up.
//!
//! Rules that look at the same bits are of one *shape*. For each shape there is a hash table, and a
//! frame is looked up in one after the other (tuple space search): what it costs grows with the number
//! of shapes, not of rules. The shapes are in the order of the lowest location in them, so that the
//! search can end where nothing that comes could be before what was found.
//!
//! Rules may want two bytes of what a packet carries as well. Where those are is a part of the shape; what
//! they are is compared along with the keys, so that such rules are as many as they like, too. Frames of a
//! port that has none are not looked at for that.
//!
//! A table is built as a whole and never changed: whoever changes a rule builds another one. So the
//! rules of a shape can lie in the order of their hashes, those of a bucket side by side: a few, and if
//! rules were chosen to meet, in spite of the seed, a frame still takes no more than a binary search
//! among them.

mod hash;

use core::cmp::Ordering;

use super::look::Look;
use super::payload::Place;
use crate::memory::{Memory, OutOfMemory};
use crate::parser::{KeyWords, Parsed};
use crate::sort::sort;
use hash::Hash;

/// What a rule has done with a frame that it matches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// The frame is dropped.
    Drop,
    /// It goes to this queue.
    Queue(u16),
    /// It is spread by an RSS context.
    Context {
        /// Number of the context.
        id: u32,
        /// What is added to the queue that the context's table gives.
        offset: u16,
    },
}

/// A rule: frames whose keys have the bits of `key` wherever `mask` has one are treated by `action`.
/// Bits of `key` that are not in `mask` mean nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// What a frame must have.
    pub key: KeyWords,
    /// What of it.
    pub mask: KeyWords,
    /// Where in the packet's payload there are two bytes that count, if some do: the bits for them are
    /// those of [`with_payload`].
    pub payload: Option<Place>,
    /// What becomes of the frame.
    pub action: Action,
}

/// Two bytes of a payload, the first one in the upper half of `value`, as a rule's key or mask has them beside
/// the words of the [keys](crate::parser::Keys).
pub const fn with_payload(words: KeyWords, value: u16) -> KeyWords {
    let [w0, w1, w2, w3, w4, w5, w6, w7] = words;
    // CAST: To a longer number, for bits that no key has.
    [w0, w1, w2 | value as u64, w3, w4, w5, w6, w7]
}

/// The rules of a port.
pub struct RuleTable<M: Memory>(Option<Tables<M>>);

struct Tables<M: Memory> {
    /// In the order of their lowest locations.
    shapes: M::Buffer<Shape>,
    /// Those of each shape side by side, in the order of hash and key.
    entries: M::Buffer<Entry>,
    /// Those of each shape side by side: for each bucket where its entries begin, and where the last
    /// one's end.
    starts: M::Buffer<u32>,
    hash: Hash,
    /// Whether a shape wants to see what packets carry.
    looks_at_payload: bool,
}

/// Rules that look at the same bits.
#[derive(Clone, Copy)]
struct Shape {
    mask: KeyWords,
    payload: Option<Place>,
    /// The lowest location of a rule.
    lowest: u32,
    /// Index of its first entry.
    first: u32,
    /// Index behind its last entry.
    end: u32,
    /// Index of the first bucket's start.
    first_bucket: u32,
    /// How many bits of a hash number its buckets: there are about as many as entries.
    bits: u32,
}

struct Entry {
    hash: u64,
    /// What the frame must have under the shape's mask; nothing beside that.
    key: KeyWords,
    location: u32,
    action: Action,
}

impl<M: Memory> RuleTable<M> {
    /// A table without rules, and without memory.
    pub const fn empty() -> Self {
        Self(None)
    }

    /// A table of `rules`, each with its location: in any order, no location twice. Of two rules that
    /// match the same frames the one with the lower location counts. `seed` is a random number that
    /// decides which rules meet in a bucket.
    ///
    /// Process context; may sleep.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`], also for more than 2^30 rules.
    pub fn new(memory: &M, rules: &[(u32, Rule)], seed: u64) -> Result<Self, OutOfMemory> {
        let Some(first) = rules.first() else {
            return Ok(Self::empty());
        };
        if rules.len() > MOST_RULES {
            return Err(OutOfMemory);
        }
        Ok(Self(Some(Tables::new(memory, first, rules, seed)?)))
    }

    /// Whether there is no rule.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a rule wants to see what packets carry.
    #[inline]
    pub fn looks_at_payload(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|tables| tables.looks_at_payload)
    }

    /// The rule with the lowest location of those that match the `frame` that was `parsed`: the location, and
    /// what the rule has done. Any context.
    #[inline]
    pub fn find(&self, parsed: &Parsed, frame: &dyn Look) -> Option<(u32, Action)> {
        self.0.as_ref()?.find(parsed, frame)
    }

    /// As [`Self::find`] for a frame with `keys`, whatever they are made of, in a table of which no rule wants
    /// to see what packets carry.
    #[inline]
    pub(super) fn find_by(&self, keys: &KeyWords) -> Option<(u32, Action)> {
        self.0.as_ref()?.find_by(keys)
    }

    /// The lowest location of a rule.
    pub(super) fn lowest(&self) -> u32 {
        let first = self.0.as_ref().and_then(|tables| tables.shapes.first());
        first.map_or(u32::MAX, |shape| shape.lowest)
    }
}

/// Entries of a bucket that are looked at one by one; among more there is a binary search first.
const FEW: usize = 4;

/// The most rules of a table, so that what there is for each bucket is still counted in 32 bits.
const MOST_RULES: usize = 1 << 30;

/// A rule on its way into a table.
#[derive(Clone, Copy)]
struct Sorted {
    hash: u64,
    /// Its index among those that the table is made of.
    index: u32,
}

impl<M: Memory> Tables<M> {
    /// As [`RuleTable::new`]; `first` is the first of `rules`.
    fn new(
        memory: &M,
        first: &(u32, Rule),
        rules: &[(u32, Rule)],
        seed: u64,
    ) -> Result<Self, OutOfMemory> {
        let hash = Hash::new(seed);
        let at = |index: usize| rules.get(index).unwrap_or(first);
        // CAST: There are at most `MOST_RULES`.
        let mut sorted = memory.allocate(rules.len(), |index| Sorted {
            hash: hash.of(&masked(&at(index).1)),
            index: index as u32,
        })?;
        let of = |sorted: &Sorted| at(sorted.index as usize);
        sort(&mut sorted, |a, b| order(a, of(a), b, of(b)).is_lt());
        // Of what is `index`-th in this order.
        let rule = |index: usize| sorted.get(index).map_or(first, of);

        let entries = memory.allocate(sorted.len(), |index| {
            let (location, rule) = rule(index);
            Entry {
                hash: hash.of(&masked(rule)),
                key: masked(rule),
                location: *location,
                action: rule.action,
            }
        })?;
        let is_new = |index: &usize| {
            let before = index.checked_sub(1);
            before.is_none_or(|before| shape_of(&rule(before).1) != shape_of(&rule(*index).1))
        };
        let mut firsts = (0..sorted.len()).filter(is_new);
        let count = firsts
            .clone()
            .fold(0_usize, |count, _| count.wrapping_add(1));
        let mut next = firsts.next().unwrap_or(0);
        let mut starts_used = 0_u32;
        let mut shapes = memory.allocate(count, |_| {
            let first = next;
            next = firsts.next().unwrap_or(sorted.len());
            let shape = Shape::new(&rule(first).1, first, next, starts_used);
            starts_used = starts_used.wrapping_add(shape.starts());
            shape
        })?;
        let mut starts = memory.allocate(starts_used as usize, |_| 0)?;
        for shape in shapes.iter_mut() {
            shape.fill(&entries, &mut starts);
        }
        sort(&mut shapes, |a, b| a.lowest < b.lowest);
        let looks_at_payload = shapes.iter().any(|shape| shape.payload.is_some());
        Ok(Self {
            shapes,
            entries,
            starts,
            hash,
            looks_at_payload,
        })
    }

    #[inline]
    fn find(&self, parsed: &Parsed, frame: &dyn Look) -> Option<(u32, Action)> {
        if self.looks_at_payload {
            return self.find_closely(parsed, frame);
        }
        self.find_by(&parsed.keys.words())
    }

    #[inline]
    fn find_by(&self, keys: &KeyWords) -> Option<(u32, Action)> {
        self.search(|shape| self.find_in(shape, keys))
    }

    /// As [`Self::find`], where shapes want to see what packets carry.
    // The others are not to pay for that.
    #[inline(never)]
    fn find_closely(&self, parsed: &Parsed, frame: &dyn Look) -> Option<(u32, Action)> {
        let keys = parsed.keys.words();
        self.search(|shape| {
            let value = match shape.payload {
                None => 0,
                // A frame that does not have it fits none of these rules.
                Some(place) => u16::from_be_bytes(place.read(parsed, frame)?),
            };
            self.find_in(shape, &with_payload(keys, value))
        })
    }

    /// The entry with the lowest location of those that `look` finds in each shape.
    #[inline(always)]
    fn search<'a>(&'a self, look: impl Fn(&Shape) -> Option<&'a Entry>) -> Option<(u32, Action)> {
        let mut found: Option<&Entry> = None;
        for shape in self.shapes.iter() {
            if found.is_some_and(|found| found.location < shape.lowest) {
                break;
            }
            found = match (found, look(shape)) {
                (Some(found), Some(other)) if other.location > found.location => Some(found),
                (_, Some(other)) => Some(other),
                (found, None) => found,
            };
        }
        found.map(|entry| (entry.location, entry.action))
    }

    /// The rule of `shape` for `keys`.
    #[inline]
    fn find_in(&self, shape: &Shape, keys: &KeyWords) -> Option<&Entry> {
        let key = under(keys, &shape.mask);
        let hash = self.hash.of(&key);
        let mut starts = self.starts.get(shape.bucket(hash)..)?.iter();
        let (start, end) = (*starts.next()?, *starts.next()?);
        let mut bucket = self.entries.get(start as usize..end as usize)?;
        if bucket.len() > FEW {
            let first = bucket.partition_point(|entry| (entry.hash, &entry.key) < (hash, &key));
            bucket = bucket.get(first..)?;
        }
        let is_same = |entry: &&Entry| entry.hash == hash && entry.key == key;
        bucket.iter().take(FEW).find(is_same)
    }
}

impl Shape {
    /// The shape of `rule`, whose rules are the entries from `first` up to `end`, and whose starts lie
    /// from `first_bucket` on.
    fn new(rule: &Rule, first: usize, end: usize, first_bucket: u32) -> Self {
        let buckets = end.saturating_sub(first).checked_next_power_of_two();
        // CAST: There are at most `MOST_RULES`.
        Self {
            mask: rule.mask,
            payload: rule.payload,
            lowest: u32::MAX,
            first: first as u32,
            end: end as u32,
            first_bucket,
            bits: buckets.map_or(0, usize::trailing_zeros),
        }
    }

    /// How many starts it has: one for each bucket, and the end of the last.
    fn starts(&self) -> u32 {
        1_u32.wrapping_shl(self.bits).wrapping_add(1)
    }

    /// Index of the start of the bucket for `hash`: numbered by the upper bits, so that buckets are in
    /// the order of hashes.
    #[inline]
    fn bucket(&self, hash: u64) -> usize {
        let upper = hash
            .checked_shr(64_u32.wrapping_sub(self.bits))
            .unwrap_or(0);
        // CAST: There are three starts for a rule at most.
        (upper as usize).wrapping_add(self.first_bucket as usize)
    }

    /// Sets the starts and the lowest location by the `entries` of all shapes.
    fn fill(&mut self, entries: &[Entry], starts: &mut [u32]) {
        let own = entries.get(self.first as usize..self.end as usize);
        for entry in own.unwrap_or(&[]) {
            self.lowest = self.lowest.min(entry.location);
            // How many there are in a bucket makes the difference to the start of the next.
            if let Some(start) = starts.get_mut(self.bucket(entry.hash).wrapping_add(1)) {
                *start = start.wrapping_add(1);
            }
        }
        let mut start = self.first;
        let own = starts.iter_mut().skip(self.first_bucket as usize);
        for to in own.take(self.starts() as usize) {
            start = start.wrapping_add(*to);
            *to = start;
        }
    }
}

/// The order in which rules lie in a table: by shape, hash and key; of those for the same frames the
/// one that counts comes first.
fn order(a: &Sorted, rule_a: &(u32, Rule), b: &Sorted, rule_b: &(u32, Rule)) -> Ordering {
    let ((location_a, rule_a), (location_b, rule_b)) = (rule_a, rule_b);
    let by_shape = shape_of(rule_a).cmp(&shape_of(rule_b));
    by_shape
        .then(a.hash.cmp(&b.hash))
        .then_with(|| masked(rule_a).cmp(&masked(rule_b)))
        .then_with(|| location_a.cmp(location_b))
}

/// What rules of one shape have in common.
fn shape_of(rule: &Rule) -> (&KeyWords, Option<Place>) {
    (&rule.mask, rule.payload)
}

/// Those bits of the rule's key that mean something.
fn masked(rule: &Rule) -> KeyWords {
    under(&rule.key, &rule.mask)
}

/// Those bits of `words` that `mask` has.
#[inline(always)]
fn under(words: &KeyWords, mask: &KeyWords) -> KeyWords {
    let mut left = *words;
    for (word, mask) in left.iter_mut().zip(mask) {
        *word &= mask;
    }
    left
}

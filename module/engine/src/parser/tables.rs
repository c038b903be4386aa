// SPDX-License-Identifier: GPL-2.0

//! How a parser looks up what comes next.

use parse_graph::{limits, Entry, Graph, Lookup, Piece, Range, Target};

use crate::memory::{Memory, OutOfMemory};

/// Tables of so many entries are gone through one by one.
const FEW: u16 = 4;
/// Keys of a table that is looked up by key.
const DIRECT: u32 = 256;
/// Places of the largest table that is looked up by hash; one has at least four times as many as
/// entries.
const PLACES: u32 = 256;
/// How many hashes are tried.
const TRIES: u32 = 64;
/// Bytes of all tables that are looked up by key or by hash. Those for which nothing is left are searched.
const ROOM: usize = 128 << 10;
/// Bytes of all tables, at most.
pub(super) const MOST: usize = limits::ENTRIES * size_of::<Entry>() + ROOM;

/// How a table is looked up.
#[derive(Clone, Copy, Debug)]
enum Table {
    /// By its entries, one by one.
    Few(Range),
    /// By its entries, which are sorted.
    Sorted(Range),
    /// The key is the index from this number on.
    Direct(u32),
    /// A hash of the key is the index from this number on: no two of its keys have the same.
    Hashed { start: u32, hash: Hash },
}

impl Default for Table {
    /// One without entries.
    fn default() -> Self {
        Self::Few(Range::NONE)
    }
}

/// A hash of a key: the highest bits of a product.
#[derive(Clone, Copy, Debug)]
struct Hash {
    multiplier: u32,
    shift: u8,
}

impl Hash {
    #[inline(always)]
    const fn of(self, key: u32) -> u32 {
        key.wrapping_mul(self.multiplier)
            .wrapping_shr(self.shift as u32)
    }

    /// How many places a table of `count` entries has, if it can be looked up by hash.
    fn places(count: u16) -> Option<u32> {
        let places = u32::from(count).wrapping_mul(4);
        let places = places.checked_next_power_of_two();
        places.filter(|places| *places <= PLACES)
    }

    /// One to `places`, a power of two, that has another value for each of `entries`, if such a one is found
    /// soon.
    fn find(graph: &Graph<'_>, entries: Range, places: u32) -> Option<Self> {
        // CAST: Below 32.
        let shift = 32_u32.wrapping_sub(places.trailing_zeros()) as u8;
        // Odd numbers without a pattern.
        let multipliers = (1..=TRIES).map(|n| n.wrapping_mul(0x9e37_79b9) | 1);
        let mut hashes = multipliers.map(|multiplier| Self { multiplier, shift });
        hashes.find(|hash| {
            let mut taken = [0_u64; 4];
            graph.entries(entries).all(|entry| {
                let place = hash.of(entry.key);
                let bit = 1_u64.wrapping_shl(place);
                // CAST: Below 4.
                let Some(word) = taken.get_mut((place >> 6) as usize) else {
                    return false;
                };
                let is_free = *word & bit == 0;
                *word |= bit;
                is_free
            })
        })
    }

    /// How many values it has.
    const fn values(self) -> u32 {
        1_u32.wrapping_shl(32_u32.wrapping_sub(self.shift as u32))
    }
}

/// What names the next node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Next {
    table: Table,
    default: Target,
}

/// How much of each kind of table there is.
#[derive(Clone, Copy, Default)]
pub(super) struct Sizes {
    direct: u32,
    hashed: u32,
}

impl Sizes {
    /// These and so much more, if there is room for it.
    fn and(self, direct: u32, hashed: u32) -> Option<Self> {
        let more = Self {
            direct: self.direct.saturating_add(direct),
            hashed: self.hashed.saturating_add(hashed),
        };
        // CAST: A `usize` has at least 32 bits.
        let direct = (more.direct as usize).saturating_mul(size_of::<Target>());
        let hashed = (more.hashed as usize).saturating_mul(size_of::<Entry>());
        (direct.saturating_add(hashed) <= ROOM).then_some(more)
    }
}

impl Next {
    /// The lookup with the key that `piece` tells; its table is behind those of `sizes`, to which it is added.
    pub(super) fn new(
        graph: &Graph<'_>,
        lookup: &Lookup,
        piece: &Piece,
        sizes: &mut Sizes,
    ) -> Self {
        let entries = lookup.entries;
        let table = if entries.count <= FEW {
            Some(Table::Few(entries))
        } else if piece.of(piece.mask) < DIRECT {
            Self::direct(sizes)
        } else {
            Self::hashed(graph, entries, sizes)
        };
        let table = table.unwrap_or(Table::Sorted(entries));
        Self {
            table,
            default: lookup.default,
        }
    }

    /// A table by key, if there is room for another one.
    fn direct(sizes: &mut Sizes) -> Option<Table> {
        let start = sizes.direct;
        *sizes = sizes.and(DIRECT, 0)?;
        Some(Table::Direct(start))
    }

    /// A table of `entries` by hash, if there is room for it, and a hash.
    fn hashed(graph: &Graph<'_>, entries: Range, sizes: &mut Sizes) -> Option<Table> {
        let places = Hash::places(entries.count)?;
        let more = sizes.and(0, places)?;
        let hash = Hash::find(graph, entries, places)?;
        let start = sizes.hashed;
        *sizes = more;
        Some(Table::Hashed { start, hash })
    }
}

/// All tables of a graph.
pub(super) struct Tables<M: Memory> {
    entries: M::Buffer<Entry>,
    /// Those that are looked up by key.
    direct: M::Buffer<Target>,
    /// Those that are looked up by hash.
    hashed: M::Buffer<Entry>,
}

impl<M: Memory> Tables<M> {
    /// Those of `graph`, with room for others of these sizes.
    pub(super) fn new(memory: &M, graph: &Graph<'_>, sizes: Sizes) -> Result<Self, OutOfMemory> {
        let [_, count, ..] = graph.counts();
        let mut entries = graph.entries(Range { start: 0, count });
        let entries = memory.allocate(count.into(), |_| entries.next().unwrap_or_default())?;
        // CAST: A `usize` has at least 32 bits.
        let [direct, hashed] = [sizes.direct as usize, sizes.hashed as usize];
        Ok(Self {
            entries,
            direct: memory.allocate(direct, |_| Target::LEFT_OUT)?,
            hashed: memory.allocate(hashed, |_| Entry::default())?,
        })
    }

    /// Fills in the table of `next`, whose entries these are.
    pub(super) fn fill(&mut self, next: &Next, entries: Range) {
        let entries = part(&self.entries, entries);
        match next.table {
            Table::Few(_) | Table::Sorted(_) => {}
            Table::Direct(start) => {
                // CAST: A `usize` has at least 32 bits.
                let start = start as usize;
                let end = start.wrapping_add(DIRECT as usize);
                let places = self.direct.get_mut(start..end).unwrap_or_default();
                places.fill(next.default);
                for entry in entries {
                    if let Some(place) = places.get_mut(entry.key as usize) {
                        *place = entry.target;
                    }
                }
            }
            Table::Hashed { start, hash } => {
                // CAST: As above.
                let start = start as usize;
                let end = start.wrapping_add(hash.values() as usize);
                let places = self.hashed.get_mut(start..end).unwrap_or_default();
                // An entry that is not at its place is none that a key finds.
                places.fill(entries.first().copied().unwrap_or_default());
                for entry in entries {
                    if let Some(place) = places.get_mut(hash.of(entry.key) as usize) {
                        *place = *entry;
                    }
                }
            }
        }
    }

    /// How many bytes they take.
    pub(super) fn memory(&self) -> usize {
        let sizes = [
            size_of_val(&*self.entries),
            size_of_val(&*self.direct),
            size_of_val(&*self.hashed),
        ];
        sizes.into_iter().fold(0, usize::saturating_add)
    }

    /// Where `next` leads with the key that `key` gives.
    #[inline(always)]
    pub(super) fn look_up(&self, next: &Next, key: impl FnOnce() -> u32) -> Target {
        let entry = match next.table {
            Table::Few(Range { count: 0, .. }) => return next.default,
            Table::Few(range) => {
                let key = key();
                part(&self.entries, range)
                    .iter()
                    .find(|entry| entry.key == key)
            }
            Table::Sorted(range) => {
                let entries = part(&self.entries, range);
                let index = entries.binary_search_by_key(&key(), |entry| entry.key);
                index.ok().and_then(|index| entries.get(index))
            }
            Table::Direct(start) => {
                // CAST: A `usize` has at least 32 bits.
                let index = start.wrapping_add(key()) as usize;
                return self.direct.get(index).copied().unwrap_or(next.default);
            }
            Table::Hashed { start, hash } => {
                let key = key();
                // CAST: As above.
                let index = start.wrapping_add(hash.of(key)) as usize;
                self.hashed.get(index).filter(|entry| entry.key == key)
            }
        };
        entry.map_or(next.default, |entry| entry.target)
    }
}

/// Some of `all`.
#[inline(always)]
pub(super) fn part<T>(all: &[T], range: Range) -> &[T] {
    let start = usize::from(range.start);
    let end = start.wrapping_add(range.count.into());
    all.get(start..end).unwrap_or_default()
}

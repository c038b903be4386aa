// SPDX-License-Identifier: GPL-2.0

//! Blocks of words of various lengths, that readers look into while others are taken and given back.
//!
//! A buddy allocator: blocks are of 4 words, or twice as many, and so on, up to 512. A block that is given
//! back becomes one with its other half if that is free, too, so that what was small can be large again; both
//! take a number of steps that does not depend on how many blocks there are. Lists of free blocks
//! lie in their words, so that all there is beside these is a byte for each four of them.
//!
//! One at a time takes, gives back and writes. Nobody else may find a block that is given back: see
//! [`Log`](super::log::Log).

use core::num::NonZeroU32;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicU8, Ordering};

use crate::memory::{Memory, OutOfMemory};

/// Words of the smallest block.
const UNIT: usize = 4;

/// How many lengths there are.
const ORDERS: usize = 8;

/// Words of the longest block.
pub(super) const LONGEST: usize = UNIT << (ORDERS - 1);

/// Units of the longest block.
const LONGEST_UNITS: u32 = 1 << (ORDERS - 1);

/// State of a unit with which no block begins.
const INSIDE: u8 = 0;

/// In the state of a unit with which a free block begins. The other bits are one more than its order.
const FREE: u8 = 0x80;

/// A block: the number of its first unit, plus one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Block(NonZeroU32);

impl Block {
    /// The one that [`bits`](Self::bits) stand for, if they do for one.
    #[inline]
    pub(super) const fn of(bits: u32) -> Option<Self> {
        match NonZeroU32::new(bits) {
            Some(bits) => Some(Self(bits)),
            None => None,
        }
    }

    /// Not zero.
    #[inline]
    pub(super) const fn bits(self) -> u32 {
        self.0.get()
    }

    const fn unit(self) -> u32 {
        self.bits().wrapping_sub(1)
    }

    /// That which begins with `unit`.
    const fn with(unit: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(unit))
    }
}

/// Memory for blocks.
pub(super) struct Arena<M: Memory> {
    words: M::Buffer<AtomicU64>,
    /// Of each unit.
    states: M::Buffer<AtomicU8>,
    /// The first free block of each order, or 0.
    free: [AtomicU32; ORDERS],
    /// Units that are in no free block.
    used: AtomicU32,
}

/// How many blocks of the greatest length fit into `bytes`: two at least.
const fn longest_in(bytes: u32) -> u32 {
    let blocks = bytes / (LONGEST * size_of::<u64>()) as u32;
    if blocks < 2 {
        2
    } else {
        blocks
    }
}

/// Units of a block of `order`.
const fn units(order: usize) -> u32 {
    // CAST: Below `ORDERS`.
    1_u32.wrapping_shl(order as u32)
}

/// The order of the smallest block of at least `words` words.
fn order_for(words: usize) -> Option<usize> {
    // CAST: A `usize` has at least 32 bits.
    (0..ORDERS).find(|order| words <= UNIT.wrapping_mul(units(*order) as usize))
}

impl<M: Memory> Arena<M> {
    /// About `bytes` bytes of blocks. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub(super) fn new(memory: &M, bytes: u32) -> Result<Self, OutOfMemory> {
        let units = longest_in(bytes).wrapping_mul(LONGEST_UNITS);
        // CAST: A `usize` has at least 32 bits.
        let len = units as usize;
        let it = Self {
            words: memory.allocate(len.wrapping_mul(UNIT), |_| AtomicU64::new(0))?,
            states: memory.allocate(len, |_| AtomicU8::new(INSIDE))?,
            free: [const { AtomicU32::new(0) }; ORDERS],
            used: AtomicU32::new(0),
        };
        let mut unit = units;
        while let Some(next) = unit.checked_sub(LONGEST_UNITS) {
            unit = next;
            it.push(unit, ORDERS - 1);
        }
        Ok(it)
    }

    /// Bytes that [`new`](Self::new) allocates.
    pub(super) fn memory(bytes: u32) -> u64 {
        let units = u64::from(longest_in(bytes)).wrapping_mul(LONGEST_UNITS.into());
        units.wrapping_mul((UNIT * size_of::<u64>() + 1) as u64)
    }

    /// Bytes of all blocks.
    pub(super) fn bytes(&self) -> u64 {
        size_of_val::<[AtomicU64]>(&self.words) as u64
    }

    /// Bytes of those that are taken.
    pub(super) fn used(&self) -> u64 {
        let used = u64::from(self.used.load(Ordering::Relaxed));
        used.wrapping_mul((UNIT * size_of::<u64>()) as u64)
    }

    /// The words of `block`, and more behind them.
    #[inline]
    pub(super) fn words(&self, block: Block) -> &[AtomicU64] {
        // CAST: A `usize` has at least 32 bits.
        let start = (block.unit() as usize).wrapping_mul(UNIT);
        self.words.get(start..).unwrap_or_default()
    }

    /// Takes a block of at least `words` words, in which there is anything, if there is one.
    pub(super) fn take(&self, words: usize) -> Option<Block> {
        let order = order_for(words)?;
        let (mut at, block) =
            (order..ORDERS).find_map(|order| Some((order, Block::of(self.first(order))?)))?;
        let unit = block.unit();
        self.unlink(unit, at);
        while at > order {
            at = at.wrapping_sub(1);
            self.push(unit.wrapping_add(units(at)), at);
        }
        self.set_state(unit, in_use(order));
        let used = self.used.load(Ordering::Relaxed).wrapping_add(units(order));
        self.used.store(used, Ordering::Relaxed);
        Some(block)
    }

    /// Gives `block` back, which was taken.
    pub(super) fn give(&self, block: Block) {
        let mut unit = block.unit();
        let Some(mut order) = usize::from(self.state(unit)).checked_sub(1) else {
            return;
        };
        if order >= ORDERS {
            return;
        }
        let used = self.used.load(Ordering::Relaxed).wrapping_sub(units(order));
        self.used.store(used, Ordering::Relaxed);
        while order < ORDERS - 1 {
            let other = unit ^ units(order);
            if self.state(other) != in_use(order) | FREE {
                break;
            }
            self.unlink(other, order);
            self.set_state(unit | other, INSIDE);
            unit &= other;
            order = order.wrapping_add(1);
        }
        self.push(unit, order);
    }

    fn first(&self, order: usize) -> u32 {
        let first = self.free.get(order);
        first.map_or(0, |first| first.load(Ordering::Relaxed))
    }

    /// Makes the block that begins with `unit` the first free one of its order.
    fn push(&self, unit: u32, order: usize) {
        let (block, next) = (Block::with(unit), self.first(order));
        self.set_links(block, 0, next);
        if let Some(next) = Block::of(next) {
            let (_, behind) = self.links(next);
            self.set_links(next, block.bits(), behind);
        }
        self.set_first(order, block.bits());
        self.set_state(unit, in_use(order) | FREE);
    }

    /// Takes the block that begins with `unit` out of the list of its order.
    fn unlink(&self, unit: u32, order: usize) {
        let (before, behind) = self.links(Block::with(unit));
        match Block::of(before) {
            Some(block) => self.set_links(block, self.links(block).0, behind),
            None => self.set_first(order, behind),
        }
        if let Some(block) = Block::of(behind) {
            self.set_links(block, before, self.links(block).1);
        }
    }

    fn set_first(&self, order: usize, bits: u32) {
        if let Some(first) = self.free.get(order) {
            first.store(bits, Ordering::Relaxed);
        }
    }

    /// The free blocks before and behind a free block, in the list of its order.
    fn links(&self, block: Block) -> (u32, u32) {
        let links = self.words(block).first();
        let links = links.map_or(0, |links| links.load(Ordering::Relaxed));
        // CAST: Both halves.
        ((links >> 32) as u32, links as u32)
    }

    fn set_links(&self, block: Block, before: u32, behind: u32) {
        if let Some(links) = self.words(block).first() {
            let both = u64::from(before) << 32 | u64::from(behind);
            links.store(both, Ordering::Relaxed);
        }
    }

    fn state(&self, unit: u32) -> u8 {
        // CAST: A `usize` has at least 32 bits.
        let state = self.states.get(unit as usize);
        state.map_or(INSIDE, |state| state.load(Ordering::Relaxed))
    }

    fn set_state(&self, unit: u32, state: u8) {
        // CAST: A `usize` has at least 32 bits.
        if let Some(to) = self.states.get(unit as usize) {
            to.store(state, Ordering::Relaxed);
        }
    }
}

/// State of the first unit of a block of `order` that is taken.
const fn in_use(order: usize) -> u8 {
    // CAST: Below `ORDERS`.
    (order as u8).wrapping_add(1)
}

#[cfg(test)]
mod tests {
    use super::{order_for, Arena, Block, LONGEST, ORDERS, UNIT};
    use crate::memory::HostMemory;
    use core::sync::atomic::Ordering;
    use std::vec::Vec;

    /// Blocks that are taken do not overlap, and what is given back makes long blocks again.
    #[test]
    fn blocks_are_taken_and_given_back() {
        let arena = Arena::new(&HostMemory, 1 << 16).expect("memory");
        let mut random = 1_u64;
        let mut taken: Vec<(Block, usize, u64)> = Vec::new();
        for round in 0..40_000_u64 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let number = (random >> 33) as usize;
            if number % 5 < 3 {
                let words = 1 + (number >> 8) % if round % 7 == 0 { LONGEST } else { 20 };
                let Some(block) = arena.take(words) else {
                    continue;
                };
                for word in arena.words(block).iter().take(words) {
                    word.store(round, Ordering::Relaxed);
                }
                taken.push((block, words, round));
            } else if !taken.is_empty() {
                let (block, words, mark) = taken.swap_remove((number >> 8) % taken.len());
                let mut all = arena.words(block).iter().take(words);
                assert!(all.all(|word| word.load(Ordering::Relaxed) == mark));
                arena.give(block);
            }
            let used = taken.iter().map(|(_, words, _)| {
                let order = order_for(*words).expect("a length that there is");
                (UNIT << order) as u64 * 8
            });
            assert_eq!(arena.used(), used.sum::<u64>());
        }
        for (block, ..) in taken {
            arena.give(block);
        }
        let longest: Vec<_> = core::iter::from_fn(|| arena.take(LONGEST)).collect();
        assert_eq!(
            longest.len(),
            16,
            "all of it, in blocks of the greatest length"
        );
        assert_eq!(arena.used(), arena.bytes());
        assert!(arena.take(1).is_none());
        assert!(order_for(LONGEST + 1).is_none() && order_for(LONGEST) == Some(ORDERS - 1));
    }
}

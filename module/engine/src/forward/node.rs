// SPDX-License-Identifier: GPL-2.0

//! The nodes of a tree of prefixes: eight bits of an address each.
//!
//! A node has a bit for each byte by which it leads to another node, and one for each prefix of one to eight
//! bits; a reference, to a node or to a route, for each of these bits that is set, in their order; and of the
//! bits only those words that are not zero. So a node takes 32 bytes if it has no more than two or four
//! references, and 3,168 if it has all that there can be.
//!
//! Nobody changes a node that is in the tree, but for a reference, which is one word's half: there is
//! [another one](super::plan::Plan) instead, to which then the reference of the node above is changed.
//!
//! Word 0 tells which words of bits there are (bits 0 to 11) and how many references (bits 16 to 31). The words of
//! bits follow, and behind them the references, the first one of two in the lower half.

use core::sync::atomic::{AtomicU64, Ordering};

/// How many bits there may be: for bytes, and, from [`ROUTES`] on, for prefixes.
const BITS: u32 = 768;

/// How many words of bits there may be.
pub(super) const WORDS: u32 = BITS / u64::BITS;

/// The first bit for a prefix. The prefix itself, with a 1 in front of it, is added.
const ROUTES: u32 = 256;

/// Words of bits that are for bytes.
const CHILD_WORDS: u32 = ROUTES / u64::BITS;

/// The bit for the node to which `byte` leads.
pub(super) const fn child(byte: u8) -> u32 {
    byte as u32
}

/// The bit for the prefix of the first `bits` bits of `byte`, from 1 to 8.
pub(super) const fn route(byte: u8, bits: u32) -> u32 {
    ROUTES.wrapping_add((0x100 | byte as u32) >> (8_u32.wrapping_sub(bits) & 7))
}

/// What a bit is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    /// The node to which a byte leads.
    Child(u8),
    /// The prefix of so many bits that a byte begins with, the rest of which is zero.
    Route(u8, u32),
}

/// What `bit` is for.
pub(super) const fn meaning(bit: u32) -> Meaning {
    let Some(prefix) = bit.checked_sub(ROUTES) else {
        // CAST: Below 256.
        return Meaning::Child(bit as u8);
    };
    let bits = 31_u32.wrapping_sub(prefix.leading_zeros());
    // CAST: The 1 in front of the prefix is cut off.
    Meaning::Route((prefix << (8_u32.wrapping_sub(bits) & 7)) as u8, bits)
}

/// A node, as it was when it was found.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    words: &'a [AtomicU64],
    head: u64,
}

impl<'a> Node<'a> {
    /// One with nothing.
    pub(super) const EMPTY: Self = Self {
        words: &[],
        head: 0,
    };

    /// The one that begins with `words`.
    #[inline]
    pub(super) fn new(words: &'a [AtomicU64]) -> Self {
        let head = words.first().map_or(0, |head| head.load(Ordering::Relaxed));
        Self { words, head }
    }

    /// How many references it has.
    pub(super) const fn len(&self) -> u32 {
        // CAST: Bits 16 to 31.
        (self.head >> 16) as u16 as u32
    }

    /// Words of bits that there are, one bit for each.
    const fn mask(&self) -> u32 {
        // CAST: Bits 0 to 11.
        self.head as u32 & ((1 << WORDS) - 1)
    }

    /// Word `number` of the bits.
    #[inline]
    pub(super) fn bits(&self, number: u32) -> u64 {
        if self.mask() >> (number & 31) & 1 == 0 {
            return 0;
        }
        self.load(1_u32.wrapping_add(below(self.mask(), number)))
    }

    #[inline]
    fn load(&self, word: u32) -> u64 {
        // CAST: A `usize` has at least 32 bits.
        let word = self.words.get(word as usize);
        // With all that is behind a reference.
        word.map_or(0, |word| word.load(Ordering::Acquire))
    }

    #[inline]
    pub(super) fn has(&self, bit: u32) -> bool {
        self.bits(bit >> 6) >> (bit & 63) & 1 != 0
    }

    /// How many bits before `bit` are set.
    #[inline]
    pub(super) fn rank(&self, bit: u32) -> u32 {
        let whole = below(self.mask(), bit >> 6);
        // CAST: A `usize` has at least 32 bits.
        let words = self.words.iter().skip(1).take(whole as usize);
        let within = self.bits(bit >> 6) & (1_u64 << (bit & 63)).wrapping_sub(1);
        words.fold(within.count_ones(), |sum, word| {
            sum.wrapping_add(word.load(Ordering::Relaxed).count_ones())
        })
    }

    /// Where the reference with number `index` is: a word, and by how many bits.
    const fn place(&self, index: u32) -> (u32, u32) {
        let first = 1_u32.wrapping_add(self.mask().count_ones());
        (first.wrapping_add(index >> 1), (index & 1) << 5)
    }

    /// The reference with number `index`.
    #[inline]
    pub(super) fn reference(&self, index: u32) -> u32 {
        let (word, shift) = self.place(index);
        // CAST: Half of it.
        self.load(word).wrapping_shr(shift) as u32
    }

    /// The reference for `bit`, if it has one.
    #[inline]
    pub(super) fn get(&self, bit: u32) -> Option<u32> {
        self.has(bit).then(|| self.reference(self.rank(bit)))
    }

    /// Changes the reference for `bit`, which it has, after all that was written.
    pub(super) fn set(&self, bit: u32, reference: u32) {
        let (word, shift) = self.place(self.rank(bit));
        // CAST: A `usize` has at least 32 bits.
        if let Some(word) = self.words.get(word as usize) {
            let others = word.load(Ordering::Relaxed) & !u64::from(u32::MAX).wrapping_shl(shift);
            word.store(
                others | u64::from(reference).wrapping_shl(shift),
                Ordering::Release,
            );
        }
    }

    /// The bit for the longest prefix that `byte` has.
    #[inline]
    pub(super) fn longest(&self, byte: u8) -> Option<u32> {
        if self.mask() >> CHILD_WORDS == 0 {
            return None;
        }
        let mut prefix = 0x100 | u32::from(byte);
        while prefix > 1 {
            let bit = ROUTES.wrapping_add(prefix);
            if self.has(bit) {
                return Some(bit);
            }
            prefix >>= 1;
        }
        None
    }

    /// The first bit from `from` on that is set.
    pub(super) fn next(&self, from: u32) -> Option<u32> {
        let first = from >> 6;
        (first..WORDS).find_map(|number| {
            let mut bits = self.bits(number);
            if number == first {
                bits &= u64::MAX << (from & 63);
            }
            let at = number << 6 | bits.trailing_zeros();
            (bits != 0).then_some(at)
        })
    }
}

/// How many of the bits of `mask` below `number` are set.
const fn below(mask: u32, number: u32) -> u32 {
    (mask & (1_u32 << (number & 31)).wrapping_sub(1)).count_ones()
}

#[cfg(test)]
mod tests {
    use super::{child, meaning, route, Meaning};

    #[test]
    fn bits_have_their_meanings() {
        for byte in 0..=255 {
            assert_eq!(meaning(child(byte)), Meaning::Child(byte));
            for bits in 1..=8 {
                let prefix = byte & (0xff00_u16 >> bits) as u8;
                assert_eq!(meaning(route(byte, bits)), Meaning::Route(prefix, bits));
            }
        }
        assert_eq!((route(0, 1), route(255, 8)), (258, 767));
    }
}

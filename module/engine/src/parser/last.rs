// SPDX-License-Identifier: GPL-2.0

//! The flow of the last frame, which most often is that of the next one.
//!
//! Of a frame that the [stages](super::stages) of a parser go through to its end it is known which bytes
//! have decided what was found. Another frame with the same bytes there is of the same flow, whatever the
//! others are; to compare them is much less than to go the same way again.

use core::cell::Cell;

use super::number::LOAD;
use crate::fields::get;
use crate::frame::ETH_HLEN;
use crate::steer::Hash;

/// Words of the beginning of a frame that are compared.
const WORDS: usize = 8;

/// What of the beginning of a frame decides what flow it is of.
#[derive(Clone, Copy, Debug)]
pub struct Decisive {
    /// Those of its bits, eight bytes to a word, the first one lowest.
    words: [u64; WORDS],
    /// How long a frame must be; `None` if other bytes decide as well.
    needs: Option<u16>,
}

impl Decisive {
    /// The addresses and the type of the Ethernet header.
    pub(super) const HEADER: Self = {
        let nothing = Self {
            words: [0; WORDS],
            needs: Some(0),
        };
        let unused = u64::BITS.wrapping_sub((ETH_HLEN - LOAD) as u32 * 8);
        let first = nothing.with(0, u64::MAX);
        first.with(LOAD, u64::MAX.wrapping_shl(unused))
    };

    /// Those bits, and `bits` of the eight bytes from `at` on, of which the first one is the highest.
    #[must_use]
    pub(super) const fn with(mut self, at: usize, bits: u64) -> Self {
        let bytes = bits.to_be_bytes();
        let mut index = 0;
        while index < LOAD {
            if bytes[index] != 0 {
                self = self.with_byte(at.saturating_add(index), bytes[index]);
            }
            index += 1;
        }
        self
    }

    /// Those, and `bits` of the byte at `at`.
    const fn with_byte(mut self, at: usize, bits: u8) -> Self {
        if at >= WORDS * LOAD {
            self.needs = None;
            return self;
        }
        // CAST: To a longer number.
        self.words[at / LOAD] |= (bits as u64).wrapping_shl((at % LOAD * 8) as u32);
        // Whole words are compared.
        self.with_length(at / LOAD * LOAD + LOAD)
    }

    /// Those, of frames that have at least `len` bytes.
    #[must_use]
    pub(super) const fn with_length(mut self, len: usize) -> Self {
        self.needs = match self.needs {
            // CAST: Just compared.
            Some(needs) if len > needs as usize && len <= u16::MAX as usize => Some(len as u16),
            Some(_) if len > u16::MAX as usize => None,
            needs => needs,
        };
        self
    }

    /// Those, and the ports that begin at `at`.
    #[must_use]
    pub(super) const fn with_ports(self, at: usize) -> Self {
        self.with(at, 0xffff_ffff_u64.wrapping_shl(32))
    }

    /// Whether `frame` has all that is looked at.
    #[inline]
    fn is_in(&self, frame: &[u8]) -> bool {
        let needs = self.needs.map_or(usize::MAX, usize::from);
        frame.len() >= needs
    }
}

/// Numbers of what has parsed and hashed a frame. No two parsers have the same one, nor two that steer, not
/// even one after the other.
pub type By = [u64; 2];

/// What the last frame of a queue was. Belongs to who polls it.
pub struct LastFlow {
    /// Without, there is none.
    by: Cell<Option<By>>,
    needs: Cell<usize>,
    /// What of the frame was looked at, and what was there.
    words: [(Cell<u64>, Cell<u64>); WORDS],
    hash: Cell<Option<Hash>>,
}

impl Default for LastFlow {
    fn default() -> Self {
        Self {
            by: Cell::new(None),
            needs: Cell::new(0),
            words: [const { (Cell::new(0), Cell::new(0)) }; WORDS],
            hash: Cell::new(None),
        }
    }
}

impl LastFlow {
    /// The hash of `frame`, if it is of this flow, for those who have the numbers `by`. Any context.
    #[inline]
    pub fn find(&self, by: By, frame: &[u8]) -> Option<Option<Hash>> {
        if self.by.get() != Some(by) || frame.len() < self.needs.get() {
            return None;
        }
        let mut both = self.words.iter().zip(words_of(frame));
        let is_it = both.all(|((bits, word), found)| found & bits.get() == word.get());
        is_it.then(|| self.hash.get())
    }

    /// Notes that `frame` has `hash`, which nothing but what is `decisive` has decided, if that is known;
    /// by those who have the numbers `by`. Any context.
    #[inline]
    pub fn note(&self, by: By, frame: &[u8], decisive: Option<&Decisive>, hash: Option<Hash>) {
        let Some(decisive) = decisive.filter(|decisive| decisive.is_in(frame)) else {
            return;
        };
        self.by.set(Some(by));
        self.needs
            .set(decisive.needs.map_or(usize::MAX, usize::from));
        self.hash.set(hash);
        let both = decisive.words.into_iter().zip(words_of(frame));
        for ((to, word), (bits, found)) in self.words.iter().zip(both) {
            to.set(bits);
            word.set(found & bits);
        }
    }
}

/// The first bytes of `frame`, eight to a word, the first one lowest; 0 for a word that it has not.
#[inline(always)]
fn words_of(frame: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let word = |number: usize| get(frame, number.wrapping_mul(LOAD));
    (0..WORDS).map(move |number| word(number).map_or(0, u64::from_le_bytes))
}

// SPDX-License-Identifier: GPL-2.0

//! What of a frame decides what flow it is of.
//!
//! Of a frame that the [stages](super::stages) of a parser go through to its end it is known which bits have
//! decided what was found. Another frame with the same ones is of the same flow, whatever the others are.

use super::number::LOAD;
use crate::fields::get;
use crate::frame::ETH_HLEN;

/// Words of the beginning of a frame that may decide.
pub const WORDS: usize = 8;

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

    /// Those bits, as [`words_of`] has the bytes.
    #[inline]
    pub fn words(&self) -> [u64; WORDS] {
        self.words
    }

    /// How many bytes a frame must have for that; `None` if others decide as well.
    #[inline]
    pub fn needs(&self) -> Option<usize> {
        self.needs.map(usize::from)
    }
}

/// The first bytes of `frame`, eight to a word, the first one lowest; 0 for a word that it has not.
#[inline(always)]
pub fn words_of(frame: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let word = |number: usize| get(frame, number.wrapping_mul(LOAD));
    (0..WORDS).map(move |number| word(number).map_or(0, u64::from_le_bytes))
}

// SPDX-License-Identifier: GPL-2.0

//! Numbers of a header, each with one load.

use parse_graph::{Compare, Condition, Length, Piece};

use crate::fields::get;

/// Bytes of what one load takes.
pub(super) const LOAD: usize = size_of::<u64>();

/// The eight bytes of `header` from `at` on, the first in the highest place; zeroes for those that it
/// has not.
#[inline(always)]
pub(crate) fn load(header: &[u8], at: usize) -> u64 {
    match get(header, at) {
        Some(bytes) => u64::from_be_bytes(bytes),
        None => load_last(header, at),
    }
}

/// The same at the end of a frame.
#[cold]
#[inline(never)]
fn load_last(header: &[u8], at: usize) -> u64 {
    let mut bytes = [0; LOAD];
    let rest = header.get(at..).unwrap_or_default();
    bytes
        .iter_mut()
        .zip(rest)
        .for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(bytes)
}

/// A [`Piece`] of one, two or four bytes, or none, whose number is 0.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Number {
    /// Which bits of it count, once it is shifted.
    pub(super) mask: u32,
    /// Where in the header it is loaded from.
    pub(super) offset: u16,
    /// By how many bits what is loaded is shifted.
    pub(super) shift: u8,
}

impl Number {
    pub(super) const fn new(piece: &Piece) -> Self {
        // The piece is at the highest end of what is loaded.
        let unused = 64_u32.wrapping_sub((piece.size as u32).wrapping_mul(8));
        let shift = unused.wrapping_add(piece.shift as u32);
        if piece.is_none() || shift >= 64 {
            return Self {
                mask: 0,
                offset: 0,
                shift: 0,
            };
        }
        Self {
            mask: piece.mask.wrapping_shr(piece.shift as u32),
            offset: piece.offset,
            // CAST: Below 64.
            shift: shift as u8,
        }
    }

    /// Which bits it is made of: of the eight bytes from an offset on, of which the first one is the
    /// highest.
    pub(super) const fn reads(&self) -> (usize, u64) {
        let bits = (self.mask as u64).wrapping_shl(self.shift as u32);
        (self.offset as usize, bits)
    }

    /// What it is in `header`.
    #[inline(always)]
    pub(super) fn of(&self, header: &[u8]) -> u32 {
        let word = load(header, self.offset.into());
        // CAST: What lies above is not meant.
        word.wrapping_shr(self.shift.into()) as u32 & self.mask
    }
}

/// A [`Condition`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Check {
    number: Number,
    value: u32,
    compare: Compare,
}

impl Check {
    pub(super) const fn new(condition: &Condition) -> Self {
        Self {
            number: Number::new(&condition.piece),
            value: condition.value,
            compare: condition.compare,
        }
    }

    /// What it looks at, as [`Number::reads`] gives it.
    pub(super) const fn reads(&self) -> (usize, u64) {
        self.number.reads()
    }

    #[inline(always)]
    pub(super) fn holds(&self, header: &[u8]) -> bool {
        self.compare.holds(self.number.of(header), self.value)
    }
}

/// A [`Length`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    number: Number,
    multiplier: u16,
    add: u16,
}

impl Extent {
    pub(super) const fn new(length: &Length) -> Self {
        Self {
            number: Number::new(&length.piece),
            multiplier: if length.piece.is_none() {
                0
            } else {
                length.multiplier
            },
            add: length.add,
        }
    }

    /// How many bytes `header` says.
    #[inline(always)]
    pub(super) fn of(&self, header: &[u8]) -> usize {
        let counted = match self.multiplier {
            0 => 0,
            multiplier => self.number.of(header).wrapping_mul(multiplier.into()),
        };
        // CAST: A `usize` has at least 32 bits.
        counted.wrapping_add(self.add.into()) as usize
    }
}

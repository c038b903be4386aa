// SPDX-License-Identifier: GPL-2.0

//! Stands in for the module of `net` of this name, whose sums are the kernel's.

use etherparse::checksum::Sum16BitWords;

/// A folded sum.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum(u16);

impl Sum {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(!Sum16BitWords::new().add_slice(bytes).ones_complement())
    }

    pub(crate) fn of_word(word: u16) -> Self {
        Self(word.to_be())
    }

    pub(crate) fn and(self, other: Self) -> Self {
        let sum = Sum16BitWords::new()
            .add_2bytes(self.0.to_ne_bytes())
            .add_2bytes(other.0.to_ne_bytes());
        Self(!sum.ones_complement())
    }

    pub(crate) fn without(self, other: Self) -> Self {
        self.and(Self(!other.0))
    }

    pub(crate) fn swapped(self) -> Self {
        Self(self.0.swap_bytes())
    }

    pub(crate) fn fold(self) -> u16 {
        self.0
    }
}

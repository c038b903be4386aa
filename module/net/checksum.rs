// SPDX-License-Identifier: GPL-2.0

//! The kernel's own ones' complement sums.
//!
//! C header: [`include/net/checksum.h`](srctree/include/net/checksum.h)

use crate::bindings;

/// A sum of 16-bit words as they lie in memory (`__wsum`): not folded, not complemented. In it
/// numbers of the network's byte order stay as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(u32);

impl Sum {
    /// The sum of `bytes` (`csum_partial`); of an odd number of them as if a zero followed. Any
    /// context.
    #[inline]
    pub fn of(bytes: &[u8]) -> Self {
        let mut sum = 0;
        // The kernel counts in an `int`. Each piece but the last has an even length.
        for piece in bytes.chunks(1 << 30) {
            // SAFETY: The bytes are initialised, and as many as that. CAST: Below 2^31.
            sum = unsafe { bindings::csum_partial(piece.as_ptr().cast(), piece.len() as i32, sum) };
        }
        Self(sum)
    }

    /// A 16-bit word whose bytes lie in memory as those of `word` do in the network's byte order.
    #[inline]
    pub const fn of_word(word: u16) -> Self {
        Self(word.to_be() as u32)
    }

    /// Both sums in one.
    #[inline]
    pub const fn and(self, other: Self) -> Self {
        let (sum, carry) = self.0.overflowing_add(other.0);
        Self(sum.wrapping_add(carry as u32))
    }

    /// This sum without `other`, which is a part of it.
    #[inline]
    pub const fn without(self, other: Self) -> Self {
        self.and(Self(!other.0))
    }

    /// The sum of bytes at odd offsets as if they were at even ones, or the other way round
    /// (`csum_shift`).
    #[inline]
    pub const fn swapped(self) -> Self {
        Self(self.0.rotate_right(8))
    }

    /// The sum in 16 bits.
    #[inline]
    pub const fn fold(self) -> u16 {
        let sum = (self.0 & 0xffff) + (self.0 >> 16);
        ((sum & 0xffff) + (sum >> 16)) as u16
    }
}

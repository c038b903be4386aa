// SPDX-License-Identifier: GPL-2.0

//! Ones' complement sums, as the kernel's checksum helpers compute them.
//!
//! Ones' complement has two zeros. Here, as in the kernel, a sum is 0 only if all that went into it
//! was 0, and all ones otherwise; so results agree bit for bit, in whatever order the words are
//! added.

use crate::map::words::{words_for, WordSource};

/// The sum of `len` bytes and `seed`, as 32-bit words with the least significant byte first; a last
/// word that is cut short is padded with zeros.
pub(super) fn sum(bytes: &impl WordSource, len: usize, seed: u32) -> u32 {
    let mut sum = u64::from(seed);
    for index in 0..words_for(len) {
        let (next, carry) = sum.overflowing_add(bytes.word(index));
        // What overflowed is at most `u64::MAX - 1`, so the carry finds room.
        sum = next.wrapping_add(carry.into());
    }
    (sum.wrapping_add(sum.rotate_right(32)) >> 32) as u32
}

/// `a + b`.
pub(super) const fn add(a: u32, b: u32) -> u32 {
    let (sum, carry) = a.overflowing_add(b);
    sum.wrapping_add(carry as u32)
}

/// `a + b` of 16-bit words.
pub(super) const fn add16(a: u16, b: u16) -> u16 {
    let (sum, carry) = a.overflowing_add(b);
    sum.wrapping_add(carry as u16)
}

/// `a - b`.
pub(super) const fn sub(a: u32, b: u32) -> u32 {
    add(a, !b)
}

/// A sum of 32-bit words as one of 16-bit words.
pub(super) const fn fold(sum: u32) -> u16 {
    (sum.wrapping_add(sum.rotate_right(16)) >> 16) as u16
}

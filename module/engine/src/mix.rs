// SPDX-License-Identifier: GPL-2.0

//! Numbers of which each bit counts for all.

/// The finalizer of SplitMix64: one to one, and each bit of it depends on all of `value`.
#[inline(always)]
pub(crate) const fn mix(value: u64) -> u64 {
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

/// A hash of `words`, which nobody can tell who does not know `seed`.
#[inline]
pub(crate) fn hash(seed: u64, words: impl IntoIterator<Item = u64>) -> u64 {
    let mixed = |hash, word| mix(hash ^ word);
    words.into_iter().fold(seed, mixed)
}

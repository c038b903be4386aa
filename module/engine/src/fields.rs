// SPDX-License-Identifier: GPL-2.0

//! Header fields at an offset.

use core::ops::Range;

/// The `N` bytes at `at`, if `bytes` has them.
#[inline]
pub(crate) fn get<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// The number at `at`.
#[inline]
pub(crate) fn get16(bytes: &[u8], at: usize) -> Option<u16> {
    get(bytes, at).map(u16::from_be_bytes)
}

/// Sets the `N` bytes at `at`, if `bytes` has them.
#[inline]
pub(crate) fn put<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) -> Option<()> {
    *bytes.get_mut(at..)?.first_chunk_mut()? = value;
    Some(())
}

/// Sets the number at `at`, to as much of `value` as finds room there.
pub(crate) fn put16(bytes: &mut [u8], at: usize, value: usize) -> Option<()> {
    put(bytes, at, (value as u16).to_be_bytes())
}

/// Whether `range` is the same in two frames; `None` if one is shorter.
pub(crate) fn same_bytes(range: Range<usize>, one: &[u8], other: &[u8]) -> Option<bool> {
    Some(one.get(range.clone())? == other.get(range)?)
}

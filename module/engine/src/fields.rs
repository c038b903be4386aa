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

/// Sets as many bytes from `at` on as `value` has, if `bytes` has them.
pub(crate) fn put_all(bytes: &mut [u8], at: usize, value: &[u8]) -> Option<()> {
    let place = bytes.get_mut(at..at.wrapping_add(value.len()))?;
    for (to, from) in place.iter_mut().zip(value) {
        *to = *from;
    }
    Some(())
}

/// Writes numbers one behind the other, as far as there is room.
pub(crate) struct Numbers<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl<'a> Numbers<'a> {
    /// To `bytes`, from `at` on.
    pub(crate) fn at(bytes: &'a mut [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Writes the next one, which has these bytes.
    pub(crate) fn put<const N: usize>(&mut self, number: [u8; N]) {
        let _ = put(self.bytes, self.at, number);
        self.at = self.at.wrapping_add(N);
    }
}

/// Whether `range` is the same in two frames; `None` if one is shorter.
pub(crate) fn same_bytes(range: Range<usize>, one: &[u8], other: &[u8]) -> Option<bool> {
    Some(one.get(range.clone())? == other.get(range)?)
}

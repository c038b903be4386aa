// SPDX-License-Identifier: GPL-2.0

//! Counting while iterating.

use core::iter::Zip;
use core::ops::Range;

/// As [`Iterator::enumerate`], whose counter could overflow for all that a compiler knows.
#[inline]
pub(crate) fn numbered<I: IntoIterator<IntoIter: ExactSizeIterator>>(
    items: I,
) -> Zip<Range<usize>, I::IntoIter> {
    let items = items.into_iter();
    (0..items.len()).zip(items)
}

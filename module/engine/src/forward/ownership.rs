// SPDX-License-Identifier: GPL-2.0

//! Who may change an entry: only who has put it in.

use super::entry::{Entry, Owned, Stamp};
use super::error::{EntryError, Part};
use super::keyed::Keyed;
use crate::memory::Memory;

/// Of whom something is that `owner` asks for.
pub(super) const fn by(owner: u32) -> Owned {
    let generation = 0;
    Owned { owner, generation }
}

/// Whether who has `entry` is who asks.
pub(super) fn check<const WORDS: usize>(
    entry: &Entry<WORDS>,
    asks: Owned,
) -> Result<(), EntryError> {
    match entry.owned().owner {
        owner if owner == asks.owner => Ok(()),
        owner => Err(EntryError::Foreign { owner }),
    }
}

/// As [`check`], of the entry with a number.
pub(super) fn check_at<M: Memory, const WORDS: usize>(
    table: &Keyed<M, WORDS>,
    entry: u32,
    asks: Owned,
) -> Result<(), EntryError> {
    check(
        table.entries().get(entry).ok_or(EntryError::NotFound)?,
        asks,
    )
}

/// Has `key` stand for `value` in `table`.
pub(super) fn set<M: Memory, const WORDS: usize>(
    table: &Keyed<M, WORDS>,
    part: Part,
    key: &[u64],
    value: u64,
    stamp: Stamp,
) -> Result<(), EntryError> {
    if let Some((index, _)) = table.find(key) {
        let entry = table.entries().get(index).ok_or(EntryError::NotFound)?;
        check(entry, stamp.owned)?;
        table.set_value(index, value);
        entry.set_owned(stamp.owned);
        return Ok(());
    }
    let limit = table.entries().capacity().into();
    let inserted = table.insert(key, value, stamp);
    inserted.map(|_| ()).ok_or(EntryError::Full { part, limit })
}

/// Takes `key` out of `table`, and gives the number of its entry.
pub(super) fn remove<M: Memory, const WORDS: usize>(
    table: &Keyed<M, WORDS>,
    key: &[u64],
    owner: u32,
) -> Result<u32, EntryError> {
    let (index, _) = table.find(key).ok_or(EntryError::NotFound)?;
    check_at(table, index, by(owner))?;
    table.remove(key).ok_or(EntryError::NotFound)
}

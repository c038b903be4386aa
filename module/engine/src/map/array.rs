// SPDX-License-Identifier: GPL-2.0

//! How the keys of an array lead to its elements: they are their numbers.

use super::elements::Elements;
use super::error::MapError;
use super::shape::{Shape, BPF_F_LOCK, BPF_NOEXIST};
use crate::memory::{Memory, OutOfMemory};

/// Bytes of a key.
const KEY_SIZE: u32 = 4;

/// Refuses what no array can be.
pub(super) fn check(shape: &Shape) -> Result<(), MapError> {
    match shape.key_size {
        KEY_SIZE => Ok(()),
        asked => Err(MapError::ArrayKeySize { asked }),
    }
}

/// Elements that there is memory for.
pub(super) fn elements(shape: &Shape) -> u32 {
    shape.max_entries
}

/// Bytes that an index allocates.
pub(super) fn bytes(_: &Shape) -> u64 {
    0
}

/// Words that the index keeps in each element.
pub(super) fn head(_: &Shape) -> usize {
    0
}

pub(super) struct ArrayIndex {
    max_entries: u32,
}

impl ArrayIndex {
    pub(super) fn new(_: &impl Memory, shape: &Shape) -> Result<Self, OutOfMemory> {
        let max_entries = shape.max_entries;
        Ok(Self { max_entries })
    }

    pub(super) fn size_in_memory(&self) -> u64 {
        0
    }

    /// The element that holds `key`.
    #[inline]
    pub(super) fn find<M: Memory>(&self, _: &Elements<M>, key: &[u64]) -> Option<u32> {
        // The key is 4 bytes long, so its word is the number.
        key.first()
            .map(|word| *word as u32)
            .filter(|element| *element < self.max_entries)
    }

    /// Calls `copy` with the element that holds `key`.
    #[inline]
    pub(super) fn read<M: Memory>(
        &self,
        elements: &Elements<M>,
        key: &[u64],
        mut copy: impl FnMut(u32),
    ) -> Result<(), MapError> {
        copy(self.find(elements, key).ok_or(MapError::NotFound)?);
        Ok(())
    }

    /// Has `fill` write the value of the element that holds `key`.
    pub(super) fn update<M: Memory>(
        &self,
        elements: &Elements<M>,
        key: &[u64],
        flags: u64,
        fill: impl FnOnce(u32),
    ) -> Result<(), MapError> {
        let max_entries = self.max_entries;
        let found = self.find(elements, key);
        let element = found.ok_or(MapError::Full { max_entries })?;
        if flags & BPF_NOEXIST != 0 {
            return Err(MapError::Exists);
        }
        // The kernel says so of an array only when it has looked at everything else.
        if flags & BPF_F_LOCK != 0 {
            return Err(MapError::UpdateFlags { asked: flags });
        }
        fill(element);
        Ok(())
    }

    pub(super) fn delete<M: Memory>(&self, _: &Elements<M>, _: &[u64]) -> Result<(), MapError> {
        Err(MapError::DeleteFromArray)
    }

    /// The key after `key`, or the first one if `key` is not in the map.
    pub(super) fn next_key<M: Memory>(
        &self,
        elements: &Elements<M>,
        key: Option<&[u64]>,
        next: &mut [u8],
    ) -> Result<(), MapError> {
        let element = key.and_then(|key| self.find(elements, key));
        let following = element.map_or(0, |element| element.wrapping_add(1));
        if following >= self.max_entries {
            return Err(MapError::NotFound);
        }
        for (to, from) in next.iter_mut().zip(following.to_le_bytes()) {
            *to = from;
        }
        Ok(())
    }
}

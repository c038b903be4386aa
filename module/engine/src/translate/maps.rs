// SPDX-License-Identifier: GPL-2.0

//! The maps that instructions name, and their places in the program's map table.

use crate::refusal::Rule;

/// The maps of a program as translation meets them.
pub(super) struct MapTable<'a> {
    resolve: &'a mut dyn FnMut(u64) -> Option<u16>,
    limit: usize,
    /// One more than the greatest index met.
    used: u16,
}

impl<'a> MapTable<'a> {
    /// No map met yet. `resolve` gives the index of the map that an immediate names; there are to be
    /// at most `limit`.
    pub(super) fn new(resolve: &'a mut dyn FnMut(u64) -> Option<u16>, limit: usize) -> Self {
        Self {
            resolve,
            limit,
            used: 0,
        }
    }

    /// Entries that the program needs in its map table.
    pub(super) fn used(&self) -> u16 {
        self.used
    }

    /// The index of the map that `immediate` names.
    pub(super) fn index(&mut self, immediate: u64) -> Result<u16, Rule> {
        let index = (self.resolve)(immediate).ok_or(Rule::ForeignMap)?;
        let asked = usize::from(index).wrapping_add(1);
        if asked > self.limit || index == u16::MAX {
            return Err(Rule::TooManyMaps {
                asked,
                limit: self.limit,
            });
        }
        self.used = self.used.max(index.wrapping_add(1));
        Ok(index)
    }
}

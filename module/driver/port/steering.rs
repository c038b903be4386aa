// SPDX-License-Identifier: GPL-2.0

//! What the user has chosen of receive steering. The device has what follows from it.

use super::raw::RawTable;
use engine::{
    parser::FlowType,
    steer::{
        Fields,
        HashedFields,
        Spread,
        Symmetry,
        KEY_SIZE, //
    }, //
};
use kernel::prelude::*;
use net::ethtool::{
    default_key,
    FlowRule, //
};
use offload_uapi::limits::{
    MAX_INDIRECTION,
    MIN_INDIRECTION, //
};

/// What the user has chosen of receive steering.
pub(crate) struct Chosen {
    /// What spreads frames that no rule has.
    pub(crate) main: Configuration,
    /// What spreads frames that rules give to it, by its number, sorted.
    pub(crate) contexts: KVVec<(u32, Configuration)>,
    /// The rules by their locations, sorted.
    pub(crate) rules: KVVec<(u32, FlowRule)>,
    /// The raw tables, sorted by their numbers.
    pub(crate) raw: KVec<RawTable>,
}

/// What spreads frames over queues.
pub(crate) struct Configuration {
    pub(crate) key: [u8; KEY_SIZE],
    pub(crate) fields: HashedFields,
    pub(crate) symmetry: Symmetry,
    pub(crate) table: KVVec<u16>,
}

impl Chosen {
    /// What a port begins with: all is spread evenly over `queues` queues.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new(queues: u16) -> Result<Self> {
        Ok(Self {
            main: Configuration {
                key: default_key(),
                fields: HashedFields::USUAL,
                symmetry: Symmetry::None,
                table: Configuration::even_table(Configuration::table_len(queues), queues)?,
            },
            contexts: KVVec::new(),
            rules: KVVec::new(),
            raw: KVec::new(),
        })
    }

    /// The configurations but the main one, with their numbers.
    pub(crate) fn others(&self) -> impl ExactSizeIterator<Item = (u32, &Configuration)> {
        self.contexts.iter().map(|(id, context)| (*id, context))
    }

    /// The place of context `id` among the others, or the one where it would be.
    pub(crate) fn place(&self, id: u32) -> Result<usize, usize> {
        self.contexts
            .binary_search_by_key(&id, |(number, _)| *number)
    }

    /// The place of raw table `number` among the others, or the one where it would be.
    pub(crate) fn place_of_table(&self, number: u16) -> Result<usize, usize> {
        self.raw.binary_search_by_key(&number, |table| table.number)
    }

    /// The place of the rule at `location` among the others, or the one where it would be.
    pub(crate) fn place_of_rule(&self, location: u32) -> Result<usize, usize> {
        self.rules
            .binary_search_by_key(&location, |(location, _)| *location)
    }

    /// The configuration with number `id`, of which 0 is the main one.
    ///
    /// # Errors
    ///
    /// `ENOENT`.
    pub(crate) fn configuration(&self, id: u32) -> Result<&Configuration> {
        if id == engine::steer::MAIN_CONTEXT {
            return Ok(&self.main);
        }
        let place = self.place(id).map_err(|_| ENOENT)?;
        self.contexts
            .get(place)
            .map(|(_, found)| found)
            .ok_or(ENOENT)
    }

    /// As [`Self::configuration`], to be changed.
    ///
    /// # Errors
    ///
    /// `ENOENT`.
    pub(crate) fn configuration_mut(&mut self, id: u32) -> Result<&mut Configuration> {
        if id == engine::steer::MAIN_CONTEXT {
            return Ok(&mut self.main);
        }
        let place = self.place(id).map_err(|_| ENOENT)?;
        let found = self.contexts.get_mut(place);
        found.map(|(_, found)| found).ok_or(ENOENT)
    }
}

impl Configuration {
    /// How many entries tables have while `queues` queues are in use: at least four for each, so that
    /// none of them gets much more than another, and a power of two, so that one size is a multiple of
    /// all smaller ones.
    pub(crate) const fn table_len(queues: u16) -> u32 {
        let wanted = (4 * queues as u32).next_power_of_two();
        if wanted < MIN_INDIRECTION {
            MIN_INDIRECTION
        } else if wanted > MAX_INDIRECTION {
            MAX_INDIRECTION
        } else {
            wanted
        }
    }

    /// The table with `len` entries that spreads all evenly over `queues` queues.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn even_table(len: u32, queues: u16) -> Result<KVVec<u16>> {
        let queues = u32::from(queues).max(1);
        let mut table = KVVec::with_capacity(len as usize, GFP_KERNEL)?;
        for entry in 0..len {
            // CAST: A remainder by a number of 16 bits.
            table.push((entry % queues) as u16, GFP_KERNEL)?;
        }
        Ok(table)
    }

    /// This with a table of `len` entries: what there was is repeated, or is itself a repetition of
    /// what stays.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn resized(&self, len: u32) -> Result<Self> {
        let mut table = KVVec::with_capacity(len as usize, GFP_KERNEL)?;
        let entries = self.table.iter().copied().cycle();
        for entry in entries.take(len as usize) {
            table.push(entry, GFP_KERNEL)?;
        }
        Ok(Self {
            key: self.key,
            fields: self.fields,
            symmetry: self.symmetry,
            table,
        })
    }

    /// Another one like this.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn try_clone(&self) -> Result<Self> {
        // CAST: At most `MAX_INDIRECTION`.
        self.resized(self.table.len() as u32)
    }

    /// What the device makes of it, as the one with number `id`.
    pub(crate) fn spread(&self, id: u32) -> Spread<'_> {
        Spread {
            id,
            key: &self.key,
            fields: self.fields,
            symmetry: self.symmetry,
            table: &self.table,
        }
    }

    /// Has `fields` hashed of frames of each of `flows`.
    pub(crate) fn hash(&mut self, flows: &[FlowType], fields: Fields) {
        for &flow in flows {
            self.fields.set(flow, fields);
        }
    }
}

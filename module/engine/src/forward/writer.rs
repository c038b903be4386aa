// SPDX-License-Identifier: GPL-2.0

//! Who changes the tables: one at a time, while others look things up.

use core::ops::Deref;

use super::change::NoRoom;
use super::entry::Stamp;
use super::error::{EntryError, Part};
use super::key::{Action, NeighbourKey, RouteKey, StationKey};
use super::log::{Family, Left, Log, Readers};
use super::ownership::{by, check, check_at, remove, set};
use super::record::Nexthop;
use super::tables::{claim, neighbour_key, number_of, station_key, Step, Tables};
use crate::filter::Address;
use crate::memory::{Memory, OutOfMemory};

/// The one who changes the tables to which `T` refers. Process context; may sleep.
///
/// Nothing changes when there is an error.
pub struct Writer<M: Memory, T: Deref<Target = Tables<M>>, R: Readers> {
    pub(super) tables: T,
    readers: R,
    log: Log<M>,
}

impl<M: Memory, T: Deref<Target = Tables<M>>, R: Readers> Writer<M, T, R> {
    /// The writer of `tables`, which `readers` read. `None` if they have one.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub fn new(memory: &M, tables: T, readers: R) -> Result<Option<Self>, OutOfMemory> {
        let log = Log::new(memory)?;
        if !claim(&tables.has_writer) {
            return Ok(None);
        }
        Ok(Some(Self {
            tables,
            readers,
            log,
        }))
    }

    /// The tables.
    pub fn tables(&self) -> &Tables<M> {
        &self.tables
    }

    /// Waits for those who look something up, and has what they may have seen that is gone be free.
    fn reclaim(&mut self) {
        if self.log.is_empty() {
            return;
        }
        self.readers.wait();
        let tables = &*self.tables;
        for left in self.log.take() {
            match *left {
                Left::Node(family, block) => tables.lpm(family).nodes().give(block),
                Left::Route(family, index) => tables.lpm(family).routes().give(index),
                Left::Root(family, index) => tables.lpm(family).roots().entries().give(index),
                Left::Record(block) => tables.nexthops.records().give(block),
                Left::Nexthop(index) => tables.nexthops.table().entries().give(index),
                Left::Neighbour(index) => tables.neighbours.entries().give(index),
                Left::Station(index) => tables.stations.entries().give(index),
            }
        }
    }

    /// Does `change`; once more if there was no room for it until now.
    fn attempt(
        &mut self,
        change: impl Fn(&Tables<M>, &mut Log<M>) -> Result<(), EntryError>,
    ) -> Result<(), EntryError> {
        if self.log.is_full() {
            self.reclaim();
        }
        match change(&self.tables, &mut self.log) {
            Err(EntryError::Full { .. }) if !self.log.is_empty() => {
                self.reclaim();
                change(&self.tables, &mut self.log)
            }
            result => result,
        }
    }

    /// Puts a route in, or changes it.
    ///
    /// If there is no room for it, packets that it is for would be sent where a shorter prefix leads: who
    /// forwards by these tables makes that a [trap](Action::Trap), or [holds](Self::hold) the table.
    ///
    /// # Errors
    ///
    /// [`EntryError`].
    pub fn set_route(
        &mut self,
        key: &RouteKey,
        action: Action,
        stamp: Stamp,
    ) -> Result<(), EntryError> {
        if !key.prefix.is_sound() {
            return Err(EntryError::Prefix);
        }
        let (table, prefix) = (key.table, &key.prefix);
        self.attempt(|tables, log| {
            let step = match action {
                Action::Trap => Step::Trap,
                Action::Drop => Step::Drop,
                Action::Nexthop(id) => Step::Nexthop(
                    tables
                        .nexthops
                        .find(id)
                        .ok_or(EntryError::NoNexthop { id })?,
                ),
            };
            let family = prefix.address.family();
            let lpm = tables.lpm(family);
            let known = lpm.exact(table, prefix).and_then(|route| lpm.route(route));
            if let Some(entry) = known {
                check(entry, stamp.owned)?;
            } else {
                let inserted = lpm.insert(table, prefix, step.link(), stamp, log);
                inserted.map_err(|no_room| full(tables, family, no_room))?;
            }
            if let Step::Nexthop(entry) = step {
                tables.nexthops.name(entry);
            }
            if let Some(entry) = known {
                let before = Step::of(entry.link());
                entry.set_link(step.link());
                entry.set_owned(stamp.owned);
                forget(tables, before, log);
            }
            Ok(())
        })
    }

    /// Takes a route of `owner` out.
    ///
    /// # Errors
    ///
    /// [`EntryError`].
    pub fn remove_route(&mut self, key: &RouteKey, owner: u32) -> Result<(), EntryError> {
        let (table, prefix) = (key.table, &key.prefix);
        let family = prefix.address.family();
        if !prefix.is_sound() {
            return Err(EntryError::Prefix);
        }
        if self.log.is_full() {
            self.reclaim();
        }
        let lpm = self.tables.lpm(family);
        let route = lpm.exact(table, prefix).and_then(|route| lpm.route(route));
        let entry = route.ok_or(EntryError::NotFound)?;
        check(entry, by(owner))?;
        let step = Step::of(entry.link());
        if lpm.remove(table, prefix, &mut self.log, None).is_err() {
            // There is no room for the shorter node beside the one that is there.
            self.reclaim();
            let wait = || self.readers.wait();
            let lpm = self.tables.lpm(family);
            let removed = lpm.remove(table, prefix, &mut self.log, Some(&wait));
            removed.map_err(|no_room| full(&self.tables, family, no_room))?;
        }
        forget(&self.tables, step, &mut self.log);
        Ok(())
    }

    /// Has nothing be forwarded by the routes of `table`, until it is called with `false`: for as long as they are
    /// not those of software.
    ///
    /// # Errors
    ///
    /// [`EntryError`].
    pub fn hold(
        &mut self,
        table: u32,
        family: Family,
        is_held: bool,
        stamp: Stamp,
    ) -> Result<(), EntryError> {
        self.attempt(|tables, log| {
            let held = tables.lpm(family).hold(table, family, is_held, stamp, log);
            held.map_err(|no_room| full(tables, family, no_room))
        })
    }

    /// Puts a nexthop or a group in, or changes it.
    ///
    /// # Errors
    ///
    /// [`EntryError`].
    pub fn set_nexthop(
        &mut self,
        id: u32,
        nexthop: &Nexthop<'_>,
        stamp: Stamp,
    ) -> Result<(), EntryError> {
        self.attempt(|tables, log| {
            let nexthops = &tables.nexthops;
            if let Some(entry) = nexthops.find(id) {
                check_at(nexthops.table(), entry, stamp.owned)?;
            }
            nexthops.set(id, nexthop, stamp, log)
        })
    }

    /// Takes a nexthop or a group of `owner` out. What still leads there goes the ordinary way.
    ///
    /// # Errors
    ///
    /// [`EntryError`].
    pub fn remove_nexthop(&mut self, id: u32, owner: u32) -> Result<(), EntryError> {
        self.attempt(|tables, log| {
            let nexthops = &tables.nexthops;
            let entry = nexthops.find(id).ok_or(EntryError::NotFound)?;
            check_at(nexthops.table(), entry, by(owner))?;
            nexthops.remove(entry, log);
            Ok(())
        })
    }

    /// Puts a neighbour in, or changes its address of Ethernet.
    ///
    /// # Errors
    ///
    /// [`EntryError`].
    pub fn set_neighbour(
        &mut self,
        key: &NeighbourKey,
        address: Address,
        stamp: Stamp,
    ) -> Result<(), EntryError> {
        let key = neighbour_key(key.port, &key.address);
        self.attempt(|tables, _| {
            let (table, part) = (&tables.neighbours, Part::Neighbours);
            set(table, part, &key, number_of(address), stamp)
        })
    }

    /// Takes a neighbour of `owner` out.
    ///
    /// # Errors
    ///
    /// [`EntryError`].
    pub fn remove_neighbour(&mut self, key: &NeighbourKey, owner: u32) -> Result<(), EntryError> {
        let key = neighbour_key(key.port, &key.address);
        self.attempt(|tables, log| {
            let entry = remove(&tables.neighbours, &key, owner)?;
            log.push(Left::Neighbour(entry));
            Ok(())
        })
    }

    /// Puts a station in that is behind `port`, or moves it there.
    ///
    /// # Errors
    ///
    /// [`EntryError`].
    pub fn set_station(
        &mut self,
        key: &StationKey,
        port: u16,
        stamp: Stamp,
    ) -> Result<(), EntryError> {
        let key = station_key(key.bridge, key.vlan, key.address);
        self.attempt(|tables, _| set(&tables.stations, Part::Stations, &key, port.into(), stamp))
    }

    /// Takes a station of `owner` out.
    ///
    /// # Errors
    ///
    /// [`EntryError`].
    pub fn remove_station(&mut self, key: &StationKey, owner: u32) -> Result<(), EntryError> {
        let key = station_key(key.bridge, key.vlan, key.address);
        self.attempt(|tables, log| {
            let entry = remove(&tables.stations, &key, owner)?;
            log.push(Left::Station(entry));
            Ok(())
        })
    }
}

impl<M: Memory, T: Deref<Target = Tables<M>>, R: Readers> Drop for Writer<M, T, R> {
    fn drop(&mut self) {
        // What has left is free for the next one.
        self.reclaim();
        super::tables::release(&self.tables.has_writer);
    }
}

/// Notes that a route is not done with by `step` any more.
fn forget<M: Memory>(tables: &Tables<M>, step: Step, log: &mut Log<M>) {
    if let Step::Nexthop(entry) = step {
        tables.nexthops.forget(entry, log);
    }
}

fn full<M: Memory>(tables: &Tables<M>, family: Family, no_room: NoRoom) -> EntryError {
    let part = match (family, no_room) {
        (Family::V4, NoRoom::Routes) => Part::Routes4,
        (Family::V4, NoRoom::Tables) => Part::Tables4,
        (Family::V4, NoRoom::Nodes) => Part::Nodes4,
        (Family::V6, NoRoom::Routes) => Part::Routes6,
        (Family::V6, NoRoom::Tables) => Part::Tables6,
        (Family::V6, NoRoom::Nodes) => Part::Nodes6,
    };
    let limit = tables.fill(part).size;
    EntryError::Full { part, limit }
}

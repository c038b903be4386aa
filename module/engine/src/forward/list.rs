// SPDX-License-Identifier: GPL-2.0

//! What is in the tables, one entry after the other, and those that are to go because they are old.

use core::ops::Deref;

use super::entry::{Entry, Owned, Usage};
use super::error::EntryError;
use super::key::{Action, NeighbourKey, RouteKey, StationKey};
use super::keyed::Keyed;
use super::log::{Family, Readers};
use super::prefix::{IpAddress, Prefix};
use super::record::Via;
use super::tables::{address_of, Step, Tables};
use super::writer::Writer;
use crate::filter::Address;
use crate::memory::Memory;

/// What an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// A route.
    Route(RouteKey, Action),
    /// A nexthop, by its number. `None` if it is a group: see [`Writer::shares`].
    Nexthop(u32, Option<Via>),
    /// A neighbour.
    Neighbour(NeighbourKey, Address),
    /// A station, and the port behind which it is.
    Station(StationKey, u16),
}

/// An entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listed {
    /// What it is.
    pub content: Content,
    /// Whose it is.
    pub owned: Owned,
    /// What it was used for.
    pub usage: Usage,
}

/// Where a reading of all entries stands. What is in the tables all the time comes once, whatever comes and
/// goes meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cursor(At);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    /// Behind a route of the table with this entry; and the number of that table.
    Routes(Family, u32, Option<(u32, Prefix)>),
    /// At the entry with this number.
    Nexthops(u32),
    Neighbours(u32),
    Stations(u32),
}

impl Cursor {
    /// Before all.
    pub const START: Self = Self(At::Routes(Family::V4, 0, None));
}

impl<M: Memory, T: Deref<Target = Tables<M>>, R: Readers> Writer<M, T, R> {
    /// The entry at `cursor`, which moves on; as of the time `now`. `None` behind the last one.
    pub fn next(&self, cursor: &mut Cursor, now: u64) -> Option<Listed> {
        loop {
            let (content, next) = match cursor.0 {
                At::Routes(family, index, after) => self.next_route(family, index, after),
                At::Nexthops(from) => self.next_nexthop(from),
                At::Neighbours(from) => self.next_neighbour(from),
                At::Stations(from) => self.next_station(from),
            }?;
            cursor.0 = next;
            if let Some((content, (owned, usage))) = content.and_then(|content| {
                let facts = self.facts(&content, now)?;
                Some((content, facts))
            }) {
                return Some(Listed {
                    content,
                    owned,
                    usage,
                });
            }
        }
    }

    /// Looks at the next `limit` entries from `cursor` on, and takes those out that `owner` put in in a reading
    /// before that with the number `generation`, and not since. Gives how many that were; `None` if there were
    /// no entries any more. So is what is old gone when all that is new was put in.
    pub fn sweep(
        &mut self,
        cursor: &mut Cursor,
        (owner, generation): (u32, u32),
        limit: u32,
    ) -> Option<u32> {
        let mut removed = 0_u32;
        for looked in 0..limit {
            let Some(listed) = self.next(cursor, 0) else {
                return (looked > 0).then_some(removed);
            };
            if listed.owned.is_older(owner, generation) && self.remove(&listed, owner).is_ok() {
                removed = removed.wrapping_add(1);
            }
        }
        Some(removed)
    }

    fn remove(&mut self, listed: &Listed, owner: u32) -> Result<(), EntryError> {
        match &listed.content {
            Content::Route(key, _) => self.remove_route(key, owner),
            Content::Nexthop(id, _) => self.remove_nexthop(*id, owner),
            Content::Neighbour(key, _) => self.remove_neighbour(key, owner),
            Content::Station(key, _) => self.remove_station(key, owner),
        }
    }

    /// Gives `each` member of the group with number `id`: its number, and the last hash that it has.
    pub fn shares(&self, id: u32, each: impl FnMut(u32, u32)) {
        if let Some(entry) = self.tables.nexthops.find(id) {
            self.tables.nexthops.members(entry, each);
        }
    }

    /// Whose the entry with `content` is, and what it was used for.
    fn facts(&self, content: &Content, now: u64) -> Option<(Owned, Usage)> {
        let tables = &*self.tables;
        match content {
            Content::Route(key, _) => {
                let lpm = tables.lpm(key.prefix.address.family());
                let route = lpm.exact(key.table, &key.prefix)?;
                Some(facts_of(lpm.route(route)?, now))
            }
            Content::Nexthop(id, _) => {
                let entry = tables.nexthops.find(*id)?;
                facts_at(tables.nexthops.table(), entry, now)
            }
            Content::Neighbour(key, _) => {
                let key = super::tables::neighbour_key(key.port, &key.address);
                facts_at(&tables.neighbours, tables.neighbours.find(&key)?.0, now)
            }
            Content::Station(key, _) => {
                let key = super::tables::station_key(key.bridge, key.vlan, key.address);
                facts_at(&tables.stations, tables.stations.find(&key)?.0, now)
            }
        }
    }

    fn next_route(
        &self,
        family: Family,
        index: u32,
        after: Option<(u32, Prefix)>,
    ) -> Option<(Option<Content>, At)> {
        let lpm = self.tables.lpm(family);
        let Some(index) = lpm.roots().next(index) else {
            let next = match family {
                Family::V4 => At::Routes(Family::V6, 0, None),
                Family::V6 => At::Nexthops(0),
            };
            return Some((None, next));
        };
        let [_, table] = lpm.roots().key(index)?;
        // CAST: 32 bits were stored.
        let table = table as u32;
        let after = after.filter(|(of, _)| *of == table);
        let prefix = lpm.next(table, family, after.as_ref().map(|(_, prefix)| prefix));
        let Some(prefix) = prefix else {
            return Some((None, At::Routes(family, index.wrapping_add(1), None)));
        };
        let route = lpm
            .exact(table, &prefix)
            .and_then(|route| lpm.route(route))?;
        let action = match Step::of(route.link()) {
            Step::Trap => Action::Trap,
            Step::Drop => Action::Drop,
            Step::Nexthop(entry) => Action::Nexthop(self.tables.nexthops.id(entry)?),
        };
        let key = RouteKey { table, prefix };
        let next = At::Routes(family, index, Some((table, prefix)));
        Some((Some(Content::Route(key, action)), next))
    }

    fn next_nexthop(&self, from: u32) -> Option<(Option<Content>, At)> {
        let nexthops = &self.tables.nexthops;
        let Some(entry) = nexthops.table().next(from) else {
            return Some((None, At::Neighbours(0)));
        };
        let id = nexthops.id(entry)?;
        let content = Content::Nexthop(id, nexthops.via(entry));
        Some((Some(content), At::Nexthops(entry.wrapping_add(1))))
    }

    fn next_neighbour(&self, from: u32) -> Option<(Option<Content>, At)> {
        let Some(entry) = self.tables.neighbours.next(from) else {
            return Some((None, At::Stations(0)));
        };
        let [address, port, upper, lower] = self.tables.neighbours.key(entry)?;
        let bytes = (u128::from(upper) << 64 | u128::from(lower)).to_be_bytes();
        // CAST: The lower byte.
        let family = match port as u8 {
            4 => Family::V4,
            _ => Family::V6,
        };
        let key = NeighbourKey {
            // CAST: 16 bits were stored.
            port: (port >> 8) as u16,
            address: IpAddress::of(family, bytes),
        };
        let content = Content::Neighbour(key, address_of(address));
        Some((Some(content), At::Neighbours(entry.wrapping_add(1))))
    }

    fn next_station(&self, from: u32) -> Option<(Option<Content>, At)> {
        let entry = self.tables.stations.next(from)?;
        let [port, bridge, address] = self.tables.stations.key(entry)?;
        let key = StationKey {
            // CAST: 32 and 16 bits were stored.
            bridge: (bridge >> 16) as u32,
            vlan: bridge as u16,
            address: address_of(address),
        };
        // CAST: 16 bits were stored.
        let content = Content::Station(key, port as u16);
        Some((Some(content), At::Stations(entry.wrapping_add(1))))
    }
}

fn facts_of<const WORDS: usize>(entry: &Entry<WORDS>, now: u64) -> (Owned, Usage) {
    (entry.owned(), entry.usage(now))
}

fn facts_at<M: Memory, const WORDS: usize>(
    table: &Keyed<M, WORDS>,
    entry: u32,
    now: u64,
) -> Option<(Owned, Usage)> {
    Some(facts_of(table.entries().get(entry)?, now))
}

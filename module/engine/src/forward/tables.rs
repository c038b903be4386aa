// SPDX-License-Identifier: GPL-2.0

//! All tables of forwarding of a device, as those see them who look things up.

use core::sync::atomic::{AtomicBool, Ordering};

use super::decision::{Decision, Hits};
use super::entry::Entries;
use super::error::Part;
use super::keyed::Keyed;
use super::log::{Family, Log};
use super::lpm::{Lpm, Outcome, RouteSizes};
use super::nexthop::Nexthops;
use super::prefix::{halves, IpAddress};
use crate::filter::Address;
use crate::memory::{Memory, OutOfMemory};

/// How much there is room for. All of it is allocated with the tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sizes {
    /// Routes of IPv4.
    pub route4: RouteSizes,
    /// Routes of IPv6.
    pub route6: RouteSizes,
    /// Nexthops and groups of them.
    pub nexthops: u32,
    /// Bytes for what is known of them, in steps of 4 KiB and at least 8: 32 for a nexthop, and for a group
    /// 8 for each member and one more, rounded up to a power of two.
    pub records: u32,
    /// Neighbours.
    pub neighbours: u32,
    /// Stations of bridges.
    pub stations: u32,
}

/// How much of a [`Part`] there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fill {
    /// Of what.
    pub part: Part,
    /// How much, in its [`unit`](Part::unit).
    pub size: u64,
    /// How much is in use. What left not long ago may still be.
    pub used: u64,
}

/// What is done with what a route is for, as its entry is linked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Trap,
    Drop,
    /// To the nexthop with this entry.
    Nexthop(u32),
}

impl Step {
    pub(super) const fn link(self) -> u32 {
        match self {
            Self::Trap => 0,
            Self::Drop => 1,
            Self::Nexthop(entry) => entry.wrapping_add(2),
        }
    }

    #[inline]
    pub(super) const fn of(link: u32) -> Self {
        match link {
            0 => Self::Trap,
            1 => Self::Drop,
            entry => Self::Nexthop(entry.wrapping_sub(2)),
        }
    }
}

/// The tables of a device, for any number of those who look things up, and one [`Writer`](super::Writer).
pub struct Tables<M: Memory> {
    pub(super) route4: Lpm<M>,
    pub(super) route6: Lpm<M>,
    pub(super) nexthops: Nexthops<M>,
    /// What a neighbour stands for is its address of Ethernet.
    pub(super) neighbours: Keyed<M, 4>,
    /// What a station stands for is its port.
    pub(super) stations: Keyed<M, 3>,
    /// Whether there is a writer.
    pub(super) has_writer: AtomicBool,
}

impl<M: Memory> Tables<M> {
    /// With nothing in them. `seed` is a random number, so that nobody can choose addresses that are much work
    /// to look up. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub fn new(memory: &M, sizes: &Sizes, seed: u64) -> Result<Self, OutOfMemory> {
        Ok(Self {
            route4: Lpm::new(memory, &sizes.route4, seed)?,
            route6: Lpm::new(memory, &sizes.route6, seed)?,
            nexthops: Nexthops::new(memory, sizes.nexthops, sizes.records, seed)?,
            neighbours: Keyed::new(memory, sizes.neighbours, seed)?,
            stations: Keyed::new(memory, sizes.stations, seed)?,
            has_writer: AtomicBool::new(false),
        })
    }

    /// Bytes that tables of these `sizes` and their writer allocate, for who accounts for them.
    pub fn memory(sizes: &Sizes) -> u64 {
        Lpm::<M>::memory(&sizes.route4)
            .wrapping_add(Lpm::<M>::memory(&sizes.route6))
            .wrapping_add(Nexthops::<M>::memory(sizes.nexthops, sizes.records))
            .wrapping_add(Keyed::<M, 4>::memory(sizes.neighbours))
            .wrapping_add(Keyed::<M, 3>::memory(sizes.stations))
            .wrapping_add(Log::<M>::memory())
    }

    #[inline]
    pub(super) fn lpm(&self, family: Family) -> &Lpm<M> {
        match family {
            Family::V4 => &self.route4,
            Family::V6 => &self.route6,
        }
    }

    /// What is done with what `address` is for in `table`, the number of the route that says so, and how many
    /// nodes of its tree were read. Any context, as [a reader](super::Readers).
    #[inline]
    pub(super) fn step(
        &self,
        table: u32,
        address: &IpAddress,
    ) -> (Result<(u32, Step), Outcome>, u32) {
        let lpm = self.lpm(address.family());
        let found = lpm.look_up(table, address.bytes().iter());
        let step = match found.outcome {
            Outcome::Route(route) => match lpm.route(route) {
                Some(entry) => Ok((route, Step::of(entry.link()))),
                None => Err(Outcome::None),
            },
            outcome => Err(outcome),
        };
        (step, found.nodes)
    }

    /// How many nodes of its tree a look-up of `address` in `table` reads: one for each byte at most. For who
    /// wants to know what it takes. Any context, as [a reader](super::Readers).
    pub fn nodes_read(&self, table: u32, address: &IpAddress) -> u32 {
        self.step(table, address).1
    }

    /// Counts `packets` frames with together `bytes` bytes, with all of which the same was
    /// [decided](Self::decide), in the entries by which it was. Any context, several at once, as
    /// [a reader](super::Readers): the one that has decided.
    #[inline]
    pub fn count(&self, decision: &Decision, packets: u64, bytes: u64, now: u64) {
        let Some(hits) = decision.hits() else { return };
        let Hits {
            route,
            group,
            nexthop,
            neighbour,
            station,
            from,
        } = *hits;
        let frames = (packets, bytes, now);
        if let Some((family, route)) = route {
            count(self.lpm(family).routes(), Some(route), frames);
        }
        let nexthops = self.nexthops.table().entries();
        count(nexthops, group, frames);
        count(nexthops, nexthop, frames);
        count(self.neighbours.entries(), neighbour, frames);
        count(self.stations.entries(), station, frames);
        if let Some(from) = from.and_then(|from| self.stations.entries().get(from)) {
            from.touch(now);
        }
    }

    /// How much of `part` there is. Any context.
    pub fn fill(&self, part: Part) -> Fill {
        let (used, size) = match part {
            Part::Routes4 => entries(self.route4.routes()),
            Part::Tables4 => entries(self.route4.roots().entries()),
            Part::Nodes4 => (self.route4.nodes().used(), self.route4.nodes().bytes()),
            Part::Routes6 => entries(self.route6.routes()),
            Part::Tables6 => entries(self.route6.roots().entries()),
            Part::Nodes6 => (self.route6.nodes().used(), self.route6.nodes().bytes()),
            Part::Nexthops => entries(self.nexthops.table().entries()),
            Part::Records => {
                let records = self.nexthops.records();
                (records.used(), records.bytes())
            }
            Part::Neighbours => entries(self.neighbours.entries()),
            Part::Stations => entries(self.stations.entries()),
        };
        Fill { part, size, used }
    }
}

/// Counts frames in the entry with number `index`, if one is meant.
#[inline]
fn count<M: Memory, const WORDS: usize>(
    entries: &Entries<M, WORDS>,
    index: Option<u32>,
    (packets, bytes, now): (u64, u64, u64),
) {
    if let Some(entry) = index.and_then(|index| entries.get(index)) {
        entry.count(packets, bytes, now);
    }
}

/// How many entries are in a table, and how many there may be.
fn entries<M: Memory, const WORDS: usize>(entries: &Entries<M, WORDS>) -> (u64, u64) {
    (entries.len().into(), entries.capacity().into())
}

/// The key of the neighbour with `address` behind `port`.
#[inline]
pub(super) const fn neighbour_key(port: u16, address: &IpAddress) -> [u64; 3] {
    let family = match address.family() {
        Family::V4 => 4,
        Family::V6 => 6,
    };
    let [upper, lower] = halves(address);
    [(port as u64) << 8 | family, upper, lower]
}

/// The key of the station with `address` in VLAN `vlan` of `bridge`.
#[inline]
pub(super) const fn station_key(bridge: u32, vlan: u16, address: Address) -> [u64; 2] {
    [(bridge as u64) << 16 | vlan as u64, number_of(address)]
}

/// An address of Ethernet as a number.
#[inline]
pub(super) const fn number_of([a, b, c, d, e, f]: Address) -> u64 {
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

/// The address of Ethernet that a number is.
#[inline]
pub(super) const fn address_of(number: u64) -> Address {
    let [_, _, address @ ..] = number.to_be_bytes();
    address
}

/// Notes that there is a writer, if there was none.
pub(super) fn claim(has_writer: &AtomicBool) -> bool {
    !has_writer.swap(true, Ordering::Acquire)
}

/// Notes that there is none any more.
pub(super) fn release(has_writer: &AtomicBool) {
    has_writer.store(false, Ordering::Release);
}

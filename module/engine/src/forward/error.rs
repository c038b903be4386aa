// SPDX-License-Identifier: GPL-2.0

//! Why something was not put into the tables, or not taken out.

use core::fmt;

use crate::errno;
use crate::resources::Unit;

/// What the tables have a limited amount of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// Routes of IPv4.
    Routes4,
    /// Tables with routes of IPv4.
    Tables4,
    /// Memory for the trees of those.
    Nodes4,
    /// Routes of IPv6.
    Routes6,
    /// Tables with routes of IPv6.
    Tables6,
    /// Memory for the trees of those.
    Nodes6,
    /// Nexthops and groups of them.
    Nexthops,
    /// Memory for what is known of them.
    Records,
    /// Neighbours.
    Neighbours,
    /// Stations of bridges.
    Stations,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Routes4,
        Self::Tables4,
        Self::Nodes4,
        Self::Routes6,
        Self::Tables6,
        Self::Nodes6,
        Self::Nexthops,
        Self::Records,
        Self::Neighbours,
        Self::Stations,
    ];

    /// A short name of lower-case letters and numbers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Routes4 => "route4",
            Self::Tables4 => "table4",
            Self::Nodes4 => "node4",
            Self::Routes6 => "route6",
            Self::Tables6 => "table6",
            Self::Nodes6 => "node6",
            Self::Nexthops => "nexthop",
            Self::Records => "nexthop_memory",
            Self::Neighbours => "neigh",
            Self::Stations => "fdb",
        }
    }

    /// What it is counted in.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Nodes4 | Self::Nodes6 | Self::Records => Unit::Bytes,
            _ => Unit::Entries,
        }
    }
}

/// Why an entry is not put in, or taken out. The tables are as they were.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryError {
    /// There is no room.
    Full {
        /// Of what.
        part: Part,
        /// How much of it there is.
        limit: u64,
    },
    /// There is no such entry.
    NotFound,
    /// It is somebody else's.
    Foreign {
        /// Whose: see [`Owned::owner`](super::Owned::owner).
        owner: u32,
    },
    /// There is no nexthop with this number.
    NoNexthop {
        /// The number.
        id: u32,
    },
    /// A prefix has more bits than an address, or bits behind them.
    Prefix,
    /// A group of nexthops has none, or more than a group may have.
    Members {
        /// How many it has.
        asked: usize,
        /// How many it may have.
        limit: usize,
    },
    /// A member of a group is a group.
    Nested {
        /// Its number.
        id: u32,
    },
    /// A member of a group has no weight.
    Weight {
        /// Its number.
        id: u32,
    },
}

impl EntryError {
    /// The error number (positive) for who asked.
    pub const fn errno(&self) -> i32 {
        match self {
            Self::Full { part, .. } => match part.unit() {
                Unit::Bytes => errno::ENOMEM,
                Unit::Entries => errno::E2BIG,
            },
            Self::NotFound | Self::NoNexthop { .. } => errno::ENOENT,
            Self::Foreign { .. } => errno::EACCES,
            Self::Prefix | Self::Members { .. } | Self::Nested { .. } | Self::Weight { .. } => {
                errno::EINVAL
            }
        }
    }
}

impl fmt::Display for EntryError {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Full { part, limit } => {
                let of = match part.unit() {
                    Unit::Bytes => "bytes",
                    Unit::Entries => "entries",
                };
                write!(
                    f,
                    "{}: no room, the table has {limit} {of}; delete entries, or set another size",
                    part.name()
                )
            }
            Self::NotFound => f.write_str("no such entry"),
            Self::Foreign { owner } => write!(f, "the entry is that of owner {owner}"),
            Self::NoNexthop { id } => write!(f, "no nexthop has the number {id}; put it in first"),
            Self::Prefix => f.write_str(
                "the prefix has more bits than an address, or its address has bits behind them",
            ),
            Self::Members { asked, limit } => {
                write!(f, "the group has {asked} members, it may have 1 to {limit}")
            }
            Self::Nested { id } => {
                write!(f, "member {id} is a group: a group has nexthops only")
            }
            Self::Weight { id } => write!(f, "member {id} has no weight"),
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What becomes of a frame, and why.

use super::log::Family;
use super::rewrite::Rewrite;
use crate::pipeline::Counter;

/// By which entries something was decided, each by its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Hits {
    pub(super) route: Option<(Family, u32)>,
    pub(super) group: Option<u32>,
    pub(super) nexthop: Option<u32>,
    pub(super) neighbour: Option<u32>,
    /// The station that the frame is for.
    pub(super) station: Option<u32>,
    /// The one from which it comes.
    pub(super) from: Option<u32>,
}

/// A frame that the device sends on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Forward {
    /// By which port.
    pub port: u16,
    /// How many of its bytes: what is behind an IP packet stays behind, as with `pskb_trim_rcsum()`.
    pub len: u32,
    /// What is changed in it before, of a packet that is routed.
    pub rewrite: Option<Rewrite>,
    pub(super) hits: Hits,
}

/// What becomes of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// It is routed.
    Forward(Forward),
    /// It is bridged, as it is.
    Bridge(Forward),
    /// It is dropped, as software would.
    Drop(Dropped),
    /// It goes the ordinary way.
    Trap(Trap),
}

/// A frame that nobody gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dropped {
    pub(super) hits: Hits,
}

impl Decision {
    pub(super) const fn hits(&self) -> Option<&Hits> {
        match self {
            Self::Forward(forward) | Self::Bridge(forward) => Some(&forward.hits),
            Self::Drop(dropped) => Some(&dropped.hits),
            Self::Trap(_) => None,
        }
    }
}

/// Makes the reasons, their list and their names from one table.
macro_rules! traps {
    ($($(#[$doc:meta])* $trap:ident = $name:literal,)*) => {
        /// Why a frame goes the ordinary way: software does something else with it than to send it on, or
        /// may do so.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Trap {
            $($(#[$doc])* $trap,)*
        }

        impl Trap {
            /// All of them, by discriminant.
            pub const ALL: [Self; [$(Self::$trap,)*].len()] = [$(Self::$trap,)*];

            /// A short name of lower-case letters, fit for a statistics counter.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$trap => $name,)*
                }
            }
        }
    };
}

traps! {
    /// The port does not forward frames like this one.
    NotForwarded = "not_forwarded",
    /// It ends within its headers.
    Short = "short",
    /// Its source is no address of a station.
    SourceAddress = "source_address",
    /// It is for a group of stations, or all.
    Group = "group",
    /// It is not for the address of the router.
    OtherHost = "other_host",
    /// It has a VLAN tag.
    Tagged = "tagged",
    /// It is neither IPv4 nor IPv6, or, in a bridge, of a protocol in which that may take part.
    Protocol = "protocol",
    /// Its IP header is malformed.
    Header = "header",
    /// The checksum of its IPv4 header is wrong.
    Checksum = "checksum",
    /// It is shorter than its IP header says.
    Length = "length",
    /// It has options of IPv4.
    Options = "options",
    /// It has extension headers of IPv6.
    Extension = "extension",
    /// It is a fragment.
    Fragment = "fragment",
    /// It has come to the end of its life: its time to live, or hop limit, is 1 or 0.
    Expired = "expired",
    /// It is for a group of hosts, or for all.
    Multicast = "multicast",
    /// Its source is not that of a packet that is routed.
    MartianSource = "martian_source",
    /// Nor is its destination.
    MartianDestination = "martian_destination",
    /// Its source is not where it comes from, or is the router itself.
    ReversePath = "reverse_path",
    /// No route has its destination.
    NoRoute = "no_route",
    /// The route says so.
    Route = "route",
    /// Nothing is looked up in its table at this time.
    Held = "held",
    /// The routes were changed faster than they could be looked up.
    Changing = "changing",
    /// Its route leads to a nexthop that is not there.
    NoNexthop = "no_nexthop",
    /// Its route leads to a group of nexthops, and it has no hash.
    Unhashed = "unhashed",
    /// It would leave by the port by which it came.
    SamePort = "same_port",
    /// The port by which it would leave can't have it.
    NoPort = "no_port",
    /// It is longer than the port by which it would leave takes.
    TooLong = "too_long",
    /// The address of the neighbour is not known.
    NoNeighbour = "no_neighbour",
    /// The bridge does not know its destination.
    NoStation = "no_station",
    /// The bridge does not know its source, or knows it elsewhere.
    Learn = "learn",
}

/// How many frames went the ordinary way, for each reason. For one CPU, or whoever else decides alone, and
/// anyone who reads.
pub struct TrapCounters([Counter; Trap::ALL.len()]);

impl Default for TrapCounters {
    fn default() -> Self {
        Self([const { Counter::new() }; Trap::ALL.len()])
    }
}

impl TrapCounters {
    /// Counts `frames`.
    #[inline]
    pub fn count(&self, trap: Trap, frames: u64) {
        if let Some(counter) = self.0.get(trap as usize) {
            counter.add(frames);
        }
    }

    /// How many that were.
    #[inline]
    pub fn get(&self, trap: Trap) -> u64 {
        self.0.get(trap as usize).map_or(0, Counter::get)
    }
}

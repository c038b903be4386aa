// SPDX-License-Identifier: GPL-2.0

//! Forwarding: tables of routes, nexthops, neighbours and stations, and what becomes of a frame by them.
//!
//! It is an offload of what the host does with packets that are for others: `ip_rcv()` to `ip_output()`,
//! `ip6_rcv()` to `ip6_output()` and `br_handle_frame()` of Linux 7.2 are the ground truth. The device sends a
//! frame on only where software does nothing else with it than that; all others are [traps](Trap): they go the
//! ordinary way, as if there were no tables. So an entry that is missing is never wrong, but for a route with a
//! shorter prefix beside it: what the device can't do is put in as [`Action::Trap`].
//!
//! What software looks at that is not in a frame is for who fills the tables and names the [roles](Role) of
//! ports to see: rules of routing but those of VRFs, routes by DSCP, marks or sources, netfilter, traffic control,
//! IPsec, proxy ARP, path MTUs, and the addresses of the router itself and of broadcasts on its links, each of which
//! is a route that traps.
//!
//! # Who calls what
//!
//! - [`Tables::decide`] and [`Tables::count`]: whoever receives, in softirq, for each frame, within one read-side
//!   critical section of RCU for both. They take no lock and write to nothing but counters, which are those of
//!   entries; frames of one flow that were decided alike can be counted together. [`TrapCounters`] are of one
//!   CPU or queue.
//! - [`Writer`]: whoever changes entries or lists them, in process context, under a mutex in which it lies, as
//!   there is one. Its methods may sleep: they wait for readers ([`Readers`]) once for some thousand changes, or
//!   when there is no room otherwise.
//! - A reading of everything by its [owner](Owned) is a generation: all that there is is put in with the next
//!   number, and then [`Writer::sweep`] takes out what has an older one, some entries at a time. An entry
//!   that was there before keeps its counters.
//!
//! # How readers and the writer agree
//!
//! By what flows, the hash maps and the kernel's own tables do, without code that is not safe: all memory is
//! there from the beginning ([`Sizes`]) and consists of atomic words. The writer writes anew what it changes, at
//! most one node of a tree of each level, and shows it by one store. What it replaces is used again only when
//! all have gone who may be reading it; if an embedder got that wrong, a frame would go a wrong way, and
//! nothing else would happen. A look-up of a route gives one that was right at some moment while it ran, as
//! it begins again if routes have changed meanwhile.

mod arena;
mod change;
mod decide;
mod decision;
mod entry;
mod error;
mod key;
mod keyed;
mod list;
mod log;
mod lpm;
mod nexthop;
mod node;
mod ownership;
mod packet;
mod path;
mod plan;
mod prefix;
mod record;
mod rewrite;
mod tables;
mod walk;
mod writer;

pub use decide::{Arrived, Bridged, InPort, OutPort, Role, Routed, SourceCheck};
pub use decision::{Decision, Dropped, Forward, Trap, TrapCounters};
pub use entry::{Owned, Stamp, Usage};
pub use error::{EntryError, Part};
pub use key::{Action, NeighbourKey, RouteKey, StationKey};
pub use list::{Content, Cursor, Listed};
pub use log::{Family, Readers};
pub use lpm::RouteSizes;
pub use prefix::{IpAddress, Prefix};
pub use record::{Member, Nexthop, Via, MAX_MEMBERS};
pub use rewrite::Rewrite;
pub use tables::{Fill, Sizes, Tables};
pub use writer::Writer;

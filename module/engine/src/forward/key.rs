// SPDX-License-Identifier: GPL-2.0

//! By what entries are named, and what routes are for.

use super::prefix::{IpAddress, Prefix};
use crate::filter::Address;

/// What is done with packets that a route is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// They go the ordinary way: for what the device can't do, so that no shorter prefix has them, and for
    /// addresses of the router itself.
    Trap,
    /// They are dropped without a word (`RTN_BLACKHOLE`).
    Drop,
    /// They are sent to the nexthop, or the group, with this number.
    Nexthop(u32),
}

/// A prefix in a table of routes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RouteKey {
    /// The number of the table: each VRF has one.
    pub table: u32,
    /// The addresses.
    pub prefix: Prefix,
}

/// A station of a bridge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StationKey {
    /// The number of the bridge.
    pub bridge: u32,
    /// The VLAN, or 0.
    pub vlan: u16,
    /// Its address.
    pub address: Address,
}

/// A neighbour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NeighbourKey {
    /// The port behind which it is.
    pub port: u16,
    /// Its address.
    pub address: IpAddress,
}

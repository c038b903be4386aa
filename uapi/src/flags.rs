// SPDX-License-Identifier: GPL-2.0

//! The names of a port's private flags, as `ethtool --show-priv-flags` shows them.

/// The port takes frames of any length from the cable. Off unless somebody switches it on: then those
/// that are longer than the MTU with its headers are lost
/// ([`RX_TOO_LONG_DROPS`](crate::stats::RX_TOO_LONG_DROPS)).
pub const RX_OVER_MTU: &str = "rx-over-mtu";

/// Of the flows of received frames, the stack is told the hashes that it would make itself
/// (`skb_get_hash`), of what the device has found, instead of those by which the device steers. Off unless
/// somebody switches it on.
pub const RX_HASH_AS_STACK: &str = "rx-hash-as-stack";

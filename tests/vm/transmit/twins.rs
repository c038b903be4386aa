// SPDX-License-Identifier: GPL-2.0

//! Wire equality of what no packet socket can make: frames of the stack's own sockets and of its
//! forwarding, whose very copies software finishes on another NIC.

mod big_tcp;
mod encapsulated;
mod lists;
mod vlans;

use offload_tests::env;

const PROFILES: [&str; 4] = ["programmable", "legacy", "none", "legacy-unchecked"];

/// The profiles that are tried here. Where the kernel checks itself it is slow, and what is asked is
/// whether memory and locks are used rightly, not what the bytes are. Under emulation all tools are
/// slow: between the profile that leaves all to the device and the one that is wrong lie the others.
fn profiles() -> &'static [&'static str] {
    if env::is_checked() {
        &["programmable"]
    } else if env::is_emulated() {
        &["programmable", "legacy-unchecked"]
    } else {
        &PROFILES
    }
}

/// Bytes of TCP.
fn stream() -> usize {
    if env::is_slow() {
        1 << 17
    } else {
        1 << 19
    }
}

/// Datagrams of sizes that differ, and super-frames of them.
const DATAGRAMS: [(usize, Option<u16>); 9] = [
    (0, None),
    (1, None),
    (1000, None),
    (1201, None),
    (100, Some(8)),
    (1001, Some(1000)),
    (2000, Some(1000)),
    (20_001, Some(501)),
    (60_000, Some(1200)),
];

/// Frames on the wire that these are.
const DATAGRAM_FRAMES: usize = 4 + 13 + 2 + 2 + 40 + 50;

// SPDX-License-Identifier: GPL-2.0

//! Forwarding: the tables, and what becomes of frames by them.

mod bridges;
#[path = "../common/counting.rs"]
mod counting;
mod errors;
mod frames;
mod listing;
#[path = "../steer/memory.rs"]
mod memory;
mod million;
mod model;
mod nexthops;
mod rewrite;
mod room;
mod routes;
mod threads;
mod traps;

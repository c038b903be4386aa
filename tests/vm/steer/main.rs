// SPDX-License-Identifier: GPL-2.0

//! Receive steering: the queue and the hash that a frame comes with.

#[path = "../../../module/engine/tests/dissector/corpus.rs"]
#[allow(dead_code, reason = "others have all of them")]
mod corpus;

mod chosen;
mod explain;
mod follow;
mod hash;
mod interrupts;
mod order;
mod packet;
mod payload;
mod permission;
mod raw;
mod rss_type;
mod rules;
mod socket;
mod stand;
mod toeplitz;
mod told;

// SPDX-License-Identifier: GPL-2.0

//! Receive steering: the queue and the hash that a frame comes with.

mod chosen;
mod explain;
mod follow;
mod hash;
mod interrupts;
mod order;
mod packet;
mod payload;
mod rss_type;
mod rules;
mod socket;
mod stand;
mod toeplitz;
mod told;

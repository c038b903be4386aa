// SPDX-License-Identifier: GPL-2.0

//! What users and the core ask of a NIC. Process context; under RTNL, but for what only concerns the
//! list of NICs, and files of the bus and of debugfs.

mod attach;
mod bus;
mod cable;
mod clock;
mod devlink;
mod dpipe;
mod ethtool;
mod explain;
mod files;
mod filter;
mod interface;
mod link;
mod mac;
mod map;
mod nic;
mod parser;
mod permission;
mod ports;
mod profile;
mod program;
mod refusals;
mod report;
mod residents;
mod resources;
mod rules;
mod steer;
mod store;
mod tc;
mod xdp;

pub(crate) use bus::Nics;
pub(crate) use nic::Plan;

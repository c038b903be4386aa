// SPDX-License-Identifier: GPL-2.0

//! What the tests that run in the VM, the demo and the benchmark share: running
//! the system's own tools, network namespaces, the module, frames on the wire.
//!
//! Everything is observed the way a user would: through `ip`, `bpftool`,
//! `ethtool`, `tcpdump` and sockets. Nothing here knows the driver's insides.

pub mod bind;
pub mod bpf;
pub mod cable;
pub mod clock;
pub mod command;
pub mod compiled;
pub mod devlink;
pub mod dissect;
pub mod dpipe;
pub mod env;
pub mod frames;
mod genl;
pub mod graphs;
pub mod gro;
pub mod hunt;
pub mod interrupt;
pub mod kmsg;
pub mod link;
pub mod module;
pub mod netns;
pub mod nic;
pub mod outcome;
pub mod pktgen;
pub mod processor;
pub mod qstats;
pub mod resources;
pub mod rules;
mod setns;
pub mod sockets;
pub mod streams;
pub mod swap;
pub mod tc;
pub mod tc_outcome;
pub mod traffic;
pub mod until;
pub mod wire;
pub mod xsk;
pub mod ynl;

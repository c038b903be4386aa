// SPDX-License-Identifier: GPL-2.0

//! Safe abstractions of the networking stack that the `kernel` crate lacks.
//!
//! The only crate of the module that contains `unsafe` and that sees the C bindings.
//! It knows the kernel and no NIC: what is particular to a device is behind the traits
//! that a driver implements.

mod bindings;

pub mod bpf;
pub mod bus;
pub mod checksum;
pub mod debugfs;
pub mod devlink;
pub mod digest;
pub mod error;
pub mod ethtool;
pub mod extack;
pub mod genl;
pub mod log;
pub mod machine;
pub mod netdev;
pub mod netns;
pub mod rcu;
pub mod ring;
pub mod skbuff;
pub mod stats;
pub mod sync;
pub mod tc;
pub mod work;
pub mod xdp;

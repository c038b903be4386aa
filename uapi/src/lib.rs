// SPDX-License-Identifier: GPL-2.0

//! The contract between the offload_nic kernel module and user space.
//!
//! The module is compiled from the same files as this crate, so that a name which a tool looks for
//! is the name that the driver gives.

#![cfg_attr(not(CONFIG_RUST), no_std)]
#![forbid(unsafe_code)]

pub mod canonical;
pub mod limits;
pub mod netlink;
pub mod operation;
pub mod stats;

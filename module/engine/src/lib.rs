// SPDX-License-Identifier: GPL-2.0

//! The device side of offload_nic: everything that the NIC itself does.
//!
//! A program comes in as eBPF instructions ([`store`]), is translated to operations of the device
//! ([`image`], [`op`]) and runs on a [`exec::Core`], one per receive queue, with frames ([`frame`])
//! and maps ([`map`]) in device memory ([`memory`]). [`pipeline`] is what happens to one received
//! frame; [`parser`] finds out which flow it is of; [`descriptor`] is what crosses between driver and device with it. [`transmit`] makes the
//! wire frames of what the host sends, [`coalesce`] says which of it need not be cut, [`vlan`] puts tags
//! in, and [`receive_checksum`] is what the host may believe of what it gets. [`forward`]
//! says what is sent on that is for others. [`clock`] is the time that frames are
//! stamped with. [`link`] is what two ends of a cable agree on, and [`mac`] what they
//! count of it. [`resources`] is how much of
//! all that there is, and is in use.
//!
//! The crate uses `core` alone, allocates only through [`memory::Memory`], and has no code that can
//! panic: it runs inside the kernel, where a panic is a bug report at best. Whatever formats text
//! is `#[inline]`, so that it becomes code of whoever prints, and the engine's own object needs
//! nothing of `core::fmt`, which can panic.

#![cfg_attr(not(CONFIG_RUST), no_std)]
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "std"))]
extern crate std;

// Device memory, frames and instructions are little endian, and so must be the host whose programs
// they run.
#[cfg(target_endian = "big")]
compile_error!("the device runs programs of little-endian hosts only");

mod address;
mod check;
pub mod checksum;
pub mod clock;
pub mod coalesce;
mod crc32c;
pub mod descriptor;
mod disasm;
pub mod errno;
pub mod exec;
pub mod fault;
mod fields;
pub mod filter;
pub mod forward;
pub mod frame;
mod gather;
mod hash_step;
pub mod helper;
pub mod image;
pub mod insn;
pub mod limits;
pub mod link;
pub mod mac;
pub mod map;
pub mod memory;
mod mix;
mod numbered;
pub mod op;
pub mod parser;
pub mod pipeline;
mod program;
mod protocol;
pub mod receive_checksum;
pub mod refusal;
pub mod resources;
mod skb;
mod sort;
pub mod steer;
pub mod store;
mod translate;
pub mod transmit;
mod verdict;
pub mod vlan;

/// Version of the engine: major, minor, patch, 0.
pub const VERSION: [u8; 4] = [0, 1, 0, 0];

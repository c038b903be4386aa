// SPDX-License-Identifier: GPL-2.0

//! NAPI: what polls the queues of a device, and what is to be done in a poll alone.
//!
//! # Context, locks, life
//!
//! | | context | locks | kept alive by |
//! |---|---|---|---|
//! | [`PollContext`] | NAPI poll: softirq, the instance's thread, or a task that polls for itself | NAPI's bit: one poll of a queue at a time | the poll, which it borrows |
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

mod context;
mod instance;
mod interrupt;
mod moderation;
mod vector;

pub use context::PollContext;
pub(crate) use instance::Napi;
pub use moderation::Coalescing;

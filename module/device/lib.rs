// SPDX-License-Identifier: GPL-2.0

//! The card: the device of the NIC as a machine.
//!
//! What would be on a card is here: memory in which programs and maps lie ([`memory`], [`program`],
//! [`map`]), ports with queues, rings and slots for programs ([`port`], [`queue`], [`slots`]), the
//! cable between two of them ([`cable`]), the transmit engine ([`send`]) and the receive pipeline
//! ([`receive`]), and the clock that frames are stamped with ([`clock`]). The machine that it is plugged into is behind a trait ([`host`]): the card raises
//! interrupts and hands frames up, and knows no interface, no tool and no system call.
//!
//! # Locking
//!
//! - Who changes what a port is, its programs, its rings, its cable, has the host's lock for that
//!   (RTNL in Linux); frames read it under RCU or as single numbers.
//! - The list of programs has a lock of its own, behind which nothing is locked.
//! - The lock of who changes the clock: taken with interrupts off; who reads it takes none.
//! - The lock of a fault log: taken with bottom halves off; so is that of a frame that a parser keeps.
//! - A ring has two locks, of its writers and of its reader, taken with bottom halves off.
//! - What works on the frames of a receive queue is claimed, by its poll or by who sends a frame to it.
//!   Nobody waits for it: a sender puts its frame into the ring, and a poll comes again. What else the
//!   queue has belongs to who has claimed that.

#![forbid(unsafe_code)]

pub mod cable;
pub mod card;
mod change;
pub mod clock;
pub mod coalesce;
mod coalescing;
mod counting;
pub mod counts;
mod damage;
pub mod damaged;
pub mod fault;
pub mod filter;
mod filtering;
pub mod host;
pub mod lane;
pub mod mac;
pub mod map;
pub mod memory;
mod metering;
mod number;
pub mod originals;
pub mod parser;
pub mod port;
pub mod profile;
pub mod program;
pub mod programs;
pub mod queue;
pub mod receive;
pub mod redirects;
pub mod rules;
pub mod runs;
pub mod send;
mod services;
pub mod slots;
mod stamping;
mod stamps;
pub mod steer;
pub mod steering;
mod vlan;
mod vlans;
mod work;

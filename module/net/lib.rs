// SPDX-License-Identifier: GPL-2.0

//! Safe abstractions of the networking stack that the `kernel` crate lacks.
//!
//! The only crate of the module that contains `unsafe` and that sees the C bindings.
//! It knows the kernel and no NIC: what is particular to a device is behind the traits
//! that a driver implements.
//!
//! # Contexts, locks, lives
//!
//! Locks nest in this order: the lock of a devlink instance, RTNL, the core's `bpf_devs_lock`, the lock
//! of a transmit queue or the run of a poll. A callback says in its documentation which of them are
//! held. Where a type stands for a lock or a read side ([`devlink::Locked`], [`netdev::Rtnl`],
//! [`rcu::Guard`]), a function that needs it takes a reference to a value of that type, and what it
//! gives borrows from that.
//!
//! The kernel does not unwind, and a value may always be forgotten: that leaks, and never leaves the
//! kernel with a pointer to what is gone. What the kernel has a pointer to is owned or counted by the
//! value that tells the kernel to forget it, its *registration*.
//!
//! | | contexts | locks | what keeps it alive |
//! |---|---|---|---|
//! | [`netdev::Device`] | made and dropped in process context, without RTNL; used in any | its queues' state is RTNL's | its port, which holds it |
//! | [`netdev::Registration`] | process, without RTNL | takes RTNL | whoever made it, or the devlink instance; it holds the port, so that a callback finds it |
//! | [`netdev::NetDevice`] | as each function says | RTNL where it is asked for | the port that it is borrowed from |
//! | [`napi::PollContext`] | NAPI poll | one poll of a queue at a time | the call |
//! | [`skbuff`] | any, but for what is said to be softirq's | none: a frame has one owner | its owner; the data of what was sent may have others, who read |
//! | [`ring::FrameRing`] | writers: softirq, several; reader: one poll, or process context when that is off | one for writers, one for readers, in the ring | its port |
//! | [`xdp::NativeProgram`] | attached with RTNL; run by a poll, in an RCU read side | none to run it | a reference to the program; after its slot let go of it, a grace period |
//! | [`bpf::OffloadDevice`] | process | the core's `bpf_devs_lock` | each port of the device; it holds the device's state |
//! | [`bpf::ProgramOffload`] | process; called by the loading task alone up to `translate`, then by whoever has RTNL | `bpf_devs_lock`, for reading while it is loaded, for writing and with RTNL at its end | the core, until `destroy` |
//! | [`bpf::NewProgram`], [`bpf::VerifiedProgram`], [`bpf::VerifierEnv`] | the callback that was given it | `bpf_devs_lock` | the task that loads the program and waits for the call |
//! | [`bpf::AttachedProgram`] | process | RTNL | RTNL, without which `destroy` is not called |
//! | [`bpf::MapOffload`] | process, several at once | `bpf_devs_lock` for reading: what programs in softirq share with it needs a lock of its own | an `Arc`, one reference of which is the core's |
//! | [`bpf::EventArray`] | sent to in softirq; dropped in any | none | a reference to the map |
//! | [`bpf::ProgramNumber`] | any but softirq and hard interrupts | a spinlock in it | an `Arc`; the number ends with the program |
//! | [`tc::FilterChange`] | process | RTNL | the call |
//! | [`netdev::Operations`] and the traits for other concerns | as each function says | RTNL, but for statistics and the data path | the registration, while the call lasts |
//! | [`devlink::Devlink`] | process, without RTNL | its instance's lock: what is in it is reached by [`devlink::Locked`] alone | whoever made it; it holds the device that it is for, the ports and their registrations, and the reporter |
//! | [`devlink::dpipe::Pipeline`] | process, with the instance's lock | the instance's lock | the instance: nobody asks once that is not registered; its headers live for ever |
//! | [`devlink::Reporter`] | made in process context; `note` in any | none | an `Arc`, one reference of which is the instance's, until its work has ended |
//! | [`genl::Family`] | process, several requests at once | none: RTNL is taken by who needs it | an `Arc`, one reference of which is the registration's |
//! | [`bus::Bus`] | process, several requests at once | the driver core's | its registration, which waits for all devices of the bus |
//! | [`bus::DeviceRegistration`] | process | the driver core's | whoever made it; the memory has a count of its own, and what is behind it an `Arc` |
//! | [`rcu::Slot`] | read in any context, in a read side; replaced in process context | none to read; who replaces is serialised by the slot's owner or does not mind | its owner; what was in it is handed out after a grace period |
//! | [`sync::Claim`] | any | it is none, but keeps others away: nobody waits for it | its owner |
//! | [`sync::SeqLock`] | any but non-maskable interrupts | one for writers, taken with interrupts off, in it; readers begin again | its owner |
//! | [`ptp::Registration`] | process | none; it waits for whoever uses the clock | whoever made it; it holds the clock |
//! | [`work::Worker`] | asked for in any context; stopped and dropped in process context | none that the work takes may be held to stop it | its owner; its end waits for the work |
//! | [`stats::Counter`] | counted in one context at a time; read in any | that of the counting context | its owner |
//! | [`netns::NetNamespace`] | process | none; RTNL where it is asked for | a reference to the namespace |
//! | [`extack::Extack`], [`genl::Request`] | the callback that was given it | those of the callback | the call |

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
pub mod flow_dissector;
pub mod genl;
pub mod handover;
pub mod log;
pub mod machine;
pub mod napi;
pub mod netdev;
pub mod netns;
pub mod ptp;
pub mod rcu;
pub mod ring;
pub mod skbuff;
pub mod stats;
pub mod sync;
pub mod tc;
pub mod tstamp;
pub mod work;
pub mod xdp;

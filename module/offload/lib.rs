// SPDX-License-Identifier: GPL-2.0

//! The offload infrastructure, for any driver.
//!
//! A device may do work for the kernel only if it does exactly what the kernel would do itself. So
//! a driver reports which programs lie in its device ([`ReportPrograms`]), and [`compare`] permits
//! one to be activated only when its digest is that of the program that the kernel has loaded. What a
//! device says of received frames becomes what the stack wants to know ([`receive`]).

#![forbid(unsafe_code)]

mod compare;
mod digest;
mod identity;
pub mod receive;

pub use compare::{
    compare,
    Mismatch,
    ReportPrograms, //
};
pub use digest::Digest;
pub use identity::{
    ProgramIdentity,
    Slot, //
};

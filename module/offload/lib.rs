// SPDX-License-Identifier: GPL-2.0

//! The offload infrastructure, for any driver.
//!
//! A device may do work for the kernel only if it does exactly what the kernel would do itself. So
//! a driver reports which programs lie in its device ([`ReportPrograms`]), and [`compare`] permits
//! one to be activated only when its digest is that of the program that the kernel has loaded. What a
//! device does for frames that are sent is decided frame by frame ([`transmit`]), and what it says
//! of received ones becomes what the stack wants to know ([`receive`]).

#![forbid(unsafe_code)]

mod compare;
mod digest;
mod identity;
pub mod receive;
pub mod transmit;

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

// SPDX-License-Identifier: GPL-2.0

//! The driver of the NIC.
//!
//! The host side of `offload_nic`: ports that are net devices, queues, the way of programs and maps
//! into the device. What the device itself does with a frame is the `engine` crate's.
//!
//! # Locking
//!
//! - RTNL: attaching programs, ring sizes, going up and down, cabling of a running port.
//! - The lock of a fault log: the last fault of a receive queue; taken with bottom halves off.
//! - The lock of a transmit queue: its counters. NAPI: the state and the counters of a receive queue.
//! - What the data path reads and the control path replaces (the program, the peer at the other end
//!   of the cable) lies in RCU slots; RTNL or the single thread of module init and exit serialises
//!   the writers.

#![forbid(unsafe_code)]

mod ethtool;
mod fault;
mod map;
mod memory;
mod native;
mod nic;
mod port;
mod program;
mod ration;
mod redirect;
mod rx;
mod services;
mod switches;
mod tc;
mod tx;
mod xdp;

use kernel::{
    debugfs::Dir,
    prelude::*, //
};
use nic::Nic;
use offload_uapi::limits::{
    MAX_NICS,
    MAX_PORTS,
    MAX_QUEUES, //
};

/// What `pr_err!` and its like begin a line with. `module!` makes it in the crate that it stands in;
/// that is another one.
const __LOG_PREFIX: &[u8] = b"offload_nic\0";

/// What `insmod` was given.
pub struct Parameters {
    /// Number of NICs.
    pub nics: u32,
    /// Ports of each NIC.
    pub ports: u32,
    /// Queue pairs of each port.
    pub queues: u32,
}

impl Parameters {
    fn check(&self) -> Result {
        for (name, value, max) in [
            ("nics", self.nics, MAX_NICS),
            ("ports", self.ports, MAX_PORTS),
            ("queues", self.queues, MAX_QUEUES),
        ] {
            if value < 1 || value > max {
                pr_err!("parameter {name}={value} is out of range: 1 to {max}\n");
                return Err(EINVAL);
            }
        }
        Ok(())
    }
}

/// The module's NICs.
///
/// Dropped from top to bottom: what lies in the debugfs directory goes before it.
pub struct Driver {
    _nics: KVec<Nic>,
    _debugfs: Dir,
}

impl Driver {
    /// Makes the NICs. Process context, RTNL not held.
    ///
    /// # Errors
    ///
    /// `EINVAL` if a parameter is out of range, `ENOMEM`, or what registering a device gives; then
    /// nothing is left.
    pub fn new(parameters: &Parameters) -> Result<Self> {
        parameters.check()?;
        let debugfs = Dir::new(c"offload_nic");
        let mut nics = KVec::new();
        for index in 0..parameters.nics {
            // CAST: `check` keeps both far below `u16::MAX`.
            let (ports, queues) = (parameters.ports as u16, parameters.queues as u16);
            nics.push(Nic::new(index, ports, queues, &debugfs)?, GFP_KERNEL)?;
        }
        Ok(Self {
            _nics: nics,
            _debugfs: debugfs,
        })
    }
}

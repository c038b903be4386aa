// SPDX-License-Identifier: GPL-2.0

//! The driver of the NIC.
//!
//! The host side of `offload_nic`: ports that are net devices, queues, the way of programs and maps
//! into the device. What the device itself does with a frame is the `engine` crate's.
//!
//! # Locking
//!
//! In the order in which they are taken:
//!
//! - The list of NICs: held while one is made or goes, and while a cable is plugged or pulled.
//! - What runs of a NIC: held while one of its ports is added or removed.
//! - The lock of a NIC's devlink instance: which ports there are.
//! - RTNL: attaching programs, ring sizes, going up and down, cables.
//! - The core's lock of offloaded programs, and behind it that of the list of programs in a device.
//! - The lock of a fault log: the last fault of a receive queue; taken with bottom halves off.
//! - The lock of a transmit queue: its counters. NAPI: the state and the counters of a receive queue.
//! - What the data path reads and the control path replaces (the program, the peer at the other end
//!   of the cable, the ports of a NIC) lies in RCU slots; RTNL, or for the ports the lock of devlink,
//!   serialises the writers.

#![forbid(unsafe_code)]

mod asic;
mod bus;
mod ethtool;
mod fault;
mod files;
mod loaded;
mod map;
mod memory;
mod native;
mod nic;
mod port;
mod ports;
mod profile;
mod program;
mod ration;
mod redirect;
mod refusals;
mod report;
mod residents;
mod resources;
mod runs;
mod rx;
mod services;
mod switches;
mod tc;
mod tx;
mod xdp;

use bus::Nics;
use kernel::prelude::*;
use net::bus::Registration;
use nic::Plan;
use offload::{
    Family,
    Offload, //
};
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
        for (name, value, min, max) in [
            ("nics", self.nics, 0, MAX_NICS),
            ("ports", self.ports, 1, MAX_PORTS),
            ("queues", self.queues, 1, MAX_QUEUES),
        ] {
            if value < min || value > max {
                pr_err!("parameter {name}={value} is out of range: {min} to {max}\n");
                return Err(EINVAL);
            }
        }
        Ok(())
    }
}

/// The bus, with the NICs on it, and the way by which user space asks for what is in their devices.
///
/// Dropped from top to bottom: who listens is told of the end of the programs.
pub struct Driver {
    _bus: Registration<Nics>,
    _family: Family,
}

impl Driver {
    /// Registers the bus, for `module`, and makes the first NICs. Process context, RTNL not held.
    ///
    /// # Errors
    ///
    /// `EINVAL` if a parameter is out of range, `EEXIST` if another module has a generic netlink
    /// family `offload`, `ENOMEM`, or what registering a device gives; then nothing is left.
    pub fn new(parameters: &Parameters, module: &'static ThisModule) -> Result<Self> {
        parameters.check()?;
        let offload = Offload::new(module)?;
        let registration = Registration::new(Nics::new(offload.clone())?, module)?;
        for id in 0..parameters.nics {
            let plan = Plan {
                id,
                // CAST: `check` keeps both far below `u16::MAX`.
                ports: parameters.ports as u16,
                queues: parameters.queues as u16,
                is_cabled: true,
            };
            Nics::add(registration.bus(), &plan)?;
        }
        // Last: what user space has begun to ask, when this comes to an end, is still to be answered.
        let family = offload.register()?;
        Ok(Self {
            _bus: registration,
            _family: family,
        })
    }
}

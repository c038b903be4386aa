// SPDX-License-Identifier: GPL-2.0

//! The driver of the NIC.
//!
//! The host side of `offload_nic`: what a driver of real hardware would be. The card is the crate
//! [`device`]; what it does with a frame is the crate `engine`'s.
//!
//! Imports go one way: from [`control`], what users and the core ask for, to [`path`], the way of
//! frames, and from both to [`port`], the data.
//!
//! # Locking
//!
//! In the order in which they are taken:
//!
//! - The list of NICs: held while one is made or goes, and while a cable is plugged or pulled.
//! - What runs of a NIC: held while one of its ports is added or removed.
//! - The lock of a NIC's devlink instance: which ports there are.
//! - RTNL: attaching programs, ring sizes, going up and down, cables.
//! - The core's lock of offloaded programs, and behind it that of the list of programs on a card.
//! - The lock of a transmit queue: its counters. NAPI: the state and the counters of a receive queue.
//! - What the data path reads and the control path replaces (the host's XDP program) lies in RCU
//!   slots; RTNL serialises the writers. So it is with what the card has ([`device`]).

#![forbid(unsafe_code)]

mod control;
mod path;
mod port;

use control::{
    Nics,
    Plan, //
};
use kernel::prelude::*;
use net::bus::Registration;
use offload::{
    Family,
    Offload, //
};
use offload_uapi::limits::{
    DEVICE_MEMORY,
    MAX_NICS,
    MAX_PORTS,
    MAX_QUEUES, //
};

// What the card has is what users are told.
const _: () = {
    assert!(DEVICE_MEMORY == engine::limits::DEVICE_MEMORY);
    assert!(MAX_PORTS == device::host::MAX_PORTS as u32);
    assert!(MAX_QUEUES == device::host::MAX_QUEUES as u32);
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

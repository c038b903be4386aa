// SPDX-License-Identifier: GPL-2.0

//! The driver of the NIC.

#![forbid(unsafe_code)]

use kernel::prelude::*;

/// What `insmod` was given.
pub struct Parameters {
    /// Number of NICs.
    pub nics: u32,
    /// Ports of each NIC.
    pub ports: u32,
    /// Queue pairs of each port.
    pub queues: u32,
}

/// All NICs.
pub struct Driver;

impl Driver {
    /// Makes the NICs.
    pub fn new(_p: &Parameters) -> Result<Self> { Ok(Self) }
}

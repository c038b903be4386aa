// SPDX-License-Identifier: GPL-2.0

//! Which frames the host has a port take.

use crate::{
    filter::Wanted,
    host::Host,
    port::Port, //
};
use kernel::prelude::*;

impl<H: Host> Port<H> {
    /// Has the port take frames for its own address, those for everybody, and what is wanted, and no
    /// others. A frame that is wanted before and after is taken all the while. Process context; who calls
    /// has the host's lock for changes of a port.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then it takes all frames.
    pub fn take_frames(&self, unicast: Wanted<'_>, multicast: Wanted<'_>) -> Result {
        self.filter.set(&self.card.memory, unicast, multicast)
    }
}

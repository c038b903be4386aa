// SPDX-License-Identifier: GPL-2.0

//! When frames leave a port, and arrive at one.
//!
//! A frame is on the cable for no time: it leaves the one end and arrives at the other in the call that
//! sends it, and is stamped there, in this order, by the clock of each end's card. All frames that one
//! of the stack's becomes leave and arrive together.

use crate::{
    host::Host,
    port::Port, //
};
use net::skbuff::{
    SkBuff,
    Stamp,
    Stamps, //
};

impl<H: Host> Port<H> {
    /// Has frames stamped from now on: those that leave and whose sender wants it, if `left`, and all
    /// that arrive, if `arrived`.
    pub fn set_stamping(&self, left: bool, arrived: bool) {
        self.stamping.set(left, arrived);
    }

    /// Whether frames are stamped that leave, if their sender wants it.
    #[inline]
    pub fn stamps_leaving(&self) -> bool {
        self.stamping.left()
    }

    /// Whether frames are stamped that arrive.
    #[inline]
    pub fn stamps_arriving(&self) -> bool {
        self.stamping.arrived()
    }

    /// The stamp of a frame that arrives now.
    #[inline]
    pub(crate) fn arrival(&self) -> Option<Stamp> {
        self.stamps_arriving().then(|| self.card.clock.stamp())?
    }

    /// The stamp of a frame that leaves now, if it `is_wanted`.
    #[inline]
    fn departure(&self, is_wanted: impl FnOnce() -> bool) -> Option<Stamp> {
        let is_wanted = self.stamps_leaving() && is_wanted();
        is_wanted.then(|| self.card.clock.stamp())?
    }

    /// The stamps of `frame`, which leaves this port and arrives at `far`.
    #[inline]
    pub(crate) fn stamps(&self, frame: &SkBuff, far: &Self) -> Stamps {
        Stamps {
            left: self.departure(|| frame.wants_time_stamp()),
            arrived: far.arrival(),
        }
    }

    /// As [`Self::stamps`], of several frames, of which some may want one.
    #[inline]
    pub(crate) fn stamps_of_several(&self, far: &Self) -> Stamps {
        Stamps {
            left: self.departure(|| true),
            arrived: far.arrival(),
        }
    }
}

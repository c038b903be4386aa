// SPDX-License-Identifier: GPL-2.0

//! What becomes of frames that programs have other ports send.

use net::stats::{
    sum,
    Counter, //
};

/// What becomes of frames that a receive queue has the device send by other ports (XDP_REDIRECT,
/// TC_ACT_REDIRECT). Belongs to the queue's poll.
#[derive(Default)]
pub struct Redirects {
    /// Sent.
    pub packets: Counter,
    /// Lost: the program named no port of this card in its namespace.
    pub no_port_drops: Counter,
    /// Lost: that port, or the other end of its cable, is missing or down.
    pub down_drops: Counter,
    /// Lost: longer than that port's MTU lets through.
    pub too_long_drops: Counter,
    /// Lost: the far ring had no room.
    pub ring_full_drops: Counter,
}

impl Redirects {
    /// Frames that were lost.
    pub(crate) fn drops(&self) -> u64 {
        sum([
            self.no_port_drops.get(),
            self.down_drops.get(),
            self.too_long_drops.get(),
            self.ring_full_drops.get(),
        ])
    }
}

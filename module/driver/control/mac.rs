// SPDX-License-Identifier: GPL-2.0

//! What a port's MAC counts, as `ethtool` shows it.

use crate::port::Port;
use engine::mac::{
    Counts,
    RANGES, //
};
use net::{
    ethtool::{
        MacFrames,
        MacStatistics,
        MAX_LENGTH_RANGES, //
    },
    netdev::Rtnl, //
};

/// For the stack. What is too long is no frame that was received well.
fn told(counts: &Counts, is_received: bool) -> MacFrames {
    let too_long = if is_received { counts.oversize() } else { 0 };
    let mut by_length = [0; MAX_LENGTH_RANGES];
    for (range, place) in by_length.iter_mut().enumerate() {
        *place = counts.in_range(range);
    }
    MacFrames {
        frames: counts.frames().wrapping_sub(too_long),
        octets: counts.octets(),
        multicast: counts.multicast(),
        broadcast: counts.broadcast(),
        control: counts.control(),
        undersize: counts.undersize(),
        oversize: counts.oversize(),
        by_length,
    }
}

impl MacStatistics for Port {
    const LENGTHS: &'static [(u16, u16)] = &RANGES;

    fn mac_sent(&self, _rtnl: &Rtnl<'_>) -> MacFrames {
        told(&self.hardware.mac_sent(), false)
    }

    fn mac_received(&self, _rtnl: &Rtnl<'_>) -> MacFrames {
        told(&self.hardware.mac_received(), true)
    }
}

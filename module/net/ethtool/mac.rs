// SPDX-License-Identifier: GPL-2.0

//! What a port's MAC counts: `ethtool -S X --groups eth-mac eth-ctrl rmon`.
//!
//! C header: [`include/linux/ethtool.h`](srctree/include/linux/ethtool.h)

use crate::{
    bindings,
    netdev::{
        port,
        Operations,
        Rtnl,
        Table, //
    }, //
};
use core::marker::PhantomData;

/// The most ranges of lengths that the stack takes, without the one that ends them.
pub const MAX_LENGTH_RANGES: usize = bindings::ETHTOOL_RMON_HIST_MAX as usize - 1;

/// What a MAC has counted in one direction. Lengths and octets include the Ethernet header and the frame
/// check sequence.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct MacFrames {
    /// Frames, but for those that were too long.
    pub frames: u64,
    /// Their bytes.
    pub octets: u64,
    /// Frames to a group that is not all.
    pub multicast: u64,
    /// Frames to all.
    pub broadcast: u64,
    /// Frames of MAC control.
    pub control: u64,
    /// Frames shorter than 64 bytes.
    pub undersize: u64,
    /// Frames longer than the longest that the port is made for.
    pub oversize: u64,
    /// Frames by the ranges of their lengths.
    pub by_length: [u64; MAX_LENGTH_RANGES],
}

/// A port whose MAC counts frames. Its links are full duplex, and have no errors: there are no
/// collisions, nothing is deferred, and every frame check sequence is right.
pub trait MacStatistics: Operations {
    /// The ranges of lengths in bytes: the smallest and the largest of each.
    const LENGTHS: &'static [(u16, u16)];

    /// What was sent.
    fn mac_sent(&self, rtnl: &Rtnl<'_>) -> MacFrames;

    /// What was received.
    fn mac_received(&self, rtnl: &Rtnl<'_>) -> MacFrames;
}

impl<T: MacStatistics> Table<T> {
    /// The port has [`MacStatistics`].
    pub const fn mac_statistics(mut self) -> Self {
        self.ethtool.get_eth_mac_stats = Some(get_eth_mac_stats::<T>);
        self.ethtool.get_eth_ctrl_stats = Some(get_eth_ctrl_stats::<T>);
        self.ethtool.get_rmon_stats = Some(get_rmon_stats::<T>);
        self
    }
}

/// The ranges of a port, as the stack wants them.
struct Ranges<T>(PhantomData<T>);

impl<T: MacStatistics> Ranges<T> {
    /// A range of zeros ends the list.
    const RANGES: &'static [bindings::ethtool_rmon_hist_range; MAX_LENGTH_RANGES + 1] = &{
        assert!(T::LENGTHS.len() <= MAX_LENGTH_RANGES);
        let mut ranges =
            [bindings::ethtool_rmon_hist_range { low: 0, high: 0 }; MAX_LENGTH_RANGES + 1];
        let mut index = 0;
        while index < T::LENGTHS.len() {
            let (low, high) = T::LENGTHS[index];
            ranges[index] = bindings::ethtool_rmon_hist_range { low, high };
            index += 1;
        }
        ranges
    };
}

/// # Safety
///
/// To be called by the stack, as `get_eth_mac_stats` of a registered port of type `T`, with RTNL held.
unsafe extern "C" fn get_eth_mac_stats<T: MacStatistics>(
    dev: *mut bindings::net_device,
    stats: *mut bindings::ethtool_eth_mac_stats,
) {
    // SAFETY: The stack asks registered devices only, gives memory for the answer, and holds RTNL.
    let (port, stats, rtnl) = unsafe { (port::<T>(dev), &mut *stats, Rtnl::held()) };
    let (sent, received) = (port.mac_sent(&rtnl), port.mac_received(&rtnl));
    // SAFETY: Both variants of the union are the same fields.
    let stats = unsafe { &mut stats.__bindgen_anon_1.__bindgen_anon_1 };
    stats.FramesTransmittedOK = sent.frames;
    stats.OctetsTransmittedOK = sent.octets;
    stats.MulticastFramesXmittedOK = sent.multicast;
    stats.BroadcastFramesXmittedOK = sent.broadcast;
    stats.FramesReceivedOK = received.frames;
    stats.OctetsReceivedOK = received.octets;
    stats.MulticastFramesReceivedOK = received.multicast;
    stats.BroadcastFramesReceivedOK = received.broadcast;
    stats.FrameTooLongErrors = received.oversize;
    stats.SingleCollisionFrames = 0;
    stats.MultipleCollisionFrames = 0;
    stats.LateCollisions = 0;
    stats.FramesAbortedDueToXSColls = 0;
    stats.FramesWithDeferredXmissions = 0;
    stats.FramesWithExcessiveDeferral = 0;
    stats.CarrierSenseErrors = 0;
    stats.FrameCheckSequenceErrors = 0;
    stats.AlignmentErrors = 0;
    stats.FramesLostDueToIntMACXmitError = 0;
    stats.FramesLostDueToIntMACRcvError = 0;
}

/// # Safety
///
/// To be called by the stack, as `get_eth_ctrl_stats` of a registered port of type `T`, with RTNL held.
unsafe extern "C" fn get_eth_ctrl_stats<T: MacStatistics>(
    dev: *mut bindings::net_device,
    stats: *mut bindings::ethtool_eth_ctrl_stats,
) {
    // SAFETY: The stack asks registered devices only, gives memory for the answer, and holds RTNL.
    let (port, stats, rtnl) = unsafe { (port::<T>(dev), &mut *stats, Rtnl::held()) };
    let (sent, received) = (port.mac_sent(&rtnl), port.mac_received(&rtnl));
    // SAFETY: Both variants of the union are the same fields.
    let stats = unsafe { &mut stats.__bindgen_anon_1.__bindgen_anon_1 };
    stats.MACControlFramesTransmitted = sent.control;
    stats.MACControlFramesReceived = received.control;
}

/// # Safety
///
/// To be called by the stack, as `get_rmon_stats` of a registered port of type `T`, with RTNL held.
unsafe extern "C" fn get_rmon_stats<T: MacStatistics>(
    dev: *mut bindings::net_device,
    stats: *mut bindings::ethtool_rmon_stats,
    ranges: *mut *const bindings::ethtool_rmon_hist_range,
) {
    // SAFETY: The stack asks registered devices only, gives memory for the answers, and holds RTNL.
    let (port, stats, ranges, rtnl) =
        unsafe { (port::<T>(dev), &mut *stats, &mut *ranges, Rtnl::held()) };
    let (sent, received) = (port.mac_sent(&rtnl), port.mac_received(&rtnl));
    *ranges = Ranges::<T>::RANGES.as_ptr();
    // SAFETY: Both variants of the union are the same fields.
    let stats = unsafe { &mut stats.__bindgen_anon_1.__bindgen_anon_1 };
    stats.undersize_pkts = received.undersize;
    stats.oversize_pkts = received.oversize;
    stats.fragments = 0;
    stats.jabbers = 0;
    let places = stats.hist.iter_mut().zip(stats.hist_tx.iter_mut());
    let counts = received.by_length.into_iter().zip(sent.by_length);
    for ((rx, tx), counts) in places.zip(counts).take(T::LENGTHS.len()) {
        (*rx, *tx) = counts;
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What a driver does for the stack.

use super::{
    Device,
    Features,
    PollContext,
    Rtnl, //
};
use crate::{
    bpf::{
        AttachedProgram,
        ProgramOffload, //
    },
    ethtool::EthtoolOperations,
    extack::Extack,
    skbuff::SkBuff,
    stats::{
        LinkStats,
        RxQueueStats,
        TxQueueStats, //
    },
    tc::FilterChange,
    xdp::{
        NativeProgram,
        XdpFrames, //
    },
};
use kernel::prelude::*;

/// What became of a frame that the stack gave to the driver.
pub enum Xmit {
    /// The driver has it, or has dropped and counted it.
    Taken,
    /// There is no room; the stack keeps the frame, which must be the one that it gave: what
    /// [`SkBuff::share_check`] has made of it may be another one. The queue must have been stopped.
    Busy(SkBuff),
}

/// What a driver does for the stack. One value is one port.
pub trait Operations: EthtoolOperations + Send + Sync + Sized + 'static {
    /// State that belongs to the poll of one receive queue and to nobody else.
    type RxQueue: Send;
    /// The programs that can be offloaded to the port's device.
    type Program: ProgramOffload;

    /// The port's net device.
    fn device(&self) -> &Device<Self>;

    /// The interface is going up; its queues are on already. RTNL is held.
    fn open(&self, rtnl: &Rtnl<'_>) -> Result;

    /// The interface is going down; its transmit queues are off, receive queues still on. RTNL is
    /// held.
    fn stop(&self, rtnl: &Rtnl<'_>);

    /// Takes a frame to be sent, which may be one whose checksum is still to be filled in, or one to
    /// be cut, of whatever protocols: all of that is announced, and the user switches it on and off.
    /// Others may hold references to it: who wants to change it needs [`SkBuff::share_check`] or
    /// [`SkBuff::try_into_unique`] first.
    /// Context: softirq or bottom halves off, the lock of transmit queue `queue` held.
    fn start_xmit(&self, skb: SkBuff, queue: u16) -> Xmit;

    /// Handles up to `context.budget()` received frames of queue `queue` and returns how many. Less
    /// than the budget is a promise that there was no other: then the queue is not polled again until
    /// it is scheduled.
    /// Context: NAPI poll, one at a time for each queue.
    fn poll(&self, queue: u16, state: &mut Self::RxQueue, context: &PollContext<'_>) -> usize;

    /// Takes note of the frames that transmit queue `queue` has sent, for which the stack may have to
    /// be let send again, and returns how many.
    /// Context: NAPI poll of receive queue `queue`, or netpoll with interrupts off, on several CPUs
    /// at once.
    fn complete_tx(&self, queue: u16) -> usize;

    /// Totals for `ip -s link`. May be called at any time, in any context.
    fn link_stats(&self) -> LinkStats;

    /// Counters of one receive queue. RTNL is held.
    fn rx_queue_stats(&self, queue: u16) -> RxQueueStats;

    /// Counters of one transmit queue. RTNL is held.
    fn tx_queue_stats(&self, queue: u16) -> TxQueueStats;

    /// Whether the MTU may become `mtu` bytes. RTNL is held.
    ///
    /// # Errors
    ///
    /// `EINVAL` if what is attached to the port can't handle frames that long; the kernel log says
    /// what.
    fn check_mtu(&self, mtu: u32, rtnl: &Rtnl<'_>) -> Result;

    /// Sends frames that XDP programs of other interfaces redirect to this one, as many as there is
    /// room for. Context: softirq, on several CPUs at once.
    fn xdp_xmit(&self, frames: &mut XdpFrames<'_>);

    /// Makes `program` the one of the host that sees each received frame first, or takes it away.
    /// RTNL is held.
    ///
    /// On an error the old one stays.
    fn xdp_setup(
        &self,
        program: Option<NativeProgram>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result;

    /// Whether a map may be made through this port now. RTNL is held.
    fn may_make_map(&self) -> Result;

    /// Makes `program` the one that the device runs for each received frame, or takes it away.
    /// RTNL is held.
    ///
    /// On an error the old one stays.
    fn xdp_setup_hw(
        &self,
        program: Option<&AttachedProgram<'_, Self::Program>>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result;

    /// A BPF classifier at the port's ingress is new, goes, or is replaced; the port's features
    /// and the filter's chain allow the offload.
    ///
    /// On an error all is as before.
    fn tc_filter_changed(
        &self,
        change: &FilterChange<'_, Self::Program>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result;

    /// The user wants no more filters to be offloaded (`hw-tc-offload off`). On an error they may
    /// be as before.
    fn tc_offload_off(&self, rtnl: &Rtnl<'_>) -> Result;

    /// Which of the features in `wanted`, which the user wants on and which are off, have to stay
    /// off; the kernel log says why. RTNL is held. Asked again whenever a feature is switched.
    fn refused_features(&self, wanted: Features, rtnl: &Rtnl<'_>) -> Features;

    /// The interface goes: nothing more will be asked of it when this returns and RTNL is given up.
    /// RTNL is held; no program is attached, and the device's programs have gone to another
    /// interface or are destroyed.
    fn going(&self, rtnl: &Rtnl<'_>);
}

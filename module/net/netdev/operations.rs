// SPDX-License-Identifier: GPL-2.0

//! What a driver does for the stack.

use super::{
    device::Device,
    features::Features,
    queue::Poll,
    rtnl::Rtnl,
    table::Table, //
};
use crate::{
    skbuff::SkBuff,
    stats::LinkStats, //
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
// No `#[vtable]`: from 7.3 on it asks the crate of each implementation which module it is, and ours is
// several.
pub trait Operations: Poll {
    /// The driver's name, as users see it (`ethtool -i`).
    const DRIVER: &'static CStr;
    /// What else the port can do: `Table::base()`, and a call for each of the other traits that it
    /// implements.
    const TABLE: Table<Self>;

    /// The port's net device.
    fn device(&self) -> &Device<Self>;

    /// The interface is going up; its queues are on already. RTNL is held.
    fn open(&self, rtnl: &Rtnl<'_>) -> Result;

    /// The interface is going down; its transmit queues are off, receive queues still on. RTNL is
    /// held.
    fn stop(&self, rtnl: &Rtnl<'_>);

    /// Takes a frame to be sent, which may be one whose checksum is still to be filled in, or one to
    /// be cut, of whatever protocols the features of the net device announce and the user has on.
    /// Others may hold references to it: who wants to change it needs [`SkBuff::share_check`] or
    /// [`SkBuff::try_into_unique`] first.
    /// Context: softirq or bottom halves off, the lock of transmit queue `queue` held.
    fn start_xmit(&self, skb: SkBuff, queue: u16) -> Xmit;

    /// Totals for `ip -s link`. May be called at any time, in any context.
    fn link_stats(&self) -> LinkStats;

    /// Whether the MTU may become `mtu` bytes. RTNL is held. Without this, any within the limits of
    /// the net device may be set.
    ///
    /// # Errors
    ///
    /// `EINVAL` if what is attached to the port can't handle frames that long; the kernel log says
    /// what.
    fn check_mtu(&self, _mtu: u32, _rtnl: &Rtnl<'_>) -> Result {
        Ok(())
    }

    /// Which of the features in `wanted`, which the user wants on and which are off, have to stay
    /// off; the kernel log says why. RTNL is held. Asked again whenever a feature is switched. Without
    /// this, none has to.
    fn refused_features(&self, _wanted: Features, _rtnl: &Rtnl<'_>) -> Features {
        Features::NONE
    }

    /// The features in `on`, which are off, go on, and those in `off` go off. RTNL is held.
    ///
    /// # Errors
    ///
    /// Why not; then the stack takes all of them for what they were.
    fn switch_features(&self, _on: Features, _off: Features, _rtnl: &Rtnl<'_>) -> Result {
        Ok(())
    }

    /// The interface goes: nothing more will be asked of it when this returns and RTNL is given up.
    /// RTNL is held; no program is attached, and the device's programs have gone to another
    /// interface or are destroyed.
    fn going(&self, _rtnl: &Rtnl<'_>) {}
}

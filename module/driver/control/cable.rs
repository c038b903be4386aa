// SPDX-License-Identifier: GPL-2.0

//! Cables, carriers, and the queues that frames come by.

use crate::port::Port;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    netdev::Rtnl,
    rcu,
    sync::with_bh_disabled, //
};

impl Port {
    /// Puts a cable between two ports that have none.
    pub(super) fn plug(left: &Arc<Self>, right: &Arc<Self>, rtnl: &Rtnl<'_>) {
        device::port::Port::plug(left, right);
        let is_lit = left.device.is_running(rtnl) && right.device.is_running(rtnl);
        left.device.set_carrier(is_lit, rtnl);
        right.device.set_carrier(is_lit, rtnl);
    }

    /// Pulls the cable out, at both ends. The frames on it are lost.
    pub(super) fn unplug(&self, rtnl: &Rtnl<'_>) {
        // Who sends now finds no cable, or is waited for.
        let Some(peer) = self.hardware.unplug() else {
            return;
        };
        for port in [self, &*peer] {
            port.device.set_carrier(false, rtnl);
            port.forget_in_flight();
        }
    }

    /// Whether there is a cable.
    pub(super) fn has_cable(&self, _rtnl: &Rtnl<'_>) -> bool {
        self.hardware.peer(&rcu::Guard::new()).is_some()
    }

    /// The interface goes up: takes frames from the cable.
    pub(super) fn light(&self, rtnl: &Rtnl<'_>) {
        self.hardware.set_up(true);
        // Nobody looked for completions while the port was down.
        self.complete_all();
        let guard = rcu::Guard::new();
        if let Some(peer) = self.hardware.peer(&guard) {
            let is_lit = peer.device.is_running(rtnl);
            self.device.set_carrier(is_lit, rtnl);
            peer.device.set_carrier(is_lit, rtnl);
        }
    }

    /// The interface goes down: takes no more frames from the cable. What is on it is lost.
    pub(super) fn darken(&self, rtnl: &Rtnl<'_>) {
        {
            let guard = rcu::Guard::new();
            self.device.set_carrier(false, rtnl);
            if let Some(peer) = self.hardware.peer(&guard) {
                peer.device.set_carrier(false, rtnl);
            }
        }
        self.hardware.set_up(false);
        // Who saw the port up has put its frame into the ring by then.
        rcu::synchronize_net();
        self.hardware.flush();
        let guard = rcu::Guard::new();
        if let Some(peer) = self.hardware.peer(&guard) {
            // The frames that it would send back when their ration permits it find no carrier now.
            // Later there may be one again, and they would go on bouncing.
            with_bh_disabled(|| peer.device.schedule_all());
        }
    }

    /// Uses the first `count` queue pairs and no others. What is on the cable to one of those others
    /// is lost.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there are not so many, `ENOMEM`; then nothing has changed.
    pub(super) fn use_queues(&self, count: u16, rtnl: &Rtnl<'_>) -> Result {
        let old = self.device.queues_in_use();
        if count < old {
            self.spread_over(count, rtnl)?;
            self.hardware.use_queues(count);
        }
        // Who saw the old number has put its frame into the ring when this returns.
        if let Err(error) = self.device.set_queues(count, rtnl) {
            self.hardware.use_queues(old);
            // The old table fitted a moment ago; the new one is of queues that are in use as well.
            let _ = self.spread_over(old, rtnl);
            return Err(error);
        }
        self.hardware.use_queues(count);
        if count > old && self.spread_over(count, rtnl).is_err() {
            pr_warn!(
                "{}: no memory for a table of {count} queues: frames go to the first {old} as before\n",
                self.device.name(rtnl)
            );
        }
        self.hardware.flush_unused();
        let guard = rcu::Guard::new();
        if let Some(peer) = self.hardware.peer(&guard) {
            // Its transmit queues have other receive queues now.
            peer.release_all();
        }
        // A queue that was stopped when it went out of use is to be found ready next time.
        self.release_all();
        Ok(())
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Cables, carriers, and the queues that frames come by.

use crate::port::Port;
use engine::link::resolve;
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
        left.link.set_cable(Some(right.clone()), rtnl);
        right.link.set_cable(Some(left.clone()), rtnl);
        left.connect(rtnl);
    }

    /// Pulls the cable out, at both ends. The frames on it are lost.
    pub(super) fn unplug(&self, rtnl: &Rtnl<'_>) {
        if let Some(far) = self.link.set_cable(None, rtnl) {
            far.link.set_cable(None, rtnl);
            if !self.link.is_looped(rtnl) {
                self.disconnect(rtnl);
            }
        }
    }

    /// Whether there is a cable.
    pub(super) fn has_cable(&self, rtnl: &Rtnl<'_>) -> bool {
        self.link.cable(rtnl).is_some()
    }

    /// What the frames that the port sends arrive at: what is at the other end of the cable, if there
    /// is one and both ends agree on a mode, or the port itself. With it is the port.
    fn ends(&self, rtnl: &Rtnl<'_>) -> Option<(Arc<Self>, Arc<Self>)> {
        if self.link.is_looped(rtnl) {
            let port = self
                .asic
                .card
                .ports
                .find(|port| core::ptr::eq(port, self))?;
            return Some((port.clone(), port));
        }
        let far = self.link.cable(rtnl)?;
        if far.link.is_looped(rtnl) {
            return None;
        }
        resolve(self.link.settings(rtnl), far.link.settings(rtnl)).ok()?;
        Some((far.link.cable(rtnl)?, far))
    }

    /// Lets frames go where they have to, unless they do.
    fn connect(&self, rtnl: &Rtnl<'_>) {
        if self.hardware.peer(&rcu::Guard::new()).is_some() {
            return;
        }
        let Some((near, far)) = self.ends(rtnl) else {
            return;
        };
        device::port::Port::plug(&near, &far);
        let is_lit = near.device.is_running(rtnl) && far.device.is_running(rtnl);
        near.device.set_carrier(is_lit, rtnl);
        far.device.set_carrier(is_lit, rtnl);
    }

    /// Lets frames go nowhere any more. Those under way are lost.
    fn disconnect(&self, rtnl: &Rtnl<'_>) {
        // Who sends now finds no cable, or is waited for.
        let Some(peer) = self.hardware.unplug() else {
            return;
        };
        for port in [self, &*peer] {
            port.device.set_carrier(false, rtnl);
            port.forget_in_flight();
        }
    }

    /// Has the two ends of the cable find out anew what they agree on. As long as they do there is no
    /// link.
    pub(super) fn reconnect(&self, rtnl: &Rtnl<'_>) {
        // A loop does not get as far as the cable.
        if !self.link.is_looped(rtnl) {
            self.disconnect(rtnl);
            self.connect(rtnl);
        }
    }

    /// Has what the port sends come back to it, or lets it on the cable again. Frames under way are
    /// lost.
    pub(super) fn set_loopback(&self, is_looped: bool, rtnl: &Rtnl<'_>) {
        self.disconnect(rtnl);
        self.link.set_looped(is_looped, rtnl);
        self.connect(rtnl);
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
            // No poll hands anything up of the others any more.
            rcu::synchronize_net();
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

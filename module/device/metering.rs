// SPDX-License-Identifier: GPL-2.0

//! The MAC of a port, and of those at the other ends of its cables.

use crate::port::{
    Plugged,
    Port, //
};
use engine::mac::Counts;
use net::rcu;

impl<H: Plugged> Port<H> {
    /// What the MAC has sent. Any context.
    pub fn mac_sent(&self) -> Counts {
        let mut all = Counts::ZERO;
        for tx in self.tx.iter() {
            all.add(tx.mac.values());
            all.add(tx.redirected_mac.values());
        }
        for rx in self.rx.iter() {
            all.add(rx.returned_mac.values());
        }
        all
    }

    /// What the MAC has received. Process context, while no cable is put in or pulled out.
    pub fn mac_received(&self) -> Counts {
        let meter = self.meter.lock();
        let guard = rcu::Guard::new();
        match self.peer.load(&guard) {
            Some(peer) => meter.read(&peer.port().mac_sent()),
            None => meter.before(),
        }
    }

    /// What `peer` sends from now on comes here. Process context.
    pub(crate) fn begin_to_receive(&self, peer: &Self) {
        let sent = peer.mac_sent();
        self.meter.lock().begin(sent);
    }

    /// What `peer` sends does not come here any more, and it sends nothing just now. Process context.
    pub(crate) fn end_receiving(&self, peer: &Self) {
        let sent = peer.mac_sent();
        self.meter.lock().end(&sent);
    }
}

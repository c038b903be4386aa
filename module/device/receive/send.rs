// SPDX-License-Identifier: GPL-2.0

//! Frames that a program has the device send.

use super::poll::Poll;
use crate::{
    cable::Unsent,
    port::Plugged, //
};
use engine::store::ProgramKind;
use net::skbuff::UniqueSkBuff;

impl<H: Plugged> Poll<'_, H> {
    /// Sends a frame back to the cable that it came from (XDP_TX).
    pub(super) fn bounce(&self, skb: UniqueSkBuff) {
        match self
            .port
            .send_back(skb, self.queue, self.onward, self.guard)
        {
            Ok(len) => {
                self.rx.bounced_packets.add(1);
                self.rx.bounced_bytes.add(len);
            }
            Err(Unsent::NoCarrier) => self.rx.bounce_no_carrier_drops.add(1),
            Err(Unsent::RingFull(_)) => self.rx.bounce_ring_full_drops.add(1),
        }
    }

    /// Sends a frame out of the port of the card that the program named, `target`, which is of type
    /// `by`. Whatever keeps it from being sent, it is lost.
    pub(super) fn redirect(&self, skb: UniqueSkBuff, target: Option<u32>, by: ProgramKind) {
        // As native XDP only those that the MTU lets through; a classifier's go straight to the driver.
        let (has_limit, redirects) = match by {
            ProgramKind::Xdp => (true, &self.rx.xdp_redirects),
            ProgramKind::SchedCls => (false, &self.rx.tc_redirects),
        };
        let Some(host) = target.and_then(|ifindex| self.sibling(ifindex)) else {
            redirects.no_port_drops.add(1);
            return;
        };
        if !host.port().is_up() {
            redirects.down_drops.add(1);
            return;
        }
        if has_limit && skb.len() > host.longest_forwarded() {
            redirects.too_long_drops.add(1);
            return;
        }
        let port = host.port();
        let sent = port.send_redirected(skb, self.queue, self.onward, self.guard);
        match sent {
            Ok(()) => redirects.packets.add(1),
            Err(Unsent::NoCarrier) => redirects.down_drops.add(1),
            Err(Unsent::RingFull(_)) => redirects.ring_full_drops.add(1),
        }
    }

    /// The port of this card that programs which run here mean by interface index `ifindex`.
    fn sibling(&self, ifindex: u32) -> Option<&H> {
        let guard = self.guard;
        let index = usize::from(self.port.index);
        let here = self.port.card.ports.at(index, guard)?;
        let mut ports = self.port.card.ports.iter(guard);
        ports.find(|port| port.is_called(ifindex, here, guard))
    }
}

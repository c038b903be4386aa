// SPDX-License-Identifier: GPL-2.0

//! XDP_REDIRECT: a frame that came in by one port of a NIC goes out by another one.

use crate::{
    port::Port,
    rx::RxQueue,
    tx::Unsent, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    rcu,
    skbuff::SkBuff, //
};

/// The ports of one NIC.
pub(crate) struct Siblings(KVec<Arc<Port>>);

impl Siblings {
    pub(crate) fn new(ports: KVec<Arc<Port>>) -> Self {
        Self(ports)
    }

    pub(crate) fn ports(&self) -> &[Arc<Port>] {
        &self.0
    }
}

impl Port {
    /// The port of this NIC that has interface index `ifindex` in this port's namespace: indexes
    /// mean nothing beyond a namespace.
    fn sibling<'a>(&'a self, ifindex: u32, guard: &'a rcu::Guard) -> Option<&'a Self> {
        let ports = self.siblings.load(guard)?.ports().iter();
        let mut named = ports.filter(|port| ifindex != 0 && port.device.ifindex() == ifindex);
        named
            .find(|port| port.device.shares_namespace_with(&self.device, guard))
            .map(|port| &**port)
    }

    /// Sends a frame that this port received out of the port that its program named, `target`. As
    /// with native XDP, the frame must fit through the other port, and whatever keeps it from being
    /// sent, it is lost. Context: NAPI poll.
    pub(crate) fn redirect(
        &self,
        skb: SkBuff,
        target: Option<u32>,
        queue: u16,
        rx: &RxQueue,
        guard: &rcu::Guard,
    ) {
        let Some(port) = target.and_then(|ifindex| self.sibling(ifindex, guard)) else {
            rx.redirect_no_port_drops.add(1);
            return;
        };
        if !port.is_up() {
            rx.redirect_down_drops.add(1);
            return;
        }
        if skb.len() > port.device.longest_forwarded() {
            rx.redirect_too_long_drops.add(1);
            return;
        }
        match port.send_from_device(skb, queue, guard) {
            Ok(len) => {
                rx.redirected_packets.add(1);
                if let Some(tx) = port.tx.get(usize::from(queue)) {
                    tx.count_redirected(len);
                }
            }
            Err(Unsent::NoCarrier) => rx.redirect_down_drops.add(1),
            Err(Unsent::RingFull) => rx.redirect_ring_full_drops.add(1),
        }
    }
}

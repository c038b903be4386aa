// SPDX-License-Identifier: GPL-2.0

//! XDP_REDIRECT and TC_ACT_REDIRECT: a frame that came in by one port of a NIC goes out by another one.

use crate::{
    port::Port,
    tx::Unsent, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    rcu,
    skbuff::UniqueSkBuff,
    stats::{
        sum,
        Counter, //
    }, //
};
use offload_uapi::limits::MAX_PORTS;

/// What becomes of frames that a receive queue has the device send by other ports. Belongs to the
/// queue's poll.
#[derive(Default)]
pub(crate) struct Redirects {
    /// Sent.
    pub(crate) packets: Counter,
    /// Lost: the program named no port of this NIC in its namespace.
    pub(crate) no_port_drops: Counter,
    /// Lost: that port, or the other end of its cable, is missing or down.
    pub(crate) down_drops: Counter,
    /// Lost: longer than that port's MTU lets through.
    pub(crate) too_long_drops: Counter,
    /// Lost: the far ring had no room.
    pub(crate) ring_full_drops: Counter,
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

/// Which frames the port that is to send them takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// Those that its MTU lets through: so does native XDP.
    Mtu,
    /// All: a classifier's frames go straight to the driver.
    Any,
}

/// The ports of one NIC, by their numbers. Read under RCU; who holds the lock of the NIC's devlink
/// instance changes it.
pub(crate) struct Siblings(KVec<rcu::Slot<Port>>);

impl Siblings {
    /// No port yet, and room for as many as a NIC may have.
    pub(crate) fn new() -> Result<Self> {
        let mut slots = KVec::new();
        for _ in 0..MAX_PORTS {
            slots.push(rcu::Slot::empty(), GFP_KERNEL)?;
        }
        Ok(Self(slots))
    }

    /// Puts `port` in the place of its number, or takes away the one that is there.
    pub(crate) fn set(&self, index: u16, port: Option<Arc<Port>>) {
        if let Some(slot) = self.0.get(usize::from(index)) {
            slot.replace(port);
        }
    }

    /// The ports that there are.
    pub(crate) fn iter<'a>(&'a self, guard: &'a rcu::Guard) -> impl Iterator<Item = &'a Port> {
        self.0.iter().filter_map(move |slot| slot.load(guard))
    }

    /// The first port that `is_wanted`.
    pub(crate) fn find(&self, is_wanted: impl Fn(&Port) -> bool) -> Option<Arc<Port>> {
        let guard = rcu::Guard::new();
        let mut slots = self.0.iter();
        slots.find_map(|slot| slot.load_arc(&guard).filter(|port| is_wanted(port)))
    }
}

impl Port {
    /// The port of this NIC that has interface index `ifindex` in this port's namespace: indexes
    /// mean nothing beyond a namespace.
    fn sibling<'a>(&'a self, ifindex: u32, guard: &'a rcu::Guard) -> Option<&'a Self> {
        let ports = self.siblings.iter(guard);
        let mut named = ports.filter(|port| ifindex != 0 && port.device.ifindex() == ifindex);
        named.find(|port| port.device.shares_namespace_with(&self.device, guard))
    }

    /// Sends a frame that this port received out of the port that its program named, `target`, if
    /// the frame fits. Whatever keeps it from being sent, it is lost. Context: NAPI poll.
    pub(crate) fn redirect(
        &self,
        skb: UniqueSkBuff,
        target: Option<u32>,
        fit: Fit,
        queue: u16,
        redirects: &Redirects,
        guard: &rcu::Guard,
    ) {
        let Some(port) = target.and_then(|ifindex| self.sibling(ifindex, guard)) else {
            redirects.no_port_drops.add(1);
            return;
        };
        if !port.is_up() {
            redirects.down_drops.add(1);
            return;
        }
        if fit == Fit::Mtu && skb.len() > port.device.longest_forwarded() {
            redirects.too_long_drops.add(1);
            return;
        }
        match port.send_from_device(skb, queue, guard) {
            Ok(len) => {
                redirects.packets.add(1);
                if let Some(tx) = port.tx.get(usize::from(queue)) {
                    tx.count_redirected(len);
                }
            }
            Err(Unsent::NoCarrier) => redirects.down_drops.add(1),
            Err(Unsent::RingFull) => redirects.ring_full_drops.add(1),
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Transmit: from the stack through the device to the cable.

mod completion;
mod offloads;
mod outgoing;

use crate::{
    port::Port,
    rx::RxQueue, //
};
pub(crate) use completion::Taken;
use completion::Window;
use core::sync::atomic::{
    AtomicU64,
    Ordering, //
};
use net::{
    netdev::Xmit,
    rcu,
    skbuff::{
        SkBuff,
        UniqueSkBuff, //
    },
    stats::{
        sum,
        Counter,
        LinkStats,
        TxQueueStats, //
    },
};
use offload::transmit::prepare;
use offloads::TxOffloads;
use outgoing::Outgoing;
pub(crate) use outgoing::{
    descriptor,
    fragments,
    Treatment, //
};

/// Stands for the transmit queue in a frame that the device itself has sent.
pub(crate) const FROM_DEVICE: u16 = u16::MAX;

/// Why a frame of the device did not get on the cable.
pub(crate) enum Unsent {
    /// The other end of the cable is missing or down.
    NoCarrier,
    /// The far ring has no room.
    RingFull,
}

/// A transmit queue. Its counters belong to whoever holds the queue's lock.
pub(crate) struct TxQueue {
    /// How many frames there is room for.
    pub(crate) window: Window,
    pub(crate) packets: Counter,
    pub(crate) bytes: Counter,
    pub(crate) stops: Counter,
    /// Lost: the other end of the cable is missing or down.
    pub(crate) no_carrier_drops: Counter,
    /// Who did checksums and segmentation.
    pub(crate) offloads: TxOffloads,
    /// Frames that a program redirected to this port (XDP_REDIRECT): one in the device, of a port of
    /// the same NIC, or one of the host. Counted by several polls at once.
    redirected_packets: AtomicU64,
    redirected_bytes: AtomicU64,
    /// Lost: frames that programs of the host redirected to this port when there was no room any
    /// more for one that was taken.
    redirect_drops: AtomicU64,
}

impl TxQueue {
    pub(crate) const fn new() -> Self {
        Self {
            window: Window::new(),
            packets: Counter::new(),
            bytes: Counter::new(),
            stops: Counter::new(),
            no_carrier_drops: Counter::new(),
            offloads: TxOffloads::new(),
            redirected_packets: AtomicU64::new(0),
            redirected_bytes: AtomicU64::new(0),
            redirect_drops: AtomicU64::new(0),
        }
    }

    fn drops(&self) -> u64 {
        sum([
            self.no_carrier_drops.get(),
            self.offloads.drops(),
            self.redirect_drops(),
        ])
    }

    /// Counts a frame of `len` bytes that was redirected to this queue's port and sent.
    pub(crate) fn count_redirected(&self, len: usize) {
        self.redirected_packets.fetch_add(1, Ordering::Relaxed);
        self.redirected_bytes
            .fetch_add(len as u64, Ordering::Relaxed);
    }

    /// Counts a frame that was redirected to this queue's port and lost.
    pub(crate) fn count_redirect_drop(&self) {
        self.redirect_drops.fetch_add(1, Ordering::Relaxed);
    }

    /// Frames that were redirected to this queue's port and lost.
    pub(crate) fn redirect_drops(&self) -> u64 {
        self.redirect_drops.load(Ordering::Relaxed)
    }

    /// Frames that were redirected to this queue's port and sent.
    pub(crate) fn redirected_packets(&self) -> u64 {
        self.redirected_packets.load(Ordering::Relaxed)
    }

    fn all_packets(&self) -> u64 {
        sum([self.packets.get(), self.redirected_packets()])
    }

    fn all_bytes(&self) -> u64 {
        let redirected = self.redirected_bytes.load(Ordering::Relaxed);
        sum([self.bytes.get(), redirected])
    }

    pub(crate) fn link_stats(&self) -> LinkStats {
        LinkStats {
            tx_packets: self.all_packets(),
            tx_bytes: self.all_bytes(),
            tx_dropped: self.drops(),
            ..LinkStats::default()
        }
    }

    pub(crate) fn stats(&self) -> TxQueueStats {
        let offloads = &self.offloads;
        TxQueueStats {
            packets: self.all_packets(),
            bytes: self.all_bytes(),
            hw_drops: self.drops(),
            needs_csum: sum([offloads.checksums.get(), offloads.gso_wire_packets.get()]),
            hw_gso_packets: offloads.gso_packets.get(),
            hw_gso_bytes: offloads.gso_bytes.get(),
            hw_gso_wire_packets: offloads.gso_wire_packets.get(),
            hw_gso_wire_bytes: offloads.gso_wire_bytes.get(),
            stop: self.stops.get(),
            wake: self.window.wakes(),
        }
    }
}

impl Port {
    /// Sends `skb` on queue `queue`. Context: the lock of that queue is held.
    pub(crate) fn transmit(&self, skb: SkBuff, queue: u16) -> Xmit {
        let Some(tx) = self.tx.get(usize::from(queue)) else {
            return Xmit::Taken;
        };
        let guard = rcu::Guard::new();
        let Some(peer) = self.listening_peer(&guard) else {
            tx.no_carrier_drops.add(1);
            return Xmit::Taken;
        };
        let Some((far_queue, far)) = peer.rx_queue_for(queue) else {
            tx.no_carrier_drops.add(1);
            return Xmit::Taken;
        };

        if (skb.is_gso() || skb.is_shared()) && far.ring.is_full() {
            // What software cuts cannot be put together again for the stack to keep, nor can a clone
            // take the place of its frame.
            self.hold(tx, queue, peer, far_queue);
            return Xmit::Busy(skb);
        }
        let mut outgoing = Outgoing::new(tx, self.profile());
        let frames = match prepare(skb, &mut outgoing) {
            Ok(frames) => frames,
            Err((work, _)) => {
                tx.offloads.count_lost(work);
                return Xmit::Taken;
            }
        };

        // Counted before the far side can take the frames and count them off.
        let in_flight = tx.window.open(outgoing.skbs);
        if let Err(mut frames) = far.ring.send(frames) {
            tx.window.take_back(outgoing.skbs);
            self.hold(tx, queue, peer, far_queue);
            return match frames.next() {
                Some(skb) if !outgoing.is_replaced => Xmit::Busy(skb),
                _ => {
                    tx.offloads.segments_ring_full_drops.add(1);
                    Xmit::Taken
                }
            };
        }
        tx.packets.add(outgoing.done.frames);
        tx.bytes.add(outgoing.done.bytes);
        tx.offloads.count_device(&outgoing.done);
        // The next frame could fail to get in. The ring may be full earlier, with frames that this
        // device has sent back, or because it gives its places free by the dozen; then the stack is
        // told to keep its frame.
        if in_flight >= self.in_flight_limit(peer) {
            self.hold(tx, queue, peer, far_queue);
        }
        peer.device.schedule(far_queue);
        Xmit::Taken
    }

    /// The device puts a frame that it has received on this port's cable. A device does not wait:
    /// if there is no room, the frame is lost. Gives its length. Context: NAPI poll.
    pub(crate) fn send_from_device(
        &self,
        mut skb: UniqueSkBuff,
        queue: u16,
        guard: &rcu::Guard,
    ) -> core::result::Result<usize, Unsent> {
        let peer = self.listening_peer(guard);
        let far = peer.and_then(|peer| peer.rx_queue_for(queue).map(|far| (peer, far)));
        let (peer, (far_queue, far)) = far.ok_or(Unsent::NoCarrier)?;
        // It is on nobody's account any more: it may go to and fro for ever.
        skb.orphan();
        skb.set_queue(FROM_DEVICE);
        let mut skb = SkBuff::from(skb);
        Treatment::Nothing.note(&mut skb);
        let len = skb.len();
        far.ring.push(skb.into()).map_err(|_| Unsent::RingFull)?;
        peer.device.schedule(far_queue);
        Ok(len)
    }

    /// The device sends a frame that it has received back to the cable that it came from (XDP_TX).
    /// Context: NAPI poll.
    pub(crate) fn bounce(&self, skb: UniqueSkBuff, queue: u16, rx: &RxQueue, guard: &rcu::Guard) {
        match self.send_from_device(skb, queue, guard) {
            Ok(len) => {
                rx.bounced_packets.add(1);
                rx.bounced_bytes.add(len as u64);
            }
            Err(Unsent::NoCarrier) => rx.bounce_no_carrier_drops.add(1),
            Err(Unsent::RingFull) => rx.bounce_ring_full_drops.add(1),
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Transmit: from the stack to the card.

use super::outgoing::Outgoing;
use crate::port::{
    Port,
    TxQueue, //
};
use device::{
    cable::{
        Fate,
        Unsent, //
    },
    lane::Lane,
    send::insert_tag, //
};
use engine::descriptor::TxDescriptor;
use net::{
    netdev::Xmit,
    rcu,
    skbuff::{
        SkBuff,
        VlanTag, //
    }, //
};
use offload::transmit::{
    prepare,
    Prepared, //
};

impl Port {
    /// Sends `skb` on queue `queue`. Context: the lock of that queue is held.
    pub(crate) fn transmit(&self, skb: SkBuff, queue: u16) -> Xmit {
        let number = usize::from(queue);
        let (Some(tx), Some(on_card)) = (self.tx.get(number), self.hardware.tx_queue(queue)) else {
            return Xmit::Taken;
        };
        let guard = rcu::Guard::new();
        if !self.hardware.has_carrier(&guard) {
            tx.no_carrier_drops.add(1);
            return Xmit::Taken;
        }
        // One that the stack gets back has its tag in it, and comes again as one without.
        let (skb, is_clone) = match skb.vlan_tag() {
            None => (skb, false),
            Some(tag) => match tagged(skb, tag, tx) {
                Some(tagged) => tagged,
                None => return Xmit::Taken,
            },
        };
        let asks = skb.asks();
        if asks.is_segments() || asks.is_copy() {
            // What software cuts cannot be put together again for the stack to keep, nor can a clone
            // take the place of its frame.
            if let Err(Unsent::RingFull(far)) = self.hardware.can_send(&skb, Lane::Ordinary, &guard)
            {
                self.hold(tx, queue, Some(far), &guard);
                if is_clone {
                    tx.offloads.segments_ring_full_drops.add(1);
                    return Xmit::Taken;
                }
                return Xmit::Busy(skb);
            }
        }
        let mut outgoing = Outgoing::new(self, tx, queue, &guard);
        outgoing.is_replaced = is_clone;
        let mut told = TxDescriptor::default();
        let prepared = match prepare(skb, asks, &mut outgoing, &mut told) {
            Ok(prepared) => prepared,
            Err((work, _)) => {
                tx.offloads.count_lost(work);
                return Xmit::Taken;
            }
        };

        // Counted before the far side can take the frames and count them off.
        tx.open(outgoing.skbs);
        let (unsent, skb) = match self.put_on_cable(prepared, &told, &guard) {
            Ok(fate) => {
                tx.packets.add(outgoing.burst.frames());
                tx.bytes.add(outgoing.burst.bytes());
                on_card.mac.count(&outgoing.burst);
                tx.offloads.count_device(&outgoing.done);
                if fate == Fate::Gone {
                    tx.take_back(outgoing.skbs);
                    return Xmit::Taken;
                }
                // The next frame could fail to get in. The ring may be full earlier, with frames that
                // this device has sent back, or because it gives its places free by the dozen; then
                // the stack is told to keep its frame.
                let in_flight = tx.in_flight(on_card.told());
                if in_flight >= self.hardware.in_flight_limit(&guard) {
                    self.hold(tx, queue, None, &guard);
                }
                return Xmit::Taken;
            }
            Err(refused) => refused,
        };
        tx.take_back(outgoing.skbs);
        let Unsent::RingFull(far) = unsent else {
            tx.no_carrier_drops.add(1);
            return Xmit::Taken;
        };
        self.hold(tx, queue, Some(far), &guard);
        match skb {
            Some(skb) if !outgoing.is_replaced => Xmit::Busy(skb),
            _ => {
                tx.offloads.segments_ring_full_drops.add(1);
                Xmit::Taken
            }
        }
    }

    /// Puts what a frame of the stack has become on the cable, of which the device is `told` if it is whole,
    /// or tells why that can't be, and gives the frame back if it is still the one that it was.
    #[inline]
    fn put_on_cable(
        &self,
        prepared: Prepared<TxDescriptor>,
        told: &TxDescriptor,
        guard: &rcu::Guard,
    ) -> Result<Fate, (Unsent, Option<SkBuff>)> {
        match prepared {
            Prepared::Whole(skb) => {
                let sent = self.hardware.send(skb, told, guard);
                sent.map_err(|(unsent, skb)| (unsent, Some(skb)))
            }
            Prepared::Cut(frames) => {
                let sent = self.hardware.send_all(frames, guard);
                sent.map_err(|unsent| (unsent, None))
            }
        }
    }

    /// Stops transmit queue `queue` until there is room, for more of its frames or, if `full` is the
    /// number of a ring at the far end, in that. Context: the lock of that queue is held.
    fn hold(&self, tx: &TxQueue, queue: u16, full: Option<u16>, guard: &rcu::Guard) {
        self.device.stop_tx_queue(queue);
        tx.stops.add(1);
        if self.hardware.wait(queue, full, guard) {
            self.device.schedule(queue);
        }
    }
}

/// Has the device put `tag` into a frame of the stack, and gives whether that is a clone now, so that the
/// stack can't have it back. `None`, and it is counted as lost, if there is no memory.
fn tagged(skb: SkBuff, tag: VlanTag, tx: &TxQueue) -> Option<(SkBuff, bool)> {
    let is_clone = skb.is_shared();
    let tagged = skb.share_check().and_then(|skb| insert_tag(skb, tag));
    match tagged {
        Ok(skb) => {
            tx.offloads.vlan_tags.add(1);
            Some((skb.into(), is_clone))
        }
        Err(_) => {
            tx.offloads.vlan_drops.add(1);
            None
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Frames that meet their program as they arrive.
//!
//! A device does not wait for its host to ask for a frame, so one that only has to be read is read
//! while its sender still has it in hand: if it is at its end then, as most are where a program drops,
//! there is neither a place in the ring nor an interrupt for it. One that goes on is held for the poll,
//! with what the program has said: no program runs twice for a frame.
//!
//! The order of a queue's frames stays: a frame goes into the ring if others are there, or if one is
//! held, or if somebody works on others of the queue. Nobody waits here: a host that sends while it
//! polls may be the one who works on them.

use super::wire::Wire;
use crate::{
    cable::{
        Arrival,
        Fate,
        Unsent, //
    },
    lane::{
        Lane,
        Passed, //
    },
    map::MapRef,
    memory::KernelMemory,
    port::{
        Plugged,
        Port, //
    },
    queue::RxQueue,
    send::wire_frames,
    services::Machine,
    slots::Active,
    work::Held, //
};
use core::sync::atomic::Ordering;
use engine::{
    descriptor::TxDescriptor,
    exec::Core,
    fault::FaultRecord,
    pipeline::{
        Ingress,
        Lost,
        Moved,
        Programs,
        Watcher, //
    },
    steer::Reason, //
};
use net::{
    rcu,
    skbuff::{
        SkBuff,
        Stamps, //
    },
    sync::irqs_disabled, //
};

/// What became of a frame as it arrived.
enum Arrived {
    /// It is at its end.
    Gone,
    /// It is held for the poll of the queue.
    Held,
    /// Another queue has it.
    HandedOver,
    /// Nothing: it is to go into the ring.
    Not(SkBuff),
}

/// What is counted of the frames of a queue. Whoever has claimed what works on them counts.
pub(super) struct Count<'a>(pub(super) &'a RxQueue);

impl Watcher for Count<'_> {
    #[inline]
    fn arrived(&mut self, frames: u32, bytes: u64) {
        self.0.frames.add(frames.into());
        self.0.bytes.add(bytes);
    }

    #[cold]
    fn lost(&mut self, why: Lost) {
        let count = match why {
            Lost::NoBuffer => &self.0.no_buffer_drops,
            Lost::Unplanned => &self.0.unplanned_drops,
            Lost::Runt => &self.0.runt_drops,
            Lost::TooLong => &self.0.too_long_drops,
        };
        count.add(1);
    }

    #[cold]
    fn misdirected(&mut self) {
        self.0.misdirected.add(1);
    }

    #[cold]
    fn stopped(&mut self, record: FaultRecord) {
        self.0.faults.note(record);
    }
}

impl<H: Plugged> Port<H> {
    /// Puts a frame of the stack's on the cable and says what became of it, or gives it back as it was.
    /// Context: bottom halves off.
    ///
    /// # Errors
    ///
    /// Why it did not get there.
    #[inline]
    pub fn send(
        &self,
        skb: SkBuff,
        descriptor: &TxDescriptor,
        guard: &rcu::Guard,
    ) -> Result<Fate, (Unsent, SkBuff)> {
        // Not moved: that takes as long as some of what is asked there.
        let arrival = self.far_end(&skb, guard);
        let far = match &arrival {
            Ok(Arrival::At(far)) => far,
            Ok(Arrival::Dropped(port, why)) => {
                let on_wire = wire_frames(&skb, descriptor);
                port.count_dropped(*why, on_wire, guard);
                skb.take_time_stamps(self.stamps(&skb, port).left);
                skb.consume();
                return Ok(Fate::Gone);
            }
            Err(unsent) => return Err((*unsent, skb)),
        };
        let (peer, number, rx) = (far.peer, far.number, far.rx);
        let active = peer.port().slots.active(guard);
        let stamps = self.stamps(&skb, peer.port());
        let arrived = if active.running.is_nothing() || !descriptor.is_wire_frame() {
            Arrived::Not(skb)
        } else {
            let from = (descriptor.queue, stamps);
            meet(peer, (number, rx), &active, skb, from, guard)
        };
        let sent = match arrived {
            Arrived::Gone => {
                far.count_met(guard);
                return Ok(Fate::Gone);
            }
            Arrived::HandedOver => {
                far.count_met(guard);
                return Ok(Fate::UnderWay);
            }
            Arrived::Held => {
                far.count_met(guard);
                peer.raise(number);
                return Ok(Fate::UnderWay);
            }
            Arrived::Not(skb) => rx.ring.send(skb, descriptor, stamps),
        };
        sent.map_err(|skb| (Unsent::RingFull(number), skb))?;
        far.count();
        peer.raise(number);
        Ok(Fate::UnderWay)
    }
}

/// A frame as it is on the wire, which transmit queue `from` of the other end has sent, arrives at
/// queue `queue` of `host`'s port, which runs `active`. It has `stamps`.
// On the stack of the others, which may be deep here, it is not to lie.
#[inline(never)]
fn meet<H: Plugged>(
    host: &H,
    (queue, rx): (u16, &RxQueue),
    active: &Active<'_, H::Label>,
    skb: SkBuff,
    (from, stamps): (u16, Stamps),
    guard: &rcu::Guard,
) -> Arrived {
    // Programs may take the locks of maps, which netpoll may have come upon. What the same transmit
    // queue has sent before is in the ring, or is held, or was taken by who has claimed the queue.
    if irqs_disabled() || !rx.ring.is_empty() {
        return Arrived::Not(skb);
    }
    let Some(mut work) = rx.work.take(|| host.poll(queue)) else {
        return Arrived::Not(skb);
    };
    // While a poll was at it, on another CPU, the ring may have looked empty without being so. Now
    // nobody takes frames out of it.
    if work.is_holding() || !rx.ring.is_empty() {
        return Arrived::Not(skb);
    }
    let mut programs = programs(host, (queue, rx), active, &mut work.core, guard);
    let wire = Wire::Sent(skb);
    let Some(met) = programs.meet(&mut Count(rx), &wire, host.length_limit()) else {
        return Arrived::Not(wire.into_skb());
    };
    // It can't come back to be sent once more from here on.
    let skb = wire.into_skb();
    skb.take_time_stamps(stamps.left);
    let port = host.port();
    port.count_ahead(&skb, guard);
    if let (Some(stored), Some(said)) = (active.stored, met.descriptor()) {
        stored.runs().count(said);
    }
    if met.is_end() {
        skb.consume();
        return Arrived::Gone;
    }
    // One that was only read is for the same queue as before, unless the program has chosen one.
    let in_use = port.queues_in_use.load(Ordering::Relaxed);
    if let Some(chosen) = met.leads_to(queue, in_use) {
        let bytes = skb.len() as u64;
        Count(rx).arrived(1, bytes);
        let moved = Moved {
            has_met: true,
            queue: chosen,
            reason: Reason::Program,
            meta_len: 0,
            stamp: stamps.arrived,
        };
        let passed = Passed {
            from,
            onward: Lane::Ordinary,
            has_met: true,
            replaces_host: active.replaces_host,
        };
        let wire = Wire::Sent(skb);
        if port.hand_over(host, rx, wire, moved, passed) {
            return Arrived::HandedOver;
        }
        return Arrived::Gone;
    }
    work.hold(Held {
        skb,
        queue: from,
        arrived: stamps.arrived,
        met,
        replaces_host: active.replaces_host,
    });
    Arrived::Held
}

/// The step that runs `active` on frames of queue `queue` of `host`'s port.
#[inline]
pub(super) fn programs<'a, H: Plugged>(
    host: &H,
    (queue, rx): (u16, &'a RxQueue),
    active: &Active<'a, H::Label>,
    core: &'a mut Core<KernelMemory>,
    guard: &'a rcu::Guard,
) -> Programs<'a, KernelMemory, MapRef, Machine<'a>> {
    Programs {
        ingress: Ingress {
            address: host.address(),
            ifindex: host.ifindex(),
            queue,
        },
        running: active.running,
        core,
        services: Machine::new(active.running.maps(), guard),
        counters: &rx.programs,
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The cable between two ports: what is put on it lies in a ring of the receiving one.

use crate::{
    host::Host,
    lane::{
        Lane,
        Passed,
        FROM_DEVICE, //
    },
    port::{
        Plugged,
        Port, //
    },
    queue::{
        RxQueue,
        TxQueue, //
    },
    send::wire_frames,
    steer::{
        Arriving,
        Why, //
    }, //
};
use core::sync::atomic::Ordering;
use engine::{
    descriptor::TxDescriptor,
    mac::Burst, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    rcu,
    skbuff::{
        Chain,
        Described,
        SkBuff,
        UniqueSkBuff, //
    },
    stats::Counter,
    sync::{
        memory_barrier,
        with_bh_disabled, //
    }, //
};

/// Why a frame did not get on the cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// The other end of the cable is missing or down.
    NoCarrier,
    /// The far end has no room, in the ring of that number.
    RingFull(u16),
}

/// What is at the other end of the cable for a frame.
pub(crate) enum Arrival<'a, H: Host> {
    /// A queue.
    At(FarEnd<'a, H>),
    /// Nothing: this port drops it.
    Dropped(&'a Port<H>, Why),
}

/// Where a frame arrives.
pub(crate) struct FarEnd<'a, H> {
    /// The machine at the other end of the cable.
    pub(crate) peer: &'a H,
    /// Number of the receive queue of its port that the frame is for.
    pub(crate) number: u16,
    /// That queue.
    pub(crate) rx: &'a RxQueue,
    /// Why the frame is for it, if it had to be looked at.
    why: Option<Why>,
}

impl<H> FarEnd<'_, H> {
    /// Counts a frame that has got there.
    #[inline]
    pub(crate) fn count(&self) {
        if let Some(why) = self.why {
            self.rx.steered.count(why.reason);
        }
    }
}

impl<H: Plugged> FarEnd<'_, H> {
    /// As [`Self::count`], of one that has met a program there already, so that no poll will look at it
    /// before that.
    #[inline]
    pub(crate) fn count_met(&self, guard: &rcu::Guard) {
        self.count();
        if let Some(why) = self.why {
            self.peer.port().count_hits(why, 1, guard);
        }
    }
}

/// What became of a frame that got on the cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// On its way: it counts as completed when it is taken from the cable.
    UnderWay,
    /// At its end already.
    Gone,
}

/// Frames that were taken from the cable, until they are noted with the port that sent them: those
/// of the same queue at once.
#[derive(Default)]
pub(crate) struct Taken {
    queue: u16,
    frames: u32,
}

impl Taken {
    /// Adds a frame that was sent by queue `queue` of `sender`. Context: bottom halves off.
    #[inline]
    pub(crate) fn add<H: Plugged>(&mut self, queue: u16, sender: &H) {
        if queue != self.queue {
            self.note(sender);
            self.queue = queue;
        }
        self.frames = self.frames.saturating_add(1);
    }

    /// As [`Self::add`], of a frame that a transmit queue still waits for.
    #[inline]
    pub(crate) fn add_awaited<H: Plugged>(&mut self, by: &mut Option<u16>, sender: Option<&H>) {
        if let (Some(queue), Some(sender)) = (by.take(), sender) {
            self.add(queue, sender);
        }
    }

    /// Notes them with `sender`, and gives whether there were any: then it was a full memory barrier.
    #[inline]
    fn note<H: Plugged>(&mut self, sender: &H) -> bool {
        let frames = core::mem::take(&mut self.frames);
        let tx = sender.port().tx_queue(self.queue);
        let Some(tx) = tx.filter(|_| frames > 0) else {
            return false;
        };
        let completed = tx.complete(frames);
        sender
            .port()
            .tell_of_completions(sender, self.queue, tx, completed);
        true
    }

    /// Notes the last ones with `sender`, and raises the interrupts of those of its queues that wait
    /// for completions, or for room in `rx`. Context: bottom halves off.
    #[inline]
    pub(crate) fn finish<H: Plugged>(mut self, sender: &H, rx: &RxQueue) {
        // Those who begin to wait say so first, and look then for what they wait for. So there is a full
        // barrier before they are looked for.
        if !self.note(sender) {
            memory_barrier();
        }
        rx.waiting.take(|queue| sender.raise(queue));
    }
}

impl<H: Plugged> Port<H> {
    /// Lets frames go to and fro between two ports of which none goes anywhere yet. Process context.
    /// Both may be the same port, which then gets what it sends.
    pub fn plug(left: &Arc<H>, right: &Arc<H>) {
        left.port().begin_to_receive(right.port());
        right.port().begin_to_receive(left.port());
        left.port().peer.replace(Some(right.clone()));
        if !Arc::ptr_eq(left, right) {
            right.port().peer.replace(Some(left.clone()));
        }
    }

    /// Ends what [`Self::plug`] has begun, at both ends, and gives the port at the other one. The frames
    /// on the way are lost. Process context.
    pub fn unplug(&self) -> Option<Arc<H>> {
        let peer = self.peer.replace(None)?;
        let far = peer.port();
        far.peer.replace(None);
        self.end_receiving(far);
        if !core::ptr::eq(self, far) {
            far.end_receiving(self);
        }
        for port in [self, far] {
            port.flush();
        }
        Some(peer)
    }

    /// The port at the other end of the cable.
    #[inline]
    pub fn peer<'a>(&'a self, guard: &'a rcu::Guard) -> Option<&'a H> {
        self.peer.load(guard)
    }

    /// Where `frame` arrives, if somebody takes it.
    #[inline]
    pub(crate) fn far_end<'a, F: Arriving + ?Sized>(
        &'a self,
        frame: &F,
        guard: &'a rcu::Guard,
    ) -> Result<Arrival<'a, H>, Unsent> {
        let peer = self.peer.load(guard).filter(|peer| peer.port().is_up());
        let peer = peer.ok_or(Unsent::NoCarrier)?;
        let port = peer.port();
        let (number, why) = match port.queue_for(peer, frame, guard) {
            Ok(found) => found,
            Err(why) => return Ok(Arrival::Dropped(port, why)),
        };
        let rx = port.rx.get(usize::from(number));
        let rx = rx.ok_or(Unsent::NoCarrier)?;
        Ok(Arrival::At(FarEnd {
            peer,
            number,
            rx,
            why,
        }))
    }

    /// Whether somebody takes frames at the other end of the cable.
    #[inline]
    pub fn has_carrier(&self, guard: &rcu::Guard) -> bool {
        let peer = self.peer.load(guard);
        peer.is_some_and(|peer| peer.port().is_up())
    }

    /// Whether `frame` would get into `lane` of the cable now, as far as can be told.
    /// Context: bottom halves off.
    ///
    /// # Errors
    ///
    /// Why it would not.
    #[inline]
    pub fn can_send(&self, frame: &SkBuff, lane: Lane, guard: &rcu::Guard) -> Result<(), Unsent> {
        self.has_room(frame, lane, guard)
    }

    /// As [`Self::can_send`], of a frame that begins with `bytes`.
    ///
    /// # Errors
    ///
    /// Why it would not.
    pub fn can_send_bytes(
        &self,
        bytes: &[u8],
        lane: Lane,
        guard: &rcu::Guard,
    ) -> Result<(), Unsent> {
        self.has_room(bytes, lane, guard)
    }

    fn has_room<F: Arriving + ?Sized>(
        &self,
        frame: &F,
        lane: Lane,
        guard: &rcu::Guard,
    ) -> Result<(), Unsent> {
        match self.far_end(frame, guard)? {
            Arrival::At(far) if far.rx.ring(lane).is_full() => Err(Unsent::RingFull(far.number)),
            Arrival::At(_) | Arrival::Dropped(..) => Ok(()),
        }
    }

    /// Puts frames on the cable that were one frame of the stack's: all of them, or none, and they are
    /// lost. Context: bottom halves off.
    ///
    /// # Errors
    ///
    /// Why they did not get there.
    pub fn send_all(
        &self,
        frames: Chain<TxDescriptor>,
        guard: &rcu::Guard,
    ) -> Result<Fate, Unsent> {
        let far = match self.far_end(&frames, guard)? {
            Arrival::At(far) => far,
            Arrival::Dropped(port, why) => {
                let left = self.stamps_of_several(port).left;
                for frame in frames {
                    let on_wire = wire_frames(&frame, &frame.descriptor());
                    port.count_dropped(why, on_wire, guard);
                    frame.take_time_stamps(left);
                    frame.into_skb().consume();
                }
                return Ok(Fate::Gone);
            }
        };
        let stamps = self.stamps_of_several(far.peer.port());
        let sent = far.rx.ring.send_all(frames, stamps);
        sent.map_err(|_| Unsent::RingFull(far.number))?;
        far.count();
        far.peer.raise(far.number);
        Ok(Fate::UnderWay)
    }

    /// Puts a frame into `lane` of the cable that no transmit queue waits for: one that was received,
    /// or that a program has sent here. A device does not wait: if there is no room, the frame is lost.
    /// Gives what it is on the wire. Context: softirq.
    ///
    /// # Errors
    ///
    /// Why it did not get there.
    fn put(&self, mut skb: UniqueSkBuff, lane: Lane, guard: &rcu::Guard) -> Result<Burst, Unsent> {
        let len = skb.len();
        let mut burst = Burst::default();
        burst.add(skb.linear(), len, 1);
        let far = match self.far_end(&*skb, guard)? {
            Arrival::At(far) => far,
            Arrival::Dropped(port, why) => {
                port.count_dropped(why, 1, guard);
                SkBuff::from(skb).consume();
                return Ok(burst);
            }
        };
        // It is on nobody's account any more: it may go to and fro for ever.
        skb.orphan();
        let descriptor = TxDescriptor::of_wire_frame(len, FROM_DEVICE);
        let frame = Described::new(skb.into(), descriptor);
        let arrived = far.peer.port().arrival();
        let sent = far.rx.ring(lane).push(frame.into(), arrived);
        sent.map_err(|_| Unsent::RingFull(far.number))?;
        far.count();
        far.peer.raise(far.number);
        Ok(burst)
    }

    /// Sends a frame back that has come by receive queue `queue` of this port, by `lane` of the cable. If
    /// there is no room, it is lost. Gives its length. Context: the poll of that queue.
    ///
    /// # Errors
    ///
    /// Why it did not get there.
    pub fn send_back(
        &self,
        skb: UniqueSkBuff,
        queue: u16,
        lane: Lane,
        guard: &rcu::Guard,
    ) -> Result<u64, Unsent> {
        let burst = self.put(skb, lane, guard)?;
        if let Some(rx) = self.rx.get(usize::from(queue)) {
            rx.returned_mac.count(&burst);
        }
        Ok(burst.bytes())
    }

    /// Sends a frame that a program has redirected to this port, on the account of transmit queue
    /// `queue`, by `lane` of the cable. If there is no room, it is lost. Context: softirq.
    ///
    /// # Errors
    ///
    /// Why it did not get there.
    pub fn send_redirected(
        &self,
        skb: UniqueSkBuff,
        queue: u16,
        lane: Lane,
        guard: &rcu::Guard,
    ) -> Result<(), Unsent> {
        let burst = self.put(skb, lane, guard)?;
        if let Some(tx) = self.tx_queue(queue) {
            tx.count_redirected(&burst);
        }
        Ok(())
    }

    /// How many frames of one transmit queue may be under way.
    #[inline]
    pub fn in_flight_limit(&self, guard: &rcu::Guard) -> u32 {
        let near = self.tx_ring_size();
        let peer = self.peer.load(guard);
        peer.map_or(near, |peer| near.min(peer.port().rx_ring_size()))
    }

    /// Has this port raise the interrupt of transmit queue `queue` as soon as some of its frames are
    /// completed or, if `full` is the number of a ring at the far end, that has room. Gives whether
    /// one of the two may be so already, and no interrupt comes. Context: bottom halves off.
    pub fn wait(&self, queue: u16, full: Option<u16>, guard: &rcu::Guard) -> bool {
        let Some(tx) = self.tx_queue(queue) else {
            return true;
        };
        let far = full.and_then(|full| {
            let peer = self.peer.load(guard)?;
            peer.port().rx.get(usize::from(full))
        });
        if let Some(far) = far {
            far.waiting.add(queue);
        }
        // Has a memory barrier: whoever makes room does that first and looks for who waits then.
        let has_completions = tx.await_completions();
        has_completions || far.is_some_and(|far| !far.ring.is_full())
    }

    /// Raises the interrupt of transmit queue `queue` of this port, which is `host`'s, if the driver
    /// is to learn of completions in it, `completed` in all: one for each frame would be as much work as
    /// the frame. Context: bottom halves off.
    #[inline]
    fn tell_of_completions(&self, host: &H, queue: u16, tx: &TxQueue, completed: u32) {
        let many = self.tx_ring_size() / 2;
        if tx.is_due(completed, many) {
            host.raise(queue);
        }
    }

    /// Has the first `count` queue pairs take frames, and no others. Process context.
    pub fn use_queues(&self, count: u16) {
        self.queues_in_use.store(count, Ordering::Relaxed);
        self.end_flows_above(count);
    }

    /// Empties the rings. What was in them is lost. Nobody may be filling them. Process context.
    pub fn flush(&self) {
        self.empty_rings(0, |rx| &rx.down_drops);
    }

    /// Empties the rings of the queues that are not in use, as [`Self::flush`].
    pub fn flush_unused(&self) {
        let first = self.queues_in_use.load(Ordering::Relaxed);
        self.empty_rings(first.into(), |rx| &rx.resize_drops);
    }

    /// Empties the rings from number `first` on. What was in them is counted as lost.
    fn empty_rings(&self, first: usize, lost: fn(&RxQueue) -> &Counter) {
        let guard = rcu::Guard::new();
        let peer = self.peer.load(&guard);
        for rx in self.rx.iter().skip(first) {
            // Who has claimed it deals with what is held; who asks for it finds the rings empty.
            let held = || {
                let mut work = rx.work.take(|| ())?;
                if let Some(coalescer) = &mut work.coalescer {
                    lost(rx).add(coalescer.forget());
                }
                work.take_held()
            };
            if let Some(held) = with_bh_disabled(held) {
                let descriptor = TxDescriptor::of_wire_frame(held.skb.len(), held.queue);
                let frame = Described::new(held.skb, descriptor);
                Self::lose(frame.into(), lost(rx), peer);
            }
            while let Some((handed, _, passed)) = with_bh_disabled(|| rx.handed.pop()) {
                drop(handed);
                Self::lose_handed(passed, lost(rx), peer);
            }
            let pop = || rx.ring.pop().or_else(|| rx.bouncing.pop());
            while let Some(frames) = with_bh_disabled(pop) {
                Self::lose(frames, lost(rx), peer);
            }
            if let Some(peer) = peer {
                with_bh_disabled(|| Taken::default().finish(peer, rx));
            }
        }
    }

    /// Counts `frames`, which came from `peer`, as `lost`.
    fn lose(frames: Chain<TxDescriptor>, lost: &Counter, peer: Option<&H>) {
        let mut taken = Taken::default();
        for frame in frames {
            let descriptor = frame.descriptor();
            lost.add(wire_frames(&frame, &descriptor));
            if let Some(peer) = peer {
                with_bh_disabled(|| taken.add(descriptor.queue, peer));
            }
        }
        if let Some(peer) = peer {
            with_bh_disabled(|| taken.note(peer));
        }
    }

    /// Counts a frame that another queue has handed over as `lost`, and notes with `peer`, from which it
    /// came, that it is taken.
    fn lose_handed(passed: Passed, lost: &Counter, peer: Option<&H>) {
        lost.add(1);
        if let Some(peer) = peer.filter(|_| passed.from != FROM_DEVICE) {
            let mut taken = Taken::default();
            with_bh_disabled(|| {
                taken.add(passed.from, peer);
                taken.note(peer);
            });
        }
    }

    /// Gives the rings of the receive queues another size. What they can't hold any more is lost.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then some of them have the new size, and work as well.
    pub fn resize_rx(&self, size: u32) -> Result {
        for rx in self.rx.iter() {
            for lane in [Lane::Ordinary, Lane::Bouncing] {
                rx.ring(lane).resize(size, |frames| {
                    let guard = rcu::Guard::new();
                    Self::lose(frames, &rx.resize_drops, self.peer.load(&guard));
                })?;
            }
            rx.handed.resize(size, |passed| {
                let guard = rcu::Guard::new();
                let peer = self.peer.load(&guard);
                Self::lose_handed(passed, &rx.resize_drops, peer);
            })?;
        }
        self.rx_ring_size.store(size, Ordering::Relaxed);
        Ok(())
    }
}

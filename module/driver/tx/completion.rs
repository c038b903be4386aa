// SPDX-License-Identifier: GPL-2.0

//! Completion: frames that the far side has taken make room for others.
//!
//! The far side's poll notes what it has taken with the queue that sent it, and raises the interrupt
//! of the queue of the same number at the sender. The poll of that one takes the notes, and wakes the
//! queue if the stack had to wait. So it is the sender who says, as with all NICs, how long
//! completions may wait (`napi_defer_hard_irqs`, `gro_flush_timeout`).

use super::{
    TxQueue,
    FROM_DEVICE, //
};
use crate::port::Port;
use core::sync::atomic::{
    AtomicBool,
    AtomicU32,
    AtomicU64,
    Ordering, //
};
use net::{
    rcu,
    sync::{
        memory_barrier,
        with_bh_disabled, //
    },
};

/// How much room a transmit queue has.
pub(crate) struct Window {
    /// Frames that were put on the cable and whose completion the driver does not know of.
    in_flight: AtomicU32,
    /// How many of those the far side has taken.
    completed: AtomicU32,
    /// Whether the queue was stopped for want of room.
    held: AtomicBool,
    wakes: AtomicU64,
}

impl Window {
    pub(super) const fn new() -> Self {
        Self {
            in_flight: AtomicU32::new(0),
            completed: AtomicU32::new(0),
            held: AtomicBool::new(false),
            wakes: AtomicU64::new(0),
        }
    }

    /// Accounts for `frames` that are about to go on the cable; gives how many are under way then.
    #[inline]
    pub(super) fn open(&self, frames: u32) -> u32 {
        let before = self.in_flight.fetch_add(frames, Ordering::Relaxed);
        before.saturating_add(frames)
    }

    /// Takes back what [`Self::open`] has accounted for: the frames did not get on the cable.
    #[inline]
    pub(super) fn take_back(&self, frames: u32) {
        self.in_flight.fetch_sub(frames, Ordering::Relaxed);
    }

    /// How often the queue was woken after it was stopped.
    pub(crate) fn wakes(&self) -> u64 {
        self.wakes.load(Ordering::Relaxed)
    }
}

/// Frames that were taken from the cable, until they are noted with the port that sent them: those
/// of the same queue at once.
#[derive(Default)]
pub(crate) struct Taken {
    queue: u16,
    frames: u32,
}

impl Taken {
    /// Adds `frames` that were sent by queue `queue` of `sender`.
    #[inline]
    pub(crate) fn add(&mut self, queue: u16, frames: u32, sender: &Port) {
        if queue != self.queue {
            self.note(sender);
            self.queue = queue;
        }
        self.frames = self.frames.saturating_add(frames);
    }

    /// Notes them with `sender`.
    pub(crate) fn note(&mut self, sender: &Port) {
        let frames = core::mem::take(&mut self.frames);
        if frames > 0 {
            sender.note_completed(self.queue, frames);
        }
    }
}

impl Port {
    /// Notes that the far side has taken `frames` of queue `queue`. [`Self::resume`] must follow.
    pub(crate) fn note_completed(&self, queue: u16, frames: u32) {
        if queue == FROM_DEVICE {
            return;
        }
        if let Some(tx) = self.tx.get(usize::from(queue)) {
            tx.window.completed.fetch_add(frames, Ordering::Release);
        }
    }

    /// How many frames of one transmit queue may be under way to `peer`.
    pub(super) fn in_flight_limit(&self, peer: &Self) -> u32 {
        let near = self.tx_ring_size.load(Ordering::Relaxed);
        near.min(peer.rx_ring_size.load(Ordering::Relaxed))
    }

    /// Stops transmit queue `queue` until there is room, in the window or, where `far_queue` of
    /// `peer` is full, on the cable. Context: the lock of that queue is held.
    pub(super) fn hold(&self, tx: &TxQueue, queue: u16, peer: &Self, far_queue: u16) {
        self.device.stop_tx_queue(queue);
        tx.window.held.store(true, Ordering::Relaxed);
        tx.stops.add(1);
        // Whoever makes room does that first and looks for held queues then; whichever of the two
        // comes late sees what the other one did.
        memory_barrier();
        let has_completions = tx.window.completed.load(Ordering::Relaxed) > 0;
        if has_completions || self.has_room(tx, peer, far_queue) {
            self.raise(queue);
        }
    }

    fn has_room(&self, tx: &TxQueue, peer: &Self, far_queue: u16) -> bool {
        let far = peer.rx.get(usize::from(far_queue));
        tx.window.in_flight.load(Ordering::Relaxed) < self.in_flight_limit(peer)
            && far.is_some_and(|far| !far.ring.is_full())
    }

    /// Has the poll of queue `queue` look for completions. Context: bottom halves off.
    fn raise(&self, queue: u16) {
        if self.device.is_at_rest(queue) {
            // Its poll is put off for what it receives. That is no reason to keep the sender
            // waiting.
            self.complete(queue);
        } else {
            self.device.schedule(queue);
        }
    }

    /// Tells this port that receive queue `far_queue` of the port at the other end, `peer`, which
    /// calls this, has room, and what it took is noted. Raises the interrupts of the transmit queues
    /// that have waited for it or have many completions: one for each frame would be as much work as
    /// the frame. Context: bottom halves off.
    pub(crate) fn resume(&self, peer: &Self, far_queue: u16) {
        let many = self.in_flight_limit(peer) / 2;
        memory_barrier();
        let first = usize::from(far_queue);
        let mine = self.tx.iter().zip(0u16..).skip(first);
        for (tx, queue) in mine.step_by(usize::from(peer.device.queues_in_use()).max(1)) {
            let completed = tx.window.completed.load(Ordering::Relaxed);
            let is_awaited = || completed > 0 || self.has_room(tx, peer, far_queue);
            let held = tx.window.held.load(Ordering::Relaxed);
            if completed > many || held && is_awaited() {
                self.raise(queue);
            }
        }
    }

    /// Takes the completions of transmit queue `queue`, lets the stack send on it again if it had to
    /// wait for them, and gives their number. Any context but hard interrupts, which netpoll's is
    /// not, though they are off in it.
    pub(crate) fn complete(&self, queue: u16) -> u32 {
        let Some(tx) = self.tx.get(usize::from(queue)) else {
            return 0;
        };
        let guard = rcu::Guard::new();
        // Without a cable there is nothing to be completed, or it is being forgotten.
        let Some(peer) = self.peer.load(&guard) else {
            return 0;
        };
        let window = &tx.window;
        let mut completed = window.completed.load(Ordering::Relaxed);
        if completed > 0 {
            completed = window.completed.swap(0, Ordering::Acquire);
            window.in_flight.fetch_sub(completed, Ordering::Relaxed);
            memory_barrier();
        }
        // Whether the far ring has room is not asked: its lock may be held on this CPU, below
        // netpoll. If it is full the next frame waits for the far side.
        if window.held.load(Ordering::Relaxed)
            && window.in_flight.load(Ordering::Relaxed) < self.in_flight_limit(peer)
        {
            self.release(tx, queue);
        }
        completed
    }

    /// Lets the stack send on transmit queue `queue` again, if it was held. Any side may do it, and
    /// one does.
    fn release(&self, tx: &TxQueue, queue: u16) {
        if tx.window.held.swap(false, Ordering::Relaxed) {
            self.device.wake_tx_queue(queue);
            tx.window.wakes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes all completions, and wakes the queues that have room. Process context.
    pub(crate) fn complete_all(&self) {
        for (_, queue) in self.tx.iter().zip(0u16..) {
            with_bh_disabled(|| self.complete(queue));
        }
    }

    /// Lets the stack send again on all queues that were held. Those for which there is still no room
    /// are held again with their next frame. Process context.
    pub(crate) fn release_all(&self) {
        self.complete_all();
        for (tx, queue) in self.tx.iter().zip(0u16..) {
            self.release(tx, queue);
        }
    }

    /// Forgets the frames that are under way. None may be: there is no cable, and the rings at both
    /// of its ends are empty.
    pub(crate) fn forget_in_flight(&self) {
        for (tx, queue) in self.tx.iter().zip(0u16..) {
            tx.window.completed.store(0, Ordering::Relaxed);
            tx.window.in_flight.store(0, Ordering::Relaxed);
            self.release(tx, queue);
        }
    }
}

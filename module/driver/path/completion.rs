// SPDX-License-Identifier: GPL-2.0

//! Completion: frames that the far side has taken make room for others.
//!
//! The card notes what was taken with the queue that sent it, and raises the interrupt of that queue if
//! the driver waits. The poll of the queue takes the notes, and wakes the queue if the stack had to
//! wait. So it is the sender who says, as with all NICs, how long completions may wait
//! (`napi_defer_hard_irqs`, `gro_flush_timeout`).

use crate::port::Port;
use net::{
    rcu,
    sync::with_bh_disabled, //
};

impl Port {
    /// Takes the completions of transmit queue `queue`, lets the stack send on it again if it had to
    /// wait for them, and gives their number. Any context but hard interrupts, which netpoll's is
    /// not, though they are off in it.
    pub(crate) fn complete(&self, queue: u16) -> u32 {
        let number = usize::from(queue);
        let (Some(tx), Some(on_card)) = (self.tx.get(number), self.hardware.tx_queue(queue)) else {
            return 0;
        };
        let guard = rcu::Guard::new();
        // Without a cable there is nothing to be completed, or it is being forgotten.
        if self.hardware.peer(&guard).is_none() {
            return 0;
        }
        let completed = on_card.tell();
        // Whether the far ring has room is not asked: its lock may be held on this CPU, below
        // netpoll. If it is full the next frame waits for the far side.
        if on_card.is_awaited() {
            let in_flight = tx.in_flight(on_card.told());
            if in_flight < self.hardware.in_flight_limit(&guard) {
                self.release(queue);
            }
        }
        completed
    }

    /// Lets the stack send on transmit queue `queue` again, if it was held. Any side may do it, and
    /// one does.
    fn release(&self, queue: u16) {
        let number = usize::from(queue);
        if let (Some(tx), Some(on_card)) = (self.tx.get(number), self.hardware.tx_queue(queue)) {
            if on_card.stop_waiting() {
                self.device.wake_tx_queue(queue);
                tx.count_wake();
            }
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
        for (_, queue) in self.tx.iter().zip(0u16..) {
            self.release(queue);
        }
    }

    /// Forgets the frames that are under way. None may be: there is no cable any more.
    pub(crate) fn forget_in_flight(&self) {
        let queues = self.tx.iter().zip(self.hardware.tx());
        for ((tx, on_card), queue) in queues.zip(0u16..) {
            on_card.tell();
            tx.forget_in_flight(on_card.told());
            self.release(queue);
        }
    }
}

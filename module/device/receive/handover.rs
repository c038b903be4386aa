// SPDX-License-Identifier: GPL-2.0

//! From one receive queue to another: frames that their program has made those of another one, and such as
//! have arrived with others, from which a rule tells them apart.
//!
//! A frame meets its program once: the former in the queue for which it has arrived, the latter in the other
//! one. It waits for the poll of that in a ring that has nothing else: frames of a flow come there in their
//! order, from the one queue in which all of them are worked on by who has claimed it.

use super::wire::Wire;
use crate::{
    lane::Passed,
    port::{
        Plugged,
        Port, //
    },
    queue::RxQueue, //
};
use engine::pipeline::Moved;

impl<H: Plugged> Port<H> {
    /// Hands a frame over that `rx` has, a queue of this port, which is `host`'s, and has the other queue
    /// know what was `passed`. Gives whether that has it; if not, it is lost, and counted.
    ///
    /// Context: bottom halves off, with what works on the frames of `rx` claimed.
    pub(super) fn hand_over(
        &self,
        host: &H,
        rx: &RxQueue,
        wire: Wire,
        moved: Moved,
        passed: Passed,
    ) -> bool {
        // Who takes the port down empties the rings when all who saw it up are through.
        let other = self.rx.get(usize::from(moved.queue));
        let Some(other) = other.filter(|_| self.is_up()) else {
            rx.down_drops.add(1);
            return false;
        };
        let pushed = match wire {
            Wire::Sent(skb) => other.handed.push_sent(skb, moved.stamp, passed),
            Wire::Written(written) => {
                let (buffer, range) = written.into_parts();
                let (ring, stamp) = (&other.handed, moved.stamp);
                ring.push_written(buffer, range, moved.meta_len, stamp, passed)
            }
        };
        if pushed.is_err() {
            rx.handover_ring_full_drops.add(1);
            return false;
        }
        rx.handed_over.add(1);
        other.steered.count(moved.reason);
        host.raise(moved.queue);
        true
    }
}

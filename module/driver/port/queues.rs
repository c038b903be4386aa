// SPDX-License-Identifier: GPL-2.0

//! What the driver keeps of its queues, beside what the card counts.

use super::{
    offloads::TxOffloads,
    ration::Pause, //
};
use core::sync::atomic::{
    AtomicU32,
    AtomicU64,
    Ordering, //
};
use net::stats::{
    sum,
    Counter, //
};

/// What became of the frames of a receive queue that the device has handed up. Belongs to the queue's
/// poll.
#[derive(Default)]
pub(crate) struct RxQueue {
    /// Frames handed to the stack, or to a program of the host.
    pub(crate) packets: Counter,
    pub(crate) bytes: Counter,
    /// Frames whose sum the stack was told (`CHECKSUM_COMPLETE`).
    pub(crate) checksum_complete: Counter,
    /// Frames of whose checksum it was told nothing.
    pub(crate) checksum_none: Counter,
    /// Frames whose VLAN tag the device has taken out of them.
    pub(crate) vlan_tags: Counter,
    /// Frames of which what is behind the headers lies in pages.
    pub(crate) hds_packets: Counter,
    /// Lost: no memory for the frame.
    pub(crate) no_buffer_drops: Counter,
    /// Lost: the stack could not take it, as it was too short.
    pub(crate) runt_drops: Counter,
    /// Super-frames that stayed whole, or that the device has made.
    pub(crate) whole: WholeCounters,
    /// The same, while that is LRO to the user.
    pub(crate) lro: WholeCounters,
    /// Super-frames of which none was made by the device as the kernel would have made it: made by the kernel's
    /// GRO program, or by one of the device's that was found changed.
    pub(crate) gro_prog: WholeCounters,
    /// What the programs of the host said.
    pub(crate) native: NativeCounters,
    /// How long frames that bounce have to wait.
    pub(crate) pause: Pause,
}

/// The super-frames of a receive queue that stayed whole, or that the device has made.
#[derive(Default)]
pub(crate) struct WholeCounters {
    pub(crate) packets: Counter,
    pub(crate) bytes: Counter,
    /// The frames on the wire that they stand for.
    pub(crate) wire_packets: Counter,
    pub(crate) wire_bytes: Counter,
}

/// What the programs of the host said about the frames of a receive queue.
#[derive(Default)]
pub(crate) struct NativeCounters {
    pub(crate) pass: Counter,
    pub(crate) drop: Counter,
    pub(crate) tx: Counter,
    pub(crate) redirect: Counter,
    pub(crate) aborted: Counter,
    /// Of those to be sent back: sent.
    pub(crate) sent_packets: Counter,
    pub(crate) sent_bytes: Counter,
    /// Of those to be sent back: the far ring had no room.
    pub(crate) tx_ring_full_drops: Counter,
    /// Of those to be sent back: the other end of the cable is missing or down.
    pub(crate) tx_no_carrier_drops: Counter,
    /// Of those to be redirected: the kernel could not.
    pub(crate) redirect_drops: Counter,
    /// Frames that needed more than one buffer when the program takes only one.
    pub(crate) too_long_drops: Counter,
    /// Frames for which there was no memory, before or after the program has run.
    pub(crate) no_buffer_drops: Counter,
}

impl NativeCounters {
    /// Frames that were lost on the way back.
    pub(crate) fn tx_drops(&self) -> u64 {
        sum([
            self.tx_ring_full_drops.get(),
            self.tx_no_carrier_drops.get(),
        ])
    }

    /// Frames that were lost though the program wanted something else.
    pub(crate) fn drops(&self) -> u64 {
        sum([
            self.redirect_drops.get(),
            self.too_long_drops.get(),
            self.no_buffer_drops.get(),
        ])
    }
}

/// A transmit queue. Its counters belong to whoever holds the queue's lock, if they are not atomic.
pub(crate) struct TxQueue {
    /// Frames that were put on the cable, or are about to be, in all. Wraps around. Written by whoever
    /// holds the queue's lock.
    sent: AtomicU32,
    /// How often it was woken after it was stopped.
    wakes: AtomicU64,
    pub(crate) packets: Counter,
    pub(crate) bytes: Counter,
    pub(crate) stops: Counter,
    /// Lost: the other end of the cable is missing or down.
    pub(crate) no_carrier_drops: Counter,
    /// Who did checksums and segmentation.
    pub(crate) offloads: TxOffloads,
    /// Lost: frames that programs of the host redirected to this port when there was no room any
    /// more for one that was taken. Counted by several CPUs at once.
    redirect_drops: AtomicU64,
}

impl TxQueue {
    pub(super) const fn new() -> Self {
        Self {
            sent: AtomicU32::new(0),
            wakes: AtomicU64::new(0),
            packets: Counter::new(),
            bytes: Counter::new(),
            stops: Counter::new(),
            no_carrier_drops: Counter::new(),
            offloads: TxOffloads::new(),
            redirect_drops: AtomicU64::new(0),
        }
    }

    /// Accounts for `frames` that are about to go on the cable.
    #[inline]
    pub(crate) fn open(&self, frames: u32) {
        self.set_sent(self.sent().wrapping_add(frames));
    }

    /// Takes back what [`Self::open`] has accounted for: the frames did not get on the cable.
    pub(crate) fn take_back(&self, frames: u32) {
        self.set_sent(self.sent().wrapping_sub(frames));
    }

    /// Frames that are under way as far as the driver knows, which was told of `completed` in all.
    #[inline]
    pub(crate) fn in_flight(&self, completed: u32) -> u32 {
        self.sent().wrapping_sub(completed)
    }

    /// Forgets the frames that are under way: there is no cable any more, and `completed` is all that
    /// will ever be.
    pub(crate) fn forget_in_flight(&self, completed: u32) {
        self.set_sent(completed);
    }

    fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    fn set_sent(&self, frames: u32) {
        self.sent.store(frames, Ordering::Relaxed);
    }

    /// How often the queue was woken after it was stopped.
    pub(crate) fn wakes(&self) -> u64 {
        self.wakes.load(Ordering::Relaxed)
    }

    /// Counts that it was woken.
    pub(crate) fn count_wake(&self) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a frame that was redirected to this queue's port and lost.
    pub(crate) fn count_redirect_drop(&self) {
        self.redirect_drops.fetch_add(1, Ordering::Relaxed);
    }

    /// Frames that were redirected to this queue's port and lost.
    pub(crate) fn redirect_drops(&self) -> u64 {
        self.redirect_drops.load(Ordering::Relaxed)
    }

    /// Frames that were lost.
    pub(super) fn drops(&self) -> u64 {
        sum([
            self.no_carrier_drops.get(),
            self.offloads.drops(),
            self.redirect_drops(),
        ])
    }
}

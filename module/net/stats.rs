// SPDX-License-Identifier: GPL-2.0

//! Counters, and what the stack asks a driver to report of them.
//!
//! C headers: [`include/uapi/linux/if_link.h`](srctree/include/uapi/linux/if_link.h),
//! [`include/net/netdev_queues.h`](srctree/include/net/netdev_queues.h)

use crate::bindings;
use core::sync::atomic::{
    AtomicU64,
    Ordering, //
};

/// A counter that anyone reads, and that one context at a time counts up ([`Self::add`]), or several at
/// once ([`Self::add_shared`]): for all of its counts the one or the other.
///
/// The former is for what is serialised already: the poll of a receive queue, the lock of a transmit
/// queue. Two contexts that count at once then lose counts, and nothing else.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// A counter at zero.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds `n`.
    #[inline]
    pub fn add(&self, n: u64) {
        let count = self.0.load(Ordering::Relaxed);
        self.0.store(count.wrapping_add(n), Ordering::Relaxed);
    }

    /// Adds `n`, whoever else does so just now.
    #[inline]
    pub fn add_shared(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The count.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The sum of counters, which wrap around as each of them does.
pub fn sum(counts: impl IntoIterator<Item = u64>) -> u64 {
    counts.into_iter().fold(0, u64::wrapping_add)
}

/// Totals of a device, as `ip -s link` shows them. Bytes are counted from the Ethernet header on,
/// without a frame check sequence.
#[derive(Default)]
pub struct LinkStats {
    /// Frames handed to the host.
    pub rx_packets: u64,
    /// Bytes handed to the host.
    pub rx_bytes: u64,
    /// Frames that the host's side lost.
    pub rx_dropped: u64,
    /// Frames that are none for their length: all errors that there are.
    pub rx_length_errors: u64,
    /// Frames put on the cable.
    pub tx_packets: u64,
    /// Bytes put on the cable.
    pub tx_bytes: u64,
    /// Frames that could not be sent.
    pub tx_dropped: u64,
}

impl LinkStats {
    /// Adds what `other` has.
    pub fn add(&mut self, other: &Self) {
        self.rx_packets = sum([self.rx_packets, other.rx_packets]);
        self.rx_bytes = sum([self.rx_bytes, other.rx_bytes]);
        self.rx_dropped = sum([self.rx_dropped, other.rx_dropped]);
        self.rx_length_errors = sum([self.rx_length_errors, other.rx_length_errors]);
        self.tx_packets = sum([self.tx_packets, other.tx_packets]);
        self.tx_bytes = sum([self.tx_bytes, other.tx_bytes]);
        self.tx_dropped = sum([self.tx_dropped, other.tx_dropped]);
    }

    pub(crate) fn fill(&self, raw: &mut bindings::rtnl_link_stats64) {
        raw.rx_packets = self.rx_packets;
        raw.rx_bytes = self.rx_bytes;
        raw.rx_dropped = self.rx_dropped;
        raw.rx_errors = self.rx_length_errors;
        raw.rx_length_errors = self.rx_length_errors;
        raw.tx_packets = self.tx_packets;
        raw.tx_bytes = self.tx_bytes;
        raw.tx_dropped = self.tx_dropped;
    }
}

/// What a receive queue reports to `qstats-get`.
#[derive(Default)]
pub struct RxQueueStats {
    /// Frames handed to the host.
    pub packets: u64,
    /// Bytes handed to the host.
    pub bytes: u64,
    /// Frames lost because there was no memory for them.
    pub alloc_fail: u64,
    /// Frames that the device dropped.
    pub hw_drops: u64,
    /// Frames handed to the host with their sum (`CHECKSUM_COMPLETE`).
    pub csum_complete: u64,
    /// Frames handed to the host without a word about their checksum (`CHECKSUM_NONE`).
    pub csum_none: u64,
    /// Frames that were put together, of whose checksums the device has found that they are right.
    pub csum_unnecessary: u64,
    /// Super-frames handed to the host.
    pub hw_gro_packets: u64,
    /// Their bytes.
    pub hw_gro_bytes: u64,
    /// The frames on the wire that they stand for.
    pub hw_gro_wire_packets: u64,
    /// The bytes of those.
    pub hw_gro_wire_bytes: u64,
}

impl RxQueueStats {
    /// Adds what `other` has.
    pub fn add(&mut self, other: &Self) {
        self.packets = sum([self.packets, other.packets]);
        self.bytes = sum([self.bytes, other.bytes]);
        self.alloc_fail = sum([self.alloc_fail, other.alloc_fail]);
        self.hw_drops = sum([self.hw_drops, other.hw_drops]);
        self.csum_complete = sum([self.csum_complete, other.csum_complete]);
        self.csum_none = sum([self.csum_none, other.csum_none]);
        self.csum_unnecessary = sum([self.csum_unnecessary, other.csum_unnecessary]);
        self.hw_gro_packets = sum([self.hw_gro_packets, other.hw_gro_packets]);
        self.hw_gro_bytes = sum([self.hw_gro_bytes, other.hw_gro_bytes]);
        self.hw_gro_wire_packets = sum([self.hw_gro_wire_packets, other.hw_gro_wire_packets]);
        self.hw_gro_wire_bytes = sum([self.hw_gro_wire_bytes, other.hw_gro_wire_bytes]);
    }

    pub(crate) fn fill(&self, raw: &mut bindings::netdev_queue_stats_rx) {
        raw.packets = self.packets;
        raw.bytes = self.bytes;
        raw.alloc_fail = self.alloc_fail;
        raw.hw_drops = self.hw_drops;
        raw.csum_complete = self.csum_complete;
        // The two are counted one after the other, while a CPU reads them.
        raw.csum_none = self.csum_none;
        // What a device says of others is turned into `CHECKSUM_COMPLETE`.
        raw.csum_unnecessary = self.csum_unnecessary;
        raw.hw_gro_packets = self.hw_gro_packets;
        raw.hw_gro_bytes = self.hw_gro_bytes;
        raw.hw_gro_wire_packets = self.hw_gro_wire_packets;
        raw.hw_gro_wire_bytes = self.hw_gro_wire_bytes;
    }
}

/// What a transmit queue reports to `qstats-get`.
#[derive(Default)]
pub struct TxQueueStats {
    /// Frames put on the cable.
    pub packets: u64,
    /// Bytes put on the cable.
    pub bytes: u64,
    /// Frames that could not be sent.
    pub hw_drops: u64,
    /// Of those put on the cable: the device has filled in a checksum, or has made the frame of a
    /// larger one.
    pub needs_csum: u64,
    /// Super-frames that the device has cut.
    pub hw_gso_packets: u64,
    /// Their bytes.
    pub hw_gso_bytes: u64,
    /// The frames that it has made of them.
    pub hw_gso_wire_packets: u64,
    /// The bytes of those.
    pub hw_gso_wire_bytes: u64,
    /// How often the queue was stopped because a ring was full.
    pub stop: u64,
    /// How often it was woken after that.
    pub wake: u64,
}

impl TxQueueStats {
    /// Adds what `other` has.
    pub fn add(&mut self, other: &Self) {
        self.packets = sum([self.packets, other.packets]);
        self.bytes = sum([self.bytes, other.bytes]);
        self.hw_drops = sum([self.hw_drops, other.hw_drops]);
        self.needs_csum = sum([self.needs_csum, other.needs_csum]);
        self.hw_gso_packets = sum([self.hw_gso_packets, other.hw_gso_packets]);
        self.hw_gso_bytes = sum([self.hw_gso_bytes, other.hw_gso_bytes]);
        self.hw_gso_wire_packets = sum([self.hw_gso_wire_packets, other.hw_gso_wire_packets]);
        self.hw_gso_wire_bytes = sum([self.hw_gso_wire_bytes, other.hw_gso_wire_bytes]);
        self.stop = sum([self.stop, other.stop]);
        self.wake = sum([self.wake, other.wake]);
    }

    pub(crate) fn fill(&self, raw: &mut bindings::netdev_queue_stats_tx) {
        raw.packets = self.packets;
        raw.bytes = self.bytes;
        raw.hw_drops = self.hw_drops;
        raw.needs_csum = self.needs_csum;
        // The two are counted one after the other, while a CPU reads them.
        raw.csum_none = self.packets.saturating_sub(self.needs_csum);
        raw.hw_gso_packets = self.hw_gso_packets;
        raw.hw_gso_bytes = self.hw_gso_bytes;
        raw.hw_gso_wire_packets = self.hw_gso_wire_packets;
        raw.hw_gso_wire_bytes = self.hw_gso_wire_bytes;
        raw.stop = self.stop;
        raw.wake = self.wake;
    }
}

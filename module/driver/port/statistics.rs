// SPDX-License-Identifier: GPL-2.0

//! What a port reports of its queues to the stack: what the card counts, and what the driver does.

use super::{
    Port,
    RxQueue,
    TxQueue, //
};
use device::queue;
use engine::exec::{
    TcVerdict,
    XdpVerdict, //
};
use net::stats::{
    sum,
    LinkStats,
    RxQueueStats,
    TxQueueStats, //
};

/// A receive queue, on the card and in the driver.
#[derive(Clone, Copy)]
pub(crate) struct Rx<'a> {
    pub(crate) card: &'a queue::RxQueue,
    pub(crate) host: &'a RxQueue,
}

/// A transmit queue, on the card and in the driver.
#[derive(Clone, Copy)]
struct Tx<'a> {
    card: &'a queue::TxQueue,
    host: &'a TxQueue,
}

impl Rx<'_> {
    /// Lost: no memory for the frame on the host.
    pub(crate) fn no_buffer_drops(self) -> u64 {
        sum([
            self.card.no_buffer_drops.get(),
            self.host.no_buffer_drops.get(),
        ])
    }

    /// Lost: too short.
    pub(crate) fn runt_drops(self) -> u64 {
        sum([self.card.runt_drops.get(), self.host.runt_drops.get()])
    }

    /// Frames that were lost after the device took them, or in its ring.
    fn drops(self) -> u64 {
        sum([
            self.card.drops(),
            self.host.no_buffer_drops.get(),
            self.host.runt_drops.get(),
            self.host.native.drops(),
        ])
    }

    /// Frames that were lost on the way back.
    fn bounce_drops(self) -> u64 {
        sum([self.card.bounce_drops(), self.host.native.tx_drops()])
    }

    /// Frames that went back to the cable that they came from.
    fn returned_packets(self) -> u64 {
        sum([
            self.card.bounced_packets.get(),
            self.host.native.sent_packets.get(),
        ])
    }

    fn returned_bytes(self) -> u64 {
        sum([
            self.card.bounced_bytes.get(),
            self.host.native.sent_bytes.get(),
        ])
    }

    fn link_stats(self) -> LinkStats {
        LinkStats {
            rx_packets: self.host.packets.get(),
            rx_bytes: self.host.bytes.get(),
            rx_dropped: self.drops(),
            rx_length_errors: self.card.too_long_drops.get(),
            tx_packets: self.returned_packets(),
            tx_bytes: self.returned_bytes(),
            tx_dropped: self.bounce_drops(),
        }
    }

    fn stats(self) -> RxQueueStats {
        let (card, host) = (self.card, self.host);
        RxQueueStats {
            packets: host.packets.get(),
            bytes: host.bytes.get(),
            alloc_fail: sum([self.no_buffer_drops(), host.native.no_buffer_drops.get()]),
            csum_complete: host.checksum_complete.get(),
            csum_none: host.checksum_none.get(),
            csum_unnecessary: sum([
                host.whole.wire_packets.get(),
                host.lro.wire_packets.get(),
                host.gro_prog.wire_packets.get(),
            ]),
            hw_gro_packets: host.whole.packets.get(),
            hw_gro_bytes: host.whole.bytes.get(),
            hw_gro_wire_packets: host.whole.wire_packets.get(),
            hw_gro_wire_bytes: host.whole.wire_bytes.get(),
            hw_drops: sum([
                self.drops(),
                card.too_long_drops.get(),
                card.programs.xdp.packets(XdpVerdict::Drop),
                card.programs.xdp.packets(XdpVerdict::Aborted),
                card.programs.tc.packets(TcVerdict::Shot),
            ]),
        }
    }
}

impl Tx<'_> {
    fn packets(self) -> u64 {
        sum([self.host.packets.get(), self.card.redirected_packets.get()])
    }

    fn bytes(self) -> u64 {
        sum([self.host.bytes.get(), self.card.redirected_bytes.get()])
    }

    fn link_stats(self) -> LinkStats {
        LinkStats {
            tx_packets: self.packets(),
            tx_bytes: self.bytes(),
            tx_dropped: self.host.drops(),
            ..LinkStats::default()
        }
    }

    fn stats(self) -> TxQueueStats {
        let offloads = &self.host.offloads;
        TxQueueStats {
            packets: self.packets(),
            bytes: self.bytes(),
            hw_drops: self.host.drops(),
            needs_csum: sum([offloads.checksums.get(), offloads.gso_wire_packets.get()]),
            hw_gso_packets: offloads.gso_packets.get(),
            hw_gso_bytes: offloads.gso_bytes.get(),
            hw_gso_wire_packets: offloads.gso_wire_packets.get(),
            hw_gso_wire_bytes: offloads.gso_wire_bytes.get(),
            stop: self.host.stops.get(),
            wake: self.host.wakes(),
        }
    }
}

impl Port {
    /// The receive queues, those that are not in use as well.
    pub(crate) fn rx_queues(&self) -> impl Iterator<Item = Rx<'_>> {
        let pairs = self.hardware.rx().iter().zip(&self.rx);
        pairs.map(|(card, host)| Rx { card, host })
    }

    fn tx_queues(&self) -> impl Iterator<Item = Tx<'_>> {
        let pairs = self.hardware.tx().iter().zip(&self.tx);
        pairs.map(|(card, host)| Tx { card, host })
    }

    /// Totals of all queues.
    pub(crate) fn total(&self) -> LinkStats {
        let mut total = LinkStats::default();
        for rx in self.rx_queues() {
            total.add(&rx.link_stats());
        }
        for tx in self.tx_queues() {
            total.add(&tx.link_stats());
        }
        total
    }

    /// Counters of receive queue `queue`.
    pub(crate) fn rx_stats(&self, queue: u16) -> RxQueueStats {
        let rx = self.rx_queues().nth(queue.into());
        rx.map(Rx::stats).unwrap_or_default()
    }

    /// Counters of transmit queue `queue`.
    pub(crate) fn tx_stats(&self, queue: u16) -> TxQueueStats {
        let tx = self.tx_queues().nth(queue.into());
        let mut stats = tx.map(Tx::stats).unwrap_or_default();
        // What the device sends back goes out by the queue of the number that it came in by.
        if let Some(rx) = self.rx_queues().nth(queue.into()) {
            stats.packets = sum([stats.packets, rx.returned_packets()]);
            stats.bytes = sum([stats.bytes, rx.returned_bytes()]);
            stats.hw_drops = sum([stats.hw_drops, rx.bounce_drops()]);
        }
        stats
    }
}

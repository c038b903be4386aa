// SPDX-License-Identifier: GPL-2.0

//! What a port tells to `ethtool`.

use crate::port::{
    Port,
    Rx,
    TxQueue, //
};
use core::sync::atomic::{
    AtomicBool,
    Ordering, //
};
use engine::{
    exec::{
        TcVerdict,
        XdpVerdict, //
    },
    fault::FaultCause,
    steer, //
};
use kernel::{
    fmt,
    prelude::*, //
};
use net::{
    ethtool::{
        Channels,
        ErrorCorrection,
        Fec,
        FecStats,
        HeaderSplit,
        Moderation,
        Pause,
        PauseParameters,
        Pauses,
        PrivateFlags,
        RingSizes,
        Rings,
        Statistics, //
    },
    extack::Extack,
    napi::Coalescing,
    netdev::Rtnl,
    rcu,
    stats::sum,
};
use offload::transmit::{
    Reason,
    Work, //
};
use offload_uapi::{
    flags,
    limits::{
        MAX_COALESCED_FRAMES,
        MAX_COALESCED_USECS,
        MAX_HDS_THRESHOLD,
        MAX_RING,
        MIN_RING, //
    },
    stats, //
};

type Count<Queue> = (&'static str, fn(&Queue) -> u64);
type RxCount = (&'static str, fn(Rx<'_>) -> u64);

/// Counters of the port that are the sums of its receive queues'.
const RX_TOTALS: &[RxCount] = &[
    (stats::RX_DEVICE_FRAMES, |rx| rx.card.frames.get()),
    (stats::RX_DEVICE_BYTES, |rx| rx.card.bytes.get()),
    (stats::RX_NO_BUFFER_DROPS, |rx| rx.no_buffer_drops()),
    (stats::RX_RUNT_DROPS, |rx| rx.runt_drops()),
    (stats::RX_TOO_LONG_DROPS, |rx| rx.card.too_long_drops.get()),
    (stats::RX_UNPLANNED_DROPS, |rx| {
        rx.card.unplanned_drops.get()
    }),
    (stats::RX_CSUM_COMPLETE, |rx| {
        rx.host.checksum_complete.get()
    }),
    (stats::RX_CSUM_NONE, |rx| rx.host.checksum_none.get()),
    (stats::RX_HASHES_WITHHELD, |rx| {
        rx.card.withheld_hashes.get()
    }),
    (stats::RX_HW_VLAN_TAGS, |rx| rx.host.vlan_tags.get()),
    (stats::RX_HDS_PACKETS, |rx| rx.host.hds_packets.get()),
    (stats::RX_HW_GRO_PACKETS, |rx| rx.host.whole.packets.get()),
    (stats::RX_HW_GRO_BYTES, |rx| rx.host.whole.bytes.get()),
    (stats::RX_HW_GRO_WIRE_PACKETS, |rx| {
        rx.host.whole.wire_packets.get()
    }),
    (stats::RX_HW_GRO_WIRE_BYTES, |rx| {
        rx.host.whole.wire_bytes.get()
    }),
    (stats::RX_LRO_PACKETS, |rx| rx.host.lro.packets.get()),
    (stats::RX_LRO_BYTES, |rx| rx.host.lro.bytes.get()),
    (stats::RX_LRO_WIRE_PACKETS, |rx| {
        rx.host.lro.wire_packets.get()
    }),
    (stats::RX_LRO_WIRE_BYTES, |rx| rx.host.lro.wire_bytes.get()),
    (stats::RX_GRO_PROG_PACKETS, |rx| {
        rx.host.gro_prog.packets.get()
    }),
    (stats::RX_GRO_PROG_BYTES, |rx| rx.host.gro_prog.bytes.get()),
    (stats::RX_GRO_PROG_WIRE_PACKETS, |rx| {
        rx.host.gro_prog.wire_packets.get()
    }),
    (stats::RX_GRO_PROG_WIRE_BYTES, |rx| {
        rx.host.gro_prog.wire_bytes.get()
    }),
    (stats::RX_GRO_PROG_OVERRULED, |rx| {
        rx.card.gro_overruled.get()
    }),
    (stats::RX_HW_GRO_EVICTED, |rx| rx.card.gro_evicted.get()),
    (stats::RX_HW_GRO_TIMED_OUT, |rx| rx.card.gro_timed_out.get()),
    (stats::RX_HW_GRO_NO_BUFFER, |rx| rx.card.gro_no_buffer.get()),
    (stats::RX_DOWN_DROPS, |rx| rx.card.down_drops.get()),
    (stats::RX_RESIZE_DROPS, |rx| rx.card.resize_drops.get()),
    (stats::XDP_HW_QUEUE_CHANGES, |rx| rx.card.handed_over.get()),
    (stats::XDP_HW_QUEUE_RING_FULL_DROPS, |rx| {
        rx.card.handover_ring_full_drops.get()
    }),
    (stats::XDP_HW_QUEUE_OUT_OF_RANGE, |rx| {
        rx.card.misdirected.get()
    }),
    (stats::XDP_HW_TX_RING_FULL_DROPS, |rx| {
        rx.card.bounce_ring_full_drops.get()
    }),
    (stats::XDP_HW_TX_NO_CARRIER_DROPS, |rx| {
        rx.card.bounce_no_carrier_drops.get()
    }),
    (stats::XDP_HW_REDIRECT_NO_PORT_DROPS, |rx| {
        rx.card.xdp_redirects.no_port_drops.get()
    }),
    (stats::XDP_HW_REDIRECT_DOWN_DROPS, |rx| {
        rx.card.xdp_redirects.down_drops.get()
    }),
    (stats::XDP_HW_REDIRECT_TOO_LONG_DROPS, |rx| {
        rx.card.xdp_redirects.too_long_drops.get()
    }),
    (stats::XDP_HW_REDIRECT_RING_FULL_DROPS, |rx| {
        rx.card.xdp_redirects.ring_full_drops.get()
    }),
    (stats::TC_HW_REDIRECT_NO_PORT_DROPS, |rx| {
        rx.card.tc_redirects.no_port_drops.get()
    }),
    (stats::TC_HW_REDIRECT_DOWN_DROPS, |rx| {
        rx.card.tc_redirects.down_drops.get()
    }),
    (stats::TC_HW_REDIRECT_RING_FULL_DROPS, |rx| {
        rx.card.tc_redirects.ring_full_drops.get()
    }),
    (stats::XDP_NATIVE_PASS, |rx| rx.host.native.pass.get()),
    (stats::XDP_NATIVE_DROP, |rx| rx.host.native.drop.get()),
    (stats::XDP_NATIVE_TX, |rx| rx.host.native.tx.get()),
    (stats::XDP_NATIVE_REDIRECT, |rx| {
        rx.host.native.redirect.get()
    }),
    (stats::XDP_NATIVE_ABORTED, |rx| rx.host.native.aborted.get()),
    (stats::XDP_NATIVE_TX_RING_FULL_DROPS, |rx| {
        rx.host.native.tx_ring_full_drops.get()
    }),
    (stats::XDP_NATIVE_TX_NO_CARRIER_DROPS, |rx| {
        rx.host.native.tx_no_carrier_drops.get()
    }),
    (stats::XDP_NATIVE_REDIRECT_DROPS, |rx| {
        rx.host.native.redirect_drops.get()
    }),
    (stats::XDP_NATIVE_TOO_LONG_DROPS, |rx| {
        rx.host.native.too_long_drops.get()
    }),
    (stats::XDP_NATIVE_NO_BUFFER_DROPS, |rx| {
        rx.host.native.no_buffer_drops.get()
    }),
];

/// Why frames are for a queue.
const STEERED: &[steer::Reason] = &[
    steer::Reason::Hash,
    steer::Reason::Unhashed,
    steer::Reason::Rule,
    steer::Reason::Flow,
    steer::Reason::Program,
];

/// Why frames are for none.
const STEERED_NOWHERE: &[(&str, steer::Reason)] = &[
    (stats::RX_RULE_DROPPED, steer::Reason::Dropped),
    (stats::RX_FLOW_TYPE_DROPPED, steer::Reason::Discarded),
    (stats::RX_FILTERED, steer::Reason::Filtered),
    (stats::RX_VLAN_FILTERED, steer::Reason::OtherVlan),
];

/// What offloaded XDP programs say.
const XDP_VERDICTS: &[(&str, XdpVerdict)] = &[
    (stats::XDP_HW_PASS, XdpVerdict::Pass),
    (stats::XDP_HW_DROP, XdpVerdict::Drop),
    (stats::XDP_HW_TX, XdpVerdict::Tx),
    (stats::XDP_HW_REDIRECT, XdpVerdict::Redirect),
    (stats::XDP_HW_ABORTED, XdpVerdict::Aborted),
];

/// What offloaded classifiers say.
const TC_VERDICTS: &[(&str, TcVerdict)] = &[
    (stats::TC_HW_OK, TcVerdict::Ok),
    (stats::TC_HW_UNSPEC, TcVerdict::Unspec),
    (stats::TC_HW_SHOT, TcVerdict::Shot),
    (stats::TC_HW_STOLEN, TcVerdict::Stolen),
    (stats::TC_HW_TRAP, TcVerdict::Trap),
    (stats::TC_HW_REDIRECT, TcVerdict::Redirect),
];

/// Counters of the port that are the sums of its transmit queues'.
const TX_TOTALS: &[Count<TxQueue>] = &[
    (stats::TX_NO_CARRIER_DROPS, |tx| tx.no_carrier_drops.get()),
    (stats::TX_HW_CHECKSUMS, |tx| tx.offloads.checksums.get()),
    (stats::TX_HW_GSO_PACKETS, |tx| tx.offloads.gso_packets.get()),
    (stats::TX_HW_GSO_BYTES, |tx| tx.offloads.gso_bytes.get()),
    (stats::TX_HW_GSO_WIRE_PACKETS, |tx| {
        tx.offloads.gso_wire_packets.get()
    }),
    (stats::TX_HW_GSO_WIRE_BYTES, |tx| {
        tx.offloads.gso_wire_bytes.get()
    }),
    (stats::TX_HW_VLAN_TAGS, |tx| tx.offloads.vlan_tags.get()),
    (stats::TX_VLAN_DROPS, |tx| tx.offloads.vlan_drops.get()),
    (stats::TX_CSUM_DROPS, |tx| tx.offloads.checksum_drops.get()),
    (stats::TX_GSO_DROPS, |tx| {
        tx.offloads.segmentation_drops.get()
    }),
    (stats::TX_GSO_RING_FULL_DROPS, |tx| {
        tx.offloads.segments_ring_full_drops.get()
    }),
    (stats::TX_REDIRECT_DROPS, |tx| tx.redirect_drops()),
    (stats::TX_QUEUE_STOPS, |tx| tx.stops.get()),
    (stats::TX_QUEUE_WAKES, |tx| tx.wakes()),
];

/// What software does for the device.
const TX_SOFTWARE: &[(&str, Work)] = &[
    (stats::TX_SW_CSUM_PREFIX, Work::Checksum),
    (stats::TX_SW_GSO_PREFIX, Work::Segmentation),
];

impl Rings for Port {
    const MAX_RINGS: RingSizes = RingSizes {
        rx: MAX_RING,
        tx: MAX_RING,
    };
    const MAX_THRESHOLD: u32 = MAX_HDS_THRESHOLD;

    fn rings(&self) -> RingSizes {
        RingSizes {
            rx: self.hardware.rx_ring_size(),
            tx: self.hardware.tx_ring_size(),
        }
    }

    fn set_rings(
        &self,
        rings: RingSizes,
        split: HeaderSplit,
        extack: &Extack<'_>,
        _rtnl: &Rtnl<'_>,
    ) -> Result {
        for (name, size) in [("rx", rings.rx), ("tx", rings.tx)] {
            if size < MIN_RING {
                extack.fmt(fmt!(
                    "{name} ring of {size} is too small: the minimum is {MIN_RING}"
                ));
                return Err(EINVAL);
            }
        }
        let old = self.rings().rx;
        if let Err(error) = self.hardware.resize_rx(rings.rx) {
            extack.fmt(fmt!("no memory for rx rings of {}", rings.rx));
            // The old rings fitted a moment ago. One for which there is no memory any more stays at
            // the size that was asked for, and works as well.
            let _ = self.hardware.resize_rx(old);
            return Err(error);
        }
        self.hardware.set_tx_ring_size(rings.tx);
        self.splits.set(split.is_on.then_some(split.threshold));
        // What waits for room may have it now, at both ends.
        let guard = rcu::Guard::new();
        if let Some(peer) = self.hardware.peer(&guard) {
            for port in [self, peer] {
                port.complete_all();
            }
        }
        Ok(())
    }
}

impl Channels for Port {
    fn max_queues(&self) -> u16 {
        // CAST: A port was made with a `u16` of queues.
        self.rx.len() as u16
    }

    fn queues(&self) -> u16 {
        self.device.queues_in_use()
    }

    fn set_queues(&self, count: u16, rtnl: &Rtnl<'_>) -> Result {
        self.use_queues(count, rtnl)
    }
}

impl Moderation for Port {
    const MAX_USECS: u32 = MAX_COALESCED_USECS;
    const MAX_FRAMES: u32 = MAX_COALESCED_FRAMES;

    fn interrupts(&self) -> u16 {
        self.max_queues()
    }

    fn coalescing(&self, queue: u16) -> Option<Coalescing> {
        self.device.coalescing(queue)
    }

    fn set_coalescing(&self, queue: u16, coalescing: Coalescing, _rtnl: &Rtnl<'_>) {
        self.device.set_coalescing(queue, coalescing);
    }

    fn refused_coalescing(&self, queue: u16, why: fmt::Arguments<'_>, rtnl: &Rtnl<'_>) {
        if net::log::ratelimit() {
            pr_info!(
                "{}: coalescing of queue {queue} refused: {why}\n",
                self.device.name(rtnl)
            );
        }
    }
}

impl Pause for Port {
    /// A sender waits when the ring at the other end is full; that can't be switched off.
    fn pause(&self) -> PauseParameters {
        PauseParameters {
            autoneg: false,
            rx: true,
            tx: true,
        }
    }

    fn pauses(&self) -> Pauses {
        let stops = |port: &Self| sum(port.tx.iter().map(|tx| tx.stops.get()));
        let (sent, received) = (self.hardware.mac_sent(), self.hardware.mac_received());
        let guard = rcu::Guard::new();
        let peer_stops = self.hardware.peer(&guard).map_or(0, stops);
        // What holds a sender back is no frame. A PAUSE frame that software sends holds nobody back.
        Pauses {
            received: stops(self).wrapping_add(received.pauses()),
            sent: peer_stops.wrapping_add(sent.pauses()),
        }
    }
}

/// The link is modelled as one with RS(544,514), whose codewords carry 640 bytes of frames each, and
/// nothing between frames. A cable that is a queue in memory has no bit errors.
impl ErrorCorrection for Port {
    /// None, or as many as RS(544,514) can correct.
    const BINS: &'static [(u16, u16)] = &[(0, 0), (1, 15)];

    fn fec(&self) -> Fec {
        Fec::Rs
    }

    fn fec_stats(&self) -> FecStats {
        FecStats::default()
    }

    fn codewords(&self, bin: usize) -> u64 {
        /// 20 blocks of 257 bits, of which 256 are data: 514 symbols of 10 bits.
        const CODEWORD_BYTES: u64 = 20 * 256 / 8;
        if bin > 0 {
            return 0;
        }
        sum(self.hardware.rx().iter().map(|rx| rx.bytes.get())) / CODEWORD_BYTES
    }
}

impl PrivateFlags for Port {
    const PRIVATE_FLAGS: &'static [&'static str] = &[flags::RX_OVER_MTU, flags::RX_HASH_AS_STACK];

    fn private_flags(&self) -> u32 {
        let bit = |flag: &AtomicBool| u32::from(flag.load(Ordering::Relaxed));
        let flags = (0u32..).zip(private_flags(self));
        flags.fold(0, |set, (number, flag)| set | bit(flag) << number)
    }

    fn set_private_flags(&self, flags: u32, _rtnl: &Rtnl<'_>) -> Result {
        for (number, flag) in (0u32..).zip(private_flags(self)) {
            flag.store(flags >> number & 1 != 0, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Where the private flags lie, in the order of their names.
fn private_flags(port: &Port) -> [&AtomicBool; Port::PRIVATE_FLAGS.len()] {
    [&port.takes_over_mtu, &port.hashes_as_stack]
}

impl Statistics for Port {
    fn visit_statistics(&self, visit: &mut dyn FnMut(fmt::Arguments<'_>, u64)) {
        for (name, count) in RX_TOTALS {
            visit(fmt!("{name}"), sum(self.rx_queues().map(count)));
        }
        let on_card = self.hardware.rx();
        for reason in STEERED {
            let count = sum(on_card.iter().map(|rx| rx.steered.get(*reason)));
            visit(fmt!("{}{}", stats::RX_STEERED_PREFIX, reason.name()), count);
        }
        for (name, reason) in STEERED_NOWHERE {
            visit(fmt!("{name}"), self.hardware.steered_nowhere.get(*reason));
        }
        visit(
            fmt!("{}", stats::RX_FLOW_NO_ROOM),
            self.hardware.flows_without_room.get(),
        );
        let gso = &self.hardware.gso;
        for (name, counter) in [
            (stats::TX_GSO_PROG_PACKETS, &gso.heard),
            (stats::TX_GSO_PROG_OVERRULED, &gso.overruled),
            (stats::TX_GSO_PROG_FAULTS, &gso.unsaid),
        ] {
            visit(fmt!("{name}"), counter.get());
        }
        for (name, verdict) in XDP_VERDICTS {
            let count = sum(on_card.iter().map(|rx| rx.programs.xdp.packets(*verdict)));
            visit(fmt!("{name}"), count);
        }
        for cause in FaultCause::ALL {
            let count = sum(on_card.iter().map(|rx| rx.programs.xdp.faults(cause)));
            visit(
                fmt!("{}{}", stats::XDP_HW_FAULT_PREFIX, cause.name()),
                count,
            );
        }
        for (name, verdict) in TC_VERDICTS {
            let count = sum(on_card.iter().map(|rx| rx.programs.tc.packets(*verdict)));
            visit(fmt!("{name}"), count);
        }
        for cause in FaultCause::ALL {
            let count = sum(on_card.iter().map(|rx| rx.programs.tc.faults(cause)));
            visit(fmt!("{}{}", stats::TC_HW_FAULT_PREFIX, cause.name()), count);
        }
        for (name, count) in TX_TOTALS {
            visit(fmt!("{name}"), sum(self.tx.iter().map(count)));
        }
        let redirected = self
            .hardware
            .tx()
            .iter()
            .map(|tx| tx.redirected_packets.get());
        visit(fmt!("{}", stats::TX_REDIRECTED_FRAMES), sum(redirected));
        for (prefix, work) in TX_SOFTWARE {
            for reason in Reason::ALL {
                let counts = self.tx.iter().map(|tx| tx.offloads.software(*work, reason));
                visit(fmt!("{prefix}{}", reason.name()), sum(counts));
            }
        }
        for (queue, rx) in self.rx.iter().enumerate() {
            visit(fmt!("rx{queue}_packets"), rx.packets.get());
            visit(fmt!("rx{queue}_bytes"), rx.bytes.get());
        }
        for (queue, rx) in on_card.iter().enumerate() {
            for reason in STEERED {
                let count = rx.steered.get(*reason);
                visit(fmt!("rx{queue}_steered_{}", reason.name()), count);
            }
        }
        for (queue, tx) in self.tx.iter().enumerate() {
            visit(fmt!("tx{queue}_packets"), tx.packets.get());
            visit(fmt!("tx{queue}_bytes"), tx.bytes.get());
        }
    }
}

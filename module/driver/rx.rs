// SPDX-License-Identifier: GPL-2.0

//! Receive: from the cable through the device to the stack.

mod classify;
mod poll;
mod split;
mod transmit;
mod whole;
mod wire;

use crate::{
    fault::FaultLog,
    loaded::LoadedProgram,
    memory::{
        DeviceMemory,
        KernelMemory, //
    },
    native::NativeCounters,
    port::Port,
    profile::Profile,
    ration,
    redirect::Redirects,
    runs::Since,
    tc::Classifier,
    tx::{
        Taken,
        FROM_DEVICE, //
    }, //
};
use engine::{
    exec::{
        Core,
        TcVerdict,
        XdpVerdict, //
    },
    pipeline::{
        TcCounters,
        XdpCounters, //
    },
};
use kernel::prelude::*;
use net::{
    machine,
    netdev::PollContext,
    rcu,
    ring::{
        Batch,
        FrameRing, //
    },
    stats::{
        sum,
        Counter,
        LinkStats,
        RxQueueStats,
        TxQueueStats, //
    },
    sync::with_bh_disabled,
    xdp::NativeProgram, //
};
pub(crate) use poll::Poll;
pub(crate) use transmit::wire_frames;
use whole::WholeCounters;

/// Bytes of an Ethernet header: a shorter frame is none.
pub(crate) const ETH_HLEN: usize = 14;

/// How many places of a ring a poll empties before it knows whether super-frames are in them.
const FIRST_BATCH: usize = 4;

/// A receive queue, as both ends of the cable see it. Its counters belong to its poll, but for what
/// is counted under RTNL.
pub(crate) struct RxQueue {
    /// Frames that are on the cable.
    pub(crate) ring: Pin<KBox<FrameRing>>,
    /// Frames that the device took from the cable.
    pub(crate) device_frames: Counter,
    /// Their bytes.
    pub(crate) device_bytes: Counter,
    /// What the device's XDP programs said.
    pub(crate) xdp: XdpCounters,
    /// What its classifiers said.
    pub(crate) tc: TcCounters,
    /// What the programs of the host said.
    pub(crate) native: NativeCounters,
    /// Frames handed to the host.
    pub(crate) packets: Counter,
    pub(crate) bytes: Counter,
    /// Frames that the device sent back (XDP_TX).
    pub(crate) bounced_packets: Counter,
    pub(crate) bounced_bytes: Counter,
    /// What is left of the last program that the device had to stop.
    pub(crate) faults: Pin<KBox<FaultLog>>,
    /// Lost: no memory for the frame on the host.
    pub(crate) no_buffer_drops: Counter,
    /// Lost: the transmit engine could not do what it had agreed to.
    pub(crate) unplanned_drops: Counter,
    /// Frames whose sum the host was told (`CHECKSUM_COMPLETE`).
    pub(crate) checksum_complete: Counter,
    /// Frames of whose checksum it was told nothing.
    pub(crate) checksum_none: Counter,
    /// Super-frames that stayed whole.
    pub(crate) whole: WholeCounters,
    /// Lost: shorter than an Ethernet header, or too short for a classifier.
    pub(crate) runt_drops: Counter,
    /// Lost on the way back: the far ring had no room.
    pub(crate) bounce_ring_full_drops: Counter,
    /// Lost on the way back: the other end of the cable is missing or down.
    pub(crate) bounce_no_carrier_drops: Counter,
    /// Frames for other ports (XDP_REDIRECT).
    pub(crate) xdp_redirects: Redirects,
    /// The same of classifiers (TC_ACT_REDIRECT).
    pub(crate) tc_redirects: Redirects,
    /// Lost: in the ring when the port went down. Counted under RTNL.
    pub(crate) down_drops: Counter,
    /// Lost: in the ring when it was made smaller. Counted under RTNL.
    pub(crate) resize_drops: Counter,
}

impl RxQueue {
    pub(crate) fn new(ring_size: u32) -> Result<Self> {
        Ok(Self {
            ring: KBox::pin_init(FrameRing::new(ring_size), GFP_KERNEL)?,
            device_frames: Counter::new(),
            device_bytes: Counter::new(),
            xdp: XdpCounters::default(),
            tc: TcCounters::default(),
            native: NativeCounters::default(),
            packets: Counter::new(),
            bytes: Counter::new(),
            bounced_packets: Counter::new(),
            bounced_bytes: Counter::new(),
            faults: KBox::pin_init(FaultLog::new(), GFP_KERNEL)?,
            no_buffer_drops: Counter::new(),
            unplanned_drops: Counter::new(),
            checksum_complete: Counter::new(),
            checksum_none: Counter::new(),
            whole: WholeCounters::default(),
            runt_drops: Counter::new(),
            bounce_ring_full_drops: Counter::new(),
            bounce_no_carrier_drops: Counter::new(),
            xdp_redirects: Redirects::default(),
            tc_redirects: Redirects::default(),
            down_drops: Counter::new(),
            resize_drops: Counter::new(),
        })
    }

    /// Frames that were lost after the device took them, or in its ring.
    fn drops(&self) -> u64 {
        sum([
            self.no_buffer_drops.get(),
            self.unplanned_drops.get(),
            self.runt_drops.get(),
            self.down_drops.get(),
            self.resize_drops.get(),
            self.native.drops(),
            self.xdp_redirects.drops(),
            self.tc_redirects.drops(),
        ])
    }

    /// Frames that left again without the stack: the device or a program of the host has sent them.
    fn sent_by_programs(&self) -> u64 {
        sum([
            self.bounced_packets.get(),
            self.xdp_redirects.packets.get(),
            self.tc_redirects.packets.get(),
            self.native.sent_packets.get(),
            self.native.redirect.get(),
        ])
    }

    /// Frames that were lost on the way back.
    fn bounce_drops(&self) -> u64 {
        sum([
            self.bounce_ring_full_drops.get(),
            self.bounce_no_carrier_drops.get(),
            self.native.tx_drops(),
        ])
    }

    pub(crate) fn link_stats(&self) -> LinkStats {
        LinkStats {
            rx_packets: self.packets.get(),
            rx_bytes: self.bytes.get(),
            rx_dropped: self.drops(),
            tx_packets: self.returned_packets(),
            tx_bytes: self.returned_bytes(),
            tx_dropped: self.bounce_drops(),
        }
    }

    /// Frames that went back to the cable that they came from.
    fn returned_packets(&self) -> u64 {
        sum([self.bounced_packets.get(), self.native.sent_packets.get()])
    }

    fn returned_bytes(&self) -> u64 {
        sum([self.bounced_bytes.get(), self.native.sent_bytes.get()])
    }

    /// Adds what went back without the stack to what a transmit queue reports.
    pub(crate) fn add_bounced_to(&self, stats: &mut TxQueueStats) {
        stats.packets = sum([stats.packets, self.returned_packets()]);
        stats.bytes = sum([stats.bytes, self.returned_bytes()]);
        stats.hw_drops = sum([stats.hw_drops, self.bounce_drops()]);
    }

    pub(crate) fn stats(&self) -> RxQueueStats {
        RxQueueStats {
            packets: self.packets.get(),
            bytes: self.bytes.get(),
            alloc_fail: self.no_buffer_drops.get(),
            csum_complete: self.checksum_complete.get(),
            csum_none: self.checksum_none.get(),
            hw_gro_packets: self.whole.packets.get(),
            hw_gro_bytes: self.whole.bytes.get(),
            hw_gro_wire_packets: self.whole.wire_packets.get(),
            hw_gro_wire_bytes: self.whole.wire_bytes.get(),
            hw_drops: sum([
                self.drops(),
                self.xdp.packets(XdpVerdict::Drop),
                self.xdp.packets(XdpVerdict::Aborted),
                self.tc.packets(TcVerdict::Shot),
            ]),
        }
    }
}

/// What the device runs for each frame.
#[derive(Clone, Copy)]
enum Running<'a> {
    Nothing,
    Xdp(&'a LoadedProgram),
    Classifier(&'a Classifier),
}

impl<'a> Running<'a> {
    /// The program, of whatever type.
    fn program(self) -> Option<&'a LoadedProgram> {
        match self {
            Running::Nothing => None,
            Running::Xdp(program) => Some(program),
            Running::Classifier(classifier) => Some(classifier.program()),
        }
    }
}

/// What the device finds out about the checksums of received frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RxChecksums {
    /// Nothing.
    None,
    /// The sum of all bytes.
    Complete,
    /// Whether that of TCP or UDP is right.
    Verified,
}

/// The device core of a receive queue: what executes programs for it. Belongs to the queue's poll.
pub(crate) struct RxCore(Core<KernelMemory>);

impl RxCore {
    /// Process context.
    pub(crate) fn new(memory: &DeviceMemory) -> Result<Self> {
        Core::new(&memory.source(), memory.limits())
            .map(Self)
            .map_err(|_| ENOMEM)
    }
}

impl Port {
    /// The receive queue for what transmit queue `queue` of the other end sends, and its number.
    #[inline]
    pub(crate) fn rx_queue_for(&self, queue: u16) -> Option<(u16, &RxQueue)> {
        let queue = queue.checked_rem(self.device.queues_in_use())?;
        Some((queue, self.rx.get(usize::from(queue))?))
    }

    /// What the device finds out now about checksums, and the user wants to be told.
    fn rx_checksums(&self) -> RxChecksums {
        if !self.device.receives_checksums() {
            return RxChecksums::None;
        }
        match self.profile() {
            Profile::Programmable => RxChecksums::Complete,
            Profile::Legacy | Profile::LegacyUnchecked => RxChecksums::Verified,
            Profile::None => RxChecksums::None,
        }
    }

    /// What the device runs now, and what the host runs for the frames that it hands up, for as long
    /// as `guard` is held.
    ///
    /// Whether the one replaces the other is a property of what lies in the slot, so that no frame
    /// meets neither: who empties the one slot when the other was filled has waited for all frames
    /// to see that.
    fn programs<'a>(&'a self, guard: &'a rcu::Guard) -> (Running<'a>, Option<&'a NativeProgram>) {
        let native = self.xdp_native.load(guard);
        if let Some(active) = self.xdp_hw.load(guard) {
            let native = native.filter(|_| !active.replaces_native());
            (Running::Xdp(active.program()), native)
        } else if let Some(classifier) = self.tc_hw.load(guard) {
            (Running::Classifier(classifier), native)
        } else {
            (Running::Nothing, native)
        }
    }

    /// Takes frames from the cable, up to the budget, and returns how many.
    pub(crate) fn receive(
        &self,
        queue: u16,
        core: &mut RxCore,
        context: &PollContext<'_>,
    ) -> usize {
        let Some(rx) = self.rx.get(usize::from(queue)) else {
            return 0;
        };
        let guard = rcu::Guard::new();
        let peer = self.peer.load(&guard);
        let (program, native) = self.programs(&guard);
        let mut poll = Poll {
            port: self,
            queue,
            rx,
            program,
            native,
            checksums: self.rx_checksums(),
            whole: None,
            context,
            guard: &guard,
        };
        poll.whole = poll.keeps_whole();
        let runs = poll
            .program
            .program()
            .map(|program| (program.runs(), Since::now(program.kind(), rx)));
        let began = machine::ktime_get_ns();
        let sent = rx.sent_by_programs();
        let mut from_device = false;
        let mut taken = Taken::default();
        let mut done: usize = 0;
        let mut places = FIRST_BATCH;
        while done < context.budget() {
            let left = context.budget().saturating_sub(done);
            let frames = rx.ring.pop_batch(places.min(left));
            if frames.is_empty() {
                break;
            }
            let singles = frames.len().saturating_add(done);
            for skb in frames.flatten() {
                from_device |= skb.queue() == FROM_DEVICE;
                if let Some(peer) = peer {
                    taken.add(skb.queue(), 1, peer);
                }
                done = done.saturating_add(poll.take(skb, core));
            }
            // What is taken out must be dealt with, and where there is one super-frame there are more.
            places = if done > singles { 1 } else { Batch::MAX };
        }
        // A frame that becomes several is not left half way.
        let done = done.min(context.budget());
        if let Some((runs, since)) = runs {
            since.count(rx, runs);
        }
        if from_device && rx.sent_by_programs() != sent {
            // Frames go to and fro, and would for ever: leave the CPU most of the time.
            context.rest(ration::rest(began, machine::ktime_get_ns()));
        }
        if done > 0 {
            if let Some(peer) = peer {
                taken.note(peer);
                peer.resume(self, queue);
            }
        }
        done
    }

    /// Empties the rings. Nobody may be filling them; RTNL is held.
    pub(crate) fn flush(&self) {
        self.empty_rings(0, |rx| &rx.down_drops);
    }

    /// Empties the rings of the queues that are not in use. Nobody may be filling them; RTNL is held.
    pub(crate) fn flush_unused(&self) {
        self.empty_rings(self.device.queues_in_use().into(), |rx| &rx.resize_drops);
    }

    /// Empties the rings from number `first` on. What was in them is counted as lost.
    fn empty_rings(&self, first: usize, lost: fn(&RxQueue) -> &Counter) {
        let guard = rcu::Guard::new();
        let peer = self.peer.load(&guard);
        for (rx, queue) in self.rx.iter().zip(0u16..).skip(first) {
            while let Some(frames) = with_bh_disabled(|| rx.ring.pop()) {
                for skb in frames {
                    lost(rx).add(wire_frames(&skb));
                    if let Some(peer) = peer {
                        peer.note_completed(skb.queue(), 1);
                    }
                }
            }
            if let Some(peer) = peer {
                with_bh_disabled(|| peer.resume(self, queue));
            }
        }
    }
}

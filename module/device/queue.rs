// SPDX-License-Identifier: GPL-2.0

//! The queues of a port: where frames wait, and what the device counts of them.

use crate::{
    fault::FaultLog,
    host::MAX_QUEUES,
    lane::{
        Lane,
        Passed, //
    },
    mac,
    memory::DeviceMemory,
    redirects::Redirects,
    steering::Steered,
    work::Work, //
};
use core::sync::atomic::{
    AtomicBool,
    AtomicU32,
    AtomicU64,
    Ordering, //
};
use engine::{
    descriptor::TxDescriptor,
    mac::Burst,
    pipeline::Counters,
    transmit::GsoCounts, //
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed, //
    }, //
};
use net::{
    handover::HandoverRing,
    ring::FrameRing,
    stats::{
        sum,
        Counter, //
    },
    sync::{
        memory_barrier,
        Claim, //
    }, //
};

/// A receive queue, as both ends of the cable see it. Its counters belong to whoever has claimed what
/// works on its frames, but for what is counted while nobody polls.
pub struct RxQueue {
    /// What works on its frames.
    pub(crate) work: Claim<Work>,
    /// Frames that are on the cable, each with what its sender's driver has told of it.
    pub(crate) ring: Pin<KBox<FrameRing<TxDescriptor>>>,
    /// Those among them that may go to and fro for ever.
    pub(crate) bouncing: Pin<KBox<FrameRing<TxDescriptor>>>,
    /// Frames behind their program, from other queues of the port.
    pub(crate) handed: Pin<KBox<HandoverRing<Passed>>>,
    /// The transmit queues at the other end that wait for room in the first ring.
    pub(crate) waiting: Waiting,
    /// What is left of the last program that the device had to stop.
    pub faults: Pin<KBox<FaultLog>>,
    /// How the frames that were put into the rings came here.
    pub steered: Steered,
    /// Frames that the device took from the cable.
    pub frames: Counter,
    /// Their bytes.
    pub bytes: Counter,
    /// What the device's programs said.
    pub programs: Counters,
    /// Frames that the device sent back (XDP_TX).
    pub bounced_packets: Counter,
    /// Their bytes.
    pub bounced_bytes: Counter,
    /// What the MAC has sent of what came in here and was sent back, by the device or by the host.
    pub(crate) returned_mac: mac::Sent,
    /// Lost on the way back: the far ring had no room.
    pub bounce_ring_full_drops: Counter,
    /// Lost on the way back: the other end of the cable is missing or down.
    pub bounce_no_carrier_drops: Counter,
    /// Frames for other ports (XDP_REDIRECT).
    pub xdp_redirects: Redirects,
    /// The same of classifiers (TC_ACT_REDIRECT).
    pub tc_redirects: Redirects,
    /// Lost: the host had no memory for the frame.
    pub no_buffer_drops: Counter,
    /// Lost: the transmit engine could not do what it had agreed to.
    pub unplanned_drops: Counter,
    /// Lost: shorter than an Ethernet header, or too short for a classifier.
    pub runt_drops: Counter,
    /// Lost, and not among those that the device took: longer than the port takes.
    pub too_long_drops: Counter,
    /// Frames that a program has made those of another queue, by choice or by what it has changed.
    pub handed_over: Counter,
    /// Of those, lost: that queue had no room.
    pub handover_ring_full_drops: Counter,
    /// Frames that were handed up without the hash that the host had wanted, as it does not believe the
    /// parser.
    pub withheld_hashes: Counter,
    /// Frames, single ones and such as were put together, that went up to make room for another flow.
    pub gro_evicted: Counter,
    /// Those that went up as nothing came for too long.
    pub gro_timed_out: Counter,
    /// Frames that went up alone as there was no memory to put them behind others.
    pub gro_no_buffer: Counter,
    /// Frames for which a GRO program wanted more than may be.
    pub gro_overruled: Counter,
    /// Frames for which a program has chosen a queue that is not in use.
    pub misdirected: Counter,
    /// Lost: in the ring when the port went down.
    pub down_drops: Counter,
    /// Lost: in the ring when it was made smaller, or the queue went out of use.
    pub resize_drops: Counter,
}

impl RxQueue {
    pub(crate) fn new(memory: &DeviceMemory, ring_size: u32) -> impl Init<Self, Error> + '_ {
        // In place: it is too long for a stack.
        try_init!(Self {
            work: Claim::new(Work::new(memory)?),
            ring: KBox::pin_init(FrameRing::new(ring_size), GFP_KERNEL)?,
            bouncing: KBox::pin_init(FrameRing::new(ring_size), GFP_KERNEL)?,
            handed: KBox::pin_init(HandoverRing::new(ring_size), GFP_KERNEL)?,
            waiting: Waiting::new(),
            faults: KBox::pin_init(FaultLog::new(), GFP_KERNEL)?,
            steered: Steered::new(),
            frames: Counter::new(),
            bytes: Counter::new(),
            programs: Counters::default(),
            bounced_packets: Counter::new(),
            bounced_bytes: Counter::new(),
            returned_mac: mac::Sent::new(),
            bounce_ring_full_drops: Counter::new(),
            bounce_no_carrier_drops: Counter::new(),
            xdp_redirects: Redirects::default(),
            tc_redirects: Redirects::default(),
            no_buffer_drops: Counter::new(),
            unplanned_drops: Counter::new(),
            runt_drops: Counter::new(),
            too_long_drops: Counter::new(),
            handed_over: Counter::new(),
            handover_ring_full_drops: Counter::new(),
            withheld_hashes: Counter::new(),
            gro_evicted: Counter::new(),
            gro_timed_out: Counter::new(),
            gro_no_buffer: Counter::new(),
            gro_overruled: Counter::new(),
            misdirected: Counter::new(),
            down_drops: Counter::new(),
            resize_drops: Counter::new(),
        })
    }

    /// The ring in which the frames of `lane` are.
    #[inline]
    pub(crate) fn ring(&self, lane: Lane) -> &FrameRing<TxDescriptor> {
        match lane {
            Lane::Ordinary => &self.ring,
            Lane::Bouncing => &self.bouncing,
        }
    }

    /// Frames that were lost after the device took them, or in a ring, though nobody has said so.
    pub fn drops(&self) -> u64 {
        sum([
            self.no_buffer_drops.get(),
            self.unplanned_drops.get(),
            self.runt_drops.get(),
            self.handover_ring_full_drops.get(),
            self.down_drops.get(),
            self.resize_drops.get(),
            self.xdp_redirects.drops(),
            self.tc_redirects.drops(),
        ])
    }

    /// Frames that left the device again by a cable.
    pub(crate) fn sent(&self) -> u64 {
        sum([
            self.bounced_packets.get(),
            self.xdp_redirects.packets.get(),
            self.tc_redirects.packets.get(),
        ])
    }

    /// Frames that were lost on the way back.
    pub fn bounce_drops(&self) -> u64 {
        sum([
            self.bounce_ring_full_drops.get(),
            self.bounce_no_carrier_drops.get(),
        ])
    }
}

/// How often GSO programs were heard, in the device and in the driver. Several count at once.
#[derive(Default)]
pub struct SegmentCounters {
    /// Segments of which the headers are as a program has them.
    pub heard: Counter,
    /// Those for which one has written something else than may be.
    pub overruled: Counter,
    /// Those for which one has said nothing.
    pub unsaid: Counter,
}

impl SegmentCounters {
    /// Adds what became of a super-frame. Any context.
    pub fn add(&self, counts: GsoCounts) {
        for (counter, count) in [
            (&self.heard, counts.heard),
            (&self.overruled, counts.overruled),
            (&self.unsaid, counts.unsaid),
        ] {
            if count != 0 {
                counter.add_shared(count.into());
            }
        }
    }
}

/// A set of transmit queues of the port at the other end.
pub(crate) struct Waiting([AtomicU64; WORDS]);

const WORDS: usize = (MAX_QUEUES as usize).div_ceil(u64::BITS as usize);

impl Waiting {
    const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; WORDS])
    }

    /// Adds `queue`. Whoever makes room after that, with a barrier between, finds it.
    pub(crate) fn add(&self, queue: u16) {
        let (word, bit) = (u32::from(queue) / u64::BITS, u32::from(queue) % u64::BITS);
        if let Some(word) = self.0.get(word as usize) {
            word.fetch_or(1 << bit, Ordering::Relaxed);
        }
    }

    /// Empties the set, and gives `each` what was in it.
    #[inline]
    pub(crate) fn take(&self, mut each: impl FnMut(u16)) {
        for (word, first) in self.0.iter().zip((0u16..).step_by(u64::BITS as usize)) {
            if word.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let mut queues = word.swap(0, Ordering::Relaxed);
            while queues != 0 {
                // CAST: The number of a bit.
                each(first.saturating_add(queues.trailing_zeros() as u16));
                queues &= queues.wrapping_sub(1);
            }
        }
    }
}

/// A transmit queue: what the device tells the driver of it.
pub struct TxQueue {
    /// How many frames were taken from the cable at its far end, in all. Wraps around.
    completed: Atomic<u32>,
    /// How many of them the driver was told of.
    told: AtomicU32,
    /// Whether the driver wants an interrupt for the next of them: it keeps the stack waiting.
    is_awaited: AtomicBool,
    /// Frames that a program has this port send (XDP_REDIRECT): one in the device, of a port of the
    /// same card, or one of the host. Counted by several polls at once.
    pub redirected_packets: Counter,
    /// Their bytes.
    pub redirected_bytes: Counter,
    /// What the MAC has sent of those.
    pub(crate) redirected_mac: mac::Sent,
    /// What the MAC has sent of what the stack gave. Whoever holds the queue's lock counts.
    pub mac: mac::Sent,
}

impl TxQueue {
    pub(crate) const fn new() -> Self {
        Self {
            completed: Atomic::new(0),
            told: AtomicU32::new(0),
            is_awaited: AtomicBool::new(false),
            redirected_packets: Counter::new(),
            redirected_bytes: Counter::new(),
            redirected_mac: mac::Sent::new(),
            mac: mac::Sent::new(),
        }
    }

    /// Notes that `frames` were taken, and gives how many that are in all. A full memory barrier.
    #[inline]
    pub(crate) fn complete(&self, frames: u32) -> u32 {
        let before = self.completed.fetch_add(frames, Full);
        before.wrapping_add(frames)
    }

    /// Whether the driver is to learn at once of the frames that were taken, `completed` in all: because
    /// it waits, or because it does not know of more than `many`. To be asked behind [`Self::complete`].
    #[inline]
    pub(crate) fn is_due(&self, completed: u32, many: u32) -> bool {
        let untold = completed.wrapping_sub(self.told());
        untold > many || self.is_awaited()
    }

    /// How many frames the driver was told of that were taken, in all. Wraps around. It may be fewer
    /// for a moment while several are being told.
    #[inline]
    pub fn told(&self) -> u32 {
        self.told.load(Ordering::Relaxed)
    }

    /// Tells how many frames were taken since the last time. Several who ask at once may be told of
    /// the same ones. Any context.
    #[inline]
    pub fn tell(&self) -> u32 {
        let (completed, told) = (self.completed.load(Acquire), self.told());
        if completed != told {
            self.told.store(completed, Ordering::Relaxed);
        }
        completed.wrapping_sub(told)
    }

    /// Asks for an interrupt as soon as frames have been taken. Gives whether some have been, which
    /// may have been told by none.
    pub(crate) fn await_completions(&self) -> bool {
        self.is_awaited.store(true, Ordering::Relaxed);
        // Whoever takes frames notes that first and looks for this then; whichever of the two comes
        // late sees what the other one did.
        memory_barrier();
        self.completed.load(Relaxed) != self.told()
    }

    /// Whether completions are awaited.
    #[inline]
    pub fn is_awaited(&self) -> bool {
        self.is_awaited.load(Ordering::Relaxed)
    }

    /// Waits for completions no more. Gives whether this is who did: of several, one.
    pub fn stop_waiting(&self) -> bool {
        self.is_awaited.swap(false, Ordering::Relaxed)
    }

    /// Counts a frame that was redirected to this queue's port and sent: `burst` is that on the wire.
    pub(crate) fn count_redirected(&self, burst: &Burst) {
        self.redirected_packets.add_shared(burst.frames());
        self.redirected_bytes.add_shared(burst.bytes());
        self.redirected_mac.count_shared(burst);
    }
}

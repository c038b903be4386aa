// SPDX-License-Identifier: GPL-2.0

//! A port of a card: its queues, its slots for programs, and its end of the cable.

use crate::{
    card::Card,
    counts::Counting,
    damaged::DamagedSuperFrame,
    filter::Filter,
    host::Host,
    mac::Meter,
    memory::Tally,
    profile::Profile,
    queue::{
        RxQueue,
        SegmentCounters,
        TxQueue, //
    },
    slots::Slots,
    stamping::Stamping,
    steering::{
        FlowTable,
        Room,
        Steered,
        Steering, //
    },
    vlans::Vlans, //
};
use core::sync::atomic::{
    AtomicBool,
    AtomicU16,
    AtomicU32,
    Ordering, //
};
use engine::resources::Resource;
use kernel::{
    new_mutex,
    prelude::*,
    sync::Mutex, //
};
use net::{
    rcu,
    stats::Counter, //
};

/// A [`Host`] with a port of a card plugged in.
pub trait Plugged: Host {
    /// The card's side of the port.
    fn port(&self) -> &Port<Self>;
}

/// The most flows of a port that the host steers by itself.
pub const MAX_FLOWS: u32 = 4096;

/// A port of a card in the machine `H`.
pub struct Port<H: Host> {
    /// Number of the port on its card.
    pub index: u16,
    pub(crate) card: Card<H>,
    pub(crate) rx: KVec<KBox<RxQueue>>,
    pub(crate) tx: KVec<TxQueue>,
    /// How many of them take frames: the first ones.
    pub(crate) queues_in_use: AtomicU16,
    /// What each ring of a receive queue holds.
    pub(crate) rx_ring_size: AtomicU32,
    /// How many frames of a transmit queue may be under way.
    pub(crate) tx_ring_size: AtomicU32,
    /// Whether the port takes frames from the cable.
    is_up: AtomicBool,
    /// The port at the other end of the cable.
    pub(crate) peer: rcu::Slot<H>,
    /// What has come from there.
    pub(crate) meter: Pin<KBox<Mutex<Meter>>>,
    /// The programs that the device runs for each received frame.
    pub slots: Slots<H::Label>,
    /// Which frames the port takes.
    pub(crate) filter: Filter,
    /// Of which VLANs it takes them.
    pub(crate) vlans: Vlans,
    /// Which queue a frame is for.
    pub(crate) steering: rcu::Slot<Steering>,
    /// The flows that the host wants elsewhere than its tables say.
    pub(crate) flows: FlowTable,
    /// What those take of the card.
    pub(crate) flow_room: Tally,
    /// How often there was no room for one.
    pub flows_without_room: Counter,
    /// What steering takes of the card.
    pub(crate) room: Pin<KBox<Mutex<Room>>>,
    /// Frames that steering or the filter has dropped.
    pub steered_nowhere: Steered,
    /// What has become of what GSO programs have said of what the port sends.
    pub gso: SegmentCounters,
    /// Which frames are stamped.
    pub(crate) stamping: Stamping,
    /// What tests have fail of what is put together.
    pub damaged_super_frame: DamagedSuperFrame,
    /// What counts what the parser does for the port's frames, if the user wants that.
    pub(crate) counting: rcu::Slot<Counting>,
}

impl<H: Host> Port<H> {
    /// Makes port number `index` of `card`, with `queues` queue pairs whose rings hold `ring_size`
    /// frames, in its place. It has no cable, and takes no frames. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    #[inline(never)]
    pub fn new(
        card: Card<H>,
        index: u16,
        queues: u16,
        ring_size: u32,
    ) -> Result<impl Init<Self, Error>> {
        let mut rx = KVec::with_capacity(usize::from(queues), GFP_KERNEL)?;
        let mut tx = KVec::with_capacity(usize::from(queues), GFP_KERNEL)?;
        for _ in 0..queues {
            let queue = RxQueue::new(&card.memory, ring_size);
            rx.push(KBox::init(queue, GFP_KERNEL)?, GFP_KERNEL)?;
            tx.push(TxQueue::new(), GFP_KERNEL)?;
        }
        let flows = FlowTable::new(&card.memory.source(), MAX_FLOWS).map_err(|_| ENOMEM)?;
        // There is always enough left for nothing.
        let room = Room::new(&card.memory).map_err(|_| ENOMEM)?;
        let flow_room = card.memory.tally(Resource::Flows);
        // In place: it is too long for a stack.
        Ok(try_init!(Self {
            index,
            card,
            flows,
            flow_room,
            flows_without_room: Counter::new(),
            rx,
            tx,
            queues_in_use: AtomicU16::new(queues),
            rx_ring_size: AtomicU32::new(ring_size),
            tx_ring_size: AtomicU32::new(ring_size),
            is_up: AtomicBool::new(false),
            peer: rcu::Slot::empty(),
            meter: KBox::pin_init(new_mutex!(Meter::new(), "offload_nic_meter"), GFP_KERNEL)?,
            slots: Slots::empty(),
            filter: Filter::new(),
            vlans: Vlans::new()?,
            steering: rcu::Slot::empty(),
            room: KBox::pin_init(new_mutex!(room, "offload_nic_steering_room"), GFP_KERNEL)?,
            steered_nowhere: Steered::new(),
            gso: SegmentCounters::default(),
            stamping: Stamping::new(),
            damaged_super_frame: DamagedSuperFrame::none(),
            counting: rcu::Slot::empty(),
        }))
    }

    /// The card that it belongs to.
    pub fn card(&self) -> &Card<H> {
        &self.card
    }

    /// What kind of device it is now.
    #[inline]
    pub fn profile(&self) -> Profile {
        self.card.profile.get()
    }

    /// Its receive queues, those that are not in use as well.
    pub fn rx(&self) -> &[KBox<RxQueue>] {
        &self.rx
    }

    /// Its transmit queues, those that are not in use as well.
    pub fn tx(&self) -> &[TxQueue] {
        &self.tx
    }

    /// Transmit queue number `queue`.
    #[inline]
    pub fn tx_queue(&self, queue: u16) -> Option<&TxQueue> {
        self.tx.get(usize::from(queue))
    }

    /// What a ring of a receive queue holds.
    pub fn rx_ring_size(&self) -> u32 {
        self.rx_ring_size.load(Ordering::Relaxed)
    }

    /// How many frames of a transmit queue may be under way.
    pub fn tx_ring_size(&self) -> u32 {
        self.tx_ring_size.load(Ordering::Relaxed)
    }

    /// Lets so many frames of a transmit queue be under way from now on.
    pub fn set_tx_ring_size(&self, size: u32) {
        self.tx_ring_size.store(size, Ordering::Relaxed);
    }

    /// Has the port take frames from the cable, or refuse them from now on. Who saw it take them has
    /// put its frame into the ring after [`rcu::synchronize_net`].
    pub fn set_up(&self, is_up: bool) {
        self.is_up.store(is_up, Ordering::Release);
    }

    /// Whether the port takes frames.
    #[inline]
    pub fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Acquire)
    }
}

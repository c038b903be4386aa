// SPDX-License-Identifier: GPL-2.0

//! The poll of a receive queue: what each of its frames needs.

use crate::{
    host::Receive,
    lane::Lane,
    memory::{
        DeviceMemory,
        KernelMemory, //
    },
    port::{
        Plugged,
        Port, //
    },
    queue::RxQueue,
    slots::Running, //
};
use engine::{
    coalesce::GroLimits,
    descriptor::RxDescriptor,
    exec::Core,
    receive_checksum::RxChecksums, //
};
use kernel::prelude::*;
use net::{
    netdev::PollContext,
    rcu, //
};

/// Bytes of an Ethernet header: a shorter frame is none.
pub const ETH_HLEN: usize = 14;

/// The core of a receive queue: what executes programs for it. Belongs to the queue's poll.
pub struct RxCore(pub(super) Core<KernelMemory>);

impl RxCore {
    /// Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(memory: &DeviceMemory) -> Result<Self> {
        Core::new(&memory.source(), memory.limits())
            .map(Self)
            .map_err(|_| ENOMEM)
    }
}

/// What the driver has set the port up for.
pub struct Setup {
    /// What programs get to know the port by.
    pub ifindex: u32,
    /// The port's MAC address.
    pub address: [u8; 6],
    /// Whether the host wants to be told of checksums.
    pub checksums: bool,
    /// Whether the stack puts received frames together again.
    pub gro: bool,
    /// Which super-frames the device may hand up whole, if any.
    pub hardware_gro: Option<GroLimits>,
    /// Whether the host runs a program of its own for each frame, in memory of its own.
    pub host_program: bool,
}

/// The poll of one queue: what each of its frames needs.
pub(super) struct Poll<'a, H: Plugged> {
    pub(super) port: &'a Port<H>,
    pub(super) queue: u16,
    pub(super) rx: &'a RxQueue,
    pub(super) setup: &'a Setup,
    /// Where the frame in hand goes if it is sent on.
    pub(super) onward: Lane,
    pub(super) running: Running<'a, H::Label>,
    pub(super) checksums: RxChecksums,
    /// Which super-frames may stay whole, if any.
    pub(super) whole: Option<GroLimits>,
    /// Whether the host runs a program of its own for the frames that it gets.
    pub(super) host_program: bool,
    pub(super) core: &'a mut RxCore,
    pub(super) host: &'a mut dyn Receive,
    pub(super) context: &'a PollContext<'a>,
    pub(super) guard: &'a rcu::Guard,
}

impl<'a, H: Plugged> Poll<'a, H> {
    pub(super) fn new(
        port: &'a Port<H>,
        (queue, rx): (u16, &'a RxQueue),
        setup: &'a Setup,
        core: &'a mut RxCore,
        host: &'a mut dyn Receive,
        context: &'a PollContext<'a>,
        guard: &'a rcu::Guard,
    ) -> Self {
        let running = port.slots.running(guard);
        let checksums = if setup.checksums {
            port.profile().rx_checksums()
        } else {
            RxChecksums::None
        };
        // Whether the one replaces the other is a property of what lies in the slot, so that no frame
        // meets neither: who empties the one slot when the other was filled has waited for all frames
        // to see that.
        let is_replaced = matches!(running, Running::Xdp(_, true));
        let mut poll = Self {
            port,
            queue,
            rx,
            setup,
            onward: Lane::Ordinary,
            running,
            checksums,
            whole: None,
            host_program: setup.host_program && !is_replaced,
            core,
            host,
            context,
            guard,
        };
        poll.whole = poll.keeps_whole();
        poll
    }

    /// Whether no program sees the frames before the stack does.
    pub(super) fn is_unseen(&self) -> bool {
        matches!(self.running, Running::Nothing) && !self.host_program
    }

    /// Counts a frame of `len` bytes that the device took from the cable.
    pub(super) fn count_arrived(&self, len: usize) {
        self.rx.frames.add(1);
        self.rx.bytes.add(len as u64);
    }

    /// What the device says of a frame that no program has seen.
    pub(super) fn plain_descriptor(&self) -> RxDescriptor {
        RxDescriptor {
            queue: self.queue.into(),
            ..RxDescriptor::default()
        }
    }
}

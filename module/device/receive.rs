// SPDX-License-Identifier: GPL-2.0

//! The receive pipeline: from the cable through the device to the host.

mod classify;
mod cut;
mod poll;
mod program;
mod split;
mod whole;
mod wire;

use crate::{
    cable::{
        Taken,
        FROM_DEVICE, //
    },
    host::{
        HostFrame,
        Receive, //
    },
    port::{
        Plugged,
        Port, //
    },
    profile::RxChecksums,
    queue::RxQueue,
    runs::Since,
    slots::Running, //
};
use engine::{
    descriptor::RxDescriptor,
    receive_checksum::{
        self,
        RxChecksum, //
    }, //
};
use net::{
    netdev::PollContext,
    rcu,
    ring::BATCH,
    skbuff::Received, //
};
use poll::Poll;
pub use poll::{
    RxCore,
    Setup,
    ETH_HLEN, //
};
use wire::{
    Wire,
    Written, //
};

/// How many places of a ring a poll empties before it knows whether super-frames are in them.
const FIRST_BATCH: usize = 4;

/// What a poll of a receive queue has done.
pub struct Polled {
    /// Frames that were taken, at most the budget.
    pub frames: usize,
    /// Whether among them was one that a device had sent.
    pub from_device: bool,
}

impl<H: Plugged> Port<H> {
    /// Takes frames of receive queue `queue` from the cable, up to the budget of `context`, and hands
    /// `host` those that are for the host. What was read under `guard` is still true for all of them.
    ///
    /// Context: the poll of the queue.
    pub fn receive(
        &self,
        queue: u16,
        core: &mut RxCore,
        setup: &Setup,
        host: &mut dyn Receive,
        context: &PollContext<'_>,
        guard: &rcu::Guard,
    ) -> Polled {
        let mut polled = Polled {
            frames: 0,
            from_device: false,
        };
        let Some(rx) = self.rx.get(usize::from(queue)) else {
            return polled;
        };
        let sender = self.peer.load(guard);
        let mut poll = Poll::new(self, (queue, rx), setup, core, host, context, guard);
        let program = poll.running.program();
        let runs = program.map(|program| {
            let stored = program.stored();
            (stored.runs(), Since::now(stored.kind(), rx))
        });
        let mut taken = Taken::default();
        let mut places = FIRST_BATCH;
        while polled.frames < context.budget() {
            let left = context.budget().saturating_sub(polled.frames);
            let asked = places.min(left);
            let frames = rx.ring.pop_batch(asked);
            // Who puts a frame into an empty ring raises the interrupt again.
            let is_empty = frames.len() < asked;
            let singles = frames.len().saturating_add(polled.frames);
            for frame in frames.flatten() {
                let descriptor = frame.descriptor();
                if descriptor.queue == FROM_DEVICE {
                    polled.from_device = true;
                } else if let Some(sender) = sender {
                    taken.add(descriptor.queue, sender);
                }
                let made = poll.take(frame.into_skb(), &descriptor);
                polled.frames = polled.frames.saturating_add(made);
            }
            if is_empty {
                break;
            }
            // What is taken out must be dealt with, and where there is one super-frame there are more.
            places = if polled.frames > singles { 1 } else { BATCH };
        }
        if let Some((runs, since)) = runs {
            since.count(rx, runs);
        }
        if let Some(sender) = sender.filter(|_| polled.frames > 0) {
            taken.note(sender);
            Self::tell_of_room(rx, sender);
        }
        // A frame that becomes several is not left half way.
        polled.frames = polled.frames.min(context.budget());
        polled
    }

    /// Frames that receive queue `queue` has had this card send, by any of its ports.
    pub fn sent_by_programs(&self, queue: u16) -> u64 {
        self.rx.get(usize::from(queue)).map_or(0, RxQueue::sent)
    }
}

// What only some frames need does not lie on the stack of the others: see `cut`.
impl<H: Plugged> Poll<'_, H> {
    /// Takes one frame that is on the wire through the device.
    fn receive(&mut self, frame: Wire) {
        self.count_arrived(frame.len());
        match self.running {
            Running::Nothing => self.hand_up(frame),
            Running::Xdp(program, _) => self.run(frame, program),
            Running::Classifier(program, direct_action) => {
                self.classify(frame, program, direct_action)
            }
        }
    }

    /// Brings the frame to the host as it is.
    fn hand_up(&mut self, frame: Wire) {
        let descriptor = self.plain_descriptor();
        self.bring(frame, &descriptor);
    }

    /// Brings the frame to the host as it is, of which `descriptor` says the rest.
    fn bring(&mut self, frame: Wire, descriptor: &RxDescriptor) {
        if frame.len() < ETH_HLEN {
            self.rx.runt_drops.add(1);
            return;
        }
        if self.host_program {
            let descriptor = RxDescriptor {
                // CAST: A frame is shorter than 4 GiB.
                len: frame.len() as u32,
                ..*descriptor
            };
            self.host
                .receive(&descriptor, HostFrame::Unwritten(frame.into_skb()));
            return;
        }
        if let Some(written) = Written::from_wire(frame, self) {
            self.deliver(written.into_received(0), descriptor);
        }
    }

    /// Hands up a frame that lies in the host's memory.
    fn deliver(&mut self, frame: Received, descriptor: &RxDescriptor) {
        let network_offset = descriptor
            .tc
            .map_or(ETH_HLEN, |found| found.network_offset as usize);
        if frame.bytes().len() < network_offset.max(ETH_HLEN) {
            self.rx.runt_drops.add(1);
            return;
        }
        let descriptor = RxDescriptor {
            // CAST: A frame is shorter than 4 GiB.
            len: frame.bytes().len() as u32,
            checksum: self.checksum(frame.bytes(), network_offset),
            ..*descriptor
        };
        self.host.receive(&descriptor, HostFrame::Written(frame));
    }

    /// What the host is told of the checksum of a frame: the sum of all its bytes from
    /// `network_offset` on, that it is right, or nothing.
    fn checksum(&self, frame: &[u8], network_offset: usize) -> RxChecksum {
        match self.checksums {
            RxChecksums::None => RxChecksum::None,
            RxChecksums::Complete => frame
                .get(network_offset..)
                .map_or(RxChecksum::None, receive_checksum::complete),
            RxChecksums::Verified => {
                if network_offset == ETH_HLEN && receive_checksum::verify(frame) {
                    RxChecksum::Verified
                } else {
                    RxChecksum::None
                }
            }
        }
    }
}

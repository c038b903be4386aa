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
    cable::Taken,
    host::{
        HostFrame,
        Receive, //
    },
    lane::{
        Lane,
        FROM_DEVICE, //
    },
    port::{
        Plugged,
        Port, //
    },
    queue::RxQueue,
    runs::Since,
    slots::Running, //
};
use engine::descriptor::RxDescriptor;
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

/// What a poll takes frames from.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// The receive queue.
    pub queue: u16,
    /// Which of its frames.
    pub lane: Lane,
    /// How many at most.
    pub limit: usize,
}

impl<H: Plugged> Port<H> {
    /// Takes frames from the cable, hands `host` those that are for the host, and gives how many it has
    /// taken. What was read under `guard` is still true for all of them.
    ///
    /// Context: the poll of the queue.
    pub fn receive(
        &self,
        source: Source,
        core: &mut RxCore,
        setup: &Setup,
        host: &mut dyn Receive,
        context: &PollContext<'_>,
        guard: &rcu::Guard,
    ) -> usize {
        let Source { queue, lane, limit } = source;
        let Some(rx) = self.rx.get(usize::from(queue)) else {
            return 0;
        };
        let sender = self.peer.load(guard);
        let mut poll = Poll::new(self, (queue, rx), setup, core, host, context, guard);
        let program = poll.running.program();
        let runs = program.map(|program| {
            let stored = program.stored();
            (stored.runs(), Since::now(stored.kind(), rx))
        });
        let mut taken = Taken::default();
        let mut done: usize = 0;
        let mut places = FIRST_BATCH;
        while done < limit {
            let left = limit.saturating_sub(done);
            let asked = places.min(left);
            let frames = rx.ring(lane).pop_batch(asked);
            // Who puts a frame into an empty ring raises the interrupt again.
            let is_empty = frames.len() < asked;
            let singles = frames.len().saturating_add(done);
            for frame in frames.flatten() {
                let descriptor = frame.descriptor();
                poll.onward = Lane::behind(descriptor.queue);
                if let Some(sender) = sender.filter(|_| descriptor.queue != FROM_DEVICE) {
                    taken.add(descriptor.queue, sender);
                }
                done = done.saturating_add(poll.take(frame.into_skb(), &descriptor));
            }
            if is_empty {
                break;
            }
            // What is taken out must be dealt with, and where there is one super-frame there are more.
            places = if done > singles { 1 } else { BATCH };
        }
        if let Some((runs, since)) = runs {
            since.count(rx, runs);
        }
        if let Some(sender) = sender.filter(|_| done > 0) {
            taken.note(sender);
            Self::tell_of_room(rx, sender);
        }
        // A frame that becomes several is not left half way.
        done.min(limit)
    }

    /// Whether frames that bounce wait in receive queue `queue`. Context: bottom halves off.
    #[inline]
    pub fn has_bouncing(&self, queue: u16) -> bool {
        let rx = self.rx.get(usize::from(queue));
        rx.is_some_and(|rx| !rx.bouncing.is_empty())
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
            self.host.receive(
                &descriptor,
                HostFrame::Unwritten(frame.into_skb(), self.onward),
            );
            return;
        }
        if let Some(written) = Written::from_wire(frame, self) {
            self.deliver(written.into_received(0), descriptor);
        }
    }

    /// Hands up a frame that lies in the host's memory.
    fn deliver(&mut self, frame: Received, descriptor: &RxDescriptor) {
        let network_offset = descriptor.network_offset();
        // CAST: An offset in a frame.
        if frame.bytes().len() < ETH_HLEN.max(network_offset as usize) {
            self.rx.runt_drops.add(1);
            return;
        }
        let descriptor = RxDescriptor {
            // CAST: A frame is shorter than 4 GiB.
            len: frame.bytes().len() as u32,
            checksum: self.checksums.of(frame.bytes(), network_offset),
            ..*descriptor
        };
        self.host.receive(&descriptor, HostFrame::Written(frame));
    }
}

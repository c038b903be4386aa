// SPDX-License-Identifier: GPL-2.0

//! The receive pipeline: from the cable through the device to the host.

mod ahead;
mod cut;
mod handover;
mod poll;
mod send;
mod sent;
mod wire;

use crate::{
    cable::Taken,
    coalesce::Coalescer,
    host::Receive,
    lane::{
        Lane,
        FROM_DEVICE, //
    },
    port::{
        Plugged,
        Port, //
    },
    rules::Watched,
    runs::Since,
    services::Machine,
    slots::Active, //
};
use ahead::programs;
use core::sync::atomic::Ordering;
use engine::{
    coalesce::GroLimits,
    pipeline::{
        self,
        Coalescing,
        Pipeline,
        Rules,
        Segmenting,
        Tells, //
    },
    receive_checksum::RxChecksums,
    vlan::TagKinds, //
};
use net::{
    machine::ktime_get_ns,
    napi::PollContext,
    rcu,
    ring::{
        Batch,
        BATCH, //
    }, //
};
use poll::Poll;
use sent::Sent;
use wire::Wire;

/// How many places of a ring a poll empties before it knows whether super-frames are in them.
const FIRST_BATCH: usize = 4;

/// For how long, in nanoseconds, a frame waits at most from poll to poll if it is to wait no longer than one
/// takes, and each has as much to do as it may: as GRO has it where a jiffy is a millisecond.
const JIFFY: u64 = 1_000_000;

/// What the driver has set the port up for.
pub struct Setup {
    /// Whether the host wants to be told of checksums.
    pub checksums: bool,
    /// What the host wants to be told of flows.
    pub flows: Tells,
    /// Whether the stack puts received frames together again.
    pub gro: bool,
    /// Up to which length the device hands super-frames up whole and puts frames together, if it is to.
    pub hardware_gro: Option<GroLimits>,
    /// Whether the host is [asked](Receive::ask_gro) which ones, not the program in the device.
    pub asks_host: bool,
    /// For how long a frame may wait for others of its flow, in nanoseconds; 0 for no longer than polls take that
    /// follow each other.
    pub patience: u64,
    /// Whether the host is to be [asked](Receive::wants_originals) which frames are to be kept that are put
    /// together.
    pub audits: bool,
    /// Of frames of TCP longer than so many bytes, what is behind the headers is to lie in pages, if that
    /// is wanted.
    pub split_above: Option<u32>,
    /// Whether the host runs a program of its own for each frame, in memory of its own.
    pub host_program: bool,
    /// Which VLAN tags the host gets beside its frames.
    pub strip: TagKinds,
}

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
    /// Takes frames from the cable, hands `stack` those that are for the stack of `host`, whose port
    /// this is, and gives how many it has taken. What was read under `guard` is still true for all of
    /// them.
    ///
    /// Context: the poll of the queue.
    pub fn receive(
        &self,
        host: &H,
        source: Source,
        setup: &Setup,
        stack: &mut dyn Receive,
        context: &PollContext<'_>,
        guard: &rcu::Guard,
    ) -> usize {
        let Source { queue, lane, limit } = source;
        let Some(rx) = self.rx.get(usize::from(queue)) else {
            return 0;
        };
        // The stack may have forgotten one that goes out of use, and is not to get anything from there.
        if queue >= self.queues_in_use.load(Ordering::Relaxed) {
            return 0;
        }
        let Some(parser) = self.card.parsers.load(guard) else {
            return 0;
        };
        // A sender has it for one frame; when that is done the poll that came in vain is had again. While
        // this has it, who asks is another poll, of which there is none.
        let Some(mut work) = rx.work.take_or_ask(|| ()) else {
            return 0;
        };
        let work = &mut *work;
        // To take it is to copy much, also if there is none.
        let held = match lane {
            Lane::Ordinary if work.is_holding() => work.take_held(),
            _ => None,
        };
        let counting = self.counting_of(parser, guard);
        // Asked with the parser in hand: another one may be activated at any moment.
        let (tells, withholds_hashes) = match setup.flows {
            Tells::Nothing => (Tells::Nothing, false),
            wanted if host.believes(parser, guard) => (wanted, false),
            _ => (Tells::Nothing, true),
        };
        let sender = self.peer.load(guard);
        let active = self.slots.active(guard);
        let queues = self.queues(host, tells, Some((&work.last, parser)), guard);
        let port = self.receiving(host, setup, &active);
        let limits = port.coalesces();
        let (mut coalescing, mut aggregates) = (None, None);
        let mut gro = None;
        if let Some(coalescer) = &mut work.coalescer {
            let Coalescer {
                flows,
                expected,
                aggregates: waiting,
                pair,
            } = &mut **coalescer;
            expected.forget();
            if limits.is_some() || !flows.is_empty() {
                let rules = if setup.asks_host {
                    Rules::Host { pair }
                } else {
                    gro = self.slots.gro.active(guard);
                    gro.map_or(Rules::Own, |gro| {
                        let program = gro.program().engine();
                        Rules::Device {
                            program,
                            services: Machine::new(program.maps(), guard),
                            pair,
                        }
                    })
                };
                coalescing = Some(Coalescing {
                    flows,
                    expected,
                    limits,
                    rules,
                    now: ktime_get_ns(),
                });
                aggregates = Some(waiting);
            }
        }
        let gso = sender.and_then(|sender| Some((sender, sender.port().slots.gso.active(guard)?)));
        let segmenting = gso.map(|(_, gso)| {
            let program = gso.program().engine();
            Segmenting::new(program, Machine::new(program.maps(), guard))
        });
        let mut pipeline = Pipeline {
            port,
            programs: programs(host, (queue, rx), &active, &mut work.core, guard),
            queues,
            parser: parser.machine(),
            stamp: None,
            segmenting,
            coalescing,
        };
        let mut poll = Poll {
            port: self,
            machine: host,
            queue,
            rx,
            onward: Lane::Ordinary,
            awaited_by: None,
            has_host_program: setup.host_program,
            replaces_host: active.replaces_host,
            withholds_hashes,
            audits: setup.audits,
            aggregates,
            gro: gro.map(Watched::new),
            gso: gso.map(|(sender, gso)| (sender, Watched::new(gso))),
            host: stack,
            context,
            guard,
        };
        let runs = active.stored.map(|stored| {
            let since = Since::now(stored.kind(), rx);
            (stored.runs(), since)
        });
        if limits.is_none() {
            // Nothing waits that is not to wait any more.
            pipeline.end_all(&mut poll);
        }
        let mut frames = Batch::new();
        let mut taken = Taken::default();
        let mut done: usize = 0;
        let mut places = FIRST_BATCH;
        let takes_over = lane == Lane::Ordinary && rx.handed.is_filled();
        if takes_over {
            // Of a poll that has more than enough to do, one half is for what comes from the cable.
            let share = limit.div_ceil(2);
            done = poll.take_over(&mut pipeline, &mut taken, sender, share);
        }
        if let Some(mut held) = held {
            poll.onward = Lane::Ordinary;
            poll.awaited_by = Some(held.queue);
            poll.replaces_host = held.replaces_host;
            // Another program may be there by now.
            let host_program = setup.host_program && !held.replaces_host;
            let now = core::mem::replace(&mut pipeline.port.host_program, host_program);
            pipeline.go_on(&mut poll, Wire::Sent(held.skb), &mut held.met, held.arrived);
            pipeline.port.host_program = now;
            poll.replaces_host = active.replaces_host;
            taken.add_awaited(&mut poll.awaited_by, sender);
            done = done.saturating_add(1);
        }
        while done < limit {
            let left = limit.saturating_sub(done);
            let asked = places.min(left);
            rx.ring(lane).pop_batch(&mut frames, asked);
            // Who puts a frame into an empty ring raises the interrupt again.
            let is_empty = frames.len() < asked;
            let singles = frames.len().saturating_add(done);
            while let Some(mut place) = frames.next() {
                while let Some(frame) = place.next() {
                    let sent = Sent {
                        arrived: frame.arrived(),
                        descriptor: frame.descriptor(),
                        skb: frame.into_skb(),
                    };
                    let (queue, is_cut) = (sent.descriptor.queue, sent.descriptor.gso.is_some());
                    let is_single = place.is_empty() && !is_cut;
                    context.note_last(is_single && is_empty && frames.is_empty());
                    poll.onward = Lane::behind(queue);
                    if queue != FROM_DEVICE {
                        poll.awaited_by = Some(queue);
                    }
                    if is_cut {
                        // It becomes many, of which none stands for all.
                        taken.add_awaited(&mut poll.awaited_by, sender);
                    }
                    if let Some(counting) = counting {
                        counting.count(&sent.skb);
                    }
                    let count = pipeline.arrive(&mut poll, sent);
                    taken.add_awaited(&mut poll.awaited_by, sender);
                    // CAST: A `usize` has at least 32 bits in the kernel.
                    done = done.saturating_add(count as usize);
                }
            }
            context.note_last(false);
            if is_empty {
                break;
            }
            // What is taken out must be dealt with, and where there is one super-frame there are more.
            places = if done > singles { 1 } else { BATCH };
        }
        if takes_over && done < limit {
            let left = limit.saturating_sub(done);
            let more = poll.take_over(&mut pipeline, &mut taken, sender, left);
            done = done.saturating_add(more);
        }
        if poll.aggregates.is_some() {
            // Behind a poll that had enough to do the next one comes at once.
            let patience = match setup.patience {
                0 if done >= limit => JIFFY,
                patience => patience,
            };
            let now = ktime_get_ns();
            if let Some(oldest) = pipeline.end_older(&mut poll, now.saturating_sub(patience)) {
                context.poll_after(patience.saturating_sub(now.saturating_sub(oldest)));
            }
        }
        if let Some((runs, since)) = runs {
            since.count(rx, runs);
        }
        if let Some(sender) = sender.filter(|_| done > 0) {
            taken.finish(sender, rx);
        }
        // A frame that becomes several is not left half way.
        done.min(limit)
    }

    /// What this port is to the pipeline.
    fn receiving(&self, host: &H, setup: &Setup, active: &Active<'_, H::Label>) -> pipeline::Port {
        pipeline::Port {
            checksums: if setup.checksums {
                self.profile().rx_checksums()
            } else {
                RxChecksums::None
            },
            // Whether the one replaces the other is a property of what lies in the slot, so that no
            // frame meets neither: who empties the one slot when the other was filled has waited for
            // all frames to see that.
            host_program: setup.host_program && !active.replaces_host,
            merges: setup.gro,
            whole: setup.hardware_gro,
            // The host's program would not see a tag that is taken out, and this one has.
            strip: if active.replaces_host {
                TagKinds::NONE
            } else {
                setup.strip
            },
            limit: host.length_limit(),
            split_above: setup.split_above,
        }
    }

    /// Whether frames that bounce wait in receive queue `queue`. Context: bottom halves off.
    #[inline]
    pub fn has_bouncing(&self, queue: u16) -> bool {
        let rx = self.rx.get(usize::from(queue));
        rx.is_some_and(|rx| rx.bouncing.is_filled())
    }

    /// Frames that receive queue `queue` has had this card send, by any of its ports.
    pub fn sent_by_programs(&self, queue: u16) -> u64 {
        self.rx.get(usize::from(queue)).map_or(0, |rx| rx.sent())
    }
}

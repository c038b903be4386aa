// SPDX-License-Identifier: GPL-2.0

//! Which of a port's receive queues a frame is for, if the port takes it.
//!
//! That is found out when the frame arrives, by what steers at that moment: frames of one flow meet in
//! one ring, in their order. A change of what steers has others go elsewhere, while those that were in a
//! ring stay in it. Where rules look at more than what tells a flow, frames of one need not meet; those that
//! arrive as one then part when they are taken out of the ring.

use crate::{
    host::Host,
    memory::KernelMemory,
    number::next_number,
    parser::Parser,
    port::Port,
    steering::{
        Need,
        Refusal,
        Steering,
        Wanted, //
    }, //
};
use core::{
    mem::size_of,
    sync::atomic::Ordering, //
};
use engine::{
    descriptor::TxDescriptor,
    filter::Address,
    parser::{
        FlowType,
        Machine,
        Parsed,
        USUAL_HEADERS, //
    },
    pipeline::{
        Queues,
        Tells, //
    },
    steer::{
        self,
        Hashed,
        LastFlow,
        Look,
        RawTable,
        Reason,
        Steered,
        MAIN_CONTEXT, //
    },
    vlan::LOOKED_AT, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    machine::random_u64,
    rcu,
    skbuff::{
        Chain,
        SkBuff, //
    },
    sync::with_bh_disabled, //
};

impl<H: Host> Port<H> {
    /// Steers by what is `wanted`. On return no frame is under way to its ring any more that was steered by
    /// what was there before. Process context; who calls has the host's lock for changes of a port.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; then all stays as it was.
    pub fn steer_by(&self, wanted: &Wanted<'_>) -> Result<(), Refusal> {
        let need = Need::of(wanted);
        let mut room = self.room.lock();
        let before = room.size();
        room.grow(&need)?;
        match self.steering_by(wanted) {
            Ok(steering) => self.steer_as(steering, rules_of(wanted.raw)),
            Err(refusal) => {
                room.settle(&before);
                return Err(refusal);
            }
        }
        room.settle(&need);
        Ok(())
    }

    /// What steers by what is `wanted`, for [`Self::steer_as`]. Context: as [`Self::steer_by`].
    ///
    /// # Errors
    ///
    /// [`Refusal`]: there is no memory.
    pub fn steering_by(&self, wanted: &Wanted<'_>) -> Result<Arc<Steering>, Refusal> {
        let Wanted {
            contexts,
            rules,
            raw,
            raw_parser,
        } = *wanted;
        let memory = self.card.memory.source();
        let tables = steer::Steering::new(&memory, contexts, rules, raw, random_u64())?;
        let steering = Steering {
            tables,
            raw_parser: raw_parser.filter(|_| !raw.is_empty()).cloned(),
            number: next_number(),
        };
        Ok(Arc::new(steering, GFP_KERNEL)?)
    }

    /// Steers by what was made, which takes no more of the card than what was there before, and whose raw
    /// tables have `rules`: numbers of a table, and in that. Context: as [`Self::steer_by`].
    pub fn steer_as(&self, steering: Arc<Steering>, rules: impl Iterator<Item = (u16, u32)>) {
        let old = self.steering.publish(Some(steering.clone()));
        let Some(old) = old.filter(|old| old.tables.has_raw_rules()) else {
            return;
        };
        // It counts no frame any more. A rule that goes on has a number that no other one has got meanwhile.
        for (table, number) in rules {
            let hits = old.tables.hits(table, number);
            steering.tables.add_hits(table, number, hits);
        }
    }

    /// How many frames had the rule with `number` of raw table `table`, as they arrived.
    pub fn hits(&self, table: u16, number: u32) -> u64 {
        let guard = rcu::Guard::new();
        let steering = self.steering.load(&guard);
        steering.map_or(0, |steering| steering.tables.hits(table, number))
    }

    /// Has the flow with `hash` come by `queue` from now on, whatever the tables say of it, and gives a
    /// number for that. `id` is the host's for the flow. Nothing, and counted, if there is no room for it.
    /// Context: softirq, several at once.
    pub fn steer_flow(&self, hash: u32, queue: u16, id: u32) -> Option<u16> {
        // The host asks again with each frame, and not all CPUs are to wait for each other for that.
        let may_fit = self.flow_room.has_room() || self.flows.find(hash).is_some();
        let filter = may_fit.then(|| {
            let admit = || self.flow_room.take().is_ok();
            self.flows.steer(hash, queue, id, admit)
        });
        let filter = filter.flatten();
        if filter.is_none() {
            self.flows_without_room.add_shared(1);
        }
        filter
    }

    /// The flows that the host has steered, each by its filter, hash and queue. Any context; of flows that
    /// come and go meanwhile some may be missed.
    pub fn flows(&self) -> impl Iterator<Item = (u16, u32, u16)> + '_ {
        self.flows.all()
    }

    /// Has flows gone that come by queue `count` or one above. Process context.
    pub(crate) fn end_flows_above(&self, count: u16) {
        let ended = with_bh_disabled(|| self.flows.clear_above(count));
        self.flow_room.give_back(ended.into());
    }

    /// Asks `may_expire` of each flow that the host has steered, by queue, the host's number and ours, and
    /// leaves those to the tables again for which it says so. Gives whether there are others. Process
    /// context.
    pub fn expire_flows(&self, may_expire: impl FnMut(u16, u32, u16) -> bool) -> bool {
        let ended = with_bh_disabled(|| self.flows.expire(may_expire));
        self.flow_room.give_back(ended.into());
        !self.flows.is_empty()
    }

    /// Says where a frame of `host`'s port would go that arrived now, which begins with `bytes`. Any
    /// context; nothing is counted.
    pub fn explain(&self, host: &H, bytes: &[u8], guard: &rcu::Guard) -> Explained {
        let parsed = self.parsed(bytes, guard);
        if !self.takes(host, bytes.arrives_for(), guard) {
            return Explained::filtered(parsed.flow, Reason::Filtered);
        }
        if !self.takes_vlan(host, bytes) {
            return Explained::filtered(parsed.flow, Reason::OtherVlan);
        }
        let looked = self
            .queues(host, Tells::Nothing, None, guard)
            .and_then(|queues| {
                let steered = queues.steer(|| parsed, &Frame(bytes))?;
                Some(Looked {
                    flow: parsed.flow,
                    steered,
                    hashed: queues.steering.hashed(&parsed, &steered),
                })
            });
        let queue = looked.as_ref().map_or(Some(0), |looked| {
            let steered = &looked.steered;
            (!steered.reason.is_drop()).then_some(steered.queue)
        });
        Explained {
            queue,
            looked,
            programmed: !self.slots.active(guard).running.is_nothing(),
        }
    }

    /// What says for which of its queues the frames of `host`'s port are, if something does: the first one
    /// has them otherwise. `tells`: what the host is told of their flows. `last`: for who hands frames up, what
    /// the last one was, and the parser.
    #[inline]
    pub(crate) fn queues<'a>(
        &'a self,
        host: &H,
        tells: Tells,
        last: Option<(&'a LastFlow, &Parser)>,
        guard: &'a rcu::Guard,
    ) -> Option<Queues<'a, KernelMemory>> {
        let Steering {
            tables,
            raw_parser,
            number,
        } = self.steering.load(guard)?;
        let (has_rules, has_flows) = (tables.has_rules(), !self.flows.is_empty());
        let is_wanted = (has_rules || has_flows) && host.wants_rules();
        let by_rules = has_rules && is_wanted;
        let raw_parser = if by_rules { raw_parser.as_ref() } else { None };
        Some(Queues {
            steering: tables,
            raw_parser: raw_parser.map(|parser| parser.machine()),
            by_rules,
            flows: Some(&self.flows).filter(|_| has_flows && is_wanted),
            in_use: self.queues_in_use.load(Ordering::Relaxed),
            tells,
            last: last.map(|(last, parser)| (last, [parser.number(), *number])),
        })
    }

    /// What the card's parser finds in a frame.
    fn parsed<F: Arriving + ?Sized>(&self, frame: &F, guard: &rcu::Guard) -> Parsed {
        let parser = self.card.parsers.load(guard);
        parser.map_or_else(Parsed::default, |parser| frame.parsed(parser.machine()))
    }

    /// Whether the port takes a frame for `address`. One that is too short for an address is none that
    /// could be meant for others.
    #[inline]
    fn takes(&self, host: &H, address: Option<Address>, guard: &rcu::Guard) -> bool {
        address.is_none_or(|address| self.filter.takes(address, host.address(), guard))
    }

    /// The number of the receive queue for `frame`, and why it is for that one, if its headers had to be
    /// looked at. Nothing is counted: who asks may not send the frame. Context: bottom halves off.
    ///
    /// # Errors
    ///
    /// Why the frame is dropped.
    #[inline]
    pub(crate) fn queue_for<F: Arriving + ?Sized>(
        &self,
        host: &H,
        frame: &F,
        guard: &rcu::Guard,
    ) -> Result<(u16, Option<Why>), Why> {
        if !self.takes(host, frame.arrives_for(), guard) {
            return Err(Why::of(Reason::Filtered));
        }
        if !self.takes_vlan(host, frame) {
            return Err(Why::of(Reason::OtherVlan));
        }
        let steered = self
            .queues(host, Tells::Nothing, None, guard)
            .and_then(|queues| {
                if queues.look_closer() && frame.is_several() {
                    return queues.steer_together(|| self.parsed(frame, guard));
                }
                queues.steer(|| self.parsed(frame, guard), &Frame(frame))
            });
        match steered {
            None => Ok((0, None)),
            Some(steered) if steered.reason.is_drop() => Err(Why::steered(&steered)),
            Some(steered) => Ok((steered.queue, Some(Why::steered(&steered)))),
        }
    }

    /// Counts `frames` that are dropped. Several senders do at once.
    pub(crate) fn count_dropped(&self, why: Why, frames: u64, guard: &rcu::Guard) {
        self.steered_nowhere.count_several(why.reason, frames);
        self.count_hits(why, frames, guard);
    }

    /// Counts `frames` for the rule of a raw table that they have, if they have one. Those that come to a poll
    /// before they meet a program are counted there. Several senders do at once.
    #[inline]
    pub(crate) fn count_hits(&self, why: Why, frames: u64, guard: &rcu::Guard) {
        if let Some((table, number)) = why.raw {
            if let Some(steering) = self.steering.load(guard) {
                steering.tables.add_hits(table, number, frames);
            }
        }
    }
}

/// The rules of raw tables, by the numbers of their tables and of themselves.
fn rules_of<'a>(tables: &'a [RawTable<'a>]) -> impl Iterator<Item = (u16, u32)> + 'a {
    tables.iter().flat_map(|table| {
        let rules = table.rules.iter();
        rules.map(|(number, _)| (table.number, *number))
    })
}

/// Why a frame is for the queue that it is for, or is dropped.
#[derive(Clone, Copy)]
pub(crate) struct Why {
    pub(crate) reason: Reason,
    /// Numbers of the raw table that has the rule that says so, and of that.
    raw: Option<(u16, u32)>,
}

impl Why {
    fn of(reason: Reason) -> Self {
        Self { reason, raw: None }
    }

    #[inline]
    fn steered(steered: &Steered) -> Self {
        Self {
            reason: steered.reason,
            raw: steered.table.zip(steered.rule),
        }
    }
}

/// A frame that arrives, as rules look at it.
struct Frame<'a, F: ?Sized>(&'a F);

impl<F: Arriving + ?Sized> Look for Frame<'_, F> {
    fn pair(&self, at: usize) -> Option<[u8; 2]> {
        self.0.pair(at)
    }

    fn first_bytes<'a>(&'a self, room: &'a mut [u8]) -> &'a [u8] {
        self.0.first_bytes(room)
    }
}

/// How a port steers a frame.
pub struct Explained {
    /// The number of the receive queue; `None` if the frame is dropped.
    pub queue: Option<u16>,
    /// How that came about; `None` if frames are not looked at, as there is one queue.
    pub looked: Option<Looked>,
    /// Whether a program of the device sees the frame next.
    pub programmed: bool,
}

/// What was found in a frame.
pub struct Looked {
    /// Its type.
    pub flow: FlowType,
    /// What steers it.
    pub steered: Steered,
    /// What its hash is made of.
    pub hashed: Hashed,
}

impl Explained {
    /// Of one that the port does not take for `reason`.
    fn filtered(flow: FlowType, reason: Reason) -> Self {
        Self {
            queue: None,
            looked: Some(Looked {
                flow,
                steered: Steered {
                    queue: 0,
                    hash: None,
                    reason,
                    rule: None,
                    table: None,
                    context: MAIN_CONTEXT,
                    entry: None,
                },
                hashed: Hashed::default(),
            }),
            programmed: false,
        }
    }
}

/// What a port looks at of a frame that arrives.
pub(crate) trait Arriving {
    /// The address that it is for, if it is long enough for one.
    fn arrives_for(&self) -> Option<Address>;

    /// Its first bytes, if it has so many.
    fn front(&self) -> Option<[u8; LOOKED_AT]>;

    /// What `parser` finds in its headers.
    fn parsed(&self, parser: &Machine<KernelMemory>) -> Parsed;

    /// The two bytes at offset `at`, if it has both.
    fn pair(&self, at: usize) -> Option<[u8; 2]>;

    /// Its first bytes: as many as `room` has place for or the frame has, or more. None of several frames that
    /// are looked at [together](Queues::steer_together).
    fn first_bytes<'a>(&'a self, room: &'a mut [u8]) -> &'a [u8];

    /// Whether it is several frames on the wire, that have their headers in common.
    fn is_several(&self) -> bool;
}

impl Arriving for [u8] {
    #[inline]
    fn arrives_for(&self) -> Option<Address> {
        self.first_chunk().copied()
    }

    fn front(&self) -> Option<[u8; LOOKED_AT]> {
        self.first_chunk().copied()
    }

    fn parsed(&self, parser: &Machine<KernelMemory>) -> Parsed {
        parser.flow_of(self)
    }

    fn pair(&self, at: usize) -> Option<[u8; 2]> {
        self.get(at..)?.first_chunk().copied()
    }

    fn first_bytes<'a>(&'a self, _room: &'a mut [u8]) -> &'a [u8] {
        self
    }

    fn is_several(&self) -> bool {
        false
    }
}

/// One that may lie in several pieces.
impl Arriving for SkBuff {
    #[inline]
    fn arrives_for(&self) -> Option<Address> {
        SkBuff::first_bytes(self, &mut [0; size_of::<Address>()]).arrives_for()
    }

    fn front(&self) -> Option<[u8; LOOKED_AT]> {
        SkBuff::first_bytes(self, &mut [0; LOOKED_AT]).front()
    }

    #[inline]
    fn parsed(&self, parser: &Machine<KernelMemory>) -> Parsed {
        SkBuff::first_bytes(self, &mut [0; USUAL_HEADERS]).parsed(parser)
    }

    fn pair(&self, at: usize) -> Option<[u8; 2]> {
        self.bytes_at(at)
    }

    fn first_bytes<'a>(&'a self, room: &'a mut [u8]) -> &'a [u8] {
        SkBuff::first_bytes(self, room)
    }

    fn is_several(&self) -> bool {
        self.is_gso()
    }
}

/// Frames of one flow, as they were one frame.
impl Arriving for Chain<TxDescriptor> {
    fn arrives_for(&self) -> Option<Address> {
        self.first(SkBuff::arrives_for)?
    }

    fn front(&self) -> Option<[u8; LOOKED_AT]> {
        self.first(SkBuff::front)?
    }

    fn parsed(&self, parser: &Machine<KernelMemory>) -> Parsed {
        let first = self.first(|frame| frame.parsed(parser));
        first.unwrap_or_default()
    }

    fn pair(&self, at: usize) -> Option<[u8; 2]> {
        self.first(|frame| frame.pair(at))?
    }

    fn first_bytes<'a>(&'a self, _room: &'a mut [u8]) -> &'a [u8] {
        &[]
    }

    fn is_several(&self) -> bool {
        true
    }
}

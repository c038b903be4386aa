// SPDX-License-Identifier: GPL-2.0

//! Which of a port's receive queues a frame is for, if the port takes it.
//!
//! That is found out when the frame arrives, by what steers at that moment: frames of one flow meet in
//! one ring, in their order. A change of what steers has others go elsewhere, while those that were in a
//! ring stay in it. Where rules look at what packets carry, frames of one flow need not meet; those that
//! arrive as one then part when they are taken out of the ring.

use crate::{
    host::Host,
    memory::KernelMemory,
    number::next_number,
    port::Port,
    steering::{
        Need,
        Refusal,
        Steering, //
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
        Hashed,
        Reason,
        Rule,
        Spread,
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
    /// Steers by `contexts`, which are sorted by their numbers and begin with the main one, and by
    /// `rules`, each with its location. On return no frame is under way to its ring any more that was
    /// steered by what was there before. Process context; who calls has the host's lock for changes of
    /// a port.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; then all stays as it was.
    pub fn steer_by(&self, contexts: &[Spread<'_>], rules: &[(u32, Rule)]) -> Result<(), Refusal> {
        let need = Need::of(contexts, rules);
        let mut room = self.room.lock();
        let before = room.size();
        room.grow(&need)?;
        match self.made(contexts, rules) {
            Ok(steering) => drop(self.steering.publish(Some(steering))),
            Err(refusal) => {
                room.settle(&before);
                return Err(refusal);
            }
        }
        room.settle(&need);
        Ok(())
    }

    /// What steers by `contexts` and `rules`.
    fn made(
        &self,
        contexts: &[Spread<'_>],
        rules: &[(u32, Rule)],
    ) -> Result<Arc<Steering>, Refusal> {
        let memory = self.card.memory.source();
        let steering = Steering::new(&memory, contexts, rules, random_u64())?;
        Ok(Arc::new(steering.numbered(next_number()), GFP_KERNEL)?)
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
        let looked = self.queues(host, Tells::Nothing, guard).and_then(|queues| {
            let steered = queues.steer(|| parsed, &|at| Arriving::pair(bytes, at))?;
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
    /// has them otherwise. `tells`: what the host is told of their flows.
    #[inline]
    pub(crate) fn queues<'a>(
        &'a self,
        host: &H,
        tells: Tells,
        guard: &'a rcu::Guard,
    ) -> Option<Queues<'a, KernelMemory>> {
        let steering = self.steering.load(guard)?;
        let (has_rules, has_flows) = (steering.has_rules(), !self.flows.is_empty());
        let is_wanted = (has_rules || has_flows) && host.wants_rules();
        Some(Queues {
            steering,
            by_rules: has_rules && is_wanted,
            flows: Some(&self.flows).filter(|_| has_flows && is_wanted),
            in_use: self.queues_in_use.load(Ordering::Relaxed),
            tells,
            last: None,
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
    ) -> Result<(u16, Option<Reason>), Reason> {
        if !self.takes(host, frame.arrives_for(), guard) {
            return Err(Reason::Filtered);
        }
        if !self.takes_vlan(host, frame) {
            return Err(Reason::OtherVlan);
        }
        let steered = self.queues(host, Tells::Nothing, guard).and_then(|queues| {
            if queues.look_at_payload() && frame.is_several() {
                return queues.steer_together(|| self.parsed(frame, guard));
            }
            queues.steer(|| self.parsed(frame, guard), &|at| frame.pair(at))
        });
        match steered {
            None => Ok((0, None)),
            Some(steered) if steered.reason.is_drop() => Err(steered.reason),
            Some(steered) => Ok((steered.queue, Some(steered.reason))),
        }
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

    fn is_several(&self) -> bool {
        false
    }
}

/// One that may lie in several pieces.
impl Arriving for SkBuff {
    #[inline]
    fn arrives_for(&self) -> Option<Address> {
        self.first_bytes(&mut [0; size_of::<Address>()])
            .arrives_for()
    }

    fn front(&self) -> Option<[u8; LOOKED_AT]> {
        self.first_bytes(&mut [0; LOOKED_AT]).front()
    }

    #[inline]
    fn parsed(&self, parser: &Machine<KernelMemory>) -> Parsed {
        self.first_bytes(&mut [0; USUAL_HEADERS]).parsed(parser)
    }

    fn pair(&self, at: usize) -> Option<[u8; 2]> {
        self.bytes_at(at)
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

    fn is_several(&self) -> bool {
        true
    }
}

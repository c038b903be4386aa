// SPDX-License-Identifier: GPL-2.0

//! Which of the queues in use a frame is for: asked when it arrives, and again behind its program.
//!
//! What arrives at once has one answer, as it is of one flow: a super-frame, or several frames that were one
//! to their sender. But where rules look at what packets carry, or into the headers of what they carry, each of
//! them may be for another queue.
//! So all are for that then to which the other rules bring them, and each is asked about again when it
//! is a frame of its own, before it meets its program.

use super::wire::OnWire;
use crate::descriptor::ToldFlow;
use crate::frame::VlanTag;
use crate::memory::Memory;
use crate::parser::{Machine, Parsed, USUAL_HEADERS};
use crate::steer::{By, Bytes, FlowTable, Hash, LastFlow, Look, Reason, Seen};
use crate::steer::{Steered, Steering, Unseen};

/// What says for which queue a frame is, and with which hash it goes to the host.
pub struct Queues<'a, M: Memory> {
    /// What steers frames.
    pub steering: &'a Steering<M>,
    /// The parser for whose graph its raw tables were made, if it has some.
    pub raw_parser: Option<&'a Machine<M>>,
    /// Whether its rules count.
    pub by_rules: bool,
    /// The flows that follow their readers, if they are to.
    pub flows: Option<&'a FlowTable<M>>,
    /// How many queues are in use: the first ones.
    pub in_use: u16,
    /// What the host wants to be told of flows.
    pub tells: Tells,
    /// What the last frame was, and the numbers of the parser and of what steers; for who hands frames up.
    pub last: Option<(&'a LastFlow, By)>,
}

/// What a host is told of the flow of each frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tells {
    /// Nothing.
    Nothing,
    /// The hash by which the device steers.
    Hash,
    /// What the host makes its own hash from. The device steers by another one.
    Keys,
}

/// Where a frame goes.
pub(super) enum Next {
    /// On by the queue that it is in; what is told of its flow, if that is known by now.
    Here(Option<Option<ToldFlow>>),
    /// To another queue.
    There(u16, Reason),
    /// Nowhere: it is dropped.
    Nowhere(Reason),
}

impl<M: Memory> Queues<'_, M> {
    /// What the host is told of the flow of a frame that begins with `bytes`, with the VLAN tag `beside`
    /// not among them.
    #[inline]
    pub(super) fn flow(
        &self,
        parser: &Machine<M>,
        bytes: &[u8],
        beside: Option<VlanTag>,
    ) -> Option<ToldFlow> {
        self.flow_of(parser, bytes, beside, &Bytes(bytes))
    }

    /// As [`Self::flow`], of a `frame` whose headers are `bytes`.
    #[inline]
    pub(super) fn flow_of(
        &self,
        parser: &Machine<M>,
        bytes: &[u8],
        beside: Option<VlanTag>,
        frame: &dyn Look,
    ) -> Option<ToldFlow> {
        match self.tells {
            Tells::Nothing => None,
            Tells::Hash => self.hash(parser, bytes, frame).map(ToldFlow::Hash),
            Tells::Keys => parser.flow_keys_of(bytes, beside).map(ToldFlow::Keys),
        }
    }

    /// The hash of a frame, for [`Self::flow_of`].
    #[inline]
    fn hash(&self, parser: &Machine<M>, bytes: &[u8], frame: &dyn Look) -> Option<Hash> {
        // Rules may look at more than what makes a flow.
        let last = self.last.filter(|_| !self.by_rules);
        if let Some(hash) = last.and_then(|(last, by)| last.find(by, bytes)) {
            return hash;
        }
        let mut parsed = Parsed::default();
        let decisive = parser.flow_into(bytes, &mut parsed);
        let hash = self.steering.hash(&parsed, self.seen(frame), self.by_rules);
        if let Some((last, by)) = last {
            last.note(by, bytes, decisive, hash);
        }
        hash
    }

    /// How rules see `frame`.
    #[inline]
    fn seen<'a>(&'a self, frame: &'a dyn Look) -> Seen<'a, M> {
        Seen {
            frame,
            parser: self.raw_parser,
        }
    }

    /// Whether frames of one flow may go different ways, by more than what tells it from others.
    #[inline]
    pub fn look_closer(&self) -> bool {
        self.by_rules && self.steering.looks_closer()
    }

    /// Where `frame` goes, to a queue in use, whose headers `look` finds. `None`: it is not looked at, as all
    /// go to the first queue. Any context.
    #[inline]
    pub fn steer(&self, look: impl FnOnce() -> Parsed, frame: &dyn Look) -> Option<Steered> {
        if self.in_use <= 1 && !self.by_rules && !self.steering.discards() {
            return None;
        }
        Some(self.steered(&look(), frame))
    }

    /// As [`Self::steer`], of several frames that arrive at once, with headers alike, where rules
    /// [look closer at them](Self::look_closer). `None` also if each of them will have to say for
    /// itself whether it is dropped. Any context.
    pub fn steer_together(&self, look: impl FnOnce() -> Parsed) -> Option<Steered> {
        let steered = self.steer(look, &Unseen)?;
        (!steered.reason.is_drop()).then_some(steered)
    }

    #[inline(never)]
    fn steered(&self, parsed: &Parsed, frame: &dyn Look) -> Steered {
        let steered = self
            .steering
            .steer(parsed, self.seen(frame), self.by_rules, self.flows);
        // Tables name queues in use, but for a moment while their number changes.
        let queue = steered.queue.checked_rem(self.in_use).unwrap_or(0);
        Steered { queue, ..steered }
    }

    /// Where a frame goes that is in queue `own`, and that begins with `bytes` now.
    #[inline(never)]
    pub(super) fn next(&self, parser: &Machine<M>, own: u16, bytes: &[u8]) -> Next {
        match self.steer(|| parser.flow_of(bytes), &Bytes(bytes)) {
            Some(steered) => self.next_of(own, &steered),
            None => Next::Here(None),
        }
    }

    /// Where a frame goes by itself that has arrived in queue `own`, perhaps [together](Self::steer_together)
    /// with others, and has not met its program. It goes elsewhere only if a rule has it that has not all of
    /// them, or if it is dropped: flows may have another queue by now, and stay in order.
    #[inline(never)]
    pub(super) fn alone<W: OnWire>(&self, parser: &Machine<M>, own: u16, wire: &W) -> Next {
        let mut room = [0; USUAL_HEADERS];
        let parsed = parser.flow_of(wire.first_bytes(&mut room));
        let steered = self.steered(&parsed, &Wire(wire));
        self.steering.count(&steered, 1);
        let rule_of = |steered: &Steered| (steered.table, steered.rule);
        let is_own = || rule_of(&steered) != rule_of(&self.steered(&parsed, &Unseen));
        if steered.reason.is_drop() || is_own() {
            return self.next_of(own, &steered);
        }
        Next::Here(None)
    }

    /// What it means for a frame that is in queue `own` to be `steered` so.
    fn next_of(&self, own: u16, steered: &Steered) -> Next {
        if steered.reason.is_drop() {
            Next::Nowhere(steered.reason)
        } else if steered.queue == own {
            Next::Here(match self.tells {
                Tells::Nothing => Some(None),
                Tells::Hash => Some(steered.hash.map(ToldFlow::Hash)),
                Tells::Keys => None,
            })
        } else {
            Next::There(steered.queue, steered.reason)
        }
    }
}

/// A frame on the wire, as rules look at it.
struct Wire<'a, W>(&'a W);

impl<W: OnWire> Look for Wire<'_, W> {
    fn pair(&self, at: usize) -> Option<[u8; 2]> {
        self.0.pair(at)
    }

    fn first_bytes<'a>(&'a self, room: &'a mut [u8]) -> &'a [u8] {
        self.0.first_bytes(room)
    }
}

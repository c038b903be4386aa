// SPDX-License-Identifier: GPL-2.0

//! Which of a port's receive queues a frame is for.
//!
//! That is found out when the frame arrives, by what steers at that moment: frames of one flow meet in
//! one ring, in their order. A change of what steers has others go elsewhere, while those that were in a
//! ring stay in it.

use crate::{
    host::Host,
    port::Port,
    steering::{
        FlowTable,
        Need,
        Refusal,
        Steering, //
    }, //
};
use core::sync::atomic::Ordering;
use engine::{
    parser::{
        parse,
        FlowType,
        Parsed,
        USUAL_HEADERS, //
    },
    steer::{
        Hashed,
        Reason,
        Rule,
        Spread,
        Steered, //
    }, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    machine::random_u64,
    rcu,
    skbuff::SkBuff,
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
        Ok(Arc::new(steering, GFP_KERNEL)?)
    }

    /// Has the flow with `hash` come by `queue` from now on, whatever the tables say of it, and gives a
    /// number for that. `id` is the host's for the flow. Nothing if there is no room for it. Context:
    /// softirq, several at once.
    pub fn steer_flow(&self, hash: u32, queue: u16, id: u32) -> Option<u16> {
        self.flows.steer(hash, queue, id)
    }

    /// Asks `may_expire` of each flow that the host has steered, by queue, the host's number and ours, and
    /// leaves those to the tables again for which it says so. Gives whether there are others. Process
    /// context.
    pub fn expire_flows(&self, may_expire: impl FnMut(u16, u32, u16) -> bool) -> bool {
        with_bh_disabled(|| self.flows.expire(may_expire));
        !self.flows.is_empty()
    }

    /// How many flows the host has steered.
    pub fn steered_flows(&self) -> u32 {
        self.flows.len()
    }

    /// Says where a frame of `host`'s port would go that arrived now, which begins with `bytes`. Any
    /// context; nothing is counted.
    pub fn explain(&self, host: &H, bytes: &[u8], guard: &rcu::Guard) -> Explained {
        let found = self.queue_for(host, || parse(bytes), guard);
        let steering = self.steering.load(guard);
        let was_looked_at = !matches!(found, Ok((_, None)));
        let looked = steering.filter(|_| was_looked_at).map(|steering| {
            let parsed = parse(bytes);
            let (by_rules, flows) = self.steers_by(host, steering);
            let steered = steering.steer(&parsed, by_rules, flows);
            Looked {
                flow: parsed.flow,
                steered,
                hashed: steering.hashed(&parsed, &steered),
            }
        });
        Explained {
            queue: found.ok().map(|(queue, _)| queue),
            looked,
            programmed: !self.slots.active(guard).running.is_nothing(),
        }
    }

    /// Whether rules count at `host`'s port, and the flows that the host has steered, if they do.
    #[inline]
    pub(crate) fn steers_by(&self, host: &H, steering: &Steering) -> (bool, Option<&FlowTable>) {
        let (has_rules, has_flows) = (steering.has_rules(), !self.flows.is_empty());
        let is_wanted = (has_rules || has_flows) && host.wants_rules();
        let flows = Some(&self.flows).filter(|_| has_flows && is_wanted);
        (has_rules && is_wanted, flows)
    }

    /// The number of the receive queue for a frame whose headers `look` finds, and why it is for that
    /// one, if the frame had to be looked at. Nothing is counted: who asks may not send the frame.
    /// Context: bottom halves off.
    ///
    /// # Errors
    ///
    /// Why the frame is dropped.
    #[inline]
    pub(crate) fn queue_for(
        &self,
        host: &H,
        look: impl FnOnce() -> Parsed,
        guard: &rcu::Guard,
    ) -> Result<(u16, Option<Reason>), Reason> {
        let in_use = self.queues_in_use.load(Ordering::Relaxed);
        let Some(steering) = self.steering.load(guard) else {
            return Ok((0, None));
        };
        let (by_rules, flows) = self.steers_by(host, steering);
        if in_use <= 1 && !by_rules && !steering.discards() {
            return Ok((0, None));
        }
        steered_by(steering, &look(), by_rules, flows, in_use)
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

#[inline(never)]
fn steered_by(
    steering: &Steering,
    parsed: &Parsed,
    by_rules: bool,
    flows: Option<&FlowTable>,
    in_use: u16,
) -> Result<(u16, Option<Reason>), Reason> {
    let steered = steering.steer(parsed, by_rules, flows);
    if steered.reason.is_drop() {
        return Err(steered.reason);
    }
    // Tables name queues in use, but for a moment while their number changes.
    let queue = steered.queue.checked_rem(in_use).unwrap_or(0);
    Ok((queue, Some(steered.reason)))
}

/// What the headers of a frame say, which may lie in several pieces.
#[inline]
pub(crate) fn look(frame: &SkBuff) -> Parsed {
    let linear = frame.linear();
    if frame.is_linear() || linear.len() >= USUAL_HEADERS {
        return parse(linear);
    }
    let mut headers = [0; USUAL_HEADERS];
    parse(frame.headers(&mut headers))
}

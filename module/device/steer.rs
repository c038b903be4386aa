// SPDX-License-Identifier: GPL-2.0

//! Which of a port's receive queues a frame is for.
//!
//! That is found out when the frame arrives, by what steers at that moment: frames of one flow meet in
//! one ring, in their order. A change of what steers has others go elsewhere, while those that were in a
//! ring stay in it.

use crate::{
    host::Host,
    port::Port,
    steering::Steering, //
};
use core::sync::atomic::Ordering;
use engine::{
    parser::{
        parse,
        Parsed,
        USUAL_HEADERS, //
    },
    steer::{
        Reason,
        Rule,
        Spread, //
    }, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    machine::random_u64,
    rcu,
    skbuff::SkBuff, //
};

impl<H: Host> Port<H> {
    /// Steers by `contexts`, which are sorted by their numbers and begin with the main one, and by
    /// `rules`, each with its location. On return no frame is under way to its ring any more that was
    /// steered by what was there before. Process context; who calls has the host's lock for changes of
    /// a port.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then all stays as it was.
    pub fn steer_by(&self, contexts: &[Spread<'_>], rules: &[(u32, Rule)]) -> Result {
        let memory = self.card.memory.source();
        let steering = Steering::new(&memory, contexts, rules, random_u64());
        let steering = steering.map_err(|_| ENOMEM)?;
        self.steering.publish(Some(Arc::new(steering, GFP_KERNEL)?));
        Ok(())
    }

    /// Frames that a rule has dropped.
    pub fn dropped_by_rule(&self) -> u64 {
        self.dropped_by_rule.load(Ordering::Relaxed)
    }

    /// Counts a frame that a rule drops. Several senders do at once.
    pub(crate) fn count_dropped(&self) {
        self.dropped_by_rule.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of the receive queue for a frame whose headers `look` finds, if a rule does not drop
    /// it, and why it is for that one, if the frame had to be looked at. Nothing is counted: who asks
    /// may not send the frame. Context: bottom halves off.
    #[inline]
    pub(crate) fn queue_for(
        &self,
        host: &H,
        look: impl FnOnce() -> Parsed,
        guard: &rcu::Guard,
    ) -> Option<(u16, Option<Reason>)> {
        let in_use = self.queues_in_use.load(Ordering::Relaxed);
        let Some(steering) = self.steering.load(guard) else {
            return Some((0, None));
        };
        let by_rules = steering.has_rules() && host.wants_rules();
        if in_use <= 1 && !by_rules {
            return Some((0, None));
        }
        steered_by(steering, &look(), by_rules, in_use)
    }
}

#[inline(never)]
fn steered_by(
    steering: &Steering,
    parsed: &Parsed,
    by_rules: bool,
    in_use: u16,
) -> Option<(u16, Option<Reason>)> {
    let steered = steering.steer(parsed, by_rules, None);
    // Tables name queues in use, but for a moment while their number changes.
    let queue = steered.queue.checked_rem(in_use).unwrap_or(0);
    (steered.reason != Reason::Dropped).then_some((queue, Some(steered.reason)))
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

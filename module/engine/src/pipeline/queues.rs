// SPDX-License-Identifier: GPL-2.0

//! Which of the queues in use a frame is for: asked when it arrives, and again behind its program.

use crate::memory::Memory;
use crate::parser::{parse, Parsed};
use crate::steer::{FlowTable, Hash, Reason, Steered, Steering};

/// What says for which queue a frame is, and with which hash it goes to the host.
pub struct Queues<'a, M: Memory> {
    /// What steers frames.
    pub steering: &'a Steering<M>,
    /// Whether its rules count.
    pub by_rules: bool,
    /// The flows that follow their readers, if they are to.
    pub flows: Option<&'a FlowTable<M>>,
    /// How many queues are in use: the first ones.
    pub in_use: u16,
    /// Whether the host wants to be told hashes.
    pub tells_hashes: bool,
}

/// Where a frame goes.
pub(super) enum Next {
    /// On by the queue that it is in; its hash, if that is known by now.
    Here(Option<Option<Hash>>),
    /// To another queue.
    There(u16, Reason),
    /// Nowhere: it is dropped.
    Nowhere(Reason),
}

impl<M: Memory> Queues<'_, M> {
    /// The hash that the host is told of a frame that begins with `bytes`.
    #[inline]
    pub(super) fn hash(&self, bytes: &[u8]) -> Option<Hash> {
        if !self.tells_hashes {
            return None;
        }
        self.steering.hash(&parse(bytes), self.by_rules)
    }

    /// Where a frame goes, to a queue in use, whose headers `look` finds. `None`: it is not looked at, as
    /// all go to the first queue. Any context.
    #[inline]
    pub fn steer(&self, look: impl FnOnce() -> Parsed) -> Option<Steered> {
        if self.in_use <= 1 && !self.by_rules && !self.steering.discards() {
            return None;
        }
        Some(self.steered(&look()))
    }

    #[inline(never)]
    fn steered(&self, parsed: &Parsed) -> Steered {
        let steered = self.steering.steer(parsed, self.by_rules, self.flows);
        // Tables name queues in use, but for a moment while their number changes.
        let queue = steered.queue.checked_rem(self.in_use).unwrap_or(0);
        Steered { queue, ..steered }
    }

    /// Where a frame goes that is in queue `own`, and that begins with `bytes` now.
    #[inline(never)]
    pub(super) fn next(&self, own: u16, bytes: &[u8]) -> Next {
        let Some(steered) = self.steer(|| parse(bytes)) else {
            return Next::Here(None);
        };
        if steered.reason.is_drop() {
            Next::Nowhere(steered.reason)
        } else if steered.queue == own {
            Next::Here(Some(steered.hash.filter(|_| self.tells_hashes)))
        } else {
            Next::There(steered.queue, steered.reason)
        }
    }
}

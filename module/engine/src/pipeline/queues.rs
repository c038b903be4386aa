// SPDX-License-Identifier: GPL-2.0

//! The step that finds out which queue a frame is for behind its program.

use crate::memory::Memory;
use crate::parser::parse;
use crate::steer::{FlowTable, Hash, Reason, Steering};

/// What says for which queue a frame is behind its program, and with which hash it goes to the host.
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

    /// Where a frame goes that is in queue `own`, and that begins with `bytes` now.
    #[inline(never)]
    pub(super) fn next(&self, own: u16, bytes: &[u8]) -> Next {
        if self.in_use <= 1 && !self.by_rules && !self.steering.discards() {
            return Next::Here(None);
        }
        let steered = self
            .steering
            .steer(&parse(bytes), self.by_rules, self.flows);
        if steered.reason.is_drop() {
            return Next::Nowhere(steered.reason);
        }
        // Tables name queues in use, but for a moment while their number changes.
        match steered.queue.checked_rem(self.in_use).unwrap_or(0) {
            queue if queue == own => Next::Here(Some(steered.hash.filter(|_| self.tells_hashes))),
            queue => Next::There(queue, steered.reason),
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The poll of a queue, as whoever works in it sees it.

use crate::{
    bindings,
    xdp::Memory, //
};
use core::{
    cell::Cell,
    marker::PhantomData, //
};

/// Evidence of being in the NAPI poll of a device, and what it gives access to.
///
/// # Invariants
///
/// `napi` is valid, belongs to a device, and its poll function is running here.
pub struct PollContext<'a> {
    napi: *mut bindings::napi_struct,
    budget: usize,
    /// In how many nanoseconds the poll wants another one, if at all.
    poll_after: Cell<Option<u64>>,
    /// Whether a frame was redirected and waits for others that go the same way.
    redirected: Cell<bool>,
    /// Whether the frame in hand is the last one.
    last: Cell<bool>,
    memory: &'a Memory,
    _poll: PhantomData<&'a bindings::napi_struct>,
}

impl<'a> PollContext<'a> {
    /// # Safety
    ///
    /// `napi` must belong to a registered device and have its frames in `memory`, and for all of the
    /// lifetime that is chosen its poll function must run here, with a budget of `budget` frames.
    pub(crate) unsafe fn new(
        napi: *mut bindings::napi_struct,
        budget: usize,
        memory: &'a Memory,
    ) -> Self {
        // INVARIANT: By the function's contract.
        Self {
            napi,
            budget,
            poll_after: Cell::new(None),
            redirected: Cell::new(false),
            last: Cell::new(false),
            memory,
            _poll: PhantomData,
        }
    }

    /// How many frames may be handled.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// Asks for another poll of this queue in `nanoseconds`, or a little later where the user defers
    /// interrupts; it may come at any time before, too, as it does for who has asked for an earlier one.
    /// For work that has to wait, as work does that feeds itself: softirqs are served before all tasks,
    /// so that it would keep a CPU from everything else.
    pub fn poll_after(&self, nanoseconds: u64) {
        let wanted = self.poll_after.get().unwrap_or(u64::MAX);
        self.poll_after.set(Some(wanted.min(nanoseconds)));
    }

    /// For how many nanoseconds the user has GRO hold frames of this queue beyond a poll
    /// (`gro_flush_timeout`), if he does.
    pub fn gro_flush_timeout(&self) -> Option<u64> {
        // SAFETY: By the type invariants the instance is valid; a plain number that may be changing.
        let timeout = unsafe { (&raw const (*self.napi).gro_flush_timeout).read_volatile() };
        // CAST: It has at most 64 bits.
        (timeout != 0).then_some(timeout as u64)
    }

    /// In how many nanoseconds another poll was asked for, if it was.
    pub(crate) fn wanted_after(&self) -> Option<u64> {
        self.poll_after.get()
    }

    /// What the polled queue's frames are put into.
    pub(crate) fn memory(&self) -> &Memory {
        self.memory
    }

    /// Notes whether the frame in hand is the last one of the poll, as far as is known: one that has
    /// nobody to wait for takes a shorter way through the stack. Others may follow all the same.
    #[inline]
    pub fn note_last(&self, is_last: bool) {
        self.last.set(is_last);
    }

    /// Whether the frame in hand is the last one.
    #[inline]
    pub(crate) fn is_last(&self) -> bool {
        self.last.get()
    }

    /// Has redirected frames sent at the end of the poll.
    pub(crate) fn note_redirect(&self) {
        self.redirected.set(true);
    }

    /// Whether frames were redirected.
    pub(crate) fn has_redirected(&self) -> bool {
        self.redirected.get()
    }

    pub(crate) fn napi(&self) -> *mut bindings::napi_struct {
        self.napi
    }
}

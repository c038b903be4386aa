// SPDX-License-Identifier: GPL-2.0

//! What coalesces the frames of a queue, and by what, and what says how segments begin.

use core::ops::Deref;

use crate::coalesce::{Expected, Flows, GroLimits, Pair};
use crate::exec::Program;
use crate::map::Map;
use crate::memory::Memory;
use crate::transmit::GsoCounts;

/// What coalesces the frames of a queue, for as long as a batch of frames takes.
pub struct Coalescing<'a, M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static, S> {
    /// What is held.
    pub flows: &'a mut Flows<M>,
    /// What is expected behind the last of them. Nothing is when a batch begins.
    pub expected: &'a mut Expected,
    /// How long packets get; `None` if nothing is to be coalesced.
    pub limits: Option<GroLimits>,
    /// By what.
    pub rules: Rules<'a, M, R, S>,
    /// When the batch began, in nanoseconds since any moment that stays the same.
    pub now: u64,
}

/// By what frames are put together. In each case the rules of [`Held::verdict`] count; a program may narrow
/// what they permit.
pub enum Rules<'a, M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static, S> {
    /// Those rules alone.
    Own,
    /// A program in the device.
    Device {
        /// It.
        program: &'a Program<M, R>,
        /// What it gets.
        services: S,
        /// What it is shown.
        pair: &'a mut Pair,
    },
    /// A program that the host runs.
    Host {
        /// What it is shown.
        pair: &'a mut Pair,
    },
}

impl<M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static, S> Rules<'_, M, R, S> {
    /// Whether no program is asked.
    #[inline]
    pub(super) fn is_own(&self) -> bool {
        matches!(self, Self::Own)
    }
}

/// The GSO program of the sender's port, for as long as a batch of its frames takes.
pub struct Segmenting<'a, M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static, S> {
    pub(super) program: &'a Program<M, R>,
    pub(super) services: S,
    /// What became of what it has said of the super-frame in hand.
    pub(super) counts: GsoCounts,
}

impl<'a, M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static, S> Segmenting<'a, M, R, S> {
    /// By `program`, which gets `services`.
    pub fn new(program: &'a Program<M, R>, services: S) -> Self {
        Self {
            program,
            services,
            counts: GsoCounts::default(),
        }
    }
}

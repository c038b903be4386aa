// SPDX-License-Identifier: GPL-2.0

//! What becomes of a frame that GRO would hold, or put behind one that it holds, where a program has a say.

use core::ops::Deref;

use super::program::Programs;
use super::rules::Rules;
use super::Receiver;
use crate::coalesce::{GroLimits, GroVerdict, Held, Segment, Verdict};
use crate::exec::{Core, Services};
use crate::frame::XdpContext;
use crate::map::Map;
use crate::memory::Memory;

/// What executes the device's programs.
pub(super) struct Processor<'a, M: Memory> {
    core: &'a mut Core<M>,
    context: XdpContext,
}

impl<'a, M: Memory> Processor<'a, M> {
    /// That of a queue.
    #[inline]
    pub(super) fn of<R, S>(programs: &'a mut Programs<'_, M, R, S>) -> Self
    where
        R: Deref<Target = Map<M>> + Send + Sync + 'static,
    {
        Self {
            context: XdpContext {
                ingress_ifindex: programs.ingress.ifindex,
                rx_queue_index: programs.ingress.queue.into(),
                ..XdpContext::default()
            },
            core: programs.core,
        }
    }
}

/// A frame that has come.
pub(super) struct New<'a> {
    pub(super) segment: &'a Segment,
    pub(super) frame: &'a [u8],
    pub(super) limits: &'a GroLimits,
}

impl<M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static, S: Services> Rules<'_, M, R, S> {
    /// What becomes of a frame that is `held`, with its first bytes, and of a `new` one. `is_over` is set if a
    /// program wanted more than may be.
    #[inline]
    pub(super) fn judge<D: Receiver>(
        &mut self,
        device: &D,
        processor: &mut Processor<'_, M>,
        (held, bytes): (&Held, &[u8]),
        new: &New<'_>,
        told: &mut Told,
    ) -> Verdict {
        let verdict = held.verdict(bytes, new.segment, new.frame, new.limits);
        if self.is_own() || !held.is_alike(new.segment) {
            return verdict;
        }
        let said = self.ask(device, processor, Some((held, bytes)), new, told);
        let (verdict, is_over) = verdict.narrowed(said, new.segment.may_begin());
        told.is_over |= is_over;
        verdict
    }

    /// Whether a `new` frame of whose flow nothing is held is held.
    #[inline]
    pub(super) fn may_begin<D: Receiver>(
        &mut self,
        device: &D,
        processor: &mut Processor<'_, M>,
        new: &New<'_>,
        told: &mut Told,
    ) -> bool {
        if !new.segment.may_begin() || self.is_own() {
            return new.segment.may_begin();
        }
        let said = self.ask(device, processor, None, new, told);
        told.is_over |= !matches!(said, GroVerdict::Hold | GroVerdict::Pass);
        said == GroVerdict::Hold
    }

    /// What the program says.
    #[inline(never)]
    fn ask<D: Receiver>(
        &mut self,
        device: &D,
        processor: &mut Processor<'_, M>,
        held: Option<(&Held, &[u8])>,
        new: &New<'_>,
        told: &mut Told,
    ) -> GroVerdict {
        let New {
            segment,
            frame,
            limits,
        } = *new;
        match self {
            Self::Own => GroVerdict::Pass,
            Self::Device {
                program,
                services,
                pair,
            } => {
                if !pair.show(held, segment, frame, limits) {
                    return GroVerdict::Pass;
                }
                let Processor { core, context } = processor;
                let said = core.run_gro(program, pair.bytes(), context, services);
                told.is_stopped |= said.is_err();
                said.unwrap_or(GroVerdict::Pass)
            }
            Self::Host { pair } => {
                if !pair.show(held, segment, frame, limits) {
                    return GroVerdict::Pass;
                }
                device.ask_host(pair.bytes_mut())
            }
        }
    }
}

/// What there is to tell of programs behind their word.
#[derive(Default)]
pub(super) struct Told {
    /// One wanted more than the rules permit.
    is_over: bool,
    /// One had to be stopped.
    is_stopped: bool,
}

impl Told {
    /// Tells it.
    #[inline]
    pub(super) fn tell<D: Receiver, M: Memory>(
        self,
        device: &mut D,
        processor: &mut Processor<'_, M>,
    ) {
        if self.is_over {
            device.overruled();
        }
        if self.is_stopped {
            if let Some(record) = processor.core.take_fault() {
                device.stopped(record);
            }
        }
    }
}

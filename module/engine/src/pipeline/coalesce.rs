// SPDX-License-Identifier: GPL-2.0

//! The last step before the host: frames that GRO would put together wait for each other
//! ([`coalesce`](crate::coalesce)).
//!
//! What has been held longest goes up first, and what is held of a flow before the frame that ends it.

use core::ops::Deref;

use super::judge::{New, Processor, Told};
use super::rules::Coalescing;
use super::wire::Owned;
use super::{Pipeline, Receiver};
use crate::coalesce::{End, GroLimits, Held, Segment, Verdict};
use crate::descriptor::RxDescriptor;
use crate::exec::Services;
use crate::map::Map;
use crate::memory::Memory;
use crate::receive_checksum::RxChecksum;

/// What is held of the flow of a frame that has come, and what becomes of both.
struct Found {
    slot: u16,
    verdict: Verdict,
}

impl<M, R, S> Pipeline<'_, M, R, S>
where
    M: Memory,
    R: Deref<Target = Map<M>> + Send + Sync + 'static,
    S: Services,
{
    /// Whether frames are put together.
    #[inline]
    pub(super) fn coalesces(&self) -> bool {
        self.limits().is_some()
    }

    /// Whether a program is asked which ones.
    #[inline]
    pub(super) fn is_judged(&self) -> bool {
        let coalescing = self.coalescing.as_ref();
        coalescing.is_some_and(|it| !it.rules.is_own())
    }

    #[inline]
    fn limits(&self) -> Option<GroLimits> {
        self.coalescing.as_ref()?.limits
    }

    /// A frame is ready for the host: it goes up, or is held, or goes behind one that is held.
    #[inline]
    pub(super) fn hold_or_deliver<D: Receiver>(
        &mut self,
        device: &mut D,
        frame: D::Owned,
        descriptor: &RxDescriptor,
    ) {
        match (self.limits(), &mut self.coalescing) {
            (Some(limits), Some(coalescing)) => {
                let processor = Processor::of(&mut self.programs);
                coalescing.take(device, frame, descriptor, &limits, processor);
            }
            _ => device.to_host(frame, descriptor),
        }
    }

    /// A super-frame that begins with `headers` goes up: what is held of its flow goes before it.
    #[inline(never)]
    pub(super) fn end_flow_of<D: Receiver>(&mut self, device: &mut D, headers: &[u8]) {
        if let Some(coalescing) = &mut self.coalescing {
            coalescing.end_flow_of(device, headers);
        }
    }

    /// Hands up what has been held since `before` or longer, by the time of
    /// [`Coalescing::now`], the oldest first. Gives since when the oldest is held of what is left.
    ///
    /// Context: as [`Pipeline::arrive`].
    pub fn end_older<D: Receiver>(&mut self, device: &mut D, before: u64) -> Option<u64> {
        let coalescing = self.coalescing.as_mut()?;
        loop {
            let (slot, since) = coalescing.flows.oldest()?;
            if since > before {
                return Some(since);
            }
            coalescing.end(device, slot, End::Time);
        }
    }

    /// Hands all up that is held, the oldest first.
    ///
    /// Context: as [`Pipeline::arrive`].
    pub fn end_all<D: Receiver>(&mut self, device: &mut D) {
        if let Some(coalescing) = &mut self.coalescing {
            coalescing.end_all(device);
        }
    }
}

impl<M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static> Coalescing<'_, M, R> {
    #[inline(never)]
    fn take<D: Receiver>(
        &mut self,
        device: &mut D,
        frame: D::Owned,
        descriptor: &RxDescriptor,
        limits: &GroLimits,
        mut processor: Processor<'_, M, impl Services>,
    ) {
        if descriptor.tc.is_some() || descriptor.meta_len != 0 {
            // What a program has said of a frame by itself the host is to learn of each.
            self.end_all(device);
            return device.to_host(frame, descriptor);
        }
        let segment = match descriptor.checksum {
            RxChecksum::Complete(rest) => Segment::of(frame.bytes(), rest),
            RxChecksum::None | RxChecksum::Verified => None,
        };
        let Some(segment) = segment else {
            return device.to_host(frame, descriptor);
        };
        if !limits.takes(&segment) {
            // What is held is of a time when they were taken.
            self.end_flow_of(device, frame.bytes());
            return device.to_host(frame, descriptor);
        }
        let new = New {
            segment: &segment,
            frame: frame.bytes(),
            limits,
        };
        let print = segment.print(frame.bytes());
        let mut told = Told::default();
        let found = self.find(device, &mut processor, (print, descriptor), &new, &mut told);
        let may_begin = match found {
            None => self
                .rules
                .may_begin(device, &mut processor, &new, &mut told),
            Some(_) => segment.may_begin(),
        };
        told.tell(device, &mut processor);
        match found {
            None => self.begin(device, frame, descriptor, (&segment, print), may_begin),
            Some(found) => match found.verdict {
                Verdict::EndAndHold => {
                    self.end(device, found.slot, End::Flow);
                    self.begin(device, frame, descriptor, (&segment, print), may_begin);
                }
                Verdict::EndAndPass | Verdict::OtherFlow => {
                    self.end(device, found.slot, End::Flow);
                    device.to_host(frame, descriptor);
                }
                Verdict::Merge(fixed) | Verdict::MergeAndEnd(fixed) => {
                    let header = segment.header_len();
                    let appended = device.append(found.slot, frame, descriptor, header);
                    if let Err(frame) = appended {
                        // Without memory it is as if nothing were held.
                        self.end(device, found.slot, End::Flow);
                        return device.to_host(frame, descriptor);
                    }
                    if let Some(held) = self.flows.held_mut(found.slot) {
                        held.merge(&segment, fixed);
                    }
                    if let Verdict::MergeAndEnd(_) = found.verdict {
                        self.end(device, found.slot, End::Flow);
                    }
                }
            },
        }
    }

    /// What is held of the flow of a `new` frame, of which the device says `descriptor`.
    fn find<D: Receiver>(
        &mut self,
        device: &D,
        processor: &mut Processor<'_, M, impl Services>,
        (print, descriptor): (u32, &RxDescriptor),
        new: &New<'_>,
        told: &mut Told,
    ) -> Option<Found> {
        let mut with_print = self.flows.with_print(print);
        with_print.find_map(|(slot, held)| {
            let (bytes, before) = device.held(slot)?;
            if before.flow != descriptor.flow || before.vlan != descriptor.vlan {
                return None;
            }
            let held = (held, bytes);
            let verdict = self.rules.judge(device, processor, held, new, told);
            (verdict != Verdict::OtherFlow).then_some(Found { slot, verdict })
        })
    }

    /// Holds a frame of whose flow nothing is held, if it `may_begin` one.
    fn begin<D: Receiver>(
        &mut self,
        device: &mut D,
        frame: D::Owned,
        descriptor: &RxDescriptor,
        (segment, print): (&Segment, u32),
        may_begin: bool,
    ) {
        if !may_begin {
            return device.to_host(frame, descriptor);
        }
        if self.flows.is_full() {
            if let Some((oldest, _)) = self.flows.oldest() {
                self.end(device, oldest, End::Room);
            }
        }
        match self.flows.insert(print, Held::new(segment), self.now) {
            Some(slot) => device.hold(slot, frame, descriptor),
            // There are no slots.
            None => device.to_host(frame, descriptor),
        }
    }

    fn end_flow_of<D: Receiver>(&mut self, device: &mut D, headers: &[u8]) {
        if self.flows.is_empty() {
            return;
        }
        let Some(print) = Segment::print_of(headers) else {
            return;
        };
        let found = self.flows.with_print(print).find(|(slot, held)| {
            device
                .held(*slot)
                .is_some_and(|(bytes, _)| held.is_same_flow(bytes, headers))
        });
        if let Some((slot, _)) = found {
            self.end(device, slot, End::Flow);
        }
    }

    fn end_all<D: Receiver>(&mut self, device: &mut D) {
        while let Some((slot, _)) = self.flows.oldest() {
            self.end(device, slot, End::Flow);
        }
    }

    /// Hands up what is held in `slot`.
    fn end<D: Receiver>(&mut self, device: &mut D, slot: u16, why: End) {
        let Some(held) = self.flows.remove(slot) else {
            return;
        };
        let coalesced = held.coalesced();
        let made = match coalesced.frames {
            1 => None,
            _ => Some((held.complete(device.held_mut(slot)), coalesced)),
        };
        device.release(slot, made, why);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The last step before the host: frames that GRO would put together wait for each other
//! ([`coalesce`](crate::coalesce)).
//!
//! What has been held longest goes up first, and what is held of a flow before the frame that ends it.

use core::ops::Deref;

use super::candidate::{Candidate, Open, Written};
use super::judge::{New, Processor, Told};
use super::rules::Coalescing;
use super::wire::Owned;
use super::{Pipeline, Receiver, Sent};
use crate::coalesce::{End, GroLimits, Held, Segment, Verdict};
use crate::descriptor::{RxDescriptor, TxCapability};
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

    /// Takes a frame that looks just like what is expected behind those that have come by
    /// [`take_open`](Self::take_open) in the same batch, so that it goes where the last one went. Gives it back if not.
    // Nothing of the frame is moved on the way.
    #[inline]
    pub(super) fn take_expected<D: Receiver>(
        &mut self,
        device: &mut D,
        sent: D::Sent,
    ) -> Result<(), D::Sent> {
        match &mut self.coalescing {
            Some(coalescing) => coalescing.take_expected(device, sent),
            None => Err(sent),
        }
    }

    /// Takes a frame whose checksum is open, and whose payload need not be looked at, as it lies: none that goes
    /// behind others is ever seen with a checksum. Gives it back if that can't be done, or if it is to be in one
    /// piece, or on its way somewhere else.
    #[inline(never)]
    pub(super) fn take_open<D: Receiver>(
        &mut self,
        device: &mut D,
        sent: D::Sent,
    ) -> Result<(), D::Sent> {
        let is_seen = !self.is_unseen() || self.may_part();
        let limits = self.limits().filter(|_| !is_seen);
        let (Some(limits), Some(open)) = (limits, sent.descriptor()) else {
            return Err(sent);
        };
        // CAST: A `usize` has at least 32 bits.
        let (len, checksum) = (open.len as usize, open.checksum);
        let is_taken =
            self.port.limit.takes(len) && open.capability != TxCapability::ProtocolSpecific;
        let is_taken = is_taken && self.port.strip.outermost(sent.headers()).is_none();
        let segment = Segment::of_open(sent.headers(), len, checksum);
        let Some(segment) = segment.filter(|_| is_taken) else {
            return Err(sent);
        };
        let mut descriptor = RxDescriptor {
            len: open.len,
            queue: self.programs.ingress.queue.into(),
            flow: self.flow(sent.headers(), None),
            stamp: self.stamp,
            ..RxDescriptor::default()
        };
        let frame = device.share(sent, segment.header_len())?;
        // CAST: A `usize` has at most 64 bits.
        device.arrived(1, len as u64);
        let frame = Open {
            frame,
            checksum,
            descriptor: &mut descriptor,
        };
        if let Some(coalescing) = &mut self.coalescing {
            let processor = Processor::of(&mut self.programs);
            coalescing.place(device, frame, &segment, &limits, processor);
        }
        Ok(())
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

/// A frame goes up by itself.
fn deliver<D: Receiver, F: Candidate<D>>(device: &mut D, mut frame: F) {
    match frame.settle() {
        Ok(()) => frame.to_host(device),
        Err(why) => device.lost(why),
    }
}

impl<M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static, S: Services>
    Coalescing<'_, M, R, S>
{
    #[inline(never)]
    fn take<D: Receiver>(
        &mut self,
        device: &mut D,
        frame: D::Owned,
        descriptor: &RxDescriptor,
        limits: &GroLimits,
        processor: Processor<'_, M>,
    ) {
        if descriptor.tc.is_some() || descriptor.meta_len != 0 {
            // What a program has said of a frame by itself the host is to learn of each.
            self.end_all(device);
            return device.to_host(frame, descriptor);
        }
        let RxChecksum::Complete(rest) = descriptor.checksum else {
            return device.to_host(frame, descriptor);
        };
        let expected = self.expected.slot_of(frame.bytes(), descriptor, rest);
        if let Some(slot) = expected.filter(|slot| self.has_room(*slot, frame.bytes(), limits)) {
            let header = self.expected.header_len();
            return match device.append(slot, frame, descriptor, header) {
                Ok(()) => self.came(slot),
                Err(frame) => self.end_without_memory(device, slot, Written { frame, descriptor }),
            };
        }
        let Some(segment) = Segment::of(frame.bytes(), rest) else {
            return device.to_host(frame, descriptor);
        };
        let frame = Written { frame, descriptor };
        self.place(device, frame, &segment, limits, processor);
    }

    /// A frame that is a `segment` is held, or goes behind one that is, or up.
    // What is said of either kind of frames in one function is not said twice.
    #[inline]
    fn place<D: Receiver, F: Candidate<D>>(
        &mut self,
        device: &mut D,
        frame: F,
        segment: &Segment,
        limits: &GroLimits,
        mut processor: Processor<'_, M>,
    ) {
        if !limits.takes(segment) {
            // What is held is of a time when they were taken.
            self.end_flow_of(device, frame.first());
            return deliver(device, frame);
        }
        let new = New {
            segment,
            frame: frame.first(),
            limits,
        };
        let print = self.flows.print(segment, frame.first());
        let mut told = Told::default();
        let descriptor = frame.descriptor();
        let found = self.find(device, &mut processor, (print, descriptor), &new, &mut told);
        let may_begin = match found {
            None => self
                .rules
                .may_begin(device, &mut processor, &new, &mut told),
            Some(_) => segment.may_begin(),
        };
        told.tell(device, &mut processor);
        match found {
            None => self.begin(device, frame, (segment, print), may_begin),
            Some(found) => match found.verdict {
                Verdict::EndAndHold => {
                    self.end(device, found.slot, End::Flow);
                    self.begin(device, frame, (segment, print), may_begin);
                }
                Verdict::EndAndPass | Verdict::OtherFlow => {
                    self.end(device, found.slot, End::Flow);
                    deliver(device, frame);
                }
                Verdict::Merge(fixed) | Verdict::MergeAndEnd(fixed) => {
                    // A program is asked of each.
                    if self.rules.is_own() {
                        let said = (frame.descriptor(), frame.open());
                        self.expected.note(segment, frame.first(), said);
                    }
                    let appended = frame.append(device, found.slot, segment.header_len());
                    if let Err(frame) = appended {
                        return self.end_without_memory(device, found.slot, frame);
                    }
                    if let Some(held) = self.flows.held_mut(found.slot) {
                        held.merge(segment, fixed);
                    }
                    match found.verdict {
                        Verdict::Merge(fixed) => self.expected.expect(found.slot, fixed),
                        _ => self.end(device, found.slot, End::Flow),
                    }
                }
            },
        }
    }

    /// There is no memory to put `frame` behind what is held in `slot`: it is as if nothing were held.
    #[cold]
    fn end_without_memory<D: Receiver>(
        &mut self,
        device: &mut D,
        slot: u16,
        frame: impl Candidate<D>,
    ) {
        self.end(device, slot, End::Flow);
        deliver(device, frame);
    }

    /// Whether there is room for a frame that is expected behind what is held in `slot`, with headers `header`.
    #[inline]
    fn has_room(&mut self, slot: u16, header: &[u8], limits: &GroLimits) -> bool {
        let held = self.flows.held_mut(slot);
        held.is_some_and(|held| held.has_room_for_expected(header, limits))
    }

    /// A frame that was expected has gone behind what is held in `slot`.
    #[inline]
    fn came(&mut self, slot: u16) {
        self.expected.came();
        if let Some(held) = self.flows.held_mut(slot) {
            held.merge_expected();
        }
    }

    /// As [`Pipeline::take_expected`]. One that can't be taken as it lies is as any other.
    #[inline]
    fn take_expected<D: Receiver>(&mut self, device: &mut D, sent: D::Sent) -> Result<(), D::Sent> {
        let (Some(limits), Some(open)) = (self.limits, sent.descriptor()) else {
            return Err(sent);
        };
        let (header, len) = (sent.headers(), open.len);
        let slot = self.expected.slot_of_open(header, open);
        let Some(slot) = slot.filter(|slot| self.has_room(*slot, header, &limits)) else {
            return Err(sent);
        };
        let header = header.len();
        device.append_sent(slot, sent, header)?;
        device.arrived(1, len.into());
        self.came(slot);
        Ok(())
    }

    /// What is held of the flow of a `new` frame, of which the device says `descriptor`.
    fn find<D: Receiver>(
        &mut self,
        device: &D,
        processor: &mut Processor<'_, M>,
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
    fn begin<D: Receiver, F: Candidate<D>>(
        &mut self,
        device: &mut D,
        mut frame: F,
        (segment, print): (&Segment, u32),
        may_begin: bool,
    ) {
        if !may_begin {
            return deliver(device, frame);
        }
        if let Err(why) = frame.settle() {
            return device.lost(why);
        }
        if self.flows.is_full() {
            if let Some((oldest, _)) = self.flows.oldest() {
                self.end(device, oldest, End::Room);
            }
        }
        match self.flows.insert(print, Held::new(segment), self.now) {
            Some(slot) => frame.hold(device, slot),
            // There are no slots.
            None => frame.to_host(device),
        }
    }

    fn end_flow_of<D: Receiver>(&mut self, device: &mut D, headers: &[u8]) {
        if self.flows.is_empty() {
            return;
        }
        let Some(print) = self.flows.print_of(headers) else {
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
        self.expected.forget_slot(slot);
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

// SPDX-License-Identifier: GPL-2.0

//! Headers and payload apart: frames of TCP whose payload goes to the host in pages that have nothing
//! else, so that they can be mapped (`tcp-data-split`).

use core::ops::Deref;

use super::wire::{InPages, Lost, OnWire, Owned, Payload};
use super::{without, Pipeline, Receiver, Room, Sent};
use crate::checksum::sum_of;
use crate::descriptor::{RxDescriptor, ToldFlow};
use crate::exec::Services;
use crate::frame::VlanTag;
use crate::map::Map;
use crate::memory::Memory;
use crate::parser::USUAL_HEADERS;
use crate::receive_checksum::{RxChecksum, RxChecksums};
use crate::steer::Look;
use crate::transmit::{TxPlan, WireFrame};

impl<M, R, S> Pipeline<'_, M, R, S>
where
    M: Memory,
    R: Deref<Target = Map<M>> + Send + Sync + 'static,
    S: Services,
{
    /// Whether a frame of `len` bytes is so long that its payload goes into pages, if it has any.
    #[inline]
    pub(super) fn is_long(&self, len: usize) -> bool {
        // CAST: A `usize` has at least 32 bits.
        self.port
            .split_above
            .is_some_and(|above| len > above as usize)
    }

    /// Where in a frame that goes up as it is the payload begins that goes into pages.
    #[inline]
    pub(super) fn header<W: OnWire>(&self, wire: &W, network_offset: u32) -> Option<usize> {
        if !self.is_long(wire.frame_len()) {
            return None;
        }
        self.header_of(wire, network_offset)
    }

    /// Where the payload of TCP begins in a frame that begins with `headers`.
    fn tcp_payload(&self, headers: &[u8]) -> Option<usize> {
        self.parser.tcp_payload(headers)
    }

    /// The length of the headers of a frame of TCP that carries something.
    #[inline(never)]
    fn header_of<W: OnWire>(&self, wire: &W, network_offset: u32) -> Option<usize> {
        let mut room = [0; USUAL_HEADERS];
        let header = self.tcp_payload(wire.first_bytes(&mut room))?;
        // A program may say that the packet begins anywhere.
        // CAST: A `usize` has at least 32 bits.
        (header > network_offset as usize && header < wire.frame_len()).then_some(header)
    }

    /// Whether the payload of a super-frame's wire frames goes into pages, of those that are long enough:
    /// not what a tunnel carries. The super-frame begins with `headers`.
    pub(super) fn is_split(&self, plan: &TxPlan, headers: &[u8]) -> bool {
        // The first one is the longest, but for a list of the host's.
        let is_long = |frame: WireFrame| self.is_long(frame.len());
        self.port.split_above.is_some()
            && plan.wire_frames([]).next().is_some_and(is_long)
            && self
                .tcp_payload(headers)
                .is_some_and(|payload| plan.header_len() == Some(payload))
    }

    /// What of a super-frame's wire frames, which may go into pages ([`Self::is_split`]), goes up without
    /// being seen in one piece, and where it is then; `None` if each is cut and goes through all the rest.
    pub(super) fn payload<'a, F: Sent>(
        &self,
        plan: &TxPlan,
        sent: &'a F,
        is_split: bool,
    ) -> Option<Payload<F::Stable<'a>>> {
        if self.may_part() {
            return None;
        }
        if is_split {
            let is_unseen = self.is_unseen() && self.port.checksums != RxChecksums::Verified;
            return (is_unseen && plan.is_summed()).then_some(Payload::Copied);
        }
        let payload = sent.stable_payload(self.splits(plan)?)?;
        Some(Payload::Stable(payload))
    }

    /// Brings a frame to the host whose first `header` bytes are headers, and the rest in pages.
    #[inline(never)]
    pub(super) fn bring_in_pages<D: Receiver>(
        &self,
        device: &mut D,
        wire: D::Wire,
        header: usize,
        descriptor: &mut RxDescriptor,
        flow: Option<Option<ToldFlow>>,
    ) {
        let network_offset = descriptor.network_offset();
        let mut wire = wire;
        descriptor.checksum = RxChecksum::None;
        if self.port.checksums == RxChecksums::Verified {
            // Who looks for the checksum by itself wants to see the frame in one piece.
            let Some(owned) = device.own(wire, Room::default()) else {
                return device.lost(Lost::NoBuffer);
            };
            descriptor.checksum = self.port.checksums.of(owned.bytes(), network_offset);
            wire = owned.into();
        }
        let Some(mut frame) = device.put_in_pages(wire, header, descriptor.meta_len) else {
            return device.lost(Lost::NoBuffer);
        };
        descriptor.flow = match descriptor.tc {
            Some(tc) if tc.hash_invalid => None,
            tc => flow.unwrap_or_else(|| self.flow_in_pages(&frame, tc.and_then(|tc| tc.vlan))),
        };
        // What a classifier has left has had its tag beside it all the time.
        let tag = match descriptor.tc {
            None => self.port.strip.outermost(frame.header()),
            Some(_) => None,
        };
        let vlan = tag.filter(|_| frame.take_out_tag());
        if self.port.checksums == RxChecksums::Complete {
            // CAST: A `usize` has at least 32 bits.
            descriptor.checksum = complete(&frame, network_offset as usize);
        }
        descriptor.len = without(vlan, descriptor.len as usize);
        descriptor.vlan = vlan;
        descriptor.stamp = self.stamp;
        descriptor.header_len = without(vlan, header);
        device.pages_to_host(frame, descriptor);
    }

    /// What is told of the flow of a frame that lies in pieces, if the host wants to be told.
    fn flow_in_pages<F: InPages>(&self, frame: &F, beside: Option<VlanTag>) -> Option<ToldFlow> {
        self.queues
            .as_ref()?
            .flow_of(self.parser, frame.header(), beside, &Pieces(frame))
    }
}

/// A frame that lies in pieces, as rules look at it.
struct Pieces<'a, F>(&'a F);

impl<F: InPages> Look for Pieces<'_, F> {
    fn pair(&self, at: usize) -> Option<[u8; 2]> {
        let next = at.checked_add(1)?;
        Some([byte_of(self.0, at)?, byte_of(self.0, next)?])
    }

    fn first_bytes<'a>(&'a self, room: &'a mut [u8]) -> &'a [u8] {
        let (size, mut len) = (room.len(), 0_usize);
        for piece in core::iter::once(self.0.header()).chain(self.0.pages()) {
            let free = room.get_mut(len..).unwrap_or_default();
            free.iter_mut()
                .zip(piece)
                .for_each(|(to, from)| *to = *from);
            len = len.saturating_add(piece.len()).min(size);
        }
        room.get(..len).unwrap_or_default()
    }
}

/// The byte of `frame` at offset `at`.
fn byte_of<F: InPages>(frame: &F, at: usize) -> Option<u8> {
    let mut at = at;
    for piece in core::iter::once(frame.header()).chain(frame.pages()) {
        match at.checked_sub(piece.len()) {
            None => return piece.get(at).copied(),
            Some(left) => at = left,
        }
    }
    None
}

/// The sum of all bytes of `frame` from `start` on, which is one of its headers'.
fn complete<F: InPages>(frame: &F, start: usize) -> RxChecksum {
    let header = frame.header().get(start..).unwrap_or_default();
    let (total, _) = sum_of(core::iter::once(header).chain(frame.pages()));
    RxChecksum::Complete(total.fold())
}

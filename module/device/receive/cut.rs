// SPDX-License-Identifier: GPL-2.0

//! What the stack has left to the sending device is done where the frames arrive, so that each is
//! written once, to the receiver's memory.

use super::{
    poll::Poll,
    wire::{
        Wire,
        Written, //
    }, //
};
use crate::{
    port::Plugged,
    send::{
        fragments,
        plan, //
    }, //
};
use engine::{
    descriptor::TxDescriptor,
    transmit::{
        TxPlan,
        WireFrame, //
    }, //
};
use net::skbuff::{
    Fragment,
    SkBuff, //
};

// The protocol stack runs on what these functions leave of the kernel's stack: what is not needed any
// more when a frame is handed up must not lie there.
impl<H: Plugged> Poll<'_, H> {
    /// Takes a frame from the cable: has the sending device do what `descriptor` asks for, and this
    /// one receive what comes out. Gives the number of frames that come out.
    pub(super) fn take(&mut self, skb: SkBuff, descriptor: &TxDescriptor) -> usize {
        if descriptor.is_wire_frame() {
            self.receive(Wire::Sent(skb));
            return 1;
        }
        let Ok(plan) = plan(&skb, descriptor) else {
            // The driver has made the same plan before it gave the frame to the device.
            self.rx.unplanned_drops.add(1);
            return 1;
        };
        if descriptor.gso.is_some() {
            match self.receive_whole(skb, descriptor, &plan) {
                Ok(()) => 1,
                Err(skb) => self.cut_all(skb, &plan),
            }
        } else {
            if let Some(wire) = self.fill_in(skb, &plan) {
                self.receive(wire);
            }
            1
        }
    }

    /// Makes the wire frames of a super-frame, and has each received. Gives their number.
    #[inline(never)]
    fn cut_all(&mut self, skb: SkBuff, plan: &TxPlan) -> usize {
        if let Some(payload) = self.splits(&skb, plan) {
            for wire_frame in plan.wire_frames([]) {
                self.receive_split(payload, plan, &wire_frame);
            }
            skb.consume();
            return plan.frames() as usize;
        }
        let mut each = skb.fragments();
        for wire_frame in plan.wire_frames(fragments(&skb)) {
            let fragment = each.next().filter(|_| plan.is_by_fragments());
            if let Some(wire) = self.cut(&skb, fragment, plan, &wire_frame) {
                self.receive(wire);
            }
        }
        skb.consume();
        plan.frames() as usize
    }

    /// Fills in the checksum of a single frame: where it lies if it lies in one piece and nobody
    /// else has it, so that a frame that no host gets is hardly ever copied.
    #[inline(never)]
    fn fill_in(&self, skb: SkBuff, plan: &TxPlan) -> Option<Wire> {
        let Some(frame) = plan.wire_frames([]).next() else {
            self.rx.unplanned_drops.add(1);
            return None;
        };
        let skb = match self.fill_in_place(skb, plan, &frame) {
            Ok(filled) => return filled,
            Err(skb) => skb,
        };
        let wire = self.cut(&skb, None, plan, &frame);
        skb.consume();
        wire
    }

    /// Fills in the checksum of a frame where it lies; gives the frame back if that can't be done.
    fn fill_in_place(
        &self,
        skb: SkBuff,
        plan: &TxPlan,
        frame: &WireFrame,
    ) -> Result<Option<Wire>, SkBuff> {
        if !skb.is_linear() {
            return Err(skb);
        }
        let mut skb = skb.try_into_unique()?;
        let Ok(bytes) = skb.linear_mut() else {
            return Err(skb.into());
        };
        if plan.finish(frame, bytes).is_err() {
            self.rx.unplanned_drops.add(1);
            return Ok(None);
        }
        skb.set_checksum_done();
        Ok(Some(Wire::Sent(skb.into())))
    }

    /// Writes a wire frame to the receiver's memory. Its payload is `fragment`, if there is one: to
    /// look for it in `skb` would mean to go through all that are before it.
    #[inline(never)]
    fn cut(
        &self,
        skb: &SkBuff,
        fragment: Option<Fragment<'_>>,
        plan: &TxPlan,
        wire_frame: &WireFrame,
    ) -> Option<Wire> {
        let header = skb.linear().get(..wire_frame.header);
        let parts = header.zip(fragment.and_then(Fragment::linear));
        let room = self.room(wire_frame.len());
        let written = match parts {
            Some((header, payload)) => Written::join(header, payload, room, self),
            None => {
                let payload = wire_frame.payload.clone();
                Written::gather(skb, wire_frame.header, payload, room, self)
            }
        };
        let Some(mut written) = written else {
            self.count_arrived(wire_frame.len());
            return None;
        };
        if plan.finish(wire_frame, written.bytes_mut()).is_err() {
            self.rx.unplanned_drops.add(1);
            return None;
        }
        Some(Wire::Written(written))
    }
}

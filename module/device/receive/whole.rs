// SPDX-License-Identifier: GPL-2.0

//! Super-frames that stay whole: the sender's host has made one, the receiver's would make the same
//! one of its segments, and nobody between the two looks at these.

use super::poll::Poll;
use crate::{
    host::HostFrame,
    port::Plugged, //
};
use engine::{
    coalesce::{
        is_made_by_gro,
        GroLimits, //
    },
    descriptor::{
        Coalesced,
        RxDescriptor,
        TxDescriptor, //
    },
    receive_checksum::RxChecksums,
    transmit::TxPlan, //
};
use net::skbuff::SkBuff;

impl<H: Plugged> Poll<'_, H> {
    /// Which super-frames may stay whole: none if a program has to see each frame, or the device
    /// does not say of each that its checksum is right.
    pub(super) fn keeps_whole(&self) -> Option<GroLimits> {
        self.setup
            .hardware_gro
            .filter(|_| self.is_unseen() && self.checksums == RxChecksums::Complete)
    }

    /// Hands a super-frame up that need not be cut; gives it back if it has to be.
    pub(super) fn receive_whole(
        &mut self,
        skb: SkBuff,
        sent: &TxDescriptor,
        plan: &TxPlan,
    ) -> Result<(), SkBuff> {
        let Some(limits) = &self.whole else {
            return Err(skb);
        };
        // What the sender can still write to is not what was on the wire.
        if skb.has_lent_pages() || !is_made_by_gro(sent, skb.linear(), limits) {
            return Err(skb);
        }
        // The receiver's stack writes to it.
        let skb = skb.try_into_unique()?;
        let coalesced = Coalesced {
            frames: plan.frames(),
            bytes: plan.wire_bytes(),
        };
        self.rx.frames.add(coalesced.frames.into());
        self.rx.bytes.add(coalesced.bytes);
        let descriptor = RxDescriptor {
            // CAST: A frame is shorter than 4 GiB.
            len: skb.len() as u32,
            coalesced: Some(coalesced),
            ..self.plain_descriptor()
        };
        self.host.receive(&descriptor, HostFrame::Whole(skb));
        Ok(())
    }
}

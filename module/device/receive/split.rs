// SPDX-License-Identifier: GPL-2.0

//! Wire frames that go to the host with headers of their own and a payload that stays where the sender
//! has it: the device sums the payload once, and writes nothing but headers.

use super::poll::{
    Poll,
    ETH_HLEN, //
};
use crate::{
    host::HostFrame,
    port::Plugged, //
};
use engine::{
    checksum::{
        sum,
        Sum, //
    },
    descriptor::RxDescriptor,
    receive_checksum::{
        RxChecksum,
        RxChecksums, //
    },
    transmit::{
        TxPlan,
        WireFrame, //
    }, //
};
use net::skbuff::{
    SkBuff,
    SplitFrame,
    StablePayload, //
};

impl<H: Plugged> Poll<'_, H> {
    /// The payload of `skb` if its wire frames may be split: nobody wants to see them in one piece, the
    /// stack puts them together again, without which two pieces are more work than one, and the payload
    /// lies where others may read it for as long as they like.
    pub(super) fn splits<'b>(&self, skb: &'b SkBuff, plan: &TxPlan) -> Option<StablePayload<'b>> {
        let is_wanted = self.is_unseen()
            && self.setup.gro
            && self.checksums != RxChecksums::Verified
            && plan.is_summed();
        let header = plan.header_len().filter(|_| is_wanted)?;
        skb.stable_payload_behind(header)
    }

    /// Brings a wire frame to the host whose payload is in `stable`.
    #[inline(never)]
    pub(super) fn receive_split(
        &mut self,
        stable: StablePayload<'_>,
        plan: &TxPlan,
        wire_frame: &WireFrame,
    ) {
        self.count_arrived(wire_frame.len());
        let payload = wire_frame.payload.clone();
        let split = SplitFrame::new(stable, wire_frame.header, payload, self.context);
        let Some(mut split) = split else {
            self.rx.no_buffer_drops.add(1);
            return;
        };
        let payload = sum_of(stable, wire_frame);
        let header = split.header_mut();
        let Some(sum) = payload.and_then(|payload| {
            plan.finish_header(wire_frame, header, payload, ETH_HLEN)
                .ok()
        }) else {
            self.rx.unplanned_drops.add(1);
            return;
        };
        let descriptor = RxDescriptor {
            // CAST: A frame is shorter than 4 GiB.
            len: wire_frame.len() as u32,
            checksum: match self.checksums {
                RxChecksums::Complete => RxChecksum::Complete(sum.fold()),
                _ => RxChecksum::None,
            },
            ..self.plain_descriptor()
        };
        let received = split.into_received();
        self.host.receive(&descriptor, HostFrame::Written(received));
    }
}

/// The sum of the payload of a wire frame; `None` if not all of it is in `stable`.
fn sum_of(stable: StablePayload<'_>, wire_frame: &WireFrame) -> Option<Sum> {
    let (mut total, mut done) = (Sum::ZERO, 0_usize);
    for piece in stable.pieces(wire_frame.payload.clone()) {
        total = total.add(sum(piece).behind(done));
        done = done.checked_add(piece.len())?;
    }
    (done == wire_frame.payload.len()).then_some(total)
}

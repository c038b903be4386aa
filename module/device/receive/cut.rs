// SPDX-License-Identifier: GPL-2.0

//! What the stack has left to the sending device is done where the frames arrive, so that each is
//! written once, to the receiver's memory, or only its headers are.

use super::{
    sent::Sent,
    wire::{
        Wire,
        Written, //
    }, //
};
use engine::{
    checksum::{
        self,
        Sum, //
    },
    frame::ETH_HLEN,
    pipeline::{
        Lost,
        Payload,
        Room, //
    },
    transmit::{
        Finisher,
        TxPlan,
        WireFrame, //
    },
    vlan::VLAN_HLEN, //
};
use net::{
    napi::PollContext,
    skbuff::{
        PagedFrame,
        Received,
        SkBuff,
        SplitFrame,
        StablePayload, //
    }, //
};

/// Fills in the checksum of a frame where it lies; gives the frame back if that can't be done.
pub(super) fn fill_in(sent: Sent, plan: &TxPlan, frame: &WireFrame) -> Result<Wire, Sent> {
    if !sent.skb.is_linear() {
        return Err(sent);
    }
    let (descriptor, arrived) = (sent.descriptor, sent.arrived);
    let back = |skb: SkBuff| Sent {
        skb,
        descriptor,
        arrived,
    };
    let mut skb = sent.skb.try_into_unique().map_err(back)?;
    let is_done = skb
        .linear_mut()
        .is_ok_and(|bytes| plan.finish(frame, bytes).is_ok());
    if !is_done {
        return Err(back(skb.into()));
    }
    skb.set_checksum_done();
    Ok(Wire::Sent(skb.into()))
}

/// Writes a wire frame to the receiver's memory. Its payload is `fragment`, if there is one: to look
/// for it in the frame would mean to go through all that are before it.
#[inline(never)]
pub(super) fn cut(
    sent: &Sent,
    fragment: Option<&[u8]>,
    plan: &mut Finisher<'_>,
    frame: &WireFrame,
    room: Room,
    context: &PollContext<'_>,
) -> Result<Written, Lost> {
    let header = sent.skb.linear().get(..frame.header);
    let written = match header.zip(fragment) {
        Some((header, payload)) => Written::join(header, payload, room, context),
        None => {
            let payload = frame.payload.clone();
            Written::gather(&sent.skb, frame.header, payload, room, context)
        }
    };
    let mut written = written.ok_or(Lost::NoBuffer)?;
    plan.finish(frame, written.bytes_mut())
        .map_err(|_| Lost::Unplanned)?;
    Ok(written)
}

/// A wire frame of `sent` with headers of its own, whose payload stays where it is or is copied to pages,
/// and the sum of all that is behind its Ethernet header: the payload is summed once. If it
/// `is_stripped` its VLAN tag leaves the headers, and is none of the sum.
#[inline(never)]
pub(super) fn split(
    sent: &Sent,
    payload: Payload<StablePayload<'_>>,
    plan: &mut Finisher<'_>,
    frame: &WireFrame,
    is_stripped: bool,
    context: &PollContext<'_>,
) -> Result<(Received, Sum), Lost> {
    let range = frame.payload.clone();
    let tag = if is_stripped { VLAN_HLEN } else { 0 };
    let mut finish = |header: &mut [u8], payload: Option<Sum>| {
        let payload = payload.ok_or(Lost::Unplanned)?;
        let sum = plan.finish_header(frame, header, payload, ETH_HLEN + tag);
        sum.map_err(|_| Lost::Unplanned)
    };
    match payload {
        Payload::Stable(stable) => {
            let split = SplitFrame::new(stable, frame.header, range.clone(), context);
            let mut split = split.ok_or(Lost::NoBuffer)?;
            let payload = sum_of(stable.pieces(range), frame);
            let sum = finish(split.header_mut(), payload)?;
            if is_stripped && !split.take_out_vlan_tag() {
                return Err(Lost::Unplanned);
            }
            Ok((split.into_received(), sum))
        }
        Payload::Copied => {
            let paged = PagedFrame::copy_of(&sent.skb, frame.header, range, context);
            let mut paged = paged.ok_or(Lost::NoBuffer)?;
            // Of the copy: pages of the sender's may be a task's, which writes to them.
            let payload = sum_of(paged.pages(), frame);
            let sum = finish(paged.header_mut(), payload)?;
            if is_stripped && !paged.take_out_vlan_tag() {
                return Err(Lost::Unplanned);
            }
            Ok((paged.into_received(), sum))
        }
    }
}

/// The sum of the payload of a wire frame; `None` if not all of it is in `pieces`.
fn sum_of<'a>(pieces: impl Iterator<Item = &'a [u8]>, frame: &WireFrame) -> Option<Sum> {
    let (total, len) = checksum::sum_of(pieces);
    (len == frame.payload.len()).then_some(total)
}

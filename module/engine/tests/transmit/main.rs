// SPDX-License-Identifier: GPL-2.0

//! The transmit engine against packets made from nothing, each with its own headers and checksums.

// By what the crate `offload` decides between device and software is compiled here, too, on
// stand-ins for what it uses of `net`: it has to know what the device does.
extern crate self as net;

mod checksum;
mod coalesce;
mod fragments;
#[path = "../parser/kernel.rs"]
mod kernel;
mod legacy_check;
mod packet;
mod program;
mod protocol_specific;
mod random;
mod receive;
mod refusals;
mod segments;
mod single;
mod skbuff;

#[path = "../../../offload"]
#[allow(dead_code, unreachable_pub, reason = "they are parts of a library")]
mod offload {
    pub(crate) mod receive;

    #[path = "transmit"]
    pub(crate) mod transmit {
        mod check;
        pub(crate) mod decision;
        pub(crate) mod reason;
    }
}

use engine::checksum::sum;
use engine::descriptor::TxDescriptor;
use engine::transmit::{TxPlan, TxRefusal, WireFrame};

/// What the device makes of `frame`, whose headers alone are linear.
fn transmit(
    descriptor: &TxDescriptor,
    frame: &[u8],
    linear: usize,
) -> Result<Vec<Vec<u8>>, TxRefusal> {
    transmit_fragments(descriptor, frame, linear, &[])
}

/// The same if the host has what is behind the headers in fragments of these lengths.
fn transmit_fragments(
    descriptor: &TxDescriptor,
    frame: &[u8],
    linear: usize,
    fragments: &[u32],
) -> Result<Vec<Vec<u8>>, TxRefusal> {
    let fragments = || fragments.iter().copied();
    let plan = TxPlan::new(descriptor, &frame[..linear], fragments())?;
    assert_eq!(
        plan.is_by_fragments(),
        descriptor.gso.is_some_and(|gso| gso.size == u16::MAX)
    );
    let written = |wire_frame: WireFrame| -> Result<Vec<u8>, TxRefusal> {
        assert!(wire_frame.header <= linear, "headers are linear");
        let mut wire = frame[..wire_frame.header].to_vec();
        wire.extend(&frame[wire_frame.payload.clone()]);
        plan.finish(&wire_frame, &mut wire)?;
        if plan.is_summed() {
            check_header(&plan, &wire_frame, frame, &wire);
        }
        Ok(wire)
    };
    let frames: Vec<_> = plan
        .wire_frames(fragments())
        .map(written)
        .collect::<Result<_, TxRefusal>>()?;
    assert_eq!(plan.frames() as usize, frames.len());
    let bytes: usize = frames.iter().map(Vec::len).sum();
    assert_eq!(plan.wire_bytes(), bytes as u64);
    Ok(frames)
}

/// Whether the header of `wire_frame` is the same if the device gets no more of the payload than its
/// sum, and gives the sum of all.
fn check_header(plan: &TxPlan, wire_frame: &WireFrame, frame: &[u8], wire: &[u8]) {
    const ETH_HLEN: usize = 14;
    let mut header = frame[..wire_frame.header].to_vec();
    let payload = sum(&frame[wire_frame.payload.clone()]);
    let summed = plan.finish_header(wire_frame, &mut header, payload, ETH_HLEN);
    assert_eq!(header, wire[..wire_frame.header]);
    let expected = sum(&wire[ETH_HLEN..]).fold();
    assert_eq!(summed.map(|sum| sum.fold()), Ok(expected));
    let short = wire_frame.header - 1;
    let refused = plan.finish_header(wire_frame, &mut header[..short], payload, ETH_HLEN);
    assert_eq!(refused, Err(TxRefusal::WireFrame));
}

/// Where headers of the packet that `frame` is end.
fn headers_of(packet: &packet::Packet, frame: &[u8]) -> usize {
    frame.len() - packet.payload.len()
}

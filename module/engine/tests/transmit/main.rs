// SPDX-License-Identifier: GPL-2.0

//! The transmit engine against packets made from nothing, each with its own headers and checksums.

mod coalesce;
mod fragments;
mod packet;
mod protocol_specific;
mod random;
mod receive;
mod refusals;
mod segments;
mod single;

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

/// Where headers of the packet that `frame` is end.
fn headers_of(packet: &packet::Packet, frame: &[u8]) -> usize {
    frame.len() - packet.payload.len()
}

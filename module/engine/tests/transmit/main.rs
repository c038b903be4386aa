// SPDX-License-Identifier: GPL-2.0

//! The transmit engine against packets made from nothing, each with its own headers and checksums.

mod coalesce;
mod packet;
mod protocol_specific;
mod random;
mod receive;
mod refusals;
mod segments;
mod single;

use engine::descriptor::TxDescriptor;
use engine::transmit::{TxPlan, TxRefusal};

/// What the device makes of `frame`, whose headers alone are linear.
fn transmit(
    descriptor: &TxDescriptor,
    frame: &[u8],
    linear: usize,
) -> Result<Vec<Vec<u8>>, TxRefusal> {
    let plan = TxPlan::new(descriptor, &frame[..linear])?;
    let wire_frame = |index| -> Result<Vec<u8>, TxRefusal> {
        let layout = plan.layout(index).expect("a wire frame of the plan");
        assert!(layout.header <= linear, "headers are linear");
        let mut wire = frame[..layout.header].to_vec();
        wire.extend(&frame[layout.payload]);
        plan.finish(index, &mut wire)?;
        Ok(wire)
    };
    let frames: Vec<_> = (0..plan.frames())
        .map(wire_frame)
        .collect::<Result<_, TxRefusal>>()?;
    assert_eq!(plan.layout(plan.frames()), None);
    let bytes: usize = frames.iter().map(Vec::len).sum();
    assert_eq!(plan.wire_bytes(), bytes as u64);
    Ok(frames)
}

/// Where headers of the packet that `frame` is end.
fn headers_of(packet: &packet::Packet, frame: &[u8]) -> usize {
    frame.len() - packet.payload.len()
}

// SPDX-License-Identifier: GPL-2.0

//! A TCP super-frame of 64 KiB, cut to segments.

use std::hint::black_box;

use engine::descriptor::{Gso, GsoKind, TxChecksum, TxDescriptor, TxHeaders};
use engine::transmit::{TxPlan, WireFrame};

use crate::folding::folding_loop;
use crate::table::Contest;
use crate::turns::Contestant;

const PAYLOAD: usize = 65_000;
const NETWORK: u16 = 14;
const TRANSPORT: u16 = 34;
const HEADERS: usize = 54;

fn frame() -> Vec<u8> {
    let mut frame = vec![2; 12];
    frame.extend([8, 0, 0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 6, 0, 0]);
    frame.extend([10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend([0x30, 0x39, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2]);
    frame.extend([0x50, 0x18, 0xff, 0xff, 0x12, 0x34, 0, 0]);
    assert_eq!(frame.len(), HEADERS);
    frame.extend((0..PAYLOAD).map(|at| (at % 251) as u8));
    frame
}

fn plan(frame: &[u8], size: u16) -> TxPlan {
    let descriptor = TxDescriptor {
        len: frame.len() as u32,
        checksum: TxChecksum::Internet {
            start: TRANSPORT,
            offset: 16,
        },
        gso: Some(Gso {
            size,
            segs: 0,
            kind: GsoKind::TCPV4,
        }),
        headers: TxHeaders {
            network: NETWORK,
            transport: TRANSPORT,
            inner: None,
            labelled: None,
        },
        ..TxDescriptor::default()
    };
    TxPlan::new(&descriptor, &frame[..HEADERS], []).expect("a frame that the device cuts")
}

/// Copies a wire frame to the beginning of `wire`.
fn copy<'a>(wire_frame: &WireFrame, frame: &[u8], wire: &'a mut [u8]) -> &'a mut [u8] {
    let header = wire_frame.header;
    let wire = &mut wire[..wire_frame.len()];
    wire[..header].copy_from_slice(&frame[..header]);
    wire[header..].copy_from_slice(&frame[wire_frame.payload.clone()]);
    wire
}

/// Cuts to segments of `size` bytes: the engine; a loop that copies and sums and leaves the headers
/// as they are; the copy alone.
pub(crate) fn contest(size: u16) -> Contest<'static> {
    let frame = frame();
    let bytes = plan(&frame, size).wire_bytes();
    let each = |work: fn(&TxPlan, &WireFrame, &mut [u8])| {
        let frame = frame.clone();
        let mut wire = vec![0; HEADERS + usize::from(size)];
        move || {
            let plan = plan(black_box(&frame), size);
            for wire_frame in plan.wire_frames([]) {
                let wire = copy(&wire_frame, &frame, &mut wire);
                work(&plan, &wire_frame, black_box(wire));
            }
        }
    };
    let engine = each(|plan, wire_frame, wire| {
        plan.finish(wire_frame, wire)
            .expect("a wire frame of the plan");
    });
    let folding = each(|_, _, wire| {
        black_box(folding_loop(&wire[TRANSPORT.into()..]));
    });
    let copying = each(|_, _, _| {});
    Contest {
        name: format!("segmentation, {size} bytes each"),
        bytes,
        contestants: vec![
            Contestant::new("engine", engine),
            Contestant::new("folding loop", folding),
            Contestant::new("memcpy", copying),
        ],
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Frames as a sender's stack leaves them that has the device fill in their checksum.

use engine::descriptor::{TxChecksum, TxDescriptor};

use crate::device::{Queue, Up};
use crate::frames::{Ip, PSH};
use crate::layers::{parse, pseudo, sum, Layer};
use crate::model::Gro;
use crate::rules::{kinds, segment};
use crate::{compare, SETUP};

/// A frame whose checksum is open.
#[derive(Clone)]
pub(crate) struct Open {
    pub(crate) bytes: Vec<u8>,
    pub(crate) descriptor: TxDescriptor,
    /// Length of its headers.
    pub(crate) header: usize,
}

impl Open {
    /// The one that is `wire` when its checksum is filled in, if there is one.
    pub(crate) fn of(wire: &[u8]) -> Option<Self> {
        let parsed = parse(wire)?;
        let [.., network, transport] = &parsed.layers[..] else {
            return None;
        };
        let (start, offset, protocol, header) = match transport {
            Layer::Tcp { at, header } => (*at, 16, 6, header),
            Layer::Udp { at, header } => (*at, 6, 17, header),
            _ => return None,
        };
        let field = start + offset..start + offset + 2;
        let mut bytes = wire.to_vec();
        let seed = sum(&pseudo(network, protocol, wire.len() - start));
        bytes[field.clone()].copy_from_slice(&seed.to_be_bytes());
        let filled = match !sum(&bytes[start..]) {
            0 => 0xffff,
            checksum => checksum,
        };
        (wire[field] == filled.to_be_bytes()).then(|| Self {
            descriptor: TxDescriptor {
                len: wire.len() as u32,
                checksum: TxChecksum::Internet {
                    start: start as u16,
                    offset: offset as u16,
                },
                ..TxDescriptor::default()
            },
            header: start + header.len(),
            bytes,
        })
    }
}

/// The frames of a stream with headers `ips`, whose identifications are fixed or grow.
fn stream(ips: &[Ip], is_fixed: bool, count: usize) -> Vec<Vec<u8>> {
    let frame = |index: usize| {
        let mut frame = segment(ips, index * 1000, 1000);
        for ip in &mut frame.ips {
            if let Ip::V4 { id, .. } = ip {
                // Close to where it begins again.
                let grown = if is_fixed { 0 } else { index as u16 };
                *id = 0xfff0_u16.wrapping_add(grown);
            }
        }
        frame.tcp.options = vec![1; 12];
        frame.payload[0] = index as u8;
        if index + 1 == count {
            frame.tcp.flags |= PSH;
            frame.payload.truncate(10);
        }
        frame.bytes()
    };
    (0..count).map(frame).collect()
}

/// What has gone up of `frames`, of which those have open checksums that `opens` says, and how many of them were
/// taken without being looked at.
fn up_of(frames: &[Vec<u8>], opens: fn() -> bool) -> (Vec<Up>, usize) {
    let mut queue = Queue::new(SETUP, Box::new(|| false));
    queue.opens = Box::new(opens);
    queue.poll(1, frames, Some(1));
    let [_, expected] = queue.shared();
    (queue.up(), expected)
}

#[test]
fn a_stream_is_looked_at_where_something_is_new() {
    const COUNT: usize = 60;
    for ips in kinds() {
        for is_fixed in [false, true] {
            let frames = stream(&ips, is_fixed, COUNT);
            let (up, expected) = up_of(&frames, || true);
            let mut model = Gro::new(SETUP.slots.into(), (65_536, 65_536));
            frames.iter().for_each(|frame| model.receive(frame, None));
            model.end_all();
            compare(&up, &model, &format!("{ips:?}, fixed: {is_fixed}"));
            assert_eq!(up.len(), 1, "{ips:?}");
            // The first one is held, the second says how identifications go on, and the last one is another.
            assert_eq!(expected, COUNT - 3, "{ips:?}");
            // The same if they come with a checksum.
            compare(&up_of(&frames, || false).0, &model, "filled in");
        }
    }
}

/// One bit of any header that is another one: what comes of it is what the model says, whether it was expected or not.
#[test]
fn what_is_not_as_expected_is_looked_at() {
    for ips in kinds() {
        let header = segment(&ips, 0, 0).bytes().len() + 12;
        for bit in 6 * 8..header * 8 {
            let mut frames = stream(&ips, false, 8);
            frames[5][bit / 8] ^= 1 << (bit % 8);
            for opens in [|| true, || false] {
                let (up, _) = up_of(&frames, opens);
                let mut model = Gro::new(SETUP.slots.into(), (65_536, 65_536));
                frames.iter().for_each(|frame| model.receive(frame, None));
                model.end_all();
                compare(&up, &model, &format!("{ips:?}, bit {bit}"));
            }
        }
    }
}

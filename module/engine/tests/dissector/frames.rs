// SPDX-License-Identifier: GPL-2.0

//! Frames that are stacks of headers: mostly such as go together, in part with wrong numbers.

use crate::random::Random;

/// What a header says of the next one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    EtherType(u16),
    Protocol(u8),
    Nothing,
}

const ETHER_TYPES: [u16; 20] = [
    0x0800, 0x0800, 0x0800, 0x0800, 0x86dd, 0x86dd, 0x86dd, 0x86dd, 0x8100, 0x8100, 0x88a8, 0x8847,
    0x8848, 0x8864, 0x0806, 0x6558, 0x88f7, 0x88ca, 0x892f, 0x4305,
];
const PROTOCOLS: [u8; 24] = [
    6, 6, 6, 17, 17, 17, 0, 43, 60, 44, 4, 41, 47, 47, 137, 50, 51, 132, 33, 136, 1, 58, 89, 59,
];

fn ether_type(random: &mut Random) -> u16 {
    if random.once_in(40) {
        return random.next() as u16;
    }
    random.one(&ETHER_TYPES)
}

fn protocol(random: &mut Random) -> u8 {
    if random.once_in(40) {
        return random.next() as u8;
    }
    random.one(&PROTOCOLS)
}

/// A frame of up to `most` headers behind that of Ethernet, and some bytes more.
pub(crate) fn frame(random: &mut Random, most: u64) -> Vec<u8> {
    let mut frame = random.bytes(12);
    let first = ether_type(random);
    frame.extend(first.to_be_bytes());
    let mut next = Next::EtherType(first);
    for _ in 0..random.below(most + 1) {
        next = match next {
            Next::EtherType(number) => behind_ethernet(random, &mut frame, number),
            Next::Protocol(number) => behind_ip(random, &mut frame, number),
            Next::Nothing => break,
        };
    }
    let more = random.below(48) as usize;
    frame.extend(random.bytes(more));
    frame
}

/// A frame with `count` headers of one kind before others.
pub(crate) fn long(random: &mut Random, count: usize) -> Vec<u8> {
    let mut frame = random.bytes(12);
    match random.below(3) {
        0 => {
            for _ in 0..count {
                frame.extend([0x81, 0]);
                frame.extend(random.bytes(2));
            }
            frame.extend([8, 0]);
            behind_ethernet(random, &mut frame, 0x0800);
        }
        1 => {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 60, 1]);
            frame.extend(random.bytes(32));
            for n in 0..count {
                let last = random.one(&[6, 17, 44, 51]);
                frame.extend([if n + 1 < count { 60 } else { last }, 0]);
                frame.extend(random.bytes(6));
            }
        }
        _ => {
            frame.extend([8, 0]);
            for n in 0..count {
                frame.extend([0x45, 0, 0, 0, 0, 0, 0, 0, 64]);
                frame.push(if n + 1 < count { 4 } else { 17 });
                frame.extend(random.bytes(10));
            }
        }
    }
    let more = random.below(24) as usize;
    frame.extend(random.bytes(more));
    frame
}

fn behind_ethernet(random: &mut Random, frame: &mut Vec<u8>, number: u16) -> Next {
    match number {
        0x0800 => {
            let mut header = random.bytes(20);
            let words = if random.once_in(4) {
                random.below(16) as u8
            } else {
                5
            };
            header[0] = 0x40 | words;
            header[9] = protocol(random);
            let fragment = [0, 0, 0, 0x4000, 0x4000, 0x2000, 0x2001, 0x8005];
            header[6..8].copy_from_slice(&random.one::<u16>(&fragment).to_be_bytes());
            let next = Next::Protocol(header[9]);
            header.extend(random.bytes(usize::from(words.saturating_sub(5)) * 4));
            frame.extend(header);
            next
        }
        0x86dd => {
            let mut header = random.bytes(40);
            header[0] = 0x60 | header[0] >> 4;
            if random.once_in(2) {
                header[1] &= 0xf0;
                header[2..4].fill(0);
            }
            header[6] = protocol(random);
            frame.extend(&header);
            Next::Protocol(header[6])
        }
        0x8100 | 0x88a8 => {
            frame.extend(random.bytes(2));
            let inner = ether_type(random);
            frame.extend(inner.to_be_bytes());
            Next::EtherType(inner)
        }
        0x8864 => {
            let kind = if random.once_in(8) { 0x12 } else { 0x11 };
            frame.extend([kind, 0]);
            frame.extend(random.bytes(4));
            let (kind, inner) = random.one(&[
                (0x0021_u16, 0x0800),
                (0x0057, 0x86dd),
                (0x0281, 0x8847),
                (0xc021, 0),
                (0x0100, 0),
            ]);
            frame.extend(kind.to_be_bytes());
            match inner {
                0 => Next::Nothing,
                inner => Next::EtherType(inner),
            }
        }
        0x6558 => {
            frame.extend(random.bytes(12));
            let inner = ether_type(random);
            frame.extend(inner.to_be_bytes());
            Next::EtherType(inner)
        }
        0x8847 | 0x8848 => {
            frame.extend(random.bytes(4));
            Next::Nothing
        }
        _ => Next::Nothing,
    }
}

fn behind_ip(random: &mut Random, frame: &mut Vec<u8>, number: u8) -> Next {
    match number {
        0 | 43 | 60 => {
            let (next, words) = (protocol(random), random.below(3) as u8);
            let mut header = random.bytes(8 + usize::from(words) * 8);
            header[..2].copy_from_slice(&[next, words]);
            header[2] = random.one(&[0, 4, 4]);
            frame.extend(header);
            Next::Protocol(next)
        }
        44 => {
            let next = protocol(random);
            let mut header = random.bytes(8);
            header[0] = next;
            let offset = random.one::<u16>(&[0, 0, 1, 8, 0xfff9]);
            header[2..4].copy_from_slice(&offset.to_be_bytes());
            frame.extend(header);
            Next::Protocol(next)
        }
        4 => Next::EtherType(0x0800),
        41 => Next::EtherType(0x86dd),
        137 => Next::EtherType(0x8847),
        47 => {
            let flags = random.one::<u16>(&[
                0, 0, 0x8000, 0x2000, 0x1000, 0x3000, 0xa000, 0xb000, 0x4000, 1, 0x3001, 2,
            ]);
            frame.extend(flags.to_be_bytes());
            let inner = ether_type(random);
            frame.extend(inner.to_be_bytes());
            let fields = (flags & 0xb000).count_ones() as usize;
            frame.extend(random.bytes(4 * fields));
            Next::EtherType(inner)
        }
        17 if random.once_in(2) => tunnel(random, frame),
        _ => {
            let len = random.below(24) as usize;
            frame.extend(random.bytes(len));
            Next::Nothing
        }
    }
}

/// What is told by a port of UDP.
fn tunnel(random: &mut Random, frame: &mut Vec<u8>) -> Next {
    frame.extend(random.bytes(2));
    let port = random.one::<u16>(&[4789, 6081, 2152]);
    frame.extend(port.to_be_bytes());
    frame.extend(random.bytes(4));
    match port {
        4789 => {
            frame.extend([8, 0, 0, 0]);
            frame.extend(random.bytes(4));
            Next::EtherType(0x6558)
        }
        6081 => {
            let words = random.below(4) as u8;
            let inner = random.one::<u16>(&[0x6558, 0x0800, 0x86dd]);
            frame.extend([words, 0]);
            frame.extend(inner.to_be_bytes());
            frame.extend(random.bytes(4 + 4 * usize::from(words)));
            Next::EtherType(inner)
        }
        _ => {
            let flags = 0x30 | random.below(8) as u8;
            frame.extend([flags, 255]);
            frame.extend(random.bytes(6));
            if flags & 7 != 0 {
                frame.extend(random.bytes(3));
                frame.push(0);
            }
            Next::EtherType(random.one(&[0x0800, 0x86dd]))
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The packets that the programs run on.

/// Frames, and the order in which they come.
#[derive(Clone)]
pub(crate) struct Traffic {
    pub(crate) frames: Vec<Vec<u8>>,
    /// Of the generator that chooses the next one. What repeated itself after some thousand
    /// packets, branch predictors would learn by heart.
    state: u32,
}

const KINDS: usize = 64;

/// The same packet again and again: TCP over IPv4, `len` bytes long.
pub(crate) fn one(len: usize) -> Traffic {
    Traffic::of(vec![ipv4(0, 6, len)])
}

/// 64 packets that take different ways through a parser, in random order.
pub(crate) fn mixed(len: usize) -> Traffic {
    Traffic::of((0..KINDS).map(|kind| of_kind(kind, len)).collect())
}

impl Traffic {
    /// `frames` is a power of two of them.
    fn of(frames: Vec<Vec<u8>>) -> Self {
        Self {
            frames,
            state: 0x9e37_79b9,
        }
    }

    /// The number of the next frame. By xorshift: the order is the same in every run of the bench.
    #[inline]
    pub(crate) fn next(&mut self) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        self.state as usize & (self.frames.len() - 1)
    }
}

/// A key of the flow table as the lookup program makes it from packet `flow` of [`ipv4`].
pub(crate) fn flow_key(flow: u8, proto: u8) -> [u8; 16] {
    [
        10, 0, 0, flow, 10, 1, 0, 2, 0x30, flow, 0, 80, proto, 0, 0, 0,
    ]
}

fn of_kind(kind: usize, len: usize) -> Vec<u8> {
    let flow = kind as u8;
    let tcp_or_udp = if kind.is_multiple_of(3) { 17 } else { 6 };
    match kind % 8 {
        0..=2 => ipv4(flow, tcp_or_udp, len),
        3 => tagged(ipv4(flow, tcp_or_udp, len)),
        4 => ipv6(flow, tcp_or_udp, len),
        5 => tagged(ipv6(flow, tcp_or_udp, len)),
        // ICMP.
        6 => ipv4(flow, 1, len),
        // ARP, a later fragment, options in the header.
        _ => {
            let mut frame = ipv4(flow, 6, len);
            match kind / 8 % 3 {
                0 => frame[13] = 6,
                1 => frame[21] = 100,
                _ => {
                    frame[14] = 0x46;
                    frame[38..42].copy_from_slice(&[0x30, flow, 0, 80]);
                }
            }
            frame
        }
    }
}

/// Numbers in all bytes that the headers leave free.
fn blank(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7) as u8).collect()
}

fn ipv4(flow: u8, proto: u8, len: usize) -> Vec<u8> {
    let mut frame = blank(len);
    frame[12..16].copy_from_slice(&[8, 0, 0x45, 0]);
    frame[20..24].copy_from_slice(&[0, 0, 64, proto]);
    frame[26..38].copy_from_slice(&flow_key(flow, proto)[..12]);
    frame
}

fn ipv6(flow: u8, proto: u8, len: usize) -> Vec<u8> {
    let mut frame = blank(len);
    frame[12..15].copy_from_slice(&[0x86, 0xdd, 0x60]);
    frame[20] = proto;
    frame[54..58].copy_from_slice(&[0x30, flow, 0, 80]);
    frame
}

/// The frame with a VLAN tag, as long as before.
fn tagged(frame: Vec<u8>) -> Vec<u8> {
    let tag = [0x81, 0, 0, 5];
    let len = frame.len();
    let mut tagged = [&frame[..12], &tag, &frame[12..]].concat();
    tagged.truncate(len);
    tagged
}

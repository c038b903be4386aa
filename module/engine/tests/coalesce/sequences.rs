// SPDX-License-Identifier: GPL-2.0

//! Random sequences of segments of a few flows, in which much goes as on a good day, and anything may be
//! otherwise.

use super::changes::change;
use super::frames::{Frame, Gre, Ip, Tcp, Udp, ACK, CWR, DO_NOT_FRAGMENT, ECE, FIN, PSH};
use super::random::Random;

/// A flow, and how it goes on.
#[derive(Clone)]
struct Flow {
    /// The next frame, if nothing is odd about it.
    next: Frame,
    /// By how much the identification of each IP header grows.
    steps: Vec<u16>,
    size: usize,
    count: u8,
    /// Whether nothing befalls it of which the device makes something else than the kernel.
    is_alike: bool,
}

fn ip(random: &mut Random, v6: bool) -> Ip {
    if !v6 {
        return Ip::V4 {
            tos: random.one_of(&[0, 0, 2, 0x10]),
            id: random.next() as u16,
            fragment: random.one_of(&[DO_NOT_FRAGMENT, DO_NOT_FRAGMENT, 0]),
            ttl: random.one_of(&[64, 1, 255]),
            source: [10, 0, random.next() as u8 % 2, 1],
            target: [10, 0, 0, 2],
            options: 0,
        };
    }
    let extension = |random: &mut Random| {
        let units = random.below(2);
        let contents = (0..units * 8 + 6).map(|_| random.next() as u8).collect();
        (random.one_of(&[0, 43, 60]), contents)
    };
    let extensions = match random.below(4) {
        0 => vec![extension(random)],
        1 if random.once_in(3) => vec![extension(random), extension(random)],
        _ => Vec::new(),
    };
    let mut source = [0xfd; 16];
    source[15] = random.next() as u8 % 2;
    Ip::V6 {
        version: 6,
        class: random.one_of(&[0, 2, 0x30]),
        label: random.one_of(&[0, 0x12345, 0xfffff]),
        hops: random.one_of(&[64, 1, 255]),
        source,
        target: [0xfd; 16],
        extensions,
    }
}

/// VLAN tags inside a tunnel, or outside.
fn tags(random: &mut Random) -> Vec<(u16, u16)> {
    let tag = |random: &mut Random| {
        let protocol = random.one_of(&[0x8100, 0x88a8]);
        (protocol, random.one_of(&[5, 0x2005]))
    };
    match random.below(8) {
        0 => vec![tag(random)],
        1 => vec![tag(random), tag(random)],
        _ => Vec::new(),
    }
}

/// A tunnel. The kernel takes the checksum for the key if there are both.
fn gre(random: &mut Random, is_alike: bool) -> Gre {
    let checksum = random.once_in(2).then_some(0);
    let has_key = random.once_in(if checksum.is_some() { 8 } else { 2 });
    let is_known = is_alike && checksum.is_some();
    Gre {
        key: (has_key && !is_known).then_some(7),
        checksum,
        ethernet: random.once_in(3).then(|| random.bytes()),
        tags: tags(random),
        ..Gre::default()
    }
}

fn flow(random: &mut Random, target: [u8; 6], longest: usize, is_alike: bool) -> Flow {
    let kinds: &[bool] = match random.below(9) {
        0..3 => &[false],
        3..5 => &[true],
        5 => &[false, false],
        6 => &[true, false],
        7 => &[true, true],
        _ => &[false, true],
    };
    let tags = tags(random);
    let ips: Vec<Ip> = kinds.iter().map(|v6| ip(random, *v6)).collect();
    let gre = (ips.len() > 1 && random.once_in(2)).then(|| gre(random, is_alike));
    let mut steps: Vec<u16> = ips
        .iter()
        .map(|_| random.one_of(&[0, 1, 1, 1, 2]))
        .collect();
    if is_alike && gre.is_some() {
        // What can't be said of such a super-frame the device does not make.
        let first = steps[0];
        steps.fill(first);
    }
    let size = random.one_of(&[1, 7, 8, 100, 536, 1000, 1400]).min(longest);
    Flow {
        steps,
        next: Frame {
            target,
            source: [2, 0, 0, 0, 0, 9],
            tags,
            ips,
            gre,
            tcp: Tcp {
                ports: [1000, 2000],
                sequence: random.one_of(&[0, 1, 0xffff_fff0]),
                acknowledged: random.next() as u32,
                words: None,
                reserved: 0,
                flags: ACK | random.one_of(&[0, 0, 0, ECE, CWR]),
                window: random.next() as u16,
                options: match random.below(3) {
                    0 => Vec::new(),
                    1 => random.bytes::<12>().to_vec(),
                    _ => random.bytes::<40>().to_vec(),
                },
            },
            udp: random.once_in(4).then(Udp::default),
            payload: Vec::new(),
            padding: 0,
            length_error: 0,
            is_ip_wrong: false,
            is_tcp_wrong: false,
        },
        size,
        count: 0,
        is_alike,
    }
}

impl Flow {
    /// The next frame, whatever it is.
    fn next(&mut self, random: &mut Random) -> Frame {
        let is_never_empty = self.is_alike && self.next.udp.is_some();
        let len = match random.below(16) {
            0 if !is_never_empty => 0,
            1 => 1 + random.below(self.size),
            2 => self.size + random.below(2),
            _ => self.size,
        };
        self.count = self.count.wrapping_add(1);
        let mut frame = self.next.clone();
        frame.payload = vec![self.count; len];
        if let Some(first) = frame.payload.first_mut() {
            *first = random.next() as u8;
        }
        if random.once_in(12) {
            frame.tcp.flags |= random.one_of(&[PSH, PSH, PSH, FIN]);
        }
        // Lost, so that there is a gap.
        self.next.tcp.sequence = frame.tcp.sequence.wrapping_add(len as u32);
        for (ip, step) in self.next.ips.iter_mut().zip(&self.steps) {
            if let Ip::V4 { id, .. } = ip {
                *id = id.wrapping_add(*step);
            }
        }
        if random.once_in(20) {
            change(random, &mut frame, self.is_alike);
        }
        if random.once_in(60) {
            // And so from here on.
            change(random, &mut self.next, self.is_alike);
            self.steps.resize(self.next.ips.len(), 1);
        }
        frame
    }
}

/// Frames for the Ethernet address `target`, with at most `longest` bytes of payload in each. If `is_alike`,
/// none of which the device makes something else than the kernel, for the reasons that the engine gives.
pub(crate) fn sequence(
    random: &mut Random,
    target: [u8; 6],
    longest: usize,
    is_alike: bool,
) -> Vec<Vec<u8>> {
    let first = flow(random, target, longest, is_alike);
    let mut flows = vec![first];
    for _ in 0..random.below(4) {
        let mut other = match random.once_in(3) {
            true => flow(random, target, longest, is_alike),
            false => flows[0].clone(),
        };
        // Of some nothing but a little is another one.
        if random.once_in(2) {
            change(random, &mut other.next, is_alike);
        } else {
            other.next.tcp.ports[0] = 1000 + flows.len() as u16;
        }
        other.steps.resize(other.next.ips.len(), 1);
        flows.push(other);
    }
    let count = match random.below(12) {
        0 => 90,
        _ => 3 + random.below(22),
    };
    let mut frames: Vec<Vec<u8>> = Vec::new();
    let mut index = 0;
    for _ in 0..count {
        if !random.once_in(3) {
            index = random.below(flows.len());
        }
        let frame = flows[index].next(random);
        let is_cut_off = frame.udp.is_none() || !is_alike;
        let mut frame = frame.bytes();
        match random.below(60) {
            // Lost.
            0 => continue,
            // Twice.
            1 => frames.push(frame.clone()),
            // Before the one that came before.
            2 => {
                if let Some(last) = frames.last_mut() {
                    std::mem::swap(last, &mut frame);
                }
            }
            // Cut off, or damaged where it does not hit the first address.
            3 if is_cut_off && random.once_in(2) => {
                frame.truncate(14 + random.below(frame.len() - 14))
            }
            4 if random.once_in(2) => {
                let at = 6 + random.below(frame.len() - 6);
                let bit = random.below(8);
                // The kernel merges what has another version where IPv6 is to be. Each 6 may be one.
                let is_version = frame[at] >> 4 == 6 && bit >= 4;
                if !is_alike || !is_version {
                    frame[at] ^= 1 << bit;
                }
            }
            _ => {}
        }
        frames.push(frame);
    }
    frames
}

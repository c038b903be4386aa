// SPDX-License-Identifier: GPL-2.0

//! What may be another one in the headers of a frame.

use super::frames::{Frame, Gre, Ip, ACK, CWR, ECE, FIN, PSH, RST, SYN, URG};
use super::random::Random;

/// Makes something in the tunnel's headers another one.
fn change_gre(random: &mut Random, gre: &mut Gre, is_alike: bool) {
    match random.below(6) {
        0 => gre.flags ^= random.one_of(&[0x1000, 0x4000, 1]),
        1 => match &mut gre.key {
            Some(key) => *key ^= 1,
            None if is_alike && gre.checksum.is_some() => {}
            None => gre.key = Some(7),
        },
        2 => gre.is_wrong = true,
        3 => match &mut gre.ethernet {
            Some(addresses) => addresses[random.below(12)] ^= 1,
            None => gre.ethernet = Some([2; 12]),
        },
        4 => match gre.tags.last_mut() {
            Some(tag) => tag.1 ^= 0x1000,
            None => gre.tags.push((0x8100, 5)),
        },
        _ if is_alike => {}
        _ => gre.checksum = Some(u16::from(random.once_in(2))),
    }
}

/// Makes something in the headers another one.
pub(crate) fn change(random: &mut Random, frame: &mut Frame, is_alike: bool) {
    if let Some(udp) = frame.udp.as_mut().filter(|_| random.once_in(6)) {
        // The device ends a flow at such a datagram, and the kernel has it go past.
        match random.below(3) {
            _ if is_alike => {}
            0 => udp.is_unsummed = true,
            _ => udp.length_error = random.one_of(&[1, 0xffff]),
        }
        return;
    }
    let is_padded = frame.udp.is_none() || !is_alike;
    if let Some(gre) = frame.gre.as_mut().filter(|_| random.once_in(6)) {
        return change_gre(random, gre, is_alike);
    }
    let has_gre = frame.gre.is_some();
    let index = random.below(frame.ips.len());
    let last = frame.ips.len() - 1;
    let tcp = &mut frame.tcp;
    match random.below(22) {
        0 => tcp.acknowledged = tcp.acknowledged.wrapping_add(1),
        1 => tcp.window ^= 1,
        2 => tcp.reserved ^= 1 << random.below(4),
        3 => tcp.flags ^= random.one_of(&[CWR, ECE, ACK]),
        4 => tcp.flags ^= random.one_of(&[SYN, RST, URG, FIN, PSH]),
        5 => match tcp.options.last_mut() {
            Some(byte) => *byte ^= 1,
            None => tcp.options = vec![1; 4],
        },
        6 => tcp.options.truncate(4),
        7 => tcp.words = Some(random.below(16) as u8),
        8 => tcp.sequence = tcp.sequence.wrapping_add(1),
        9 => frame.is_tcp_wrong = true,
        10 => frame.is_ip_wrong = true,
        11 if is_padded => frame.padding = 1 + random.below(6),
        12 => frame.length_error = random.one_of(&[1, 0xffff]),
        13 => frame.source[5] ^= 1,
        14 => match frame.tags.last_mut() {
            Some(tag) => tag.1 ^= 0x1000,
            None => frame.tags.push((0x8100, 5)),
        },
        15 => tcp.ports[random.below(2)] ^= 1,
        // Too many headers.
        16 => {
            let inner = frame.ips[last].clone();
            frame.ips.push(inner);
        }
        // Not one of two identifications of which who cuts it goes by one bit.
        18 if is_alike && has_gre => {
            for ip in &mut frame.ips {
                if let Ip::V4 { id, .. } = ip {
                    *id = id.wrapping_add(1);
                }
            }
        }
        field => match &mut frame.ips[index] {
            Ip::V4 {
                tos,
                id,
                fragment,
                ttl,
                source,
                options,
                ..
            } => match field {
                17 => *tos ^= 1 << random.below(8),
                18 => *id = id.wrapping_add(1),
                19 => *fragment ^= random.one_of(&[0x8000, 0x4000, 0x4000, 0x2000, 1]),
                20 => *ttl ^= 1,
                _ if random.once_in(2) => *options = 1,
                _ => source[3] ^= 1,
            },
            Ip::V6 {
                class,
                label,
                hops,
                source,
                extensions,
                ..
            } => match field {
                17 => *class ^= 1 << random.below(8),
                18 => *label ^= 1,
                19 => match extensions.first_mut() {
                    Some((_, contents)) => contents[0] ^= 1,
                    None => extensions.push((random.one_of(&[0, 44, 60]), vec![0; 6])),
                },
                20 => *hops ^= 1,
                _ => source[15] ^= 2,
            },
        },
    }
}

// SPDX-License-Identifier: GPL-2.0

//! UDP datagrams of one length (`udp_gro_receive_segment()`), and what is never to go past others of its flow.

use engine::coalesce::{is_complete, is_same_to_gro, End, GroLimits};
use engine::descriptor::GsoKind;

use crate::device::{Queue, Setup, Up};
use crate::frames::{Frame, Gre, Ip, Udp};
use crate::rules::{bytes, kinds, segment, up_of, v4, v6};
use crate::{cut, SETUP};

/// A datagram with `len` bytes in each of `lens`, whose identifications count up by `step`.
fn datagrams(ips: &[Ip], step: u16, lens: &[usize]) -> Vec<Frame> {
    let datagram = |(index, len): (usize, &usize)| {
        let mut frame = segment(ips, 0, *len);
        frame.udp = Some(Udp::default());
        frame.payload.fill(index as u8);
        for ip in &mut frame.ips {
            if let Ip::V4 { id, .. } = ip {
                *id = 0xfffe_u16.wrapping_add(index as u16 * step);
            }
        }
        frame
    };
    lens.iter().enumerate().map(datagram).collect()
}

/// Bytes that each of what goes up carries.
fn payloads(frames: &[Frame], up: &[Up]) -> Vec<usize> {
    let header = frames[0].bytes().len() - frames[0].payload.len();
    up.iter().map(|up| up.packet.bytes.len() - header).collect()
}

#[track_caller]
fn check(frames: &[Frame], expected: &[usize]) -> Vec<Up> {
    let up = up_of(frames, SETUP);
    assert_eq!(payloads(frames, &up), expected, "{:?}", frames[0].ips);
    let again = up.iter().flat_map(|up| match &up.cut {
        Some(descriptor) => {
            assert!(is_complete(&up.packet.bytes, up.packet.bytes.len()));
            cut(descriptor, &up.packet.bytes)
        }
        None => vec![up.packet.bytes.clone()],
    });
    let again: Vec<_> = again.collect();
    assert_eq!(again, bytes(frames), "{:?}", frames[0].ips);
    up
}

#[test]
fn lengths() {
    for ips in kinds() {
        let of = |lens: &[usize]| datagrams(&ips, 1, lens);
        check(&of(&[100, 100, 100]), &[300]);
        check(&of(&[100, 100, 50, 50]), &[250, 50]);
        check(&of(&[50, 100, 100]), &[50, 200]);
        check(&of(&[1, 1]), &[2]);
        check(&of(&[100; 130]), &[6400, 6400, 200]);
        let len = 1400;
        let most = (65_535 - (of(&[0])[0].bytes().len() - 14)) / len;
        check(&of(&vec![len; most + 1]), &[most * len, len]);
    }
}

#[test]
fn identifications_and_tunnels() {
    for ips in kinds() {
        for step in [0, 1] {
            let mut frames = datagrams(&ips, step, &[100, 100, 60]);
            let up = check(&frames, &[260]);
            let kind = up[0].cut.and_then(|cut| cut.gso).expect("of several").kind;
            assert!(kind.has(GsoKind::UDP_L4));
            assert!(!kind.has(GsoKind::TCPV4.and(GsoKind::TCPV6)));
            if ips.len() == 1 {
                continue;
            }
            for checksum in [None, Some(0)] {
                for frame in &mut frames {
                    frame.gre = Some(Gre {
                        checksum,
                        ethernet: Some([4; 12]),
                        ..Gre::default()
                    });
                }
                check(&frames, &[260]);
            }
        }
        // One that is another one.
        let mut frames = datagrams(&ips, 2, &[100, 100]);
        let are_any = ips.iter().any(|ip| !ip.is_v6());
        check(&frames, if are_any { &[100, 100] } else { &[200] });
        frames = datagrams(&ips, 1, &[100, 100]);
        match &mut frames[1].ips[0] {
            Ip::V4 { ttl, .. } => *ttl -= 1,
            Ip::V6 { hops, .. } => *hops -= 1,
        }
        check(&frames, &[100, 100]);
        frames[0].tcp.ports[1] += 1;
        check(&frames, &[100, 100]);
    }
}

/// The kernel has such datagrams go up at once, and past those of their flow that wait for more.
#[test]
fn none_goes_past_others_of_its_flow() {
    let changes: [fn(&mut Frame); 5] = [
        |frame| frame.payload.clear(),
        |frame| frame.padding = 6,
        |frame| frame.length_error = 1,
        |frame| {
            frame.udp = Some(Udp {
                is_unsummed: true,
                ..Udp::default()
            })
        },
        |frame| {
            frame.udp = Some(Udp {
                length_error: 1,
                ..Udp::default()
            })
        },
    ];
    for ips in kinds() {
        for change in changes {
            let mut frames = datagrams(&ips, 1, &[100; 5]);
            change(&mut frames[2]);
            let up = up_of(&frames, SETUP);
            assert_eq!(up.len(), 3);
            assert_eq!(up[1].packet.bytes, frames[2].bytes());
            assert_eq!(up[1].why, None);
        }
        // One that is wrong is dropped further up.
        let mut frames = datagrams(&ips, 1, &[100; 3]);
        frames[1].is_tcp_wrong = true;
        let up = up_of(&frames, SETUP);
        assert_eq!(up[0].packet.bytes, frames[1].bytes());
    }
}

#[test]
fn only_if_the_host_wants_it() {
    let without = Setup {
        limits: GroLimits {
            datagrams: false,
            ..SETUP.limits
        },
        ..SETUP
    };
    for ips in [[v4()], [v6()]] {
        let frames = datagrams(&ips, 1, &[100; 4]);
        let up = up_of(&frames, without);
        assert_eq!(payloads(&frames, &up), [100; 4]);
        // What waits since the host wanted it goes up before the next one.
        let mut queue = Queue::new(SETUP, Box::new(|| false));
        queue.poll(1, &bytes(&frames[..2]), Some(0));
        assert!(queue.up().is_empty());
        queue.set_limits(without.limits);
        queue.poll(2, &bytes(&frames[2..]), Some(0));
        let up = queue.up();
        assert_eq!(payloads(&frames, &up), [200, 100, 100]);
        assert_eq!(up[0].why, Some(End::Flow));
    }
}

#[test]
fn what_gro_does_not_look_at() {
    for ips in kinds() {
        let wire = datagrams(&ips, 1, &[100])[0].bytes();
        for bit in 0..wire.len() * 8 {
            let mut cut = wire.clone();
            cut[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_same_to_gro(&wire, &cut), "{ips:?}: bit {bit}");
        }
        // What the header says of the length is made anew by who cuts it, and so does not show.
        let mut false_len = wire.clone();
        let len = wire.len();
        false_len[len - 103] ^= 1;
        assert!(is_complete(&wire, len) && !is_complete(&false_len, len));
    }
}

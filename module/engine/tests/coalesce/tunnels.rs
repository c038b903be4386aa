// SPDX-License-Identifier: GPL-2.0

//! GRE between two IP headers, with a key or with a checksum, and with Ethernet and VLAN tags inside.

use engine::coalesce::{is_complete, is_same_to_gro};
use engine::descriptor::GsoKind;

use crate::device::Up;
use crate::frames::{Frame, Gre, Ip};
use crate::rules::{bytes, segments, up_of, v4, v6, SIZE};
use crate::{cut, SETUP};

fn keyed(key: u32) -> Gre {
    Gre {
        key: Some(key),
        ..Gre::default()
    }
}

fn summed() -> Gre {
    Gre {
        checksum: Some(0),
        ..Gre::default()
    }
}

fn bridged(mut gre: Gre) -> Gre {
    gre.ethernet = Some([2; 12]);
    gre
}

fn tagged(mut gre: Gre) -> Gre {
    gre.tags = vec![(0x88a8, 9), (0x8100, 0x2007)];
    gre
}

/// Tunnels, and whether they have a checksum.
fn tunnels() -> Vec<Gre> {
    let plain = [Gre::default(), keyed(7), summed()].into_iter();
    let with = |change: fn(Gre) -> Gre| plain.clone().map(change);
    let bridged_and_tagged = |gre| bridged(tagged(gre));
    plain
        .clone()
        .chain(with(bridged))
        .chain(with(tagged))
        .chain(with(bridged_and_tagged))
        .collect()
}

fn pairs() -> [[Ip; 2]; 4] {
    [[v4(), v4()], [v4(), v6()], [v6(), v4()], [v6(), v6()]]
}

/// `count` segments in a row in a tunnel, whose identifications count up.
fn tunnelled(ips: &[Ip], gre: &Gre, count: usize) -> Vec<Frame> {
    let mut frames = segments(ips, count);
    for (frame, index) in frames.iter_mut().zip(0..) {
        frame.gre = Some(gre.clone());
        for ip in &mut frame.ips {
            if let Ip::V4 { id, .. } = ip {
                *id = index;
            }
        }
    }
    frames
}

/// Bytes that each of what goes up carries, of frames with headers as long as those of `frames`.
fn payloads(frames: &[Frame]) -> Vec<usize> {
    let header = frames[0].bytes().len() - frames[0].payload.len();
    let up = up_of(frames, SETUP);
    up.iter().map(|up| up.packet.bytes.len() - header).collect()
}

/// The wire frames of all that goes up.
fn again(up: &[Up]) -> Vec<Vec<u8>> {
    let frames = up.iter().flat_map(|up| match &up.cut {
        Some(descriptor) => cut(descriptor, &up.packet.bytes),
        None => vec![up.packet.bytes.clone()],
    });
    frames.collect()
}

#[test]
fn of_one_tunnel_are_one_and_can_be_cut_again() {
    for ips in pairs() {
        for gre in tunnels() {
            let frames = tunnelled(&ips, &gre, 3);
            let up = up_of(&frames, SETUP);
            let [one] = &up[..] else {
                panic!("{} of {gre:?} in {ips:?}", up.len());
            };
            let descriptor = one.cut.as_ref().expect("of several");
            let kind = descriptor.gso.expect("to be cut").kind;
            let [plain, with_checksum] = [GsoKind::GRE, GsoKind::GRE_CSUM].map(|it| kind.has(it));
            assert_eq!(
                (plain, with_checksum),
                (gre.checksum.is_none(), gre.checksum.is_some())
            );
            assert!(!kind.has(GsoKind::IPXIP4.and(GsoKind::IPXIP6)));
            // Where the tunnel's header is.
            assert_eq!(
                usize::from(descriptor.headers.transport),
                14 + ip_len(&ips[0])
            );
            assert!(is_complete(&one.packet.bytes, one.packet.bytes.len()));
            assert_eq!(again(&up), bytes(&frames), "{gre:?} in {ips:?}");
        }
    }
}

fn ip_len(ip: &Ip) -> usize {
    match ip {
        Ip::V4 { .. } => 20,
        Ip::V6 { .. } => 40,
    }
}

/// A tunnel header, and what makes another one of it.
type Change = (Gre, fn(&mut Gre));

#[test]
fn of_different_tunnels_are_not_one() {
    let changes: [Change; 6] = [
        (keyed(7), |gre| gre.key = Some(8)),
        (keyed(7), |gre| gre.key = None),
        (Gre::default(), |gre| gre.checksum = Some(0)),
        (bridged(keyed(7)), |gre| gre.ethernet = Some([3; 12])),
        (bridged(summed()), |gre| gre.ethernet = None),
        (tagged(summed()), |gre| gre.tags[1].1 ^= 1),
    ];
    for ips in pairs() {
        for (gre, change) in &changes {
            let mut frames = tunnelled(&ips, gre, 4);
            change(frames[1].gre.as_mut().expect("GRE"));
            let up = up_of(&frames, SETUP);
            // The first one waits on, and the third is not the next one.
            assert_eq!(up.len(), 3, "{gre:?} in {ips:?}");
            let mut all = again(&up);
            let mut sent = bytes(&frames);
            all.sort();
            sent.sort();
            assert_eq!(all, sent);
        }
    }
}

/// What GRO does not take, what is wrong, and what could not be cut again.
#[test]
fn what_goes_past() {
    let both = Gre {
        key: Some(7),
        ..summed()
    };
    let changes: [fn(&mut Gre); 5] = [
        |gre| gre.flags = 0x1000,
        |gre| gre.flags = 1,
        |gre| gre.flags = 0x4000,
        |gre| gre.is_wrong = true,
        |gre| gre.checksum = Some(1),
    ];
    for ips in pairs() {
        for change in changes {
            let mut frames = tunnelled(&ips, &summed(), 2);
            change(frames[1].gre.as_mut().expect("GRE"));
            let up = up_of(&frames, SETUP);
            assert_eq!(up[0].packet.bytes, frames[1].bytes());
            assert_eq!(up[1].packet.bytes, frames[0].bytes());
        }
        assert_eq!(payloads(&tunnelled(&ips, &both, 2)), [SIZE, SIZE]);
        // GRE in GRE's place inside, and IP in IP.
        let mut deep = tunnelled(&ips, &summed(), 2);
        for frame in &mut deep {
            frame.ips.push(v4());
        }
        assert!(up_of(&deep, SETUP).iter().all(|up| up.cut.is_none()));
    }
}

/// Of a frame whose outer length is wrong the checksum of the tunnel is not looked at, and it ends its flow.
#[test]
fn what_ends() {
    for ips in pairs() {
        let mut frames = tunnelled(&ips, &summed(), 2);
        frames[1].length_error = 1;
        frames[1].gre.as_mut().expect("GRE").is_wrong = true;
        let up = up_of(&frames, SETUP);
        assert_eq!(up[0].packet.bytes, frames[0].bytes());
        assert_eq!(up[1].packet.bytes, frames[1].bytes());
    }
}

/// Who cuts a super-frame in GRE goes by one bit for the identifications of both headers: if they differ in
/// that, nothing could say so.
#[test]
fn identifications() {
    let set = |ip: &mut Ip, new: u16| {
        if let Ip::V4 { id, .. } = ip {
            *id = new;
        }
    };
    for ips in pairs() {
        let are_both = ips.iter().all(|ip| !ip.is_v6());
        for (steps, expected) in [
            ([1, 1], &[300][..]),
            ([0, 0], &[300]),
            ([0, 1], if are_both { &[100, 100, 100] } else { &[300] }),
            ([1, 0], if are_both { &[100, 100, 100] } else { &[300] }),
        ] {
            let mut frames = tunnelled(&ips, &Gre::default(), 3);
            for (frame, index) in frames.iter_mut().zip(0..) {
                for (ip, step) in frame.ips.iter_mut().zip(steps) {
                    set(ip, 0xffff_u16.wrapping_add(index * step));
                }
            }
            assert_eq!(payloads(&frames), expected, "{steps:?} in {ips:?}");
            assert_eq!(
                again(&up_of(&frames, SETUP)),
                bytes(&frames),
                "{steps:?} in {ips:?}"
            );
        }
    }
}

/// A bit that is another one is a difference; a checksum of all ones is one of zeros.
#[test]
fn what_gro_does_not_look_at() {
    for ips in pairs() {
        for gre in tunnels() {
            let wire = tunnelled(&ips, &gre, 1)[0].bytes();
            let tcp = wire.len() - SIZE - 20;
            for bit in 0..wire.len() * 8 {
                let mut cut = wire.clone();
                cut[bit / 8] ^= 1 << (bit % 8);
                let is_urgent = (tcp + 18..tcp + 20).contains(&(bit / 8));
                assert_eq!(
                    is_same_to_gro(&wire, &cut),
                    is_urgent,
                    "{gre:?} in {ips:?}: {bit}"
                );
            }
            let check = 14 + ip_len(&ips[0]) + 4;
            let [mut zero, mut other] = [wire.clone(), wire.clone()];
            zero[check..check + 2].fill(0);
            other[check..check + 2].fill(0xff);
            assert_eq!(is_same_to_gro(&zero, &other), gre.checksum.is_some());
        }
    }
}

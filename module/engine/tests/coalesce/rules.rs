// SPDX-License-Identifier: GPL-2.0

//! The rules one by one, as the kernel's own test of GRO (`gro.c`) asks for them.

use engine::coalesce::{is_complete, is_same_to_gro};
use engine::descriptor::GsoKind;

use crate::common::PORT_ADDRESS;
use crate::device::{Queue, Setup, Up};
use crate::frames::{Frame, Ip, ACK, CWR, DO_NOT_FRAGMENT, FIN, PSH, RST, SYN, URG};
use crate::{cut, SETUP};

pub(crate) const SIZE: usize = 100;

pub(crate) fn v4() -> Ip {
    Ip::V4 {
        tos: 0,
        id: 0,
        fragment: DO_NOT_FRAGMENT,
        ttl: 8,
        source: [10, 0, 0, 1],
        target: [10, 0, 0, 2],
        options: 0,
    }
}

pub(crate) fn v6() -> Ip {
    Ip::V6 {
        version: 6,
        class: 0,
        label: 0,
        hops: 8,
        source: [0xfd; 16],
        target: [0xfc; 16],
        extensions: Vec::new(),
    }
}

/// A segment with `len` bytes from `at` on.
pub(crate) fn segment(ips: &[Ip], at: usize, len: usize) -> Frame {
    let mut frame = Frame::segment_at(ips, 100 + at, vec![b'a'; len]);
    frame.target = PORT_ADDRESS;
    frame.tcp.ports = [1500, 8000];
    frame.tcp.acknowledged = 100;
    frame.tcp.window = 0xffff;
    frame
}

/// `count` segments in a row.
pub(crate) fn segments(ips: &[Ip], count: usize) -> Vec<Frame> {
    let segment = |index| segment(ips, index * SIZE, SIZE);
    (0..count).map(segment).collect()
}

pub(crate) fn bytes(frames: &[Frame]) -> Vec<Vec<u8>> {
    frames.iter().map(Frame::bytes).collect()
}

pub(crate) fn up_of(frames: &[Frame], setup: Setup) -> Vec<Up> {
    let mut queue = Queue::new(setup, Box::new(|| false));
    queue.poll(1, &bytes(frames), Some(1));
    queue.up()
}

/// The bytes of payload in each packet that goes up, of frames with equally long headers.
pub(crate) fn payloads_of(frames: &[Frame], setup: Setup) -> Vec<usize> {
    let header = |frame: &Frame| frame.bytes().len() - frame.payload.len() - frame.padding;
    let headers = header(&frames[0]);
    let up = up_of(frames, setup);
    up.iter()
        .map(|up| up.packet.bytes.len() - headers)
        .collect()
}

#[track_caller]
pub(crate) fn check(ips: &[Ip], frames: &[Frame], expected: &[usize]) {
    assert_eq!(payloads_of(frames, SETUP), expected, "{ips:?}");
}

pub(crate) fn kinds() -> Vec<Vec<Ip>> {
    vec![
        vec![v4()],
        vec![v6()],
        vec![v4(), v4()],
        vec![v6(), v6()],
        vec![v6(), v4()],
        vec![v4(), v6()],
    ]
}

/// `frames` with the last one changed.
fn last_changed(mut frames: Vec<Frame>, change: impl FnOnce(&mut Frame)) -> Vec<Frame> {
    change(frames.last_mut().expect("a frame"));
    frames
}

#[test]
fn lengths() {
    for ips in kinds() {
        let two = |first, second| [segment(&ips, 0, first), segment(&ips, first, second)];
        check(&ips, &two(100, 100), &[200]);
        check(&ips, &two(100, 50), &[150]);
        check(&ips, &two(100, 1), &[101]);
        check(&ips, &two(50, 100), &[50, 100]);
        check(&ips, &[two(0, 0), two(0, 0)].concat(), &[0, 0, 0, 0]);
    }
}

#[test]
fn flags() {
    for ips in kinds() {
        let with = |index: usize, len, flag| {
            let mut frames = segments(&ips, 5);
            frames[index] = segment(&ips, index * SIZE, len);
            frames[index].tcp.flags |= flag;
            frames
        };
        check(&ips, &with(2, SIZE, PSH), &[300, 200]);
        check(&ips, &with(2, SIZE, FIN), &[300, 200]);
        for flag in [SYN, RST, URG] {
            check(&ips, &with(2, 0, flag), &[200, 0, 200]);
        }
        let mut frames = with(2, SIZE, CWR);
        frames[1].tcp.flags |= CWR;
        check(&ips, &frames, &[100, 200, 200]);
    }
}

#[test]
fn what_is_another_one_in_the_headers() {
    for ips in kinds() {
        let two = || segments(&ips, 2);
        let apart: [fn(&mut Frame); 8] = [
            |frame| frame.is_tcp_wrong = true,
            |frame| frame.tcp.sequence += 1,
            |frame| frame.tcp.acknowledged += 1,
            |frame| frame.tcp.window -= 1,
            |frame| frame.source[0] ^= 4,
            |frame| frame.tcp.ports[0] += 1,
            |frame| frame.length_error = 1,
            |frame| frame.tcp.reserved = 1,
        ];
        for (index, change) in apart.into_iter().enumerate() {
            let frames = last_changed(two(), change);
            assert_eq!(payloads_of(&frames, SETUP), [100, 100], "{index}: {ips:?}");
        }
        for at in 0..ips.len() {
            let changed =
                |change: &dyn Fn(&mut Ip)| last_changed(two(), |frame| change(&mut frame.ips[at]));
            let hops = changed(&|ip| match ip {
                Ip::V4 { ttl, .. } => *ttl -= 1,
                Ip::V6 { hops, .. } => *hops -= 1,
            });
            let congested = changed(&|ip| match ip {
                Ip::V4 { tos, .. } => *tos ^= 2,
                Ip::V6 { class, .. } => *class ^= 2,
            });
            for frames in [hops, congested] {
                check(&ips, &frames, &[100, 100]);
            }
        }
        // Padding is more than the packet has.
        let padded = last_changed(two(), |frame| frame.padding = 4);
        check(&ips, &padded, &[100, 104]);
    }
}

#[test]
fn what_goes_past_and_what_ends() {
    for ips in [vec![v4()], vec![v4(), v4()]] {
        // Of no flow that GRO could tell: it goes up at once, and past what waits.
        for change in [
            (|frame: &mut Frame| frame.is_ip_wrong = true) as fn(&mut Frame),
            |frame| match &mut frame.ips[0] {
                Ip::V4 { fragment, .. } => *fragment = 0x6000,
                Ip::V6 { .. } => {}
            },
            |frame| frame.tcp.words = Some(4),
        ] {
            let mut frames = segments(&ips, 3);
            change(&mut frames[1]);
            let up = up_of(&frames, SETUP);
            assert_eq!(up[0].packet.bytes, frames[1].bytes());
            assert_eq!(up[1].packet.bytes, frames[0].bytes());
        }
        // Of the flow, but with nothing to be put together: behind what it ends.
        for change in [
            (|frame: &mut Frame| frame.payload.clear()) as fn(&mut Frame),
            |frame| frame.length_error = 1,
            |frame| frame.tcp.flags |= RST,
        ] {
            let mut frames = segments(&ips, 2);
            change(&mut frames[1]);
            let up = up_of(&frames, SETUP);
            assert_eq!(up[0].packet.bytes, frames[0].bytes());
            assert_eq!(up[1].packet.bytes, frames[1].bytes());
            assert!(up[1].why.is_none());
        }
    }
}

/// The kernel's GRO would put them together, and IPv6 drops them: they are nothing to cut again.
#[test]
fn what_is_not_ipv6_goes_past() {
    let mut ip = v6();
    if let Ip::V6 { version, .. } = &mut ip {
        *version = 5;
    }
    let frames = segments(&[ip], 2);
    check(&[], &frames, &[100, 100]);
    assert!(up_of(&frames, SETUP).iter().all(|up| up.why.is_none()));
}

#[test]
fn options_of_tcp() {
    for ips in kinds() {
        let stamps = |frames: &mut [Frame], numbers: &[u8]| {
            for (frame, number) in frames.iter_mut().zip(numbers) {
                frame.tcp.options = vec![1, 1, 8, 10, 0, 0, 0, *number, 0, 0, 0, 0];
            }
        };
        let mut frames = segments(&ips, 5);
        stamps(&mut frames, &[0, 0, 100, 101, 102]);
        check(&ips, &frames, &[200, 100, 100, 100]);
        let mut frames = segments(&ips, 3);
        stamps(&mut frames[..2], &[0, 0]);
        frames[2].tcp.options = vec![1, 3, 3, 0];
        let up = up_of(&frames, SETUP);
        assert_eq!(up.len(), 2);
    }
}

#[test]
fn identifications() {
    let set = |ips: &mut [Ip], at: usize, new_id: u16, flags: u16| {
        if let Ip::V4 { id, fragment, .. } = &mut ips[at] {
            (*id, *fragment) = (new_id, flags);
        }
    };
    for (ips, at, fixed) in [
        (vec![v4()], 0, GsoKind::TCP_FIXEDID),
        (vec![v4(), v4()], 1, GsoKind::TCP_FIXEDID_INNER),
        (vec![v6(), v4()], 1, GsoKind::TCP_FIXEDID_INNER),
    ] {
        for flags in [0, DO_NOT_FRAGMENT] {
            for (ids, expected, is_fixed) in [
                (&[8, 9, 10][..], &[300][..], false),
                (&[8, 8, 8], &[300], true),
                (&[8, 9, 9], &[200, 100], false),
                (&[8, 8, 9], &[200, 100], true),
                (&[0xffff, 0, 1], &[300], false),
                (&[8, 10, 11], &[100, 200], false),
            ] {
                let mut frames = segments(&ips, ids.len());
                for (frame, id) in frames.iter_mut().zip(ids) {
                    set(&mut frame.ips, at, *id, flags);
                }
                check(&ips, &frames, expected);
                let up = up_of(&frames, SETUP);
                let several = up.iter().find_map(|up| up.cut).expect("one of several");
                let kind = several.gso.expect("to be cut").kind;
                assert_eq!(kind.has(fixed), is_fixed, "{ids:?}");
                let again: Vec<_> = up
                    .iter()
                    .flat_map(|up| match &up.cut {
                        Some(descriptor) => cut(descriptor, &up.packet.bytes),
                        None => vec![up.packet.bytes.clone()],
                    })
                    .collect();
                assert_eq!(again, bytes(&frames));
            }
        }
        // One of each.
        let mut frames = segments(&ips, 2);
        set(&mut frames[1].ips, at, 1, 0);
        check(&ips, &frames, &[100, 100]);
    }
}

/// A bit that is another one is a difference, but where GRO does not look.
#[test]
fn what_gro_does_not_look_at() {
    for ips in kinds() {
        let wire = segment(&ips, 0, SIZE);
        let is_sit = matches!(ips[..], [Ip::V4 { .. }, Ip::V6 { .. }]);
        let tcp = wire.bytes().len() - SIZE - 20;
        for flags in [ACK, ACK | URG] {
            let mut wire = wire.clone();
            wire.tcp.flags = flags;
            let wire = wire.bytes();
            for bit in 0..wire.len() * 8 {
                let mut cut = wire.clone();
                cut[bit / 8] ^= 1 << (bit % 8);
                let is_urgent = (tcp + 18..tcp + 20).contains(&(bit / 8)) && flags & URG == 0;
                let is_id = is_sit && (18..20).contains(&(bit / 8));
                let expected = is_urgent || is_id;
                assert_eq!(is_same_to_gro(&wire, &cut), expected, "{ips:?}: bit {bit}");
                if expected {
                    // The sum of what is not looked at is not, either.
                    cut[if is_id { 24 } else { tcp + 16 }] ^= 0x10;
                    assert!(is_same_to_gro(&wire, &cut), "{ips:?}: bit {bit}");
                    cut[tcp + 15] ^= 1;
                    assert!(!is_same_to_gro(&wire, &cut), "{ips:?}: bit {bit}");
                }
            }
            let len = wire.len();
            assert!(is_complete(&wire, len) && is_complete(&wire[..len - SIZE], len));
            assert!(!is_complete(&wire, len + 1) && !is_complete(&wire, len - 1));
            assert!(!is_same_to_gro(&wire, &wire[..len - 1]));
            assert!(!is_same_to_gro(&wire, &[&wire[..], &[0]].concat()));
            let [mut zero, mut other] = [wire.clone(), wire.clone()];
            zero[tcp + 16..tcp + 18].fill(0);
            other[tcp + 16..tcp + 18].fill(0xff);
            assert!(is_same_to_gro(&zero, &other) && is_same_to_gro(&other, &zero));
            assert!(!is_same_to_gro(&zero, &wire));
        }
    }
}

#[test]
fn extension_headers() {
    let extended = |kind, byte| {
        let mut ip = v6();
        if let Ip::V6 { extensions, .. } = &mut ip {
            *extensions = vec![(kind, vec![byte; 6])];
        }
        ip
    };
    let two = |kind, byte| {
        let first = segment(&[extended(kind, 0)], 0, SIZE);
        [first, segment(&[extended(kind, byte)], SIZE, SIZE)]
    };
    for kind in [0, 43, 60] {
        check(&[], &two(kind, 0), &[200]);
        check(&[], &two(kind, 1), &[100, 100]);
    }
    // Fragments.
    check(&[], &two(44, 0), &[100, 100]);
}

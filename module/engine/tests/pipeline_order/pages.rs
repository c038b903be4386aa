// SPDX-License-Identifier: GPL-2.0

//! Headers and what they carry apart.

use super::*;

/// A port whose host wants what is behind the headers of long frames in pages.
const fn splitting(above: u32) -> Port {
    Port {
        split_above: Some(above),
        ..PORT
    }
}

/// A super-frame is cut straight into pages, and its frames that are not longer than the limit go up as
/// they would otherwise.
#[test]
fn a_super_frame_is_cut_into_pages() {
    let limit = HEADERS as u32 + 500;
    let (log, frames) = steps(splitting(limit), Running::Nothing, super_frame());
    assert_eq!(frames, 3);
    let [Step::Arrived(1, first), Step::CutInPages(1000), Step::Arrived(1, _), Step::CutInPages(1000), Step::Arrived(1, last), Step::Cut(500), Step::Received(bytes, _), Step::Consumed] =
        &log[..]
    else {
        panic!("{log:?}");
    };
    assert_eq!((*first, *last), (wire(1000), wire(500)));
    assert!(is_valid(bytes));

    let (log, _) = steps(splitting(limit - 1), Running::Nothing, super_frame());
    assert_eq!(log[5], Step::CutInPages(500));

    // None of them is long enough.
    let (log, _) = steps(
        splitting(wire(1000) as u32),
        Running::Nothing,
        super_frame(),
    );
    assert_eq!(log[0], Step::Whole(3));

    // Of what is to be looked at in one piece, each frame goes all the way.
    let verified = Port {
        checksums: RxChecksums::Verified,
        ..splitting(0)
    };
    let pass = program(&[mov_imm(R0, XdpVerdict::Pass as i32), exit()], &[]);
    for (port, running) in [
        (verified, Running::Nothing),
        (splitting(0), Running::Xdp(&pass)),
    ] {
        let (log, _) = steps(port, running, super_frame());
        assert_eq!(log.len(), 10, "{log:?}");
        for (steps, len) in log.chunks(3).zip([1000, 1000, 500]) {
            let [_, Step::Cut(_), Step::InPages(payload, _)] = steps else {
                panic!("{log:?}");
            };
            assert_eq!(*payload, len);
        }
    }
}

#[test]
fn long_frames_of_tcp_go_up_in_pages() {
    let whole = (HEADERS + PAYLOAD) as u32;
    let plain = plain();
    let sum = told(&plain.bytes);
    let arrived = || Step::Arrived(1, wire(PAYLOAD));
    let in_pages = [arrived(), Step::InPages(PAYLOAD, sum)];
    for above in [0, whole - 1] {
        let (log, _) = steps(splitting(above), Running::Nothing, plain.clone());
        assert_eq!(log, in_pages);
    }
    let up = |port, sent| {
        let (mut log, _) = steps(port, Running::Nothing, sent);
        log.pop()
    };
    let received = |frame: &Frames| {
        let told = told(&frame.bytes);
        Some(Step::Received(frame.bytes.clone(), told))
    };
    assert_eq!(up(splitting(whole), plain.clone()), received(&plain));
    // Those with nothing behind their headers, and others than TCP's.
    let mut empty = plain.clone();
    empty.bytes.truncate(HEADERS);
    assert_eq!(up(splitting(0), empty.clone()), received(&empty));
    assert_eq!(up(splitting(0), datagram()), received(&datagram()));
    let mut piece = plain.clone();
    piece.bytes[20] = 0x20;
    assert_eq!(up(splitting(0), piece.clone()), received(&piece));
    // A length of TCP's header that is none, and one that goes beyond the frame.
    for words in [0x40, 0xf0] {
        let mut wrong = plain.clone();
        wrong.bytes.truncate(HEADERS + 39);
        wrong.bytes[HEADERS - 8] = words;
        assert_eq!(up(splitting(0), wrong.clone()), received(&wrong));
    }
    // Its options belong to it, and so does a tag to the headers.
    let mut long = plain.clone();
    long.bytes[HEADERS - 8] = 0xf0;
    long.bytes.splice(12..12, [0x81, 0, 0, 9]);
    let told = told(&long.bytes);
    let expected = Step::InPages(PAYLOAD - 40, told);
    assert_eq!(up(splitting(0), long), Some(expected));
    // Who looks at the checksum by itself has seen the frame in one piece.
    let verified = Port {
        checksums: RxChecksums::Verified,
        ..splitting(0)
    };
    let (log, _) = steps(verified, Running::Nothing, single());
    let [_, Step::FilledIn, Step::Copied(_), Step::InPages(PAYLOAD, RxChecksum::Verified)] =
        &log[..]
    else {
        panic!("{log:?}");
    };
}

/// What a program has written is what goes into the pages; a program of the host gets the frame where it
/// lies, and learns where to part it.
#[test]
fn programs_come_before_the_pages() {
    let writes = writes(54, XdpVerdict::Pass);
    let mut changed = plain();
    let (log, _) = steps(splitting(0), Running::Xdp(&writes), changed.clone());
    changed.bytes[54] = 0x5a;
    let last = Step::InPages(PAYLOAD, told(&changed.bytes));
    assert_eq!(log.last(), Some(&last));

    for (above, header) in [(0, HEADERS as u32), (u32::MAX, 0)] {
        let port = Port {
            host_program: true,
            ..splitting(above)
        };
        let (device, _) = run(port, Running::Nothing, single(), None);
        assert_eq!(device.host_headers, [header]);
    }
}

/// Without pages the frame is lost, and counted.
#[test]
fn without_pages_a_frame_is_lost() {
    let mut device = Device {
        is_out_of_pages: true,
        ..Device::default()
    };
    within(splitting(0), Running::Nothing, None, |pipeline| {
        assert_eq!(pipeline.arrive(&mut device, plain()), 1);
    });
    let lost = Step::Lost(Lost::NoBuffer);
    assert_eq!(device.log, [Step::Arrived(1, wire(PAYLOAD)), lost]);
}

/// A tag leaves the headers behind the hash and before the sum, wherever the payload goes.
#[test]
fn a_tag_leaves_headers_that_are_apart() {
    let port = Port {
        strip: TagKinds {
            customer: true,
            service: false,
        },
        ..splitting(0)
    };
    let mut tagged = plain();
    let told = told(&tagged.bytes);
    tagged.bytes.splice(12..12, [0x81, 0, 0, 9]);
    let arrived = Step::Arrived(1, wire(PAYLOAD) + 4);
    let (log, _) = steps(port, Running::Nothing, tagged.clone());
    assert_eq!(log, [arrived, Step::InPages(PAYLOAD, told)]);

    let port = Port {
        host_program: true,
        ..port
    };
    let (device, _) = run(port, Running::Nothing, tagged, None);
    // As it is without the tag.
    assert_eq!(device.host_headers, [HEADERS as u32]);
    assert!(device.tags.iter().all(Option::is_some), "{:?}", device.tags);
}

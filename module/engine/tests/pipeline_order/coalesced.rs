// SPDX-License-Identifier: GPL-2.0

//! Where frames are put together: behind everything else, and with nothing that goes up past them.

use super::*;

/// What becomes of `sent`, one after the other, and of what is held then.
fn log(port: Port, running: Running<'_, HostMemory, Maps>, sent: Vec<Frames>) -> Vec<Step> {
    let mut device = Device::default();
    within_limits(port, running, None, port.coalesces(), |pipeline| {
        for frames in sent {
            pipeline.arrive(&mut device, frames);
        }
        pipeline.end_all(&mut device);
    });
    assert!(device.held.is_empty());
    let is_told = |step: &Step| !matches!(step, Step::Arrived(..) | Step::Copied(_));
    device.log.into_iter().filter(is_told).collect()
}

/// A segment as it is on the wire, whose payload begins `at`.
fn segment(at: usize, len: usize) -> Frames {
    let sequence = u32::try_from(at).expect("a short one").to_be_bytes();
    let mut frame = single();
    frame.bytes.truncate(HEADERS + len);
    frame.bytes[38..42].copy_from_slice(&sequence);
    let packet = u16::try_from(40 + len).expect("a short one");
    frame.bytes[16..18].copy_from_slice(&packet.to_be_bytes());
    frame.bytes[24..26].fill(0);
    let check = Sum16BitWords::new().add_slice(&frame.bytes[14..34]);
    frame.bytes[24..26].copy_from_slice(&check.ones_complement().to_ne_bytes());
    frame.bytes[50..52].fill(0);
    let check = Sum16BitWords::new()
        .add_slice(&frame.bytes[26..])
        .add_2bytes([0, 6])
        .add_2bytes((packet - 20).to_be_bytes());
    frame.bytes[50..52].copy_from_slice(&check.ones_complement().to_ne_bytes());
    frame.descriptor = None;
    frame
}

fn several(frames: u32, payload: usize) -> Step {
    Step::Released(frames, HEADERS + payload, End::Flow)
}

#[test]
fn behind_a_program_that_has_seen_each() {
    let segments = || (0..3).map(|index| segment(index * 100, 100)).collect();
    assert_eq!(log(PORT, Running::Nothing, segments()), [several(3, 300)]);
    let pass = program(&[mov_imm(R0, 2), exit()], &[]);
    assert_eq!(
        log(PORT, Running::Xdp(&pass), segments()),
        [several(3, 300)]
    );
    // What is said of each the host is to learn of each.
    let classify = classifier(&[mov_imm(R0, 0), exit()], &[]);
    let running = Running::Classifier {
        program: &classify,
        returns_class: false,
    };
    let steps = log(PORT, running, segments());
    assert!(matches!(
        steps[..],
        [Step::Received(..), Step::Received(..), Step::Received(..)]
    ));
}

#[test]
fn only_if_it_is_wanted_and_known() {
    let unwanted = Port {
        whole: None,
        ..PORT
    };
    let unknown = Port {
        checksums: RxChecksums::Verified,
        ..PORT
    };
    let seen = Port {
        host_program: true,
        ..PORT
    };
    let in_pages = Port {
        split_above: Some(0),
        ..PORT
    };
    for port in [unwanted, unknown, seen, in_pages] {
        let steps = log(
            port,
            Running::Nothing,
            vec![segment(0, 100), segment(100, 100)],
        );
        assert_eq!(steps.len(), 2, "{steps:?}");
        assert!(!steps.iter().any(|step| matches!(step, Step::Released(..))));
    }
}

/// What stays whole goes up behind what has come before, and does not wait.
#[test]
fn super_frames_in_their_order() {
    let sent = vec![
        segment(0, 100),
        segment(100, 100),
        super_frame(),
        segment(0, 100),
    ];
    let steps = log(PORT, Running::Nothing, sent);
    assert_eq!(steps, [several(2, 200), Step::Whole(3), several(1, 100)]);
    // One that has to be cut is put together again.
    let mut shared = super_frame();
    shared.is_shared = true;
    let steps = log(PORT, Running::Nothing, vec![shared]);
    let expected = [
        Step::Cut(1000),
        Step::Cut(1000),
        Step::Cut(500),
        several(3, 2500),
        Step::Consumed,
    ];
    assert_eq!(steps, expected);
}

/// `segment` as its sender leaves it that has the device fill in the checksum.
fn open(at: usize, len: usize) -> Frames {
    let mut frame = segment(at, len);
    let transport = u16::try_from(20 + len).expect("a short one");
    let seed = Sum16BitWords::new()
        .add_slice(&frame.bytes[26..34])
        .add_2bytes([0, 6])
        .add_2bytes(transport.to_be_bytes());
    frame.bytes[50..52].copy_from_slice(&(!seed.ones_complement()).to_ne_bytes());
    frame.descriptor = single().descriptor.map(|descriptor| TxDescriptor {
        len: u32::try_from(frame.bytes.len()).expect("a short one"),
        ..descriptor
    });
    frame
}

/// With PSH, so that it does not wait.
fn last(mut frame: Frames) -> Frames {
    frame.bytes[47] |= 8;
    frame
}

/// Nobody fills in a checksum that nobody sees.
#[test]
fn with_open_checksums_as_they_lie() {
    let segments = || (0..3).map(|index| open(index * 100, 100)).collect();
    assert_eq!(log(PORT, Running::Nothing, segments()), [several(3, 300)]);
    // One that is put behind others is one of them whether its checksum was open or not.
    let mixed = vec![segment(0, 100), open(100, 100), segment(200, 100)];
    assert_eq!(log(PORT, Running::Nothing, mixed), [several(3, 300)]);
    // By itself it is as on the wire.
    let alone = log(PORT, Running::Nothing, vec![open(0, 100)]);
    assert_eq!(alone, [several(1, 100)]);
    let alone = log(PORT, Running::Nothing, vec![last(open(0, 100))]);
    assert!(matches!(
        alone[..],
        [Step::Shared(100, RxChecksum::Complete(_))]
    ));
}

#[test]
fn with_checksums_that_are_filled_in_first() {
    let both = || vec![open(0, 100), open(100, 100)];
    let changed = |change: fn(&mut Frames)| {
        let mut frames = both();
        frames.iter_mut().for_each(change);
        frames
    };
    let merged = |port, running, sent| {
        let expected = [Step::FilledIn, Step::FilledIn, several(2, 200)];
        assert_eq!(log(port, running, sent), expected);
    };
    // Somebody may still write to it.
    merged(
        PORT,
        Running::Nothing,
        changed(|frame| frame.is_stable = false),
    );
    // A program sees each.
    let pass = program(&[mov_imm(R0, 2), exit()], &[]);
    merged(PORT, Running::Xdp(&pass), both());
    // A tag is on its way elsewhere.
    let strip = TagKinds {
        customer: true,
        service: false,
    };
    let tag = VlanTag {
        protocol: 0x8100,
        tci: 5,
    };
    let tagged = both().into_iter().map(|frame| frame.tagged(tag)).collect();
    merged(Port { strip, ..PORT }, Running::Nothing, tagged);
    // What is not going to be right is not put together.
    let steps = log(
        PORT,
        Running::Nothing,
        changed(|frame| frame.bytes[50] ^= 1),
    );
    let up = |step: &Step| matches!(step, Step::Received(..));
    assert_eq!(steps.iter().filter(|step| up(step)).count(), 2, "{steps:?}");
    // Nor is it told of a frame that is longer than the port takes.
    let short = Port {
        limit: LengthLimit::of(HEADERS + 99),
        ..PORT
    };
    let lost = [Step::Consumed, Step::Lost(Lost::TooLong)];
    assert_eq!(log(short, Running::Nothing, vec![open(0, 100)]), lost);
}

// SPDX-License-Identifier: GPL-2.0

//! What is done to frames, in which order, and which of them stay whole, meet programs or are lost.

use super::*;

#[test]
fn a_super_frame_that_nobody_looks_at_stays_whole_if_it_may() {
    let cuts = |port| steps(port, Running::Nothing, super_frame());
    let bytes = wire(1000) * 2 + wire(500);
    assert_eq!(
        cuts(PORT),
        (vec![Step::Whole(3), Step::Arrived(3, bytes)], 1)
    );
    let split = [
        Step::Arrived(1, wire(1000)),
        Step::Split(1000),
        Step::Arrived(1, wire(1000)),
        Step::Split(1000),
        Step::Arrived(1, wire(500)),
        Step::Split(500),
        Step::Consumed,
    ];
    let unwanted = Port {
        whole: None,
        ..PORT
    };
    assert_eq!(cuts(unwanted), (Vec::from(split), 3));
    let too_long = GroLimits {
        ipv4: 2000,
        ipv6: 2000,
        datagrams: false,
    };
    let (log, _) = cuts(Port {
        whole: Some(too_long),
        ..PORT
    });
    assert!(matches!(log[1], Step::Split(1000)), "{log:?}");
}

/// What is cut is complete before anything looks at it, and each frame is dealt with before the next
/// one is made.
#[test]
fn segments_are_made_one_by_one_and_finished() {
    let alone = Port {
        merges: false,
        whole: None,
        ..PORT
    };
    let verified = Port {
        checksums: RxChecksums::Verified,
        ..PORT
    };
    let mut unstable = super_frame();
    unstable.is_stable = false;
    let mut shared = unstable.clone();
    shared.is_shared = true;
    let none = Port {
        whole: None,
        ..PORT
    };
    for (port, sent) in [
        (alone, super_frame()),
        (verified, super_frame()),
        (none, unstable),
        // Others may still write to it.
        (PORT, shared),
    ] {
        let (log, frames) = steps(port, Running::Nothing, sent);
        assert_eq!((log.len(), frames), (10, 3));
        assert_eq!(log[9], Step::Consumed);
        for (steps, len) in log.chunks(3).zip([1000, 1000, 500]) {
            let [Step::Arrived(1, arrived), Step::Cut(cut), Step::Received(bytes, checksum)] =
                steps
            else {
                panic!("{steps:?}");
            };
            assert_eq!((*cut, *arrived), (len, wire(len)));
            assert_eq!(bytes.len(), HEADERS + len);
            assert!(is_valid(bytes));
            let expected = match port.checksums {
                RxChecksums::Verified => RxChecksum::Verified,
                _ => told(bytes),
            };
            assert_eq!(*checksum, expected);
        }
    }
}

/// The host's own program sees each wire frame, and is told nothing of its checksum.
#[test]
fn a_program_of_the_host_gets_frames_where_they_lie() {
    let port = Port {
        host_program: true,
        ..PORT
    };
    let (log, _) = steps(port, Running::Nothing, single());
    let all = wire(PAYLOAD);
    let whole = HEADERS + PAYLOAD;
    assert_eq!(
        log,
        [
            Step::Arrived(1, all),
            Step::FilledIn,
            Step::ForHostProgram(whole)
        ]
    );
    let (log, _) = steps(port, Running::Nothing, super_frame());
    let seen = log.iter().filter_map(|step| match step {
        Step::ForHostProgram(len) => Some(*len),
        _ => None,
    });
    assert_eq!(
        seen.collect::<Vec<_>>(),
        [HEADERS + 1000, HEADERS + 1000, HEADERS + 500]
    );
}

#[test]
fn single_frames() {
    let arrived = Step::Arrived(1, wire(PAYLOAD));
    let (log, frames) = steps(PORT, Running::Nothing, single());
    assert_eq!(frames, 1);
    let [first, Step::FilledIn, Step::Copied(room), Step::Received(bytes, _)] = &log[..] else {
        panic!("{log:?}");
    };
    assert_eq!((first, *room), (&arrived, Room::default()));
    assert!(is_valid(bytes));

    // What others have is filled in on a copy, and once.
    let mut shared = single();
    shared.is_shared = true;
    let (log, _) = steps(PORT, Running::Nothing, shared);
    let [_, Step::Cut(_), Step::Consumed, Step::Received(bytes, _)] = &log[..] else {
        panic!("{log:?}");
    };
    assert!(is_valid(bytes));

    let done = plain();
    let (log, _) = steps(PORT, Running::Nothing, done.clone());
    let told = told(&done.bytes);
    let copied = Step::Copied(Room::default());
    assert_eq!(log, [arrived, copied, Step::Received(done.bytes, told)]);

    // The transport header is not where the descriptor says.
    for mut wrong in [super_frame(), single()] {
        if let Some(descriptor) = &mut wrong.descriptor {
            descriptor.headers.network = 15;
            descriptor.checksum = TxChecksum::Internet {
                start: 9000,
                offset: 16,
            };
        }
        assert_eq!(
            steps(PORT, Running::Nothing, wrong),
            (vec![Step::Lost(Lost::Unplanned)], 1)
        );
    }

    let mut runt = plain();
    runt.bytes.truncate(13);
    let (log, _) = steps(PORT, Running::Nothing, runt);
    assert_eq!(log, [Step::Arrived(1, 13), Step::Lost(Lost::Runt)]);
}

/// A frame is judged by what it is on the wire: of a super-frame each one for itself, before anything
/// looks at it.
#[test]
fn what_is_too_long_does_not_arrive() {
    let limited = |len: usize| Port {
        limit: LengthLimit::of(HEADERS + len),
        ..PORT
    };
    let unstable = Frames {
        is_stable: false,
        ..super_frame()
    };
    let lost = || Step::Lost(Lost::TooLong);
    let returns = vec![mov_imm(R0, XdpVerdict::Pass as i32), exit()];
    let loaded = program(&returns, &[]);
    for running in [Running::Nothing, Running::Xdp(&loaded)] {
        // All of it, or the frames but the last, which is shorter, or none.
        for sent in [super_frame(), unstable.clone()] {
            let (log, frames) = steps(limited(499), running, sent.clone());
            let expected = [lost(), lost(), lost(), Step::Consumed];
            assert_eq!((&log[..], frames), (&expected[..], 3));

            let (log, _) = steps(limited(999), running, sent.clone());
            let is_last = matches!(log[2..4], [Step::Arrived(1, len), _] if len == wire(500));
            assert!(log[..2] == [lost(), lost()] && is_last, "{log:?}");
            let arrivals = log.iter().filter(|step| matches!(step, Step::Arrived(..)));
            assert_eq!(arrivals.count(), 1, "{log:?}");

            let (log, _) = steps(limited(1000), running, sent);
            assert!(!log.contains(&lost()), "{log:?}");
        }
        let done = plain();
        for sent in [single(), done] {
            let (log, frames) = steps(limited(PAYLOAD - 1), running, sent.clone());
            assert_eq!((log.len(), frames), (2, 1));
            assert!(log.contains(&lost()) && log.contains(&Step::Consumed));
            let (log, _) = steps(limited(PAYLOAD), running, sent);
            assert_eq!(log[0], Step::Arrived(1, wire(PAYLOAD)));
        }
    }
}

/// The host is told the sum of what the program has left, and of nothing that it does not get.
#[test]
fn the_program_comes_before_the_checksum() {
    let pass = writes(50, XdpVerdict::Pass);
    let (log, _) = steps(PORT, Running::Xdp(&pass), single());
    let [_, Step::FilledIn, Step::Copied(room), Step::Received(bytes, checksum)] = &log[..] else {
        panic!("{log:?}");
    };
    // A page holds the frame, 256 bytes before and 320 behind.
    assert_eq!(
        *room,
        Room {
            before: 256,
            behind: 4096 - 256 - 320 - HEADERS - PAYLOAD
        }
    );
    assert_eq!(bytes[50], 0x5a);
    assert!(!is_valid(bytes));
    assert_eq!(*checksum, told(bytes));

    let drop = writes(50, XdpVerdict::Drop);
    let (log, _) = steps(PORT, Running::Xdp(&drop), super_frame());
    let lost = log.iter().filter(|step| **step == Step::Consumed).count();
    // Each of the segments, and the super-frame.
    assert_eq!((log.len(), lost), (10, 4));

    let back = writes(50, XdpVerdict::Tx);
    let (log, _) = steps(PORT, Running::Xdp(&back), single());
    let Some(Step::SentBack(bytes)) = log.last() else {
        panic!("{log:?}");
    };
    assert_eq!(bytes[50], 0x5a);
}

/// What only reads does so where the frame lies; only what the host gets is copied, and then summed.
#[test]
fn a_program_that_reads_costs_no_copy() {
    let returns = |verdict: i32| program(&[mov_imm(R0, verdict), exit()], &[]);
    let arrived = || Step::Arrived(1, wire(PAYLOAD));
    let sent = plain();
    let run = |verdict: XdpVerdict| {
        let program = returns(verdict as i32);
        steps(PORT, Running::Xdp(&program), sent.clone()).0
    };
    assert_eq!(run(XdpVerdict::Drop), [arrived(), Step::Consumed]);
    let back = Step::SentBack(sent.bytes.clone());
    assert_eq!(run(XdpVerdict::Tx), [arrived(), back]);
    let received = Step::Received(sent.bytes.clone(), told(&sent.bytes));
    let copied = Step::Copied(Room::default());
    assert_eq!(run(XdpVerdict::Pass), [arrived(), copied, received]);
    // It has named no port.
    let nowhere = Step::Sent(None, ProgramKind::Xdp);
    assert_eq!(run(XdpVerdict::Redirect), [arrived(), nowhere]);
}

/// Only what need not be written for that meets its program before all else.
#[test]
fn a_frame_as_it_is_on_the_wire_meets_a_program_that_reads() {
    let reads = program(&[mov_imm(R0, XdpVerdict::Pass as i32), exit()], &[]);
    let writes = writes(50, XdpVerdict::Pass);
    let accepts = classifier(&[mov_imm(R0, 0), exit()], &[]);
    let classifier = Running::Classifier {
        program: &accepts,
        returns_class: false,
    };
    let plain = plain();
    let mut tagged = plain.clone();
    tagged.bytes.splice(12..12, [0x81, 0, 0, 9]);
    assert!(meets(Running::Xdp(&reads), &plain));
    assert!(meets(Running::Xdp(&reads), &tagged));
    assert!(meets(classifier, &plain));
    // Its tag is to be taken out of its bytes.
    assert!(!meets(classifier, &tagged));
    assert!(!meets(Running::Xdp(&writes), &plain));
    assert!(!meets(Running::Nothing, &plain));
    // Which processor polls is for the host to say.
    let helper = Helper::GetSmpProcessorId as i32;
    let locates = program(&[call(helper), mov_imm(R0, 2), exit()], &[]);
    assert!(!meets(Running::Xdp(&locates), &plain));
}

/// What has a time of arrival goes to the host with it, in every way, and is cut: each wire frame has
/// its own.
#[test]
fn each_frame_has_the_time_when_it_arrived() {
    let accepts = program(&[mov_imm(R0, 2), exit()], &[]);
    let filters = classifier(&[mov_imm(R0, 0), exit()], &[]);
    let classifier = Running::Classifier {
        program: &filters,
        returns_class: false,
    };
    let host_program = Port {
        host_program: true,
        ..PORT
    };
    let apart = Port {
        merges: false,
        ..PORT
    };
    for stamp in [None, NonZeroU64::new(7), NonZeroU64::new(1 << 60)] {
        for port in [PORT, host_program, apart] {
            for running in [Running::Nothing, Running::Xdp(&accepts), classifier] {
                let plain = plain();
                for sent in [super_frame(), single(), plain] {
                    let is_cut = sent.descriptor.is_some_and(|it| it.gso.is_some());
                    let sent = Frames { stamp, ..sent };
                    let (log, count) = steps(port, running, sent);
                    let is_whole = log.iter().any(|step| matches!(step, Step::Whole(_)));
                    assert!(!is_whole || stamp.is_none(), "{log:?}");
                    assert_eq!(count, if is_cut && !is_whole { 3 } else { 1 });
                }
            }
        }
    }
}

/// A program that is stopped leaves a record, and its frame is gone.
#[test]
fn a_program_that_never_ends_is_stopped() {
    let endless = program(&[mov_imm(R0, 2), ja(-2), exit()], &[]);
    let sent = plain();
    let (log, _) = steps(PORT, Running::Xdp(&endless), sent.clone());
    let arrived = Step::Arrived(1, wire(PAYLOAD));
    assert_eq!(log, [arrived, Step::Stopped, Step::Consumed]);
}

/// A classifier gets the frame without its tag; what is summed begins at the packet.
#[test]
fn a_classifier_sees_the_frame_as_the_stack_would() {
    let accepts = classifier(&[mov_imm(R0, 0), exit()], &[]);
    let running = Running::Classifier {
        program: &accepts,
        returns_class: false,
    };
    let mut tagged = plain();
    tagged.bytes.splice(12..12, [0x81, 0, 0, 9]);
    let (log, _) = steps(PORT, running, tagged);
    let [_, Step::Copied(room), Step::Received(bytes, checksum)] = &log[..] else {
        panic!("{log:?}");
    };
    assert_eq!((room.before, room.behind), (256, 0));
    assert_eq!(bytes[12..14], [8, 0]);
    assert_eq!(*checksum, told(bytes));

    let mut short = plain();
    short.bytes.truncate(13);
    let (log, _) = steps(PORT, running, short);
    assert_eq!(log, [Step::Arrived(1, 13), Step::Lost(Lost::Runt)]);

    let shoots = classifier(&[mov_imm(R0, 2), exit()], &[]);
    let running = Running::Classifier {
        program: &shoots,
        returns_class: false,
    };
    let plain = plain();
    let (log, _) = steps(PORT, running, plain);
    assert_eq!(log, [Step::Arrived(1, wire(PAYLOAD)), Step::Consumed]);
}

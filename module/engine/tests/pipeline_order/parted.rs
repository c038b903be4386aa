// SPDX-License-Identifier: GPL-2.0

//! Frames that have arrived at once, and that rules tell apart by what they carry.

use super::kernel::parse;
use super::*;
use engine::steer::{with_payload, Bytes, Carrier, Place, RawField, RawTable, Seen};

/// What the wire frames of [`super_frame`] begin to carry.
const FIRST: [u16; 3] = [0x0007, 0x585f, 0xb0b7];

/// A context beside the main one.
const CONTEXT: u32 = 5;

/// A rule for frames that begin to carry `word`, with `action`.
fn carries(word: u16, action: Action) -> Rule {
    let none = Keys::default().words();
    Rule {
        key: with_payload(none, word),
        mask: with_payload(none, u16::MAX),
        payload: Some(Place {
            of: Carrier::Transport,
            offset: 0,
        }),
        action,
    }
}

/// A rule for all frames.
fn any(action: Action) -> Rule {
    Rule {
        key: Keys::default().words(),
        mask: Keys::default().words(),
        payload: None,
        action,
    }
}

/// By `rules`, in this order; all else goes to the queue that frames are in, and so do those of
/// [`CONTEXT`], with another hash.
fn by(rules: &[Rule]) -> Steering<HostMemory> {
    let context = |id, key| Spread {
        id,
        key,
        fields: HashedFields::USUAL,
        symmetry: Symmetry::None,
        table: &[INGRESS.queue],
    };
    let contexts = [
        context(MAIN_CONTEXT, &[1; KEY_SIZE]),
        context(CONTEXT, &[2; KEY_SIZE]),
    ];
    let rules: Vec<_> = (0..).zip(rules.iter().copied()).collect();
    Steering::new(&HostMemory, &contexts, &rules, &[], 7).expect("memory")
}

/// Where a wire frame has gone.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    Here,
    /// Before it has met its program.
    To(u16, Reason),
    Nowhere(Reason),
}

/// Where the three wire frames of `sent` go behind `running`, each with its own bytes.
fn ways(port: Port, running: Running<'_, HostMemory, Maps>, rules: &[Rule]) -> Vec<Way> {
    let steering = by(rules);
    let (log, frames) = steered_steps(port, running, super_frame(), Some(&steering));
    assert_eq!((log.last(), frames), (Some(&Step::Consumed), 3), "{log:?}");
    let mut ways = Vec::new();
    for step in log {
        let (bytes, way) = match step {
            Step::Received(bytes, _) => (Some(bytes), Way::Here),
            Step::InPages(..) => (None, Way::Here),
            Step::PassedOn(bytes, queue, reason) => (Some(bytes), Way::To(queue, reason)),
            Step::Dropped(reason) => (None, Way::Nowhere(reason)),
            Step::Arrived(1, _) | Step::Cut(_) | Step::Copied(_) | Step::Consumed => continue,
            other => panic!("{other:?}"),
        };
        if let Some(bytes) = bytes {
            assert_eq!(bytes[HEADERS..HEADERS + 2], FIRST[ways.len()].to_be_bytes());
            assert!(is_valid(&bytes));
        }
        ways.push(way);
    }
    ways
}

/// Each wire frame goes its own way, though they could have stayed one.
#[test]
fn a_super_frame_is_parted() {
    let rules = [
        carries(FIRST[1], Action::Queue(1)),
        carries(FIRST[2], Action::Drop),
    ];
    let expected = [
        Way::Here,
        Way::To(1, Reason::Rule),
        Way::Nowhere(Reason::Dropped),
    ];
    let ways = |port| ways(port, Running::Nothing, &rules);
    assert_eq!(ways(PORT), expected);
    let in_pages = Port {
        split_above: Some(0),
        ..PORT
    };
    assert_eq!(ways(in_pages), expected);
    let unwanted = Port {
        whole: None,
        merges: false,
        checksums: RxChecksums::Verified,
        ..PORT
    };
    assert_eq!(ways(unwanted), expected);
}

/// Rules that look at nothing of that leave it as it is, and so does it to switch rules off.
#[test]
fn without_such_rules_it_stays_whole() {
    let whole = [Step::Whole(3), Step::Arrived(3, 1054 * 2 + 554)];
    let plain = by(&[any(Action::Queue(INGRESS.queue))]);
    let (log, _) = steered_steps(PORT, Running::Nothing, super_frame(), Some(&plain));
    assert_eq!(log, whole);
    let steering = by(&[carries(FIRST[1], Action::Drop)]);
    let log = within(PORT, Running::Nothing, Some(&steering), |pipeline| {
        pipeline.queues.as_mut().expect("some").by_rules = false;
        let mut device = Device::default();
        pipeline.arrive(&mut device, super_frame());
        device.log
    });
    assert_eq!(log, whole);
}

/// The program sees what stays, and nothing of the others: those meet it in the queue that they go to.
#[test]
fn what_goes_elsewhere_meets_no_program_here() {
    let rules = [
        carries(FIRST[0], Action::Drop),
        carries(FIRST[1], Action::Queue(1)),
    ];
    let marks = writes(59, XdpVerdict::Pass);
    let running = Running::Xdp(&marks);
    let steering = by(&rules);
    let (log, _) = steered_steps(PORT, running, super_frame(), Some(&steering));
    let seen: Vec<_> = log
        .iter()
        .filter_map(|step| match step {
            Step::PassedOn(bytes, ..) | Step::Received(bytes, _) => Some(bytes[59] == 0x5a),
            _ => None,
        })
        .collect();
    assert_eq!(seen, [false, true], "{log:?}");

    let passed = log.into_iter().find_map(|step| match step {
        Step::PassedOn(bytes, ..) => Some(bytes),
        _ => None,
    });
    let mut bytes = passed.expect("one");
    within(PORT, running, Some(&steering), |pipeline| {
        let mut device = Device::default();
        let stamp = NonZeroU64::new(5);
        pipeline.hand_in(&mut device, Wire::Sent(bytes.clone()), stamp);
        bytes[59] = 0x5a;
        device.log.retain(|step| !matches!(step, Step::Copied(_)));
        // What the program has changed is steered anew, and still for another queue.
        let [Step::HandedOver(handed, 1, Reason::Rule)] = &device.log[..] else {
            panic!("{:?}", device.log);
        };
        assert_eq!(*handed, bytes);
    });
}

/// What the other rules say holds for those alone that no rule has by what they carry.
#[test]
fn what_all_have_is_asked_of_each() {
    let own = INGRESS.queue;
    let dropped = || Way::Nowhere(Reason::Dropped);
    for (rules, expected) in [
        (
            [carries(FIRST[1], Action::Queue(own)), any(Action::Drop)],
            [dropped(), Way::Here, dropped()],
        ),
        (
            [any(Action::Drop), carries(FIRST[1], Action::Queue(own))],
            [dropped(), dropped(), dropped()],
        ),
        // They are in the queue to which the others bring them, or were when those were others.
        (
            [carries(FIRST[1], Action::Queue(2)), any(Action::Queue(1))],
            [Way::Here, Way::To(2, Reason::Rule), Way::Here],
        ),
    ] {
        assert_eq!(ways(PORT, Running::Nothing, &rules), expected, "{rules:?}");
    }
}

#[test]
fn where_they_arrive_together() {
    let together = |rules: &[Rule]| {
        let steering = by(rules);
        within(PORT, Running::Nothing, Some(&steering), |pipeline| {
            let queues = pipeline.queues.as_ref().expect("some");
            let steered = queues.steer_together(|| parse(&super_frame().bytes));
            steered.map(|steered| (steered.queue, steered.rule))
        })
    };
    let first = carries(FIRST[0], Action::Queue(1));
    assert_eq!(together(&[first]), Some((INGRESS.queue, None)));
    let [second, drop] = [Action::Queue(2), Action::Drop].map(any);
    assert_eq!(together(&[first, second]), Some((2, Some(1))));
    assert_eq!(together(&[first, drop]), None);
}

/// The host is told the hash of the context that a rule has found by what lies in pages then.
#[test]
fn the_hash_of_a_frame_in_pages() {
    let port = Port {
        split_above: Some(0),
        ..PORT
    };
    let to_context = Action::Context {
        id: CONTEXT,
        offset: 0,
    };
    let steering = by(&[carries(FIRST[0], to_context)]);
    let (device, _) = run(port, Running::Nothing, plain(), Some(&steering));
    let bytes = plain().bytes;
    let seen = Seen {
        frame: &Bytes(&bytes),
        parser: None,
    };
    let hash = steering.hash(&parse(&bytes), seen, true);
    assert!(hash.is_some() && hash != steering.hash(&parse(&bytes), Seen::NOT, true));
    assert_eq!(device.flows, [hash.map(ToldFlow::Hash)], "{:?}", device.log);
}

/// What a raw table looks at behind the headers tells frames apart that arrived as one, and each is counted.
#[test]
fn by_raw_tables() {
    let field = RawField {
        node: 0,
        occurrence: 1,
        offset: HEADERS as u16 * 8,
        bits: 16,
    };
    let wants = |word: u16, action| {
        let mut rule = any(action);
        (rule.key[0], rule.mask[0]) = (u64::from(word) << 48, 0xffff << 48);
        rule
    };
    let rules = [
        (3, wants(FIRST[1], Action::Queue(1))),
        (4, wants(FIRST[2], Action::Drop)),
    ];
    let raw = RawTable {
        number: 9,
        fields: &[field],
        rules: &rules,
    };
    let main = Spread {
        id: MAIN_CONTEXT,
        key: &[1; KEY_SIZE],
        fields: HashedFields::USUAL,
        symmetry: Symmetry::None,
        table: &[INGRESS.queue],
    };
    let steering = Steering::new(&HostMemory, &[main], &[], &[raw], 7).expect("memory");
    let (log, frames) = steered_steps(PORT, Running::Nothing, super_frame(), Some(&steering));
    let ways: Vec<_> = log
        .iter()
        .filter_map(|step| match step {
            Step::Received(..) | Step::InPages(..) => Some(Way::Here),
            Step::PassedOn(_, queue, reason) => Some(Way::To(*queue, *reason)),
            Step::Dropped(reason) => Some(Way::Nowhere(*reason)),
            _ => None,
        })
        .collect();
    let expected = [
        Way::Here,
        Way::To(1, Reason::Rule),
        Way::Nowhere(Reason::Dropped),
    ];
    assert_eq!((&ways[..], frames), (&expected[..], 3), "{log:?}");
    assert_eq!([3, 4, 5].map(|number| steering.hits(9, number)), [1, 1, 0]);
}

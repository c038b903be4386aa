// SPDX-License-Identifier: GPL-2.0

//! The order of the pipeline: a device that keeps its frames in vectors and a log of what it was told.

mod common;

use common::asm::*;
use common::{classifier, core, program, TestServices, PORT_ADDRESS};
use engine::checksum::sum;
use engine::coalesce::GroLimits;
use engine::descriptor::{
    Gso, GsoKind, Outcome, RxDescriptor, TxCapability, TxChecksum, TxDescriptor, TxHeaders,
};
use engine::exec::{Core, XdpVerdict};
use engine::frame::Frame;
use engine::insn::Insn;
use engine::map::Map;
use engine::memory::HostMemory;
use engine::pipeline::{arrive, process, Counters, Place, Port, Receiver, Running, Sent};
use engine::receive_checksum::{RxChecksum, RxChecksums};
use engine::transmit::{TxPlan, WireFrame};
use etherparse::checksum::Sum16BitWords;

type Maps = std::sync::Arc<Map<HostMemory>>;

const HEADERS: usize = 14 + 20 + 20;
const PAYLOAD: usize = 2500;
const SIZE: u16 = 1000;

/// A frame in the ring, with what is left to be done to it.
#[derive(Clone)]
struct Frames {
    descriptor: Option<TxDescriptor>,
    bytes: Vec<u8>,
    is_stable: bool,
}

impl Sent for Frames {
    fn descriptor(&self) -> Option<TxDescriptor> {
        self.descriptor
    }

    fn headers(&self) -> &[u8] {
        &self.bytes[..HEADERS]
    }

    fn fragments(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::empty()
    }

    fn has_stable_payload(&self, header: usize) -> bool {
        assert_eq!(header, HEADERS);
        self.is_stable
    }
}

/// What the device was told, in this order.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    AsItIs,
    FilledIn,
    Cut(usize),
    Split(usize),
    Whole,
    Unplanned,
    Consumed,
    Received(Vec<u8>, RxChecksum),
    Lost,
}

struct Device<'a> {
    core: Core<HostMemory>,
    port: Port,
    running: Running<'a, HostMemory, Maps>,
    counters: Counters,
    log: Vec<Step>,
}

impl Receiver for Device<'_> {
    type Sent = Frames;
    type Wire = Vec<u8>;

    fn as_it_is(&mut self, sent: Frames) -> Vec<u8> {
        self.log.push(Step::AsItIs);
        sent.bytes
    }

    fn fill_in(&mut self, sent: Frames, plan: &TxPlan, frame: &WireFrame) -> Option<Vec<u8>> {
        let mut bytes = sent.bytes;
        plan.finish(frame, &mut bytes).expect("as planned");
        self.log.push(Step::FilledIn);
        Some(bytes)
    }

    fn cut(
        &mut self,
        sent: &Frames,
        fragment: Option<&[u8]>,
        plan: &TxPlan,
        frame: &WireFrame,
    ) -> Option<Vec<u8>> {
        assert_eq!(fragment, None);
        let payload = &sent.bytes[frame.payload.clone()];
        let mut bytes = [&sent.bytes[..frame.header], payload].concat();
        plan.finish(frame, &mut bytes).expect("as planned");
        self.log.push(Step::Cut(payload.len()));
        Some(bytes)
    }

    fn wire(&mut self, mut wire: Vec<u8>) {
        let len = wire.len();
        let (before, behind) = match self.running.place(len, Some(&wire)) {
            Place::Anywhere | Place::AsItLies => (0, 0),
            Place::Own { before, behind } => (before, behind),
        };
        wire.splice(..0, vec![0; before]);
        wire.extend(vec![0; behind]);
        let mut frame = Frame::writable(&mut wire, before, before + len).expect("a frame");
        let (core, counters) = (&mut self.core, &self.counters);
        let received = process(
            core,
            self.running,
            &mut frame,
            &self.port,
            &TestServices,
            counters,
        );
        self.log.push(match received {
            Some(received @ RxDescriptor { checksum, .. })
                if received.outcome() == Outcome::Host =>
            {
                assert_eq!(received.len as usize, frame.len());
                Step::Received(frame.data().to_vec(), checksum)
            }
            _ => Step::Lost,
        });
    }

    fn whole(&mut self, _sent: Frames, plan: &TxPlan) {
        assert_eq!(plan.frames(), 3);
        self.log.push(Step::Whole);
    }

    fn split(&mut self, sent: &Frames, plan: &TxPlan, frame: &WireFrame) {
        let mut header = sent.bytes[..frame.header].to_vec();
        let payload = &sent.bytes[frame.payload.clone()];
        let told = plan.finish_header(frame, &mut header, sum(payload), 14);
        let whole = [&header[..], payload].concat();
        assert_eq!(told.expect("as planned").fold(), sum(&whole[14..]).fold());
        self.log.push(Step::Split(payload.len()));
    }

    fn unplanned(&mut self, _sent: Frames) {
        self.log.push(Step::Unplanned);
    }

    fn consume(&mut self, _sent: Frames) {
        self.log.push(Step::Consumed);
    }
}

/// A super-frame of TCP as a host would leave it, to be cut in three.
fn super_frame() -> Frames {
    let len = (20 + PAYLOAD) as u16;
    let mut ip = vec![0x45, 0];
    ip.extend((20 + len).to_be_bytes());
    ip.extend([0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    let check = Sum16BitWords::new().add_slice(&ip).ones_complement();
    ip[10..12].copy_from_slice(&check.to_ne_bytes());
    let seed = Sum16BitWords::new()
        .add_slice(&ip[12..])
        .add_2bytes([0, 6])
        .add_2bytes(len.to_be_bytes());
    let mut tcp = vec![0; 20];
    (tcp[12], tcp[13]) = (0x50, 0x10);
    tcp[16..18].copy_from_slice(&(!seed.ones_complement()).to_ne_bytes());
    let payload: Vec<u8> = (0..PAYLOAD).map(|at| (at * 7) as u8).collect();
    let ethernet = [&PORT_ADDRESS[..], &[2, 0, 0, 0, 0, 2, 8, 0]].concat();
    let bytes = [ethernet, ip, tcp, payload].concat();
    Frames {
        descriptor: Some(TxDescriptor {
            len: bytes.len() as u32,
            checksum: TxChecksum::Internet {
                start: 34,
                offset: 16,
            },
            gso: Some(Gso {
                size: SIZE,
                segs: 3,
                kind: GsoKind::TCPV4,
            }),
            headers: TxHeaders {
                network: 14,
                transport: 34,
                ..TxHeaders::default()
            },
            capability: TxCapability::Agnostic,
            ..TxDescriptor::default()
        }),
        bytes,
        is_stable: true,
    }
}

/// The same, but not to be cut.
fn single() -> Frames {
    let frame = super_frame();
    let descriptor = frame.descriptor.map(|descriptor| TxDescriptor {
        gso: None,
        ..descriptor
    });
    Frames {
        descriptor,
        ..frame
    }
}

const PORT: Port = Port {
    address: PORT_ADDRESS,
    ifindex: 7,
    queue: 3,
    checksums: RxChecksums::Complete,
    is_unseen: true,
    merges: true,
    whole: Some(GroLimits {
        ipv4: 65_536,
        ipv6: 65_536,
    }),
};

/// What the device does with `sent`, and how many frames that was.
fn steps(port: Port, running: Running<'_, HostMemory, Maps>, sent: Frames) -> (Vec<Step>, u32) {
    let mut device = Device {
        core: core(),
        port,
        running,
        counters: Counters::default(),
        log: Vec::new(),
    };
    let frames = arrive(&mut device, &port, sent);
    (device.log, frames)
}

fn is_valid(frame: &[u8]) -> bool {
    let pseudo = Sum16BitWords::new()
        .add_slice(&frame[26..34])
        .add_2bytes([0, 6])
        .add_2bytes(((frame.len() - 34) as u16).to_be_bytes());
    pseudo.add_slice(&frame[34..]).ones_complement() == 0
}

#[test]
fn a_super_frame_that_nobody_looks_at_stays_whole_if_it_may() {
    let cuts = |port| steps(port, Running::Nothing, super_frame());
    assert_eq!(cuts(PORT), (vec![Step::Whole], 3));
    let split = [
        Step::Split(1000),
        Step::Split(1000),
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
    };
    let (log, _) = cuts(Port {
        whole: Some(too_long),
        ..PORT
    });
    assert!(matches!(log[0], Step::Split(1000)), "{log:?}");
}

/// What is cut is complete before anything looks at it, and each frame is dealt with before the next
/// one is made.
#[test]
fn segments_are_made_one_by_one_and_finished() {
    let seen = Port {
        is_unseen: false,
        ..PORT
    };
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
    let none = Port {
        whole: None,
        ..PORT
    };
    for (port, sent) in [
        (seen, super_frame()),
        (alone, super_frame()),
        (verified, super_frame()),
        (none, unstable),
    ] {
        let (log, frames) = steps(port, Running::Nothing, sent);
        assert_eq!((log.len(), frames), (7, 3));
        assert_eq!(log[6], Step::Consumed);
        for (pair, len) in log.chunks(2).zip([1000, 1000, 500]) {
            let [Step::Cut(cut), Step::Received(bytes, checksum)] = pair else {
                panic!("{pair:?}");
            };
            assert_eq!((*cut, bytes.len()), (len, HEADERS + len));
            assert!(is_valid(bytes));
            let expected = match port.checksums {
                RxChecksums::Verified => RxChecksum::Verified,
                _ => RxChecksum::Complete(sum(&bytes[14..]).fold()),
            };
            assert_eq!(*checksum, expected);
        }
    }
}

#[test]
fn single_frames() {
    let (log, frames) = steps(PORT, Running::Nothing, single());
    assert_eq!(frames, 1);
    let [Step::FilledIn, Step::Received(bytes, _)] = &log[..] else {
        panic!("{log:?}");
    };
    assert!(is_valid(bytes));

    let mut done = single();
    done.descriptor = None;
    let (log, _) = steps(PORT, Running::Nothing, done.clone());
    let told = RxChecksum::Complete(sum(&done.bytes[14..]).fold());
    assert_eq!(log, [Step::AsItIs, Step::Received(done.bytes, told)]);

    // The transport header is not where the descriptor says.
    let mut wrong = super_frame();
    if let Some(descriptor) = &mut wrong.descriptor {
        descriptor.headers.network = 15;
    }
    assert_eq!(
        steps(PORT, Running::Nothing, wrong),
        (vec![Step::Unplanned], 1)
    );
}

/// The host is told the sum of what the program has left, and of nothing that it does not get.
#[test]
fn the_program_comes_before_the_checksum() {
    let port = Port {
        is_unseen: false,
        ..PORT
    };
    let writes = |verdict: i32| -> Vec<Insn> {
        vec![
            ldx(W, R2, R1, 0),
            ldx(W, R3, R1, 4),
            mov_reg(R4, R2),
            alu_imm(ADD, R4, 60),
            mov_imm(R0, verdict),
            jmp_reg(JGT, R4, R3, 1),
            st(B, R2, 50, 0x5a),
            exit(),
        ]
    };
    let pass = program(&writes(XdpVerdict::Pass as i32), &[]);
    let (log, _) = steps(port, Running::Xdp(&pass), single());
    let [Step::FilledIn, Step::Received(bytes, checksum)] = &log[..] else {
        panic!("{log:?}");
    };
    assert_eq!(bytes[50], 0x5a);
    assert!(!is_valid(bytes));
    assert_eq!(*checksum, RxChecksum::Complete(sum(&bytes[14..]).fold()));

    let drop = program(&writes(XdpVerdict::Drop as i32), &[]);
    let (log, _) = steps(port, Running::Xdp(&drop), super_frame());
    let lost = log.iter().filter(|step| **step == Step::Lost).count();
    assert_eq!((log.len(), lost), (7, 3));
}

/// A classifier gets the frame without its tag; what is summed begins at the packet.
#[test]
fn a_classifier_sees_the_frame_as_the_stack_would() {
    let port = Port {
        is_unseen: false,
        ..PORT
    };
    let accepts = classifier(&[mov_imm(R0, 0), exit()], &[]);
    let running = Running::Classifier {
        program: &accepts,
        returns_class: false,
    };
    let mut tagged = single();
    tagged.descriptor = None;
    tagged.bytes.splice(12..12, [0x81, 0, 0, 9]);
    let place = running.place(tagged.bytes.len(), Some(&tagged.bytes));
    assert!(matches!(place, Place::Own { behind: 0, .. }), "{place:?}");
    let (log, _) = steps(port, running, tagged);
    let [Step::AsItIs, Step::Received(bytes, checksum)] = &log[..] else {
        panic!("{log:?}");
    };
    assert_eq!(bytes[12..14], [8, 0]);
    assert_eq!(*checksum, RxChecksum::Complete(sum(&bytes[14..]).fold()));

    let mut short = single();
    short.descriptor = None;
    short.bytes.truncate(13);
    assert_eq!(running.place(13, Some(&short.bytes)), Place::AsItLies);
    let (log, _) = steps(port, running, short);
    assert_eq!(log, [Step::AsItIs, Step::Lost]);
}

// SPDX-License-Identifier: GPL-2.0

//! The order of the pipeline: a device that keeps its frames in vectors and a log of what it was told.

mod common;

use common::asm::*;
use common::{classifier, core, program, HostProgram, TestServices, PORT_ADDRESS};
use std::num::NonZeroU64;
use std::ops::Range;

use engine::checksum::{sum, Sum};
use engine::coalesce::GroLimits;
use engine::descriptor::{
    Gso, GsoKind, RxDescriptor, TxCapability, TxChecksum, TxDescriptor, TxHeaders,
};
use engine::exec::XdpVerdict;
use engine::fault::FaultRecord;
use engine::frame::Frame;
use engine::helper::Helper;
use engine::insn::Insn;
use engine::map::Map;
use engine::memory::HostMemory;
use engine::parser::Keys;
use engine::pipeline::{
    Counters, InPages, Ingress, LengthLimit, Lost, Moved, OnWire, Owned, Payload, Pipeline, Port,
    Programs, Queues, Receiver, Room, Running, Sent, Watcher,
};
use engine::receive_checksum::{RxChecksum, RxChecksums};
use engine::steer::{
    Action, HashedFields, Reason, Rule, Spread, Steering, Symmetry, KEY_SIZE, MAIN_CONTEXT,
};
use engine::store::ProgramKind;
use engine::transmit::{TxPlan, WireFrame};
use engine::vlan::{TagKinds, VlanTag};
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
    is_shared: bool,
    stamp: Option<NonZeroU64>,
}

impl Frames {
    /// With `tag` behind its addresses.
    fn tagged(mut self, tag: VlanTag) -> Self {
        let bytes = [tag.protocol.to_be_bytes(), tag.tci.to_be_bytes()].concat();
        self.bytes.splice(12..12, bytes);
        if let Some(descriptor) = &mut self.descriptor {
            descriptor.len += 4;
            descriptor.headers.network += 4;
            descriptor.headers.transport += 4;
            if let TxChecksum::Internet { start, .. } = &mut descriptor.checksum {
                *start += 4;
            }
        }
        self
    }

    fn header_len(&self) -> usize {
        match self.bytes[12..14] {
            [8, 0] => HEADERS,
            _ => HEADERS + 4,
        }
    }
}

impl Sent for Frames {
    type Stable<'a> = &'a [u8];

    fn descriptor(&self) -> Option<&TxDescriptor> {
        self.descriptor.as_ref()
    }

    fn stamp(&self) -> Option<NonZeroU64> {
        self.stamp
    }

    fn headers(&self) -> &[u8] {
        &self.bytes[..self.header_len()]
    }

    fn fragments(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::empty()
    }

    fn stable_payload(&self, header: usize) -> Option<&[u8]> {
        assert_eq!(header, self.header_len());
        self.is_stable.then_some(&self.bytes)
    }
}

/// A frame on the wire: in the sender's memory, or in the receiver's with room around it.
enum Wire {
    Sent(Vec<u8>),
    Own(Own),
}

struct Own {
    bytes: Vec<u8>,
    bounds: Range<usize>,
}

impl Own {
    fn new(bytes: &[u8], room: Room) -> Self {
        let all = [&vec![0; room.before], bytes, &vec![0; room.behind]].concat();
        Self {
            bytes: all,
            bounds: room.before..room.before + bytes.len(),
        }
    }
}

impl From<Frames> for Wire {
    fn from(sent: Frames) -> Self {
        Self::Sent(sent.bytes)
    }
}

impl From<Own> for Wire {
    fn from(own: Own) -> Self {
        Self::Own(own)
    }
}

impl OnWire for Wire {
    fn frame_len(&self) -> usize {
        match self {
            Self::Sent(bytes) => bytes.len(),
            Self::Own(own) => own.bounds.len(),
        }
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(match self {
            Self::Sent(bytes) => bytes,
            Self::Own(own) => own.bytes(),
        })
    }

    fn first_bytes<'a>(&'a self, room: &'a mut [u8]) -> &'a [u8] {
        let bytes = self.bytes().expect("in one piece");
        let len = bytes.len().min(room.len());
        room[..len].copy_from_slice(&bytes[..len]);
        &room[..len]
    }
}

/// A frame in pages of an odd number of bytes.
struct Pages {
    bytes: Vec<u8>,
    header: usize,
}

impl InPages for Pages {
    fn header(&self) -> &[u8] {
        &self.bytes[..self.header]
    }

    fn pages(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes[self.header..].chunks(333)
    }

    fn take_out_tag(&mut self) -> bool {
        self.bytes.drain(12..16);
        self.header -= 4;
        true
    }
}

impl Owned for Own {
    fn bytes(&self) -> &[u8] {
        &self.bytes[self.bounds.clone()]
    }

    fn frame(&mut self) -> Option<Frame<'_>> {
        let Range { start, end } = self.bounds;
        Frame::writable(&mut self.bytes, start, end)
    }

    fn set_bounds(&mut self, start: usize, end: usize) {
        self.bounds = start..end;
    }
}

/// What the device was told, in this order.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Arrived(u32, u64),
    FilledIn,
    Cut(usize),
    Copied(Room),
    Split(usize),
    /// As [`Step::Split`], to pages.
    CutInPages(usize),
    InPages(usize, RxChecksum),
    Whole(u32),
    Consumed,
    Received(Vec<u8>, RxChecksum),
    ForHostProgram(usize),
    SentBack(Vec<u8>),
    Sent(Option<u32>, ProgramKind),
    HandedOver(Vec<u8>, u16, Reason),
    Dropped(Reason),
    Misdirected,
    Lost(Lost),
    Stopped,
}

#[derive(Default)]
struct Device {
    log: Vec<Step>,
    /// Those of the frames that went to the host.
    stamps: Vec<Option<NonZeroU64>>,
    /// Likewise.
    tags: Vec<Option<VlanTag>>,
    /// What lay in front of them, where they had metadata.
    metadata: Vec<Vec<u8>>,
    /// Those that the program of the host gets apart.
    host_headers: Vec<u32>,
    /// Whether there are no pages.
    is_out_of_pages: bool,
}

impl Watcher for Device {
    fn arrived(&mut self, frames: u32, bytes: u64) {
        self.log.push(Step::Arrived(frames, bytes));
    }

    fn lost(&mut self, why: Lost) {
        self.log.push(Step::Lost(why));
    }

    fn misdirected(&mut self) {
        self.log.push(Step::Misdirected);
    }

    fn stopped(&mut self, _record: FaultRecord) {
        self.log.push(Step::Stopped);
    }
}

impl Receiver for Device {
    type Sent = Frames;
    type Wire = Wire;
    type Owned = Own;
    type InPages = Pages;

    fn fill_in(&mut self, sent: Frames, plan: &TxPlan, frame: &WireFrame) -> Result<Wire, Frames> {
        if sent.is_shared {
            return Err(sent);
        }
        let mut bytes = sent.bytes;
        plan.finish(frame, &mut bytes).expect("as planned");
        self.log.push(Step::FilledIn);
        Ok(Wire::Sent(bytes))
    }

    fn cut(
        &mut self,
        sent: &Frames,
        fragment: Option<&[u8]>,
        plan: &TxPlan,
        frame: &WireFrame,
        room: Room,
    ) -> Result<Own, Lost> {
        assert_eq!(fragment, None);
        let payload = &sent.bytes[frame.payload.clone()];
        let mut own = Own::new(&[&sent.bytes[..frame.header], payload].concat(), room);
        let bounds = own.bounds.clone();
        plan.finish(frame, &mut own.bytes[bounds])
            .expect("as planned");
        self.log.push(Step::Cut(payload.len()));
        Ok(own)
    }

    fn own(&mut self, wire: Wire, room: Room) -> Option<Own> {
        Some(match wire {
            Wire::Sent(bytes) => {
                self.log.push(Step::Copied(room));
                Own::new(&bytes, room)
            }
            Wire::Own(own) => own,
        })
    }

    fn split<'t>(
        &mut self,
        sent: &Frames,
        payload: Payload<&[u8]>,
        plan: &TxPlan,
        frame: &WireFrame,
        tag: Option<VlanTag>,
        tell: impl FnOnce(Sum) -> &'t RxDescriptor,
    ) -> Result<(), Lost> {
        let mut header = sent.bytes[..frame.header].to_vec();
        let in_pages = payload == Payload::Copied;
        let payload = &sent.bytes[frame.payload.clone()];
        let skip = tag.map_or(14, |_| 18);
        let told = plan.finish_header(frame, &mut header, sum(payload), skip);
        if tag.is_some() {
            header.drain(12..16);
        }
        let whole = [&header[..], payload].concat();
        let descriptor = tell(told.expect("as planned"));
        let expected = RxChecksum::Complete(sum(&whole[14..]).fold());
        assert_eq!(descriptor.checksum, expected);
        assert_eq!(descriptor.len as usize, whole.len());
        assert_eq!(descriptor.vlan, tag);
        self.stamps.push(descriptor.stamp);
        self.tags.push(descriptor.vlan);
        if in_pages {
            assert_eq!(descriptor.header_len as usize, header.len());
            self.log.push(Step::CutInPages(payload.len()));
        } else {
            assert_eq!(descriptor.header_len, 0);
            self.log.push(Step::Split(payload.len()));
        }
        Ok(())
    }

    fn put_in_pages(&mut self, wire: Wire, header: usize, meta_len: u8) -> Option<Pages> {
        assert_eq!(meta_len, 0);
        let bytes = wire.bytes().expect("in one piece").to_vec();
        (!self.is_out_of_pages).then_some(Pages { bytes, header })
    }

    fn pages_to_host(&mut self, frame: Pages, descriptor: &RxDescriptor) {
        assert_eq!(descriptor.len as usize, frame.bytes.len());
        assert_eq!(descriptor.header_len as usize, frame.header);
        if descriptor.checksum != RxChecksum::Verified {
            assert_eq!(descriptor.checksum, told(&frame.bytes));
        }
        self.stamps.push(descriptor.stamp);
        self.tags.push(descriptor.vlan);
        let payload = frame.bytes.len() - frame.header;
        self.log.push(Step::InPages(payload, descriptor.checksum));
    }

    fn whole(&mut self, sent: Frames, descriptor: &RxDescriptor) -> Result<(), Frames> {
        if sent.is_shared {
            return Err(sent);
        }
        assert_eq!(descriptor.len as usize, sent.bytes.len());
        let coalesced = descriptor.coalesced.expect("several frames");
        self.log.push(Step::Whole(coalesced.frames));
        Ok(())
    }

    fn to_host(&mut self, frame: Own, descriptor: &RxDescriptor) {
        assert_eq!(descriptor.len as usize, frame.bounds.len());
        assert_eq!(descriptor.queue, u32::from(INGRESS.queue));
        if descriptor.meta_len > 0 {
            let before = frame.bounds.start - usize::from(descriptor.meta_len);
            let metadata = &frame.bytes[before..frame.bounds.start];
            self.metadata.push(metadata.to_vec());
        }
        assert_eq!(descriptor.header_len, 0);
        let bytes = frame.bytes().to_vec();
        self.stamps.push(descriptor.stamp);
        self.tags.push(descriptor.vlan);
        self.log.push(Step::Received(bytes, descriptor.checksum));
    }

    fn to_host_program(&mut self, wire: Wire, descriptor: &RxDescriptor) {
        assert_eq!(descriptor.checksum, RxChecksum::None);
        self.stamps.push(descriptor.stamp);
        self.tags.push(descriptor.vlan);
        let tag = descriptor.vlan.map_or(0, |_| 4);
        assert_eq!(descriptor.len as usize, wire.frame_len() - tag);
        self.host_headers.push(descriptor.header_len);
        self.log.push(Step::ForHostProgram(wire.frame_len()));
    }

    fn send_back(&mut self, wire: Wire) {
        let bytes = wire.bytes().expect("in one piece").to_vec();
        self.log.push(Step::SentBack(bytes));
    }

    fn send(&mut self, _wire: Wire, target: Option<u32>, by: ProgramKind) {
        self.log.push(Step::Sent(target, by));
    }

    fn hand_over(&mut self, wire: Wire, moved: Moved) {
        assert_eq!(moved.meta_len, 0);
        let bytes = wire.bytes().expect("in one piece").to_vec();
        let Moved { queue, reason, .. } = moved;
        self.log.push(Step::HandedOver(bytes, queue, reason));
    }

    fn drop_steered(&mut self, _wire: Wire, reason: Reason) {
        self.log.push(Step::Dropped(reason));
    }

    fn consume(&mut self, _wire: Wire) {
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
        is_shared: false,
        stamp: None,
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

const INGRESS: Ingress = Ingress {
    address: PORT_ADDRESS,
    ifindex: 7,
    queue: 3,
};

const PORT: Port = Port {
    checksums: RxChecksums::Complete,
    host_program: false,
    merges: true,
    whole: Some(GroLimits {
        ipv4: 65_536,
        ipv6: 65_536,
    }),
    strip: TagKinds::NONE,
    limit: LengthLimit::NONE,
    split_above: None,
};

/// What the device does with `sent`, and how many frames that was. It is the same for one that meets
/// its program before all else, if it can.
fn steps(port: Port, running: Running<'_, HostMemory, Maps>, sent: Frames) -> (Vec<Step>, u32) {
    steered_steps(port, running, sent, None)
}

/// As [`steps`], of a port that steers.
fn steered_steps(
    port: Port,
    running: Running<'_, HostMemory, Maps>,
    sent: Frames,
    steering: Option<&Steering<HostMemory>>,
) -> (Vec<Step>, u32) {
    let (device, frames) = run(port, running, sent, steering);
    (device.log, frames)
}

fn run(
    port: Port,
    running: Running<'_, HostMemory, Maps>,
    sent: Frames,
    steering: Option<&Steering<HostMemory>>,
) -> (Device, u32) {
    let (mut core, counters) = (core(), Counters::default());
    let mut pipeline = Pipeline {
        port,
        programs: Programs {
            ingress: INGRESS,
            running,
            core: &mut core,
            services: TestServices,
            counters: &counters,
        },
        queues: steering.map(|steering| Queues {
            steering,
            by_rules: true,
            flows: None,
            in_use: IN_USE,
            tells_hashes: true,
        }),
        stamp: None,
    };
    let mut device = Device::default();
    let mut ahead = Device::default();
    let wire = sent.descriptor.is_none().then(|| Wire::from(sent.clone()));
    let met = wire.and_then(|wire| {
        let met = pipeline.programs.meet(&mut ahead, &wire, port.limit)?;
        let is_too_long = ahead.log == [Step::Lost(Lost::TooLong)];
        if !met.is_end() {
            pipeline.go_on(&mut ahead, wire, &met, sent.stamp);
        } else if met.descriptor().is_some() || is_too_long {
            ahead.consume(wire);
        }
        // Until it is known whether the frame goes on, it has not arrived.
        let is_arrival = |step: &Step| matches!(step, Step::Arrived(..));
        let arrival = ahead.log.iter().position(is_arrival);
        assert_eq!(arrival.is_none(), is_too_long, "{:?}", ahead.log);
        if let Some(arrival) = arrival {
            ahead.log[..=arrival].rotate_right(1);
        }
        Some(met)
    });
    let stamp = sent.stamp;
    let frames = pipeline.arrive(&mut device, sent);
    // Each with the time when what was sent arrived, whatever else befell it.
    for stamps in [&ahead.stamps, &device.stamps] {
        assert!(stamps.iter().all(|it| *it == stamp), "{stamps:?}");
    }
    if met.is_some() {
        assert_eq!((&ahead.log, frames), (&device.log, 1));
    } else {
        assert_eq!(ahead.log, []);
    }
    (device, frames)
}

/// Queues in use.
const IN_USE: u16 = 4;

/// Whether `sent` can meet what runs before all else.
fn meets(running: Running<'_, HostMemory, Maps>, sent: &Frames) -> bool {
    let mut programs = Programs {
        ingress: INGRESS,
        running,
        core: &mut core(),
        services: TestServices,
        counters: &Counters::default(),
    };
    let wire = Wire::from(sent.clone());
    let met = programs.meet(&mut Device::default(), &wire, LengthLimit::NONE);
    met.is_some()
}

fn is_valid(frame: &[u8]) -> bool {
    let pseudo = Sum16BitWords::new()
        .add_slice(&frame[26..34])
        .add_2bytes([0, 6])
        .add_2bytes(((frame.len() - 34) as u16).to_be_bytes());
    pseudo.add_slice(&frame[34..]).ones_complement() == 0
}

/// Length of a wire frame with so much payload.
const fn wire(payload: usize) -> u64 {
    (HEADERS + payload) as u64
}

/// The sum that the host is told of `frame`.
fn told(frame: &[u8]) -> RxChecksum {
    RxChecksum::Complete(sum(&frame[14..]).fold())
}

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

    let mut done = single();
    done.descriptor = None;
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

    let mut runt = single();
    runt.descriptor = None;
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
        let done = Frames {
            descriptor: None,
            ..single()
        };
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

    let drop = program(&writes(XdpVerdict::Drop as i32), &[]);
    let (log, _) = steps(PORT, Running::Xdp(&drop), super_frame());
    let lost = log.iter().filter(|step| **step == Step::Consumed).count();
    // Each of the segments, and the super-frame.
    assert_eq!((log.len(), lost), (10, 4));

    let back = program(&writes(XdpVerdict::Tx as i32), &[]);
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
    let mut sent = single();
    sent.descriptor = None;
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
    let writes = [
        ldx(W, R2, R1, 0),
        ldx(W, R3, R1, 4),
        mov_reg(R4, R2),
        alu_imm(ADD, R4, 60),
        mov_imm(R0, XdpVerdict::Pass as i32),
        jmp_reg(JGT, R4, R3, 1),
        st(B, R2, 50, 0x5a),
        exit(),
    ];
    let writes = program(&writes, &[]);
    let accepts = classifier(&[mov_imm(R0, 0), exit()], &[]);
    let classifier = Running::Classifier {
        program: &accepts,
        returns_class: false,
    };
    let mut plain = single();
    plain.descriptor = None;
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
                let plain = Frames {
                    descriptor: None,
                    ..single()
                };
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
    let mut sent = single();
    sent.descriptor = None;
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
    let mut tagged = single();
    tagged.descriptor = None;
    tagged.bytes.splice(12..12, [0x81, 0, 0, 9]);
    let (log, _) = steps(PORT, running, tagged);
    let [_, Step::Copied(room), Step::Received(bytes, checksum)] = &log[..] else {
        panic!("{log:?}");
    };
    assert_eq!((room.before, room.behind), (256, 0));
    assert_eq!(bytes[12..14], [8, 0]);
    assert_eq!(*checksum, told(bytes));

    let mut short = single();
    short.descriptor = None;
    short.bytes.truncate(13);
    let (log, _) = steps(PORT, running, short);
    assert_eq!(log, [Step::Arrived(1, 13), Step::Lost(Lost::Runt)]);

    let shoots = classifier(&[mov_imm(R0, 2), exit()], &[]);
    let running = Running::Classifier {
        program: &shoots,
        returns_class: false,
    };
    let mut plain = single();
    plain.descriptor = None;
    let (log, _) = steps(PORT, running, plain);
    assert_eq!(log, [Step::Arrived(1, wire(PAYLOAD)), Step::Consumed]);
}

/// The outermost tag leaves each frame for the host, in every way, if it is of a wanted kind, and is no part
/// of what is summed. Programs of the device see it, and it goes back to the cable with what they send.
#[test]
fn the_host_gets_tags_beside_its_frames() {
    let accepts = program(&[mov_imm(R0, 2), exit()], &[]);
    let bounces = program(&[mov_imm(R0, 3), exit()], &[]);
    let apart = Port {
        merges: false,
        ..PORT
    };
    let host_program = Port {
        host_program: true,
        ..PORT
    };
    let verified = Port {
        checksums: RxChecksums::Verified,
        ..PORT
    };
    let kinds = [(true, false), (false, true), (true, true), (false, false)];
    for protocol in [0x8100, 0x88a8] {
        let tag = VlanTag {
            protocol,
            tci: 0x2009,
        };
        for (customer, service) in kinds {
            let strip = TagKinds { customer, service };
            let is_wanted = if protocol == 0x8100 {
                customer
            } else {
                service
            };
            let expected = is_wanted.then_some(tag);
            for port in [PORT, apart, verified, host_program] {
                let port = Port { strip, ..port };
                for running in [Running::Nothing, Running::Xdp(&accepts)] {
                    let plain = Frames {
                        descriptor: None,
                        ..single()
                    };
                    for sent in [super_frame(), single(), plain] {
                        let (untagged, _) = run(port, running, sent.clone(), None);
                        assert!(untagged.tags.iter().all(Option::is_none));
                        let whole = matches!(untagged.log[0], Step::Whole(_));
                        let (device, _) = run(port, running, sent.tagged(tag), None);
                        assert!(
                            !device.tags.is_empty() && device.tags.iter().all(|it| *it == expected)
                        );
                        let received = |device: &Device| -> Vec<_> {
                            let host = device.log.iter().filter_map(|step| match step {
                                Step::Received(bytes, checksum) => Some((bytes.clone(), *checksum)),
                                _ => None,
                            });
                            host.collect()
                        };
                        let frames = received(&device);
                        if is_wanted && !whole {
                            assert_eq!(frames, received(&untagged));
                        }
                        for (bytes, checksum) in frames {
                            let is_tagged = bytes[12..14] == protocol.to_be_bytes();
                            assert_eq!(is_tagged, !is_wanted);
                            if port.checksums == RxChecksums::Complete {
                                assert_eq!(checksum, told(&bytes));
                            }
                        }
                    }
                }
                let mut sent = single().tagged(tag);
                sent.descriptor = None;
                let bytes = sent.bytes.clone();
                let (log, _) = steps(port, Running::Xdp(&bounces), sent);
                assert_eq!(log[1..], [Step::SentBack(bytes)]);
            }
        }
    }
}

/// A tag that is cut off stays where it is: the stack drops such a frame.
#[test]
fn what_ends_within_its_tag_keeps_it() {
    let strip = TagKinds {
        customer: true,
        service: true,
    };
    let port = Port { strip, ..PORT };
    for len in 14..24 {
        let mut sent = single();
        sent.descriptor = None;
        sent.bytes.splice(12..12, [0x81, 0, 0, 9]);
        sent.bytes.truncate(len);
        let (device, _) = run(port, Running::Nothing, sent, None);
        assert_eq!(
            device.tags,
            [(len >= 20).then_some(VlanTag {
                protocol: 0x8100,
                tci: 9,
            })]
        );
    }
}

/// Metadata stays in front of a frame whose tag leaves it.
#[test]
fn metadata_moves_with_the_frame() {
    let strip = TagKinds {
        customer: true,
        service: false,
    };
    let mut core = core();
    let mut pipeline = Pipeline {
        port: Port { strip, ..PORT },
        programs: Programs {
            ingress: INGRESS,
            running: Running::<HostMemory, Maps>::Nothing,
            core: &mut core,
            services: TestServices,
            counters: &Counters::default(),
        },
        queues: None,
        stamp: None,
    };
    let frame = single().tagged(VlanTag {
        protocol: 0x8100,
        tci: 9,
    });
    let room = Room {
        before: 8,
        behind: 0,
    };
    let mut own = Own::new(&frame.bytes, room);
    own.bytes[..8].copy_from_slice(b"metadata");
    let mut device = Device::default();
    pipeline.hand_up(&mut device, Wire::Own(own), 8, None);
    assert_eq!(device.metadata, [b"metadata"]);
}

/// All goes to the queue that frames are in, but those to port 9, which go to queue 1, and to port 13,
/// which are dropped.
fn rules() -> Steering<HostMemory> {
    let port = |number: u8| Keys {
        ports: [0, 0, 0, number],
        ..Keys::default()
    };
    let mask = Keys {
        ports: [0, 0, 0xff, 0xff],
        ..Keys::default()
    };
    let rule = |number, action| Rule {
        key: port(number).words(),
        mask: mask.words(),
        action,
    };
    let main = Spread {
        id: MAIN_CONTEXT,
        key: &[1; KEY_SIZE],
        fields: HashedFields::USUAL,
        symmetry: Symmetry::None,
        table: &[INGRESS.queue],
    };
    let rules = [(0, rule(9, Action::Queue(1))), (1, rule(13, Action::Drop))];
    Steering::new(&HostMemory, &[main], &rules, 7).expect("memory")
}

/// A datagram to port 7, as it is on the wire.
fn datagram() -> Frames {
    let mut bytes = [&PORT_ADDRESS[..], &[2, 0, 0, 0, 0, 2, 8, 0]].concat();
    bytes.extend([
        0x45, 0, 0, 28, 0, 1, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ]);
    bytes.extend([0, 5, 0, 7, 0, 8, 0, 0]);
    Frames {
        stamp: None,
        descriptor: None,
        bytes,
        is_stable: true,
        is_shared: false,
    }
}

/// A program that chooses `queue`, if any.
fn chooses(queue: Option<i32>) -> HostProgram {
    let mut code = Vec::new();
    if let Some(queue) = queue {
        code.push(st(W, R1, 16, queue));
        // What it has written is what it reads.
        code.extend([
            ldx(W, R2, R1, 16),
            jmp32_imm(JEQ, R2, queue, 2),
            mov_imm(R0, 0),
            exit(),
        ]);
    }
    code.extend([mov_imm(R0, 2), exit()]);
    program(&code, &[])
}

/// A program that writes `port` over the destination port, and then chooses `queue`, if any.
fn rewrites(port: i32, queue: Option<i32>) -> HostProgram {
    let mut code = vec![
        ldx(W, R2, R1, 0),
        ldx(W, R3, R1, 4),
        mov_reg(R4, R2),
        alu_imm(ADD, R4, 38),
        jmp_reg(JGT, R4, R3, 1),
        st(B, R2, 37, port),
    ];
    code.extend(queue.map(|queue| st(W, R1, 16, queue)));
    code.extend([mov_imm(R0, 2), exit()]);
    program(&code, &[])
}

/// What becomes of a datagram behind `program`, but that it has arrived.
fn goes(program: &HostProgram) -> Vec<Step> {
    let steering = rules();
    let running = Running::Xdp(program);
    let (mut log, frames) = steered_steps(PORT, running, datagram(), Some(&steering));
    assert_eq!((log.remove(0), frames), (Step::Arrived(1, 42), 1));
    log.retain(|step| !matches!(step, Step::Copied(_)));
    log
}

fn received(bytes: Vec<u8>) -> Step {
    let told = told(&bytes);
    Step::Received(bytes, told)
}

#[test]
fn a_program_chooses_the_queue() {
    let bytes = datagram().bytes;
    let handed = |queue| vec![Step::HandedOver(bytes.clone(), queue, Reason::Program)];
    assert_eq!(goes(&chooses(None)), [received(bytes.clone())]);
    assert_eq!(goes(&chooses(Some(0))), handed(0));
    assert_eq!(goes(&chooses(Some(2))), handed(2));
    let own = INGRESS.queue.into();
    assert_eq!(goes(&chooses(Some(own))), [received(bytes.clone())]);
    for beyond in [i32::from(IN_USE), 0x1_0002, i32::MAX, -1] {
        assert_eq!(
            goes(&chooses(Some(beyond))),
            [Step::Misdirected, received(bytes.clone())],
            "{beyond}"
        );
    }
}

#[test]
fn what_a_program_has_changed_is_steered_anew() {
    let changed = |port| {
        let mut bytes = datagram().bytes;
        bytes[37] = port;
        bytes
    };
    assert_eq!(goes(&rewrites(8, None)), [received(changed(8))]);
    assert_eq!(
        goes(&rewrites(9, None)),
        [Step::HandedOver(changed(9), 1, Reason::Rule)]
    );
    assert_eq!(goes(&rewrites(13, None)), [Step::Dropped(Reason::Dropped)]);
    // What it chooses comes before tables and rules; what it can't choose does not.
    assert_eq!(
        goes(&rewrites(9, Some(2))),
        [Step::HandedOver(changed(9), 2, Reason::Program)]
    );
    assert_eq!(goes(&rewrites(13, Some(3))), [received(changed(13))]);
    assert_eq!(
        goes(&rewrites(9, Some(4))),
        [
            Step::Misdirected,
            Step::HandedOver(changed(9), 1, Reason::Rule)
        ]
    );
}

/// No program sees it there.
#[test]
fn a_frame_that_was_handed_over_goes_up() {
    let (mut core, counters) = (core(), Counters::default());
    let drops = program(&[mov_imm(R0, 1), exit()], &[]);
    let steering = rules();
    let mut pipeline = Pipeline {
        stamp: None,
        port: PORT,
        programs: Programs {
            ingress: INGRESS,
            running: Running::Xdp(&drops),
            core: &mut core,
            services: TestServices,
            counters: &counters,
        },
        queues: Some(Queues {
            steering: &steering,
            by_rules: true,
            flows: None,
            in_use: IN_USE,
            tells_hashes: true,
        }),
    };
    let mut device = Device::default();
    let bytes = datagram().bytes;
    pipeline.hand_up(&mut device, Wire::Sent(bytes.clone()), 0, None);
    device.log.retain(|step| !matches!(step, Step::Copied(_)));
    assert_eq!(device.log, [received(bytes)]);
    let metadata = Own::new(
        &datagram().bytes,
        Room {
            before: 8,
            behind: 0,
        },
    );
    pipeline.hand_up(&mut device, Wire::Own(metadata), 8, None);
    assert_eq!(device.log.len(), 2);
}

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
    let mut plain = single();
    plain.descriptor = None;
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
    let writes = [
        ldx(W, R2, R1, 0),
        ldx(W, R3, R1, 4),
        mov_reg(R4, R2),
        alu_imm(ADD, R4, 60),
        mov_imm(R0, XdpVerdict::Pass as i32),
        jmp_reg(JGT, R4, R3, 1),
        st(B, R2, 54, 0x5a),
        exit(),
    ];
    let writes = program(&writes, &[]);
    let mut changed = single();
    changed.descriptor = None;
    let (log, _) = steps(splitting(0), Running::Xdp(&writes), changed.clone());
    changed.bytes[54] = 0x5a;
    let last = Step::InPages(PAYLOAD, told(&changed.bytes));
    assert_eq!(log.last(), Some(&last));

    let (mut core, counters) = (core(), Counters::default());
    for (above, header) in [(0, HEADERS as u32), (u32::MAX, 0)] {
        let mut pipeline = Pipeline {
            stamp: None,
            port: Port {
                host_program: true,
                ..splitting(above)
            },
            programs: Programs {
                ingress: INGRESS,
                running: Running::<HostMemory, Maps>::Nothing,
                core: &mut core,
                services: TestServices,
                counters: &counters,
            },
            queues: None,
        };
        let mut device = Device::default();
        pipeline.arrive(&mut device, single());
        assert_eq!(device.host_headers, [header]);
    }
}

/// Without pages the frame is lost, and counted.
#[test]
fn without_pages_a_frame_is_lost() {
    let (mut core, counters) = (core(), Counters::default());
    let mut pipeline: Pipeline<'_, HostMemory, Maps, TestServices> = Pipeline {
        stamp: None,
        port: splitting(0),
        programs: Programs {
            ingress: INGRESS,
            running: Running::Nothing,
            core: &mut core,
            services: TestServices,
            counters: &counters,
        },
        queues: None,
    };
    let mut device = Device {
        is_out_of_pages: true,
        ..Device::default()
    };
    let mut sent = single();
    sent.descriptor = None;
    assert_eq!(pipeline.arrive(&mut device, sent), 1);
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
    let mut tagged = single();
    tagged.descriptor = None;
    let told = told(&tagged.bytes);
    tagged.bytes.splice(12..12, [0x81, 0, 0, 9]);
    let arrived = Step::Arrived(1, wire(PAYLOAD) + 4);
    let (log, _) = steps(port, Running::Nothing, tagged.clone());
    assert_eq!(log, [arrived, Step::InPages(PAYLOAD, told)]);

    let (mut core, counters) = (core(), Counters::default());
    let mut pipeline: Pipeline<'_, HostMemory, Maps, TestServices> = Pipeline {
        stamp: None,
        port: Port {
            host_program: true,
            ..port
        },
        programs: Programs {
            ingress: INGRESS,
            running: Running::Nothing,
            core: &mut core,
            services: TestServices,
            counters: &counters,
        },
        queues: None,
    };
    let mut device = Device::default();
    pipeline.arrive(&mut device, tagged);
    // As it is without the tag.
    assert_eq!(device.host_headers, [HEADERS as u32]);
    assert!(device.tags.iter().all(Option::is_some), "{:?}", device.tags);
}

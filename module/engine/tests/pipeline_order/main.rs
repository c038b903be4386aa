// SPDX-License-Identifier: GPL-2.0

//! The order of the pipeline: a device that keeps its frames in vectors and a log of what it was told.

mod coalesced;
#[path = "../common/mod.rs"]
mod common;
#[path = "../parser/kernel.rs"]
mod kernel;
mod pages;
mod parted;
mod queues;
mod steps;
mod tags;

use common::asm::*;
use common::{classifier, core, program, HostProgram, TestServices, PORT_ADDRESS};
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::ops::Range;

use engine::checksum::{sum, Sum};
use engine::coalesce::{End, Expected, Flows, GroLimits, GroVerdict};
use engine::descriptor::{
    Coalesced, Gso, GsoKind, RxDescriptor, ToldFlow, TxCapability, TxChecksum, TxDescriptor,
    TxHeaders,
};
use engine::exec::XdpVerdict;
use engine::fault::FaultRecord;
use engine::frame::Frame;
use engine::helper::Helper;
use engine::map::Map;
use engine::memory::HostMemory;
use engine::parser::Keys;
use engine::pipeline::{
    Coalescing, Counters, InPages, Ingress, LengthLimit, Lost, Moved, OnWire, Owned, Payload,
    Pipeline, Port, Programs, Queues, Receiver, Room, Rules, Running, Sent, Shared, Tells, Watcher,
};
use engine::receive_checksum::{RxChecksum, RxChecksums};
use engine::steer::{
    Action, HashedFields, Reason, Rule, Spread, Steering, Symmetry, KEY_SIZE, MAIN_CONTEXT,
};
use engine::store::ProgramKind;
use engine::transmit::{Finisher, GsoCounts, TxPlan, WireFrame};
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

    fn pair(&self, at: usize) -> Option<[u8; 2]> {
        let bytes = self.bytes().expect("in one piece");
        bytes.get(at..)?.first_chunk().copied()
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

impl Shared for Pages {
    fn header(&self) -> &[u8] {
        InPages::header(self)
    }

    fn header_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.header]
    }

    fn payload(&self) -> impl Iterator<Item = &[u8]> {
        self.pages()
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
    /// As it lay, so many bytes behind its headers.
    Shared(usize, RxChecksum),
    /// Several as one, with so many bytes.
    Released(u32, usize, End),
    Consumed,
    Received(Vec<u8>, RxChecksum),
    ForHostProgram(usize),
    SentBack(Vec<u8>),
    Sent(Option<u32>, ProgramKind),
    HandedOver(Vec<u8>, u16, Reason),
    /// As [`Step::HandedOver`], before it has met its program.
    PassedOn(Vec<u8>, u16, Reason),
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
    /// Those that frames in pages went to the host with.
    flows: Vec<Option<ToldFlow>>,
    /// Whether there are no pages.
    is_out_of_pages: bool,
    /// Those that wait for more.
    held: BTreeMap<u16, (Vec<u8>, RxDescriptor)>,
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
    type Shared = Pages;

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
        plan: &mut Finisher<'_>,
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
        plan: &mut Finisher<'_>,
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
        self.flows.push(descriptor.flow);
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

    fn hold(&mut self, slot: u16, frame: Own, descriptor: &RxDescriptor) {
        self.held
            .insert(slot, (frame.bytes().to_vec(), *descriptor));
    }

    fn held(&self, slot: u16) -> Option<(&[u8], &RxDescriptor)> {
        let (bytes, descriptor) = self.held.get(&slot)?;
        Some((bytes, descriptor))
    }

    fn held_mut(&mut self, slot: u16) -> &mut [u8] {
        self.held.get_mut(&slot).map_or(&mut [], |(bytes, _)| bytes)
    }

    fn append(
        &mut self,
        slot: u16,
        frame: Own,
        _descriptor: &RxDescriptor,
        header: usize,
    ) -> Result<(), Own> {
        let (bytes, _) = self.held.get_mut(&slot).expect("it is held");
        bytes.extend(&frame.bytes()[header..]);
        Ok(())
    }

    fn release(&mut self, slot: u16, made: Option<(TxDescriptor, Coalesced)>, why: End) {
        let (bytes, _) = self.held.remove(&slot).expect("it is held");
        let frames = made.map_or(1, |(_, coalesced)| coalesced.frames);
        self.log.push(Step::Released(frames, bytes.len(), why));
    }

    fn share(&mut self, sent: Frames, header: usize) -> Result<Pages, Frames> {
        if sent.is_shared || sent.stable_payload(header).is_none() {
            return Err(sent);
        }
        Ok(Pages {
            bytes: sent.bytes,
            header,
        })
    }

    fn shared_to_host(&mut self, frame: Pages, descriptor: &RxDescriptor) {
        assert_eq!(descriptor.checksum, told(&frame.bytes));
        assert_eq!(descriptor.len as usize, frame.bytes.len());
        assert_eq!(descriptor.header_len, 0);
        self.stamps.push(descriptor.stamp);
        self.tags.push(descriptor.vlan);
        let payload = frame.bytes.len() - frame.header;
        self.log.push(Step::Shared(payload, descriptor.checksum));
    }

    fn hold_shared(&mut self, slot: u16, frame: Pages, descriptor: &RxDescriptor) {
        assert_eq!(descriptor.checksum, told(&frame.bytes));
        self.held.insert(slot, (frame.bytes, *descriptor));
    }

    fn append_shared(&mut self, slot: u16, frame: Pages, header: usize) -> Result<(), Pages> {
        let (bytes, _) = self.held.get_mut(&slot).expect("it is held");
        bytes.extend(&frame.bytes[header..]);
        Ok(())
    }

    fn append_sent(&mut self, slot: u16, sent: Frames, header: usize) -> Result<(), Frames> {
        let frame = self.share(sent, header)?;
        self.append_shared(slot, frame, header).ok();
        Ok(())
    }

    fn ask_host(&self, _pair: &mut [u8]) -> GroVerdict {
        unreachable!("the host has no program")
    }

    fn overruled(&mut self) {}

    fn is_gso_intact(&mut self) -> bool {
        true
    }

    fn segmented(&mut self, _counts: GsoCounts) {}

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
        self.log.push(match moved.has_met {
            true => Step::HandedOver(bytes, queue, reason),
            false => Step::PassedOn(bytes, queue, reason),
        });
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

/// As [`single`], with nothing left to be done: the bytes are those of the wire.
fn plain() -> Frames {
    Frames {
        descriptor: None,
        ..single()
    }
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
        datagrams: false,
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

/// What `work` does with the pipeline of a port.
fn within<T>(
    port: Port,
    running: Running<'_, HostMemory, Maps>,
    steering: Option<&Steering<HostMemory>>,
    work: impl FnOnce(&mut Pipeline<'_, HostMemory, Maps, TestServices>) -> T,
) -> T {
    within_limits(port, running, steering, None, work)
}

/// As [`within`], of a port that puts frames together if there are `limits` for that.
fn within_limits<T>(
    port: Port,
    running: Running<'_, HostMemory, Maps>,
    steering: Option<&Steering<HostMemory>>,
    limits: Option<GroLimits>,
    work: impl FnOnce(&mut Pipeline<'_, HostMemory, Maps, TestServices>) -> T,
) -> T {
    work(&mut Pipeline {
        port,
        programs: Programs {
            ingress: INGRESS,
            running,
            core: &mut core(),
            services: TestServices,
            counters: &Counters::default(),
        },
        queues: steering.map(|steering| Queues {
            steering,
            raw_parser: Some(&kernel::MACHINE),
            by_rules: true,
            flows: None,
            in_use: IN_USE,
            tells: Tells::Hash,
            last: None,
        }),
        parser: &kernel::MACHINE,
        stamp: None,
        segmenting: None,
        coalescing: Some(Coalescing {
            flows: &mut Flows::new(&HostMemory, 8, 1).expect("memory"),
            expected: &mut Expected::default(),
            limits,
            rules: Rules::Own,
            now: 1,
        }),
    })
}

fn run(
    port: Port,
    running: Running<'_, HostMemory, Maps>,
    sent: Frames,
    steering: Option<&Steering<HostMemory>>,
) -> (Device, u32) {
    within(port, running, steering, |pipeline| arrive(pipeline, sent))
}

/// [`run`], in `pipeline`.
fn arrive(
    pipeline: &mut Pipeline<'_, HostMemory, Maps, TestServices>,
    sent: Frames,
) -> (Device, u32) {
    let mut device = Device::default();
    let mut ahead = Device::default();
    let wire = sent.descriptor.is_none().then(|| Wire::from(sent.clone()));
    let met = wire.and_then(|wire| {
        let mut met = pipeline
            .programs
            .meet(&mut ahead, &wire, pipeline.port.limit)?;
        let is_too_long = ahead.log == [Step::Lost(Lost::TooLong)];
        if !met.is_end() {
            pipeline.go_on(&mut ahead, wire, &mut met, sent.stamp);
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

/// A program that writes 0x5a to byte `at` of frames that have 60.
fn writes(at: i16, verdict: XdpVerdict) -> HostProgram {
    let instructions = [
        ldx(W, R2, R1, 0),
        ldx(W, R3, R1, 4),
        mov_reg(R4, R2),
        alu_imm(ADD, R4, 60),
        mov_imm(R0, verdict as i32),
        jmp_reg(JGT, R4, R3, 1),
        st(B, R2, at, 0x5a),
        exit(),
    ];
    program(&instructions, &[])
}

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

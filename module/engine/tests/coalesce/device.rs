// SPDX-License-Identifier: GPL-2.0

//! A device that keeps its frames in vectors, and nothing between the cable and coalescing.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use engine::checksum::{sum, Sum};
use engine::coalesce::{End, Expected, Flows, GroLimits, GroVerdict};
use engine::descriptor::{Coalesced, Gso, RxDescriptor, TxDescriptor};
use engine::fault::FaultRecord;
use engine::frame::Frame;
use engine::map::Map;
use engine::memory::HostMemory;
use engine::pipeline::{
    Coalescing, Counters, InPages, Ingress, LengthLimit, Lost, Moved, OnWire, Owned, Payload,
    Pipeline, Port, Programs, Receiver, Room, Rules, Running, Sent, Shared, Watcher,
};
use engine::receive_checksum::{RxChecksum, RxChecksums};
use engine::steer::Reason;
use engine::store::ProgramKind;
use engine::transmit::{Finisher, GsoCounts, TxPlan, WireFrame};
use engine::vlan::{TagKinds, VlanTag};

use crate::common::{core, TestServices, PORT_ADDRESS};
use crate::kernel;
use crate::model::Packet;
use crate::open::Open;

/// A frame as it is on the wire, or what it is to become that.
pub(crate) struct Wire {
    bytes: Vec<u8>,
    open: Option<Open>,
}

impl From<Vec<u8>> for Wire {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, open: None }
    }
}

impl Sent for Wire {
    type Stable<'a> = ();

    fn descriptor(&self) -> Option<&TxDescriptor> {
        self.open.as_ref().map(|open| &open.descriptor)
    }

    fn stamp(&self) -> Option<NonZeroU64> {
        None
    }

    fn headers(&self) -> &[u8] {
        let header = self.open.as_ref().map(|open| open.header);
        &self.bytes[..header.unwrap_or(self.bytes.len())]
    }

    fn fragments(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::empty()
    }

    fn stable_payload(&self, _header: usize) -> Option<()> {
        None
    }
}

impl OnWire for Wire {
    fn frame_len(&self) -> usize {
        self.bytes.len()
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(&self.bytes)
    }

    fn first_bytes<'a>(&'a self, _room: &'a mut [u8]) -> &'a [u8] {
        &self.bytes
    }

    fn pair(&self, at: usize) -> Option<[u8; 2]> {
        self.bytes.get(at..)?.first_chunk().copied()
    }
}

/// A frame in memory of the receiver's.
pub(crate) struct Own {
    bytes: Vec<u8>,
    start: usize,
}

impl Owned for Own {
    fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    fn frame(&mut self) -> Option<Frame<'_>> {
        let end = self.bytes.len();
        Frame::writable(&mut self.bytes, self.start, end)
    }

    fn set_bounds(&mut self, start: usize, end: usize) {
        self.start = start;
        self.bytes.truncate(end);
    }
}

impl From<Own> for Wire {
    fn from(own: Own) -> Self {
        own.bytes.into()
    }
}

impl InPages for Own {
    fn header(&self) -> &[u8] {
        unreachable!("nobody wants pages")
    }

    fn pages(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::empty()
    }

    fn take_out_tag(&mut self) -> bool {
        unreachable!("nobody wants pages")
    }
}

/// A frame of which the device has the headers, and nothing else until somebody asks for it.
pub(crate) struct Apart(Open);

impl Shared for Apart {
    fn header(&self) -> &[u8] {
        &self.0.bytes[..self.0.header]
    }

    fn header_mut(&mut self) -> &mut [u8] {
        &mut self.0.bytes[..self.0.header]
    }

    fn payload(&self) -> impl Iterator<Item = &[u8]> {
        // Pieces of an odd length.
        self.0.bytes[self.0.header..].chunks(333)
    }
}

/// What has gone up, and how it is to be cut again.
pub(crate) struct Up {
    pub(crate) packet: Packet,
    pub(crate) cut: Option<TxDescriptor>,
    pub(crate) why: Option<End>,
}

/// Where frames wait, and what has gone up.
pub(crate) struct Device {
    held: BTreeMap<u16, (Vec<u8>, RxDescriptor)>,
    /// Whether there is no memory for the next segment.
    is_out_of_memory: Box<dyn FnMut() -> bool>,
    pub(crate) up: Vec<Up>,
    /// Whether there was none for the one in hand.
    has_failed: bool,
    /// How many frames were taken as they lay, and how many of them without being looked at.
    shared: usize,
    expected: usize,
}

impl Watcher for Device {
    fn arrived(&mut self, _frames: u32, _bytes: u64) {}

    fn lost(&mut self, why: Lost) {
        unreachable!("{why:?}")
    }

    fn misdirected(&mut self) {}

    fn stopped(&mut self, _record: FaultRecord) {}
}

impl Device {
    /// Whether there is no memory for the frame in hand.
    fn fails(&mut self) -> bool {
        std::mem::take(&mut self.has_failed) || (self.is_out_of_memory)()
    }
}

/// A frame as if it lay in one piece.
fn own(frame: Apart) -> Own {
    Own {
        bytes: frame.0.bytes,
        start: 0,
    }
}

fn tag_of(tag: Option<VlanTag>) -> Option<(u16, u16)> {
    tag.map(|tag| (tag.protocol, tag.tci))
}

impl Receiver for Device {
    type Sent = Wire;
    type Wire = Wire;
    type Owned = Own;
    type InPages = Own;
    type Shared = Apart;

    fn fill_in(&mut self, sent: Wire, plan: &TxPlan, frame: &WireFrame) -> Result<Wire, Wire> {
        let mut bytes = sent.bytes;
        plan.finish(frame, &mut bytes).expect("as planned");
        Ok(bytes.into())
    }

    fn cut(
        &mut self,
        _sent: &Wire,
        _fragment: Option<&[u8]>,
        _plan: &mut Finisher<'_>,
        _frame: &WireFrame,
        _room: Room,
    ) -> Result<Own, Lost> {
        Err(Lost::Unplanned)
    }

    fn own(&mut self, wire: Wire, _room: Room) -> Option<Own> {
        Some(Own {
            bytes: wire.bytes,
            start: 0,
        })
    }

    fn split<'t>(
        &mut self,
        _sent: &Wire,
        _payload: Payload<()>,
        _plan: &mut Finisher<'_>,
        _frame: &WireFrame,
        _tag: Option<VlanTag>,
        _tell: impl FnOnce(Sum) -> &'t RxDescriptor,
    ) -> Result<(), Lost> {
        Err(Lost::Unplanned)
    }

    fn put_in_pages(&mut self, _wire: Wire, _header: usize, _meta_len: u8) -> Option<Own> {
        None
    }

    fn pages_to_host(&mut self, _frame: Own, _descriptor: &RxDescriptor) {}

    fn whole(&mut self, sent: Wire, _descriptor: &RxDescriptor) -> Result<(), Wire> {
        Err(sent)
    }

    fn to_host(&mut self, frame: Own, descriptor: &RxDescriptor) {
        assert!(matches!(descriptor.checksum, RxChecksum::Complete(_)));
        self.up.push(Up {
            packet: Packet {
                bytes: frame.bytes().to_vec(),
                tag: tag_of(descriptor.vlan),
                gso: None,
                frames: Vec::new(),
            },
            cut: None,
            why: None,
        });
    }

    fn hold(&mut self, slot: u16, frame: Own, descriptor: &RxDescriptor) {
        let held = (frame.bytes().to_vec(), *descriptor);
        assert!(self.held.insert(slot, held).is_none());
    }

    fn held(&self, slot: u16) -> Option<(&[u8], &RxDescriptor)> {
        let (bytes, descriptor) = &self.held[&slot];
        Some((bytes, descriptor))
    }

    fn held_mut(&mut self, slot: u16) -> &mut [u8] {
        &mut self.held.get_mut(&slot).expect("it is held").0
    }

    fn append(
        &mut self,
        slot: u16,
        frame: Own,
        _descriptor: &RxDescriptor,
        header: usize,
    ) -> Result<(), Own> {
        if self.fails() {
            return Err(frame);
        }
        let held = self.held.get_mut(&slot).expect("it is held");
        held.0.extend(&frame.bytes()[header..]);
        Ok(())
    }

    fn release(&mut self, slot: u16, made: Option<(TxDescriptor, Coalesced)>, why: End) {
        let (bytes, descriptor) = self.held.remove(&slot).expect("it is held");
        let cut = made.map(|(cut, _)| cut);
        if let Some((cut, coalesced)) = made {
            assert_eq!(cut.len as usize, bytes.len());
            let plan = TxPlan::new(&cut, &bytes, []).expect("it can be cut");
            assert_eq!(plan.frames(), coalesced.frames);
            assert_eq!(plan.wire_bytes(), coalesced.bytes);
        }
        let gso = cut.and_then(|cut| cut.gso);
        self.up.push(Up {
            packet: Packet {
                bytes,
                tag: tag_of(descriptor.vlan),
                gso: gso.map(|Gso { size, segs, kind }| (size, segs, kind.0)),
                frames: Vec::new(),
            },
            cut,
            why: Some(why),
        });
    }

    fn share(&mut self, sent: Wire, header: usize) -> Result<Apart, Wire> {
        match sent.open {
            Some(open) if open.bytes.len() > header => {
                assert_eq!(open.header, header);
                self.shared += 1;
                Ok(Apart(open))
            }
            _ => Err(sent),
        }
    }

    fn shared_to_host(&mut self, frame: Apart, descriptor: &RxDescriptor) {
        let told = RxChecksum::Complete(sum(&frame.0.bytes[14..]).fold());
        assert_eq!(descriptor.checksum, told);
        self.to_host(own(frame), descriptor);
    }

    fn hold_shared(&mut self, slot: u16, frame: Apart, descriptor: &RxDescriptor) {
        let told = RxChecksum::Complete(sum(&frame.0.bytes[14..]).fold());
        assert_eq!(descriptor.checksum, told);
        self.hold(slot, own(frame), descriptor);
    }

    fn append_shared(&mut self, slot: u16, frame: Apart, header: usize) -> Result<(), Apart> {
        if self.fails() {
            return Err(frame);
        }
        let held = self.held.get_mut(&slot).expect("it is held");
        held.0.extend(&frame.0.bytes[header..]);
        Ok(())
    }

    fn append_sent(&mut self, slot: u16, sent: Wire, header: usize) -> Result<(), Wire> {
        if self.fails() {
            // It comes again, another way.
            self.has_failed = true;
            return Err(sent);
        }
        self.expected += 1;
        let held = self.held.get_mut(&slot).expect("it is held");
        held.0.extend(&sent.bytes[header..]);
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

    fn to_host_program(&mut self, _wire: Wire, _descriptor: &RxDescriptor) {}

    fn send_back(&mut self, _wire: Wire) {}

    fn send(&mut self, _wire: Wire, _target: Option<u32>, _by: ProgramKind) {}

    fn hand_over(&mut self, _wire: Wire, _moved: Moved) {}

    fn drop_steered(&mut self, _wire: Wire, _reason: Reason) {}

    fn consume(&mut self, _wire: Wire) {}
}

/// How a port is set, and what a queue of it has.
#[derive(Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) slots: u16,
    pub(crate) limits: GroLimits,
    pub(crate) strip: TagKinds,
}

/// A receive queue.
pub(crate) struct Queue {
    setup: Setup,
    flows: Flows<HostMemory>,
    device: Device,
    expected: Expected,
    /// Whether the checksum of the next frame is open.
    pub(crate) opens: Box<dyn FnMut() -> bool>,
}

impl Queue {
    pub(crate) fn new(setup: Setup, is_out_of_memory: Box<dyn FnMut() -> bool>) -> Self {
        Self {
            setup,
            flows: Flows::new(&HostMemory, setup.slots, 1).expect("memory"),
            device: Device {
                held: BTreeMap::new(),
                is_out_of_memory,
                up: Vec::new(),
                has_failed: false,
                shared: 0,
                expected: 0,
            },
            expected: Expected::default(),
            opens: Box::new(|| false),
        }
    }

    /// How many frames were taken as they lay, and how many of them without being looked at.
    pub(crate) fn shared(&self) -> [usize; 2] {
        let Device {
            shared, expected, ..
        } = &self.device;
        [shared + expected, *expected]
    }

    /// Has another host from now on.
    pub(crate) fn set_limits(&mut self, limits: GroLimits) {
        self.setup.limits = limits;
    }

    /// A poll that begins at `now`: `frames` come, and what was held since `before` then goes up. Gives
    /// since when the oldest is held of what is left.
    pub(crate) fn poll(
        &mut self,
        now: u64,
        frames: &[Vec<u8>],
        before: Option<u64>,
    ) -> Option<u64> {
        let port = Port {
            checksums: RxChecksums::Complete,
            host_program: false,
            merges: false,
            whole: Some(self.setup.limits),
            strip: self.setup.strip,
            limit: LengthLimit::NONE,
            split_above: None,
        };
        self.expected.forget();
        let mut core = core();
        let counters = Counters::default();
        let mut pipeline: Pipeline<'_, HostMemory, std::sync::Arc<Map<HostMemory>>, _> = Pipeline {
            port,
            programs: Programs {
                ingress: Ingress {
                    address: PORT_ADDRESS,
                    ifindex: 7,
                    queue: 0,
                },
                running: Running::Nothing,
                core: &mut core,
                services: TestServices,
                counters: &counters,
            },
            queues: None,
            parser: &kernel::MACHINE,
            stamp: None,
            segmenting: None,
            coalescing: Some(Coalescing {
                flows: &mut self.flows,
                expected: &mut self.expected,
                limits: port.coalesces(),
                rules: Rules::Own,
                now,
            }),
        };
        for frame in frames {
            let open = Open::of(frame).filter(|_| (self.opens)());
            let bytes = open.as_ref().map_or(frame, |open| &open.bytes).clone();
            pipeline.arrive(&mut self.device, Wire { bytes, open });
        }
        pipeline.end_older(&mut self.device, before?)
    }

    /// What has gone up since the last time.
    pub(crate) fn up(&mut self) -> Vec<Up> {
        std::mem::take(&mut self.device.up)
    }
}

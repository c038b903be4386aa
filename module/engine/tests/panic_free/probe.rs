// SPDX-License-Identifier: GPL-2.0

//! Every generic function of the engine, made concrete, so that a compiler turns all of them into
//! code.
//!
//! Compiled by `../panic_free.rs` with the flags of the kernel; never run.

#![no_std]
#![forbid(unsafe_code)]

use core::hint::black_box;
use core::marker::PhantomData;
use core::num::NonZeroU64;

use engine::checksum::{sum, Sum};
use engine::clock::{OutOfRange, Timebase};
use engine::coalesce::{
    is_complete, is_same_to_gro, End, Expected, Flows, GroLimits, GroVerdict, Held, Pair, Segment,
    Verdict,
};
use engine::descriptor::{Coalesced, RxDescriptor, TxDescriptor};
use engine::exec::{Core, Program, Sample, Services};
use engine::fault::FaultRecord;
use engine::filter::{Address, AddressSet};
use engine::forward::{
    Arrived, Content, Cursor, Decision, EntryError, Family, Fill, Forward, InPort, IpAddress,
    Listed, NeighbourKey, Nexthop, OutPort, Part, Readers, RouteKey, Sizes, Stamp, StationKey,
    Tables, Trap, TrapCounters, Writer,
};
use engine::frame::{Frame, TcContext, XdpContext};
use engine::image::{Fusion, Image, ImageError};
use engine::insn::Insn;
use engine::limits::Limits;
use engine::map::{Map, MapError, MapSpec};
use engine::memory::{Lock, LockClass, Memory, OutOfMemory};
use engine::parser::dissector::{self, Unfit};
use engine::parser::{Counts, EdgeCount, Failure, FlowKeys, FlowType, Found, Machine};
use engine::parser::{NodeCount, Parsed, Passed, Step, Uncounted};
use engine::pipeline::{
    self, Coalescing, Counters, InPages, Ingress, LengthLimit, Lost, Met, Moved, OnWire, Owned,
};
use engine::pipeline::{
    Payload, Pipeline, Port, Programs, Queues, Receiver, Room, Rules, Running, Segmenting, Sent,
    Shared, TcCounters, Watcher, XdpCounters,
};
use engine::receive_checksum::{complete, verify, RxChecksum};
use engine::refusal::Refusal;
use engine::resources::{Charge, Exhausted, Resource, Resources, Usage};
use engine::steer::{
    Action, By, FlowTable, Hash, Hashed, LastFlow, Look, RawTable, Reason, Rule, RuleTable, Seen,
    Spread, Steered, Steering,
};
use engine::store::{ProgramKind, RegisterFacts, Source};
use engine::transmit::{Asked, Finisher, GsoCounts, Heard, TxPlan, TxRefusal, WireFrame};
use engine::vlan::{self, TagKinds, VlanTag};
use parse_graph::{Field, Graph, Refusal as GraphRefusal};

/// A lock that the compiler can't see through.
pub struct OpaqueLock<T>(PhantomData<fn(T)>);

impl<T: Send + Unpin + 'static> Lock<T> for OpaqueLock<T> {
    fn with<R>(&self, critical: impl FnOnce(&mut T) -> R) -> R {
        loop {
            // Nobody leaves without having been in.
            if let Some(guarded) = black_box(None::<&'static mut T>) {
                return critical(guarded);
            }
        }
    }
}

/// Memory that the compiler can't see through: it may give out memory or not.
pub struct Opaque;

impl Memory for Opaque {
    type Buffer<T: Send + Sync + 'static> = &'static mut [T];
    type Lock<T: Send + Unpin + 'static> = OpaqueLock<T>;

    fn allocate<T: Send + Sync + 'static>(
        &self,
        len: usize,
        mut fill: impl FnMut(usize) -> T,
    ) -> Result<&'static mut [T], OutOfMemory> {
        let buffer: &'static mut [T] = black_box(None).ok_or(OutOfMemory)?;
        for (element, index) in buffer.iter_mut().zip(0..len) {
            *element = fill(index);
        }
        Ok(buffer)
    }

    fn locks<T: Send + Unpin + 'static>(
        &self,
        _class: LockClass,
        len: usize,
        mut fill: impl FnMut(usize) -> T,
    ) -> Result<&'static mut [OpaqueLock<T>], OutOfMemory> {
        (0..len).map(&mut fill).for_each(|guarded| {
            black_box(guarded);
        });
        black_box(None).ok_or(OutOfMemory)
    }
}

pub struct Opaquely;

impl Services for Opaquely {
    fn ktime_get_ns(&self) -> u64 {
        black_box(0)
    }

    fn prandom_u32(&self) -> u32 {
        black_box(0)
    }

    fn processor_id(&self) -> u32 {
        black_box(0)
    }

    fn event_output(&self, _map: u16, _flags: u64, sample: &Sample<'_>) -> i64 {
        let mut bytes = black_box([0; 8]);
        sample.read(black_box(0), &mut bytes);
        black_box(sample.len() as i64)
    }
}

type Maps = &'static Map<Opaque>;

pub fn charge(
    resources: &'static Resources,
    resource: Resource,
    amount: u64,
) -> Result<(), Exhausted> {
    let mut charge = Charge::new(resources, resource, amount)?;
    resources.set_size(resource, black_box(amount));
    charge.resize(black_box(amount))
}

pub fn usage(resources: &Resources) -> Option<Usage> {
    resources.all().max_by_key(|usage| usage.used)
}

pub fn store(
    kind: ProgramKind,
    insns: &[Insn],
    limits: &Limits,
) -> Result<Source<Opaque>, Refusal> {
    Source::new(&Opaque, kind, insns.iter().copied(), limits)
}

pub fn check(
    source: &mut Source<Opaque>,
    idx: usize,
    regs: &dyn RegisterFacts,
) -> Result<(), Refusal> {
    source.check_insn(idx, regs)
}

pub fn replace(source: &mut Source<Opaque>, off: usize, insn: Insn) -> Result<(), Refusal> {
    source.replace_insn(off, insn)
}

pub fn remove(source: &mut Source<Opaque>, off: usize, cnt: usize) -> Result<(), Refusal> {
    source.remove_insns(off, cnt)
}

pub fn finalize(source: &mut Source<Opaque>) -> Result<(), Refusal> {
    source.finalize()
}

pub fn translate(
    source: &Source<Opaque>,
    digest: [u8; 32],
    maps: &mut dyn FnMut(u64) -> Option<u16>,
    limits: &Limits,
    fusion: Fusion,
) -> Result<Image<Opaque>, Refusal> {
    match fusion {
        Fusion::On => Image::translate(&Opaque, source, digest, maps, limits),
        Fusion::Off => Image::translate_with(&Opaque, source, digest, maps, limits, fusion),
    }
}

pub fn decode(bytes: &[u8]) -> Result<Image<Opaque>, ImageError> {
    Image::decode(&Opaque, bytes)
}

pub fn damage(source: &Source<Opaque>, bit: u64) -> (bool, Option<Insn>) {
    let flipped = source.flip_bit(bit) && source.fingerprint() != 0;
    (flipped, source.original().last())
}

pub fn damage_image(image: &Image<Opaque>, bit: usize) -> Result<Image<Opaque>, ImageError> {
    if image.is_intact() || image.only_looks() || image.redirects() || image.fingerprint() == 0 {
        image.with_flipped_bit(&Opaque, bit)
    } else {
        Image::decode(&Opaque, image.bytes())
    }
}

pub fn image_facts(image: &Image<Opaque>) -> (bool, usize, u32, Option<u32>) {
    (
        image.writes_frame() || image.grows_frame() || image.kind() == ProgramKind::Xdp,
        image.bytes().len(),
        image.stack_bytes(),
        image.origin(image.ops().len()),
    )
}

pub fn new_map(spec: &MapSpec, limits: &Limits, cpus: usize) -> Result<Map<Opaque>, MapError> {
    Map::new(&Opaque, spec, limits, cpus)
}

pub fn size(map: Maps) -> usize {
    map.size_in_memory()
}

pub fn lookup(map: Maps, key: &[u8], value: &mut [u8]) -> Result<(), MapError> {
    map.lookup(key, value)
}

pub fn update(map: Maps, key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
    map.update(key, value, flags)
}

pub fn delete(map: Maps, key: &[u8]) -> Result<(), MapError> {
    map.delete(key)
}

pub fn next_key(map: Maps, key: Option<&[u8]>, next: &mut [u8]) -> Result<(), MapError> {
    map.get_next_key(key, next)
}

pub fn rules(rules: &[(u32, Rule)], seed: u64) -> Result<RuleTable<Opaque>, OutOfMemory> {
    RuleTable::new(&Opaque, rules, seed)
}

pub fn find_rule(
    rules: &RuleTable<Opaque>,
    parsed: &Parsed,
    frame: &dyn Look,
) -> Option<(u32, Action)> {
    rules.find(parsed, frame)
}

pub fn flows(flows: u32) -> Result<FlowTable<Opaque>, OutOfMemory> {
    FlowTable::new(&Opaque, flows)
}

pub fn graph(bytes: &[u8]) -> Result<Graph<'_>, GraphRefusal> {
    Graph::new(bytes)
}

pub fn dissect(graph: &Graph<'_>) -> Result<&'static mut [Insn], Unfit> {
    dissector::translate(&Opaque, graph)
}

pub fn machine(graph: &Graph<'_>) -> Result<Machine<Opaque>, OutOfMemory> {
    Machine::new(&Opaque, graph)
}

pub fn walk(machine: &Machine<Opaque>, frame: &[u8], asked: u16) -> Found {
    machine.parse(frame, asked)
}

pub fn trace(
    machine: &Machine<Opaque>,
    frame: &[u8],
    asked: u16,
    trace: &mut dyn FnMut(&Passed),
) -> Found {
    machine.trace(frame, asked, &mut |passed: &Passed| trace(passed))
}

pub fn counts(graph: &Graph<'_>) -> Result<(Counts<Opaque>, usize), Uncounted> {
    let counts = Counts::new(&Opaque, graph)?;
    let memory = counts.memory();
    Ok((counts, memory))
}

pub fn count(
    counts: &Counts<Opaque>,
    machine: &Machine<Opaque>,
    frame: &[u8],
    (len, asked): (u32, u16),
) {
    counts.count(machine, frame, len, asked);
}

pub fn counted(
    counts: &Counts<Opaque>,
    node: u16,
    edge: u32,
) -> (u64, Option<NodeCount>, Option<EdgeCount>, Option<Failure>) {
    (
        counts.frames(),
        counts.node(node),
        counts.edge(edge),
        counts.failure(node),
    )
}

pub fn kept(failure: &Failure) -> &[u8] {
    failure.bytes()
}

pub fn flow_of(machine: &Machine<Opaque>, frame: &[u8]) -> (Parsed, Option<usize>) {
    (machine.flow_of(frame), machine.tcp_payload(frame))
}

pub fn last_flow(
    machine: &Machine<Opaque>,
    (last, by): (&LastFlow, By),
    frame: &[u8],
    hash: Option<Hash>,
) -> Option<Option<Hash>> {
    let mut parsed = Parsed::default();
    let decisive = machine.flow_into(frame, &mut parsed);
    last.note(by, frame, decisive, hash);
    last.find(by, frame)
}

pub fn flow_keys_of(
    machine: &Machine<Opaque>,
    frame: &[u8],
    beside: Option<VlanTag>,
) -> Option<(FlowKeys, FlowType, bool)> {
    let keys = machine.flow_keys_of(frame, beside)?;
    Some((keys, keys.flow(), keys.have_layer4()))
}

pub fn found<'a>(
    machine: &Machine<Opaque>,
    found: &'a Found,
) -> (usize, [u8; Field::DEVICE_BYTES], &'a [Step]) {
    (machine.memory(), found.device_fields(), found.steps())
}

pub fn find_flow(flows: &FlowTable<Opaque>, hash: u32) -> Option<u16> {
    flows.find(hash)
}

pub fn steer_flow(flows: &FlowTable<Opaque>, hash: u32, queue: u16) -> Option<u16> {
    flows.steer(hash, queue, black_box(1), || black_box(true))
}

pub fn remove_flows(flows: &FlowTable<Opaque>, queues: u16) -> (u32, u32, u32) {
    let expired = flows.expire(|queue, flow_id, filter| black_box((queue, flow_id, filter)).0 > 1);
    (
        expired,
        flows.clear_above(queues),
        flows.len().min(flows.capacity()),
    )
}

pub fn core(limits: &Limits) -> Result<Core<Opaque>, OutOfMemory> {
    Core::new(&Opaque, limits)
}

pub fn program(image: Image<Opaque>, maps: &'static mut [Maps]) -> Program<Opaque, Maps> {
    Program::new(image, maps)
}

pub fn take_fault(core: &mut Core<Opaque>) -> Option<FaultRecord> {
    core.take_fault()
}

pub fn receive(
    core: &mut Core<Opaque>,
    program: &Program<Opaque, Maps>,
    frame: &mut Frame<'_>,
    context: &mut XdpContext,
    counters: &XdpCounters,
) -> RxDescriptor {
    pipeline::receive(core, program, frame, context, &Opaquely, counters)
}

pub fn plan(
    descriptor: &TxDescriptor,
    headers: &[u8],
    fragments: &[u32],
) -> Result<TxPlan, TxRefusal> {
    TxPlan::new(descriptor, headers, fragments.iter().copied())
}

pub fn plan_facts(plan: &TxPlan) -> (u32, u64, bool) {
    (plan.frames(), plan.wire_bytes(), plan.is_by_fragments())
}

pub fn wire_frames(plan: &TxPlan, fragments: &[u32]) -> Option<WireFrame> {
    plan.wire_frames(fragments.iter().copied()).last()
}

pub fn finish(plan: &TxPlan, frame: &WireFrame, wire: &mut [u8]) -> Result<(), TxRefusal> {
    plan.finish(frame, wire)
}

pub fn consult(plan: &TxPlan, headers: &[u8], wire: &mut [u8], asked: &mut dyn Asked) -> Heard {
    let Some(frame) = plan.segment_at(black_box(1), black_box(2), wire.len()) else {
        return Heard::Nothing;
    };
    plan.consult(&frame, headers, wire, &mut |shown| asked.run(shown))
}

pub fn checksums(bytes: &[u8], distance: usize) -> (Sum, RxChecksum, bool) {
    let sum = sum(bytes).behind(distance).sub(Sum::of_number(1));
    (sum, complete(bytes), verify(bytes))
}

pub fn of_frame(frame: &mut Frame<'_>, port_address: &[u8; 6]) -> Option<TcContext> {
    TcContext::of_frame(frame, port_address, black_box(1), black_box(2))
}

pub fn run_tc(
    core: &mut Core<Opaque>,
    program: &Program<Opaque, Maps>,
    frame: &mut Frame<'_>,
    context: &mut TcContext,
    counters: &TcCounters,
    received: RxDescriptor,
) -> RxDescriptor {
    pipeline::run_tc(core, program, frame, context, &Opaquely, counters, received)
}

impl Sent for Opaque {
    type Stable<'a> = ();

    fn descriptor(&self) -> Option<&TxDescriptor> {
        black_box(None)
    }

    fn stamp(&self) -> Option<NonZeroU64> {
        black_box(None)
    }

    fn headers(&self) -> &[u8] {
        black_box(&[])
    }

    fn fragments(&self) -> impl Iterator<Item = &[u8]> {
        black_box([&[][..]; 4]).into_iter()
    }

    fn stable_payload(&self, header: usize) -> Option<()> {
        black_box((header == 0).then_some(()))
    }
}

/// A frame that may lie anywhere.
pub struct Anywhere(&'static mut [u8]);

impl From<Opaque> for Anywhere {
    fn from(_: Opaque) -> Self {
        Self(black_box(&mut []))
    }
}

pub fn insert_tag(front: &mut [u8; vlan::FRONT], tag: VlanTag) {
    vlan::insert(front, tag);
}

pub fn outermost_tag(strip: TagKinds, front: &[u8]) -> Option<VlanTag> {
    strip.outermost(front)
}

impl OnWire for Anywhere {
    fn frame_len(&self) -> usize {
        black_box(self.0.len())
    }

    fn bytes(&self) -> Option<&[u8]> {
        black_box(Some(&*self.0))
    }

    fn first_bytes<'a>(&'a self, room: &'a mut [u8]) -> &'a [u8] {
        black_box(room);
        black_box(&*self.0)
    }

    fn pair(&self, at: usize) -> Option<[u8; 2]> {
        black_box(at);
        black_box(Some([0; 2]))
    }
}

impl InPages for Anywhere {
    fn header(&self) -> &[u8] {
        black_box(&*self.0)
    }

    fn pages(&self) -> impl Iterator<Item = &[u8]> {
        black_box([&*self.0; 4]).into_iter()
    }

    fn take_out_tag(&mut self) -> bool {
        black_box(true)
    }
}

impl Shared for Anywhere {
    fn header(&self) -> &[u8] {
        black_box(&*self.0)
    }

    fn header_mut(&mut self) -> &mut [u8] {
        black_box(&mut *self.0)
    }

    fn payload(&self) -> impl Iterator<Item = &[u8]> {
        black_box([&*self.0; 4]).into_iter()
    }
}

impl Owned for Anywhere {
    fn bytes(&self) -> &[u8] {
        black_box(&*self.0)
    }

    fn frame(&mut self) -> Option<Frame<'_>> {
        Frame::writable(self.0, black_box(0), black_box(1))
    }

    fn set_bounds(&mut self, start: usize, end: usize) {
        black_box((start, end));
    }
}

impl Watcher for Opaquely {
    fn arrived(&mut self, frames: u32, bytes: u64) {
        black_box((frames, bytes));
    }

    fn lost(&mut self, why: Lost) {
        black_box(why);
    }

    fn misdirected(&mut self) {}

    fn stopped(&mut self, record: FaultRecord) {
        black_box(record);
    }
}

impl Receiver for Opaquely {
    type Sent = Opaque;
    type Wire = Anywhere;
    type Owned = Anywhere;
    type InPages = Anywhere;
    type Shared = Anywhere;

    fn fill_in(
        &mut self,
        sent: Opaque,
        plan: &TxPlan,
        frame: &WireFrame,
    ) -> Result<Anywhere, Opaque> {
        black_box((plan, frame));
        black_box(Err(sent))
    }

    fn cut(
        &mut self,
        _sent: &Opaque,
        fragment: Option<&[u8]>,
        plan: &mut Finisher<'_>,
        frame: &WireFrame,
        room: Room,
    ) -> Result<Anywhere, Lost> {
        let mut wire = black_box([0; 100]);
        black_box((fragment, plan.finish(frame, &mut wire), room));
        black_box(Err(Lost::NoBuffer))
    }

    fn own(&mut self, wire: Anywhere, room: Room) -> Option<Anywhere> {
        black_box(room);
        black_box(Some(wire))
    }

    fn split<'t>(
        &mut self,
        _sent: &Opaque,
        payload: Payload<()>,
        plan: &mut Finisher<'_>,
        frame: &WireFrame,
        tag: Option<VlanTag>,
        tell: impl FnOnce(Sum) -> &'t RxDescriptor,
    ) -> Result<(), Lost> {
        let mut header = black_box([0; 100]);
        let sum = plan.finish_header(frame, &mut header, Sum::of_number(black_box(1)), 14);
        black_box((payload, tag));
        black_box(tell(sum.map_err(|_| Lost::Unplanned)?));
        black_box(Ok(()))
    }

    fn put_in_pages(&mut self, wire: Anywhere, header: usize, meta_len: u8) -> Option<Anywhere> {
        black_box((header, meta_len));
        black_box(Some(wire))
    }

    fn pages_to_host(&mut self, _frame: Anywhere, descriptor: &RxDescriptor) {
        black_box(descriptor);
    }

    fn whole(&mut self, sent: Opaque, descriptor: &RxDescriptor) -> Result<(), Opaque> {
        black_box(descriptor);
        black_box(Err(sent))
    }

    fn to_host(&mut self, _frame: Anywhere, descriptor: &RxDescriptor) {
        black_box(descriptor);
    }

    fn hold(&mut self, slot: u16, _frame: Anywhere, descriptor: &RxDescriptor) {
        black_box((slot, descriptor));
    }

    fn held(&self, slot: u16) -> Option<(&[u8], &RxDescriptor)> {
        black_box(slot);
        black_box(None)
    }

    fn held_mut(&mut self, slot: u16) -> &mut [u8] {
        black_box(slot);
        black_box(&mut [])
    }

    fn append(
        &mut self,
        slot: u16,
        frame: Anywhere,
        descriptor: &RxDescriptor,
        header: usize,
    ) -> Result<(), Anywhere> {
        black_box((slot, descriptor, header));
        black_box(Err(frame))
    }

    fn release(&mut self, slot: u16, made: Option<(TxDescriptor, Coalesced)>, why: End) {
        black_box((slot, made, why));
    }

    fn share(&mut self, _sent: Opaque, header: usize) -> Result<Anywhere, Opaque> {
        black_box(header);
        black_box(Ok(Anywhere(black_box(&mut []))))
    }

    fn shared_to_host(&mut self, _frame: Anywhere, descriptor: &RxDescriptor) {
        black_box(descriptor);
    }

    fn hold_shared(&mut self, slot: u16, _frame: Anywhere, descriptor: &RxDescriptor) {
        black_box((slot, descriptor));
    }

    fn append_shared(&mut self, slot: u16, frame: Anywhere, header: usize) -> Result<(), Anywhere> {
        black_box((slot, header));
        black_box(Err(frame))
    }

    fn append_sent(&mut self, slot: u16, sent: Opaque, header: usize) -> Result<(), Opaque> {
        black_box((slot, header));
        black_box(Err(sent))
    }

    fn ask_host(&self, pair: &mut [u8]) -> GroVerdict {
        black_box(pair);
        black_box(GroVerdict::Merge)
    }

    fn overruled(&mut self) {}

    fn is_gso_intact(&mut self) -> bool {
        true
    }

    fn segmented(&mut self, _counts: GsoCounts) {}

    fn to_host_program(&mut self, _wire: Anywhere, descriptor: &RxDescriptor) {
        black_box(descriptor);
    }

    fn send_back(&mut self, wire: Anywhere) {
        black_box(wire.0);
    }

    fn send(&mut self, wire: Anywhere, target: Option<u32>, by: ProgramKind) {
        black_box((wire.0, target, by));
    }

    fn hand_over(&mut self, wire: Anywhere, moved: Moved) {
        black_box((wire.0, moved));
    }

    fn drop_steered(&mut self, wire: Anywhere, reason: Reason) {
        black_box((wire.0, reason));
    }

    fn consume(&mut self, wire: Anywhere) {
        black_box(wire.0);
    }
}

fn programs<'a>(
    (ingress, counters): (Ingress, &'a Counters),
    running: Running<'a, Opaque, Maps>,
    core: &'a mut Core<Opaque>,
) -> Programs<'a, Opaque, Maps, Opaquely> {
    Programs {
        ingress,
        running,
        core,
        services: Opaquely,
        counters,
    }
}

pub fn arrive(
    device: &mut Opaquely,
    port: Port,
    (queues, parser): (Option<Queues<'_, Opaque>>, &Machine<Opaque>),
    from: (Ingress, &Counters),
    (running, segmenting): (Running<'_, Opaque, Maps>, Option<&Program<Opaque, Maps>>),
    (core, flows, expected, rules): (
        &mut Core<Opaque>,
        &mut Flows<Opaque>,
        &mut Expected,
        Rules<'_, Opaque, Maps, Opaquely>,
    ),
    sent: Opaque,
) -> u32 {
    let mut pipeline = Pipeline {
        port,
        programs: programs(from, running, core),
        queues,
        parser,
        stamp: black_box(None),
        segmenting: segmenting.map(|program| Segmenting::new(program, Opaquely)),
        coalescing: Some(Coalescing {
            flows,
            expected,
            limits: port.coalesces(),
            rules,
            now: black_box(1),
        }),
    };
    let frames = pipeline.arrive(device, sent);
    pipeline.end_older(device, black_box(1));
    pipeline.end_all(device);
    frames
}

pub fn gro_flows(slots: u16) -> Result<Flows<Opaque>, OutOfMemory> {
    Flows::new(&Opaque, slots, black_box(1))
}

pub fn gro_verdict(
    (held, new): (&mut [u8], &[u8]),
    limits: &GroLimits,
) -> Option<(Verdict, TxDescriptor)> {
    let first = Segment::of(held, black_box(1))?;
    let next = Segment::of(new, black_box(2))?;
    let record = Held::new(&first);
    let verdict = record.verdict(held, &next, new, limits);
    let said = GroVerdict::from_action(black_box(3))?;
    let (verdict, _) = verdict.narrowed(said, next.may_begin());
    Some((verdict, record.complete(held)))
}

pub fn gro_loses(wire: &[u8], cut: &[u8]) -> bool {
    is_same_to_gro(wire, cut) && is_complete(cut, black_box(1))
}

pub fn filter(memory: &Opaque, addresses: &[Address], address: Address) -> bool {
    AddressSet::new(memory, addresses).is_ok_and(|set| set.has(address))
}

pub fn steering(
    memory: &Opaque,
    contexts: &[Spread<'_>],
    (rules, raw): (&[(u32, Rule)], &[RawTable<'_>]),
    seed: u64,
) -> Result<Steering<Opaque>, OutOfMemory> {
    Steering::new(memory, contexts, rules, raw, seed)
}

pub fn steer(
    steering: &Steering<Opaque>,
    parsed: &Parsed,
    seen: Seen<'_, Opaque>,
    flows: Option<&FlowTable<Opaque>>,
) -> Steered {
    let steered = steering.steer(parsed, seen, true, flows);
    steering.count(&steered, steering.hits(1, 2));
    steering.add_hits(1, 2, 3);
    steered
}

pub fn steer_together(queues: &Queues<'_, Opaque>, parsed: &Parsed) -> Option<Steered> {
    queues.steer_together(|| *parsed)
}

pub fn hand_in(
    port: Port,
    (queues, parser): (Option<Queues<'_, Opaque>>, &Machine<Opaque>),
    from: (Ingress, &Counters),
    running: Running<'_, Opaque, Maps>,
    core: &mut Core<Opaque>,
    wire: Anywhere,
) {
    let mut pipeline = Pipeline {
        port,
        programs: programs(from, running, core),
        queues,
        parser,
        stamp: None,
        segmenting: None,
        coalescing: None,
    };
    pipeline.hand_in(&mut Opaquely, wire, black_box(None));
}

pub fn meet(
    from: (Ingress, &Counters),
    running: Running<'_, Opaque, Maps>,
    core: &mut Core<Opaque>,
    (wire, limit): (&Anywhere, LengthLimit),
) -> Option<Met> {
    programs(from, running, core).meet(&mut Opaquely, wire, limit)
}

pub fn go_on(
    port: Port,
    (queues, parser): (Option<Queues<'_, Opaque>>, &Machine<Opaque>),
    from: (Ingress, &Counters),
    running: Running<'_, Opaque, Maps>,
    core: &mut Core<Opaque>,
    (wire, met): (Anywhere, &mut Met),
) {
    let mut pipeline = Pipeline {
        port,
        programs: programs(from, running, core),
        queues,
        parser,
        stamp: black_box(None),
        segmenting: None,
        coalescing: None,
    };
    pipeline.go_on(&mut Opaquely, wire, met, black_box(None));
}

pub fn clock(timebase: &Timebase, counter: u64, time: u64, number: i64) -> Result<u64, OutOfRange> {
    let set = timebase.set(counter, time)?;
    let shifted = set.shifted(counter, number)?;
    let adjusted = shifted.adjusted(counter, number)?;
    Ok(adjusted.time_at(counter))
}

pub fn hand_up(
    port: Port,
    (queues, parser): (Option<Queues<'_, Opaque>>, &Machine<Opaque>),
    from: (Ingress, &Counters),
    running: Running<'_, Opaque, Maps>,
    core: &mut Core<Opaque>,
    (wire, meta_len): (Anywhere, u8),
) {
    let mut pipeline = Pipeline {
        port,
        programs: programs(from, running, core),
        queues,
        parser,
        stamp: None,
        segmenting: None,
        coalescing: None,
    };
    pipeline.hand_up(&mut Opaquely, wire, meta_len, black_box(None));
}

pub fn leads_to(met: &Met, own: u16, in_use: u16) -> Option<u16> {
    met.leads_to(own, in_use)
}

pub fn hashed(steering: &Steering<Opaque>, parsed: &Parsed, steered: &Steered) -> Hashed {
    steering.hashed(parsed, steered)
}

impl Readers for Opaquely {
    fn wait(&self) {
        black_box(());
    }
}

type ForwardTables = &'static Tables<Opaque>;
type ForwardWriter = Writer<Opaque, ForwardTables, Opaquely>;

pub fn forward_tables(sizes: &Sizes, seed: u64) -> Result<Tables<Opaque>, OutOfMemory> {
    Tables::new(
        &Opaque,
        sizes,
        seed.wrapping_add(Tables::<Opaque>::memory(sizes)),
    )
}

pub fn forward_writer(tables: ForwardTables) -> Result<Option<ForwardWriter>, OutOfMemory> {
    Writer::new(&Opaque, tables, Opaquely)
}

pub fn fill(writer: &ForwardWriter, part: Part, table: u32, address: &IpAddress) -> (Fill, u32) {
    let tables = writer.tables();
    (tables.fill(part), tables.nodes_read(table, address))
}

pub fn decide(
    tables: ForwardTables,
    frame: &Arrived<'_>,
    by: &InPort,
    out: Option<OutPort>,
    hash: Option<u32>,
) -> Decision {
    let decision = tables.decide(frame, by, |port| black_box((port, out)).1, || hash);
    tables.count(&decision, black_box(1), black_box(2), black_box(3));
    decision
}

pub fn rewrite(forward: &Forward, frame: &mut [u8]) -> Option<()> {
    forward.rewrite?.apply(frame)
}

pub fn count_trap(counters: &TrapCounters, trap: Trap, frames: u64) -> u64 {
    counters.count(trap, frames);
    counters.get(trap)
}

pub fn set_entry(
    writer: &mut ForwardWriter,
    content: &Content,
    nexthop: &Nexthop<'_>,
    stamp: Stamp,
) -> Result<(), EntryError> {
    match content {
        Content::Route(key, action) => writer.set_route(key, *action, stamp),
        Content::Nexthop(id, _) => writer.set_nexthop(*id, nexthop, stamp),
        Content::Neighbour(key, address) => writer.set_neighbour(key, *address, stamp),
        Content::Station(key, port) => writer.set_station(key, *port, stamp),
    }
}

pub fn remove_entry(
    writer: &mut ForwardWriter,
    (route, neighbour, station): (&RouteKey, &NeighbourKey, &StationKey),
    id: u32,
    owner: u32,
) -> Result<(), EntryError> {
    writer.remove_route(route, owner)?;
    writer.remove_nexthop(id, owner)?;
    writer.remove_neighbour(neighbour, owner)?;
    writer.remove_station(station, owner)
}

pub fn hold(
    writer: &mut ForwardWriter,
    table: u32,
    family: Family,
    stamp: Stamp,
) -> Result<(), EntryError> {
    writer.hold(table, family, black_box(true), stamp)
}

pub fn list(writer: &ForwardWriter, cursor: &mut Cursor, now: u64) -> Option<Listed> {
    let listed = writer.next(cursor, now);
    if let Some(Content::Nexthop(id, None)) = listed.map(|listed| listed.content) {
        writer.shares(id, |id, last| {
            black_box((id, last));
        });
    }
    listed
}

pub fn sweep(
    writer: &mut ForwardWriter,
    cursor: &mut Cursor,
    by: (u32, u32),
    limit: u32,
) -> Option<u32> {
    writer.sweep(cursor, by, limit)
}

pub fn release(writer: ForwardWriter) {
    drop(writer);
}

pub fn entry_errno(error: &EntryError) -> i32 {
    error.errno()
}

// SPDX-License-Identifier: GPL-2.0

//! Programs on the engine, as the driver would run them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{ensure, Context, Result};
use engine::exec::{Core, Program, Sample, Services};
use engine::fault::{Fault, FaultCause};
use engine::frame::{Frame, TcContext, XdpContext};
use engine::image::Image;
use engine::insn::{class, jump, size};
use engine::limits::{Limits, MAX_SKB_LEN, XDP_PACKET_HEADROOM};
use engine::map::{Map, MapKind, MapSpec};
use engine::memory::{HostMemory, OutOfMemory};
use engine::refusal::Refusal;
use engine::store::{ProgramKind, RegisterKind, Source};

use super::code::{exit, mov_imm, st, Fact, Insns, R0, R10};
use super::frame::Input;
use super::observed::{Maps, Observed, Ran, Returned};
use super::{Case, MapShape, MapType};

type HostMap = Arc<Map<HostMemory>>;
type HostProgram = Program<HostMemory, HostMap>;

/// Bytes of a page less what native XDP keeps at its end (`struct skb_shared_info`).
const XDP_BUFFER: usize = 4096 - 320;
/// Room for the longest frame of a classifier, and for what comes in front of it.
const BUFFER: usize = 2 * MAX_SKB_LEN;

/// The interface that `BPF_PROG_TEST_RUN` pretends to have received a frame on, in its queue 0: the
/// loopback device, whose address is 0.
const IFINDEX: u32 = 1;

/// Packet types of `linux/if_packet.h`.
const PACKET_BROADCAST: u8 = 1;
const PACKET_MULTICAST: u8 = 2;

/// Errors of `bpf_perf_event_output`.
const ENOENT: i64 = 2;
const E2BIG: i64 = 7;

/// What the verifier would have told the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Facts {
    /// What each pointer is.
    Known,
    /// Nothing.
    Unknown,
}

/// Time that goes on, numbers that do not repeat, the first processor, and a reader of samples.
struct Surroundings<'a> {
    count: Cell<u64>,
    maps: &'a [MapShape],
    samples: RefCell<Vec<Vec<u8>>>,
}

impl Surroundings<'_> {
    fn next(&self) -> u64 {
        let next = self.count.get() + 1;
        self.count.set(next);
        next
    }
}

impl Services for Surroundings<'_> {
    fn ktime_get_ns(&self) -> u64 {
        (1 << 40) + self.next()
    }

    fn prandom_u32(&self) -> u32 {
        (self.next() as u32).wrapping_mul(0x9e37_79b9)
    }

    fn processor_id(&self) -> u32 {
        0
    }

    fn event_output(&self, map: u16, flags: u64, sample: &Sample<'_>) -> i64 {
        let entries = self.maps.get(usize::from(map)).map_or(0, |map| map.entries);
        let own = u32::MAX;
        match flags as u32 {
            index if index == own || index == 0 => {}
            index if index >= entries => return -E2BIG,
            _ => return -ENOENT,
        }
        let mut bytes = vec![0; sample.len()];
        sample.read(0, &mut bytes);
        self.samples.borrow_mut().push(bytes);
        0
    }
}

/// A program in the device.
pub struct Loaded {
    program: HostProgram,
    shapes: Vec<MapShape>,
}

/// The image that the device makes of `code`.
///
/// # Errors
///
/// [`Refusal`], as the device would give it when the program is loaded.
pub fn image(kind: ProgramKind, code: &Insns, facts: Facts) -> Result<Image<HostMemory>, Refusal> {
    let limits = Limits::default();
    let mut source = Source::new(&HostMemory, kind, code.insns.iter().copied(), &limits)?;
    let mut second_half = false;
    for (idx, (insn, fact)) in code.insns.iter().zip(&code.facts).enumerate() {
        // What a call of `bpf_redirect` is judged by is no hint.
        let is_call = insn.code == class::JMP | jump::CALL;
        if !second_half && (facts == Facts::Known || is_call) {
            source.check_insn(idx, &Fact(*fact))?;
        }
        second_half = insn.is_ld_imm64() && !second_half;
    }
    source.finalize()?;
    let mut maps = |immediate: u64| u16::try_from(immediate).ok();
    Image::translate(&HostMemory, &source, [7; 32], &mut maps, &limits)
}

/// Why the device would not have taken `code`, had the verifier told it that instruction `insn` works
/// on the context, as it tells whoever loads a program; `None` if it would have.
///
/// Of an instruction that was [changed](super::generate) nobody knows what it works on, until it runs.
pub fn refused_on_context(kind: ProgramKind, code: &Insns, insn: usize) -> Option<Refusal> {
    let insns = code.insns.iter().copied();
    let mut source = Source::new(&HostMemory, kind, insns, &Limits::default()).ok()?;
    let context = Fact(RegisterKind::Ctx);
    source.check_insn(insn, &context).err()
}

/// A program that leaves something in all of its stack.
fn scribbler() -> Insns {
    let mut insns: Vec<_> = (-512..0)
        .step_by(8)
        .map(|offset| st(size::DW, R10, offset, 0x5a5a_5a5a))
        .collect();
    insns.extend([mov_imm(R0, 0), exit()]);
    Insns {
        facts: vec![RegisterKind::Other; insns.len()],
        insns,
        ..Insns::default()
    }
}

/// Whether what the program of `case` does depends on what was in its stack before: the verifier takes
/// what a helper was to write for written, though it may fail and leave it as it was.
///
/// # Errors
///
/// As [`Device::run`], and where the device refuses the program.
pub fn depends_on_stack(case: &Case, facts: Facts) -> Result<bool> {
    let refused = |refusal: Refusal| anyhow::anyhow!("{refusal}");
    let run = |device: &mut Device, case: &Case, code: &Insns| {
        let image = image(case.kind, code, facts).map_err(refused)?;
        device.run(&Loaded::new(image, &case.maps)?, case)
    };
    let clean = run(&mut Device::new()?, case, &case.code)?;
    let mut device = Device::new()?;
    run(&mut device, case, &scribbler())?;
    Ok(run(&mut device, case, &case.code)? != clean)
}

fn no_memory(_: OutOfMemory) -> anyhow::Error {
    anyhow::anyhow!("no memory for the device")
}

fn new_map(shape: &MapShape) -> Result<HostMap> {
    let kind = match shape.kind {
        MapType::Array => MapKind::Array,
        MapType::Hash => MapKind::Hash,
        MapType::Events => return Ok(Arc::new(Map::event_array(&HostMemory).map_err(no_memory)?)),
    };
    let spec = MapSpec {
        kind,
        key_size: shape.key_size,
        value_size: shape.value_size,
        max_entries: shape.entries,
        flags: 0,
        hash_seed: 0x5eed,
    };
    let map = Map::new(&HostMemory, &spec, &Limits::default(), 1);
    Ok(Arc::new(map.map_err(|error| anyhow::anyhow!("{error}"))?))
}

impl Loaded {
    /// Puts `image` together with new maps.
    ///
    /// # Errors
    ///
    /// Where the device can't have such a map.
    pub fn new(image: Image<HostMemory>, shapes: &[MapShape]) -> Result<Self> {
        let maps = shapes.iter().map(new_map).collect::<Result<Vec<_>>>()?;
        Ok(Self {
            program: Program::new(image, maps),
            shapes: shapes.to_vec(),
        })
    }

    /// The image.
    pub fn image(&self) -> &Image<HostMemory> {
        self.program.image()
    }

    fn map(&self, index: usize) -> Result<&Map<HostMemory>> {
        Ok(self.program.maps().get(index).context("no such map")?)
    }

    fn maps(&self) -> Result<Maps> {
        let mut maps = Maps::new();
        for (index, shape) in self.shapes.iter().enumerate().skip(1) {
            if shape.kind != MapType::Events {
                maps.push(elements(self.map(index)?, shape)?);
            }
        }
        Ok(maps)
    }
}

fn elements(map: &Map<HostMemory>, shape: &MapShape) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut elements = BTreeMap::new();
    let mut key: Option<Vec<u8>> = None;
    loop {
        let mut next = vec![0; shape.key_size as usize];
        if map.get_next_key(key.as_deref(), &mut next).is_err() {
            return Ok(elements);
        }
        let mut value = vec![0; shape.value_size as usize];
        let found = map.lookup(&next, &mut value);
        ensure!(
            found.is_ok(),
            "a key that is listed is not there: {next:02x?}"
        );
        let old = elements.insert(next.clone(), value);
        ensure!(old.is_none(), "a key is listed twice: {next:02x?}");
        key = Some(next);
    }
}

/// A processor of the device, and a buffer.
pub struct Device {
    core: Core<HostMemory>,
    buffer: Vec<u8>,
    /// The instruction at which a program was stopped that asked the context for what it has not.
    outside_context: Option<usize>,
}

impl Device {
    /// A new one.
    ///
    /// # Errors
    ///
    /// Without memory.
    pub fn new() -> Result<Self> {
        Ok(Self {
            core: Core::new(&HostMemory, &Limits::default()).map_err(no_memory)?,
            buffer: vec![0; BUFFER],
            outside_context: None,
        })
    }

    /// The instruction at which the last program that was stopped asked the context for what it has
    /// not, once.
    pub fn take_outside_context(&mut self) -> Option<usize> {
        self.outside_context.take()
    }

    /// Runs the program of `case` on all of its frames.
    ///
    /// # Errors
    ///
    /// Where a map does not keep its own rules.
    pub fn run(&mut self, loaded: &Loaded, case: &Case) -> Result<Ran> {
        let services = Surroundings {
            count: Cell::new(0),
            maps: &loaded.shapes,
            samples: RefCell::default(),
        };
        let left_len = loaded.shapes.first().map_or(0, |map| map.value_size);
        let mut observed = Vec::with_capacity(case.inputs.len());
        for input in &case.inputs {
            let mut left = vec![0; left_len as usize];
            let seen = match case.kind {
                ProgramKind::Xdp => self.run_xdp(&loaded.program, input, &services),
                ProgramKind::SchedCls => self.run_tc(&loaded.program, input, &services),
            };
            let seen = seen.context("a frame that does not fit")?;
            let fault = self.core.take_fault().map(|record| record.fault);
            if let Some(fault) = fault.filter(|fault| fault.cause == FaultCause::Context) {
                self.outside_context = Some(usize::try_from(fault.insn)?);
            }
            let found = loaded.map(0)?.lookup(&[0; 4], &mut left);
            ensure!(found.is_ok(), "map 0 has no element");
            observed.push(Observed {
                samples: services.samples.take(),
                left,
                ..seen
            });
        }
        Ok(Ran {
            observed,
            maps: loaded.maps()?,
        })
    }

    fn run_xdp(
        &mut self,
        program: &HostProgram,
        input: &Input,
        services: &Surroundings<'_>,
    ) -> Option<Observed> {
        let buffer = self.buffer.get_mut(..XDP_BUFFER)?;
        buffer.fill(0);
        let end = XDP_PACKET_HEADROOM + input.bytes.len();
        let place = buffer.get_mut(XDP_PACKET_HEADROOM..end)?;
        place.copy_from_slice(&input.bytes);
        let mut frame = Frame::writable(buffer, XDP_PACKET_HEADROOM, end)?;
        let mut context = XdpContext {
            ingress_ifindex: IFINDEX,
            ..XdpContext::default()
        };
        let verdict = self
            .core
            .run_xdp(program, &mut frame, &mut context, services);
        let returned = verdict.map_or_else(stopped, Returned::Xdp);
        Some(seen(returned, &frame, [0; 8]))
    }

    fn run_tc(
        &mut self,
        program: &HostProgram,
        input: &Input,
        services: &Surroundings<'_>,
    ) -> Option<Observed> {
        let end = XDP_PACKET_HEADROOM + input.bytes.len();
        let place = self.buffer.get_mut(XDP_PACKET_HEADROOM..end)?;
        place.copy_from_slice(&input.bytes);
        let mut frame = Frame::writable(&mut self.buffer, XDP_PACKET_HEADROOM, end)?;
        let mut context = context(input)?;
        let verdict = self
            .core
            .run_tc(program, &mut frame, &mut context, services);
        let returned = verdict.map_or_else(stopped, Returned::Tc);
        let TcContext {
            mark,
            priority,
            wire_len,
            cb: [a, b, c, d, e],
            ..
        } = context;
        let context = [mark, priority, wire_len, a, b, c, d, e];
        Some(seen(returned, &frame, context))
    }
}

/// What can be seen of a run at once.
fn seen(returned: Returned, frame: &Frame<'_>, context: [u32; 8]) -> Observed {
    Observed {
        returned,
        bytes: frame.data().to_vec(),
        metadata: frame.metadata().to_vec(),
        context,
        samples: Vec::new(),
        left: Vec::new(),
    }
}

/// The context of a frame as `BPF_PROG_TEST_RUN` sets it up: unlike the stack, it leaves VLAN tags
/// in the frame, looks for no transport header, and counts the Ethernet header. The loopback device
/// has no broadcast address either.
fn context(input: &Input) -> Option<TcContext> {
    // What the engine finds out about the frame, but for tags, which stay.
    let mut addresses = input.bytes.get(..12)?.to_vec();
    let rest = input.bytes.get(12..)?;
    let protocol = u16::from_be_bytes(*rest.first_chunk()?);
    let is_tagged = TcContext::is_tagged(&input.bytes);
    addresses.extend(if is_tagged { &[8, 0] } else { rest });
    let len = addresses.len();
    let mut frame = Frame::writable(&mut addresses, 0, len)?;
    let found = TcContext::of_frame(&mut frame, &[0; 6], IFINDEX, 0)?;
    Some(TcContext {
        protocol: if is_tagged { protocol } else { found.protocol },
        pkt_type: match found.pkt_type {
            PACKET_BROADCAST => PACKET_MULTICAST,
            other => other,
        },
        queue_mapping: 0,
        mark: input.mark,
        priority: input.priority,
        cb: input.cb,
        transport_offset: i32::MIN / 2,
        wire_len: u32::try_from(input.bytes.len()).ok()?,
        ..found
    })
}

fn stopped(fault: Fault) -> Returned {
    match fault.cause {
        FaultCause::InvalidAction => Returned::NoAction(fault.address as u32),
        _ => Returned::Stopped(fault.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::code::{ldx, stx, R1};
    use super::super::frame;
    use super::*;
    use rand::SeedableRng;

    /// A changed offset made a load of `cb` one of `hash`, which no fact told the device.
    #[test]
    fn what_the_context_has_not_would_have_been_refused() {
        let loads = |offset| Insns {
            insns: vec![ldx(size::W, R1, R1, offset), exit()],
            facts: vec![RegisterKind::Other; 2],
            ..Insns::default()
        };
        let refused = |offset| refused_on_context(ProgramKind::SchedCls, &loads(offset), 0);
        assert!(refused(68).is_some_and(|why| why.to_string().contains("hash")));
        assert!(refused(64).is_none());
    }

    /// Eight bytes of the stack go to `cb`: those that the program has written, or not.
    #[test]
    fn what_was_in_the_stack_is_nobodys() {
        let leaves = |insns: Vec<_>| Case {
            kind: ProgramKind::SchedCls,
            code: Insns {
                facts: vec![RegisterKind::Other; insns.len()],
                insns,
                ..Insns::default()
            },
            is_strict: true,
            maps: vec![MapShape {
                kind: MapType::Array,
                key_size: 4,
                value_size: 8,
                entries: 1,
            }],
            inputs: frame::inputs(&mut rand_chacha::ChaCha8Rng::seed_from_u64(1), 1),
        };
        let read = [
            ldx(size::DW, R0, R10, -8),
            stx(size::DW, R1, 48, R0),
            mov_imm(R0, 0),
            exit(),
        ];
        let depends = |insns| depends_on_stack(&leaves(insns), Facts::Unknown);
        assert!(depends(read.to_vec()).expect("runs"));
        let written = [&[st(size::DW, R10, -8, 7)], &read[..]].concat();
        assert!(!depends(written).expect("runs"));
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What the tests of the engine share: short names for instructions, and a device to run them on.

#![allow(dead_code, reason = "each test uses its part")]
#![allow(unreachable_pub, reason = "a module that each test binary includes")]
#![allow(unused_imports, reason = "each test uses its part")]

pub mod asm;

use std::sync::Arc;

use engine::exec::{Core, Program, Sample, Services, TcVerdict, XdpVerdict};
use engine::fault::Fault;
use engine::frame::{Frame, TcContext, XdpContext};
use engine::image::{Fusion, Image};
use engine::insn::{class, Insn};
use engine::limits::Limits;
use engine::map::{Map, MapKind, MapSpec};
use engine::memory::HostMemory;
use engine::refusal::Refusal;
use engine::store::{ProgramKind, RegisterFacts, RegisterKind, Source};

pub type HostMap = Arc<Map<HostMemory>>;
pub type HostProgram = Program<HostMemory, HostMap>;

/// Time, randomness and processor that a test can recognise.
pub struct TestServices;

pub const KTIME: u64 = 0x1122_3344_5566_7788;
pub const PRANDOM: u32 = 0x9abc_def0;
pub const PROCESSOR: u32 = 3;

impl Services for TestServices {
    fn ktime_get_ns(&self) -> u64 {
        KTIME
    }

    fn prandom_u32(&self) -> u32 {
        PRANDOM
    }

    fn processor_id(&self) -> u32 {
        PROCESSOR
    }

    fn event_output(&self, _map: u16, _flags: u64, sample: &Sample<'_>) -> i64 {
        sample.len() as i64
    }
}

/// A verifier that says of every register that it is of one kind.
pub struct Always(pub RegisterKind);

impl RegisterFacts for Always {
    fn kind(&self, _reg: u8) -> RegisterKind {
        self.0
    }

    fn offset(&self, _reg: u8) -> i32 {
        0
    }
}

/// A verifier that knows one register; the others hold something else.
pub struct RegisterIs(pub u8, pub RegisterKind);

impl RegisterFacts for RegisterIs {
    fn kind(&self, reg: u8) -> RegisterKind {
        if reg == self.0 {
            self.1
        } else {
            RegisterKind::Other
        }
    }

    fn offset(&self, _reg: u8) -> i32 {
        0
    }
}

pub fn source(insns: &[Insn], limits: &Limits) -> Result<Source<HostMemory>, Refusal> {
    source_of(ProgramKind::Xdp, insns, limits)
}

pub fn source_of(
    kind: ProgramKind,
    insns: &[Insn],
    limits: &Limits,
) -> Result<Source<HostMemory>, Refusal> {
    Source::new(&HostMemory, kind, insns.iter().copied(), limits)
}

/// The immediate of a map instruction is the map's index in the program's map table.
pub fn image_of(
    source: &Source<HostMemory>,
    limits: &Limits,
) -> Result<Image<HostMemory>, Refusal> {
    image_with(source, limits, Fusion::On)
}

fn image_with(
    source: &Source<HostMemory>,
    limits: &Limits,
    fusion: Fusion,
) -> Result<Image<HostMemory>, Refusal> {
    let mut maps = |immediate: u64| u16::try_from(immediate).ok();
    Image::translate_with(&HostMemory, source, [7; 32], &mut maps, limits, fusion)
}

/// All that happens to a program from load to translation. `hint` is what the verifier says of all
/// pointers.
pub fn translate_with(
    insns: &[Insn],
    hint: Option<RegisterKind>,
    limits: &Limits,
) -> Result<Image<HostMemory>, Refusal> {
    translate_of(ProgramKind::Xdp, insns, hint, limits)
}

/// As [`translate_with`], for a program of type `program_kind`.
pub fn translate_of(
    program_kind: ProgramKind,
    insns: &[Insn],
    hint: Option<RegisterKind>,
    limits: &Limits,
) -> Result<Image<HostMemory>, Refusal> {
    translate_fused(program_kind, insns, hint, limits, Fusion::On)
}

/// As [`translate_of`], with fusion or without it.
pub fn translate_fused(
    program_kind: ProgramKind,
    insns: &[Insn],
    hint: Option<RegisterKind>,
    limits: &Limits,
    fusion: Fusion,
) -> Result<Image<HostMemory>, Refusal> {
    let mut source = source_of(program_kind, insns, limits)?;
    if let Some(kind) = hint {
        let mut second_half = false;
        for (idx, insn) in insns.iter().enumerate() {
            // That a store goes to the context is not a hint but a reason to refuse it.
            let is_store = matches!(insn.class(), class::ST | class::STX);
            let is_xdp = program_kind == ProgramKind::Xdp;
            let refused = is_store && kind == RegisterKind::Ctx && is_xdp;
            if !second_half && !refused {
                source.check_insn(idx, &Always(kind))?;
            }
            second_half = insn.is_ld_imm64() && !second_half;
        }
    }
    source.finalize()?;
    image_with(&source, limits, fusion)
}

pub fn translate(insns: &[Insn]) -> Result<Image<HostMemory>, Refusal> {
    translate_with(insns, None, &Limits::default())
}

pub fn program(insns: &[Insn], maps: &[HostMap]) -> HostProgram {
    let image = translate(insns).unwrap_or_else(|refusal| panic!("{refusal}"));
    Program::new(image, maps.to_vec())
}

/// A classifier, which must be one that the device takes.
pub fn classifier(insns: &[Insn], maps: &[HostMap]) -> HostProgram {
    let image = translate_of(ProgramKind::SchedCls, insns, None, &Limits::default());
    let image = image.unwrap_or_else(|refusal| panic!("{refusal}"));
    Program::new(image, maps.to_vec())
}

pub fn map(kind: MapKind, key_size: u32, value_size: u32, max_entries: u32) -> HostMap {
    let spec = MapSpec {
        kind,
        key_size,
        value_size,
        max_entries,
        flags: 0,
        hash_seed: 0x5eed,
    };
    let map = Map::new(&HostMemory, &spec, &Limits::default(), 4);
    Arc::new(map.unwrap_or_else(|error| panic!("{error}")))
}

pub fn core() -> Core<HostMemory> {
    Core::new(&HostMemory, &Limits::default()).expect("memory for a core")
}

pub const CONTEXT: XdpContext = XdpContext {
    ingress_ifindex: 11,
    rx_queue_index: 5,
    chosen_queue: None,
    egress_ifindex: 0,
    redirect: None,
};

pub fn run(program: &HostProgram, frame: &mut Frame<'_>) -> Result<XdpVerdict, Fault> {
    core().run_xdp(program, frame, &mut CONTEXT.clone(), &TestServices)
}

/// The Ethernet address of the port that receives the frames of classifiers.
pub const PORT_ADDRESS: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// What a classifier is told of a frame that the port with interface index 11 received in its queue
/// 5; a VLAN tag leaves the frame.
pub fn tc_context(frame: &mut Frame<'_>) -> TcContext {
    TcContext::of_frame(frame, &PORT_ADDRESS, 11, 5).expect("a frame that classifiers see")
}

pub fn classify(
    program: &HostProgram,
    frame: &mut Frame<'_>,
    context: &mut TcContext,
) -> Result<TcVerdict, Fault> {
    core().run_tc(program, frame, context, &TestServices)
}

/// Runs `insns`, which leave a number in r0, as a classifier, with the context in r1 and r6; gives
/// the number.
pub fn tc_result_of(insns: &[Insn], frame: &mut Frame<'_>, context: &mut TcContext) -> u64 {
    use asm::*;
    // The program under test becomes a function, so that it may exit where it likes.
    let mut code = vec![mov_reg(R6, R1), call_local(1), ja(insns.len() as i16)];
    code.extend_from_slice(insns);
    code.extend(hand_out_r0(0));
    let result = map(MapKind::Array, 4, 8, 1);
    let program = classifier(&code, std::slice::from_ref(&result));
    let verdict = classify(&program, frame, context);
    verdict.unwrap_or_else(|fault| panic!("{fault}\n{}", program.image()));
    handed_out(&result)
}

/// Runs `insns`, which leave a number in r0, and returns the number, in both forms that memory
/// operations can take, and fused or not.
pub fn result_of(insns: &[Insn]) -> u64 {
    let plain = result_with(insns, None, Fusion::Off);
    assert_eq!(result_with(insns, None, Fusion::On), plain, "fused");
    for hint in [
        RegisterKind::Stack,
        RegisterKind::Packet,
        RegisterKind::MapValue,
        RegisterKind::Ctx,
    ] {
        assert_eq!(
            result_with(insns, Some(hint), Fusion::On),
            plain,
            "with every pointer hinted as {hint:?}"
        );
    }
    plain
}

fn result_with(insns: &[Insn], hint: Option<RegisterKind>, fusion: Fusion) -> u64 {
    use asm::*;
    // The program under test becomes a function, so that it may exit where it likes.
    let mut code = vec![call_local(1), ja(insns.len() as i16)];
    code.extend_from_slice(insns);
    code.extend(hand_out_r0(0));
    let result = map(MapKind::Array, 4, 8, 1);
    let image = translate_fused(ProgramKind::Xdp, &code, hint, &Limits::default(), fusion)
        .unwrap_or_else(|refusal| panic!("{refusal}"));
    let program = Program::new(image, vec![result.clone()]);
    let mut buffer = [0; 512];
    let mut frame = Frame::writable(&mut buffer, 256, 320).expect("a frame");
    let verdict =
        run(&program, &mut frame).unwrap_or_else(|fault| panic!("{fault}\n{}", program.image()));
    assert_eq!(verdict, XdpVerdict::Pass);
    handed_out(&result)
}

/// Instructions that put r0 into element 0 of map `map`, an array of numbers, and end the program
/// with a pass: r0 as an exit value would be cut to a verdict.
pub fn hand_out_r0(map: i32) -> Vec<Insn> {
    use asm::*;
    let mut code = vec![
        stx(DW, R10, -512, R0),
        st(W, R10, -504, 0),
        mov_reg(R2, R10),
        alu_imm(ADD, R2, -504),
        mov_reg(R3, R10),
        alu_imm(ADD, R3, -512),
        mov_imm(R4, 0),
    ];
    code.extend(ld_map(R1, map));
    code.extend([call(2), mov_imm(R0, 2), exit()]);
    code
}

/// What [`hand_out_r0`] has put into `map`.
pub fn handed_out(map: &HostMap) -> u64 {
    let mut value = [0; 8];
    map.lookup(&[0; 4], &mut value).expect("element 0");
    u64::from_le_bytes(value)
}

/// Instructions that leave the address of a four-byte key `key` in r2 and the map in r1.
pub fn map_and_key(key: i32) -> Vec<Insn> {
    use asm::*;
    let mut code = vec![st(W, R10, -4, key), mov_reg(R2, R10), alu_imm(ADD, R2, -4)];
    code.extend(ld_map(R1, 0));
    code
}

// SPDX-License-Identifier: GPL-2.0

//! Operations that do several instructions at once do what the instructions do one by one.
//!
//! Every program here runs twice. Behind each instruction stands a jump to the next one. Once
//! these jumps stay, and the device has to take each instruction by itself; once they are cut out,
//! as the kernel cuts them out, and it fuses what it can. Verdict, fault, registers, frame and maps
//! must be the same.

mod common;

use common::asm::*;
use common::{image_of, map, source, HostMap, TestServices, CONTEXT};
use engine::exec::{Core, Program};
use engine::frame::Frame;
use engine::image::Image;
use engine::insn::{atomic as op, class, Insn, SRC_REG};
use engine::limits::Limits;
use engine::map::{MapKind, BPF_ANY};
use engine::memory::HostMemory;
use engine::op::Code;
use engine::store::{RegisterFacts, RegisterKind};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// What the programs keep in which register: a hint for the device, right or wrong.
struct Facts;

/// Into the frame.
const FRAME: u8 = R6;
/// Into the value of map 1.
const VALUE: u8 = R7;
/// The context.
const CTX: u8 = R8;

impl RegisterFacts for Facts {
    fn kind(&self, reg: u8) -> RegisterKind {
        match reg {
            VALUE => RegisterKind::MapValue,
            CTX => RegisterKind::Ctx,
            R10 => RegisterKind::Stack,
            _ => RegisterKind::Packet,
        }
    }

    fn offset(&self, _reg: u8) -> i32 {
        0
    }
}

/// Bytes of the frame when nothing is said about it.
const FRAME_LEN: usize = 64;
/// Bytes of the values of map 1.
const VALUE_LEN: u32 = 32;

/// Registers set up as [`Facts`] says, `body`, and then r0 to r9 in map 0. Jumps in `body` may lead
/// up to [`PADDING`] instructions behind it.
fn program_around(body: &[Insn], numbers: [u64; 6]) -> Vec<Insn> {
    let mut code = vec![
        mov_reg(CTX, R1),
        ldx(W, FRAME, R1, 0),
        st(DW, R10, -8, 0),
        st(DW, R10, -16, 0),
        mov_reg(R2, R10),
        alu_imm(ADD, R2, -8),
    ];
    code.extend(ld_map(R1, 1));
    code.extend([mov_reg(R9, R0), call(1), mov_reg(VALUE, R0)]);
    for (register, number) in (0..).zip(numbers) {
        code.extend(ld_imm64(register, number));
    }
    code.push(mov_imm(R9, 9));
    code.extend_from_slice(body);
    code.extend([mov_reg(R0, R0); PADDING]);
    code.extend((0..10).map(|register| stx(DW, R10, -96 + 8 * i16::from(register), register)));
    code.extend([
        st(DW, R10, -8, 0),
        mov_reg(R2, R10),
        alu_imm(ADD, R2, -8),
        mov_reg(R3, R10),
        alu_imm(ADD, R3, -96),
        mov_imm(R4, 0),
    ]);
    code.extend(ld_map(R1, 0));
    code.extend([call(2), mov_imm(R0, 2), exit()]);
    code
}

const PADDING: usize = 4;

/// Whether `insn` is a jump; calls and the end are none.
fn is_jump(insn: Insn) -> bool {
    let in_class = matches!(insn.class(), class::JMP | class::JMP32);
    in_class && insn != exit() && insn.code != call(0).code
}

/// The program with a jump to the next instruction behind each, and the numbers of these jumps.
/// There is none behind jumps: from the slot behind it, the device knows how far one leads back.
fn spread(code: &[Insn]) -> (Vec<Insn>, Vec<usize>) {
    let mut spread = Vec::new();
    let mut jumps = Vec::new();
    let mut places = Vec::new();
    let mut second_half = false;
    for insn in code {
        places.push(spread.len());
        spread.push(*insn);
        second_half = insn.is_ld_imm64() && !second_half;
        if !second_half && !is_jump(*insn) {
            jumps.push(spread.len());
            spread.push(ja(0));
        }
    }
    for (at, insn) in code.iter().enumerate().filter(|(_, insn)| is_jump(**insn)) {
        let target = places[(at as i64 + 1 + i64::from(insn.off)) as usize];
        spread[places[at]].off = (target as i64 - places[at] as i64 - 1) as i16;
    }
    // Nothing may follow the end.
    spread.pop();
    jumps.pop();
    (spread, jumps)
}

/// Everything that can be seen of a run: verdict or fault, frame, maps.
type Seen = (Result<u8, (u8, u32, u64)>, Vec<u8>, [Vec<u8>; 2]);

fn limits() -> Limits {
    Limits {
        insn_budget: 3_000,
        ..Limits::default()
    }
}

fn fused(code: &[Insn]) -> Image<HostMemory> {
    let (spread, jumps) = spread(code);
    let mut stored = source(&spread, &limits()).expect("a program");
    let mut second_half = false;
    for (at, insn) in spread.iter().enumerate() {
        if !second_half && !jumps.contains(&at) {
            // What the device does not have, it says again when it translates.
            let _ = stored.check_insn(at, &Facts);
        }
        second_half = insn.is_ld_imm64() && !second_half;
    }
    stored.finalize().expect("a program");
    for jump in jumps.into_iter().rev() {
        stored.remove_insns(jump, 1).expect("there is a jump");
    }
    image_of(&stored, &limits()).unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn one_by_one(code: &[Insn]) -> Image<HostMemory> {
    let (spread, _) = spread(code);
    let stored = source(&spread, &limits()).expect("a program");
    image_of(&stored, &limits()).unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn value(map: &HostMap, len: usize) -> Vec<u8> {
    let mut value = vec![0; len];
    map.lookup(&[0; 4], &mut value).expect("element 0");
    value
}

fn seen(image: Image<HostMemory>, frame: &[u8]) -> Seen {
    let maps = [
        map(MapKind::Array, 4, 80, 1),
        map(MapKind::Hash, 8, VALUE_LEN, 4),
    ];
    let initial: Vec<u8> = (100..100 + VALUE_LEN as u8).collect();
    maps[1].update(&[0; 8], &initial, BPF_ANY).expect("room");
    let program = Program::new(image, maps.to_vec());
    let mut core = Core::new(&HostMemory, &limits()).expect("memory for a core");
    let mut buffer = frame.to_vec();
    let len = buffer.len();
    let mut frame = Frame::writable(&mut buffer, 0, len).expect("the whole buffer");
    let verdict = core
        .run_xdp(&program, &mut frame, &mut CONTEXT.clone(), &TestServices)
        .map(|verdict| verdict as u8)
        .map_err(|fault| (fault.cause as u8, fault.insn, fault.address));
    let mut second = vec![0; VALUE_LEN as usize];
    maps[1].lookup(&[0; 8], &mut second).expect("the element");
    (verdict, buffer, [value(&maps[0], 80), second])
}

fn frame(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 37 + 11) as u8).collect()
}

/// Runs `body` both ways on frames of many lengths; gives the operations of the fused one.
fn same_both_ways(body: &[Insn]) -> Vec<Code> {
    let numbers = [
        0x8877_6655_4433_2211,
        0xffff_fff0,
        0x0123_4567_89ab_cdef,
        3,
        99,
        u64::MAX,
    ];
    let code = program_around(body, numbers);
    for len in (0..=FRAME_LEN).rev() {
        assert_eq!(
            seen(fused(&code), &frame(len)),
            seen(one_by_one(&code), &frame(len)),
            "a frame of {len} bytes\n{}",
            fused(&code)
        );
    }
    fused(&code).ops().iter().map(|op| op.code).collect()
}

/// Six bytes copied in the order of `bytes`.
fn copied(base: u8, from: i16, to: i16, bytes: [i16; 6], last: u8) -> Vec<Insn> {
    let pair = |(at, byte): (usize, i16)| {
        let temporary = if at == 5 { last } else { R3 };
        [
            ldx(B, temporary, base, from + byte),
            stx(B, FRAME, to + byte, temporary),
        ]
    };
    bytes.into_iter().enumerate().flat_map(pair).collect()
}

fn lookup(key: i32) -> Vec<Insn> {
    let mut code = vec![st(W, R10, -8, key), mov_reg(R2, R10), alu_imm(ADD, R2, -8)];
    code.extend(ld_map(R1, 1));
    code.push(call(1));
    code
}

/// `dst = (minuend ^ source) - rotated source`.
fn hash_step(dst: u8, minuend: u8, source: u8, left: i32) -> Vec<Insn> {
    vec![
        alu32_reg(MOV, dst, source),
        alu32_imm(RSH, dst, 32 - left),
        alu32_reg(MOV, R5, source),
        alu32_imm(LSH, R5, left),
        alu32_reg(OR, R5, dst),
        alu32_reg(MOV, dst, source),
        alu32_reg(XOR, dst, minuend),
        alu32_reg(SUB, dst, R5),
    ]
}

/// The first `steps` steps of a hash of three words.
fn hash(steps: usize) -> Vec<Insn> {
    let all = [
        hash_step(R2, R4, R1, 11),
        hash_step(R4, R3, R2, 25),
        hash_step(R3, R1, R4, 16),
        hash_step(R1, R2, R3, 4),
        hash_step(R0, R4, R1, 14),
    ];
    all[..steps].concat()
}

/// `code` with `insn` as instruction `at`.
fn with(mut code: Vec<Insn>, at: usize, insn: Insn) -> Vec<Insn> {
    code.insert(at, insn);
    code
}

/// Two numbers of two bytes, put together.
fn halves(off: i16) -> Vec<Insn> {
    vec![
        ldx(H, R2, FRAME, off + 2),
        ldx(H, R1, FRAME, off),
        alu32_imm(LSH, R1, 16),
        alu32_reg(OR, R1, R2),
    ]
}

/// Some bits of a field of the frame compared with `imm`.
fn masked(size: u8, mask: Insn, operation: u8, imm: i32) -> Vec<Insn> {
    vec![
        ldx(size, R4, FRAME, 57),
        mov_reg(R2, R4),
        mask,
        jmp_imm(operation, R2, imm, 1),
        mov_imm(R9, 1),
    ]
}

/// A result that is kept while r0 is set.
fn kept(result: u8, operation: u8) -> Vec<Insn> {
    vec![
        mov_reg(R1, result),
        mov_imm(R0, -2),
        jmp_imm(operation, R1, 0, 1),
        mov_imm(R9, 1),
    ]
}

/// Two neighbouring fields, each loaded and stored.
fn to_stack(size: u8, [from, to]: [u8; 2], off: i16, last: u8) -> Vec<Insn> {
    let len = if size == W { 4 } else { 2 };
    vec![
        ldx(size, R3, from, off),
        stx(size, to, -40, R3),
        ldx(size, last, from, off + len),
        stx(size, to, -40 + len, last),
    ]
}

/// A key in a register, stored and looked up.
fn stored_lookup(map: i32, key: u8) -> Vec<Insn> {
    let mut code = vec![stx(W, R10, -8, key), mov_reg(R2, R10), alu_imm(ADD, R2, -8)];
    code.extend(ld_map(R1, map));
    code.push(call(1));
    code
}

/// The check whether the frame has 40 bytes.
fn checked_bounds() -> Vec<Insn> {
    vec![
        ldx(W, R2, CTX, 4),
        ldx(W, R3, CTX, 0),
        mov_reg(R4, R3),
        alu_imm(ADD, R4, 40),
        jmp_reg(JGT, R4, R2, 1),
        mov_imm(R9, 1),
    ]
}

/// Is r3 one number, is it another, or none of them?
fn choice(one: i32, other: i32, is_32: bool) -> Vec<Insn> {
    let jump = if is_32 { jmp32_imm } else { jmp_imm };
    vec![
        jump(JEQ, R3, one, 2),
        jump(JNE, R3, other, 2),
        mov_imm(R9, 1),
        alu_imm(ADD, R9, 2),
        alu_imm(ADD, R9, 4),
    ]
}

#[test]
fn each_fused_operation_does_what_its_instructions_do() {
    let half = [
        ldx(B, R1, FRAME, 13),
        alu32_imm(LSH, R1, 8),
        ldx(B, R2, FRAME, 12),
        alu32_reg(OR, R1, R2),
    ];
    let word = [
        ldx(B, R3, FRAME, 21),
        alu_imm(LSH, R3, 8),
        ldx(B, R4, FRAME, 20),
        alu_reg(OR, R3, R4),
        ldx(B, R4, FRAME, 22),
        alu_imm(LSH, R4, 16),
        ldx(B, R5, FRAME, 23),
        alu_imm(LSH, R5, 24),
        alu_reg(OR, R5, R4),
        alu_reg(OR, R5, R3),
    ];
    let step = [
        mov_reg(R0, R3),
        alu32_imm(RSH, R0, 18),
        mov_reg(R1, R3),
        alu32_imm(LSH, R1, 14),
        alu32_reg(OR, R1, R0),
    ];
    let subtract = [
        alu32_reg(MOV, R4, R2),
        alu32_reg(XOR, R4, R3),
        alu32_reg(SUB, R4, R1),
    ];
    let compared = |jump: Insn| [&half[..], &[jump, mov_imm(R9, 1)]].concat();
    let table: Vec<(Code, Vec<Insn>)> = vec![
        (Code::Gather16, half.to_vec()),
        (Code::Gather32, word.to_vec()),
        // A frame has 0xfc, 0x21 there.
        (Code::Gather16Jeq, compared(jmp32_imm(JEQ, R1, 0xecc7, 1))),
        (Code::Gather16Jne, compared(jmp_imm(JNE, R1, 0x0800, 1))),
        (
            Code::CopyNeighbour,
            copied(FRAME, 6, 0, [5, 4, 3, 2, 1, 0], R3),
        ),
        (
            Code::CopyNeighbour,
            copied(FRAME, 50, 56, [2, 3, 0, 1, 4, 5], R5),
        ),
        (
            Code::CopyMap,
            copied(VALUE, 4, 20, [2, 3, 0, 1, 4, 5], VALUE),
        ),
        (Code::CopyMap, copied(VALUE, 28, 20, [2, 3, 0, 1, 4, 5], R3)),
        (Code::LookUp, lookup(0)),
        (Code::LookUp, lookup(1)),
        (
            Code::IncrementMap64,
            vec![
                ldx(DW, R2, VALUE, 8),
                alu_imm(ADD, R2, -3),
                stx(DW, VALUE, 8, R2),
            ],
        ),
        (
            Code::IncrementMap64,
            vec![
                ldx(DW, R2, VALUE, 30),
                alu_imm(ADD, R2, 1),
                stx(DW, VALUE, 30, R2),
            ],
        ),
        (
            Code::LoadBounds,
            vec![ldx(W, R2, CTX, 0), ldx(W, R3, CTX, 4)],
        ),
        (
            Code::LoadBounds,
            vec![mov_reg(CTX, FRAME), ldx(W, R2, CTX, 4), ldx(W, R3, CTX, 0)],
        ),
        (Code::LshOr, vec![alu_imm(LSH, R2, 32), alu_reg(OR, R2, R4)]),
        (
            Code::LshOr32,
            vec![
                alu32_reg(MOV, R5, R2),
                alu32_imm(LSH, R5, 9),
                alu32_reg(OR, R5, R2),
            ],
        ),
        (
            Code::LshAnd32,
            vec![alu32_imm(LSH, R2, 2), alu32_imm(AND, R2, -4)],
        ),
        (Code::RshLshOr32, step.to_vec()),
        (Code::XorSub32, subtract.to_vec()),
        (Code::HashSteps, hash(4)),
        (Code::HashSteps, hash(5)),
        (
            Code::HashSteps,
            with(hash_step(R2, R4, R1, 11), 5, alu32_imm(ADD, R4, 77)),
        ),
        (
            Code::XorRshSub32,
            vec![
                alu32_reg(MOV, R2, R1),
                alu32_reg(XOR, R2, R4),
                alu32_imm(RSH, R1, 18),
                alu32_reg(SUB, R2, R1),
            ],
        ),
        (
            Code::XorAdd32Imm,
            vec![alu32_reg(XOR, R2, R4), alu32_imm(ADD, R2, -0x2152_4111)],
        ),
        (
            Code::LoadFrame16LshOr32,
            vec![
                ldx(H, R1, FRAME, 30),
                alu32_imm(LSH, R1, 9),
                alu32_reg(OR, R1, R2),
            ],
        ),
        (Code::LoadHalves32, halves(30)),
        (Code::LoadHalves32, halves(-2)),
        // A frame has 0x50, 0x75 there.
        (
            Code::LoadFrame8AndJeq,
            masked(B, alu_imm(AND, R2, 15), JEQ, 0),
        ),
        (
            Code::LoadFrame8AndJne,
            masked(B, alu32_imm(AND, R2, 15), JNE, 0),
        ),
        (
            Code::LoadFrame8AndJlt,
            masked(B, alu32_imm(AND, R2, 0xf0), JLT, 0x51),
        ),
        (
            Code::LoadFrame16AndJeq,
            masked(H, alu_imm(AND, R2, 0xff1f), JEQ, 0x7510),
        ),
        (
            Code::LoadFrame16AndJne,
            masked(H, alu_imm(AND, R2, 0xff1f), JNE, 0x7510),
        ),
        (
            Code::LoadFrame16AndJlt,
            masked(H, alu_imm(AND, R2, 0xff1f), JLT, 0xffff),
        ),
        (Code::MovJeqNull, kept(R3, JEQ)),
        (Code::MovJneNull, kept(R9, JNE)),
        (Code::CopyStack32, to_stack(W, [FRAME, R10], 20, R2)),
        (Code::CopyStack16, to_stack(H, [FRAME, R10], 40, FRAME)),
        // Not the frame, not the stack.
        (Code::CopyStack16, to_stack(H, [R9, R10], 4, R4)),
        (Code::StoreLookUp, stored_lookup(0, R3)),
        (
            Code::StoreLookUp,
            [vec![mov_imm(R3, 0)], stored_lookup(0, R3)].concat(),
        ),
        (Code::StoreLookUp, stored_lookup(1, R3)),
        (Code::LoadBoundsJgt, checked_bounds()),
        (
            Code::LoadBoundsJgt,
            [vec![mov_reg(CTX, FRAME)], checked_bounds()].concat(),
        ),
        (Code::JeqElseJne, choice(3, 4, false)),
        (Code::JeqElseJne, choice(4, 3, false)),
        (Code::JeqElseJne32, choice(4, 5, true)),
        (
            Code::LoadFrame16Add,
            vec![ldx(H, R2, FRAME, 30), alu_reg(ADD, R3, R2)],
        ),
        (
            Code::LoadFrame32Add,
            vec![ldx(W, R2, FRAME, 30), alu_reg(ADD, R3, R2)],
        ),
        (
            Code::LoadFrame32Xor,
            vec![ldx(W, R2, FRAME, 30), alu32_reg(XOR, R3, R2)],
        ),
        (
            Code::AddJneImm,
            vec![alu_imm(ADD, R3, 1), jmp_imm(JNE, R3, 40, -2)],
        ),
        (
            Code::AddJltImm,
            vec![alu_imm(ADD, R3, 2), jmp_imm(JLT, R3, 40, -2)],
        ),
        (
            Code::AddJne32Imm,
            vec![
                alu_imm(ADD, R2, -1),
                jmp32_imm(JNE, R2, -5, 1),
                mov_imm(R9, 1),
            ],
        ),
        (
            Code::AddJlt32Imm,
            vec![
                alu_imm(ADD, R2, 1),
                jmp32_imm(JLT, R2, -5, 1),
                mov_imm(R9, 1),
            ],
        ),
        (
            Code::Add32Jne32Imm,
            vec![
                alu32_imm(ADD, R1, 16),
                jmp32_imm(JNE, R1, 0, 1),
                mov_imm(R9, 1),
            ],
        ),
        (
            Code::Add32Jlt32Imm,
            vec![
                alu32_imm(ADD, R1, 1),
                jmp32_imm(JLT, R1, -5, 1),
                mov_imm(R9, 1),
            ],
        ),
        (
            Code::AndJeqImm,
            vec![
                alu_imm(AND, R0, 0xffff),
                jmp_imm(JEQ, R0, 0x2211, 1),
                mov_imm(R9, 1),
            ],
        ),
        (
            Code::AndJneImm,
            vec![
                alu32_imm(AND, R0, 15),
                jmp_imm(JNE, R0, -1, 1),
                mov_imm(R9, 1),
            ],
        ),
        (
            Code::AndJltImm,
            vec![
                alu32_imm(AND, R0, 15),
                jmp32_imm(JLT, R0, 5, 1),
                mov_imm(R9, 1),
            ],
        ),
        (
            Code::LoadFrame8JneBoth,
            vec![
                ldx(B, R2, FRAME, 23),
                jmp_imm(JEQ, R2, 6, 1),
                jmp32_imm(JNE, R2, 0x5e, 1),
                mov_imm(R9, 1),
            ],
        ),
    ];
    for (code, body) in table {
        let codes = same_both_ways(&body);
        assert!(codes.contains(&code), "{code:?} is not in {codes:?}");
    }
}

#[test]
fn a_jump_into_the_midst_of_what_is_fused_finds_the_rest() {
    let word = [
        ldx(B, R3, FRAME, 21),
        alu_imm(LSH, R3, 8),
        ldx(B, R4, FRAME, 20),
        alu_reg(OR, R3, R4),
        ldx(B, R4, FRAME, 22),
        alu_imm(LSH, R4, 16),
        alu_reg(OR, R3, R4),
    ];
    for (code, whole) in [
        (Code::Gather32, word.to_vec()),
        (Code::HashSteps, hash(3)),
        (Code::StoreLookUp, stored_lookup(1, R3)),
    ] {
        let halves: Vec<bool> = whole.iter().map(|insn| insn.is_ld_imm64()).collect();
        for into in (0..whole.len()).filter(|into| *into == 0 || !halves[into - 1]) {
            // Once through, and once from the middle.
            let mut body = whole.clone();
            body.extend([
                alu_imm(ADD, R9, 1),
                jmp_imm(JEQ, R9, 10, into as i16 - whole.len() as i16 - 2),
            ]);
            let codes = same_both_ways(&body);
            assert!(codes.contains(&code), "{codes:?}");
        }
    }
}

fn number() -> impl Strategy<Value = u8> {
    select(vec![R0, R1, R2, R3, R4, R5])
}

/// Instructions that the device likes to fuse, in any order and with any registers.
fn piece() -> impl Strategy<Value = Vec<Insn>> {
    let one = |strategy: BoxedStrategy<Insn>| strategy.prop_map(|insn| vec![insn]);
    let any_register = prop_oneof![12 => number(), 1 => select(vec![FRAME, VALUE, CTX])].boxed();
    let byte = (any_register.clone(), 16_i16..24).prop_map(|(dst, off)| ldx(B, dst, FRAME, off));
    let load = (
        select(vec![B, H, W, DW]),
        any_register.clone(),
        select(vec![FRAME, FRAME, VALUE, R10]),
        -4_i16..66,
    )
        .prop_map(|(size, dst, base, off)| {
            ldx(size, dst, base, if base == R10 { off - 80 } else { off })
        });
    let store = (
        select(vec![B, H, W, DW]),
        number(),
        select(vec![FRAME, VALUE]),
        0_i16..34,
    )
        .prop_map(|(size, src, base, off)| stx(size, base, off, src));
    let bounds = (any_register.clone(), any_register.clone(), any::<bool>()).prop_map(
        |(first, second, end_first)| {
            let off = if end_first { 4 } else { 0 };
            vec![ldx(W, first, CTX, off), ldx(W, second, CTX, 4 - off)]
        },
    );
    let imm = select(vec![1, 2, 6, 8, 14, 16, 17, 18, 24, 32, 255, 0xffff, -1]);
    let by_imm = (
        select(vec![LSH, LSH, RSH, ADD, AND, MOV]),
        number(),
        imm.clone(),
        any::<bool>(),
    )
        .prop_map(|(operation, dst, imm, is_64)| {
            let imm = if matches!(operation, LSH | RSH) {
                imm & 31
            } else {
                imm
            };
            if is_64 {
                alu_imm(operation, dst, imm)
            } else {
                alu32_imm(operation, dst, imm)
            }
        });
    let by_reg = (
        select(vec![OR, OR, XOR, SUB, ADD, MOV]),
        number(),
        any_register,
        any::<bool>(),
    )
        .prop_map(|(operation, dst, src, is_64)| {
            let class = if is_64 { class::ALU64 } else { class::ALU };
            Insn::new(class | operation | SRC_REG, dst, src, 0, 0)
        });
    let jump = (
        select(vec![JEQ, JNE, JLT, JGT]),
        number(),
        imm,
        prop_oneof![3 => 0_i16..3, 1 => -5_i16..0],
        any::<bool>(),
    )
        .prop_map(|(operation, dst, imm, off, is_64)| {
            if is_64 {
                jmp_imm(operation, dst, imm, off)
            } else {
                jmp32_imm(operation, dst, imm, off)
            }
        });
    let pointer = (number(), 0_i32..80, number(), 0_i16..3).prop_map(|(dst, imm, end, off)| {
        vec![
            mov_reg(dst, FRAME),
            alu_imm(ADD, dst, imm),
            jmp_reg(JGT, dst, end, off),
        ]
    });
    let copy = (
        select(vec![FRAME, VALUE]),
        0_i16..60,
        0_i16..60,
        Just([0, 1, 2, 3, 4, 5]).prop_shuffle(),
        number(),
    )
        .prop_map(|(base, from, to, bytes, last)| copied(base, from, to, bytes, last));
    let count = (number(), 0_i16..30).prop_map(|(dst, off)| {
        vec![
            ldx(DW, dst, VALUE, off),
            alu_imm(ADD, dst, 1),
            stx(DW, VALUE, off, dst),
        ]
    });
    let count_atomically = (number(), 0_i16..4)
        .prop_map(|(src, word)| vec![atomic(DW, VALUE, 8 * word, src, op::ADD)]);
    let rotated = (number(), number(), number(), 1..32).prop_map(|(right, left, from, by)| {
        vec![
            mov_reg(right, from),
            alu32_imm(RSH, right, 32 - by),
            mov_reg(left, from),
            alu32_imm(LSH, left, by),
            alu32_reg(OR, left, right),
        ]
    });
    let combined = (number(), number(), number(), number()).prop_map(|(dst, a, b, c)| {
        vec![
            mov_reg(dst, a),
            alu32_reg(XOR, dst, b),
            alu32_reg(SUB, dst, c),
        ]
    });
    let hashed = (number(), number(), number(), 1..32)
        .prop_map(|(dst, minuend, source, left)| hash_step(dst, minuend, source, left));
    let kept = (number(), select(vec![JEQ, JNE])).prop_map(|(result, jump)| {
        let mut kept = kept(result, jump);
        kept.truncate(3);
        kept
    });
    let looked_up = (0..2, number()).prop_map(|(map, key)| stored_lookup(map, key));
    let stacked = (select(vec![W, H]), 0_i16..64, number())
        .prop_map(|(size, off, last)| to_stack(size, [FRAME, R10], off, last));
    let chosen = (0..5, 0..5, any::<bool>()).prop_map(|(one, other, is_32)| {
        let mut choice = choice(one, other, is_32);
        choice.truncate(2);
        choice
    });
    let checked = number().prop_map(|_| checked_bounds());
    prop_oneof![
        6 => hashed,
        1 => kept,
        1 => looked_up,
        1 => stacked,
        2 => chosen,
        1 => checked,
        1 => (0_i16..64).prop_map(halves),
        10 => one(byte.boxed()),
        3 => one(load.boxed()),
        1 => one(store.boxed()),
        1 => bounds,
        8 => one(by_imm.boxed()),
        8 => one(by_reg.boxed()),
        3 => one(jump.boxed()),
        1 => pointer,
        1 => copy,
        1 => count,
        1 => count_atomically,
        2 => rotated,
        2 => combined,
        1 => (0..2).prop_map(lookup),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn random_pieces_do_what_their_instructions_do(
        pieces in vec(piece(), 1..24),
        numbers in any::<[u64; 6]>(),
        len in prop_oneof![3 => Just(FRAME_LEN), 1 => 0..FRAME_LEN],
    ) {
        let mut body = pieces.concat();
        let halves: Vec<bool> = body.iter().map(|insn| insn.is_ld_imm64()).collect();
        for (at, insn) in body.iter_mut().enumerate().filter(|(_, insn)| is_jump(**insn)) {
            // What jumps back from the very beginning would leave the body.
            insn.off = insn.off.max(-(at as i16) - 1);
            // Nor may a jump lead to the second half of an instruction: it leads behind it then.
            let before = usize::try_from(at as i64 + i64::from(insn.off));
            if before.is_ok_and(|before| halves.get(before) == Some(&true)) {
                insn.off += 1;
            }
        }
        let code = program_around(&body, numbers);
        prop_assert_eq!(
            seen(fused(&code), &frame(len)),
            seen(one_by_one(&code), &frame(len)),
            "\n{}", fused(&code)
        );
    }
}

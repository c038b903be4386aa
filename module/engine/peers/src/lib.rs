// SPDX-License-Identifier: GPL-2.0

//! Random programs that every eBPF machine must take, and two that run them: the device, and rbpf,
//! an interpreter that shares no code with it.

#![allow(
    clippy::missing_panics_doc,
    reason = "what a test needs to hold is asserted here"
)]

#[path = "../../tests/common/mod.rs"]
mod common;

use common::asm::*;
use common::{translate_with, HostProgram, TestServices, CONTEXT};
use engine::exec::Program;
use engine::frame::Frame;
use engine::insn::{class, Insn, SRC_REG};
use engine::limits::Limits;
use engine::store::RegisterKind;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Registers that a random instruction uses for numbers; r9 holds the frame.
const NUMBERS: std::ops::Range<u8> = 0..9;
/// The length of the frame that the programs are for, in bytes.
pub const FRAME_LEN: i16 = 64;
const STACK_LEN: i16 = 64;

/// An instruction without memory and jumps that rbpf executes as RFC 9669 says: it has no signed
/// division and no sign-extending moves, overflows on the negation of the smallest number, and
/// leaves the upper half of a register alone in a 32-bit modulo by zero.
fn arithmetic() -> impl Strategy<Value = Insn> {
    let any_operation = select(vec![
        ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, MOD, XOR, MOV, ARSH,
    ]);
    let binary = (
        any_operation,
        NUMBERS,
        NUMBERS,
        any::<i32>(),
        any::<bool>(),
        any::<bool>(),
    );
    let binary = binary.prop_map(|(operation, dst, src, imm, is_reg, is_64)| {
        let class = if is_64 { class::ALU64 } else { class::ALU };
        let imm = match operation {
            LSH | RSH | ARSH => imm & if is_64 { 63 } else { 31 },
            DIV | MOD if imm == 0 => 7,
            _ => imm,
        };
        if is_reg && (is_64 || operation != MOD) {
            Insn::new(class | operation | SRC_REG, dst, src, 0, 0)
        } else {
            Insn::new(class | operation, dst, 0, 0, imm)
        }
    });
    let swap = (NUMBERS, select(vec![16, 32, 64]), any::<bool>()).prop_map(|(dst, width, big)| {
        Insn::new(
            class::ALU | END | if big { SRC_REG } else { 0 },
            dst,
            0,
            0,
            width,
        )
    });
    let negate = NUMBERS.prop_map(|dst| alu32_imm(NEG, dst, 0));
    prop_oneof![8 => binary, 1 => swap, 1 => negate]
}

/// A load or store inside the frame or the used part of the stack.
fn memory() -> impl Strategy<Value = Insn> {
    let size = select(vec![(B, 1), (H, 2), (W, 4), (DW, 8)]);
    (
        size,
        any::<u8>(),
        NUMBERS,
        any::<bool>(),
        0..3,
        any::<i32>(),
    )
        .prop_map(|(size, at, reg, in_frame, kind, imm)| {
            let (size, bytes) = size;
            let (base, start, len) = if in_frame {
                (R9, 0, FRAME_LEN)
            } else {
                (R10, -STACK_LEN, STACK_LEN)
            };
            let off = start + i16::from(at) % (len - bytes + 1);
            match kind {
                0 => ldx(size, reg, base, off),
                1 => stx(size, base, off, reg),
                _ => st(size, base, off, imm),
            }
        })
}

/// A forward jump over at most `over` instructions. rbpf compares 64 bits with an immediate as if
/// it were unsigned.
fn forward_jump(over: i16) -> impl Strategy<Value = Insn> {
    let operation = select(vec![
        JEQ, JNE, JGT, JGE, JLT, JLE, JSET, JSGT, JSGE, JSLT, JSLE,
    ]);
    (
        operation,
        NUMBERS,
        NUMBERS,
        any::<i32>(),
        0..=over,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(operation, dst, src, imm, off, is_reg, is_64)| {
            let class = if is_64 { class::JMP } else { class::JMP32 };
            let imm = if is_64 { imm & i32::MAX } else { imm };
            if is_reg {
                Insn::new(class | operation | SRC_REG, dst, src, off, 0)
            } else {
                Insn::new(class | operation, dst, 0, off, imm)
            }
        })
}

/// A program that puts all its registers into the stack and the frame in the end. Where r9 comes
/// from is left open.
pub fn straight_program() -> impl Strategy<Value = Vec<Insn>> {
    let body = vec(
        prop_oneof![6 => arithmetic(), 3 => memory(), 2 => forward_jump(3)],
        1..60,
    );
    (vec(any::<u64>(), 9), body).prop_map(|(numbers, body)| {
        let mut code: Vec<Insn> = (0..)
            .zip(numbers)
            .flat_map(|(register, number)| ld_imm64(register, number))
            .collect();
        code.extend((1..=STACK_LEN / 8).map(|slot| stx(DW, R10, -8 * slot, R0)));
        code.extend(body);
        // Jumps lead at most over these.
        code.extend([mov_reg(R0, R0); 4]);
        code.extend((0..8).map(|register| alu_reg(XOR, R8, register)));
        code.extend([
            stx(DW, R9, 8, R8),
            stx(DW, R9, 56, R0),
            mov_imm(R0, 2),
            exit(),
        ]);
        code
    })
}

/// A frame as a test has it: all its bytes.
pub type Bytes = Vec<u8>;

/// Runs `insns` with r9 = frame on the device; gives the frames afterwards.
pub fn on_the_device(insns: &[Insn], hint: Option<RegisterKind>, frames: &[Bytes]) -> Vec<Bytes> {
    let code = [&[ldx(W, R9, R1, 0)], insns].concat();
    let image = translate_with(&code, hint, &Limits::default())
        .unwrap_or_else(|refusal| panic!("{refusal}"));
    let program: HostProgram = Program::new(image, vec![]);
    let mut core = common::core();
    let run = |frame: &Bytes| {
        let mut buffer = frame.clone();
        let mut frame = Frame::writable(&mut buffer, 0, frame.len()).expect("a frame");
        core.run_xdp(&program, &mut frame, &mut CONTEXT.clone(), &TestServices)
            .unwrap_or_else(|fault| panic!("{fault}\n{}", program.image()));
        buffer
    };
    frames.iter().map(run).collect()
}

/// Runs `insns` with r9 = frame on rbpf; gives the frames afterwards.
pub fn on_rbpf(insns: &[Insn], frames: &[Bytes]) -> Vec<Bytes> {
    let code = [&[mov_reg(R9, R1)], insns].concat();
    let code: Bytes = code.iter().flat_map(|insn| insn.to_le_bytes()).collect();
    let machine = rbpf::EbpfVmRaw::new(Some(&code)).expect("rbpf takes the program");
    let run = |frame: &Bytes| {
        let mut frame = frame.clone();
        machine
            .execute_program(&mut frame)
            .expect("rbpf runs the program");
        frame
    };
    frames.iter().map(run).collect()
}

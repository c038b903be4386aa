// SPDX-License-Identifier: GPL-2.0

//! Nanoseconds per frame for programs as NICs run them, and the same programs on rbpf's interpreter
//! where it can.
//!
//! Times in the kernel are other ones: it compiles without jump tables and with other options.
//! `RUSTFLAGS` with `-Cjump-tables=no`, where the compiler has it, comes near.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

#[path = "../../tests/common/mod.rs"]
mod common;

use common::asm::*;
use common::{core, map, HostMap, HostProgram, TestServices, CONTEXT};
use criterion::{criterion_group, criterion_main, Criterion};
use engine::exec::Program;
use engine::frame::Frame;
use engine::image::Image;
use engine::insn::{atomic as op, Insn};
use engine::limits::Limits;
use engine::map::{MapKind, BPF_ANY};
use engine::memory::HostMemory;
use engine::store::{ProgramKind, RegisterFacts, RegisterKind, Source};

/// What the verifier would say: the programs here keep pointers to the frame in r2 to r4, to a map
/// value in r0.
struct Verifier;

impl RegisterFacts for Verifier {
    fn kind(&self, reg: u8) -> RegisterKind {
        match reg {
            R0 => RegisterKind::MapValue,
            R1 => RegisterKind::Ctx,
            R10 => RegisterKind::Stack,
            _ => RegisterKind::Packet,
        }
    }

    fn offset(&self, _reg: u8) -> i32 {
        0
    }
}

fn verified(insns: &[Insn], maps: &[HostMap]) -> HostProgram {
    let limits = Limits::default();
    let mut source = Source::new(
        &HostMemory,
        ProgramKind::Xdp,
        insns.iter().copied(),
        &limits,
    )
    .expect("a program");
    let second_half = |idx: usize| idx > 0 && insns[idx - 1].is_ld_imm64();
    for idx in (0..insns.len()).filter(|idx| !second_half(*idx)) {
        source
            .check_insn(idx, &Verifier)
            .unwrap_or_else(|refusal| panic!("{refusal}"));
    }
    source.finalize().expect("a program");
    let mut table = |immediate: u64| u16::try_from(immediate).ok();
    let image =
        Image::translate(&HostMemory, &source, [0; 32], &mut table, &limits).expect("an image");
    Program::new(image, maps.to_vec())
}

/// Drops everything.
fn drop_all() -> Vec<Insn> {
    vec![mov_imm(R0, 1), exit()]
}

/// Reads the five-tuple of TCP and UDP over IPv4 into the stack at -16, with all bounds checks;
/// passes the rest.
fn parse() -> Vec<Insn> {
    vec![
        ldx(W, R2, R1, 0),
        ldx(W, R3, R1, 4),
        mov_reg(R4, R2),
        alu_imm(ADD, R4, 14),
        jmp_reg(JGT, R4, R3, 27),
        ldx(H, R5, R2, 12),
        jmp_imm(JNE, R5, 8, 25),
        mov_reg(R4, R2),
        alu_imm(ADD, R4, 34),
        jmp_reg(JGT, R4, R3, 22),
        ldx(B, R5, R2, 14),
        mov_reg(R6, R5),
        alu_imm(AND, R6, 15),
        alu_imm(LSH, R6, 2),
        jmp_imm(JLT, R6, 20, 17),
        ldx(B, R7, R2, 23),
        jmp_imm(JEQ, R7, 6, 1),
        jmp_imm(JNE, R7, 17, 14),
        stx(W, R10, -4, R7),
        mov_reg(R4, R2),
        alu_imm(ADD, R4, 14),
        alu_reg(ADD, R4, R6),
        mov_reg(R5, R4),
        alu_imm(ADD, R5, 4),
        jmp_reg(JGT, R5, R3, 7),
        ldx(W, R5, R2, 26),
        stx(W, R10, -16, R5),
        ldx(W, R5, R2, 30),
        stx(W, R10, -12, R5),
        ldx(W, R5, R4, 0),
        stx(W, R10, -8, R5),
        ja(2),
        mov_imm(R0, 2),
        exit(),
    ]
}

/// Parses, looks the five-tuple up in a hash map and counts.
fn parse_and_look_up() -> Vec<Insn> {
    let mut code = parse();
    code.extend([mov_reg(R2, R10), alu_imm(ADD, R2, -16)]);
    code.extend(ld_map(R1, 0));
    code.extend([
        call(1),
        jmp_imm(JEQ, R0, 0, 2),
        mov_imm(R1, 1),
        atomic(DW, R0, 0, R1, op::ADD),
    ]);
    code.extend([mov_imm(R0, 2), exit()]);
    code
}

/// Sums 1,400 bytes as 16-bit words.
fn checksum() -> Vec<Insn> {
    vec![
        ldx(W, R2, R1, 0),
        ldx(W, R3, R1, 4),
        mov_imm(R5, 0),
        mov_imm(R6, 0),
        mov_reg(R4, R2),
        alu_imm(ADD, R4, 2),
        jmp_reg(JGT, R4, R3, 5),
        ldx(H, R7, R2, 0),
        alu_reg(ADD, R5, R7),
        alu_imm(ADD, R2, 2),
        alu_imm(ADD, R6, 1),
        jmp_imm(JLT, R6, 700, -8),
        mov_imm(R0, 1),
        exit(),
    ]
}

/// Two counters in an array.
fn count() -> Vec<Insn> {
    let mut code = vec![
        ldx(W, R6, R1, 4),
        ldx(W, R7, R1, 0),
        alu_reg(SUB, R6, R7),
        st(W, R10, -4, 0),
        mov_reg(R2, R10),
        alu_imm(ADD, R2, -4),
    ];
    code.extend(ld_map(R1, 0));
    code.extend([
        call(1),
        jmp_imm(JEQ, R0, 0, 3),
        mov_imm(R1, 1),
        atomic(DW, R0, 0, R1, op::ADD),
        atomic(DW, R0, 8, R6, op::ADD),
        mov_imm(R0, 1),
        exit(),
    ]);
    code
}

/// 1,000 instructions without a jump.
fn straight() -> Vec<Insn> {
    let mut code = vec![
        mov_imm(R2, 3),
        mov_imm(R3, 5),
        mov_imm(R4, 7),
        mov_imm(R0, 0),
    ];
    for _ in 0..125 {
        code.extend([
            alu_reg(ADD, R2, R3),
            alu_imm(XOR, R3, 0x5a5a),
            alu_reg(MUL, R4, R2),
            alu_imm(RSH, R4, 3),
            alu32_reg(SUB, R3, R4),
            alu_imm(AND, R2, 0xffff),
            alu_reg(OR, R0, R4),
            alu32_imm(ADD, R0, 1),
        ]);
    }
    code.extend([mov_imm(R0, 1), exit()]);
    code
}

/// A loop of 100 rounds in a loop of 100 rounds.
fn loops() -> Vec<Insn> {
    vec![
        mov_imm(R2, 0),
        mov_imm(R4, 0),
        mov_imm(R3, 0),
        alu_reg(ADD, R4, R3),
        alu_imm(ADD, R3, 1),
        jmp_imm(JLT, R3, 100, -3),
        alu_imm(ADD, R2, 1),
        jmp_imm(JLT, R2, 100, -6),
        mov_imm(R0, 1),
        exit(),
    ]
}

/// A TCP segment over IPv4, `len` bytes long.
fn tcp_frame(len: usize) -> Vec<u8> {
    let mut frame: Vec<u8> = (0..len).map(|byte| byte as u8).collect();
    frame[12..14].copy_from_slice(&[8, 0]);
    frame[14] = 0x45;
    frame[23] = 6;
    frame[26..34].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
    frame[34..38].copy_from_slice(&[0, 80, 0x30, 0x39]);
    frame
}

fn programs(c: &mut Criterion) {
    let flows = map(MapKind::Hash, 16, 8, 1024);
    for flow in 0..512_u32 {
        let key: Vec<u8> = flow.to_le_bytes().into_iter().cycle().take(16).collect();
        flows.update(&key, &[0; 8], BPF_ANY).expect("room");
    }
    let key = [10, 0, 0, 1, 10, 0, 0, 2, 0, 80, 0x30, 0x39, 6, 0, 0, 0];
    flows.update(&key, &[0; 8], BPF_ANY).expect("room");
    let counters = map(MapKind::Array, 4, 16, 1);
    let mut parse_only = parse();
    parse_only.extend([mov_imm(R0, 2), exit()]);
    let programs = [
        ("drop", drop_all(), vec![], 64),
        ("parse", parse_only, vec![], 64),
        ("parse and look up", parse_and_look_up(), vec![flows], 64),
        ("checksum of 1400 bytes", checksum(), vec![], 1500),
        ("count", count(), vec![counters], 64),
        ("1000 instructions", straight(), vec![], 64),
        ("100 x 100 loop", loops(), vec![], 64),
    ];
    for (name, code, maps, len) in &programs {
        let program = verified(code, maps);
        let data = tcp_frame(*len);
        let mut core = core();
        let mut group = c.benchmark_group(*name);
        group.bench_function("engine", |bencher| {
            bencher.iter(|| {
                let mut frame = Frame::read_only(&data);
                core.run_xdp(&program, &mut frame, &mut CONTEXT.clone(), &TestServices)
                    .expect("a verdict")
            });
        });
        if maps.is_empty() {
            let bytes: Vec<u8> = code.iter().flat_map(|insn| insn.to_le_bytes()).collect();
            // rbpf writes 64-bit pointers where the kernel has 32-bit fields, so the two loads
            // become wider ones.
            let bytes = widen_context(bytes);
            let bounds = data.as_ptr_range();
            let context = [bounds.start as u64, bounds.end as u64]
                .map(u64::to_le_bytes)
                .concat();
            let machine = rbpf::EbpfVmMbuff::new(Some(&bytes)).expect("rbpf takes the program");
            group.bench_function("rbpf", |bencher| {
                bencher.iter(|| machine.execute_program(&data, &context).expect("a verdict"));
            });
        }
        group.finish();
    }
}

fn widen_context(mut bytes: Vec<u8>) -> Vec<u8> {
    for insn in bytes.chunks_mut(8) {
        if insn[0] == 0x61 && insn[1] >> 4 == R1 {
            insn[0] = 0x79;
            insn[2] *= 2;
        }
    }
    bytes
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).measurement_time(std::time::Duration::from_secs(2));
    targets = programs
}
criterion_main!(benches);

// SPDX-License-Identifier: GPL-2.0

//! A program's way from store to image: dead code, fusion, images, disassembly.

mod common;

use common::asm::*;
use common::{image_of, run, source, translate, translate_with};
use engine::exec::{Program, XdpVerdict};
use engine::frame::Frame;
use engine::image::{Image, ImageError};
use engine::insn::{atomic as op, Insn};
use engine::limits::Limits;
use engine::memory::HostMemory;
use engine::op::Code;
use engine::refusal::Rule;
use engine::store::{RegisterKind, Source};

fn verdict_of(source: &Source<HostMemory>) -> XdpVerdict {
    let image = image_of(source, &Limits::default()).unwrap_or_else(|refusal| panic!("{refusal}"));
    let data = [0; 60];
    run(&Program::new(image, vec![]), &mut Frame::read_only(&data))
        .unwrap_or_else(|fault| panic!("{fault}"))
}

#[test]
fn dead_code_is_cut_out_as_the_verifier_does_it() {
    // 0..2 a branch that is never taken, 3..4 dead, 5 a nop, a backward jump over all of it.
    let code = [
        mov_imm(R1, 0),
        mov_imm(R2, 3),
        alu_imm(SUB, R2, 1),
        jmp_imm(JEQ, R1, 1, 2),
        ja(3),
        mov_imm(R0, 1),
        exit(),
        ja(0),
        jmp_imm(JNE, R2, 0, -7),
        mov_imm(R0, 2),
        exit(),
    ];
    let mut stored = source(&code, &Limits::default()).expect("a program");
    assert_eq!(verdict_of(&stored), XdpVerdict::Pass);
    // As the kernel does it: hard-wire branches, cut dead code, then nops; in this order, with
    // shrinking numbers.
    stored.replace_insn(3, ja(0)).expect("slot 3");
    stored.remove_insns(5, 2).expect("slots 5 and 6");
    assert_eq!(verdict_of(&stored), XdpVerdict::Pass);
    stored.remove_insns(5, 1).expect("the nop, now slot 5");
    stored.remove_insns(3, 1).expect("the branch");
    assert_eq!(stored.len(), 7);
    assert_eq!(verdict_of(&stored), XdpVerdict::Pass);
    // A jump in a replacement counts the slots that are left: over slot 4 to slot 5.
    stored.replace_insn(2, ja(2)).expect("slot 2");
    assert_eq!(verdict_of(&stored), XdpVerdict::Pass);
    assert!(stored.original().eq(code));
    for (off, cnt) in [(7, 1), (6, 2), (0, 8), (usize::MAX, 1), (1, usize::MAX)] {
        let refusal = stored.remove_insns(off, cnt).expect_err("a refusal");
        assert_eq!(refusal.rule, Rule::Edit { off, cnt, len: 7 });
    }
    assert!(stored.replace_insn(7, exit()).is_err());
    assert!(stored.replace_insn(0, ja(7)).is_err());
    assert!(stored.replace_insn(0, ja(-2)).is_err());
}

#[test]
fn dead_code_may_hold_what_the_device_lacks() {
    let code = [mov_imm(R0, 2), exit(), call(51), exit()];
    let mut stored = source(&code, &Limits::default()).expect("a program");
    let refusal = image_of(&stored, &Limits::default())
        .err()
        .expect("a refusal");
    assert_eq!(refusal.insn, Some(2));
    stored.remove_insns(2, 2).expect("slots 2 and 3");
    assert_eq!(verdict_of(&stored), XdpVerdict::Pass);
}

#[test]
fn faults_and_refusals_name_the_instruction_as_it_was_loaded() {
    let code = [mov_imm(R1, 0), mov_imm(R3, 0), ldx(DW, R0, R1, 0), exit()];
    let mut stored = source(&code, &Limits::default()).expect("a program");
    stored.remove_insns(1, 1).expect("slot 1");
    let program = Program::new(
        image_of(&stored, &Limits::default()).expect("an image"),
        vec![],
    );
    let fault = run(&program, &mut Frame::read_only(&[0; 60])).expect_err("a fault");
    assert_eq!((fault.insn, fault.op), (2, 1));
}

#[test]
fn neighbours_become_one_operation_unless_a_jump_comes_between() {
    let codes = |insns: &[Insn]| {
        let image = translate_with(insns, Some(RegisterKind::Packet), &Limits::default())
            .expect("a program");
        image.ops().iter().map(|op| op.code).collect::<Vec<_>>()
    };
    let check = [
        mov_reg(R4, R2),
        alu_imm(ADD, R4, 14),
        jmp_reg(JGT, R4, R3, 1),
        mov_imm(R0, 2),
        exit(),
    ];
    assert_eq!(codes(&check), [Code::AddJgt, Code::Const, Code::Exit]);
    let field = [
        ldx(H, R4, R2, 12),
        jmp_imm(JNE, R4, 8, 1),
        mov_imm(R0, 2),
        exit(),
    ];
    assert_eq!(
        codes(&field),
        [Code::LoadFrame16Jne, Code::Const, Code::Exit]
    );
    let entered = [
        jmp_imm(JEQ, R1, 0, 1),
        mov_reg(R0, R2),
        alu_imm(ADD, R0, 2),
        exit(),
    ];
    assert_eq!(
        codes(&entered),
        [Code::JeqImm, Code::Mov, Code::AddImm, Code::Exit]
    );
}

#[test]
fn an_image_comes_back_as_it_was_and_a_damaged_one_not_at_all() {
    let mut code = vec![ldx(W, R2, R1, 0), ldx(B, R3, R2, 0), jmp_imm(JEQ, R3, 0, 3)];
    code.extend(ld_map(R1, 0));
    code.extend([
        call(5),
        call_local(2),
        mov_imm(R0, 2),
        exit(),
        atomic(W, R10, -4, R0, op::XCHG),
        exit(),
    ]);
    let image = translate(&code).expect("a program");
    let again = Image::decode(&HostMemory, image.bytes()).expect("the same image");
    assert_eq!(again.bytes(), image.bytes());
    assert_eq!(again.ops(), image.ops());
    assert_eq!(again.to_string(), image.to_string());
    assert_eq!(
        (again.digest(), again.map_count(), again.writes_frame()),
        (&[7; 32], 1, image.writes_frame())
    );
    assert!((0..again.ops().len()).all(|op| again.origin(op) == image.origin(op)));

    for bit in 0..8 * image.bytes().len() {
        let mut bytes = image.bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(Image::decode(&HostMemory, &bytes).is_err(), "bit {bit}");
    }
    for len in 0..image.bytes().len() {
        assert!(
            Image::decode(&HostMemory, &image.bytes()[..len]).is_err(),
            "cut to {len} bytes"
        );
    }
    let longer = [image.bytes(), &[0]].concat();
    let error = Image::decode(&HostMemory, &longer).err().expect("an error");
    assert_eq!(error, ImageError::Length { len: longer.len() });
}

#[test]
fn the_disassembly_names_operations_and_instructions() {
    let mut code = ld_map(R1, 0).to_vec();
    code.extend([
        call(1),
        ldx(DW, R3, R10, -8),
        ja(0),
        st(W, R10, -4, -5),
        stx(B, R3, 1, R4),
        atomic(DW, R3, 0, R4, op::ADD | op::FETCH),
        alu_reg(SUB, R3, R4),
        alu32_imm(MUL, R3, -2),
        alu_imm(NEG, R3, 0),
        jmp32_imm(JSLT, R3, -1, -2),
        jmp_reg(JSET, R3, R4, -2),
        mov_reg(R4, R2),
        alu_imm(ADD, R4, 14),
        jmp_reg(JGT, R4, R5, 1),
        call_local(1),
        mov_imm(R0, 2),
        exit(),
    ]);
    let text = translate(&code).expect("a program").to_string();
    let lines: Vec<_> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        lines,
        [
            "0: look.up [r2+0], map 0 ; insn 0",
            "1: map r1, map 0 ; insn 0",
            "2: helper bpf_map_lookup_elem ; insn 2",
            "3: load64.stack r3, [r10-8] ; insn 3",
            "4: ja -> 5 ; insn 4",
            "5: store32i.stack [r10-4], -5 ; insn 5",
            "6: store8 [r3+1], r4 ; insn 6",
            "7: atomic64 [r3+0], r4, 0x1 ; insn 7",
            "8: sub r3, r3, r4 ; insn 8",
            "9: muli32 r3, r3, -2 ; insn 9",
            "10: neg r3, r3 ; insn 10",
            "11: jslti32 r3, -1 -> 10 ; insn 11",
            "12: jset r3, r4 -> 11 ; insn 12",
            "13: add.jgt r4, r2, 14, r5 -> 15 ; insn 13",
            "14: call -> 16 ; insn 16",
            "15: const r0, 2 ; insn 17",
            "16: exit ; insn 18",
        ]
    );
}

#[test]
fn memory_of_the_store_that_fails_shows_in_the_instructions() {
    let code = [mov_imm(R0, 2), exit()];
    let stored = source(&code, &Limits::default()).expect("a program");
    let bits = 64 * code.len() as u64;
    for bit in 0..bits {
        assert!(stored.flip_bit(bit));
        let byte = (bit / 8) as usize;
        let now: Vec<u8> = stored.original().flat_map(Insn::to_le_bytes).collect();
        let before: Vec<u8> = code.iter().flat_map(|insn| insn.to_le_bytes()).collect();
        for (index, (now, before)) in now.iter().zip(&before).enumerate() {
            let flipped = if index == byte { 1 << (bit % 8) } else { 0 };
            assert_eq!(now ^ before, flipped, "bit {bit}, byte {index}");
        }
        assert!(stored.flip_bit(bit));
    }
    assert!(stored.original().eq(code));
    assert!(!stored.flip_bit(bits) && !stored.flip_bit(u64::MAX));
}

#[test]
fn memory_of_the_image_that_fails_shows_in_its_checksum() {
    let code = [mov_imm(R0, 2), jmp_imm(JEQ, R0, 1, 0), exit()];
    let stored = source(&code, &Limits::default()).expect("a program");
    let image = image_of(&stored, &Limits::default()).unwrap_or_else(|refusal| panic!("{refusal}"));
    assert!(image.is_intact());
    let bits = 8 * image.bytes().len();
    let mut runs = 0;
    for bit in 0..bits {
        let Ok(damaged) = image.with_flipped_bit(&HostMemory, bit) else {
            continue;
        };
        runs += 1;
        assert!(!damaged.is_intact(), "bit {bit}");
        assert_ne!(damaged.bytes(), image.bytes());
        assert!(Image::decode(&HostMemory, damaged.bytes()).is_err());
        let _ = run(
            &Program::new(damaged, vec![]),
            &mut Frame::read_only(&[0; 60]),
        );
    }
    assert!(runs > bits / 2, "{runs} of {bits} can be executed");
    assert!(image.with_flipped_bit(&HostMemory, bits).is_err());
    assert!(image.is_intact());
}

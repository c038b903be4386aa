// SPDX-License-Identifier: GPL-2.0

//! A program's way from load to image: refusals, dead code, images.

mod common;

use common::asm::*;
use common::{image_of, program, run, source, translate, translate_with, Always};
use engine::errno;
use engine::exec::{Program, XdpVerdict};
use engine::frame::Frame;
use engine::helper::Helper;
use engine::image::{Image, ImageError};
use engine::insn::{atomic as op, class, jump, mode, size, Insn, LD_IMM64, SRC_REG};
use engine::limits::Limits;
use engine::memory::HostMemory;
use engine::op::Code;
use engine::refusal::{Refusal, Rule};
use engine::store::{ProgramKind, RegisterKind, Source};

/// What the hook says about the first instruction, and translation about all of them: it must be the same.
#[track_caller]
fn refused(insn: Insn) -> Refusal {
    let code = [insn, mov_imm(R0, 2), exit()];
    let mut stored = source(&code, &Limits::default()).expect("a program for the store");
    let refusal = stored
        .check_insn(0, &Always(RegisterKind::Ctx))
        .expect_err("a refusal");
    assert_eq!(image_of(&stored, &Limits::default()).err(), Some(refusal));
    assert_eq!(refusal.insn, Some(0));
    refusal
}

#[test]
fn a_refused_helper_reads_as_bpftool_expects() {
    let text = refused(call(51)).to_string();
    assert!(
        text.starts_with(
            "insn 0: call bpf_redirect_map#51: unknown func to this device (helpers: "
        ),
        "{text}"
    );
    assert!(
        text.contains("bpf_map_lookup_elem, bpf_map_update_elem, "),
        "{text}"
    );
    for id in 0..300 {
        if Helper::from_id(id).is_none() {
            let refusal = refused(call(id));
            assert_eq!(refusal.errno(), errno::EOPNOTSUPP);
            assert!(refusal.to_string().contains("unknown func "), "{refusal}");
        } else {
            translate(&[call(id), mov_imm(R0, 2), exit()]).expect("a helper of the device");
        }
    }
}

#[test]
fn a_store_to_the_context_is_refused() {
    let code = [st(W, R1, 16, 3), mov_imm(R0, 2), exit()];
    let mut stored = source(&code, &Limits::default()).expect("a program for the store");
    stored
        .check_insn(0, &Always(RegisterKind::Stack))
        .expect("a store to the stack");
    let refusal = stored
        .check_insn(0, &Always(RegisterKind::Ctx))
        .expect_err("a refusal");
    assert_eq!(refusal.rule, Rule::ContextStore);
    assert_eq!(refusal.errno(), errno::EOPNOTSUPP);
    assert!(refusal
        .to_string()
        .starts_with("insn 0: store to the context: rx_queue_index"));
}

#[test]
fn every_message_is_one_line_that_says_what_and_why() {
    for (insn, errno, text) in [
        (
            Insn::new(0x85, 0, 2, 0, 77),
            errno::EOPNOTSUPP,
            "call of kernel function with BTF id 77",
        ),
        (
            Insn::new(0x8d, 1, 0, 0, 0),
            errno::EOPNOTSUPP,
            "call through a register",
        ),
        (
            Insn::new(0x0d, 1, 0, 0, 0),
            errno::EOPNOTSUPP,
            "jump through a register",
        ),
        (
            Insn::new(0x20, 0, 0, 0, 0),
            errno::EOPNOTSUPP,
            "legacy packet load",
        ),
        (
            Insn::new(0x50, 0, 0, 0, 0),
            errno::EOPNOTSUPP,
            "legacy packet load",
        ),
        (
            Insn::new(LD_IMM64, 0, 2, 0, 0),
            errno::EOPNOTSUPP,
            "64-bit immediate with source register 2: address of a map value: global variables",
        ),
        (
            Insn::new(LD_IMM64, 0, 3, 0, 0),
            errno::EOPNOTSUPP,
            "64-bit immediate with source register 3: address of a kernel variable",
        ),
        (
            Insn::new(LD_IMM64, 0, 4, 0, 0),
            errno::EOPNOTSUPP,
            "64-bit immediate with source register 4: address of a function",
        ),
        (
            Insn::new(0xff, 0, 0, 0, 0),
            errno::EINVAL,
            "code 0xff is not an instruction of the device",
        ),
        (
            mov_imm(11, 0),
            errno::EINVAL,
            "code 0xb7: registers are r0 to r10",
        ),
        (
            mov_imm(R10, 0),
            errno::EINVAL,
            "code 0xb7: the frame pointer r10 is read-only",
        ),
        (
            with_off(alu_imm(DIV, R0, 1), 2),
            errno::EINVAL,
            "code 0x37: the offset of a division",
        ),
        (
            atomic(DW, R10, -8, R1, 0x20),
            errno::EINVAL,
            "code 0xdb: unknown atomic operation",
        ),
        (
            atomic(B, R10, -8, R1, op::ADD),
            errno::EINVAL,
            "code 0xd3 is not an instruction",
        ),
    ] {
        let refusal = refused(insn);
        let message = refusal.to_string();
        assert!(message.starts_with(&format!("insn 0: {text}")), "{message}");
        assert!(!message.contains('\n'));
        assert_eq!(refusal.errno(), errno, "{message}");
    }
}

/// All codes that RFC 9669 and Linux give a meaning, from the tables in the RFC.
fn has_meaning(insn: Insn) -> bool {
    let code = insn.code;
    let operation = code & 0xf0;
    match code & 7 {
        class::ALU => operation <= END,
        class::ALU64 => operation < END || operation == END && code & SRC_REG == 0,
        class::JMP if code & SRC_REG != 0 => {
            operation <= 0xd0 && !matches!(operation, jump::JA | jump::CALL | jump::EXIT)
        }
        class::JMP => operation <= 0xd0,
        class::JMP32 if code & SRC_REG != 0 && operation == jump::JA => false,
        class::JMP32 => operation <= 0xd0 && !matches!(operation, jump::CALL | jump::EXIT),
        class::LD => code == LD_IMM64,
        class::LDX => {
            code & 0xe0 == mode::MEM || code & 0xe0 == mode::MEMSX && code & 0x18 != size::DW
        }
        class::ST => code & 0xe0 == mode::MEM,
        _ => {
            code & 0xe0 == mode::MEM
                || code & 0xe0 == mode::ATOMIC && matches!(code & 0x18, size::W | size::DW)
        }
    }
}

#[test]
fn exactly_the_instructions_that_exist_are_taken() {
    for code in 0..=255_u8 {
        let imm = match code & 0xf7 {
            0xd4 | 0xd7 => 16,
            0x85 => 5,
            _ => 0,
        };
        let src = u8::from(code & SRC_REG != 0 || code & 7 == class::STX);
        let insn = Insn::new(code, 1, src, 0, imm);
        let insn = if code & 0xf7 == 0x84 || code & 0xf7 == 0x87 {
            Insn::new(code, 1, 0, 0, 0)
        } else {
            insn
        };
        let neg_with_source = matches!(code, 0x8c | 0x8f);
        let tail = [Insn::default(), mov_imm(R0, 2), exit()];
        let tail = if code == LD_IMM64 {
            &tail[..]
        } else {
            &tail[1..]
        };
        let taken = translate(&[&[insn], tail].concat());
        assert_eq!(
            taken.is_ok(),
            has_meaning(insn) && !neg_with_source,
            "code {code:#04x}: {:?}",
            taken.err()
        );
    }
}

#[test]
fn limits_are_named_with_their_values() {
    let limits = Limits {
        max_insns: 4,
        max_ops: 3,
        ..Limits::default()
    };
    let message = |insns: &[Insn], limits: &Limits| {
        let refusal = translate_with(insns, None, limits)
            .err()
            .expect("a refusal");
        (refusal.errno(), refusal.to_string())
    };
    let nops = |count| [vec![mov_imm(R0, 2); count], vec![exit()]].concat();
    assert_eq!(
        message(&nops(4), &limits),
        (
            errno::E2BIG,
            "program has 5 instructions, the device stores at most 4; unroll and inline less"
                .into()
        )
    );
    assert_eq!(
        message(&nops(3), &limits),
        (
            errno::E2BIG,
            "program needs 4 device operations, the device stores at most 3; unroll and inline less".into()
        )
    );
    assert!(translate_with(&nops(2), None, &limits).is_ok());
    let maps: Vec<_> = (0..3)
        .flat_map(|map| ld_map(R1, map))
        .chain([mov_imm(R0, 2), exit()])
        .collect();
    let two = Limits {
        max_maps_per_program: 2,
        ..Limits::default()
    };
    assert_eq!(
        message(&maps, &two),
        (
            errno::E2BIG,
            "insn 4: map number 3 of the program, the device lets a program name at most 2; put more into one map".into()
        )
    );
    assert_eq!(translate(&maps).expect("a program").map_count(), 3);
    let foreign = [&ld_map(R1, -1)[..], &[mov_imm(R0, 2), exit()]].concat();
    assert_eq!(
        translate(&foreign).err().expect("a refusal").rule,
        Rule::ForeignMap
    );
}

#[test]
fn programs_that_are_no_programs() {
    let rule = |insns: &[Insn]| translate(insns).err().expect("a refusal").rule;
    assert_eq!(rule(&[]), Rule::EmptyProgram);
    assert_eq!(rule(&[mov_imm(R0, 2)]), Rule::FallsOffEnd);
    assert_eq!(
        rule(&[ld_imm64(R0, 2)[0]]),
        Rule::MalformedInsn {
            code: LD_IMM64,
            field: "the second slot of a 64-bit immediate is missing"
        }
    );
    assert_eq!(
        rule(&[ja(1), exit()]),
        Rule::JumpTarget { target: 2, len: 2 }
    );
    assert_eq!(
        rule(&[ja(-2), exit()]),
        Rule::JumpTarget { target: -1, len: 2 }
    );
    assert_eq!(
        rule(&[gotol(i32::MAX), exit()]),
        Rule::JumpTarget {
            target: 1 << 31,
            len: 2
        }
    );
    assert_eq!(
        rule(&[call_local(i32::MIN), exit()]),
        Rule::JumpTarget {
            target: 1 - (1 << 31),
            len: 2
        }
    );
    let [first, second] = ld_imm64(R0, 2);
    assert_eq!(
        rule(&[ja(1), first, second, exit()]),
        Rule::JumpTarget { target: 2, len: 4 }
    );
    let kind = Source::new(
        &HostMemory,
        ProgramKind::SchedCls,
        [exit()].into_iter(),
        &Limits::default(),
    );
    assert_eq!(
        kind.err().expect("a refusal").to_string(),
        "the device runs XDP programs only: compile it as SEC(\"xdp\")"
    );
}

#[test]
fn calls_nest_as_deep_as_there_are_stacks() {
    // Function i calls function i + 1; the last one returns.
    let chain = |functions: usize| -> Vec<Insn> {
        let mut code = vec![mov_imm(R0, 2)];
        code.extend((1..functions).flat_map(|_| [call_local(1), exit()]));
        code.push(exit());
        code
    };
    let data = [0; 60];
    let deepest = program(&chain(8), &[]);
    assert_eq!(deepest.image().stack_bytes(), 8 * 512);
    assert_eq!(
        run(&deepest, &mut Frame::read_only(&data)),
        Ok(XdpVerdict::Pass)
    );
    let refusal = translate(&chain(9)).err().expect("a refusal");
    assert_eq!(
        (refusal.rule, refusal.errno()),
        (Rule::CallDepth { limit: 8 }, errno::E2BIG)
    );
    let recursion = [call_local(1), exit(), call_local(-1), exit()];
    assert_eq!(
        translate(&recursion).err().expect("a refusal").rule,
        Rule::CallDepth { limit: 8 }
    );
    // A function that is called from everywhere, before and after it.
    let shared = [
        call_local(3),
        call_local(4),
        mov_imm(R0, 2),
        exit(),
        mov_imm(R0, 1),
        exit(),
        call_local(-3),
        exit(),
    ];
    let shared = program(&shared, &[]);
    assert_eq!(shared.image().stack_bytes(), 3 * 512);
    assert_eq!(
        run(&shared, &mut Frame::read_only(&data)),
        Ok(XdpVerdict::Pass)
    );
    let many = |functions: i32| {
        let calls = (0..functions - 1).map(|i| call_local(functions - 1 - i + i));
        let bodies = (0..functions - 1).map(|_| exit());
        calls.chain([exit()]).chain(bodies).collect::<Vec<_>>()
    };
    translate(&many(256)).expect("as many functions as the device stores");
    assert_eq!(
        translate(&many(257)).err().expect("a refusal").rule,
        Rule::TooManyFunctions { limit: 256 }
    );
}

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
    // As the kernel does it: hard-wire branches, cut dead code, then nops; in this order, with shrinking numbers.
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
    assert_eq!(stored.original(), code);
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
            "0: map r1, map 0 ; insn 0",
            "1: helper bpf_map_lookup_elem ; insn 2",
            "2: load64.stack r3, [r10-8] ; insn 3",
            "3: ja -> 4 ; insn 4",
            "4: store32i.stack [r10-4], -5 ; insn 5",
            "5: store8 [r3+1], r4 ; insn 6",
            "6: atomic64 [r3+0], r4, 0x1 ; insn 7",
            "7: sub r3, r3, r4 ; insn 8",
            "8: muli32 r3, r3, -2 ; insn 9",
            "9: neg r3, r3 ; insn 10",
            "10: jslti32 r3, -1 -> 9 ; insn 11",
            "11: jset r3, r4 -> 10 ; insn 12",
            "12: add.jgt r4, r2, 14, r5 -> 14 ; insn 13",
            "13: call -> 15 (1 ops) ; insn 16",
            "14: const r0, 2 ; insn 17",
            "15: exit ; insn 18",
        ]
    );
}

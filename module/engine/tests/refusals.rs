// SPDX-License-Identifier: GPL-2.0

//! What the device refuses, and how it says so.

mod common;

use common::asm::*;
use common::{image_of, program, run, source, translate, translate_with, Always};
use engine::errno;
use engine::exec::XdpVerdict;
use engine::frame::Frame;
use engine::helper::Helper;
use engine::insn::{atomic as op, class, jump, mode, size, Insn, LD_IMM64, SRC_REG};
use engine::limits::Limits;
use engine::refusal::{Refusal, Rule};
use engine::store::{ProgramKind, RegisterKind};

/// What the hook says about the first instruction, and translation about all of them: it must be
/// the same.
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
    assert!(!text.contains("skb"), "those for classifiers: {text}");
    let text = refused(call(26)).to_string();
    assert!(
        text.starts_with(
            "insn 0: call bpf_skb_load_bytes#26: unknown func to this device (helpers: "
        ),
        "{text}"
    );
    for id in 0..300 {
        if Helper::for_kind(id, ProgramKind::Xdp).is_none() {
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
    let code = [
        st(W, R1, 12, 3),
        st(W, R1, 16, 3),
        st(H, R1, 16, 3),
        mov_imm(R0, 2),
        exit(),
    ];
    let mut stored = source(&code, &Limits::default()).expect("a program for the store");
    stored
        .check_insn(0, &Always(RegisterKind::Stack))
        .expect("a store to the stack");
    let refusal = stored
        .check_insn(0, &Always(RegisterKind::Ctx))
        .expect_err("a refusal");
    assert_eq!(refusal.rule, Rule::ContextStore);
    // By which a program chooses the queue; the half of it is no queue.
    stored
        .check_insn(1, &Always(RegisterKind::Ctx))
        .expect("a store to rx_queue_index");
    stored
        .check_insn(2, &Always(RegisterKind::Ctx))
        .expect_err("a refusal of the half");
    assert_eq!(refusal.errno(), errno::EOPNOTSUPP);
    assert!(refusal
        .to_string()
        .starts_with("insn 0: store to the context: the device takes none but"));
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

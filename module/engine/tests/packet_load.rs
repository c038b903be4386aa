// SPDX-License-Identifier: GPL-2.0

//! LD_ABS and LD_IND, the packet loads of classifiers.

mod common;

use common::asm::*;
use common::{classifier, classify, image_of, source_of, tc_context, tc_result_of, Always};
use engine::exec::TcVerdict;
use engine::fault::FaultCause;
use engine::frame::Frame;
use engine::insn::{class, mode, Insn};
use engine::limits::Limits;
use engine::refusal::Rule;
use engine::store::{ProgramKind, RegisterKind};

fn absolute(size: u8, offset: i32) -> Insn {
    Insn::new(class::LD | mode::ABS | size, 0, 0, 0, offset)
}

fn indirect(size: u8, base: u8, offset: i32) -> Insn {
    Insn::new(class::LD | mode::IND | size, 0, base, 0, offset)
}

/// Frame byte `i` is `0x80 + i`.
fn frame() -> Vec<u8> {
    (0x80..0x80 + 60).collect()
}

/// r0 of `code`, with the context in r6.
fn loaded(code: &[Insn]) -> u64 {
    let bytes = frame();
    let mut frame = Frame::read_only(&bytes);
    let mut context = tc_context(&mut frame);
    tc_result_of(&[code, &[exit()]].concat(), &mut frame, &mut context)
}

/// The number of `count` bytes at `at` in network byte order.
fn number(at: usize, count: usize) -> u64 {
    let bytes = frame();
    bytes[at..at + count]
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[test]
fn offsets_count_from_the_frame_or_from_a_header() {
    const NET: i32 = -0x10_0000;
    const LL: i32 = -0x20_0000;
    let sizes = [(B, 1), (H, 2), (W, 4)];
    for (size, count) in sizes {
        let end = 60 - count as i32;
        for (offset, place) in [
            (0, Some(0)),
            (13, Some(13)),
            (end, Some(end)),
            (end + 1, None),
            (i32::MAX, None),
            (NET, Some(14)),
            (NET + 3, Some(17)),
            (NET + end - 14, Some(end)),
            (NET + end - 13, None),
            // Where classic programs have their extensions.
            (-0x1000, None),
            (-1, None),
            (LL, Some(0)),
            (LL + 12, Some(12)),
            (LL + end + 1, None),
            (NET - 1, None),
            (LL - 1, None),
            (i32::MIN, None),
        ] {
            let expected = place.map_or(0, |place| number(place as usize, count));
            assert_eq!(
                loaded(&[absolute(size, offset)]),
                expected,
                "{count} bytes at {offset}"
            );
            // The same place, half of the way in a register.
            for base in [0, 5, -7, 1 << 40] {
                let mut code = ld_imm64(R7, i64::from(offset).wrapping_sub(base) as u64).to_vec();
                code.extend(ld_imm64(R8, base as u64));
                code.extend([alu_reg(ADD, R8, R7), indirect(size, R8, 0)]);
                assert_eq!(loaded(&code), expected, "{count} bytes at {offset}");
                let Ok(imm) = i32::try_from(base) else {
                    continue;
                };
                code.truncate(2);
                code.push(indirect(size, R7, imm));
                assert_eq!(loaded(&code), expected, "{count} bytes at {offset}");
            }
        }
    }
    // The sum is an int: what is beyond its 32 bits does not count.
    let mut code = ld_imm64(R7, 12 | 7 << 32).to_vec();
    code.push(indirect(H, R7, 2));
    assert_eq!(loaded(&code), number(14, 2));
}

#[test]
fn a_failed_load_ends_its_function_only() {
    // The function loads beyond the frame and would return 5; the program then returns what it got
    // plus 4.
    let code = [
        mov_reg(R6, R1),
        call_local(2),
        alu_imm(ADD, R0, 4),
        exit(),
        absolute(B, 60),
        mov_imm(R0, 5),
        exit(),
    ];
    let bytes = frame();
    let mut frame = Frame::read_only(&bytes);
    let mut context = tc_context(&mut frame);
    let program = classifier(&code, &[]);
    assert!(program
        .image()
        .to_string()
        .contains("ldabs8           r0, frame[60]"));
    assert_eq!(
        classify(&program, &mut frame, &mut context),
        Ok(TcVerdict::Stolen)
    );
    // Outermost, it ends the program with 0.
    let code = [mov_reg(R6, R1), absolute(B, 60), mov_imm(R0, 2), exit()];
    let verdict = classify(&classifier(&code, &[]), &mut frame, &mut context);
    assert_eq!(verdict, Ok(TcVerdict::Ok));
}

#[test]
fn the_context_must_be_in_r6() {
    let bytes = frame();
    let mut frame = Frame::read_only(&bytes);
    let mut context = tc_context(&mut frame);
    let program = classifier(&[absolute(B, 0), exit()], &[]);
    let fault = classify(&program, &mut frame, &mut context).expect_err("a fault");
    assert_eq!((fault.cause, fault.insn), (FaultCause::NotTheContext, 0));
}

#[test]
fn only_those_of_the_kernel_are_taken() {
    let check = |kind, insn| {
        let code = [insn, exit()];
        let mut stored = source_of(kind, &code, &Limits::default()).expect("room");
        let refused = stored.check_insn(0, &Always(RegisterKind::Other)).err();
        assert_eq!(image_of(&stored, &Limits::default()).err(), refused);
        refused.map(|refusal| refusal.rule)
    };
    for size in [B, H, W] {
        for insn in [absolute(size, 3), indirect(size, R7, 3)] {
            assert_eq!(check(ProgramKind::SchedCls, insn), None);
            assert_eq!(check(ProgramKind::Xdp, insn), Some(Rule::PacketLoad));
        }
    }
    for insn in [absolute(DW, 3), indirect(DW, R7, 3)] {
        let unknown = Some(Rule::UnknownInsn { code: insn.code });
        assert_eq!(check(ProgramKind::SchedCls, insn), unknown);
        assert_eq!(check(ProgramKind::Xdp, insn), unknown);
    }
    for insn in [
        Insn::new(class::LD | mode::ABS | B, R1, 0, 0, 0),
        Insn::new(class::LD | mode::ABS | B, 0, R1, 0, 0),
        Insn::new(class::LD | mode::IND | B, 0, R1, 1, 0),
        Insn::new(class::LD | mode::IND | B, R1, R1, 0, 0),
    ] {
        let rule = check(ProgramKind::SchedCls, insn);
        assert!(matches!(rule, Some(Rule::MalformedInsn { .. })), "{rule:?}");
    }
}

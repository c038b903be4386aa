// SPDX-License-Identifier: GPL-2.0

//! Maps as programs use them: helpers and pointers to values.

mod common;

use std::slice::from_ref;

use common::asm::*;
use common::{map, map_and_key, program, run};
use engine::errno;
use engine::exec::XdpVerdict;
use engine::fault::FaultCause;
use engine::frame::Frame;
use engine::insn::atomic as op;
use engine::map::{MapKind, BPF_ANY};

#[test]
fn a_program_uses_a_map_by_helpers_and_pointers() {
    for kind in [MapKind::Array, MapKind::Hash] {
        let map = map(kind, 4, 12, 4);
        // Looks up, makes the element if it is missing, counts in all sizes.
        let mut code = map_and_key(1);
        code.extend([call(1), jmp_imm(JNE, R0, 0, 15)]);
        let create = [
            st(DW, R10, -24, 100),
            st(W, R10, -16, 7),
            mov_reg(R2, R10),
            alu_imm(ADD, R2, -4),
            mov_reg(R3, R10),
            alu_imm(ADD, R3, -24),
            mov_imm(R4, 0),
        ];
        code.extend(create);
        code.extend(ld_map(R1, 0));
        code.push(call(2));
        code.extend([mov_reg(R2, R10), alu_imm(ADD, R2, -4)]);
        code.extend(ld_map(R1, 0));
        code.push(call(1));
        code.extend([
            mov_imm(R1, 1),
            atomic(DW, R0, 0, R1, op::ADD),
            ldx(B, R2, R0, 8),
            alu_imm(ADD, R2, 1),
            stx(B, R0, 8, R2),
            stx(H, R0, 9, R2),
            mov_imm(R0, 2),
            exit(),
        ]);
        let program = program(&code, from_ref(&map));
        let data = [0; 60];
        for round in 1..=3_u8 {
            assert_eq!(
                run(&program, &mut Frame::read_only(&data)),
                Ok(XdpVerdict::Pass)
            );
            let mut value = [0; 12];
            map.lookup(&[1, 0, 0, 0], &mut value).expect("the element");
            let start = if kind == MapKind::Array {
                [0, 0]
            } else {
                [100, 7]
            };
            assert_eq!(
                value,
                [
                    start[0] + round,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    start[1] + round,
                    start[1] + round,
                    0,
                    0
                ]
            );
        }
    }
}

#[test]
fn helpers_give_programs_the_kernels_error_numbers() {
    let hash = map(MapKind::Hash, 4, 8, 1);
    let outcome = |key: i32, helper: i32, flags: i32, expected: i32| {
        let mut code = map_and_key(key);
        code.extend([
            mov_reg(R3, R10),
            alu_imm(ADD, R3, -16),
            mov_imm(R4, flags),
            st(DW, R10, -16, 3),
        ]);
        code.extend([
            call(helper),
            mov_reg(R1, R0),
            mov_imm(R0, 2),
            jmp_imm(JEQ, R1, -expected, 1),
            mov_imm(R0, 1),
        ]);
        code.push(exit());
        let data = [0; 60];
        let verdict = run(
            &program(&code, from_ref(&hash)),
            &mut Frame::read_only(&data),
        );
        assert_eq!(
            verdict,
            Ok(XdpVerdict::Pass),
            "helper {helper} for key {key} with flags {flags}"
        );
    };
    outcome(1, 3, 0, errno::ENOENT);
    outcome(1, 2, 2, errno::ENOENT);
    outcome(1, 2, 0, 0);
    outcome(1, 2, 1, errno::EEXIST);
    outcome(2, 2, 0, errno::E2BIG);
    outcome(1, 2, 3, errno::EINVAL);
    outcome(1, 3, 0, 0);
}

#[test]
fn keys_and_values_may_lie_in_the_frame_and_in_a_map() {
    let hash = map(MapKind::Hash, 6, 6, 4);
    // map[frame[0..6]] = frame[6..12]; then map[frame[6..12]] = *lookup(frame[0..6]).
    let mut code = vec![
        mov_reg(R6, R1),
        ldx(W, R7, R6, 0),
        mov_reg(R2, R7),
        mov_reg(R3, R7),
    ];
    code.extend([alu_imm(ADD, R3, 6), mov_imm(R4, 0)]);
    code.extend(ld_map(R1, 0));
    code.extend([call(2), mov_reg(R2, R7)]);
    code.extend(ld_map(R1, 0));
    code.extend([
        call(1),
        mov_reg(R3, R0),
        mov_reg(R2, R7),
        alu_imm(ADD, R2, 6),
        mov_imm(R4, 0),
    ]);
    code.extend(ld_map(R1, 0));
    code.extend([call(2), mov_imm(R0, 2), exit()]);
    let program = program(&code, from_ref(&hash));
    let data: Vec<u8> = (1..=60).collect();
    assert_eq!(
        run(&program, &mut Frame::read_only(&data)),
        Ok(XdpVerdict::Pass)
    );
    for key in [[1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12]] {
        let mut value = [0; 6];
        hash.lookup(&key, &mut value).expect("the element");
        assert_eq!(value, [7, 8, 9, 10, 11, 12]);
    }
    // A key that hangs over the end of the frame.
    let fault = run(&program, &mut Frame::read_only(&data[..11])).expect_err("a fault");
    assert_eq!(fault.cause, FaultCause::Frame);
}

#[test]
fn a_pointer_leads_to_its_map_only() {
    let map = map(MapKind::Array, 4, 8, 2);
    for (size, off, expected) in [
        (DW, 8, Ok(XdpVerdict::Pass)),
        (DW, 9, Err(FaultCause::MapValue)),
        (B, 15, Ok(XdpVerdict::Pass)),
        (B, 16, Err(FaultCause::MapValue)),
        (B, -1, Err(FaultCause::MapValue)),
        (W, 14, Err(FaultCause::MapValue)),
    ] {
        for access in [ldx(size, R1, R0, off), st(size, R0, off, 0)] {
            let mut code = map_and_key(0);
            code.extend([call(1), access, mov_imm(R0, 2), exit()]);
            let data = [0; 60];
            let verdict = run(
                &program(&code, from_ref(&map)),
                &mut Frame::read_only(&data),
            );
            assert_eq!(verdict.map_err(|fault| fault.cause), expected, "{access:?}");
        }
    }
    for (off, expected) in [
        (0, None),
        (4, None),
        (8, None),
        (3, Some(FaultCause::MisalignedAtomic)),
    ] {
        let mut code = map_and_key(0);
        code.extend([
            call(1),
            mov_imm(R1, 1),
            atomic(DW, R0, off, R1, op::ADD),
            mov_imm(R0, 2),
            exit(),
        ]);
        let data = [0; 60];
        let verdict = run(
            &program(&code, from_ref(&map)),
            &mut Frame::read_only(&data),
        );
        let expected = if off == 4 {
            Some(FaultCause::MisalignedAtomic)
        } else {
            expected
        };
        assert_eq!(
            verdict.err().map(|fault| fault.cause),
            expected,
            "atomic at {off}"
        );
    }
}

/// A program may hold the pointer of an element that user space replaces: it goes on with the old
/// one.
#[test]
fn a_replaced_value_stays_as_it_was_for_a_program_that_holds_it() {
    let hash = map(MapKind::Hash, 4, 8, 2);
    hash.update(&[1, 0, 0, 0], &[10; 8], BPF_ANY).expect("room");
    // Looks up, replaces the element by helper, then reads through the old pointer.
    let mut code = map_and_key(1);
    code.extend([
        call(1),
        mov_reg(R6, R0),
        st(DW, R10, -16, 99),
        mov_reg(R2, R10),
        alu_imm(ADD, R2, -4),
    ]);
    code.extend([mov_reg(R3, R10), alu_imm(ADD, R3, -16), mov_imm(R4, 0)]);
    code.extend(ld_map(R1, 0));
    code.extend([
        call(2),
        ldx(B, R1, R6, 0),
        mov_imm(R0, 2),
        jmp_imm(JEQ, R1, 10, 1),
        mov_imm(R0, 1),
        exit(),
    ]);
    let data = [0; 60];
    assert_eq!(
        run(
            &program(&code, from_ref(&hash)),
            &mut Frame::read_only(&data)
        ),
        Ok(XdpVerdict::Pass)
    );
    let mut value = [0; 8];
    hash.lookup(&[1, 0, 0, 0], &mut value).expect("the element");
    assert_eq!(value, [99, 0, 0, 0, 0, 0, 0, 0]);
}

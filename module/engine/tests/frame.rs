// SPDX-License-Identifier: GPL-2.0

//! Programs and the frame: context, bounds, head and tail, verdicts, faults.

mod common;

use common::asm::*;
use common::{core, program, run, translate_with, TestServices, CONTEXT};
use engine::exec::{Program, XdpVerdict};
use engine::fault::FaultCause;
use engine::frame::Frame;
use engine::insn::Insn;
use engine::limits::{Limits, RESERVED_HEADROOM, XDP_PACKET_HEADROOM};
use engine::pipeline::{self, XdpCounters};
use engine::store::RegisterKind;

const ADJUST_HEAD: i32 = 44;
const ADJUST_META: i32 = 54;
const ADJUST_TAIL: i32 = 65;

const DATA: usize = XDP_PACKET_HEADROOM;
const TAILROOM: usize = 64;

struct Outcome {
    verdict: Result<XdpVerdict, FaultCause>,
    data: Vec<u8>,
    metadata: Vec<u8>,
}

fn run_on(insns: &[Insn], frame: &[u8]) -> Outcome {
    let mut buffer = vec![0xee; DATA];
    buffer.extend_from_slice(frame);
    buffer.extend([0xee; TAILROOM]);
    let mut frame = Frame::writable(&mut buffer, DATA, DATA + frame.len()).expect("a frame");
    let verdict = run(&program(insns, &[]), &mut frame).map_err(|fault| fault.cause);
    Outcome {
        verdict,
        data: frame.data().to_vec(),
        metadata: frame.metadata().to_vec(),
    }
}

fn numbered(len: u8) -> Vec<u8> {
    (0..len).collect()
}

/// Calls a helper that takes the context and a number; the verdict is PASS if it succeeds,
/// otherwise DROP, and ABORTED if it fails with another error than `errno`.
fn adjust(helper: i32, delta: i32, errno: i32) -> Vec<Insn> {
    vec![
        mov_imm(R2, delta),
        call(helper),
        mov_reg(R1, R0),
        mov_imm(R0, 2),
        jmp_imm(JEQ, R1, 0, 3),
        mov_imm(R0, 1),
        jmp_imm(JEQ, R1, -errno, 1),
        mov_imm(R0, 0),
        exit(),
    ]
}

#[test]
fn head_moves_within_headroom_and_leaves_an_ethernet_header() {
    let most = (DATA - RESERVED_HEADROOM) as i32;
    let len = 60;
    for (delta, works) in [
        (0, true),
        (-1, true),
        (-most, true),
        (-most - 1, false),
        (i32::MIN, false),
        (1, true),
        (len - 14, true),
        (len - 13, false),
        (i32::MAX, false),
    ] {
        let outcome = run_on(&adjust(ADJUST_HEAD, delta, 22), &numbered(len as u8));
        let verdict = if works {
            XdpVerdict::Pass
        } else {
            XdpVerdict::Drop
        };
        assert_eq!(outcome.verdict, Ok(verdict), "head by {delta}");
        let moved = if works { delta } else { 0 };
        assert_eq!(outcome.data.len() as i32, len - moved, "head by {delta}");
        assert_eq!(outcome.data.last(), Some(&(len as u8 - 1)));
    }
}

#[test]
fn tail_moves_within_tailroom_leaves_an_ethernet_header_and_clears_what_it_gains() {
    let len = 60;
    for (delta, works) in [
        (0, true),
        (-1, true),
        (-(len - 14), true),
        (-(len - 13), false),
        (i32::MIN, false),
        (1, true),
        (TAILROOM as i32, true),
        (TAILROOM as i32 + 1, false),
        (i32::MAX, false),
    ] {
        let outcome = run_on(&adjust(ADJUST_TAIL, delta, 22), &numbered(len as u8));
        let verdict = if works {
            XdpVerdict::Pass
        } else {
            XdpVerdict::Drop
        };
        assert_eq!(outcome.verdict, Ok(verdict), "tail by {delta}");
        let mut expected = numbered(len as u8);
        if works {
            expected.resize((len + delta) as usize, 0);
        }
        assert_eq!(outcome.data, expected, "tail by {delta}");
    }
}

#[test]
fn a_frame_shorter_than_an_ethernet_header_can_only_grow() {
    for (helper, delta, works) in [
        (ADJUST_HEAD, 0, false),
        (ADJUST_HEAD, -4, true),
        (ADJUST_TAIL, 0, false),
        (ADJUST_TAIL, 4, true),
        (ADJUST_TAIL, 3, false),
    ] {
        let verdict = if works {
            XdpVerdict::Pass
        } else {
            XdpVerdict::Drop
        };
        assert_eq!(
            run_on(&adjust(helper, delta, 22), &numbered(10)).verdict,
            Ok(verdict)
        );
    }
}

#[test]
fn metadata_lies_in_front_of_the_frame_and_moves_with_it() {
    for (delta, errno, works) in [
        (-4, 22, true),
        (-252, 22, false),
        (-216, 22, true),
        (-220, 22, false),
        (-3, 13, false),
        (1, 22, false),
        (0, 22, true),
    ] {
        let outcome = run_on(&adjust(ADJUST_META, delta, errno), &numbered(60));
        let verdict = if works {
            XdpVerdict::Pass
        } else {
            XdpVerdict::Drop
        };
        assert_eq!(outcome.verdict, Ok(verdict), "metadata by {delta}");
        let len = if works { -delta } else { 0 };
        assert_eq!(outcome.metadata.len() as i32, len);
    }
    // Eight bytes of metadata are written, then the head moves away from them and back again.
    let code = [
        mov_reg(R6, R1),
        mov_imm(R2, -8),
        call(ADJUST_META),
        ldx(W, R2, R6, 8),
        st(W, R2, 0, 0x0403_0201),
        st(W, R2, 4, 0x0807_0605),
        mov_reg(R1, R6),
        mov_imm(R2, -20),
        call(ADJUST_HEAD),
        mov_reg(R1, R6),
        mov_imm(R2, 6),
        call(ADJUST_HEAD),
        mov_imm(R0, 2),
        exit(),
    ];
    let outcome = run_on(&code, &numbered(60));
    assert_eq!(outcome.verdict, Ok(XdpVerdict::Pass));
    assert_eq!(outcome.metadata, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(outcome.data.len(), 74);
}

#[test]
fn a_program_reads_and_writes_between_data_and_data_end_only() {
    // r2 = data, r3 = data_end; access at data + r4, for each of the four sizes, through load and
    // store.
    for (size, bytes) in [(B, 1), (H, 2), (W, 4), (DW, 8)] {
        for at in [-1, 0, 16 - bytes, 17 - bytes, 16, 1000, i32::MAX, i32::MIN] {
            let inside = (0..=16 - bytes).contains(&at);
            let expected = if inside {
                Ok(XdpVerdict::Pass)
            } else {
                Err(FaultCause::Frame)
            };
            let begin = [ldx(W, R2, R1, 0), mov_imm(R4, at), alu_reg(ADD, R2, R4)];
            let end = [mov_imm(R0, 2), exit()];
            for access in [
                ldx(size, R5, R2, 0),
                stx(size, R2, 0, R4),
                st(size, R2, 0, 7),
            ] {
                let code = [&begin[..], &[access], &end].concat();
                let outcome = run_on(&code, &numbered(16));
                assert!(
                    outcome.verdict == expected,
                    "{bytes} at {at}: {:?}",
                    outcome.verdict
                );
            }
        }
    }
}

#[test]
fn the_bounds_check_of_every_program_works_in_all_its_forms() {
    let forms: [fn(u8, u8) -> Insn; 8] = [
        |p, end| jmp_reg(JGT, p, end, 2),
        |p, end| jmp_reg(JLT, end, p, 2),
        |p, end| jmp_reg(JGE, p, end, 2),
        |p, end| jmp_reg(JLE, end, p, 2),
        |p, end| jmp_reg(JLE, p, end, 2),
        |p, end| jmp_reg(JGE, end, p, 2),
        |p, end| jmp_reg(JLT, p, end, 2),
        |p, end| jmp_reg(JGT, end, p, 2),
    ];
    let holds: [fn(i32, i32) -> bool; 8] = [
        |p, end| p > end,
        |p, end| end < p,
        |p, end| p >= end,
        |p, end| end <= p,
        |p, end| p <= end,
        |p, end| end >= p,
        |p, end| p < end,
        |p, end| end > p,
    ];
    for (form, holds) in forms.into_iter().zip(holds) {
        for len in [13, 14, 15] {
            let code = [
                ldx(W, R2, R1, 0),
                ldx(W, R3, R1, 4),
                mov_reg(R4, R2),
                alu_imm(ADD, R4, 14),
                form(R4, R3),
                mov_imm(R0, 2),
                exit(),
                mov_imm(R0, 1),
                exit(),
            ];
            let verdict = if holds(14, len) {
                XdpVerdict::Drop
            } else {
                XdpVerdict::Pass
            };
            assert_eq!(
                run_on(&code, &numbered(len as u8)).verdict,
                Ok(verdict),
                "{:?} {len}",
                form(R4, R3)
            );
        }
    }
}

#[test]
fn a_header_field_is_compared_at_once() {
    for (size, field) in [(B, 0x02), (H, 0x0302), (W, 0x0504_0302)] {
        for (operation, equal) in [(JEQ, XdpVerdict::Drop), (JNE, XdpVerdict::Pass)] {
            for (constant, is_equal) in [(field, true), (field + 1, false), (-1, false)] {
                for compare in [
                    jmp_imm(operation, R4, constant, 2),
                    jmp32_imm(operation, R4, constant, 2),
                ] {
                    let code = [
                        ldx(W, R2, R1, 0),
                        ldx(size, R4, R2, 2),
                        compare,
                        mov_imm(R0, 2),
                        exit(),
                        mov_imm(R0, 1),
                        exit(),
                    ];
                    let unequal = if equal == XdpVerdict::Drop {
                        XdpVerdict::Pass
                    } else {
                        XdpVerdict::Drop
                    };
                    let expected = if is_equal { equal } else { unequal };
                    let image =
                        translate_with(&code, Some(RegisterKind::Packet), &Limits::default());
                    let program = Program::new(image.expect("a program"), vec![]);
                    let data = numbered(16);
                    assert_eq!(run(&program, &mut Frame::read_only(&data)), Ok(expected));
                }
            }
        }
    }
}

#[test]
fn the_context_has_the_fields_of_xdp_md() {
    let field = |off, value| {
        let code = [
            ldx(W, R2, R1, off),
            mov_imm(R0, 2),
            jmp_imm(JEQ, R2, value, 1),
            mov_imm(R0, 1),
            exit(),
        ];
        run_on(&code, &numbered(60)).verdict
    };
    assert_eq!(field(12, 11), Ok(XdpVerdict::Pass));
    assert_eq!(field(16, 5), Ok(XdpVerdict::Pass));
    assert_eq!(field(20, 0), Ok(XdpVerdict::Pass));
    assert_eq!(field(24, 0), Err(FaultCause::Context));
    assert_eq!(field(2, 0), Err(FaultCause::Context));
    assert_eq!(field(-4, 0), Err(FaultCause::Context));
    for (access, fits) in [
        (st(W, R1, 16, 9), true),
        (st(DW, R1, 16, 9), false),
        (st(W, R1, 12, 9), false),
        (ldx(H, R2, R1, 12), false),
        (ldx(DW, R2, R1, 0), false),
    ] {
        let expected = if fits {
            Ok(XdpVerdict::Pass)
        } else {
            Err(FaultCause::Context)
        };
        assert_eq!(
            run_on(&[access, mov_imm(R0, 2), exit()], &numbered(60)).verdict,
            expected
        );
    }
}

#[test]
fn the_program_chooses_the_receive_queue() {
    let program = program(&[st(W, R1, 16, 9), mov_imm(R0, 2), exit()], &[]);
    let counters = XdpCounters::default();
    let mut context = CONTEXT;
    let data = numbered(60);
    let mut frame = Frame::read_only(&data);
    let received = pipeline::receive(
        &mut core(),
        &program,
        &mut frame,
        &mut context,
        &TestServices,
        &counters,
    );
    assert_eq!(
        (received.chosen_queue, received.len, received.verdict),
        (Some(9), 60, Some(XdpVerdict::Pass))
    );
    assert!(received.to_host());
}

#[test]
fn verdicts_and_faults_are_counted() {
    let counters = XdpCounters::default();
    let data = numbered(60);
    for action in [0, 1, 2, 2, 3, 4, 5, -1] {
        let program = program(&[mov_imm(R0, action), exit()], &[]);
        let mut frame = Frame::read_only(&data);
        let received = pipeline::receive(
            &mut core(),
            &program,
            &mut frame,
            &mut CONTEXT.clone(),
            &TestServices,
            &counters,
        );
        let expected = XdpVerdict::from_action(action as u32).unwrap_or(XdpVerdict::Aborted);
        assert_eq!(received.verdict, Some(expected));
        assert_eq!(received.to_host(), action == 2);
    }
    let packets = [
        XdpVerdict::Aborted,
        XdpVerdict::Drop,
        XdpVerdict::Pass,
        XdpVerdict::Tx,
        XdpVerdict::Redirect,
    ]
    .map(|v| counters.packets(v));
    assert_eq!(packets, [3, 1, 2, 1, 1]);
    assert_eq!(counters.bytes(XdpVerdict::Pass), 120);
    assert_eq!(counters.faults(FaultCause::InvalidAction), 2);
    assert_eq!(
        FaultCause::ALL
            .iter()
            .map(|cause| counters.faults(*cause))
            .sum::<u64>(),
        2
    );
}

#[test]
fn a_frame_lent_for_reading_is_not_written() {
    let write = program(
        &[ldx(W, R2, R1, 0), st(B, R2, 0, 1), mov_imm(R0, 2), exit()],
        &[],
    );
    assert!(write.image().writes_frame());
    let data = numbered(60);
    let fault = run(&write, &mut Frame::read_only(&data)).expect_err("a fault");
    assert_eq!((fault.cause, fault.insn), (FaultCause::FrameReadOnly, 1));
    let resize = program(&adjust(ADJUST_TAIL, 1, 22), &[]);
    assert!(resize.image().writes_frame());
    assert_eq!(
        run(&resize, &mut Frame::read_only(&data)),
        Ok(XdpVerdict::Drop)
    );
    let only_stack = program(
        &[
            ldx(W, R2, R1, 0),
            stx(DW, R10, -8, R2),
            mov_imm(R0, 2),
            exit(),
        ],
        &[],
    );
    assert!(!only_stack.image().writes_frame());
}

#[test]
fn a_program_that_goes_too_far_is_stopped() {
    let cause = |insns: &[Insn]| run_on(insns, &numbered(60)).verdict.expect_err("a fault");
    assert_eq!(
        cause(&[ldx(DW, R0, R10, 4096 - 512), exit()]),
        FaultCause::Stack
    );
    assert_eq!(
        cause(&[st(DW, R10, 4096 - 512 - 7, 0), exit()]),
        FaultCause::Stack
    );
    assert_eq!(cause(&[ldx(DW, R0, R10, -520), exit()]), FaultCause::Stack);
    assert_eq!(
        cause(&[mov_imm(R1, 0), ldx(DW, R0, R1, 0), exit()]),
        FaultCause::NoRegion
    );
    assert_eq!(cause(&[ja(-1), exit()]), FaultCause::BudgetSpent);
    assert_eq!(
        cause(&[mov_imm(R1, 0), mov_imm(R2, 0), call(ADJUST_HEAD), exit()]),
        FaultCause::NotTheContext
    );
    assert_eq!(
        cause(&[mov_imm(R1, 0), mov_imm(R2, 0), call(1), exit()]),
        FaultCause::NotAMap
    );
    let mut no_such_map = ld_map(R1, 3).to_vec();
    no_such_map.extend([mov_reg(R2, R10), alu_imm(ADD, R2, -8), call(1), exit()]);
    assert_eq!(cause(&no_such_map), FaultCause::NotAMap);
    let mut read_a_map = ld_map(R1, 0).to_vec();
    read_a_map.extend([ldx(DW, R0, R1, 0), exit()]);
    assert_eq!(cause(&read_a_map), FaultCause::NoRegion);
}

#[test]
fn the_budget_covers_loops_and_the_functions_that_they_call() {
    let limits = Limits {
        insn_budget: 1000,
        ..Limits::default()
    };
    // 20 rounds of a function with 100 operations cost more than 1000; 5 rounds do not.
    for (rounds, expected) in [
        (5, Ok(XdpVerdict::Pass)),
        (20, Err(FaultCause::BudgetSpent)),
    ] {
        let mut code = vec![
            mov_imm(R6, rounds),
            call_local(4),
            alu_imm(SUB, R6, 1),
            jmp_imm(JNE, R6, 0, -3),
            mov_imm(R0, 2),
            exit(),
        ];
        code.extend([alu_imm(XOR, R0, 1); 100]);
        code.push(exit());
        let image = translate_with(&code, None, &limits).expect("a program");
        let program = common::HostProgram::new(image, vec![]);
        let mut core =
            engine::exec::Core::new(&engine::memory::HostMemory, &limits).expect("memory");
        let data = numbered(60);
        let result = core.run_xdp(
            &program,
            &mut Frame::read_only(&data),
            &mut CONTEXT.clone(),
            &TestServices,
        );
        assert_eq!(result.map_err(|fault| fault.cause), expected);
        assert_eq!(
            core.take_fault().map(|record| record.fault.cause),
            expected.err()
        );
    }
}

#[test]
fn a_fault_leaves_a_record_once() {
    let code = [
        mov_imm(R3, -1),
        ldx(W, R2, R1, 0),
        alu_imm(ADD, R2, 4096),
        ldx(B, R4, R2, 7),
        exit(),
    ];
    let program = program(&code, &[]);
    let data = numbered(60);
    let mut core = core();
    let mut frame = Frame::read_only(&data);
    let fault = core
        .run_xdp(&program, &mut frame, &mut CONTEXT.clone(), &TestServices)
        .expect_err("beyond the frame");
    let record = core.take_fault().expect("a record");
    assert_eq!(record.fault, fault);
    assert_eq!((fault.cause, fault.insn), (FaultCause::Frame, 3));
    assert_eq!(record.registers[3], u64::MAX);
    assert_eq!(record.registers[2].wrapping_add(7), fault.address);
    assert_eq!(record.digest, *program.image().digest());
    assert_eq!(core.take_fault(), None);
}

#[test]
fn time_randomness_and_processor_come_from_outside() {
    assert_eq!(common::result_of(&[call(5), exit()]), common::KTIME);
    assert_eq!(
        common::result_of(&[call(7), exit()]),
        u64::from(common::PRANDOM)
    );
    assert_eq!(
        common::result_of(&[call(8), exit()]),
        u64::from(common::PROCESSOR)
    );
}

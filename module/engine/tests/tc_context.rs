// SPDX-License-Identifier: GPL-2.0

//! What a classifier sees of its frame beside the bytes, and what it can change of that.

mod common;

use common::asm::*;
use common::{
    classifier, classify, program, run, source_of, tc_context, tc_result_of, Always, PORT_ADDRESS,
};
use engine::errno;
use engine::exec::TcVerdict;
use engine::fault::FaultCause;
use engine::frame::{Frame, TcContext, VlanTag};
use engine::insn::Insn;
use engine::limits::Limits;
use engine::store::{ProgramKind, RegisterKind};

/// A frame to `destination` with what stands behind the addresses, 60 bytes long.
fn frame_to(destination: [u8; 6], behind: &[u8]) -> Vec<u8> {
    let mut frame = destination.to_vec();
    frame.extend([2, 0, 0, 0, 0, 2]);
    frame.extend(behind);
    frame.resize(60, 0x5a);
    frame
}

const IPV4: [u8; 2] = [0x08, 0x00];

/// What the stack finds out about `bytes`; the frame's bytes afterwards.
fn seen(bytes: &[u8]) -> (Option<TcContext>, Vec<u8>) {
    let mut buffer = [&[0; 16][..], bytes].concat();
    let end = buffer.len();
    let mut frame = Frame::writable(&mut buffer, 16, end).expect("a frame");
    let context = TcContext::of_frame(&mut frame, &PORT_ADDRESS, 11, 5);
    (context, frame.data().to_vec())
}

#[test]
fn the_destination_decides_on_the_packet_type() {
    for (destination, pkt_type) in [
        (PORT_ADDRESS, 0),
        ([0xff; 6], 1),
        ([0x33, 0x33, 0, 0, 0, 1], 2),
        ([1, 0, 0, 0, 0, 1], 2),
        ([2, 0, 0, 0, 0, 9], 3),
        ([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff], 3),
    ] {
        let bytes = frame_to(destination, &IPV4);
        let (context, left) = seen(&bytes);
        let context = context.expect("a context");
        let expected = TcContext {
            protocol: 0x0800,
            pkt_type,
            ifindex: 11,
            queue_mapping: 6,
            network_offset: 14,
            transport_offset: 14,
            wire_len: 46,
            ..TcContext::default()
        };
        assert_eq!(context, expected, "{destination:02x?}");
        assert_eq!(left, bytes);
        assert!(!TcContext::is_tagged(&bytes));
    }
}

#[test]
fn the_bytes_behind_the_addresses_decide_on_the_protocol() {
    let tag = |protocol, tci| Some(VlanTag { protocol, tci });
    for (behind, protocol, vlan) in [
        (&[0x86, 0xdd][..], 0x86dd, None),
        (&[0x06, 0x00], 0x0600, None),
        // A length: 802.2, or raw 802.3.
        (&[0x05, 0xff, 0xaa, 0xaa], 0x0004, None),
        (&[0x00, 0x2e, 0xff, 0xff], 0x0001, None),
        (&[0x00, 0x2e, 0xff, 0xfe], 0x0004, None),
        (&[0x81, 0, 0x60, 7, 8, 0], 0x0800, tag(0x8100, 0x6007)),
        (
            &[0x88, 0xa8, 0, 7, 0x81, 0, 0, 9, 8, 0],
            0x8100,
            tag(0x88a8, 7),
        ),
        (&[0x81, 0, 0, 0, 0, 46, 0xff, 0xff], 0x0001, tag(0x8100, 0)),
        (&[0x81, 0, 0, 0, 0, 46, 0xff, 0xfe], 0x0004, tag(0x8100, 0)),
        // Not a tag of those that the stack takes off.
        (&[0x91, 0, 0, 7, 8, 0], 0x9100, None),
    ] {
        let bytes = frame_to(PORT_ADDRESS, behind);
        let (context, left) = seen(&bytes);
        let context = context.expect("a context");
        assert_eq!(
            (context.protocol, context.vlan),
            (protocol, vlan),
            "{behind:02x?}"
        );
        assert_eq!(TcContext::is_tagged(&bytes), vlan.is_some());
        assert_eq!(context.network_offset, 14);
        if vlan.is_some() {
            assert_eq!(left, [&bytes[..12], &bytes[16..]].concat());
            assert_eq!((context.transport_offset, context.wire_len), (10, 42));
        } else {
            assert_eq!(left, bytes);
        }
    }
}

#[test]
fn frames_that_no_classifier_sees_stay_as_they_are() {
    let tagged = frame_to(PORT_ADDRESS, &[0x81, 0, 0, 7, 8, 0]);
    for len in 0..24 {
        let (context, left) = seen(&tagged[..len]);
        assert_eq!(context.is_some(), len >= 20, "{len} bytes");
        if context.is_none() {
            assert_eq!(left, tagged[..len]);
        }
        let (context, _) = seen(&frame_to(PORT_ADDRESS, &IPV4)[..len]);
        assert_eq!(context.is_some(), len >= 14, "{len} bytes");
    }
    // A tag can't leave a frame that may only be read.
    let mut frame = Frame::read_only(&tagged);
    assert_eq!(TcContext::of_frame(&mut frame, &PORT_ADDRESS, 11, 5), None);
    assert_eq!(frame.data(), tagged);
}

#[test]
fn a_tag_takes_metadata_along() {
    let tagged = frame_to(PORT_ADDRESS, &[0x81, 0, 0, 7, 8, 0]);
    let mut buffer = [&[0; 64][..], &[1, 2, 3, 4], &tagged].concat();
    let end = buffer.len();
    let mut frame = Frame::writable(&mut buffer, 68, end).expect("a frame");
    // bpf_xdp_adjust_meta takes the four bytes in front of the frame for its metadata.
    let code = [mov_imm(R2, -4), call(54), mov_imm(R0, 2), exit()];
    run(&program(&code, &[]), &mut frame).expect("no fault");
    assert_eq!(frame.metadata(), [1, 2, 3, 4]);
    tc_context(&mut frame);
    assert_eq!(frame.metadata(), [1, 2, 3, 4]);
    assert_eq!(frame.len(), 56);
}

/// The context and frame that the tables below are about.
fn example() -> (TcContext, Vec<u8>) {
    let context = TcContext {
        protocol: 0x86dd,
        pkt_type: 3,
        vlan: Some(VlanTag {
            protocol: 0x88a8,
            tci: 0x6123,
        }),
        ifindex: 0x0102_0304,
        queue_mapping: 0x0607,
        mark: 0x1112_1314,
        priority: 0x2122_2324,
        tc_index: 0x3132,
        tc_classid: 0x4142,
        returns_class: false,
        cb: [
            0x5051_5253,
            0x5455_5657,
            0x5859_5a5b,
            0x5c5d_5e5f,
            0x6061_6263,
        ],
        network_offset: 14,
        transport_offset: 10,
        wire_len: 0x0203,
        hash_invalid: false,
        redirect: None,
    };
    (context, frame_to(PORT_ADDRESS, &[0x86, 0xdd]))
}

/// What `load`, with the context in r1, puts into r0.
fn loaded(load: Insn) -> u64 {
    let (mut context, bytes) = example();
    tc_result_of(&[load, exit()], &mut Frame::read_only(&bytes), &mut context)
}

#[test]
fn fields_are_what_the_kernels_accesses_give() {
    // Offset, value, and how many bytes of `struct sk_buff` the value comes from: narrower accesses
    // give a part of the value, others all of it.
    for (offset, value, bytes) in [
        (0, 60_u64, 4),
        (4, 3, 1),
        (8, 0x1112_1314, 4),
        (12, 0x0607, 2),
        (16, 0xdd86, 2),
        (20, 1, 4),
        (24, 0x6123, 2),
        (28, 0xa888, 2),
        (32, 0x2122_2324, 4),
        (36, 0x0102_0304, 4),
        (40, 0x0102_0304, 4),
        (44, 0x3132, 2),
        (72, 0x4142, 2),
        (160, 0x0203, 4),
        (164, 0, 2),
        (176, 0, 2),
    ] {
        assert_eq!(loaded(ldx(W, R0, R1, offset)), value, "field {offset}");
        assert_eq!(loaded(ldsx(W, R0, R1, offset)), value, "field {offset}");
        for (size, count) in [(B, 1), (H, 2)] {
            for at in (0..4).step_by(count) {
                let part = if count < bytes {
                    value >> (8 * at) & ((1 << (8 * count)) - 1)
                } else {
                    value
                };
                let off = offset + at as i16;
                assert_eq!(
                    loaded(ldx(size, R0, R1, off)),
                    part,
                    "{count} bytes at {off}"
                );
                let signed = if count == 1 {
                    part as i8 as u64
                } else {
                    part as i16 as u64
                };
                assert_eq!(
                    loaded(ldsx(size, R0, R1, off)),
                    signed,
                    "{count} bytes at {off}"
                );
            }
        }
    }
}

#[test]
fn without_a_tag_there_is_none() {
    let (context, bytes) = example();
    for offset in [20, 24, 28] {
        let mut context = TcContext {
            vlan: None,
            ..context
        };
        let code = [ldx(W, R0, R1, offset), exit()];
        assert_eq!(
            tc_result_of(&code, &mut Frame::read_only(&bytes), &mut context),
            0
        );
    }
}

#[test]
fn scratch_space_is_bytes() {
    let bytes: Vec<u8> = example()
        .0
        .cb
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    for (size, count) in [(B, 1), (H, 2), (W, 4), (DW, 8)] {
        for at in (0..=20 - count).filter(|at| (48 + at) % count == 0) {
            let mut expected = [0; 8];
            expected[..count].copy_from_slice(&bytes[at..at + count]);
            let offset = 48 + at as i16;
            let expected = u64::from_le_bytes(expected);
            assert_eq!(
                loaded(ldx(size, R0, R1, offset)),
                expected,
                "{count} at {offset}"
            );

            let (mut context, frame) = example();
            let mut code = ld_imm64(R2, 0xf0e1_d2c3_b4a5_9687).to_vec();
            code.extend([stx(size, R1, offset, R2), mov_imm(R0, 0), exit()]);
            tc_result_of(&code, &mut Frame::read_only(&frame), &mut context);
            let left: Vec<u8> = context
                .cb
                .iter()
                .flat_map(|word| word.to_le_bytes())
                .collect();
            let mut expected = bytes.clone();
            let stored = 0xf0e1_d2c3_b4a5_9687_u64.to_le_bytes();
            expected[at..at + count].copy_from_slice(&stored[..count]);
            assert_eq!(left, expected, "{count} at {offset}");
        }
    }
}

/// The context after `code`, which has it in r1.
fn after(code: &[Insn]) -> TcContext {
    let (mut context, bytes) = example();
    let code = [code, &[mov_imm(R0, 0), exit()]].concat();
    tc_result_of(&code, &mut Frame::read_only(&bytes), &mut context);
    context
}

#[test]
fn stores_keep_as_much_as_the_kernels_field_holds() {
    let (before, _) = example();
    let store = |offset, value: u64| {
        let mut code = ld_imm64(R2, value).to_vec();
        code.push(stx(W, R1, offset, R2));
        after(&code)
    };
    let value = 0x7172_7374_7576_7778;
    assert_eq!(
        store(8, value),
        TcContext {
            mark: 0x7576_7778,
            ..before
        }
    );
    assert_eq!(
        store(32, value),
        TcContext {
            priority: 0x7576_7778,
            ..before
        }
    );
    assert_eq!(
        store(44, value),
        TcContext {
            tc_index: 0x7778,
            ..before
        }
    );
    assert_eq!(
        store(72, value),
        TcContext {
            tc_classid: 0x7778,
            ..before
        }
    );
    // What is no queue changes nothing; a register counts with all its bits.
    for (value, queue) in [
        (7, 7),
        (0xfffe, 0xfffe),
        (0xffff, 0x607),
        (value, 0x607),
        (1 << 32, 0x607),
    ] {
        assert_eq!(
            store(12, value),
            TcContext {
                queue_mapping: queue,
                ..before
            }
        );
    }
    assert_eq!(
        after(&[st(W, R1, 8, -2)]),
        TcContext {
            mark: 0xffff_fffe,
            ..before
        }
    );
    assert_eq!(
        after(&[st(W, R1, 12, 9)]),
        TcContext {
            queue_mapping: 9,
            ..before
        }
    );
    assert_eq!(after(&[st(W, R1, 12, 0xffff)]), before);
}

#[test]
fn what_the_context_does_not_allow_stops_the_program() {
    let loads = (0..192).filter_map(|offset| {
        let readable = matches!(offset, 0..=67 | 72..=83 | 140 | 160..=167 | 176..=179);
        (offset % 4 == 0 && !readable).then_some(ldx(W, R0, R1, offset))
    });
    let misplaced = [
        ldx(W, R0, R1, 2),
        ldx(H, R0, R1, 1),
        ldx(H, R0, R1, 76),
        ldx(DW, R0, R1, 8),
        ldx(DW, R0, R1, 64),
        ldx(DW, R0, R1, 152),
        ldx(W, R0, R1, -4),
        stx(H, R1, 8, R1),
        stx(DW, R1, 8, R1),
        stx(DW, R1, 64, R1),
        stx(W, R1, 0, R1),
        stx(W, R1, 16, R1),
        stx(W, R1, 76, R1),
        stx(W, R1, 152, R1),
    ];
    for access in loads.chain(misplaced) {
        let (mut context, mut bytes) = example();
        let end = bytes.len();
        let mut frame = Frame::writable(&mut bytes, 0, end).expect("a frame");
        let program = classifier(&[access, mov_imm(R0, 0), exit()], &[]);
        let fault = classify(&program, &mut frame, &mut context).expect_err("a fault");
        assert_eq!(
            (fault.cause, fault.insn),
            (FaultCause::Context, 0),
            "{access:?}"
        );
        assert_eq!(context, example().0);
    }
}

#[test]
fn the_frame_lies_between_data_and_data_end() {
    // The sum of the frame's bytes, in a loop over data pointers.
    let code = [
        mov_imm(R0, 0),
        ldx(W, R2, R1, 76),
        ldx(W, R3, R1, 80),
        ldx(W, R4, R1, 140),
        jmp_reg(JNE, R2, R4, 5),
        jmp_reg(JGE, R2, R3, 4),
        ldx(B, R5, R2, 0),
        alu_reg(ADD, R0, R5),
        alu_imm(ADD, R2, 1),
        jmp_reg(JLT, R2, R3, -4),
        exit(),
    ];
    let (mut context, bytes) = example();
    let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
    assert_eq!(
        tc_result_of(&code, &mut Frame::read_only(&bytes), &mut context),
        sum
    );
    let reader = classifier(&code, &[]);
    assert!(!reader.image().writes_frame());
    assert_eq!(reader.image().kind(), ProgramKind::SchedCls);
}

#[test]
fn fields_that_the_device_lacks_are_refused_by_name() {
    for (insn, text) in [
        (ldx(W, R0, R1, 68), "insn 0: __sk_buff.hash (offset 68): "),
        (ldx(B, R0, R1, 71), "insn 0: __sk_buff.hash (offset 71): "),
        (
            ldx(W, R0, R1, 84),
            "insn 0: __sk_buff.napi_id (offset 84): ",
        ),
        (
            ldx(DW, R0, R1, 152),
            "insn 0: __sk_buff.tstamp (offset 152): ",
        ),
        (
            stx(DW, R1, 152, R1),
            "insn 0: __sk_buff.tstamp (offset 152): ",
        ),
        (ldx(DW, R0, R1, 168), "insn 0: __sk_buff.sk (offset 168): "),
        (
            ldx(B, R0, R1, 180),
            "insn 0: __sk_buff.tstamp_type (offset 180): ",
        ),
        (
            ldx(DW, R0, R1, 184),
            "insn 0: __sk_buff.hwtstamp (offset 184): ",
        ),
        (
            st(W, R1, 12, -1),
            "insn 0: __sk_buff.queue_mapping (offset 12): ",
        ),
    ] {
        let code = [insn, mov_imm(R0, 0), exit()];
        let mut source = source_of(ProgramKind::SchedCls, &code, &Limits::default()).expect("room");
        let refusal = source
            .check_insn(0, &Always(RegisterKind::Ctx))
            .expect_err("a refusal");
        assert!(refusal.to_string().starts_with(text), "{refusal}");
        assert_eq!(refusal.errno(), errno::EOPNOTSUPP);
    }
    for insn in [
        ldx(W, R0, R1, 76),
        stx(W, R1, 8, R1),
        st(W, R1, 12, 1),
        ldx(DW, R0, R1, 48),
    ] {
        let code = [insn, mov_imm(R0, 0), exit()];
        let mut source = source_of(ProgramKind::SchedCls, &code, &Limits::default()).expect("room");
        source
            .check_insn(0, &Always(RegisterKind::Ctx))
            .expect("a field of the device");
    }
}

#[test]
fn every_number_is_a_verdict() {
    let (_, bytes) = example();
    for action in -2..12 {
        let (mut context, _) = example();
        let program = classifier(&[mov_imm(R0, action), exit()], &[]);
        let verdict = classify(&program, &mut Frame::read_only(&bytes), &mut context);
        let expected = match action {
            0 => TcVerdict::Ok,
            2 => TcVerdict::Shot,
            4 => TcVerdict::Stolen,
            7 => TcVerdict::Redirect,
            8 => TcVerdict::Trap,
            _ => TcVerdict::Unspec,
        };
        assert_eq!(verdict, Ok(expected));
    }
    // r0 is an int to the kernel.
    let code = [ld_imm64(R0, 2 | 1 << 32).to_vec(), vec![exit()]].concat();
    let (mut context, _) = example();
    let verdict = classify(
        &classifier(&code, &[]),
        &mut Frame::read_only(&bytes),
        &mut context,
    );
    assert_eq!(verdict, Ok(TcVerdict::Shot));
}

// SPDX-License-Identifier: GPL-2.0

//! `bpf_xdp_get_buff_len`, `bpf_xdp_load_bytes` and `bpf_xdp_store_bytes`.

mod common;

use common::asm::*;
use common::{core, map, program, run, TestServices, CONTEXT};
use engine::exec::XdpVerdict;
use engine::fault::FaultCause;
use engine::frame::Frame;
use engine::helper::Helper;
use engine::insn::Insn;
use engine::map::MapKind;

const EFAULT: u64 = -14_i64 as u64;
const EINVAL: u64 = -22_i64 as u64;

/// Byte `i` is `i`.
fn frame() -> Vec<u8> {
    (0..60).collect()
}

/// r0 after `code`, which has the context in r6, and the frame's bytes.
fn outcome(code: &[Insn]) -> (u64, Vec<u8>) {
    let result = map(MapKind::Array, 4, 8, 1);
    let mut bytes = frame();
    let mut frame = Frame::writable(&mut bytes, 0, 60).expect("a frame");
    let code = [&[mov_reg(R6, R1)], code, &common::hand_out_r0(0)].concat();
    let verdict = run(&program(&code, std::slice::from_ref(&result)), &mut frame);
    assert_eq!(verdict, Ok(XdpVerdict::Pass));
    (common::handed_out(&result), frame.data().to_vec())
}

/// Calls `helper` with eight bytes of the stack, `0xa1` and following.
fn call_with(helper: Helper, offset: u64, len: u64) -> Vec<Insn> {
    let mut code = ld_imm64(R2, 0xa8a7_a6a5_a4a3_a2a1).to_vec();
    code.extend([
        stx(DW, R10, -8, R2),
        mov_reg(R1, R6),
        mov_reg(R3, R10),
        alu_imm(ADD, R3, -8),
    ]);
    code.extend(ld_imm64(R2, offset));
    code.extend(ld_imm64(R4, len));
    code.push(call(helper as i32));
    code
}

#[test]
fn the_length_is_that_of_the_frame_as_it_is() {
    let len = [mov_reg(R1, R6), call(Helper::XdpGetBuffLen as i32)];
    assert_eq!(outcome(&len).0, 60);
    let shorter = [
        mov_reg(R1, R6),
        mov_imm(R2, -20),
        call(Helper::XdpAdjustTail as i32),
    ];
    assert_eq!(outcome(&[&shorter[..], &len].concat()).0, 40);
}

#[test]
fn bytes_are_copied_all_or_none() {
    for (offset, len, r0) in [
        (0, 8, 0),
        (20, 5, 0),
        (52, 8, 0),
        (59, 1, 0),
        // An offset is 32 bits.
        (1 << 32 | 20, 8, 0),
        (53, 8, EINVAL),
        (60, 1, EINVAL),
        (0xffff, 1, EINVAL),
        (0x1_0000, 1, EFAULT),
        (0, 0x1_0000, EFAULT),
        (u32::MAX.into(), 1, EFAULT),
    ] {
        let place = (offset as u32 as usize, len as usize);
        let (at, count) = if r0 == 0 { place } else { (0, 0) };
        let stored: [u8; 8] = core::array::from_fn(|i| 0xa1 + i as u8);

        let (result, bytes) = outcome(&call_with(Helper::XdpStoreBytes, offset, len));
        let mut expected = frame();
        expected[at..at + count].copy_from_slice(&stored[..count]);
        assert_eq!((result, bytes), (r0, expected), "{len} bytes to {offset}");

        let mut code = call_with(Helper::XdpLoadBytes, offset, len);
        assert_eq!(outcome(&code), (r0, frame()), "{len} bytes from {offset}");
        code.push(ldx(DW, R0, R10, -8));
        let mut expected = stored;
        expected[..count].copy_from_slice(&frame()[at..at + count]);
        let (loaded, _) = outcome(&code);
        assert_eq!(loaded.to_le_bytes(), expected, "{len} bytes from {offset}");
    }
}

#[test]
fn a_store_needs_a_frame_that_may_be_written() {
    let code = [
        &[mov_reg(R6, R1)],
        &call_with(Helper::XdpStoreBytes, 0, 8)[..],
        &[exit()],
    ];
    let storing = program(&code.concat(), &[]);
    assert!(storing.image().writes_frame());
    let data = frame();
    let fault = core()
        .run_xdp(
            &storing,
            &mut Frame::read_only(&data),
            &mut CONTEXT.clone(),
            &TestServices,
        )
        .expect_err("a fault");
    assert_eq!(fault.cause, FaultCause::FrameReadOnly);
    let code = [
        &[mov_reg(R6, R1)],
        &call_with(Helper::XdpLoadBytes, 0, 8)[..],
        &[exit()],
    ];
    assert!(!program(&code.concat(), &[]).image().writes_frame());
}

#[test]
fn the_first_argument_is_the_context() {
    for helper in [
        Helper::XdpGetBuffLen,
        Helper::XdpLoadBytes,
        Helper::XdpStoreBytes,
    ] {
        let data = frame();
        let code = [mov_imm(R1, 0), call(helper as i32), exit()];
        let fault = run(&program(&code, &[]), &mut Frame::read_only(&data));
        let cause = fault.map_err(|fault| fault.cause);
        assert_eq!(cause, Err(FaultCause::NotTheContext), "{helper}");
    }
}

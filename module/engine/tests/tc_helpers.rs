// SPDX-License-Identifier: GPL-2.0

//! The helpers of classifiers: results, bytes and context as the kernel's leave them.

mod common;

use common::asm::*;
use common::{
    classifier, classify, core, handed_out, map, program, tc_context, tc_result_of, HostMap,
    TestServices, CONTEXT, PORT_ADDRESS,
};
use engine::fault::FaultCause;
use engine::frame::{Frame, TcContext, VlanTag};
use engine::helper::Helper;
use engine::insn::Insn;
use engine::limits::MAX_SKB_LEN;
use engine::map::MapKind;
use engine::store::ProgramKind;
use proptest::collection::vec;
use proptest::prelude::*;

const ENOMEM: u64 = -12_i64 as u64;
const EFAULT: u64 = -14_i64 as u64;
const EINVAL: u64 = -22_i64 as u64;
const ENOTSUPP: u64 = -524_i64 as u64;

/// Room on both sides of the test's frames, which a helper has to move to use all of.
const ROOM: usize = MAX_SKB_LEN;

/// A frame of 60 bytes for the port, with what stands behind the addresses; byte `i` is `i` where
/// nothing else is said.
fn frame(behind: &[u8]) -> Vec<u8> {
    let mut frame: Vec<u8> = (0..60).collect();
    frame[..6].copy_from_slice(&PORT_ADDRESS);
    frame[12..12 + behind.len()].copy_from_slice(behind);
    frame
}

const IPV4: &[u8] = &[0x08, 0x00];
const IPV6: &[u8] = &[0x86, 0xdd];

/// What a call of a helper leaves.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Left {
    r0: u64,
    bytes: Vec<u8>,
    context: TcContext,
}

/// Calls helper `helper` with the context and `arguments`.
fn call_with(helper: Helper, arguments: &[u64]) -> Vec<Insn> {
    let mut code = vec![mov_reg(R1, R6)];
    for (register, argument) in (R2..).zip(arguments) {
        code.extend(ld_imm64(register, *argument));
    }
    code.push(call(helper as i32));
    code
}

/// Runs `code`, which leaves a number in r0, on the frame `bytes`.
fn run(bytes: &[u8], code: &[Insn]) -> Left {
    let mut buffer = vec![0xee; ROOM];
    let start = 100;
    buffer[start..start + bytes.len()].copy_from_slice(bytes);
    let mut frame = Frame::writable(&mut buffer, start, start + bytes.len()).expect("a frame");
    let mut context = tc_context(&mut frame);
    let code = [code, &[exit()]].concat();
    let r0 = tc_result_of(&code, &mut frame, &mut context);
    Left {
        r0,
        bytes: frame.data().to_vec(),
        context,
    }
}

/// One call of a helper on the frame `bytes`.
fn one(bytes: &[u8], helper: Helper, arguments: &[u64]) -> Left {
    run(bytes, &call_with(helper, arguments))
}

/// A call that must change nothing but r0.
#[track_caller]
fn only_result(bytes: &[u8], helper: Helper, arguments: &[u64], r0: u64) {
    let expected = Left {
        r0,
        ..run(bytes, &[mov_imm(R0, 0)])
    };
    assert_eq!(
        one(bytes, helper, arguments),
        expected,
        "{helper}{arguments:x?}"
    );
}

#[test]
fn helpers_are_for_the_types_of_programs_that_the_kernel_has_them_for() {
    let both = [1, 2, 3, 5, 7, 8, 23, 25, 28];
    let xdp = [44, 54, 65, 188, 189, 190];
    let tc = [9, 10, 11, 18, 19, 26, 31, 32, 38, 39, 41, 43, 68];
    for id in -1..300 {
        let for_xdp = both.contains(&id) || xdp.contains(&id);
        let for_tc = both.contains(&id) || tc.contains(&id);
        assert_eq!(
            Helper::for_kind(id, ProgramKind::Xdp).is_some(),
            for_xdp,
            "{id}"
        );
        assert_eq!(
            Helper::for_kind(id, ProgramKind::SchedCls).is_some(),
            for_tc,
            "{id}"
        );
        assert_eq!(Helper::from_id(id).is_some(), for_xdp || for_tc, "{id}");
    }
}

/// Loads `len` bytes to the stack, where all were ones, and hands out the last eight of 16 bytes.
fn load_bytes(helper: Helper, offset: u64, len: u64, start: Option<u64>) -> (u64, u64) {
    let mut code = vec![
        mov_reg(R1, R6),
        st(DW, R10, -16, -1),
        st(DW, R10, -8, -1),
        mov_reg(R3, R10),
        alu_imm(ADD, R3, -8),
    ];
    code.extend(ld_imm64(R2, offset));
    code.extend(ld_imm64(R4, len));
    code.extend(ld_imm64(R5, start.unwrap_or(0)));
    code.push(call(helper as i32));
    let result = run(&frame(IPV4), &code).r0;
    code.push(ldx(DW, R0, R10, -8));
    (result, run(&frame(IPV4), &code).r0)
}

#[test]
fn bytes_are_loaded_or_all_zero() {
    let number = |first: u8, len: usize| {
        let mut bytes = [0xff; 8];
        for (byte, value) in bytes.iter_mut().zip(first..).take(len) {
            *byte = value;
        }
        u64::from_le_bytes(bytes)
    };
    let zeros = |len: u32| u64::MAX.checked_shl(8 * len).unwrap_or(0);
    for (offset, len, expected) in [
        (20, 8, (0, number(20, 8))),
        (14, 3, (0, number(14, 3))),
        (59, 1, (0, number(59, 1))),
        (52, 8, (0, number(52, 8))),
        (53, 8, (EFAULT, 0)),
        (60, 1, (EFAULT, zeros(1))),
        (i32::MAX as u64, 4, (EFAULT, zeros(4))),
        (i32::MAX as u64 + 1, 4, (EFAULT, zeros(4))),
        (u32::MAX.into(), 4, (EFAULT, zeros(4))),
        // An offset is 32 bits.
        (20 | 1 << 32, 8, (0, number(20, 8))),
    ] {
        let found = load_bytes(Helper::SkbLoadBytes, offset, len, None);
        assert_eq!(found, expected, "{len} bytes at {offset}");
    }
    for (offset, len, start, expected) in [
        (20, 8, 0, (0, number(20, 8))),
        (6, 8, 1, (0, number(20, 8))),
        (45, 1, 1, (0, number(59, 1))),
        (46, 1, 1, (EFAULT, zeros(1))),
        (53, 8, 0, (EFAULT, 0)),
        (20, 8, 2, (EFAULT, 0)),
        (0x1_0000, 8, 0, (EFAULT, 0)),
        (0xffff, 8, 0, (EFAULT, 0)),
    ] {
        let found = load_bytes(Helper::SkbLoadBytesRelative, offset, len, Some(start));
        assert_eq!(
            found, expected,
            "{len} bytes at {offset} from header {start}"
        );
    }
}

/// The program `code` with one map, and what is in the map's first value afterwards.
fn with_map(code: &[Insn], value_size: u32) -> (HostMap, Result<(), FaultCause>) {
    let values = map(MapKind::Array, 4, value_size, 2);
    let mut bytes = frame(IPV4);
    let end = bytes.len();
    let mut frame = Frame::writable(&mut bytes, 0, end).expect("a frame");
    let mut context = tc_context(&mut frame);
    let code = [&[mov_reg(R6, R1)], code, &[mov_imm(R0, 0), exit()]].concat();
    let program = classifier(&code, std::slice::from_ref(&values));
    let result = classify(&program, &mut frame, &mut context);
    (values, result.map(|_| ()).map_err(|fault| fault.cause))
}

#[test]
fn bytes_are_loaded_to_the_value_of_a_map() {
    let mut code = common::map_and_key(0);
    code.extend([
        call(Helper::MapLookupElem as i32),
        mov_reg(R7, R0),
        mov_reg(R1, R6),
        mov_imm(R2, 20),
        mov_reg(R3, R7),
        alu_imm(ADD, R3, 3),
        mov_imm(R4, 18),
        call(Helper::SkbLoadBytes as i32),
    ]);
    let (values, result) = with_map(&code, 24);
    assert_eq!(result, Ok(()));
    let mut value = [0; 24];
    values.lookup(&[0; 4], &mut value).expect("element 0");
    let mut expected = [0; 24];
    for (byte, number) in expected[3..21].iter_mut().zip(20..) {
        *byte = number;
    }
    assert_eq!(value, expected);
}

#[test]
fn nothing_is_loaded_to_where_no_program_may_write() {
    let load_to = |register: &[Insn]| {
        let mut code = vec![mov_reg(R1, R6), mov_imm(R2, 0)];
        code.extend(register);
        code.extend([mov_imm(R4, 8), call(Helper::SkbLoadBytes as i32)]);
        with_map(&code, 8).1
    };
    for (register, cause) in [
        (vec![mov_reg(R3, R10)], FaultCause::Stack),
        (
            vec![mov_reg(R3, R10), alu_imm(ADD, R3, -517)],
            FaultCause::Stack,
        ),
        (vec![mov_reg(R3, R6)], FaultCause::NoRegion),
        (vec![ldx(W, R3, R6, 76)], FaultCause::NoRegion),
        (vec![mov_imm(R3, 0)], FaultCause::NoRegion),
    ] {
        // One function's stack ends where that of the next begins.
        let found = load_to(&register);
        if cause == FaultCause::Stack && register.len() == 1 {
            assert_eq!(found, Ok(()));
        } else {
            assert_eq!(found, Err(cause), "{register:?}");
        }
    }
    let mut beyond = common::map_and_key(1);
    beyond.extend([
        call(Helper::MapLookupElem as i32),
        mov_reg(R3, R0),
        alu_imm(ADD, R3, 1),
        mov_reg(R1, R6),
        mov_imm(R2, 0),
        mov_imm(R4, 8),
        call(Helper::SkbLoadBytes as i32),
    ]);
    assert_eq!(with_map(&beyond, 8).1, Err(FaultCause::MapValue));
}

/// Stores `len` bytes, `0xa1` and following, at `offset`.
fn store_bytes(offset: u64, len: u64, flags: u64) -> Left {
    let mut code = ld_imm64(R2, 0xa8a7_a6a5_a4a3_a2a1).to_vec();
    code.extend([
        stx(DW, R10, -16, R2),
        st(DW, R10, -8, 0xa9),
        mov_reg(R1, R6),
        mov_reg(R3, R10),
        alu_imm(ADD, R3, -16),
    ]);
    code.extend(ld_imm64(R2, offset));
    code.extend(ld_imm64(R4, len));
    code.extend(ld_imm64(R5, flags));
    code.push(call(Helper::SkbStoreBytes as i32));
    run(&frame(IPV4), &code)
}

#[test]
fn bytes_are_stored_all_or_none() {
    let before = run(&frame(IPV4), &[mov_imm(R0, 0)]);
    for (offset, len, flags, r0) in [
        (20, 9, 0, 0),
        (0, 8, 1, 0),
        (57, 3, 2, 0),
        (51, 9, 3, 0),
        (52, 9, 0, EFAULT),
        (60, 1, 0, EFAULT),
        (20, 9, 4, EINVAL),
        (20, 9, 1 << 32, EINVAL),
        (i32::MAX as u64 + 1, 9, 0, EFAULT),
        (u32::MAX.into(), 9, 0, EFAULT),
        (u32::MAX.into(), 9, 4, EINVAL),
    ] {
        let mut expected = Left {
            r0,
            ..before.clone()
        };
        if r0 == 0 {
            let place = offset as usize..(offset + len) as usize;
            for (byte, value) in expected.bytes[place].iter_mut().zip(0xa1..) {
                *byte = value;
            }
            expected.context.hash_invalid = flags & 2 != 0;
        }
        assert_eq!(
            store_bytes(offset, len, flags),
            expected,
            "{len} bytes at {offset}"
        );
    }
}

/// A frame whose bytes 24 and 25 are the checksum `sum`.
fn with_sum(sum: u16) -> Vec<u8> {
    let mut bytes = frame(IPV4);
    bytes[24..26].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// The checksum that a helper leaves.
fn sum_after(helper: Helper, sum: u16, from: u64, to: u64, flags: u64) -> u16 {
    let left = one(&with_sum(sum), helper, &[24, from, to, flags]);
    assert_eq!(left.r0, 0);
    let untouched = [&left.bytes[..24], &[0, 0], &left.bytes[26..]].concat();
    let before = with_sum(0);
    assert_eq!(untouched, before);
    u16::from_be_bytes([left.bytes[24], left.bytes[25]])
}

#[test]
fn checksums_have_the_kernels_zeros() {
    let l3 = |sum, from: u16, to: u16| {
        let [from, to] = [from, to].map(|field| u64::from(field.to_be()));
        sum_after(Helper::L3CsumReplace, sum, from, to, 2)
    };
    let l4 = |sum, from: u16, to: u16, flags: u64| {
        let [from, to] = [from, to].map(|field| u64::from(field.to_be()));
        sum_after(Helper::L4CsumReplace, sum, from, to, 2 | flags)
    };
    // RFC 1624, section 4: the sum that becomes 0 and not 0xffff.
    assert_eq!(l3(0xdd2f, 0x5555, 0x3285), 0x0000);
    assert_eq!(l4(0xdd2f, 0x5555, 0x3285, 0), 0x0000);
    assert_eq!(l4(0xdd2f, 0x5555, 0x3285, 0x20), 0xffff);
    assert_eq!(l3(0x1234, 0x0001, 0x0002), 0x1233);
    assert_eq!(l3(0x0000, 0x0001, 0x0002), 0xfffe);
    assert_eq!(l3(0xffff, 0x0001, 0x0002), 0xfffe);
    assert_eq!(l3(0xffff, 0, 0), 0x0000);
    assert_eq!(l3(0x0000, 0, 0), 0x0000);
    // No UDP checksum: left alone, unless told to.
    assert_eq!(l4(0x0000, 0x0001, 0x0002, 0x20), 0x0000);
    assert_eq!(l4(0x0000, 0x0001, 0x0002, 0x60), 0xfffe);
    assert_eq!(l4(0x0000, 0x0001, 0x0002, 0), 0xfffe);
    // Fields of two bytes have no more, whatever the registers have above.
    for helper in [Helper::L3CsumReplace, Helper::L4CsumReplace] {
        let high = 0x7777_7777_7777_0000;
        let found = sum_after(helper, 0x1234, high | 0x0100, high | 0x0200, 2);
        assert_eq!(found, 0x1233, "{helper}");
        let found = sum_after(helper, 0x1234, 7 << 32 | 0x0100, 9 << 32 | 0x0200, 4);
        assert_eq!(found, 0x1233, "{helper}");
        // A difference, as of bpf_csum_diff.
        assert_eq!(sum_after(helper, 0x1234, 0, 0x0100, 0), 0x1233, "{helper}");
    }
    for flags in [0x12, 0x82, 0x92] {
        assert_eq!(
            sum_after(Helper::L4CsumReplace, 0x1234, 0x0100, 0x0200, flags),
            0x1233
        );
    }
}

#[test]
fn checksum_helpers_refuse_what_the_kernels_do() {
    let bytes = frame(IPV4);
    for (helper, arguments, r0) in [
        (Helper::L3CsumReplace, [24, 1, 2, 0x10], EINVAL),
        (Helper::L3CsumReplace, [24, 1, 2, 1], EINVAL),
        (Helper::L3CsumReplace, [24, 1, 2, 3], EINVAL),
        (Helper::L3CsumReplace, [24, 1, 2, 8], EINVAL),
        (Helper::L3CsumReplace, [24, 1, 2, 0], EINVAL),
        (Helper::L3CsumReplace, [25, 1, 2, 2], EFAULT),
        (Helper::L3CsumReplace, [25, 1, 2, 0x12], EINVAL),
        (Helper::L3CsumReplace, [60, 1, 2, 2], EFAULT),
        (Helper::L3CsumReplace, [60, 1, 2, 3], EFAULT),
        (Helper::L3CsumReplace, [0x1_0000, 1, 2, 2], EFAULT),
        (Helper::L3CsumReplace, [0xffff_fffe, 1, 2, 2], EFAULT),
        (Helper::L4CsumReplace, [24, 1, 2, 0x100], EINVAL),
        (Helper::L4CsumReplace, [24, 1, 2, 1 << 32 | 2], EINVAL),
        (Helper::L4CsumReplace, [24, 1, 2, 5], EINVAL),
        (Helper::L4CsumReplace, [24, 1, 2, 0x30], EINVAL),
        (Helper::L4CsumReplace, [25, 1, 2, 2], EFAULT),
        (Helper::L4CsumReplace, [60, 1, 2, 2], EFAULT),
        (Helper::L4CsumReplace, [0x1_0000, 1, 2, 2], EFAULT),
    ] {
        only_result(&bytes, helper, &arguments, r0);
    }
    // No checksum is looked at before what else is wrong.
    let none = with_sum(0);
    only_result(&none, Helper::L4CsumReplace, &[24, 1, 2, 0x25], 0);
}

/// The Internet checksum of `bytes`.
fn internet_sum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

proptest! {
    /// A field changes, its checksum follows; what comes out must be what one computes anew.
    #[test]
    fn replaced_sums_are_sums_of_the_replaced(
        header in vec(any::<u8>(), 40),
        field in vec(any::<u8>(), 4),
        place in 0..10_usize,
        wide in any::<bool>(),
        l4 in any::<bool>(),
    ) {
        let size = if wide { 4 } else { 2 };
        let place = place * 4;
        let number = |bytes: &[u8]| {
            let mut all = [0; 8];
            all[..size].copy_from_slice(&bytes[..size]);
            u64::from_le_bytes(all)
        };
        let mut changed = header.clone();
        changed[place..place + size].copy_from_slice(&field[..size]);
        // Something is not zero, and so the sum has one form only.
        prop_assume!(header.iter().any(|byte| *byte != 0) && changed.iter().any(|byte| *byte != 0));
        let helper = if l4 { Helper::L4CsumReplace } else { Helper::L3CsumReplace };
        let (from, to) = (number(&header[place..]), number(&field));
        let sum = sum_after(helper, internet_sum(&header), from, to, size as u64);
        let expected = internet_sum(&changed);
        prop_assert!(sum == expected || (sum, expected) == (0xffff, 0));
    }
}

#[test]
fn pulling_data_needs_the_data() {
    let bytes = frame(IPV4);
    for (len, r0) in [
        (0, 0),
        (1, 0),
        (60, 0),
        (61, ENOMEM),
        (u32::MAX.into(), ENOMEM),
    ] {
        only_result(&bytes, Helper::SkbPullData, &[len], r0);
    }
    only_result(&bytes, Helper::SkbPullData, &[1 << 32], 0);
}

#[test]
fn the_tail_is_cut_or_grown() {
    let before = run(&frame(IPV4), &[mov_imm(R0, 0)]);
    for (len, flags, r0) in [
        (60, 0, 0),
        (14, 0, 0),
        (59, 0, 0),
        (61, 0, 0),
        (1_500, 0, 0),
        (MAX_SKB_LEN as u64, 0, 0),
        (13, 0, EINVAL),
        (0, 0, EINVAL),
        (MAX_SKB_LEN as u64 + 1, 0, EINVAL),
        (u32::MAX.into(), 0, EINVAL),
        (60, 1, EINVAL),
    ] {
        let mut expected = Left {
            r0,
            ..before.clone()
        };
        if r0 == 0 {
            expected.bytes.resize(len as usize, 0);
        }
        let left = one(&frame(IPV4), Helper::SkbChangeTail, &[len, flags]);
        assert!(
            left == expected,
            "{len}: {:?}, {}",
            left.r0,
            left.bytes.len()
        );
    }
    // What was cut off does not come back.
    let code = [
        call_with(Helper::SkbChangeTail, &[20, 0]),
        call_with(Helper::SkbChangeTail, &[60, 0]),
    ];
    let left = run(&frame(IPV4), &code.concat());
    assert_eq!(left.bytes, [&frame(IPV4)[..20], &[0; 40]].concat());
}

#[test]
fn the_head_grows() {
    let before = run(&frame(IPV4), &[mov_imm(R0, 0)]);
    for (more, flags, r0) in [
        (0, 0, 0),
        (1, 0, 0),
        (14, 0, 0),
        (1_000, 0, 0),
        (MAX_SKB_LEN as u64 - 60, 0, 0),
        (MAX_SKB_LEN as u64 - 59, 0, EINVAL),
        (i32::MAX as u64, 0, EINVAL),
        (1 << 31, 0, EINVAL),
        (u32::MAX.into(), 0, EINVAL),
        (14, 1, EINVAL),
    ] {
        let mut expected = Left {
            r0,
            ..before.clone()
        };
        if r0 == 0 {
            expected.bytes = [&vec![0; more as usize][..], &before.bytes].concat();
            expected.context.network_offset += more as u32;
            expected.context.transport_offset += more as i32;
        }
        let left = one(&frame(IPV4), Helper::SkbChangeHead, &[more, flags]);
        assert!(
            left == expected,
            "{more}: {:?}, {}",
            left.r0,
            left.bytes.len()
        );
    }
    // The header that was pushed is not cut off again.
    let code = [
        call_with(Helper::SkbChangeHead, &[8, 0]),
        call_with(Helper::SkbChangeTail, &[21, 0]),
    ];
    assert_eq!(run(&frame(IPV4), &code.concat()).r0, EINVAL);
}

#[test]
fn a_buffer_that_is_too_small_leaves_the_frame_as_it_was() {
    for (helper, arguments) in [
        (Helper::SkbChangeTail, [70, 0]),
        (Helper::SkbChangeHead, [10, 0]),
        (Helper::SkbChangeProto, [u64::from(0x86dd_u16.to_be()), 0]),
    ] {
        let bytes = frame(IPV4);
        let mut buffer = [&[0xee; 4][..], &bytes, &[0xee; 5]].concat();
        let mut frame = Frame::writable(&mut buffer, 4, 64).expect("a frame");
        let mut context = tc_context(&mut frame);
        let before = context;
        let code = [&call_with(helper, &arguments)[..], &[exit()]].concat();
        assert_eq!(
            tc_result_of(&code, &mut frame, &mut context),
            ENOMEM,
            "{helper}"
        );
        assert_eq!((frame.data(), context), (&bytes[..], before), "{helper}");
    }
}

#[test]
fn all_of_the_buffer_is_room() {
    // Nine bytes are free, four before the frame.
    for (helper, size) in [(Helper::SkbChangeTail, 69), (Helper::SkbChangeHead, 9)] {
        let bytes = frame(IPV4);
        let mut buffer = [&[0xee; 4][..], &bytes, &[0xee; 5]].concat();
        let mut frame = Frame::writable(&mut buffer, 4, 64).expect("a frame");
        let mut context = tc_context(&mut frame);
        let code = [&call_with(helper, &[size, 0])[..], &[exit()]].concat();
        assert_eq!(tc_result_of(&code, &mut frame, &mut context), 0, "{helper}");
        let zeros = [0; 9];
        let expected = if helper == Helper::SkbChangeHead {
            [&zeros[..], &bytes].concat()
        } else {
            [&bytes[..], &zeros].concat()
        };
        assert_eq!(frame.data(), expected, "{helper}");
    }
}

fn tag(protocol: u16, tci: u16) -> Option<VlanTag> {
    Some(VlanTag { protocol, tci })
}

#[test]
fn tags_are_pushed_outside_of_those_that_are_there() {
    let push = |protocol: u16, tci: u64| {
        call_with(Helper::SkbVlanPush, &[u64::from(protocol.to_be()), tci])
    };
    let before = run(&frame(IPV4), &[mov_imm(R0, 0)]);
    let with_tag = |protocol, tci| {
        let mut expected = before.clone();
        expected.context.vlan = tag(protocol, tci);
        expected
    };
    for (protocol, tci, expected) in [
        (0x8100, 7, with_tag(0x8100, 7)),
        (0x88a8, 0x6007, with_tag(0x88a8, 0x6007)),
        // What is no tag's protocol is the common one's.
        (0x0800, 7, with_tag(0x8100, 7)),
        (0, 7, with_tag(0x8100, 7)),
        (0x8100, 1 << 16 | 7, with_tag(0x8100, 7)),
    ] {
        assert_eq!(run(&frame(IPV4), &push(protocol, tci)), expected);
    }
    let twice = run(&frame(IPV4), &[push(0x8100, 7), push(0x88a8, 9)].concat());
    assert_eq!(twice.context.vlan, tag(0x88a8, 9));
    assert_eq!(twice.context.protocol, 0x8100);
    let offsets = (twice.context.network_offset, twice.context.transport_offset);
    assert_eq!(offsets, (14, 18));
    let bytes = frame(IPV4);
    assert_eq!(
        twice.bytes,
        [&bytes[..12], &[0x81, 0, 0, 7], &bytes[12..]].concat()
    );
    // A frame that came with a tag.
    let pushed = run(&frame(&[0x81, 0, 0, 7, 8, 0]), &push(0x88a8, 9));
    assert_eq!(pushed.bytes, frame(&[0x81, 0, 0, 7, 8, 0]));
    assert_eq!(
        (pushed.context.vlan, pushed.context.protocol),
        (tag(0x88a8, 9), 0x8100)
    );
}

#[test]
fn tags_are_popped_from_the_outside() {
    let pop = || call_with(Helper::SkbVlanPop, &[]);
    // No tag: nothing to do.
    only_result(&frame(IPV4), Helper::SkbVlanPop, &[], 0);
    let qinq = frame(&[0x88, 0xa8, 0, 7, 0x81, 0, 0, 9, 0x81, 0, 0, 11, 8, 0]);
    let once = run(&qinq, &pop());
    assert_eq!((once.r0, once.context.vlan), (0, tag(0x8100, 9)));
    assert_eq!(once.context.protocol, 0x8100);
    assert_eq!(once.bytes, [&qinq[..12], &qinq[20..]].concat());
    assert_eq!(
        (once.context.network_offset, once.context.transport_offset),
        (14, 6)
    );
    let all = run(&qinq, &[pop(), pop(), pop()].concat());
    assert_eq!(
        (all.r0, all.context.vlan, all.context.protocol),
        (0, None, 0x0800)
    );
    assert_eq!(all.bytes, [&qinq[..12], &qinq[24..]].concat());
    // Behind the transport header lies nothing to keep: the network header is the limit.
    let cut = [
        pop(),
        pop(),
        pop(),
        call_with(Helper::SkbChangeTail, &[13, 0]),
    ]
    .concat();
    assert_eq!(run(&qinq, &cut).r0, EINVAL);
    // What was pushed in front of a header is popped from there.
    let code = [call_with(Helper::SkbChangeHead, &[8, 0]), pop(), pop()].concat();
    let left = run(&frame(&[0x81, 0, 0, 7, 0x81, 0, 0, 9, 8, 0]), &code);
    assert_eq!(left.context.network_offset, 18);
    // Too short for a tag.
    let short = [call_with(Helper::SkbChangeTail, &[17, 0]), pop()].concat();
    let left = run(&frame(&[0x81, 0, 0, 7, 0x81, 0, 0, 9, 8, 0]), &short);
    assert_eq!((left.r0, left.context.vlan), (ENOMEM, None));
}

#[test]
fn the_ip_version_changes() {
    let change =
        |to: u16, flags| call_with(Helper::SkbChangeProto, &[u64::from(to.to_be()), flags]);
    let to_6 = run(&frame(IPV4), &change(0x86dd, 0));
    let bytes = frame(IPV4);
    assert_eq!((to_6.r0, to_6.context.protocol), (0, 0x86dd));
    assert!(to_6.context.hash_invalid);
    assert_eq!(
        (to_6.context.network_offset, to_6.context.transport_offset),
        (14, 14)
    );
    assert_eq!(to_6.bytes, [&bytes[..14], &[0; 20], &bytes[14..]].concat());
    let to_4 = run(&frame(IPV6), &change(0x0800, 0));
    let bytes = frame(IPV6);
    assert_eq!((to_4.r0, to_4.context.protocol), (0, 0x0800));
    assert_eq!(to_4.bytes, [&bytes[..14], &bytes[34..]].concat());
    // Behind a tag the transport header was found where the tag was.
    let tagged = run(&frame(&[0x81, 0, 0, 7, 8, 0]), &change(0x86dd, 0));
    assert_eq!(
        (
            tagged.context.network_offset,
            tagged.context.transport_offset
        ),
        (14, 30)
    );

    let bytes = frame(IPV4);
    let number = |protocol: u16| u64::from(protocol.to_be());
    only_result(&bytes, Helper::SkbChangeProto, &[number(0x86dd), 1], EINVAL);
    only_result(
        &bytes,
        Helper::SkbChangeProto,
        &[number(0x0800), 0],
        ENOTSUPP,
    );
    only_result(
        &bytes,
        Helper::SkbChangeProto,
        &[number(0x8100), 0],
        ENOTSUPP,
    );
    let cut = [
        call_with(Helper::SkbChangeTail, &[33, 0]),
        change(0x0800, 0),
    ]
    .concat();
    assert_eq!(run(&frame(IPV6), &cut).r0, ENOMEM);
}

#[test]
fn the_packet_type_changes() {
    let before = run(&frame(IPV4), &[mov_imm(R0, 0)]);
    for pkt_type in 0..4 {
        let mut expected = before.clone();
        expected.context.pkt_type = pkt_type;
        let left = one(&frame(IPV4), Helper::SkbChangeType, &[pkt_type.into()]);
        assert_eq!(left, expected);
    }
    for other in [4, 255, 256, u32::MAX.into()] {
        only_result(&frame(IPV4), Helper::SkbChangeType, &[other], EINVAL);
    }
}

#[test]
fn helpers_of_other_programs_and_wrong_contexts_stop_the_program() {
    for helper in Helper::ALL
        .iter()
        .filter(|helper| !helper.is_for(ProgramKind::Xdp))
    {
        let mut bytes = frame(IPV4);
        let mut frame = Frame::writable(&mut bytes, 0, 60).expect("a frame");
        let mut context = tc_context(&mut frame);
        let code = [mov_imm(R1, 0), call(*helper as i32), mov_imm(R0, 0), exit()];
        let fault = classify(&classifier(&code, &[]), &mut frame, &mut context);
        let cause = fault.map_err(|fault| fault.cause);
        assert_eq!(cause, Err(FaultCause::NotTheContext), "{helper}");
        // An image of a classifier run as an XDP program.
        let code = [call(*helper as i32), mov_imm(R0, 0), exit()];
        let fault = core().run_xdp(
            &classifier(&code, &[]),
            &mut frame,
            &mut CONTEXT.clone(),
            &TestServices,
        );
        let cause = fault.map_err(|fault| fault.cause);
        assert_eq!(cause, Err(FaultCause::InvalidOperation), "{helper}");
        // The driver lent a frame for reading, which the image said not to do.
        let program = classifier(&code, &[]);
        assert_eq!(program.image().writes_frame(), helper.writes_frame());
        assert_eq!(program.image().grows_frame(), helper.grows_frame());
        if helper.writes_frame() {
            let data = [0; 60];
            let fault = classify(&program, &mut Frame::read_only(&data), &mut context);
            let cause = fault.map_err(|fault| fault.cause);
            assert_eq!(cause, Err(FaultCause::FrameReadOnly), "{helper}");
        }
    }
    // And the other way round.
    for helper in [44, 54, 65] {
        let mut bytes = frame(IPV4);
        let mut frame = Frame::writable(&mut bytes, 0, 60).expect("a frame");
        let mut context = tc_context(&mut frame);
        let code = [mov_imm(R2, 0), call(helper), mov_imm(R0, 0), exit()];
        let fault = classify(&program(&code, &[]), &mut frame, &mut context);
        let cause = fault.map_err(|fault| fault.cause);
        assert_eq!(cause, Err(FaultCause::InvalidOperation), "{helper}");
    }
}

#[test]
fn what_both_types_of_programs_have_works_in_classifiers() {
    let bytes = frame(IPV4);
    let mut frame = Frame::read_only(&bytes);
    let mut context = tc_context(&mut frame);
    let mut result = |helper: i32| tc_result_of(&[call(helper), exit()], &mut frame, &mut context);
    assert_eq!(result(5), common::KTIME);
    assert_eq!(result(7), common::PRANDOM.into());
    assert_eq!(result(8), common::PROCESSOR.into());
    // bpf_map_update_elem puts what the program computed where the test finds it.
    let values = map(MapKind::Array, 4, 8, 1);
    let mut code = vec![mov_imm(R0, 77)];
    code.extend(common::hand_out_r0(0));
    let program = classifier(&code, std::slice::from_ref(&values));
    classify(&program, &mut frame, &mut context).expect("no fault");
    assert_eq!(handed_out(&values), 77);
}

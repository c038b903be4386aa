// SPDX-License-Identifier: GPL-2.0

//! `bpf_perf_event_output`: what samples hold, and which calls the device answers by itself.

mod common;

use std::cell::RefCell;
use std::sync::Arc;

use common::asm::*;
use common::{core, hand_out_r0, handed_out, map, map_and_key, program, HostMap, CONTEXT};
use engine::errno;
use engine::exec::{Sample, Services, XdpVerdict};
use engine::fault::FaultCause;
use engine::frame::Frame;
use engine::insn::Insn;
use engine::map::{Map, MapKind, BPF_ANY};
use engine::memory::HostMemory;
use proptest::prelude::*;

const OUTPUT: i32 = 25;
const CURRENT_CPU: u64 = 0xffff_ffff;

/// The program's map table: values to send, results, and where samples go.
const VALUES: i32 = 0;
const RESULT: i32 = 1;
const EVENTS: i32 = 2;
const VALUE: usize = 100;
const STACK: usize = 64;

/// A sample as user space gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Received {
    map: u16,
    flags: u64,
    bytes: Vec<u8>,
}

/// User space, reading `piece` bytes at a time.
struct UserSpace {
    piece: usize,
    answer: i64,
    received: RefCell<Vec<Received>>,
}

impl Services for UserSpace {
    fn ktime_get_ns(&self) -> u64 {
        0
    }

    fn prandom_u32(&self) -> u32 {
        0
    }

    fn processor_id(&self) -> u32 {
        0
    }

    fn event_output(&self, map: u16, flags: u64, sample: &Sample<'_>) -> i64 {
        let mut bytes = vec![0; sample.len()];
        for (number, piece) in bytes.chunks_mut(self.piece).enumerate() {
            sample.read(number * self.piece, piece);
        }
        // What lies behind the end is left alone.
        let mut beyond = [0xa5; 9];
        sample.read(bytes.len(), &mut beyond);
        assert_eq!(beyond, [0xa5; 9]);
        assert_eq!(sample.is_empty(), bytes.is_empty());
        let received = Received { map, flags, bytes };
        self.received.borrow_mut().push(received);
        self.answer
    }
}

fn numbers(start: u8, len: usize) -> Vec<u8> {
    (0..len).map(|i| start.wrapping_add(i as u8)).collect()
}

/// Calls the helper with the data that r4 points to and the context that r6 holds.
fn output(flags: u64, size: u64) -> Vec<Insn> {
    let mut code = ld_map(R2, EVENTS).to_vec();
    code.extend(ld_imm64(R3, flags));
    code.extend(ld_imm64(R5, size));
    code.extend([mov_reg(R1, R6), call(OUTPUT)]);
    code
}

/// Leaves the address of `VALUE` bytes, counted up from 128, in r4.
fn value_pointer() -> Vec<Insn> {
    let mut code = map_and_key(0);
    code.extend([call(1), mov_reg(R4, R0)]);
    code
}

/// Leaves the address of `STACK` bytes, counted up from 64, in r4.
fn stack_pointer() -> Vec<Insn> {
    let at = -(STACK as i16) - 16;
    let store = |i: i16| st(B, R10, at + i, i32::from(i) + 64);
    let mut code: Vec<_> = (0..STACK as i16).map(store).collect();
    code.extend([mov_reg(R4, R10), alu_imm(ADD, R4, at.into())]);
    code
}

/// Runs a program that calls the helper, on a frame counted up from 0; what it returned, and what
/// came out.
fn run(
    user: &UserSpace,
    frame: usize,
    pointer: Vec<Insn>,
    call: Vec<Insn>,
) -> Result<i64, FaultCause> {
    let values = map(MapKind::Array, 4, VALUE as u32, 1);
    let value = numbers(128, VALUE);
    values.update(&[0; 4], &value, BPF_ANY).expect("element 0");
    let result = map(MapKind::Array, 4, 8, 1);
    let events: HostMap = Arc::new(Map::event_array(&HostMemory).expect("memory"));

    let mut code = vec![mov_reg(R6, R1)];
    code.extend(pointer);
    code.extend(call);
    code.extend(hand_out_r0(RESULT));
    let program = program(&code, &[values, result.clone(), events]);
    let data = numbers(0, frame);
    let verdict = core()
        .run_xdp(
            &program,
            &mut Frame::read_only(&data),
            &mut CONTEXT.clone(),
            user,
        )
        .map_err(|fault| fault.cause)?;
    assert_eq!(verdict, XdpVerdict::Pass);
    Ok(handed_out(&result) as i64)
}

fn user(piece: usize, answer: i64) -> UserSpace {
    UserSpace {
        piece,
        answer,
        received: RefCell::new(Vec::new()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sample_is_data_with_frame_bytes_behind(
        in_map in any::<bool>(),
        size in 0..=STACK,
        offset in 0..20_usize,
        frame in 14..400_usize,
        taken in 0..400_usize,
        index in prop_oneof![Just(CURRENT_CPU), 0..9_u64],
        piece in 1..60_usize,
        answer in prop_oneof![Just(0_i64), Just(-2), Just(-7)],
    ) {
        let taken = taken.min(frame);
        let (mut pointer, expected) = if in_map {
            (value_pointer(), numbers(128, VALUE)[offset..offset + size].to_vec())
        } else {
            let end = (offset + size).min(STACK);
            (stack_pointer(), numbers(64, STACK)[offset..end.max(offset)].to_vec())
        };
        pointer.push(alu_imm(ADD, R4, offset as i32));
        let size = expected.len() as u64;
        let flags = index | (taken as u64) << 32;
        let user = user(piece, answer);
        prop_assert_eq!(run(&user, frame, pointer, output(flags, size)), Ok(answer));
        let bytes = [expected, numbers(0, taken)].concat();
        let expected = Received { map: EVENTS as u16, flags, bytes };
        prop_assert_eq!(user.received.into_inner(), vec![expected]);
    }
}

#[test]
fn what_the_kernel_refuses_never_leaves_the_device() {
    for (frame, flags, error) in [
        (60, 61 << 32, errno::EFAULT),
        (60, CURRENT_CPU | 0xf_ffff << 32, errno::EFAULT),
        (60, 1 << 52, errno::EINVAL),
        (60, u64::MAX, errno::EINVAL),
        // Both mistakes at once: the flags come first.
        (60, 1 << 63 | 61 << 32, errno::EINVAL),
    ] {
        let user = user(8, 0);
        let returned = run(&user, frame, stack_pointer(), output(flags, 8));
        assert_eq!(returned, Ok(-i64::from(error)), "flags {flags:#x}");
        assert!(user.received.into_inner().is_empty());
    }
}

#[test]
fn wrong_arguments_stop_the_program() {
    let outcome = |pointer, call| run(&user(8, 0), 60, pointer, call);
    let too_far = outcome(value_pointer(), output(CURRENT_CPU, VALUE as u64 + 8));
    assert_eq!(too_far, Err(FaultCause::MapValue));
    let too_far = outcome(stack_pointer(), output(CURRENT_CPU, 1 << 20));
    assert_eq!(too_far, Err(FaultCause::Stack));

    let mut elsewhere = ld_map(R2, VALUES).to_vec();
    elsewhere.extend(output(CURRENT_CPU, 8).split_off(2));
    assert_eq!(
        outcome(stack_pointer(), elsewhere),
        Err(FaultCause::NotAMap)
    );
    let mut no_context = output(CURRENT_CPU, 8);
    let at = no_context.len() - 2;
    no_context[at] = mov_reg(R1, R10);
    assert_eq!(
        outcome(stack_pointer(), no_context),
        Err(FaultCause::NotTheContext)
    );
}

#[test]
fn an_event_array_has_no_elements() {
    let events: HostMap = Arc::new(Map::event_array(&HostMemory).expect("memory"));
    assert!(events.lookup(&[], &mut []).is_err());
    assert!(events.update(&[], &[], BPF_ANY).is_err());
    assert!(events.delete(&[]).is_err());
    assert!(events.get_next_key(None, &mut []).is_err());
    for helper in [1, 2, 3] {
        let mut code = map_and_key(0);
        code.extend([mov_reg(R3, R2), mov_imm(R4, 0), call(helper)]);
        code.extend([mov_imm(R0, 2), exit()]);
        let data = [0; 60];
        let verdict = common::run(
            &program(&code, std::slice::from_ref(&events)),
            &mut Frame::read_only(&data),
        );
        assert_eq!(verdict, Ok(XdpVerdict::Pass), "helper {helper}");
    }
}

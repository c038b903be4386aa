// SPDX-License-Identifier: GPL-2.0

//! `bpf_csum_diff` against a model that knows nothing of carries: exact sums and remainders.

mod common;

use common::asm::*;
use common::{hand_out_r0, handed_out, map, program, result_of, run, HostMap};
use engine::exec::XdpVerdict;
use engine::fault::FaultCause;
use engine::frame::Frame;
use engine::insn::Insn;
use engine::map::{MapKind, BPF_ANY};
use proptest::collection::vec;
use proptest::prelude::*;

const CSUM_DIFF: i32 = 28;

/// The longest piece that the stack has room for beside the key.
const LONGEST: usize = 240;

/// The number below `modulus` that `x` leaves, with `modulus` itself for a multiple that is not 0:
/// what is left of a sum in ones' complement.
fn reduced(x: u128, modulus: u128) -> u128 {
    match x {
        0 => 0,
        _ => (x - 1) % modulus + 1,
    }
}

fn word_sum(bytes: &[u8]) -> u128 {
    bytes
        .chunks(4)
        .map(|word| {
            let mut padded = [0; 4];
            padded[..word.len()].copy_from_slice(word);
            u128::from(u32::from_le_bytes(padded))
        })
        .sum()
}

fn model(from: &[u8], to: &[u8], seed: u32) -> u64 {
    const MAX: u128 = u32::MAX as u128;
    let seed = u128::from(seed);
    let sum = |bytes, start| reduced(word_sum(bytes) + start, MAX);
    let result = match (from.is_empty(), to.is_empty()) {
        (true, true) => seed,
        (true, false) => sum(to, seed),
        (false, true) => MAX - sum(from, MAX - seed),
        (false, false) => reduced(sum(to, seed) + MAX - sum(from, 0), MAX),
    };
    reduced(result, u16::MAX.into()) as u64
}

/// Where the bytes that a helper reads lie.
#[derive(Clone, Copy, Debug)]
enum Place {
    Frame,
    Stack,
    MapValue,
}

/// Everything that a run needs beside its instructions.
struct Bench {
    frame: Vec<u8>,
    values: HostMap,
    result: HostMap,
}

impl Bench {
    fn new() -> Self {
        Self {
            frame: Vec::new(),
            values: map(MapKind::Array, 4, LONGEST as u32, 2),
            result: map(MapKind::Array, 4, 8, 1),
        }
    }

    /// Puts `bytes` to `place`, as piece `which`, and gives the code that leaves their address in
    /// `register`. The code needs the context in r6.
    fn place(&mut self, place: Place, which: u8, bytes: &[u8], register: u8) -> Vec<Insn> {
        match place {
            Place::Frame => {
                let at = self.frame.len() as i32;
                self.frame.extend_from_slice(bytes);
                vec![ldx(W, register, R6, 0), alu_imm(ADD, register, at)]
            }
            Place::Stack => {
                let at = -8 - (i32::from(which) + 1) * LONGEST as i32;
                let store =
                    |(i, byte): (usize, &u8)| st(B, R10, at as i16 + i as i16, i32::from(*byte));
                let mut code: Vec<_> = bytes.iter().enumerate().map(store).collect();
                code.extend([mov_reg(register, R10), alu_imm(ADD, register, at)]);
                code
            }
            Place::MapValue => {
                let mut value = bytes.to_vec();
                value.resize(LONGEST, 0x5a);
                let key = u32::from(which).to_le_bytes();
                self.values.update(&key, &value, BPF_ANY).expect("room");
                let mut code = common::map_and_key(which.into());
                code.extend([call(1), mov_reg(register, R0)]);
                code
            }
        }
    }

    /// Runs the helper; the two pieces are in r7 and r8.
    fn run(&mut self, pieces: Vec<Insn>, sizes: [u64; 2], seed: u64) -> Result<u64, FaultCause> {
        let mut code = vec![mov_reg(R6, R1)];
        code.extend(pieces);
        code.push(mov_reg(R1, R7));
        code.extend(ld_imm64(R2, sizes[0]));
        code.push(mov_reg(R3, R8));
        code.extend(ld_imm64(R4, sizes[1]));
        code.extend(ld_imm64(R5, seed));
        code.push(call(CSUM_DIFF));
        code.extend(hand_out_r0(1));
        let program = program(&code, &[self.values.clone(), self.result.clone()]);
        let verdict = run(&program, &mut Frame::read_only(&self.frame));
        assert_eq!(verdict.map_err(|fault| fault.cause)?, XdpVerdict::Pass);
        Ok(handed_out(&self.result))
    }
}

fn any_place() -> impl Strategy<Value = Place> {
    prop_oneof![
        Just(Place::Frame),
        Just(Place::Stack),
        Just(Place::MapValue)
    ]
}

/// Bytes of any length; often nothing but zeros or ones, where the two zeros of ones' complement
/// show.
fn any_piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..LONGEST),
        vec(Just(0), 0..20),
        vec(Just(0xff), 0..20),
        vec(prop_oneof![Just(0), Just(0xff)], 0..20),
    ]
}

fn any_seed() -> impl Strategy<Value = u32> {
    prop_oneof![
        any::<u32>(),
        Just(0),
        Just(u32::MAX),
        Just(0xffff),
        Just(0xffff_0000)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn is_what_the_model_says(
        from in any_piece(),
        to in any_piece(),
        places in (any_place(), any_place()),
        seed in any_seed(),
        // The kernel's helper takes sizes and seed as 32 bits.
        beyond in prop_oneof![Just(0_u64), any::<u64>()],
        odd in 0..3_usize,
    ) {
        let mut bench = Bench::new();
        // So that pieces lie at odd addresses too.
        bench.frame.resize(odd, 0xa5);
        let mut code = bench.place(places.0, 0, &from, R7);
        code.extend(bench.place(places.1, 1, &to, R8));
        bench.frame.resize(bench.frame.len().max(60), 0);
        let high = beyond & !u64::from(u32::MAX);
        let sizes = [from.len() as u64 | high, to.len() as u64 | high];
        let found = bench.run(code, sizes, u64::from(seed) | high);
        prop_assert_eq!(found, Ok(model(&from, &to, seed)));
    }
}

#[test]
fn nothing_to_read_needs_no_pointer() {
    for (seed, folded) in [
        (0, 0),
        (1, 1),
        (0xffff, 0xffff),
        (0x1_0000, 1),
        (0xffff_ffff, 0xffff),
        (0x1234_abcd, 0xbe01),
    ] {
        let mut code = vec![
            mov_imm(R1, 0),
            mov_imm(R2, 0),
            mov_imm(R3, 0),
            mov_imm(R4, 0),
        ];
        code.extend(ld_imm64(R5, seed));
        code.extend([call(CSUM_DIFF), exit()]);
        assert_eq!(result_of(&code), folded, "seed {seed:#x}");
    }
}

#[test]
fn a_piece_that_leaves_its_region_stops_the_program() {
    for (place, cause) in [
        (Place::Frame, FaultCause::Frame),
        (Place::Stack, FaultCause::Stack),
        (Place::MapValue, FaultCause::MapValue),
    ] {
        for sizes in [[0, 1 << 20], [1 << 20, 0], [4, u64::from(u32::MAX)]] {
            let mut bench = Bench::new();
            let mut code = bench.place(place, 0, &[1; 60], R7);
            code.extend(bench.place(place, 1, &[2; 60], R8));
            assert_eq!(bench.run(code, sizes, 0), Err(cause), "{place:?} {sizes:?}");
        }
    }
    let nowhere = vec![mov_imm(R7, 0), mov_imm(R8, 0)];
    let found = Bench::new().run(nowhere, [0, 4], 0);
    assert_eq!(found, Err(FaultCause::NoRegion));
}

// SPDX-License-Identifier: GPL-2.0

//! Random programs: refused, or the same whatever the verifier's hints, and no panic. Whether what
//! they compute is right is for `engine_peers` to say.

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use engine::exec::Program;
use engine::helper::Helper;
use engine::image::{Image, FORMAT};
use engine::insn::{class, Insn};
use engine::map::MapKind;
use engine::memory::HostMemory;
use engine::op::{Code, Op};
use engine::store::ProgramKind;
use fuzz::common::asm::*;
use fuzz::common::{map, translate_of};
use fuzz::{checksum, run_anything, small_limits};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;

/// Any instruction, most often one that exists, with operands that are small enough to mean
/// something.
fn any_insn() -> impl Strategy<Value = Insn> {
    let plausible = (any::<u8>(), 0..=10_u8, 0..=10_u8, -20..20_i16, -20..100_i32)
        .prop_map(|(code, dst, src, off, imm)| Insn::new(code, dst, src, off, imm));
    let alu = (any::<u8>(), 0..=9_u8, 0..=10_u8, -5..100_i32).prop_map(|(code, dst, src, imm)| {
        let class = if code & 1 == 0 {
            class::ALU
        } else {
            class::ALU64
        };
        Insn::new(code & 0xf8 | class, dst, src, 0, imm)
    });
    let call = select(Helper::ALL).prop_map(|helper| call(helper as i32));
    let local = (-6..6_i32).prop_map(call_local);
    let context = (0..=9_u8, select(vec![0, 4, 8, 12, 16, 20, 76, 80, 140]))
        .prop_map(|(dst, off)| ldx(W, dst, R6, off));
    let packet_load = (
        select(vec![0x20_u8, 0x40]),
        select(vec![B, H, W]),
        0..=9_u8,
        -9..70_i32,
    )
        .prop_map(|(mode, size, src, imm)| {
            let src = if mode == 0x20 { 0 } else { src };
            Insn::new(class::LD | mode | size, 0, src, 0, imm)
        });
    let access =
        (0..=10_u8, 0..=9_u8, -16..16_i16, any::<u8>()).prop_map(|(base, other, off, code)| {
            let class = [class::LDX, class::ST, class::STX][usize::from(code % 3)];
            let mode = [0x60, 0x80, 0xc0, 0x60][usize::from(code >> 6)];
            let (dst, src) = if class == class::LDX {
                (other, base)
            } else {
                (base, other)
            };
            Insn::new(
                class | mode | code & 0x18,
                dst,
                src,
                off,
                [0, 1, 0xe1, 0xf1, 0x100, 0x110][usize::from(code % 6)],
            )
        });
    let jump = (any::<u8>(), 0..=10_u8, 0..=10_u8, -6..10_i16, -5..100_i32).prop_map(
        |(code, dst, src, off, imm)| {
            let class = if code & 1 == 0 {
                class::JMP
            } else {
                class::JMP32
            };
            Insn::new(code & 0xf8 | class, dst, src, off, imm)
        },
    );
    prop_oneof![
        1 => plausible,
        1 => any::<[u8; 8]>().prop_map(Insn::from_le_bytes),
        4 => alu,
        2 => call,
        1 => local,
        2 => context,
        1 => packet_load,
        5 => access,
        4 => jump,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_program_is_refused_or_runs_to_an_end_and_hints_change_nothing(
        body in vec(any_insn(), 1..40),
        is_classifier in any::<bool>(),
    ) {
        let mut code = vec![mov_reg(R6, R1), mov_reg(R7, R10), ldx(W, R8, R1, 0), mov_imm(R2, 4)];
        code.extend(ld_map(R1, 0));
        code.extend(body);
        code.extend([mov_imm(R0, 2), exit()]);
        let mut bytes: Vec<u8> = code.iter().flat_map(|insn| insn.to_le_bytes()).collect();
        bytes.extend(is_classifier.then_some(0));
        fuzz::program(&bytes);
    }

    #[test]
    fn any_bytes_are_no_image_or_a_safe_one(
        ops in vec((0..=255_u8, 0..16_u8, 0..16_u8, 0..16_u8, 0..12_u32, any::<u64>()), 0..12),
        flags in any::<u8>(),
        noise in vec(any::<u8>(), 0..200),
    ) {
        prop_assert!(Image::decode(&HostMemory, &noise).is_err());
        // A well-formed image of any operations.
        let mut bytes = b"ONIC".to_vec();
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend([64, 0, 0, 1, 0, 0]);
        bytes.extend((ops.len() as u32).to_le_bytes());
        bytes.extend([1, 0, flags, 0]);
        bytes.resize(64, 0);
        for (code, dst, a, b, extra, imm) in &ops {
            bytes.extend([*code % Code::ALL.len() as u8, *dst, *a, *b]);
            bytes.extend(extra.to_le_bytes());
            let imm = if imm & 1 == 0 { imm % 70 } else { *imm };
            bytes.extend(imm.to_le_bytes());
        }
        bytes.extend(vec![0; 4 * ops.len()]);
        let crc = checksum(&bytes).expect("a header");
        bytes[60..64].copy_from_slice(&crc.to_le_bytes());
        if let Ok(image) = Image::decode(&HostMemory, &bytes) {
            prop_assert_eq!(image.ops().len() * Op::BYTES, 16 * ops.len());
            let map = map(MapKind::Array, 4, 8, 2);
            let program = Program::new(image, vec![map.clone()]);
            let _ = run_anything(&program, &map);
        }
    }
}

#[test]
fn the_generator_makes_programs_that_pass() {
    // Otherwise the property above would hold for want of programs.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = vec(any_insn(), 1..10);
    for kind in [ProgramKind::Xdp, ProgramKind::SchedCls] {
        let passing = (0..500).filter(|_| {
            let body = strategy.new_tree(&mut runner).expect("a program").current();
            let code = [&body[..], &[mov_imm(R0, 2), exit()]].concat();
            translate_of(kind, &code, None, &small_limits()).is_ok()
        });
        assert!(passing.count() > 50, "{kind:?}");
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Random programs: refused, or the same whatever the verifier's hints, and no panic. Whether what
//! they compute is right is for `engine_peers` to say.

mod common;

use common::asm::*;
use common::{map, source, translate_with, Always, HostMap, HostProgram, TestServices, CONTEXT};
use engine::exec::{Core, Program};
use engine::frame::Frame;
use engine::image::Image;
use engine::insn::{class, Insn};
use engine::limits::Limits;
use engine::map::MapKind;
use engine::memory::HostMemory;
use engine::op::Op;
use engine::store::RegisterKind;
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
    let call = select(vec![1, 2, 3, 5, 7, 8, 44, 54, 65]).prop_map(call);
    let local = (-6..6_i32).prop_map(call_local);
    let context =
        (0..=9_u8, select(vec![0, 4, 8, 12, 16, 20])).prop_map(|(dst, off)| ldx(W, dst, R1, off));
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
        5 => access,
        4 => jump,
    ]
}

fn small_limits() -> Limits {
    Limits {
        insn_budget: 2_000,
        ..Limits::default()
    }
}

/// Everything that can be seen of a run: verdict or fault, frame, metadata, queue, map.
type Seen = (Result<u8, (u8, u32)>, Vec<u8>, Vec<u8>, u32, Vec<u8>);

fn run_anything(program: &HostProgram, map: &HostMap) -> Seen {
    let mut core = Core::new(&HostMemory, &small_limits()).expect("memory for a core");
    let mut context = CONTEXT;
    let mut buffer: Vec<u8> = (0..200).collect();
    let mut frame = Frame::writable(&mut buffer, 100, 160).expect("a frame");
    let verdict = core.run_xdp(program, &mut frame, &mut context, &TestServices);
    let verdict = verdict
        .map(|verdict| verdict as u8)
        .map_err(|fault| (fault.cause as u8, fault.insn));
    let mut value = vec![0; 8];
    let _ = map.lookup(&[0; 4], &mut value);
    (
        verdict,
        frame.data().to_vec(),
        frame.metadata().to_vec(),
        context.rx_queue_index,
        value,
    )
}

/// The checksum that an image carries, bit by bit.
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg())
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_program_is_refused_or_runs_to_an_end_and_hints_change_nothing(body in vec(any_insn(), 1..40)) {
        let mut code = vec![mov_reg(R6, R1), mov_reg(R7, R10), ldx(W, R8, R1, 0), mov_imm(R2, 4)];
        code.extend(ld_map(R1, 0));
        code.extend(body);
        code.extend([mov_imm(R0, 2), exit()]);
        // What the verifier says about the program must not matter either, nor cutting out
        // instructions.
        let mut stored = source(&code, &small_limits()).ok();
        if let Some(stored) = &mut stored {
            for idx in 0..code.len() {
                let _ = stored.check_insn(idx, &Always(RegisterKind::Packet));
            }
            let _ = stored.finalize();
            let _ = stored.remove_insns(code.len() / 2, 3);
            let _ = stored.replace_insn(code.len() / 3, ja(1));
            let _ = common::image_of(stored, &small_limits()).map(|image| image.to_string());
        }
        let mut seen: Option<Seen> = None;
        for hint in [None, Some(RegisterKind::Packet), Some(RegisterKind::Stack), Some(RegisterKind::MapValue), Some(RegisterKind::Ctx)] {
            let Ok(image) = translate_with(&code, hint, &small_limits()) else {
                continue;
            };
            let map = map(MapKind::Hash, 4, 8, 2);
            let program = Program::new(image, vec![map.clone()]);
            let now = run_anything(&program, &map);
            if let Some(before) = &seen {
                prop_assert_eq!(before, &now, "hint {:?}", hint);
            }
            seen = Some(now);
        }
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
        bytes.extend([1, 0, 64, 0, 0, 1, 0, 0]);
        bytes.extend((ops.len() as u32).to_le_bytes());
        bytes.extend([1, 0, flags, 0]);
        bytes.resize(64, 0);
        for (code, dst, a, b, extra, imm) in &ops {
            bytes.extend([*code % 200, *dst, *a, *b]);
            bytes.extend(extra.to_le_bytes());
            let imm = if imm & 1 == 0 { imm % 70 } else { *imm };
            bytes.extend(imm.to_le_bytes());
        }
        bytes.extend(vec![0; 4 * ops.len()]);
        let crc = crc32c(bytes.iter().copied());
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
    let passing = (0..500).filter(|_| {
        let body = strategy.new_tree(&mut runner).expect("a program").current();
        let code = [&body[..], &[mov_imm(R0, 2), exit()]].concat();
        translate_with(&code, None, &small_limits()).is_ok()
    });
    assert!(passing.count() > 50);
}

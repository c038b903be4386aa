// SPDX-License-Identifier: GPL-2.0

//! What must hold for any bytes that are taken for a program or for an image: they are refused, or
//! they run to an end, touch nothing outside, and give the same whatever the verifier is said to
//! have known. That nothing panics is checked by the caller's being there afterwards.
//!
//! The fuzz targets and the tests of the engine share this.

#![allow(dead_code, reason = "each user takes its part")]
#![allow(unreachable_pub, reason = "a module of the engine's tests, too")]
#![allow(missing_docs, reason = "as its module `common`")]

#[path = "../../tests/common/mod.rs"]
pub mod common;
pub mod graph;
pub mod transmit;

use common::{
    map, source_of, tc_context, translate_fused, translate_of, Always, HostMap, HostProgram,
    TestServices, CONTEXT,
};
use engine::exec::{Core, Program};
use engine::frame::{Frame, TcContext, XdpContext};
use engine::image::{Fusion, Image};
use engine::insn::Insn;
use engine::limits::Limits;
use engine::map::MapKind;
use engine::memory::HostMemory;
use engine::store::{ProgramKind, RegisterKind};

/// What the verifier may say of all pointers.
pub const HINTS: [Option<RegisterKind>; 5] = [
    None,
    Some(RegisterKind::Packet),
    Some(RegisterKind::Stack),
    Some(RegisterKind::MapValue),
    Some(RegisterKind::Ctx),
];

/// The device's buffer: as much as a frame may grow into, and guards around it.
const GUARD: usize = 64;
const BUFFER: usize = 328;
const GUARD_BYTE: u8 = 0xa5;

/// Few instructions, so that an endless loop ends soon.
pub fn small_limits() -> Limits {
    Limits {
        insn_budget: 2_000,
        ..Limits::default()
    }
}

/// What a program leaves beside its frame and its verdict.
#[derive(PartialEq, Eq, Debug)]
pub enum Context {
    Xdp(XdpContext),
    Tc(TcContext),
}

/// Everything that can be seen of a run: verdict or fault, frame, metadata, context, map.
pub type Seen = (Result<u8, (u8, u32)>, Vec<u8>, Vec<u8>, Context, Vec<u8>);

/// Runs a program on a frame of 60 bytes with room on both sides.
///
/// # Panics
///
/// If the program wrote outside of the room.
pub fn run_anything(program: &HostProgram, map: &HostMap) -> Seen {
    let mut core = Core::new(&HostMemory, &small_limits()).expect("memory for a core");
    let mut memory = [GUARD_BYTE; BUFFER];
    let buffer = &mut memory[GUARD..BUFFER - GUARD];
    for (byte, value) in buffer.iter_mut().zip(0_u8..) {
        *byte = value;
    }
    // The frame's EtherType is that of a VLAN tag, for classifiers.
    buffer[112..116].copy_from_slice(&[0x81, 0, 0, 7]);
    let mut frame = Frame::writable(buffer, 100, 160).expect("a frame");
    let (verdict, context) = match program.image().kind() {
        ProgramKind::Xdp => {
            let mut context = CONTEXT;
            let verdict = core.run_xdp(program, &mut frame, &mut context, &TestServices);
            (verdict.map(|verdict| verdict as u8), Context::Xdp(context))
        }
        ProgramKind::SchedCls => {
            let mut context = tc_context(&mut frame);
            let verdict = core.run_tc(program, &mut frame, &mut context, &TestServices);
            (verdict.map(|verdict| verdict as u8), Context::Tc(context))
        }
    };
    let verdict = verdict.map_err(|fault| (fault.cause as u8, fault.insn));
    let mut value = vec![0; 8];
    let _ = map.lookup(&[0; 4], &mut value);
    let seen = (
        verdict,
        frame.data().to_vec(),
        frame.metadata().to_vec(),
        context,
        value,
    );
    let guards = memory[..GUARD].iter().chain(&memory[BUFFER - GUARD..]);
    assert!(guards.clone().all(|byte| *byte == GUARD_BYTE));
    seen
}

/// Takes `code`, a program of type `kind` with one map in its table, from load to verdict, with each hint of the
/// verifier's, fused and not; gives what was seen, if any of them let the program in.
///
/// # Panics
///
/// If a hint or fusion changes what the program does, or its image does not survive being read back.
pub fn any_code(kind: ProgramKind, code: &[Insn]) -> Option<Seen> {
    let mut seen: Option<Seen> = None;
    let ways = HINTS.map(|hint| [(hint, Fusion::On), (hint, Fusion::Off)]);
    for (hint, fusion) in ways.into_iter().flatten() {
        let Ok(image) = translate_fused(kind, code, hint, &small_limits(), fusion) else {
            continue;
        };
        let again = Image::decode(&HostMemory, image.bytes()).expect("the device's own image");
        assert_eq!(again.bytes(), image.bytes());
        assert_eq!(again.to_string(), image.to_string());
        let map = map(MapKind::Hash, 4, 8, 2);
        let program = Program::new(again, vec![map.clone()]);
        let now = run_anything(&program, &map);
        if let Some(before) = &seen {
            assert_eq!(
                before,
                &now,
                "hint {hint:?}, fusion {fusion:?}\n{}",
                program.image()
            );
        }
        seen = Some(now);
    }
    seen
}

/// The type of program that `data` is taken for: of a classifier, if there are bytes behind the last
/// whole instruction.
fn kind_of(data: &[u8]) -> ProgramKind {
    if data.len() % 8 == 0 {
        ProgramKind::Xdp
    } else {
        ProgramKind::SchedCls
    }
}

/// The instructions in `data`, eight bytes each.
fn insns_in(data: &[u8]) -> Vec<Insn> {
    let chunks = data.chunks(8).filter_map(|chunk| chunk.first_chunk());
    chunks.map(|chunk| Insn::from_le_bytes(*chunk)).collect()
}

/// Takes `data` for instructions, eight bytes each, and a byte more for a classifier.
///
/// # Panics
///
/// As [`any_code`].
pub fn program(data: &[u8]) {
    let (kind, code) = (kind_of(data), insns_in(data));
    // What the verifier does with a program must not break it either.
    if let Ok(mut stored) = source_of(kind, &code, &small_limits()) {
        for idx in 0..code.len() {
            let _ = stored.check_insn(idx, &Always(RegisterKind::Packet));
        }
        let _ = stored.finalize();
        let _ = stored.remove_insns(code.len() / 2, 3);
        let _ = stored.replace_insn(code.len() / 3, common::asm::ja(1));
        let _ = common::image_of(&stored, &small_limits()).map(|image| image.to_string());
    }
    any_code(kind, &code);
}

/// The images that the device makes of `data`, taken for a program: seeds for [`image`].
pub fn images(data: &[u8]) -> Vec<Vec<u8>> {
    let (kind, code) = (kind_of(data), insns_in(data));
    let images = HINTS.map(|hint| translate_of(kind, &code, hint, &small_limits()));
    let bytes = images
        .into_iter()
        .flatten()
        .map(|image| image.bytes().to_vec());
    bytes.collect()
}

/// Takes `data` for an image, as it is and with the checksum that it should have, and runs what
/// passes.
///
/// # Panics
///
/// If the program wrote outside of its frame.
pub fn image(data: &[u8]) {
    any_image(data);
    let mut bytes = data.to_vec();
    if let Some(crc) = checksum(&bytes) {
        bytes[CHECKSUM].copy_from_slice(&crc.to_le_bytes());
        any_image(&bytes);
    }
}

fn any_image(bytes: &[u8]) {
    let Ok(image) = Image::decode(&HostMemory, bytes) else {
        return;
    };
    let _ = image.to_string();
    let map = map(MapKind::Array, 4, 8, 2);
    let program = Program::new(image, vec![map.clone()]);
    let _ = run_anything(&program, &map);
}

/// Where an image has its checksum.
const CHECKSUM: std::ops::Range<usize> = 60..64;

/// The checksum that an image should carry, if it has room for one.
pub fn checksum(image: &[u8]) -> Option<u32> {
    let (before, behind) = (image.get(..CHECKSUM.start)?, image.get(CHECKSUM.end..)?);
    let all = before.iter().chain(&[0; 4]).chain(behind);
    Some(crc32c(all.copied()))
}

/// The checksum bit by bit.
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg())
        })
    })
}

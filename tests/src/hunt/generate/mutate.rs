// SPDX-License-Identifier: GPL-2.0

//! Programs that nobody would write: some of their instructions are changed. The verifier refuses
//! most of these; the others go where no generator thought of going.

use engine::insn::{class, jump, Insn};
use engine::store::RegisterKind;
use rand::Rng;

use super::super::code::Insns;

/// Changes a few instructions of `code`.
pub(super) fn mutate(rng: &mut impl Rng, code: &mut Insns) {
    for _ in 0..rng.random_range(1..=3) {
        let at = rng.random_range(0..code.insns.len());
        let Some(insn) = code.insns.get(at).copied() else {
            return;
        };
        // Calls of other helpers than those of the device, and of those that tell time and chance,
        // are not worth a try; nor are halves of instructions.
        let is_half = insn.code == 0 || insn.is_ld_imm64();
        if is_half || insn.code == class::JMP | jump::CALL {
            continue;
        }
        let changed = change(rng, insn);
        if changed.code == class::JMP | jump::CALL || changed.is_ld_imm64() {
            continue;
        }
        code.insns[at] = changed;
        // What it works on may be something else now.
        code.facts[at] = RegisterKind::Other;
    }
}

fn change(rng: &mut impl Rng, insn: Insn) -> Insn {
    let (mut code, mut dst, mut src) = (insn.code, insn.dst(), insn.src());
    let (mut off, mut imm) = (insn.off, insn.imm);
    match rng.random_range(0..7) {
        0 => imm = rng.random(),
        1 => imm = imm.wrapping_add(rng.random_range(-4..=4)),
        2 => imm ^= 1 << rng.random_range(0..32),
        3 => off = off.wrapping_add(rng.random_range(-8..=8)),
        4 => dst = rng.random_range(0..11),
        5 => src = rng.random_range(0..11),
        // Another operation, or another width.
        _ => code ^= 1 << rng.random_range(0..8),
    }
    Insn::new(code, dst, src, off, imm)
}

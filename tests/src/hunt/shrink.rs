// SPDX-License-Identifier: GPL-2.0

//! Makes a case in which kernel and device differ as small as it gets.

use engine::insn::{class, jump, Insn};
use engine::store::RegisterKind;

use super::code::ja;
use super::Case;

/// A smaller case of which `differs` still is true, as it is of `case`.
///
/// Instructions are replaced by jumps to the next one, a half of them at a time, then a quarter, and so
/// on; then these are taken out. The same with frames and their bytes.
pub fn shrink(case: &Case, mut differs: impl FnMut(&Case) -> bool) -> Case {
    let mut best = case.clone();
    // What is left of a program need not keep to the rules of the whole.
    let strict = Case {
        is_strict: true,
        ..case.clone()
    };
    if differs(&strict) {
        best = strict;
    }
    frames(&mut best, &mut differs);
    loop {
        let before = best.code.insns.len();
        instructions(&mut best, &mut differs);
        let compact = compacted(&best);
        if differs(&compact) {
            best = compact;
        }
        if best.code.insns.len() >= before {
            break;
        }
    }
    bytes(&mut best, &mut differs);
    best
}

/// Ranges that make up `0..len`: the halves, the quarters, down to single ones.
fn ranges(len: usize) -> Vec<std::ops::Range<usize>> {
    let mut all = Vec::new();
    let mut size = len.div_ceil(2);
    while size > 0 {
        all.extend(
            (0..len)
                .step_by(size)
                .map(|from| from..(from + size).min(len)),
        );
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    all
}

fn frames(best: &mut Case, differs: &mut impl FnMut(&Case) -> bool) {
    // Most differences need one frame.
    for input in best.inputs.clone() {
        let one = Case {
            inputs: vec![input],
            ..best.clone()
        };
        if differs(&one) {
            *best = one;
            return;
        }
    }
    let mut at = best.inputs.len();
    while at > 0 {
        at -= 1;
        let mut fewer = best.clone();
        fewer.inputs.remove(at);
        if differs(&fewer) {
            *best = fewer;
        }
    }
}

fn is_nop(insn: Insn) -> bool {
    insn == ja()
}

fn instructions(best: &mut Case, differs: &mut impl FnMut(&Case) -> bool) {
    for range in ranges(best.code.insns.len()) {
        let mut fewer = best.clone();
        let mut has_changed = false;
        let mut at = range.start;
        while at < range.end {
            let len = if fewer.code.insns[at].is_ld_imm64() {
                2
            } else {
                1
            };
            for at in at..(at + len).min(fewer.code.insns.len()) {
                has_changed |= !is_nop(fewer.code.insns[at]);
                fewer.code.insns[at] = ja();
                fewer.code.facts[at] = RegisterKind::Other;
            }
            at += len;
        }
        if has_changed && differs(&fewer) {
            *best = fewer;
        }
    }
}

/// The target of the jump or call `insn` at `at`.
fn target(at: usize, insn: Insn) -> Option<i64> {
    let next = at as i64 + 1;
    match insn.class() {
        class::JMP if insn.operation() == jump::EXIT => None,
        class::JMP if insn.operation() == jump::CALL => {
            insn.is_local_call().then(|| next + i64::from(insn.imm))
        }
        class::JMP32 if insn.operation() == jump::JA => Some(next + i64::from(insn.imm)),
        class::JMP | class::JMP32 => Some(next + i64::from(insn.off)),
        _ => None,
    }
}

/// The case without instructions that do nothing.
fn compacted(case: &Case) -> Case {
    let mut result = case.clone();
    let kept: Vec<usize> = (0..case.code.insns.len())
        .filter(|at| !is_nop(case.code.insns[*at]))
        .collect();
    // Where an instruction, or the first one behind it that is left, has gone.
    let place = |old: i64| kept.partition_point(|at| (*at as i64) < old) as i64;
    let code = &mut result.code;
    code.insns = kept.iter().map(|at| case.code.insns[*at]).collect();
    code.facts = kept.iter().map(|at| case.code.facts[*at]).collect();
    code.owner = kept.iter().map(|at| case.code.owner[*at]).collect();
    for (new, old) in kept.iter().enumerate() {
        let insn = &mut code.insns[new];
        let Some(target) = target(*old, *insn) else {
            continue;
        };
        let distance = place(target) - new as i64 - 1;
        if insn.is_local_call() || insn.class() == class::JMP32 && insn.operation() == jump::JA {
            insn.imm = distance as i32;
        } else {
            insn.off = distance as i16;
        }
    }
    result
}

fn bytes(best: &mut Case, differs: &mut impl FnMut(&Case) -> bool) {
    for number in 0..best.inputs.len() {
        for len in [14, 18, 34, 54, 64, 100, 200] {
            let mut shorter = best.clone();
            if len < shorter.inputs[number].bytes.len() {
                shorter.inputs[number].bytes.truncate(len);
                if shorter.inputs[number].is_for_classifiers() && differs(&shorter) {
                    *best = shorter;
                    break;
                }
            }
        }
        for range in ranges(best.inputs[number].bytes.len()) {
            let mut plainer = best.clone();
            plainer.inputs[number].bytes[range].fill(0);
            if plainer.inputs != best.inputs
                && plainer.inputs[number].is_for_classifiers()
                && differs(&plainer)
            {
                *best = plainer;
            }
        }
        let mut plainer = best.clone();
        let input = &mut plainer.inputs[number];
        *input = super::frame::Input::new(std::mem::take(&mut input.bytes));
        if differs(&plainer) {
            *best = plainer;
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::insn::alu;
    use engine::store::ProgramKind;

    use super::super::code::{alu_imm, exit, jmp_imm, ld_imm64, mov_imm, Insns};
    use super::super::frame::Input;
    use super::*;

    fn case(insns: Vec<Insn>) -> Case {
        Case {
            kind: ProgramKind::Xdp,
            code: Insns {
                facts: vec![RegisterKind::Other; insns.len()],
                owner: vec![None; insns.len()],
                insns,
                statements: Vec::new(),
            },
            is_strict: false,
            maps: Vec::new(),
            inputs: (1..5).map(|byte| Input::new(vec![byte; 300])).collect(),
        }
    }

    #[test]
    fn what_matters_is_left() {
        let jump = Insn {
            off: 3,
            ..jmp_imm(jump::JEQ, 0, 5)
        };
        let mut insns = vec![mov_imm(0, 1), jump, mov_imm(1, 1)];
        insns.extend(ld_imm64(2, 3));
        insns.extend([alu_imm(alu::MUL, 0, 3), exit()]);
        let shrunk = shrink(&case(insns), |case| {
            let has = |wanted: Insn| case.code.insns.iter().any(|insn| insn.code == wanted.code);
            let is_there = |input: &Input| input.bytes.first() == Some(&3);
            has(jump) && has(exit()) && case.inputs.iter().any(is_there)
        });
        // The jump leads where it led: behind all that is gone.
        assert_eq!(shrunk.code.insns, [Insn { off: 0, ..jump }, exit()]);
        let mut bytes = vec![0; 14];
        bytes[0] = 3;
        assert_eq!(shrunk.inputs, [Input::new(bytes)]);
    }
}

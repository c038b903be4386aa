// SPDX-License-Identifier: GPL-2.0

//! Instructions that become one operation.
//!
//! Only what compilers make of programs for a NIC: arithmetic on a copy, the packet bounds check,
//! the comparison of a header field or of some of its bits with a constant, bytes put together to a
//! number, the end of a loop, sums, and the rounds of a hash.

use crate::hash_step::HashStep;
use crate::insn::{alu, class, jump, Insn, SRC_REG};
use crate::op::{Code, Op, Register};
use crate::store::Slot;

/// The operation that does `op`, made from `first` and perhaps slots after it, and then `next`.
///
/// `plain` is what `next` was lowered to, `behind` the slot behind it.
pub(super) fn fuse(
    op: &Op,
    first: &Slot,
    next: &Slot,
    plain: &Op,
    behind: Option<&Slot>,
) -> Option<Op> {
    match op.code {
        Code::Mov | Code::Mov32 => move_then_alu(op, next.insn, plain),
        Code::AddImm => {
            add_then_compare(op, next.insn).or_else(|| change_then_compare(op, next.insn))
        }
        Code::Add32Imm | Code::AndImm | Code::And32Imm => change_then_compare(op, next.insn),
        Code::LshImm | Code::Lsh32Imm => {
            shift_then_or(op, next.insn).or_else(|| shift_then_and(op, next.insn))
        }
        Code::LoadFrame8Jeq => compare_with_both(op, next.insn, behind?),
        Code::Xor32Reg => xor_then_sub(op, next.insn),
        Code::LoadFrame8 | Code::LoadFrame16 | Code::LoadFrame32 => {
            load_then_compare(op, first.insn, next).or_else(|| load_then_combine(op, next.insn))
        }
        _ => None,
    }
}

fn destination(insn: Insn) -> Register {
    Register::of(insn.dst())
}

fn source(insn: Insn) -> Register {
    Register::of(insn.src())
}

/// `d = s; d = d op x` is `d = s op x`.
fn move_then_alu(mov: &Op, insn: Insn, op: &Op) -> Option<Op> {
    let is_binary = !matches!(insn.operation(), alu::MOV | alu::NEG | alu::END);
    let width_fits = match insn.class() {
        class::ALU => true,
        class::ALU64 => mov.code == Code::Mov,
        _ => false,
    };
    if !is_binary || !width_fits || destination(insn) != mov.dst {
        return None;
    }
    let is_reg = insn.code & SRC_REG != 0;
    let b = if is_reg && source(insn) == mov.dst {
        mov.a
    } else {
        op.b
    };
    Some(Op { a: mov.a, b, ..*op })
}

/// `d = s + imm; if d > e goto` and its relatives.
fn add_then_compare(add: &Op, insn: Insn) -> Option<Op> {
    let (dst, src) = (destination(insn), source(insn));
    if insn.class() != class::JMP || insn.code & SRC_REG == 0 || dst == src {
        return None;
    }
    // With the sum on the right-hand side, the comparison turns round.
    let code = match insn.operation() {
        jump::JGT if dst == add.dst => Code::AddJgt,
        jump::JGE if dst == add.dst => Code::AddJge,
        jump::JLT if dst == add.dst => Code::AddJlt,
        jump::JLE if dst == add.dst => Code::AddJle,
        jump::JGT if src == add.dst => Code::AddJlt,
        jump::JGE if src == add.dst => Code::AddJle,
        jump::JLT if src == add.dst => Code::AddJgt,
        jump::JLE if src == add.dst => Code::AddJge,
        _ => return None,
    };
    let other = if dst == add.dst { src } else { dst };
    Some(Op {
        code,
        b: other,
        imm: Op::packed(add.imm as i32, 0),
        ..*add
    })
}

/// `d = header field; if d == imm goto` and the same with `!=`.
fn load_then_compare(load: &Op, first: Insn, jump: &Slot) -> Option<Op> {
    let insn = jump.insn;
    let is_compare = matches!(insn.class(), class::JMP | class::JMP32) && insn.code & SRC_REG == 0;
    // A loaded field is never negative, so neither is a constant that it can equal; 32-bit
    // comparisons of four-byte fields with "negative" constants are left alone.
    if !is_compare || destination(insn) != load.dst || insn.imm < 0 {
        return None;
    }
    let code = match (load.code, insn.operation()) {
        (Code::LoadFrame8, jump::JEQ) => Code::LoadFrame8Jeq,
        (Code::LoadFrame16, jump::JEQ) => Code::LoadFrame16Jeq,
        (Code::LoadFrame32, jump::JEQ) => Code::LoadFrame32Jeq,
        (Code::LoadFrame8, jump::JNE) => Code::LoadFrame8Jne,
        (Code::LoadFrame16, jump::JNE) => Code::LoadFrame16Jne,
        (Code::LoadFrame32, jump::JNE) => Code::LoadFrame32Jne,
        _ => return None,
    };
    Some(Op {
        code,
        imm: Op::packed(insn.imm, first.off as u16),
        // Until targets are set, the slot that the jump leads to.
        extra: jump
            .target()
            .and_then(|target| u32::try_from(target).ok())
            .unwrap_or(0),
        ..*load
    })
}

/// `d = s + imm; if d < imm goto` at the end of a loop, `d = s & imm; if d == imm goto`, and their
/// relatives.
fn change_then_compare(change: &Op, insn: Insn) -> Option<Op> {
    let is_jump = matches!(insn.class(), class::JMP | class::JMP32);
    if !is_jump || insn.code & SRC_REG != 0 || destination(insn) != change.dst {
        return None;
    }
    let is_64 = insn.class() == class::JMP;
    let code = match (change.code, insn.operation(), is_64) {
        (Code::AddImm, jump::JNE, true) => Code::AddJneImm,
        (Code::AddImm, jump::JLT, true) => Code::AddJltImm,
        (Code::AddImm, jump::JNE, false) => Code::AddJne32Imm,
        (Code::AddImm, jump::JLT, false) => Code::AddJlt32Imm,
        (Code::Add32Imm, jump::JNE, false) => Code::Add32Jne32Imm,
        (Code::Add32Imm, jump::JLT, false) => Code::Add32Jlt32Imm,
        // With a mask of 16 bits, the width matters neither to the result nor to what it equals.
        (Code::AndImm | Code::And32Imm, jump::JEQ, _) => Code::AndJeqImm,
        (Code::AndImm | Code::And32Imm, jump::JNE, _) => Code::AndJneImm,
        (Code::AndImm | Code::And32Imm, jump::JLT, _) if insn.imm >= 0 => Code::AndJltImm,
        _ => return None,
    };
    let second = match change.code {
        Code::AndImm | Code::And32Imm => u16::try_from(change.imm).ok()?,
        _ => i16::try_from(change.imm as i64).ok()? as u16,
    };
    Some(Op {
        code,
        imm: Op::packed(insn.imm, second),
        ..*change
    })
}

/// Whether `insn` is `d = d operation s`, with `d` the result of `op` and `s` another register.
fn changes_by_register(op: &Op, insn: Insn, class: u8, operation: u8) -> bool {
    insn.code == class | operation | SRC_REG
        && insn.off == 0
        && destination(insn) == op.dst
        && source(insn) != op.dst
}

/// `d = s << imm; d |= t`.
fn shift_then_or(shift: &Op, insn: Insn) -> Option<Op> {
    let (code, class) = match shift.code {
        Code::LshImm => (Code::LshOr, class::ALU64),
        _ => (Code::LshOr32, class::ALU),
    };
    let found = changes_by_register(shift, insn, class, alu::OR);
    found.then_some(Op {
        code,
        b: source(insn),
        ..*shift
    })
}

/// `d = s << imm; d &= imm`, 32 bits.
fn shift_then_and(shift: &Op, insn: Insn) -> Option<Op> {
    let found = shift.code == Code::Lsh32Imm
        && insn.code == class::ALU | alu::AND
        && insn.off == 0
        && destination(insn) == shift.dst;
    found.then_some(Op {
        code: Code::LshAnd32,
        imm: Op::packed(insn.imm, (shift.imm & 31) as u16),
        ..*shift
    })
}

/// `d = s ^ t; d -= u`.
fn xor_then_sub(xor: &Op, insn: Insn) -> Option<Op> {
    let found = changes_by_register(xor, insn, class::ALU, alu::SUB);
    found.then_some(Op {
        code: Code::XorSub32,
        imm: Op::with_third(source(insn), 0),
        ..*xor
    })
}

/// `d = header field; t += d`, or `t ^= d` of 32 bits.
fn load_then_combine(load: &Op, insn: Insn) -> Option<Op> {
    let code = match (load.code, insn.class(), insn.operation()) {
        (Code::LoadFrame16, class::ALU64, alu::ADD) => Code::LoadFrame16Add,
        (Code::LoadFrame32, class::ALU64, alu::ADD) => Code::LoadFrame32Add,
        (Code::LoadFrame32, class::ALU, alu::XOR) => Code::LoadFrame32Xor,
        _ => return None,
    };
    let found = insn.code & SRC_REG != 0
        && insn.off == 0
        && source(insn) == load.dst
        && destination(insn) != load.dst;
    found.then_some(Op {
        code,
        b: destination(insn),
        ..*load
    })
}

/// `d = header field; if d == imm goto l; if d != imm goto; l:`.
fn compare_with_both(load: &Op, insn: Insn, behind: &Slot) -> Option<Op> {
    let found = load.extra == behind.origin
        && matches!(insn.class(), class::JMP | class::JMP32)
        && insn.operation() == jump::JNE
        && insn.code & SRC_REG == 0
        && destination(insn) == load.dst;
    let other = u8::try_from(insn.imm).ok().filter(|_| found)?;
    let one = u8::try_from(load.imm as u32).ok()?;
    let constant = i32::from(one) | i32::from(other) << 8;
    Some(Op {
        code: Code::LoadFrame8JneBoth,
        extra: 0,
        imm: Op::packed(constant, load.second()),
        ..*load
    })
}

/// The operation that does what `first` and then `second` do.
pub(super) fn merge(first: &Op, second: &Op) -> Option<Op> {
    match (first.code, second.code) {
        (Code::Rsh32Imm, Code::LshOr32) => rotation(first, second),
        (Code::RshLshOr32, Code::XorSub32) => hash_step(first, second),
        (Code::HashSteps, Code::HashSteps) => hash_steps(first, second),
        (Code::Xor32Reg, Code::Add32Imm) => xor_then_add(first, second),
        (Code::LoadFrame16, Code::LshOr32) => load_then_shift_or(first, second),
        (Code::LoadFrame8 | Code::LoadFrame16, _) => load_then_mask_then_jump(first, second),
        _ => None,
    }
}

/// Two operations that do what `first`, `second` and then `third` do, or one that does.
pub(super) fn merge_three(first: &Op, second: &Op, third: &Op) -> Option<(Option<Op>, Op)> {
    if let Some(op) = xor_then_shift_then_sub(first, second, third) {
        return Some((None, op));
    }
    if let Some(op) = keep_then_check(first, second, third) {
        return Some((None, op));
    }
    // What has nothing to do with the others makes way.
    let both = merge(first, third).filter(|_| can_go_first(first, second))?;
    Some((Some(*second), both))
}

/// Whether `second` may go in front of `first`: arithmetic on other registers than those that
/// `first` uses. Neither can fault.
fn can_go_first(first: &Op, second: &Op) -> bool {
    let is_arithmetic = |op: &Op| (op.code as u8) < Code::Mov as u8;
    let written = [first.dst, first.b];
    first.code == Code::RshLshOr32
        && is_arithmetic(second)
        && ![second.a, second.b]
            .iter()
            .any(|read| written.contains(read))
        && ![first.dst, first.a, first.b, first.third()].contains(&second.dst)
}

/// `r = s >> imm; d = t << imm | r`: a rotation, if `s` and `t` are the same.
fn rotation(right: &Op, left: &Op) -> Option<Op> {
    let found = left.b == right.dst && left.dst != right.dst;
    let counts = (right.imm & 31) << 32 | left.imm & 31;
    found.then_some(Op {
        code: Code::RshLshOr32,
        dst: left.dst,
        a: right.a,
        b: right.dst,
        extra: 0,
        imm: Op::with_third(left.a, counts),
    })
}

/// `d = s >> 32 - imm; u = s << imm | d; d = (m ^ s) - u`.
fn hash_step(rotation: &Op, xor_sub: &Op) -> Option<Op> {
    let (source, scratch, rotated) = (rotation.a, rotation.b, rotation.dst);
    let left = (rotation.imm & 31) as u8;
    let is_rotation = rotation.third() == source
        && scratch != source
        && rotated != source
        && rotation.second().wrapping_add(left.into()) == 32;
    let minuend = match (xor_sub.a == source, xor_sub.b == source) {
        (true, _) => xor_sub.b,
        (_, true) => xor_sub.a,
        _ => return None,
    };
    let found = is_rotation
        && xor_sub.third() == rotated
        && xor_sub.dst == scratch
        && minuend != scratch
        && minuend != rotated;
    let step = HashStep {
        left,
        minuend,
        dst: xor_sub.dst,
    };
    found.then_some(Op {
        code: Code::HashSteps,
        dst: xor_sub.dst,
        a: source,
        b: rotated,
        extra: 0,
        imm: step.to_bits(),
    })
}

/// Some steps and the next one, which rotates what the last of them gave.
fn hash_steps(steps: &Op, next: &Op) -> Option<Op> {
    let place = HashStep::count(steps.imm).wrapping_mul(HashStep::BITS);
    let bits = next.imm.checked_shl(place)?;
    let found = steps.dst == next.a && steps.b == next.b && HashStep::count(next.imm) == 1;
    found.then_some(Op {
        dst: next.dst,
        imm: steps.imm | bits,
        ..*steps
    })
}

/// `d = s ^ t; d += imm`.
fn xor_then_add(xor: &Op, add: &Op) -> Option<Op> {
    ((add.dst, add.a) == (xor.dst, xor.dst)).then_some(Op {
        code: Code::XorAdd32Imm,
        imm: add.imm,
        ..*xor
    })
}

/// `d = s ^ t; t >>= imm; d -= t`.
fn xor_then_shift_then_sub(xor: &Op, shift: &Op, sub: &Op) -> Option<Op> {
    let shifted = shift.dst;
    let other = match (xor.a == shifted, xor.b == shifted) {
        (true, _) => xor.b,
        (_, true) => xor.a,
        _ => return None,
    };
    let codes = [xor, shift, sub].map(|op| op.code);
    let found = codes == [Code::Xor32Reg, Code::Rsh32Imm, Code::Sub32Reg]
        && shift.a == shifted
        && xor.dst != shifted
        && (sub.dst, sub.a, sub.b) == (xor.dst, xor.dst, shifted);
    found.then_some(Op {
        code: Code::XorRshSub32,
        dst: xor.dst,
        a: other,
        b: shifted,
        extra: 0,
        imm: shift.imm & 31,
    })
}

/// `d = s; t = imm; if d == 0 goto` and the same with `!=`: the result of a helper is kept, what
/// the program would return is set, and then comes the check for NULL.
fn keep_then_check(mov: &Op, set: &Op, jump: &Op) -> Option<Op> {
    let code = match jump.code {
        Code::JeqImm => Code::MovJeqNull,
        Code::JneImm => Code::MovJneNull,
        _ => return None,
    };
    let constant = i32::try_from(set.imm as i64).ok()?;
    let found = mov.code == Code::Mov
        && set.code == Code::Const
        && set.dst != mov.dst
        && jump.a == mov.dst
        && jump.constant() == 0;
    found.then_some(Op {
        code,
        b: set.dst,
        imm: Op::packed(constant, 0),
        ..*mov
    })
}

/// `d = header field; d = d << imm | t`.
fn load_then_shift_or(load: &Op, shift_or: &Op) -> Option<Op> {
    let found = shift_or.dst == load.dst && shift_or.a == load.dst && shift_or.b != load.dst;
    found.then_some(Op {
        code: Code::LoadFrame16LshOr32,
        b: shift_or.b,
        imm: shift_or.imm & 31,
        ..*load
    })
}

/// `t = header field; d = t & imm; if d == imm goto`, and its relatives.
fn load_then_mask_then_jump(load: &Op, jump: &Op) -> Option<Op> {
    let code = match (load.code, jump.code) {
        (Code::LoadFrame8, Code::AndJeqImm) => Code::LoadFrame8AndJeq,
        (Code::LoadFrame8, Code::AndJneImm) => Code::LoadFrame8AndJne,
        (Code::LoadFrame8, Code::AndJltImm) => Code::LoadFrame8AndJlt,
        (Code::LoadFrame16, Code::AndJeqImm) => Code::LoadFrame16AndJeq,
        (Code::LoadFrame16, Code::AndJneImm) => Code::LoadFrame16AndJne,
        (Code::LoadFrame16, Code::AndJltImm) => Code::LoadFrame16AndJlt,
        _ => return None,
    };
    let constant = u16::try_from(jump.constant()).ok()?;
    let offset = u64::from(load.extra as u16) << 48;
    let numbers = u64::from(constant) | u64::from(jump.second()) << 32 | offset;
    (jump.a == load.dst).then_some(Op {
        code,
        dst: jump.dst,
        a: load.a,
        b: load.b,
        extra: jump.extra,
        imm: Op::with_third(load.dst, numbers),
    })
}

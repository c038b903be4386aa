// SPDX-License-Identifier: GPL-2.0

//! Pairs of instructions that become one operation.
//!
//! Only what programs for a NIC do for each header: arithmetic on a copy, the packet bounds check,
//! and the comparison of a header field with a constant.

use super::lower;
use crate::insn::{alu, class, jump, Insn, SRC_REG};
use crate::op::{Code, Op};
use crate::store::Slot;

/// The operation that does `op`, made from `first` and perhaps slots after it, and then `next`.
pub(super) fn fuse(op: &Op, first: &Slot, next: &Slot) -> Option<Op> {
    match op.code {
        Code::Mov | Code::Mov32 => move_then_alu(op, next),
        Code::AddImm => add_then_compare(op, next.insn),
        Code::LoadFrame8 | Code::LoadFrame16 | Code::LoadFrame32 => {
            load_then_compare(op, first.insn, next.insn)
        }
        _ => None,
    }
}

/// `d = s; d = d op x` is `d = s op x`.
fn move_then_alu(mov: &Op, next: &Slot) -> Option<Op> {
    let insn = next.insn;
    let is_binary = !matches!(insn.operation(), alu::MOV | alu::NEG | alu::END);
    let width_fits = match insn.class() {
        class::ALU => true,
        class::ALU64 => mov.code == Code::Mov,
        _ => false,
    };
    if !is_binary || !width_fits || insn.dst() != mov.dst || crate::check::check(insn).is_err() {
        return None;
    }
    let op = lower::lower(next).ok()?;
    let is_reg = insn.code & SRC_REG != 0;
    let b = if is_reg && insn.src() == mov.dst {
        mov.a
    } else {
        op.b
    };
    Some(Op { a: mov.a, b, ..op })
}

/// `d = s + imm; if d > e goto` and its relatives.
fn add_then_compare(add: &Op, insn: Insn) -> Option<Op> {
    let (dst, src) = (insn.dst(), insn.src());
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
        ..*add
    })
}

/// `d = header field; if d == imm goto` and the same with `!=`.
fn load_then_compare(load: &Op, first: Insn, insn: Insn) -> Option<Op> {
    let is_compare = matches!(insn.class(), class::JMP | class::JMP32) && insn.code & SRC_REG == 0;
    // A loaded field is never negative, so neither is a constant that it can equal; 32-bit
    // comparisons of four-byte fields with "negative" constants are left alone.
    if !is_compare || insn.dst() != load.dst || insn.imm < 0 {
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
    let offset = u64::from(i32::from(first.off) as u32);
    Some(Op {
        code,
        imm: offset << 32 | u64::from(insn.imm as u32),
        extra: 0,
        ..*load
    })
}

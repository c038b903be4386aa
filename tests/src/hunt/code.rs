// SPDX-License-Identifier: GPL-2.0

//! Programs as they are put together: instructions, and what the pointers in them are.

use std::fmt;

use engine::insn::{pseudo, Insn, LD_IMM64};
use engine::store::{RegisterFacts, RegisterKind};

#[path = "../../../module/engine/tests/common/asm.rs"]
#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_imports,
    reason = "the short names of the engine's tests, of which this is a part"
)]
mod asm;

pub use asm::{
    alu32_imm, alu32_reg, alu_imm, alu_reg, atomic, call, exit, ld_imm64, ldsx, ldx, mov_imm,
    mov_reg, st, stx, with_off, R0, R1, R10, R2, R3, R4, R5, R6, R7, R8, R9,
};

/// Part of a program that is counted as one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it is.
    pub name: &'static str,
    /// The number that the program notes when it has come to the statement's end; `None` where
    /// there is no room for notes.
    pub mark: Option<u8>,
}

/// Instructions, with what whoever wrote them knows.
#[derive(Clone, Debug, Default)]
pub struct Insns {
    /// The instructions.
    pub insns: Vec<Insn>,
    /// Of each: the kind of pointer that it loads or stores by, or of the register by which the
    /// device judges a call; `Other` where that is not known.
    pub facts: Vec<RegisterKind>,
    /// Of each: the innermost statement that it is part of, if any.
    pub owner: Vec<Option<u16>>,
    /// The statements, the inner ones behind those that they are in.
    pub statements: Vec<Statement>,
}

/// What the verifier would say of a register at one instruction.
#[derive(Clone, Copy, Debug)]
pub struct Fact(pub RegisterKind);

impl RegisterFacts for Fact {
    fn kind(&self, _reg: u8) -> RegisterKind {
        self.0
    }

    fn offset(&self, _reg: u8) -> i32 {
        0
    }
}

impl fmt::Display for Insns {
    /// As the wire form of RFC 9669, in fields.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, insn) in self.insns.iter().enumerate() {
            let Insn { code, off, imm, .. } = *insn;
            let (dst, src) = (insn.dst(), insn.src());
            writeln!(
                f,
                "{at:4}: code {code:#04x} dst r{dst} src r{src} off {off} imm {imm}"
            )?;
        }
        Ok(())
    }
}

/// A jump on a comparison with a constant. As with all jumps here, how far it goes is not known yet.
pub fn jmp_imm(operation: u8, dst: u8, imm: i32) -> Insn {
    asm::jmp_imm(operation, dst, imm, 0)
}

/// A jump on a comparison with a register.
pub fn jmp_reg(operation: u8, dst: u8, src: u8) -> Insn {
    asm::jmp_reg(operation, dst, src, 0)
}

/// As [`jmp_imm`], 32 bits.
pub fn jmp32_imm(operation: u8, dst: u8, imm: i32) -> Insn {
    asm::jmp32_imm(operation, dst, imm, 0)
}

/// As [`jmp_reg`], 32 bits.
pub fn jmp32_reg(operation: u8, dst: u8, src: u8) -> Insn {
    asm::jmp32_reg(operation, dst, src, 0)
}

/// A jump.
pub fn ja() -> Insn {
    asm::ja(0)
}

/// A jump with a distance of 32 bits (v4).
pub fn gotol() -> Insn {
    asm::gotol(0)
}

/// A call of a function of the program.
pub fn call_local() -> Insn {
    asm::call_local(0)
}

/// `dst = map`, which stands there by its index.
pub fn ld_map(dst: u8, index: usize) -> [Insn; 2] {
    [
        Insn::new(LD_IMM64, dst, pseudo::MAP_IDX, 0, index as i32),
        Insn::new(0, 0, 0, 0, 0),
    ]
}

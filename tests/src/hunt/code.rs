// SPDX-License-Identifier: GPL-2.0

//! Programs as they are put together: instructions, and what the pointers in them are.

use std::fmt;

use engine::insn::{alu, class, jump, mode, pseudo, Insn, LD_IMM64, SRC_REG};
use engine::store::{RegisterFacts, RegisterKind};

/// The registers, by short names.
pub mod reg {
    #![allow(missing_docs, reason = "the names are their numbers")]
    pub const R0: u8 = 0;
    pub const R1: u8 = 1;
    pub const R2: u8 = 2;
    pub const R3: u8 = 3;
    pub const R4: u8 = 4;
    pub const R5: u8 = 5;
    pub const R6: u8 = 6;
    pub const R7: u8 = 7;
    pub const R8: u8 = 8;
    pub const R9: u8 = 9;
    pub const R10: u8 = 10;
}

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

/// 64-bit arithmetic with a constant.
pub fn alu_imm(operation: u8, dst: u8, imm: i32) -> Insn {
    Insn::new(class::ALU64 | operation, dst, 0, 0, imm)
}

/// 64-bit arithmetic with a register.
pub fn alu_reg(operation: u8, dst: u8, src: u8) -> Insn {
    Insn::new(class::ALU64 | operation | SRC_REG, dst, src, 0, 0)
}

/// 32-bit arithmetic with a constant.
pub fn alu32_imm(operation: u8, dst: u8, imm: i32) -> Insn {
    Insn::new(class::ALU | operation, dst, 0, 0, imm)
}

/// 32-bit arithmetic with a register.
pub fn alu32_reg(operation: u8, dst: u8, src: u8) -> Insn {
    Insn::new(class::ALU | operation | SRC_REG, dst, src, 0, 0)
}

/// `dst = imm`.
pub fn mov_imm(dst: u8, imm: i32) -> Insn {
    alu_imm(alu::MOV, dst, imm)
}

/// `dst = src`.
pub fn mov_reg(dst: u8, src: u8) -> Insn {
    alu_reg(alu::MOV, dst, src)
}

/// The same instruction with another offset: signed division, moves with sign extension.
pub fn with_off(insn: Insn, off: i16) -> Insn {
    Insn { off, ..insn }
}

/// `dst = memory[src + off]`.
pub fn ldx(size: u8, dst: u8, src: u8, off: i16) -> Insn {
    Insn::new(class::LDX | mode::MEM | size, dst, src, off, 0)
}

/// The same with sign extension.
pub fn ldsx(size: u8, dst: u8, src: u8, off: i16) -> Insn {
    Insn::new(class::LDX | mode::MEMSX | size, dst, src, off, 0)
}

/// `memory[dst + off] = src`.
pub fn stx(size: u8, dst: u8, off: i16, src: u8) -> Insn {
    Insn::new(class::STX | mode::MEM | size, dst, src, off, 0)
}

/// `memory[dst + off] = imm`.
pub fn st(size: u8, dst: u8, off: i16, imm: i32) -> Insn {
    Insn::new(class::ST | mode::MEM | size, dst, 0, off, imm)
}

/// An atomic operation on `memory[dst + off]`.
pub fn atomic(size: u8, dst: u8, off: i16, src: u8, operation: i32) -> Insn {
    Insn::new(class::STX | mode::ATOMIC | size, dst, src, off, operation)
}

/// A jump on a comparison with a constant.
pub fn jmp_imm(operation: u8, dst: u8, imm: i32) -> Insn {
    Insn::new(class::JMP | operation, dst, 0, 0, imm)
}

/// A jump on a comparison with a register.
pub fn jmp_reg(operation: u8, dst: u8, src: u8) -> Insn {
    Insn::new(class::JMP | operation | SRC_REG, dst, src, 0, 0)
}

/// As [`jmp_imm`], 32 bits.
pub fn jmp32_imm(operation: u8, dst: u8, imm: i32) -> Insn {
    Insn::new(class::JMP32 | operation, dst, 0, 0, imm)
}

/// As [`jmp_reg`], 32 bits.
pub fn jmp32_reg(operation: u8, dst: u8, src: u8) -> Insn {
    Insn::new(class::JMP32 | operation | SRC_REG, dst, src, 0, 0)
}

/// A jump.
pub fn ja() -> Insn {
    Insn::new(class::JMP | jump::JA, 0, 0, 0, 0)
}

/// A jump with a distance of 32 bits (v4).
pub fn gotol() -> Insn {
    Insn::new(class::JMP32 | jump::JA, 0, 0, 0, 0)
}

/// A call of a helper.
pub fn call(helper: i32) -> Insn {
    Insn::new(class::JMP | jump::CALL, 0, 0, 0, helper)
}

/// A call of a function of the program.
pub fn call_local() -> Insn {
    Insn::new(class::JMP | jump::CALL, 0, pseudo::CALL, 0, 0)
}

/// The end.
pub fn exit() -> Insn {
    Insn::new(class::JMP | jump::EXIT, 0, 0, 0, 0)
}

/// `dst = value`.
pub fn ld_imm64(dst: u8, value: u64) -> [Insn; 2] {
    [
        Insn::new(LD_IMM64, dst, 0, 0, value as i32),
        Insn::new(0, 0, 0, 0, (value >> 32) as i32),
    ]
}

/// `dst = map`.
pub fn ld_map(dst: u8, index: usize) -> [Insn; 2] {
    [
        Insn::new(LD_IMM64, dst, pseudo::MAP_IDX, 0, index as i32),
        Insn::new(0, 0, 0, 0, 0),
    ]
}

// SPDX-License-Identifier: GPL-2.0

//! Instructions by short names.

use engine::insn::{class, jump, mode, pseudo, Insn, LD_IMM64, SRC_REG};

pub use engine::insn::alu::*;
pub use engine::insn::jump::{JEQ, JGE, JGT, JLE, JLT, JNE, JSET, JSGE, JSGT, JSLE, JSLT};
pub use engine::insn::size::{B, DW, H, W};

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

pub fn alu_imm(operation: u8, dst: u8, imm: i32) -> Insn {
    Insn::new(class::ALU64 | operation, dst, 0, 0, imm)
}

pub fn alu_reg(operation: u8, dst: u8, src: u8) -> Insn {
    Insn::new(class::ALU64 | operation | SRC_REG, dst, src, 0, 0)
}

pub fn alu32_imm(operation: u8, dst: u8, imm: i32) -> Insn {
    Insn::new(class::ALU | operation, dst, 0, 0, imm)
}

pub fn alu32_reg(operation: u8, dst: u8, src: u8) -> Insn {
    Insn::new(class::ALU | operation | SRC_REG, dst, src, 0, 0)
}

pub fn mov_imm(dst: u8, imm: i32) -> Insn {
    alu_imm(MOV, dst, imm)
}

pub fn mov_reg(dst: u8, src: u8) -> Insn {
    alu_reg(MOV, dst, src)
}

/// The same instruction with another offset: signed division, sign-extending moves.
pub fn with_off(insn: Insn, off: i16) -> Insn {
    Insn { off, ..insn }
}

pub fn ldx(size: u8, dst: u8, src: u8, off: i16) -> Insn {
    Insn::new(class::LDX | mode::MEM | size, dst, src, off, 0)
}

pub fn ldsx(size: u8, dst: u8, src: u8, off: i16) -> Insn {
    Insn::new(class::LDX | mode::MEMSX | size, dst, src, off, 0)
}

pub fn stx(size: u8, dst: u8, off: i16, src: u8) -> Insn {
    Insn::new(class::STX | mode::MEM | size, dst, src, off, 0)
}

pub fn st(size: u8, dst: u8, off: i16, imm: i32) -> Insn {
    Insn::new(class::ST | mode::MEM | size, dst, 0, off, imm)
}

pub fn atomic(size: u8, dst: u8, off: i16, src: u8, operation: i32) -> Insn {
    Insn::new(class::STX | mode::ATOMIC | size, dst, src, off, operation)
}

pub fn jmp_imm(operation: u8, dst: u8, imm: i32, off: i16) -> Insn {
    Insn::new(class::JMP | operation, dst, 0, off, imm)
}

pub fn jmp_reg(operation: u8, dst: u8, src: u8, off: i16) -> Insn {
    Insn::new(class::JMP | operation | SRC_REG, dst, src, off, 0)
}

pub fn jmp32_imm(operation: u8, dst: u8, imm: i32, off: i16) -> Insn {
    Insn::new(class::JMP32 | operation, dst, 0, off, imm)
}

pub fn jmp32_reg(operation: u8, dst: u8, src: u8, off: i16) -> Insn {
    Insn::new(class::JMP32 | operation | SRC_REG, dst, src, off, 0)
}

pub fn ja(off: i16) -> Insn {
    Insn::new(class::JMP | jump::JA, 0, 0, off, 0)
}

pub fn gotol(imm: i32) -> Insn {
    Insn::new(class::JMP32 | jump::JA, 0, 0, 0, imm)
}

pub fn call(helper: i32) -> Insn {
    Insn::new(class::JMP | jump::CALL, 0, 0, 0, helper)
}

pub fn call_local(distance: i32) -> Insn {
    Insn::new(class::JMP | jump::CALL, 0, pseudo::CALL, 0, distance)
}

pub fn exit() -> Insn {
    Insn::new(class::JMP | jump::EXIT, 0, 0, 0, 0)
}

pub fn ld_imm64(dst: u8, value: u64) -> [Insn; 2] {
    let high = (value >> 32) as i32;
    [
        Insn::new(LD_IMM64, dst, 0, 0, value as i32),
        Insn::new(0, 0, 0, 0, high),
    ]
}

pub fn ld_map(dst: u8, index: i32) -> [Insn; 2] {
    [
        Insn::new(LD_IMM64, dst, pseudo::MAP_FD, 0, index),
        Insn::new(0, 0, 0, 0, 0),
    ]
}

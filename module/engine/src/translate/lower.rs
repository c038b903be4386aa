// SPDX-License-Identifier: GPL-2.0

//! One instruction to one operation.
//!
//! Instructions have passed [`check`](crate::check::check); what it refuses has no meaning here.

use super::maps::MapTable;
use crate::insn::{alu, atomic, class, jump, mode, pseudo, size, Insn, SRC_REG};
use crate::op::{Code, Op};
use crate::refusal::Rule;
use crate::store::{Hint, Slot};

/// The four forms of an arithmetic operation or comparison.
struct Forms {
    reg: Code,
    imm: Code,
    reg32: Code,
    imm32: Code,
}

macro_rules! forms {
    ($reg:ident, $imm:ident, $reg32:ident, $imm32:ident) => {
        Forms {
            reg: Code::$reg,
            imm: Code::$imm,
            reg32: Code::$reg32,
            imm32: Code::$imm32,
        }
    };
}

impl Forms {
    fn pick(&self, is_64: bool, is_reg: bool) -> Code {
        match (is_64, is_reg) {
            (true, true) => self.reg,
            (true, false) => self.imm,
            (false, true) => self.reg32,
            (false, false) => self.imm32,
        }
    }
}

/// Lowers `slot`, which is not a 64-bit immediate load.
pub(super) fn lower(slot: &Slot) -> Result<Op, Rule> {
    let insn = slot.insn;
    match insn.class() {
        class::ALU | class::ALU64 => alu_op(insn),
        class::JMP | class::JMP32 => jump_op(insn),
        class::LDX => load_op(insn, slot.region()),
        class::ST => store_op(insn, slot.region()),
        class::STX if insn.mode() == mode::ATOMIC => atomic_op(insn),
        class::STX => store_op(insn, slot.region()),
        class::LD => packet_load_op(insn),
        _ => Err(Rule::UnknownInsn { code: insn.code }),
    }
}

/// Lowers a 64-bit immediate load, whose second slot is `second`.
pub(super) fn ld_imm64(
    first: Insn,
    second: Option<Insn>,
    maps: &mut MapTable<'_>,
) -> Result<Op, Rule> {
    let malformed = Rule::MalformedInsn {
        code: first.code,
        field: "the second slot of a 64-bit immediate is missing",
    };
    let second = second.filter(|second| second.code == 0 && second.regs == 0 && second.off == 0);
    let high = second.ok_or(malformed)?.imm;
    let value = u64::from(high as u32) << 32 | u64::from(first.imm as u32);
    if matches!(first.src(), pseudo::MAP_FD | pseudo::MAP_IDX) {
        let index = maps.index(value)?;
        return Ok(Op::new(Code::MapAddress, first.dst(), 0, 0, index.into()));
    }
    Ok(Op::new(Code::Const, first.dst(), 0, 0, value))
}

/// The immediate as a 64-bit operand.
fn extended(insn: Insn) -> u64 {
    i64::from(insn.imm) as u64
}

fn alu_op(insn: Insn) -> Result<Op, Rule> {
    let is_64 = insn.class() == class::ALU64;
    let is_reg = insn.code & SRC_REG != 0;
    let is_signed = insn.off != 0;
    let forms = match insn.operation() {
        alu::ADD => forms!(AddReg, AddImm, Add32Reg, Add32Imm),
        alu::SUB => forms!(SubReg, SubImm, Sub32Reg, Sub32Imm),
        alu::MUL => forms!(MulReg, MulImm, Mul32Reg, Mul32Imm),
        alu::DIV if is_signed => forms!(SdivReg, SdivImm, Sdiv32Reg, Sdiv32Imm),
        alu::DIV => forms!(DivReg, DivImm, Div32Reg, Div32Imm),
        alu::MOD if is_signed => forms!(SmodReg, SmodImm, Smod32Reg, Smod32Imm),
        alu::MOD => forms!(ModReg, ModImm, Mod32Reg, Mod32Imm),
        alu::OR => forms!(OrReg, OrImm, Or32Reg, Or32Imm),
        alu::AND => forms!(AndReg, AndImm, And32Reg, And32Imm),
        alu::XOR => forms!(XorReg, XorImm, Xor32Reg, Xor32Imm),
        alu::LSH => forms!(LshReg, LshImm, Lsh32Reg, Lsh32Imm),
        alu::RSH => forms!(RshReg, RshImm, Rsh32Reg, Rsh32Imm),
        alu::ARSH => forms!(ArshReg, ArshImm, Arsh32Reg, Arsh32Imm),
        _ => return unary_op(insn),
    };
    let imm = if is_reg { 0 } else { extended(insn) };
    Ok(Op::new(
        forms.pick(is_64, is_reg),
        insn.dst(),
        insn.dst(),
        insn.src(),
        imm,
    ))
}

fn unary_op(insn: Insn) -> Result<Op, Rule> {
    let is_64 = insn.class() == class::ALU64;
    let is_reg = insn.code & SRC_REG != 0;
    let dst = insn.dst();
    let (code, a) = match insn.operation() {
        alu::MOV if !is_reg => {
            let value = if is_64 {
                extended(insn)
            } else {
                u64::from(insn.imm as u32)
            };
            return Ok(Op::new(Code::Const, dst, 0, 0, value));
        }
        alu::MOV => (move_code(is_64, insn.off), insn.src()),
        alu::NEG if is_64 => (Code::Neg, dst),
        alu::NEG => (Code::Neg32, dst),
        alu::END => (swap_code(is_64 || is_reg, insn.imm), dst),
        _ => return Err(Rule::UnknownInsn { code: insn.code }),
    };
    Ok(Op::new(code, dst, a, 0, 0))
}

/// A move of `width` bits with sign extension, or of the whole register if `width` is 0.
fn move_code(is_64: bool, width: i16) -> Code {
    match (is_64, width) {
        (true, 8) => Code::MovSigned8,
        (true, 16) => Code::MovSigned16,
        (true, 32) => Code::MovSigned32,
        (true, _) => Code::Mov,
        (false, 8) => Code::Mov32Signed8,
        (false, 16) => Code::Mov32Signed16,
        (false, _) => Code::Mov32,
    }
}

/// The device is little endian: unconditional swaps and swaps to big endian reverse bytes, the
/// others only truncate.
fn swap_code(reverses: bool, width: i32) -> Code {
    match (reverses, width) {
        (true, 16) => Code::Swap16,
        (true, 32) => Code::Swap32,
        (true, _) => Code::Swap64,
        (false, 16) => Code::Zext16,
        (false, 32) => Code::Mov32,
        (false, _) => Code::Mov,
    }
}

fn jump_op(insn: Insn) -> Result<Op, Rule> {
    let forms = match insn.operation() {
        jump::JA => return Ok(Op::new(Code::Ja, 0, 0, 0, 0)),
        jump::EXIT => return Ok(Op::new(Code::Exit, 0, 0, 0, 0)),
        jump::CALL if insn.is_local_call() => return Ok(Op::new(Code::CallLocal, 0, 0, 0, 0)),
        jump::CALL => return Ok(Op::new(Code::CallHelper, 0, 0, 0, extended(insn))),
        jump::JEQ => forms!(JeqReg, JeqImm, Jeq32Reg, Jeq32Imm),
        jump::JNE => forms!(JneReg, JneImm, Jne32Reg, Jne32Imm),
        jump::JGT => forms!(JgtReg, JgtImm, Jgt32Reg, Jgt32Imm),
        jump::JGE => forms!(JgeReg, JgeImm, Jge32Reg, Jge32Imm),
        jump::JLT => forms!(JltReg, JltImm, Jlt32Reg, Jlt32Imm),
        jump::JLE => forms!(JleReg, JleImm, Jle32Reg, Jle32Imm),
        jump::JSGT => forms!(JsgtReg, JsgtImm, Jsgt32Reg, Jsgt32Imm),
        jump::JSGE => forms!(JsgeReg, JsgeImm, Jsge32Reg, Jsge32Imm),
        jump::JSLT => forms!(JsltReg, JsltImm, Jslt32Reg, Jslt32Imm),
        jump::JSLE => forms!(JsleReg, JsleImm, Jsle32Reg, Jsle32Imm),
        jump::JSET => forms!(JsetReg, JsetImm, Jset32Reg, Jset32Imm),
        _ => return Err(Rule::UnknownInsn { code: insn.code }),
    };
    let is_reg = insn.code & SRC_REG != 0;
    let constant = if is_reg { 0 } else { insn.imm };
    let imm = Op::packed(constant, 0);
    Ok(Op::new(
        forms.pick(insn.class() == class::JMP, is_reg),
        0,
        insn.dst(),
        insn.src(),
        imm,
    ))
}

/// Picks one of four by access size.
fn by_size(code: u8, sizes: [Code; 4]) -> Code {
    let [byte, half, word, double] = sizes;
    match code & size::DW {
        size::B => byte,
        size::H => half,
        size::W => word,
        _ => double,
    }
}

fn load_op(insn: Insn, region: Hint) -> Result<Op, Rule> {
    let is_word = insn.code & size::DW == size::W;
    let sizes = match region {
        _ if insn.mode() == mode::MEMSX => [
            Code::LoadSigned8,
            Code::LoadSigned16,
            Code::LoadSigned32,
            Code::Load64,
        ],
        Hint::Frame => [
            Code::LoadFrame8,
            Code::LoadFrame16,
            Code::LoadFrame32,
            Code::LoadFrame64,
        ],
        Hint::Stack => [
            Code::LoadStack8,
            Code::LoadStack16,
            Code::LoadStack32,
            Code::LoadStack64,
        ],
        Hint::MapValue => [
            Code::LoadMap8,
            Code::LoadMap16,
            Code::LoadMap32,
            Code::LoadMap64,
        ],
        Hint::Context if is_word => [Code::LoadContext32; 4],
        _ => [Code::Load8, Code::Load16, Code::Load32, Code::Load64],
    };
    Ok(Op::new(by_size(insn.code, sizes), insn.dst(), insn.src(), 0, 0).at(insn.off))
}

fn packet_load_op(insn: Insn) -> Result<Op, Rule> {
    let sizes = if insn.mode() == mode::ABS {
        [
            Code::LoadAbsolute8,
            Code::LoadAbsolute16,
            Code::LoadAbsolute32,
        ]
    } else {
        [
            Code::LoadIndirect8,
            Code::LoadIndirect16,
            Code::LoadIndirect32,
        ]
    };
    let [byte, half, word] = sizes;
    let code = by_size(insn.code, [byte, half, word, word]);
    Ok(Op::new(code, 0, insn.src(), 0, extended(insn)))
}

fn store_op(insn: Insn, region: Hint) -> Result<Op, Rule> {
    let is_reg = insn.class() == class::STX;
    let sizes = match (region, is_reg) {
        (Hint::Stack, true) => [
            Code::StoreStack8Reg,
            Code::StoreStack16Reg,
            Code::StoreStack32Reg,
            Code::StoreStack64Reg,
        ],
        (Hint::Stack, false) => [
            Code::StoreStack8Imm,
            Code::StoreStack16Imm,
            Code::StoreStack32Imm,
            Code::StoreStack64Imm,
        ],
        (Hint::Frame, true) => [
            Code::StoreFrame8Reg,
            Code::StoreFrame16Reg,
            Code::StoreFrame32Reg,
            Code::StoreFrame64Reg,
        ],
        (Hint::Frame, false) => [
            Code::StoreFrame8Imm,
            Code::StoreFrame16Imm,
            Code::StoreFrame32Imm,
            Code::StoreFrame64Imm,
        ],
        (Hint::MapValue, true) => [
            Code::StoreMap8Reg,
            Code::StoreMap16Reg,
            Code::StoreMap32Reg,
            Code::StoreMap64Reg,
        ],
        (Hint::MapValue, false) => [
            Code::StoreMap8Imm,
            Code::StoreMap16Imm,
            Code::StoreMap32Imm,
            Code::StoreMap64Imm,
        ],
        (_, true) => [
            Code::Store8Reg,
            Code::Store16Reg,
            Code::Store32Reg,
            Code::Store64Reg,
        ],
        (_, false) => [
            Code::Store8Imm,
            Code::Store16Imm,
            Code::Store32Imm,
            Code::Store64Imm,
        ],
    };
    let imm = if is_reg { 0 } else { extended(insn) };
    Ok(Op::new(by_size(insn.code, sizes), 0, insn.dst(), insn.src(), imm).at(insn.off))
}

fn atomic_op(insn: Insn) -> Result<Op, Rule> {
    let op = match insn.imm {
        atomic::LOAD_ACQUIRE => {
            let sizes = [
                Code::LoadAcquire8,
                Code::LoadAcquire16,
                Code::LoadAcquire32,
                Code::LoadAcquire64,
            ];
            Op::new(by_size(insn.code, sizes), insn.dst(), insn.src(), 0, 0)
        }
        atomic::STORE_RELEASE => {
            let sizes = [
                Code::StoreRelease8,
                Code::StoreRelease16,
                Code::StoreRelease32,
                Code::StoreRelease64,
            ];
            Op::new(by_size(insn.code, sizes), 0, insn.dst(), insn.src(), 0)
        }
        operation => {
            let code = if insn.code & size::DW == size::DW {
                Code::Atomic64
            } else {
                Code::Atomic32
            };
            Op::new(code, 0, insn.dst(), insn.src(), u64::from(operation as u32))
        }
    };
    Ok(op.at(insn.off))
}

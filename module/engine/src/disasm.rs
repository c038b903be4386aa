// SPDX-License-Identifier: GPL-2.0

//! The disassembly of a device image, one operation per line.

use core::fmt;

use crate::helper::Helper;
use crate::image::Image;
use crate::memory::Memory;
use crate::numbered::numbered;
use crate::op::{Code, Op};

impl<M: Memory> fmt::Display for Image<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, op) in numbered(self.ops()) {
            let origin = self.origin(index).unwrap_or(0);
            writeln!(f, "{index:5}: {op}  ; insn {origin}")?;
        }
        Ok(())
    }
}

/// Which fields an operation uses.
#[derive(Clone, Copy)]
enum Shape {
    /// dst, a, b
    Binary,
    /// dst, a, imm
    BinaryImm,
    /// dst, a
    Unary,
    /// dst, [a + offset]
    Load,
    /// [a + offset], b
    Store,
    /// [a + offset], imm
    StoreImm,
    /// [a + offset], b, imm
    Atomic,
    /// a, b -> target
    Compare,
    /// a, imm -> target
    CompareImm,
    /// dst, a, imm, b -> target
    AddCompare,
    /// dst, [a + high half of imm], low half of imm -> target
    LoadCompare,
    /// Something of its own.
    Other,
}

fn shape(code: Code) -> Shape {
    let within = |first: Code, last: Code| (first as u8..=last as u8).contains(&(code as u8));
    // Forms with a register and with an immediate take turns in these ranges.
    let is_imm = |first: Code| (code as u8).wrapping_sub(first as u8) % 2 == 1;
    // Four sizes with a register are followed by four with an immediate in this one.
    let is_store_imm = (code as u8).wrapping_sub(Code::Store8Reg as u8) % 8 >= 4;
    if within(Code::AddReg, Code::Arsh32Imm) {
        return if is_imm(Code::AddReg) {
            Shape::BinaryImm
        } else {
            Shape::Binary
        };
    }
    if within(Code::JeqReg, Code::Jset32Imm) {
        return if is_imm(Code::JeqReg) {
            Shape::CompareImm
        } else {
            Shape::Compare
        };
    }
    if within(Code::Store8Reg, Code::StoreStack64Imm) {
        return if is_store_imm {
            Shape::StoreImm
        } else {
            Shape::Store
        };
    }
    let ranges = [
        (Code::Mov, Code::Zext16, Shape::Unary),
        (Code::Load8, Code::LoadContext32, Shape::Load),
        (Code::Atomic32, Code::Atomic64, Shape::Atomic),
        (Code::LoadAcquire8, Code::LoadAcquire64, Shape::Load),
        (Code::StoreRelease8, Code::StoreRelease64, Shape::Store),
        (Code::AddJgt, Code::AddJle, Shape::AddCompare),
        (
            Code::LoadFrame8Jeq,
            Code::LoadFrame32Jne,
            Shape::LoadCompare,
        ),
    ];
    let found = ranges
        .into_iter()
        .find(|(first, last, _)| within(*first, *last));
    found.map_or(Shape::Other, |(_, _, shape)| shape)
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            code,
            dst,
            a,
            b,
            extra,
            imm,
        } = *self;
        let offset = extra as i32;
        let signed = imm as i64;
        write!(f, "{:<16} ", code.mnemonic())?;
        match shape(code) {
            Shape::Binary => write!(f, "r{dst}, r{a}, r{b}"),
            Shape::BinaryImm => write!(f, "r{dst}, r{a}, {signed}"),
            Shape::Unary => write!(f, "r{dst}, r{a}"),
            Shape::Load => write!(f, "r{dst}, [r{a}{offset:+}]"),
            Shape::Store => write!(f, "[r{a}{offset:+}], r{b}"),
            Shape::StoreImm => write!(f, "[r{a}{offset:+}], {signed}"),
            Shape::Atomic => write!(f, "[r{a}{offset:+}], r{b}, {imm:#x}"),
            Shape::Compare => write!(f, "r{a}, r{b} -> {extra}"),
            Shape::CompareImm => write!(f, "r{a}, {signed} -> {extra}"),
            Shape::AddCompare => write!(f, "r{dst}, r{a}, {signed}, r{b} -> {extra}"),
            Shape::LoadCompare => {
                let (offset, value) = (signed >> 32, imm as u32);
                write!(f, "r{dst}, [r{a}{offset:+}], {value} -> {extra}")
            }
            Shape::Other => match code {
                Code::Const => write!(f, "r{dst}, {signed}"),
                Code::MapAddress => write!(f, "r{dst}, map {imm}"),
                Code::Ja => write!(f, "-> {extra}"),
                Code::CallLocal => write!(f, "-> {extra}"),
                Code::CallHelper => {
                    let helper = i32::try_from(imm).ok().and_then(Helper::from_id);
                    f.write_str(helper.map_or("?", Helper::name))
                }
                _ => Ok(()),
            },
        }
    }
}

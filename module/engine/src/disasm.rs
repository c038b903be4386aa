// SPDX-License-Identifier: GPL-2.0

//! The disassembly of a device image, one operation per line.

use core::fmt;

use crate::gather::Gather;
use crate::hash_step::HashStep;
use crate::helper::Helper;
use crate::image::Image;
use crate::memory::Memory;
use crate::numbered::numbered;
use crate::op::{Code, Op, Register};

impl<M: Memory> fmt::Display for Image<M> {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, op) in numbered(self.ops()) {
            let origin = self.origin(index).unwrap_or(0);
            writeln!(f, "{index:5}: {op}  ; insn {origin}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Register {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", *self as u8)
    }
}

/// Writes the registers of a gathering operation, each with the bytes that it gets as four bits.
#[inline]
fn write_parts(f: &mut fmt::Formatter<'_>, op: &Op) -> fmt::Result {
    let Gather { parts, others } = Gather::of(op);
    let [third, fourth] = others;
    for (register, part) in [op.dst, op.b, third, fourth].into_iter().zip(parts) {
        write!(f, ", {register}/{part:x}")?;
    }
    Ok(())
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
    /// a, constant -> target
    CompareImm,
    /// dst, a, constant, b -> target
    AddCompare,
    /// dst, a, second constant, constant -> target
    AddCompareImm,
    /// The same with an unsigned second constant.
    AndCompare,
    /// dst, [a + second constant], constant -> target
    LoadCompare,
    /// dst, [a + offset], b
    LoadAdd,
    /// dst, a, imm, b
    ShiftOr,
    /// Something of its own.
    Other,
}

#[inline]
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
    if within(Code::Store8Reg, Code::StoreMap64Imm) {
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
        (Code::LoadFrame16Add, Code::LoadFrame32Xor, Shape::LoadAdd),
        (Code::LshOr, Code::LshOr32, Shape::ShiftOr),
        (Code::AddJgt, Code::AddJle, Shape::AddCompare),
        (Code::AddJneImm, Code::Add32Jlt32Imm, Shape::AddCompareImm),
        (Code::AndJeqImm, Code::AndJltImm, Shape::AndCompare),
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
    #[inline]
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
        let constant = self.constant() as i64;
        let second = self.second_signed() as i64;
        write!(f, "{:<16} ", code.mnemonic())?;
        match shape(code) {
            Shape::Binary => write!(f, "{dst}, {a}, {b}"),
            Shape::BinaryImm => write!(f, "{dst}, {a}, {signed}"),
            Shape::Unary => write!(f, "{dst}, {a}"),
            Shape::Load => write!(f, "{dst}, [{a}{offset:+}]"),
            Shape::Store => write!(f, "[{a}{offset:+}], {b}"),
            Shape::StoreImm => write!(f, "[{a}{offset:+}], {signed}"),
            Shape::Atomic => write!(f, "[{a}{offset:+}], {b}, {imm:#x}"),
            Shape::Compare => write!(f, "{a}, {b} -> {extra}"),
            Shape::CompareImm => write!(f, "{a}, {constant} -> {extra}"),
            Shape::AddCompare => write!(f, "{dst}, {a}, {constant}, {b} -> {extra}"),
            Shape::AddCompareImm => write!(f, "{dst}, {a}, {second}, {constant} -> {extra}"),
            Shape::AndCompare => {
                write!(f, "{dst}, {a}, {}, {constant} -> {extra}", self.second())
            }
            Shape::LoadCompare => {
                write!(f, "{dst}, [{a}{second:+}], {} -> {extra}", imm as u32)
            }
            Shape::LoadAdd => write!(f, "{dst}, [{a}{offset:+}], {b}"),
            Shape::ShiftOr => write!(f, "{dst}, {a}, {imm}, {b}"),
            Shape::Other => match code {
                Code::Const => write!(f, "{dst}, {signed}"),
                Code::MapAddress => write!(f, "{dst}, map {imm}"),
                Code::Ja => write!(f, "-> {extra}"),
                Code::CallLocal => write!(f, "-> {extra}"),
                Code::RshLshOr32 => {
                    let (right, left) = (self.second(), imm & 31);
                    write!(f, "{b}, {a}, {right}, {dst}, {}, {left}", self.third())
                }
                Code::XorSub32 => write!(f, "{dst}, {a}, {b}, {}", self.third()),
                Code::XorRshSub32 => write!(f, "{dst}, {a}, {b}, {imm}"),
                Code::HashSteps => {
                    write!(f, "{a}")?;
                    let mut steps = imm;
                    for _ in 0..HashStep::count(imm) {
                        let HashStep { left, minuend, dst } = HashStep::of(steps);
                        write!(f, "; {b}, {left}, {dst}, {minuend}")?;
                        steps >>= HashStep::BITS;
                    }
                    Ok(())
                }
                Code::LoadFrame16LshOr32 => write!(f, "{dst}, [{a}{offset:+}], {imm}, {b}"),
                Code::LoadFrame8AndJeq
                | Code::LoadFrame16AndJeq
                | Code::LoadFrame8AndJne
                | Code::LoadFrame16AndJne
                | Code::LoadFrame8AndJlt
                | Code::LoadFrame16AndJlt => {
                    let (third, constant) = (self.third(), imm as u16);
                    let offset = self.high_offset() as i64;
                    write!(f, "{third}, [{a}{offset:+}], {dst}, {}", self.second())?;
                    write!(f, ", {constant} -> {extra}")
                }
                Code::LshAnd32 => write!(f, "{dst}, {a}, {}, {constant}", self.second()),
                Code::Gather16 | Code::Gather32 => {
                    write!(f, "[{a}{offset:+}]")?;
                    write_parts(f, self)
                }
                Code::Gather16Jeq | Code::Gather16Jne => {
                    write!(f, "[{a}{:+}]", self.high_offset() as i64)?;
                    write_parts(f, self)?;
                    write!(f, ", {} -> {extra}", self.second())
                }
                Code::LoadAbsolute8 | Code::LoadAbsolute16 | Code::LoadAbsolute32 => {
                    write!(f, "{dst}, frame[{signed}]")
                }
                Code::LoadIndirect8 | Code::LoadIndirect16 | Code::LoadIndirect32 => {
                    write!(f, "{dst}, frame[{a}{signed:+}]")
                }
                Code::XorAdd32Imm => write!(f, "{dst}, {a}, {b}, {signed}"),
                Code::LoadHalves32 => write!(f, "{dst}, {b}, [{a}{offset:+}]"),
                Code::StoreLookUp => write!(f, "[{a}{offset:+}], {b}, map {}", imm as u16),
                Code::LoadBoundsJgt => {
                    let (needed, more) = (self.third(), self.second());
                    write!(f, "{dst}, {b}, [{a}], {needed}, {more} -> {extra}")
                }
                Code::JeqElseJne | Code::JeqElseJne32 => {
                    let (equal, other, ahead) = (imm as u16, self.second(), imm >> 48);
                    write!(f, "{a}, {equal} -> {ahead:+}, {other} -> {extra}")
                }
                Code::LookUp => write!(f, "[{a}{offset:+}], map {}", imm as u16),
                Code::MovJeqNull | Code::MovJneNull => {
                    write!(f, "{dst}, {a}, {b}, {constant} -> {extra}")
                }
                Code::CopyNeighbour => {
                    let (third, forward) = (self.third(), self.second());
                    write!(f, "[{a}{offset:+}], {forward}, {dst}, {third}")
                }
                Code::CopyMap | Code::CopyStack32 | Code::CopyStack16 => {
                    let third = self.third();
                    write!(f, "[{b}{second:+}], [{a}{offset:+}], {dst}, {third}")
                }
                Code::LoadFrame8JneBoth => {
                    let [one, other, ..] = imm.to_le_bytes();
                    write!(f, "{dst}, [{a}{second:+}], {one}, {other} -> {extra}")
                }
                Code::IncrementMap64 => write!(f, "{dst}, [{a}{offset:+}], {second}"),
                Code::LoadBounds => write!(f, "{dst}, {b}, [{a}]"),
                Code::CallHelper => {
                    let helper = i32::try_from(imm).ok().and_then(Helper::from_id);
                    f.write_str(helper.map_or("?", Helper::name))
                }
                _ => Ok(()),
            },
        }
    }
}

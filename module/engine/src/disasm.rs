// SPDX-License-Identifier: GPL-2.0

//! The disassembly of a device image, one operation per line.

use core::fmt;

use crate::gather::Gather;
use crate::hash_step::HashStep;
use crate::helper::Helper;
use crate::image::Image;
use crate::memory::Memory;
use crate::numbered::numbered;
use crate::op::{Op, Operand, Register};

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
    let mut separator = "";
    for (register, part) in [op.dst, op.b, third, fourth].into_iter().zip(parts) {
        write!(f, "{separator}{register}/{part:x}")?;
        separator = ", ";
    }
    Ok(())
}

/// Writes what the steps of a hash do.
#[inline]
fn write_hash_steps(f: &mut fmt::Formatter<'_>, op: &Op) -> fmt::Result {
    let mut steps = op.imm;
    let mut separator = "";
    for _ in 0..HashStep::count(op.imm) {
        let HashStep { left, minuend, dst } = HashStep::of(steps);
        write!(f, "{separator}{}, {left}, {dst}, {minuend}", op.b)?;
        separator = "; ";
        steps >>= HashStep::BITS;
    }
    Ok(())
}

impl Operand {
    #[inline]
    fn write(self, f: &mut fmt::Formatter<'_>, op: &Op) -> fmt::Result {
        let (a, b, imm) = (op.a, op.b, op.imm);
        let second = op.second_signed() as i64;
        match self {
            Self::Dst => write!(f, "{}", op.dst),
            Self::A => write!(f, "{a}"),
            Self::B => write!(f, "{b}"),
            Self::Third => write!(f, "{}", op.third()),
            Self::Imm => write!(f, "{}", imm as i64),
            Self::ImmHex => write!(f, "{imm:#x}"),
            Self::Constant => write!(f, "{}", op.constant() as i64),
            Self::Second => write!(f, "{}", op.second()),
            Self::SecondSigned => write!(f, "{second}"),
            Self::Low5 => write!(f, "{}", imm & 31),
            Self::Low16 => write!(f, "{}", imm as u16),
            Self::Low32 => write!(f, "{}", imm as u32),
            Self::TwoBytes => write!(f, "{}, {}", imm as u8, (imm >> 8) as u8),
            Self::At => write!(f, "[{a}]"),
            Self::AtOffset => write!(f, "[{a}{:+}]", op.extra as i32),
            Self::AtSecond => write!(f, "[{a}{second:+}]"),
            Self::AtHigh => write!(f, "[{a}{:+}]", op.high_offset() as i64),
            Self::ToSecond => write!(f, "[{b}{second:+}]"),
            Self::Packet => write!(f, "frame[{}]", imm as i64),
            Self::PacketAt => write!(f, "frame[{a}{:+}]", imm as i64),
            Self::Map => write!(f, "map {}", imm as u16),
            Self::Helper => {
                let helper = i32::try_from(imm).ok().and_then(Helper::from_id);
                f.write_str(helper.map_or("?", Helper::name))
            }
            Self::HashSteps => write_hash_steps(f, op),
            Self::Parts => write_parts(f, op),
            Self::Ahead => write!(f, "{:+}", imm >> 48),
            Self::Target | Self::TargetAhead => write!(f, "{}", op.extra),
        }
    }
}

impl fmt::Display for Op {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<16} ", self.code.mnemonic())?;
        let mut is_first = true;
        for operand in self.code.operands() {
            let separator = match operand {
                Operand::Target | Operand::TargetAhead | Operand::Ahead if is_first => "-> ",
                Operand::Target | Operand::TargetAhead | Operand::Ahead => " -> ",
                _ if is_first => "",
                Operand::HashSteps => "; ",
                _ => ", ",
            };
            f.write_str(separator)?;
            operand.write(f, self)?;
            is_first = false;
        }
        Ok(())
    }
}

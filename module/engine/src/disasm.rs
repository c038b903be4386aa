// SPDX-License-Identifier: GPL-2.0

//! The disassembly of a device image, one operation per line.

use core::fmt;

use crate::helper::Helper;
use crate::image::Image;
use crate::memory::Memory;
use crate::op::{Code, Op};

impl<M: Memory> fmt::Display for Image<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, op) in self.ops().iter().enumerate() {
            let origin = self.origin(index).unwrap_or(0);
            writeln!(f, "{index:5}: {op}  ; insn {origin}")?;
        }
        Ok(())
    }
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
        write!(f, "{:<16} ", code.mnemonic())?;
        match code {
            Code::Exit => Ok(()),
            Code::Ja => write!(f, "-> {extra}"),
            Code::CallLocal => write!(f, "-> {extra} ({imm} ops)"),
            Code::CallHelper => {
                let helper = i32::try_from(imm).ok().and_then(Helper::from_id);
                write!(f, "{}", helper.map_or("?", Helper::name))
            }
            Code::Const => write!(f, "r{dst}, {imm:#x}"),
            Code::MapAddress => write!(f, "r{dst}, map {imm}"),
            _ => {
                write!(f, "r{dst}, r{a}, r{b}, {:#x}", imm as i64)?;
                if code.has_offset() {
                    write!(f, ", [{:+}]", extra as i32)?;
                }
                if code.has_target() {
                    write!(f, " -> {extra}")?;
                }
                Ok(())
            }
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What the verifier would say of the programs: what each register holds before each instruction.
//! Only as much of it as these programs need.

use engine::insn::{alu, class, jump, mode, pseudo, size, Insn, FRAME_POINTER, SRC_REG};
use engine::store::{RegisterFacts, RegisterKind};
use std::collections::BTreeMap;

const SCALAR: RegisterKind = RegisterKind::Scalar { constant: None };

/// What the registers and the eight-byte slots of the stack hold.
#[derive(Clone, PartialEq)]
pub(crate) struct Facts {
    registers: [RegisterKind; 11],
    spilled: BTreeMap<i16, RegisterKind>,
}

impl RegisterFacts for Facts {
    fn kind(&self, reg: u8) -> RegisterKind {
        self.registers[usize::from(reg)]
    }

    fn offset(&self, _reg: u8) -> i32 {
        0
    }
}

impl Facts {
    fn at_entry() -> Self {
        let mut registers = [RegisterKind::NotInit; 11];
        registers[1] = RegisterKind::Ctx;
        registers[usize::from(FRAME_POINTER)] = RegisterKind::Stack;
        Self {
            registers,
            spilled: BTreeMap::new(),
        }
    }

    /// What holds whichever way execution came.
    fn join(&mut self, other: &Self) {
        for (kind, other) in self.registers.iter_mut().zip(&other.registers) {
            if *kind != *other {
                *kind = RegisterKind::Other;
            }
        }
        self.spilled
            .retain(|slot, kind| other.spilled.get(slot) == Some(kind));
    }

    fn after(&self, insn: Insn) -> Self {
        let mut after = self.clone();
        let (dst, src) = (usize::from(insn.dst()), usize::from(insn.src()));
        let is_pointer = |kind| {
            matches!(
                kind,
                RegisterKind::Packet | RegisterKind::Stack | RegisterKind::MapValue
            )
        };
        match insn.class() {
            class::ALU => after.registers[dst] = SCALAR,
            class::ALU64 => {
                let right = if insn.code & SRC_REG == 0 {
                    SCALAR
                } else {
                    self.registers[src]
                };
                after.registers[dst] = match (insn.operation(), self.registers[dst]) {
                    (alu::MOV, _) => right,
                    (alu::ADD, left) if is_pointer(left) => left,
                    (alu::ADD, _) if is_pointer(right) => right,
                    (alu::SUB, left) if is_pointer(left) && !is_pointer(right) => left,
                    _ => SCALAR,
                };
            }
            class::LD if insn.src() == pseudo::MAP_FD => {
                after.registers[dst] = RegisterKind::MapPointer;
            }
            class::LD => after.registers[dst] = SCALAR,
            class::LDX => {
                after.registers[dst] = match (self.registers[src], insn.off) {
                    (RegisterKind::Ctx, 0) => RegisterKind::Packet,
                    (RegisterKind::Ctx, 4) => RegisterKind::PacketEnd,
                    (RegisterKind::Stack, off) if insn.code & size::DW == size::DW => {
                        self.spilled.get(&off).copied().unwrap_or(SCALAR)
                    }
                    _ => SCALAR,
                };
            }
            class::STX
                if insn.mode() == mode::MEM && self.registers[dst] == RegisterKind::Stack =>
            {
                after.spilled.insert(insn.off, self.registers[src]);
            }
            class::JMP if insn.operation() == jump::CALL => {
                after.registers[0] = RegisterKind::MapValue;
                after.registers[1..6].fill(RegisterKind::NotInit);
            }
            _ => {}
        }
        after
    }
}

/// The facts before each instruction; `None` where execution never comes.
pub(crate) fn of(insns: &[Insn]) -> Vec<Option<Facts>> {
    let mut facts: Vec<Option<Facts>> = vec![None; insns.len()];
    let mut todo = vec![(0, Facts::at_entry())];
    while let Some((at, came)) = todo.pop() {
        let joined = match &facts[at] {
            None => came,
            Some(known) => {
                let mut joined = known.clone();
                joined.join(&came);
                if joined == *known {
                    continue;
                }
                joined
            }
        };
        let insn = insns[at];
        let after = joined.after(insn);
        facts[at] = Some(joined);
        let jumps = matches!(insn.class(), class::JMP | class::JMP32);
        let target = (at as i64 + 1 + i64::from(insn.off)) as usize;
        match insn.operation() {
            jump::EXIT if jumps => {}
            jump::JA if jumps => todo.push((target, after)),
            jump::CALL if jumps => todo.push((at + 1, after)),
            _ if jumps => todo.extend([(target, after.clone()), (at + 1, after)]),
            _ => todo.push((at + 1 + usize::from(insn.is_ld_imm64()), after)),
        }
    }
    facts
}

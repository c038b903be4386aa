// SPDX-License-Identifier: GPL-2.0

//! Header fields that a compiler loads byte by byte.
//!
//! A field of two bytes takes four instructions: load, load, shift, or; one of four takes ten, in
//! an order that is the compiler's own affair. So what is looked for is no pattern: the registers
//! are followed through loads of bytes, shifts, ors and moves, and wherever all of them hold bytes
//! of one word, each at its place in the word, one operation can do everything up to there.

use crate::gather::Gather;
use crate::insn::{alu, class, jump, mode, size, Insn, SRC_REG};
use crate::numbered::numbered;
use crate::op::{Code, Op, Register};
use crate::store::{Hint, Slot};

/// The fewest slots that make it worth an operation more.
const FEWEST: usize = 4;
/// Where to stop looking: four bytes and what combines them take no more.
const MOST: usize = 16;
/// The registers that one operation can set.
const REGISTERS: usize = 4;
/// Bytes are numbered from this many in front of the one that is loaded first.
const IN_FRONT: i16 = 3;

/// What a register holds: bytes of the frame.
#[derive(Clone, Copy)]
struct Value {
    register: Register,
    /// Which ones: bit `i` is the byte `i - IN_FRONT` behind the one that was loaded first.
    bytes: u8,
    /// Place in the register less number, the same for all bytes.
    shift: i16,
}

impl Value {
    /// The places in the register that are taken: bit `i` is byte `i`. `None` if the bytes do not
    /// fit into a word of four.
    fn places(&self) -> Option<u8> {
        let left = u32::try_from(self.shift).ok();
        let places = match left {
            Some(left) => u16::from(self.bytes).checked_shl(left)?,
            None => u16::from(self.bytes).checked_shr(self.shift.unsigned_abs().into())?,
        };
        let all = places.count_ones() == self.bytes.count_ones();
        u8::try_from(places)
            .ok()
            .filter(|places| all && *places < 16)
    }
}

/// Registers on the way through the instructions.
#[derive(Clone, Copy)]
struct Bytes {
    base: Register,
    /// Offset of the byte that is loaded first.
    first: i16,
    values: [Option<Value>; REGISTERS],
    /// Whether `base` still is what it was.
    has_base: bool,
    has_or: bool,
}

impl Bytes {
    fn value(&self, register: Register) -> Option<Value> {
        let mut values = self.values.iter().flatten();
        values.find(|value| value.register == register).copied()
    }

    fn set(&mut self, value: Value) -> Option<()> {
        self.has_base &= value.register != self.base;
        let same = |slot: &Option<Value>| slot.is_some_and(|old| old.register == value.register);
        let known = self.values.iter().any(same);
        let mut slots = self.values.iter_mut();
        let slot = slots.find(|slot| if known { same(slot) } else { slot.is_none() });
        *slot? = Some(value);
        Some(())
    }

    /// Follows `slot`; `None` if it is something else than a step on the way.
    fn follow(&mut self, slot: &Slot) -> Option<()> {
        let insn = slot.insn;
        let register = Register::of(insn.dst());
        if is_byte_load(slot) {
            if !self.has_base || Register::of(insn.src()) != self.base {
                return None;
            }
            let number = insn.off.checked_sub(self.first)?.checked_add(IN_FRONT)?;
            let bytes = 1_u8.checked_shl(u32::try_from(number).ok()?)?;
            return self.set(Value {
                register,
                bytes,
                shift: 0_i16.checked_sub(number)?,
            });
        }
        if !matches!(insn.class(), class::ALU | class::ALU64) || insn.off != 0 {
            return None;
        }
        let is_reg = insn.code & SRC_REG != 0;
        let source = self.value(Register::of(insn.src()));
        let value = match (insn.operation(), is_reg) {
            (alu::MOV, true) => Value {
                register,
                ..source?
            },
            (alu::LSH, false) => {
                let old = self.value(register)?;
                let places = whole_bytes(insn)?;
                Value {
                    shift: old.shift.checked_add(places)?,
                    ..old
                }
            }
            (alu::OR, true) => {
                let (left, right) = (self.value(register)?, source?);
                if left.shift != right.shift {
                    return None;
                }
                self.has_or = true;
                Value {
                    bytes: left.bytes | right.bytes,
                    ..left
                }
            }
            _ => return None,
        };
        // What 32 bits do not hold depends on the width of the instruction.
        value.places()?;
        self.set(value)
    }

    /// The operation that sets all registers as they are now, if there is one.
    fn gathered(&self) -> Option<Op> {
        let mut values = self.values.iter().flatten();
        let dst = *values.next().filter(|_| self.has_or)?;
        let b = *values.next()?;
        let [third, fourth] = [values.next(), values.next()].map(|value| *value.unwrap_or(&dst));
        let all = [dst, b, third, fourth];
        if all.iter().any(|value| value.shift != dst.shift) {
            return None;
        }
        let parts = [
            dst.places()?,
            b.places()?,
            third.places()?,
            fourth.places()?,
        ];
        let gather = Gather {
            parts,
            others: [third.register, fourth.register],
        };
        let is_half = parts.iter().all(|places| *places < 4);
        let code = if is_half {
            Code::Gather16
        } else {
            Code::Gather32
        };
        // The byte that has place 0.
        let offset = self.first.checked_sub(IN_FRONT)?.checked_sub(dst.shift)?;
        let registers = [dst.register, self.base, b.register].map(|register| register as u8);
        let [dst, base, b] = registers;
        Some(Op::new(code, dst, base, b, gather.to_imm()).at(offset))
    }
}

fn is_byte_load(slot: &Slot) -> bool {
    slot.insn.code == class::LDX | mode::MEM | size::B && slot.region() == Hint::Frame
}

/// By how many bytes `insn` shifts.
fn whole_bytes(insn: Insn) -> Option<i16> {
    match insn.imm {
        8 => Some(1),
        16 => Some(2),
        24 => Some(3),
        _ => None,
    }
}

/// The operation that does what the first slots of `slots` do, and how many these are.
pub(super) fn find(slots: &[Slot]) -> Option<(Op, usize)> {
    let first = slots.first().filter(|slot| is_byte_load(slot))?.insn;
    let mut bytes = Bytes {
        base: Register::of(first.src()),
        first: first.off,
        values: [None; REGISTERS],
        has_base: true,
        has_or: false,
    };
    let mut found = None;
    for (index, slot) in numbered(slots.get(..MOST).unwrap_or(slots)) {
        if bytes.follow(slot).is_none() {
            break;
        }
        let taken = index.wrapping_add(1);
        if let Some(op) = bytes.gathered().filter(|_| taken >= FEWEST) {
            found = Some((op, taken));
        }
    }
    let (op, taken) = found?;
    let jump = slots.get(taken).and_then(|slot| with_jump(&op, slot.insn));
    Some(jump.map_or((op, taken), |op| (op, taken.wrapping_add(1))))
}

/// `gather` and the jump `insn`, which compares two bytes with a constant.
fn with_jump(gather: &Op, insn: Insn) -> Option<Op> {
    let compares = matches!(insn.class(), class::JMP | class::JMP32) && insn.code & SRC_REG == 0;
    // No shortcut goes back: what that costs would not fit in.
    if gather.code != Code::Gather16 || !compares || insn.off < 0 {
        return None;
    }
    let code = match insn.operation() {
        jump::JEQ => Code::Gather16Jeq,
        jump::JNE => Code::Gather16Jne,
        _ => return None,
    };
    let constant = u16::try_from(insn.imm).ok()?;
    // What is compared is `dst`, the last one set.
    let Gather { parts, others } = Gather::of(gather);
    let [dst, b, ..] = parts;
    let compared = Register::of(insn.dst());
    let has_two = others.iter().all(|other| *other == gather.dst);
    let (dst, b, registers) = if compared == gather.dst {
        (dst, b, (gather.dst, gather.b))
    } else if compared == gather.b {
        (b, dst, (gather.b, gather.dst))
    } else {
        return None;
    };
    let gathered = Gather {
        parts: [dst, b, dst, dst],
        others: [registers.0; 2],
    };
    let offset = u64::from(gather.extra as u16) << 48;
    has_two.then_some(Op {
        code,
        dst: registers.0,
        b: registers.1,
        extra: 0,
        imm: gathered.to_imm() | u64::from(constant) << 32 | offset,
        ..*gather
    })
}

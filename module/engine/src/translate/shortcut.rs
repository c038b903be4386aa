// SPDX-License-Identifier: GPL-2.0

//! What one operation can do in place of many, while the many stay behind it.
//!
//! A shortcut is only for the common case. The operations that it stands for are there too: jumps
//! into their midst lead to them, and where the common case is not given, they are executed.

use super::gather;
use crate::helper::Helper;
use crate::insn::{alu, class, jump, mode, pseudo, size, Insn, SRC_REG};
use crate::op::{Code, Op, Register};
use crate::skb;
use crate::store::{Hint, ProgramKind, Slot};

/// The fewest slots that a shortcut stands for.
pub(super) const FEWEST: usize = 2;

/// Bytes of an Ethernet address, and the slots in which a compiler copies one.
const ADDRESS_LEN: i16 = 6;
const COPY_SLOTS: usize = 2 * ADDRESS_LEN as usize;

/// The shortcut for the first slots of `slots`, and how many these are.
pub(super) fn find(kind: ProgramKind, slots: &[Slot]) -> Option<(Op, usize)> {
    let first = slots.first()?.insn;
    match first.class() {
        class::LD => look_up(slots).map(|slots| (Op::new(Code::LookUp, 0, 2, 0, 0), slots)),
        class::ALU64 => look_up_of_local(slots),
        class::STX => store_then_look_up(slots),
        class::JMP | class::JMP32 => choice(slots),
        class::LDX => gather::find(slots)
            .or_else(|| halves(slots))
            .or_else(|| bounds_then_jump(kind, slots))
            .or_else(|| bounds(kind, slots))
            .or_else(|| increment(slots))
            .or_else(|| copy_to_stack(slots))
            .or_else(|| copy(slots)),
        _ => None,
    }
}

/// The bits of a shortcut's immediate that make it pass over the `skip` operations behind it.
pub(super) const fn passing_over(skip: u8) -> u64 {
    (skip as u64) << 24
}

/// `r1 = map; call bpf_map_lookup_elem`; how many slots these are.
fn look_up(slots: &[Slot]) -> Option<usize> {
    let [first, _, call, ..] = slots else {
        return None;
    };
    let is_map = first.insn.is_ld_imm64()
        && first.insn.dst() == 1
        && matches!(first.insn.src(), pseudo::MAP_FD | pseudo::MAP_IDX);
    let is_lookup = call.insn.code == class::JMP | jump::CALL
        && call.insn.src() == 0
        && call.insn.imm == Helper::MapLookupElem as i32;
    (is_map && is_lookup).then_some(3)
}

/// The same behind `r2 = s; r2 += imm`, with which a program names a variable of its own.
fn look_up_of_local(slots: &[Slot]) -> Option<(Op, usize)> {
    let [mov, add, behind @ ..] = slots else {
        return None;
    };
    let found = mov.insn.code == class::ALU64 | alu::MOV | SRC_REG
        && mov.insn.off == 0
        && add.insn.code == class::ALU64 | alu::ADD
        && add.insn.off == 0
        && mov.insn.dst() == 2
        && add.insn.dst() == 2;
    let offset = i16::try_from(add.insn.imm).ok().filter(|_| found)?;
    let op = Op::new(Code::LookUp, 0, mov.insn.src(), 0, 0).at(offset);
    look_up(behind).map(|slots| (op, slots.wrapping_add(2)))
}

/// `key on the stack = k`, and the lookup of it.
fn store_then_look_up(slots: &[Slot]) -> Option<(Op, usize)> {
    let (store, behind) = slots.split_first()?;
    let (op, taken) = look_up_of_local(behind)?;
    let (base, stored) = (store.insn.dst(), store.insn.src());
    let found = store.insn.code == class::STX | mode::MEM | size::W
        && store.region() == Hint::Stack
        && op == Op::new(Code::LookUp, 0, base, 0, 0).at(store.insn.off);
    let op = Op::new(Code::StoreLookUp, 0, base, stored, 0).at(store.insn.off);
    found.then_some((op, taken.wrapping_add(1)))
}

/// Twice `t = header field; field on the stack = t`, the second fields behind the first ones.
fn copy_to_stack(slots: &[Slot]) -> Option<(Op, usize)> {
    let [load, store, second_load, second_store, ..] = slots else {
        return None;
    };
    let (code, width, len) = match load.insn.code & size::DW {
        size::W => (Code::CopyStack32, size::W, 4),
        size::H => (Code::CopyStack16, size::H, 2),
        _ => return None,
    };
    let (from, to) = (load.insn.src(), store.insn.dst());
    let is_pair = |load: &Slot, store: &Slot| {
        load.insn.code == class::LDX | mode::MEM | width
            && load.region() == Hint::Frame
            && load.insn.src() == from
            && load.insn.dst() != to
            && store.insn.code == class::STX | mode::MEM | width
            && store.region() == Hint::Stack
            && store.insn.dst() == to
            && store.insn.src() == load.insn.dst()
    };
    let found = is_pair(load, store)
        && is_pair(second_load, second_store)
        && load.insn.dst() != from
        && load.insn.off.checked_add(len) == Some(second_load.insn.off)
        && store.insn.off.checked_add(len) == Some(second_store.insn.off);
    let imm = Op::packed(0, store.insn.off as u16);
    let imm = Op::with_third(Register::of(load.insn.dst()), imm);
    let op = Op::new(code, second_load.insn.dst(), from, to, imm).at(load.insn.off);
    found.then_some((op, 4))
}

/// `d = ctx.data_end; s = ctx.data`, in any order.
fn bounds(kind: ProgramKind, slots: &[Slot]) -> Option<(Op, usize)> {
    let [first, second, ..] = slots else {
        return None;
    };
    let is_word = |slot: &Slot| {
        slot.insn.code == class::LDX | mode::MEM | size::W && slot.region() == Hint::Context
    };
    let (first_insn, second_insn) = (first.insn, second.insn);
    let context = first_insn.src();
    let apart = is_word(first)
        && is_word(second)
        && second_insn.src() == context
        && first_insn.dst() != context
        && first_insn.dst() != second_insn.dst();
    let (data, data_end) = match kind {
        ProgramKind::Xdp => (0, 4),
        ProgramKind::SchedCls => (skb::DATA as i16, skb::DATA_END as i16),
    };
    let (end, start) = match (first_insn.off, second_insn.off) {
        offsets if offsets == (data_end, data) => (first_insn.dst(), second_insn.dst()),
        offsets if offsets == (data, data_end) => (second_insn.dst(), first_insn.dst()),
        _ => return None,
    };
    apart.then_some((Op::new(Code::LoadBounds, end, context, start, 0), 2))
}

/// `d = xdp_md.data_end; s = xdp_md.data; t = s; t += imm; if t > d goto`.
fn bounds_then_jump(kind: ProgramKind, slots: &[Slot]) -> Option<(Op, usize)> {
    let (bounds, taken) = bounds(kind, slots)?;
    let [mov, add, jump, ..] = slots.get(taken..)? else {
        return None;
    };
    let [end, start] = [bounds.dst, bounds.b].map(|register| register as u8);
    let needed = mov.insn.dst();
    let found = mov.insn.code == class::ALU64 | alu::MOV | SRC_REG
        && mov.insn.off == 0
        && mov.insn.src() == start
        && add.insn.code == class::ALU64 | alu::ADD
        && add.insn.off == 0
        && add.insn.dst() == needed
        && jump.insn.code == class::JMP | jump::JGT | SRC_REG
        && (jump.insn.dst(), jump.insn.src()) == (needed, end)
        && ![end, start].contains(&needed);
    let offset = u16::try_from(add.insn.imm).ok().filter(|_| found)?;
    let imm = Op::with_third(Register::of(needed), Op::packed(0, offset));
    let op = Op {
        code: Code::LoadBoundsJgt,
        imm,
        ..bounds
    };
    // No shortcut goes back: what that costs would not fit in.
    (jump.insn.off >= 0).then_some((op, taken.wrapping_add(3)))
}

/// `if a == imm goto; if a != imm goto`: what is left of a `switch`.
fn choice(slots: &[Slot]) -> Option<(Op, usize)> {
    let [first, second, ..] = slots else {
        return None;
    };
    let (first, second) = (first.insn, second.insn);
    let class = first.class();
    let code = match class {
        class::JMP => Code::JeqElseJne,
        _ => Code::JeqElseJne32,
    };
    // Targets ahead, and near enough for 16 bits.
    let ahead = 0..=i16::MAX / 2;
    let found = first.code == class | jump::JEQ
        && second.code == class | jump::JNE
        && first.dst() == second.dst()
        && first.imm != second.imm
        && [first.off, second.off]
            .iter()
            .all(|off| ahead.contains(off));
    let equal = u16::try_from(first.imm).ok().filter(|_| found)?;
    let other = u16::try_from(second.imm).ok()?;
    let imm = Op::packed(equal.into(), other);
    Some((Op::new(code, 0, first.dst(), 0, imm), 2))
}

/// `t = two bytes; d = two bytes in front of them; d <<= 16; d |= t`: the ports, as a number.
fn halves(slots: &[Slot]) -> Option<(Op, usize)> {
    let [second, first, shift, or, ..] = slots else {
        return None;
    };
    let is_half = |slot: &Slot| {
        slot.insn.code == class::LDX | mode::MEM | size::H && slot.region() == Hint::Frame
    };
    let (dst, half, base) = (first.insn.dst(), second.insn.dst(), second.insn.src());
    let found = is_half(second)
        && is_half(first)
        && half != base
        && half != dst
        && first.insn.src() == base
        && first.insn.off.checked_add(2) == Some(second.insn.off)
        && shift.insn.code == class::ALU | alu::LSH
        && (shift.insn.off, shift.insn.imm, shift.insn.dst()) == (0, 16, dst)
        && or.insn.code == class::ALU | alu::OR | SRC_REG
        && (or.insn.off, or.insn.dst(), or.insn.src()) == (0, dst, half);
    let op = Op::new(Code::LoadHalves32, dst, base, half, 0).at(first.insn.off);
    found.then_some((op, 4))
}

/// `t = number in a map's value; t += imm; number = t`.
fn increment(slots: &[Slot]) -> Option<(Op, usize)> {
    let [load, add, store, ..] = slots else {
        return None;
    };
    let (base, number) = (load.insn.src(), load.insn.dst());
    let found = load.insn.code == class::LDX | mode::MEM | size::DW
        && load.region() == Hint::MapValue
        && number != base
        && add.insn.code == class::ALU64 | alu::ADD
        && add.insn.off == 0
        && add.insn.dst() == number
        && store.insn.code == class::STX | mode::MEM | size::DW
        && store.insn.src() == number
        && store.insn.dst() == base
        && store.insn.off == load.insn.off;
    let second = i16::try_from(add.insn.imm).ok()? as u16;
    let imm = Op::packed(0, second);
    let op = Op::new(Code::IncrementMap64, number, base, 0, imm).at(load.insn.off);
    found.then_some((op, 3))
}

/// Six pairs of `t = byte of a; byte of b = t`, in any order of bytes.
fn copy(slots: &[Slot]) -> Option<(Op, usize)> {
    let slots = slots.get(..COPY_SLOTS)?;
    let region = slots.first()?.region();
    let code = match region {
        Hint::Frame => Code::CopyNeighbour,
        Hint::MapValue => Code::CopyMap,
        _ => return None,
    };
    let mut lowest = i16::MAX;
    for slot in pairs(slots)?.into_iter().map(|(load, _)| load) {
        lowest = lowest.min(slot.insn.off);
    }
    let (load, store) = pairs(slots)?.first().copied()?;
    let (from, to) = (load.insn.src(), store.insn.dst());
    let apart = store.insn.off.checked_sub(load.insn.off)?;
    let (mut seen, mut temporary, mut last) = (0_u8, load.insn.dst(), 0);
    let mut before = 0;
    let mut is_over = false;
    for (load, store) in pairs(slots)? {
        let [load_insn, store_insn] = [load.insn, store.insn];
        let number = load_insn.off.checked_sub(lowest)?;
        let fits = is_byte(load_insn, class::LDX)
            && is_byte(store_insn, class::STX)
            && load.region() == region
            && store.region() == Hint::Frame
            && load_insn.src() == from
            && store_insn.dst() == to
            && store_insn.src() == load_insn.dst()
            && store_insn.off.checked_sub(load_insn.off) == Some(apart)
            && number < ADDRESS_LEN
            && load_insn.dst() != to;
        // The address of the bytes may be overwritten by the last of them.
        if !fits || is_over {
            return None;
        }
        is_over = load_insn.dst() == from || load_insn.dst() != temporary;
        seen |= 1_u8.checked_shl(number as u32)?;
        before = last;
        last = number as u64;
        temporary = load_insn.dst();
    }
    let first = load.insn.dst();
    if seen != 0x3f {
        return None;
    }
    let (offset, second) = match code {
        Code::CopyMap => (lowest, lowest.checked_add(apart)? as u16),
        _ if from != to => return None,
        _ if apart == ADDRESS_LEN => (lowest, 1),
        _ if apart == -ADDRESS_LEN => (lowest.checked_add(apart)?, 0),
        _ => return None,
    };
    let imm = Op::packed(0, second) | last | before << 4;
    let imm = Op::with_third(Register::of(first), imm);
    Some((
        Op::new(code, temporary, from, to, imm).at(offset),
        COPY_SLOTS,
    ))
}

fn is_byte(insn: Insn, class: u8) -> bool {
    insn.code == class | mode::MEM | size::B
}

/// Six loads and the stores behind them.
fn pairs(slots: &[Slot]) -> Option<[(&Slot, &Slot); ADDRESS_LEN as usize]> {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = slots else {
        return None;
    };
    Some([(a, b), (c, d), (e, f), (g, h), (i, j), (k, l)])
}

// SPDX-License-Identifier: GPL-2.0

//! What one operation can do in place of many, while the many stay behind it.
//!
//! A shortcut is only for the common case. The operations that it stands for are there too: jumps
//! into their midst lead to them, and where the common case is not given, they are executed.

use super::gather;
use crate::helper::Helper;
use crate::insn::{alu, class, jump, mode, pseudo, size, Insn};
use crate::op::{Code, Op};
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
        class::LD => look_up(slots),
        class::LDX => gather::find(slots)
            .or_else(|| bounds(kind, slots))
            .or_else(|| increment(slots))
            .or_else(|| copy(slots)),
        _ => None,
    }
}

/// The bits of a shortcut's immediate that make it pass over the `skip` operations behind it.
pub(super) const fn passing_over(skip: u8) -> u64 {
    (skip as u64) << 24
}

/// `r1 = map; call bpf_map_lookup_elem`.
fn look_up(slots: &[Slot]) -> Option<(Op, usize)> {
    let [first, _, call, ..] = slots else {
        return None;
    };
    let is_map = first.insn.is_ld_imm64()
        && first.insn.dst() == 1
        && matches!(first.insn.src(), pseudo::MAP_FD | pseudo::MAP_IDX);
    let is_lookup = call.insn.code == class::JMP | jump::CALL
        && call.insn.src() == 0
        && call.insn.imm == Helper::MapLookupElem as i32;
    (is_map && is_lookup).then_some((Op::new(Code::LookUp, 0, 0, 0, 0), 3))
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
        Hint::Frame => Code::CopyFrame,
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
    let imm = Op::packed(0, lowest.checked_add(apart)? as u16) | last | before << 4;
    let imm = Op::with_third(crate::op::Register::of(first), imm);
    Some((
        Op::new(code, temporary, from, to, imm).at(lowest),
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

// SPDX-License-Identifier: GPL-2.0

//! What a header tells, in registers and in the flow keys.
//!
//! A number of a header is compared as it lies there: of what it is compared with, the bytes are swapped
//! when the program is made. It is brought into the host's order where it is reckoned with.

use parse_graph::{Carrier, Compare, Condition, Order, Piece, Source, Store};

use super::assembler::{Assembler, Label, HEADER, KEYS, OFFSET, R0, R1};
use crate::insn::{alu, jump};

/// `number` of `size` bytes with its bytes the other way round.
const fn swapped(number: u32, size: u8) -> u32 {
    match size {
        1 => number,
        // CAST: It has two bytes.
        2 => (number as u16).swap_bytes() as u32,
        _ => number.swap_bytes(),
    }
}

/// `number`, one that `piece` may tell, as it lies in the header. Bits that are not the piece's are zero.
pub(super) fn in_header(piece: &Piece, number: u32) -> u32 {
    swapped(in_place(piece, number), piece.size)
}

/// `number`, one that `piece` may tell, in the host's order, before it is shifted.
pub(super) fn in_place(piece: &Piece, number: u32) -> u32 {
    number.checked_shl(piece.shift.into()).unwrap_or(0)
}

/// How many bytes at `offset` can be accessed at once, at most `limit`. Those of the stack must be aligned.
fn aligned(offset: u16, limit: u8) -> u8 {
    let mut bytes = 8;
    while bytes > 1 && (bytes > limit || offset & u16::from(bytes).wrapping_sub(1) != 0) {
        bytes /= 2;
    }
    bytes
}

/// An offset in a header as one of an instruction.
fn offset(at: u16) -> i16 {
    // Headers are shorter.
    i16::try_from(at).unwrap_or(0)
}

/// `dst`, not [`R0`], becomes the field of `piece` as it lies in the header.
pub(super) fn field(assembler: &mut Assembler<'_>, dst: u8, piece: &Piece) {
    let step = aligned(piece.offset, piece.size);
    assembler.load(step, dst, HEADER, offset(piece.offset));
    let mut done = step;
    while done < piece.size {
        let at = piece.offset.saturating_add(done.into());
        assembler.load(step, R0, HEADER, offset(at));
        assembler.alu(alu::LSH, R0, u32::from(done).wrapping_mul(8));
        assembler.alu_register(alu::OR, dst, R0);
        done = done.saturating_add(step);
    }
}

/// As [`field`], without what the mask leaves out.
pub(super) fn masked(assembler: &mut Assembler<'_>, dst: u8, piece: &Piece) {
    field(assembler, dst, piece);
    if piece.mask != Piece::all(piece.size) {
        assembler.alu(alu::AND, dst, swapped(piece.mask, piece.size));
    }
}

/// `dst`, not [`R0`], becomes the masked field in the host's order, not yet shifted.
pub(super) fn unshifted(assembler: &mut Assembler<'_>, dst: u8, piece: &Piece) {
    field(assembler, dst, piece);
    assembler.swap(dst, piece.size);
    if piece.mask != Piece::all(piece.size) {
        assembler.alu(alu::AND, dst, piece.mask);
    }
}

/// `dst`, not [`R0`], becomes the number that `piece` tells.
pub(super) fn number(assembler: &mut Assembler<'_>, dst: u8, piece: &Piece) {
    unshifted(assembler, dst, piece);
    if piece.shift > 0 {
        assembler.alu(alu::RSH, dst, piece.shift.into());
    }
}

/// Goes on at `fail` where `condition` does not hold.
pub(super) fn ensure(assembler: &mut Assembler<'_>, condition: &Condition, fail: Label) {
    let Condition {
        piece,
        value,
        compare,
    } = condition;
    let (opposite, is_order) = match compare {
        Compare::Equal if *value == 0 => {
            field(assembler, R1, piece);
            let mask = swapped(piece.mask, piece.size);
            assembler.jump_if(jump::JSET, R1, mask, fail);
            return;
        }
        Compare::Equal => (jump::JNE, false),
        Compare::NotEqual => (jump::JEQ, false),
        Compare::Less => (jump::JGE, true),
        Compare::LessOrEqual => (jump::JGT, true),
        Compare::Greater => (jump::JLE, true),
        Compare::GreaterOrEqual => (jump::JLT, true),
    };
    if is_order {
        unshifted(assembler, R1, piece);
        assembler.jump_if(opposite, R1, in_place(piece, *value), fail);
    } else {
        masked(assembler, R1, piece);
        assembler.jump_if(opposite, R1, in_header(piece, *value), fail);
    }
}

/// Puts into the flow keys what `store` says, if they have the field.
pub(super) fn store(assembler: &mut Assembler<'_>, store: &Store) {
    let (field, piece) = (store.field, &store.piece);
    let Carrier::FlowKeys(at) = field.carrier() else {
        return;
    };
    let (at, size) = (i16::from(at), field.size());
    match store.source {
        Source::Constant => {
            let value = match field.order() {
                Order::Wire => swapped(store.value, size),
                Order::Host => store.value,
            };
            assembler.store_number(size, KEYS, at, value);
        }
        Source::Offset => assembler.store(size, KEYS, at, OFFSET),
        Source::Extract if piece.size == size && piece.is_plain() => copy(assembler, store, at),
        Source::Extract if piece.size == size && piece.shift == 0 => {
            masked(assembler, R1, piece);
            assembler.store(size, KEYS, at, R1);
        }
        Source::Extract => {
            number(assembler, R1, piece);
            assembler.swap(R1, size);
            assembler.store(size, KEYS, at, R1);
        }
    }
}

/// Copies a field as it is to `to` in the flow keys.
fn copy(assembler: &mut Assembler<'_>, store: &Store, to: i16) {
    let (mut from, mut to) = (store.piece.offset, to);
    let mut left = store.field.size();
    while left > 0 {
        // Fields of the flow keys are as long as they are aligned, but for those of 16 bytes, and lie
        // at multiples of 4.
        let step = aligned(from, left);
        assembler.load(step, R1, HEADER, offset(from));
        assembler.store(step, KEYS, to, R1);
        from = from.saturating_add(step.into());
        to = to.saturating_add(step.into());
        left = left.saturating_sub(step);
    }
}

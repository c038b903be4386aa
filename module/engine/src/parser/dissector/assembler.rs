// SPDX-License-Identifier: GPL-2.0

//! Instructions one after the other, and labels that jumps lead to.

use parse_graph::{limits, Target};

use crate::insn::{alu, class, jump, mode, size, Insn, SRC_REG};

/// The result of a call; else for what is of no use any more at the next instruction.
pub(super) const R0: u8 = 0;
/// The first argument of a call; else as [`R0`].
pub(super) const R1: u8 = 1;
/// The header's bytes.
pub(super) const HEADER: u8 = 2;
/// What is looked up to find the next node.
pub(super) const KEY: u8 = 3;
/// The flags of optional fields.
pub(super) const FLAGS: u8 = 4;
/// The offset of what is behind the header.
pub(super) const END: u8 = 5;
/// The context.
pub(super) const CONTEXT: u8 = 6;
/// The flow keys.
pub(super) const KEYS: u8 = 7;
/// The offset of the header.
pub(super) const OFFSET: u8 = 8;
/// How many headers were counted.
pub(super) const COUNT: u8 = 9;
/// The stack's upper end.
pub(super) const STACK: u8 = crate::insn::FRAME_POINTER;

/// A place in the program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Label(usize);

impl Label {
    const EXITS: usize = limits::NODES;
    /// The first one within a block.
    const LOCALS: usize = Self::EXITS.wrapping_add(3);

    /// The label that was made `n` labels later.
    pub(super) const fn later(self, n: usize) -> Self {
        Self(self.0.saturating_add(n))
    }

    /// Where `target` is.
    pub(super) const fn of(target: Target) -> Self {
        match target {
            Target::OKAY => Self(Self::EXITS),
            Target::FAIL => Self(Self::EXITS.wrapping_add(1)),
            Target::LEFT_OUT => Self(Self::EXITS.wrapping_add(2)),
            _ => match target.as_node() {
                // CAST: A `u16` is no wider.
                Some(number) => Self(number as usize),
                None => Self(Self::EXITS),
            },
        }
    }
}

/// A set of nodes and exits.
type Set = [u64; Label::LOCALS.div_ceil(64)];

/// Which nodes and exits jumps lead to.
#[derive(Clone, Copy, Default)]
pub(super) struct Marks {
    entered: Set,
    /// Those at which the offset may be another than where the jump came from.
    moved: Set,
}

fn bit(label: usize) -> u64 {
    // CAST: Below 64.
    1_u64.wrapping_shl((label % 64) as u32)
}

fn has(set: &Set, label: usize) -> bool {
    set.get(label / 64)
        .is_some_and(|word| word & bit(label) != 0)
}

fn add(set: &mut Set, label: usize) {
    if let Some(word) = set.get_mut(label / 64) {
        *word |= bit(label);
    }
}

impl Marks {
    /// Whether a jump leads to the node.
    pub(super) fn is_entered(&self, node: u16) -> bool {
        has(&self.entered, node.into())
    }

    /// Whether a jump leads to the node from a header before it.
    pub(super) fn is_moved(&self, node: u16) -> bool {
        has(&self.moved, node.into())
    }

    /// Whether a jump leads to the exit.
    pub(super) fn exits(&self, exit: Target) -> bool {
        has(&self.entered, Label::of(exit).0)
    }

    /// Has the node entered.
    pub(super) fn enter(&mut self, node: u16) {
        add(&mut self.entered, node.into());
    }
}

/// Writes instructions. Without a place for them it counts them, without one for labels those.
pub(super) struct Assembler<'a> {
    labels: &'a mut [u16],
    insns: &'a mut [Insn],
    len: usize,
    /// The next label within a block.
    next: usize,
    marks: Marks,
}

impl<'a> Assembler<'a> {
    /// Begins with what is known from an earlier time: `labels`, and where jumps lead to.
    pub(super) fn new(labels: &'a mut [u16], insns: &'a mut [Insn], marks: Marks) -> Self {
        Self {
            labels,
            insns,
            len: 0,
            next: Label::LOCALS,
            marks,
        }
    }

    /// How many instructions there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many labels there are.
    pub(super) fn labels(&self) -> usize {
        self.next
    }

    /// Where jumps lead to.
    pub(super) fn marks(&self) -> Marks {
        self.marks
    }

    /// A new label within a block.
    pub(super) fn label(&mut self) -> Label {
        let label = Label(self.next);
        self.next = self.next.saturating_add(1);
        label
    }

    /// The next instruction is where `label` is.
    pub(super) fn bind(&mut self, label: Label) {
        if let Some(place) = self.labels.get_mut(label.0) {
            // A longer program is refused.
            *place = u16::try_from(self.len).unwrap_or(u16::MAX);
        }
    }

    fn emit(&mut self, insn: Insn) {
        if let Some(place) = self.insns.get_mut(self.len) {
            *place = insn;
        }
        self.len = self.len.saturating_add(1);
    }

    fn emit_jump(&mut self, code: u8, dst: u8, src: u8, imm: i32, label: Label) {
        add(&mut self.marks.entered, label.0);
        let to = self.labels.get(label.0).copied().unwrap_or(0);
        let from = self.len.saturating_add(1);
        // CAST: Both are far below the limit of the type.
        let distance = (to as isize).wrapping_sub(from as isize);
        // A program in which one leads further is refused.
        let distance = i16::try_from(distance).unwrap_or(0);
        self.emit(Insn::new(code, dst, src, distance, imm));
    }

    /// `dst = src`
    pub(super) fn copy(&mut self, dst: u8, src: u8) {
        self.emit(Insn::new(class::ALU64 | alu::MOV | SRC_REG, dst, src, 0, 0));
    }

    /// `dst += src`, of 64 bits: one of them may be a pointer.
    pub(super) fn add(&mut self, dst: u8, src: u8) {
        self.emit(Insn::new(class::ALU64 | alu::ADD | SRC_REG, dst, src, 0, 0));
    }

    /// `dst += number`, of 64 bits.
    pub(super) fn add_number(&mut self, dst: u8, number: i32) {
        self.emit(Insn::new(class::ALU64 | alu::ADD, dst, 0, 0, number));
    }

    /// `dst = number`
    pub(super) fn set(&mut self, dst: u8, number: i32) {
        self.emit(Insn::new(class::ALU64 | alu::MOV, dst, 0, 0, number));
    }

    /// `dst operation= number`, of 32 bits.
    pub(super) fn alu(&mut self, operation: u8, dst: u8, number: u32) {
        self.emit(Insn::new(
            class::ALU | operation,
            dst,
            0,
            0,
            immediate(number),
        ));
    }

    /// `dst operation= src`, of 32 bits.
    pub(super) fn alu_register(&mut self, operation: u8, dst: u8, src: u8) {
        self.emit(Insn::new(class::ALU | operation | SRC_REG, dst, src, 0, 0));
    }

    /// Changes `dst`, a number of `bytes` bytes, between the order of the wire and that of the host.
    pub(super) fn swap(&mut self, dst: u8, bytes: u8) {
        if bytes > 1 {
            let bits = u32::from(bytes).wrapping_mul(8);
            let code = class::ALU | alu::END | SRC_REG;
            self.emit(Insn::new(code, dst, 0, 0, immediate(bits)));
        }
    }

    /// `dst = *(base + at)`, of 1, 2, 4 or 8 bytes.
    pub(super) fn load(&mut self, bytes: u8, dst: u8, base: u8, at: i16) {
        let code = class::LDX | mode::MEM | size_of_access(bytes);
        self.emit(Insn::new(code, dst, base, at, 0));
    }

    /// `*(base + at) = src`, of 1, 2, 4 or 8 bytes.
    pub(super) fn store(&mut self, bytes: u8, base: u8, at: i16, src: u8) {
        let code = class::STX | mode::MEM | size_of_access(bytes);
        self.emit(Insn::new(code, base, src, at, 0));
    }

    /// `*(base + at) = number`, of 1, 2 or 4 bytes.
    pub(super) fn store_number(&mut self, bytes: u8, base: u8, at: i16, number: u32) {
        let code = class::ST | mode::MEM | size_of_access(bytes);
        self.emit(Insn::new(code, base, 0, at, immediate(number)));
    }

    /// Calls the helper with a number.
    pub(super) fn call(&mut self, helper: i32) {
        self.emit(Insn::new(class::JMP | jump::CALL, 0, 0, 0, helper));
    }

    /// Ends the program.
    pub(super) fn exit(&mut self) {
        self.emit(Insn::new(class::JMP | jump::EXIT, 0, 0, 0, 0));
    }

    /// Goes on at `label`.
    pub(super) fn jump(&mut self, label: Label) {
        self.emit_jump(class::JMP | jump::JA, 0, 0, 0, label);
    }

    /// Goes on at `label` if `condition` is true of the lower 32 bits of `dst` and `number`.
    pub(super) fn jump_if(&mut self, condition: u8, dst: u8, number: u32, label: Label) {
        self.emit_jump(class::JMP32 | condition, dst, 0, immediate(number), label);
    }

    /// Goes on at `label` if `condition` is true of `dst` and `src`, which may be pointers.
    pub(super) fn jump_if_registers(&mut self, condition: u8, dst: u8, src: u8, label: Label) {
        self.emit_jump(class::JMP | condition | SRC_REG, dst, src, 0, label);
    }

    /// `target` is next: behind the header, if the offset `has_moved`.
    pub(super) fn target(&mut self, target: Target, has_moved: bool) -> Label {
        let label = Label::of(target);
        if has_moved {
            add(&mut self.marks.moved, label.0);
        }
        label
    }
}

/// The immediate with the bits of `number`.
fn immediate(number: u32) -> i32 {
    i32::from_le_bytes(number.to_le_bytes())
}

/// The size bits of an access of so many bytes.
fn size_of_access(bytes: u8) -> u8 {
    match bytes {
        1 => size::B,
        2 => size::H,
        4 => size::W,
        _ => size::DW,
    }
}

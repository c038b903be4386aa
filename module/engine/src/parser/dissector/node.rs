// SPDX-License-Identifier: GPL-2.0

//! The instructions of a node.

mod optional;

use parse_graph::{limits, stop, Carrier, Field, Graph, Node, Piece, Target};

use super::assembler::{
    Assembler, Label, CONTEXT, COUNT, END, FLAGS, HEADER, KEY, KEYS, OFFSET, R0, R1, STACK,
};
use super::lookup::Key;
use super::number;
use crate::insn::{alu, jump};

/// Where the context has the address of the first byte of the linear part.
const DATA: i16 = 76;
/// Where it has that of the byte behind the last one.
const DATA_END: i16 = 80;
/// Where it has that of the flow keys.
const FLOW_KEYS: i16 = 144;
/// Where the flow keys have what the caller asked for.
const CALLER_FLAGS: i16 = 48;

/// `bpf_skb_load_bytes`
const LOAD_BYTES: i32 = 26;

/// `BPF_OK`
const OKAY: i32 = 0;
/// `BPF_DROP`
const FAIL: i32 = 2;
/// `BPF_FLOW_DISSECTOR_CONTINUE`
const LEFT_OUT: i32 = 129;

/// Where registers are kept on the stack during a call.
const SAVED: [i16; 3] = [-8, -16, -24];
/// A byte of which nobody looks but whether it is there.
const ANY_BYTE: i16 = -32;

/// Where `len` bytes of a header are put on the stack.
fn copied_header(len: u16) -> i32 {
    let bytes = i32::from(len.checked_next_multiple_of(8).unwrap_or(len));
    i32::from(ANY_BYTE).saturating_sub(bytes)
}

fn flow_keys(field: Field) -> i16 {
    match field.carrier() {
        Carrier::FlowKeys(at) | Carrier::Device(at) => at.into(),
    }
}

/// The beginning of the program: behind the Ethernet header, whose type the flow keys have.
pub(super) fn enter(assembler: &mut Assembler<'_>, graph: &Graph<'_>) {
    let Some(ethernet) = graph.node(0) else {
        return;
    };
    assembler.copy(CONTEXT, R1);
    assembler.load(8, KEYS, CONTEXT, FLOW_KEYS);
    assembler.load(2, OFFSET, KEYS, flow_keys(Field::Nhoff));
    assembler.set(COUNT, 0);
    // The type lies in the flow keys as it would in the header.
    assembler.copy(HEADER, KEYS);
    let piece = Piece {
        // CAST: Below 56.
        offset: flow_keys(Field::NProto) as u16,
        ..ethernet.next.piece
    };
    let key = Key::read(assembler, &piece, [&ethernet.next, &ethernet.at_limit]);
    Key::find(key, assembler, graph, &ethernet.next, true);
}

/// The ends of the program that something leads to.
pub(super) fn leave(assembler: &mut Assembler<'_>) {
    let exits = [
        (Target::OKAY, OKAY),
        (Target::FAIL, FAIL),
        (Target::LEFT_OUT, LEFT_OUT),
    ];
    for (exit, code) in exits {
        if !assembler.marks().exits(exit) {
            continue;
        }
        assembler.bind(Label::of(exit));
        // With the last, the kernel begins anew.
        if code != LEFT_OUT {
            assembler.store(2, KEYS, flow_keys(Field::Thoff), OFFSET);
        }
        assembler.set(R0, code);
        assembler.exit();
    }
}

/// Bytes that may lie behind the linear part: where they are asked for from the helper, and where it
/// goes on once they are there.
#[derive(Clone, Copy)]
struct Apart {
    slow: Label,
    there: Label,
}

impl Apart {
    fn new(assembler: &mut Assembler<'_>) -> Self {
        Self {
            slow: assembler.label(),
            there: assembler.label(),
        }
    }
}

/// A node at work.
struct Writer<'w, 'a, 'g> {
    assembler: &'w mut Assembler<'a>,
    graph: &'w Graph<'g>,
    node: &'w Node,
    fail: Label,
}

/// Writes the node with a number.
pub(super) fn write(assembler: &mut Assembler<'_>, graph: &Graph<'_>, number: u16, node: &Node) {
    assembler.bind(Label::of(Target::node(number)));
    if assembler.marks().is_moved(number) {
        let too_far = assembler.target(Target::FAIL, false);
        assembler.jump_if(jump::JGT, OFFSET, limits::OFFSET.into(), too_far);
        // Changes nothing, but has the verifier forget what is the least that it can be.
        assembler.alu(alu::AND, OFFSET, u16::MAX.into());
    }
    let fail = assembler.target(node.fail, false);
    Writer {
        assembler,
        graph,
        node,
        fail,
    }
    .write();
}

impl Writer<'_, '_, '_> {
    fn write(&mut self) {
        let (graph, node) = (self.graph, self.node);
        self.stop_if_any(node.stop_before);
        let header = (node.min_len > 0).then(|| self.header());
        let knows_end = self.length();
        let whole = self.whole(knows_end);
        for condition in graph.conditions(node.conditions) {
            number::ensure(self.assembler, &condition, self.fail);
        }
        for store in graph.stores(node.stores) {
            number::store(self.assembler, &store);
        }
        let lookups = [&node.next, &node.at_limit];
        let key = Key::read(self.assembler, &node.next.piece, lookups);
        let optional = self.has_optional().then(|| self.optional());
        let has_moved = self.consume(knows_end);
        self.stop_if_any(node.stop_if);
        self.stop_unless_all(node.stop_unless);
        self.next(key, has_moved);

        if let Some(apart) = header {
            self.ask_for_header(apart);
        }
        if let Some(apart) = whole {
            self.ask_for_last_byte(apart);
        }
        if let Some(first) = optional {
            self.ask_for_optional(first, key.is_some());
        }
    }

    fn stop_if_any(&mut self, conditions: u16) {
        let okay = self.assembler.target(Target::OKAY, false);
        let of_caller = conditions & stop::OF_CALLER;
        if of_caller != 0 {
            self.assembler.load(4, R1, KEYS, CALLER_FLAGS);
            self.assembler
                .jump_if(jump::JSET, R1, of_caller.into(), okay);
        }
        if conditions & stop::IS_FRAG != 0 {
            self.assembler.load(1, R1, KEYS, flow_keys(Field::IsFrag));
            self.assembler.jump_if(jump::JNE, R1, 0, okay);
        }
    }

    fn stop_unless_all(&mut self, conditions: u16) {
        let okay = self.assembler.target(Target::OKAY, false);
        let of_caller = u32::from(conditions & stop::OF_CALLER);
        if of_caller != 0 {
            self.assembler.load(4, R1, KEYS, CALLER_FLAGS);
            self.assembler.alu(alu::AND, R1, of_caller);
            self.assembler.jump_if(jump::JNE, R1, of_caller, okay);
        }
        if conditions & stop::IS_FRAG != 0 {
            self.assembler.load(1, R1, KEYS, flow_keys(Field::IsFrag));
            self.assembler.jump_if(jump::JEQ, R1, 0, okay);
        }
    }

    /// [`HEADER`] becomes the address of `len` bytes at the offset in the register `at`.
    fn read(&mut self, at: u8, len: u16, apart: Apart) {
        let assembler = &mut *self.assembler;
        assembler.load(4, HEADER, CONTEXT, DATA);
        assembler.load(4, R0, CONTEXT, DATA_END);
        assembler.add(HEADER, at);
        assembler.copy(R1, HEADER);
        assembler.add_number(R1, len.into());
        assembler.jump_if_registers(jump::JGT, R1, R0, apart.slow);
        assembler.bind(apart.there);
    }

    fn header(&mut self) -> Apart {
        let apart = Apart::new(self.assembler);
        self.read(OFFSET, self.node.min_len, apart);
        apart
    }

    /// Asks for `len` bytes at the offset in the register `at`, to be put at `to` on the stack.
    fn ask(&mut self, at: u8, to: i32, len: u16) {
        let assembler = &mut *self.assembler;
        assembler.copy(R1, CONTEXT);
        assembler.copy(HEADER, at);
        assembler.copy(KEY, STACK);
        assembler.add_number(KEY, to);
        assembler.set(FLAGS, len.into());
        assembler.call(LOAD_BYTES);
    }

    /// Goes on with what was copied to the stack, if the helper had it.
    fn take(&mut self, from: i32, apart: Apart) {
        let fail = self.fail;
        let assembler = &mut *self.assembler;
        assembler.jump_if(jump::JNE, R0, 0, fail);
        assembler.copy(HEADER, STACK);
        assembler.add_number(HEADER, from);
        assembler.jump(apart.there);
    }

    fn ask_for_header(&mut self, apart: Apart) {
        let len = self.node.min_len;
        self.assembler.bind(apart.slow);
        self.ask(OFFSET, copied_header(len), len);
        self.take(copied_header(len), apart);
    }

    /// Whether all of the header must be there, and that is more than what is read of it.
    fn needs_whole(&self) -> bool {
        let length = &self.node.length;
        let is_longer = !length.piece.is_none() || length.add > self.node.min_len;
        self.node.has(Node::WHOLE) && is_longer
    }

    /// Works out the length of the header; whether [`END`] has the offset of its end.
    fn length(&mut self) -> bool {
        let node = self.node;
        let length = &node.length;
        let is_needed = self.needs_whole() || self.has_optional();
        if length.piece.is_none() {
            if is_needed {
                self.assembler.copy(END, OFFSET);
                self.assembler.add_number(END, length.add.into());
            }
            return is_needed;
        }
        let may_be_short = length.add < node.min_len;
        let is_needed = is_needed || !node.has(Node::OVERLAY);
        if !may_be_short && !is_needed {
            return false;
        }
        number::number(self.assembler, END, &length.piece);
        if length.multiplier.is_power_of_two() {
            let shift = length.multiplier.trailing_zeros();
            if shift > 0 {
                self.assembler.alu(alu::LSH, END, shift);
            }
        } else {
            self.assembler.alu(alu::MUL, END, length.multiplier.into());
        }
        if length.add > 0 {
            self.assembler.alu(alu::ADD, END, length.add.into());
        }
        if may_be_short {
            let fail = self.fail;
            self.assembler
                .jump_if(jump::JLT, END, node.min_len.into(), fail);
        }
        if is_needed {
            self.assembler.add(END, OFFSET);
        }
        is_needed
    }

    /// All of the header must be there, if the node says so.
    fn whole(&mut self, knows_end: bool) -> Option<Apart> {
        if !self.needs_whole() || !knows_end {
            return None;
        }
        let apart = Apart::new(self.assembler);
        let assembler = &mut *self.assembler;
        assembler.load(4, R1, CONTEXT, DATA);
        assembler.load(4, R0, CONTEXT, DATA_END);
        assembler.add(R1, END);
        assembler.jump_if_registers(jump::JGT, R1, R0, apart.slow);
        assembler.bind(apart.there);
        Some(apart)
    }

    fn ask_for_last_byte(&mut self, apart: Apart) {
        let [saved_header, saved_end, _] = SAVED;
        let has_header = self.node.min_len > 0;
        let fail = self.fail;
        self.assembler.bind(apart.slow);
        if has_header {
            self.assembler.store(8, STACK, saved_header, HEADER);
        }
        self.assembler.store(8, STACK, saved_end, END);
        self.assembler.add_number(END, -1);
        self.ask(END, ANY_BYTE.into(), 1);
        self.assembler.jump_if(jump::JNE, R0, 0, fail);
        if has_header {
            self.assembler.load(8, HEADER, STACK, saved_header);
        }
        self.assembler.load(8, END, STACK, saved_end);
        self.assembler.jump(apart.there);
    }

    /// Goes behind the header; whether the offset is another then.
    fn consume(&mut self, knows_end: bool) -> bool {
        let node = self.node;
        if node.has(Node::OVERLAY) {
            return false;
        }
        if knows_end {
            self.assembler.copy(OFFSET, END);
            return true;
        }
        let is_there = node.length.add > 0;
        if is_there {
            self.assembler.add_number(OFFSET, node.length.add.into());
        }
        is_there
    }

    fn next(&mut self, key: Option<Key>, has_moved: bool) {
        let (graph, node) = (self.graph, self.node);
        let assembler = &mut *self.assembler;
        if !node.has(Node::COUNTED) {
            return Key::find(key, assembler, graph, &node.next, has_moved);
        }
        let over = assembler.label();
        let limit = graph.max_headers();
        assembler.jump_if(jump::JGE, COUNT, limit.into(), over);
        assembler.add_number(COUNT, 1);
        Key::find(key, assembler, graph, &node.next, has_moved);
        assembler.bind(over);
        Key::find(key, assembler, graph, &node.at_limit, has_moved);
    }
}

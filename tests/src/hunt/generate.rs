// SPDX-License-Identifier: GPL-2.0

//! Random programs that the verifier accepts, most of them.
//!
//! r6 holds the context, r7 to r9 what is kept from statement to statement: numbers, or for a while
//! a pointer into the frame with so many bytes known to be there. r0 to r5 belong to the statement.
//! The stack of a function has, from the top, notes of the statements that came to their end, data,
//! and places for what the statements put away:
//!
//! | from r10 | |
//! |---|---|
//! | -64 | notes (of the program itself, not of its functions) |
//! | -192 | data: keys, values, what helpers read and write |
//! | -288 | places of statements |
//!
//! All of it but the places goes into map 0 at the end, with r7 to r9 and the context.

mod context;
mod fields;
mod flow;
mod helpers;
mod idioms;
mod maps;
mod mutate;
mod packet;
mod scalar;

use engine::exec::XdpVerdict;
use engine::helper::Helper;
use engine::insn::{alu, jump, size, Insn};
use engine::store::{ProgramKind, RegisterKind};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::code::{
    alu_imm, call, exit, ja, jmp_imm, jmp_reg, ld_map, ldx, mov_imm, mov_reg, st, stx, Insns,
    Statement,
};
use super::code::{R0, R1, R10, R2, R3, R4, R5, R6, R7, R8, R9};
use super::{frame, Case, MapShape, MapType};
use crate::frames::{MARK_PASS, MARK_TX};

/// Statements that the program can note: one byte each.
const NOTES: u8 = 64;
/// Bytes of data on the stack of the program itself.
const DATA: i16 = 128;
/// The same in a function: two of them fit beside the program's.
const FUNCTION_DATA: i16 = 64;
/// Where r7 to r9 are saved at the end.
const SAVED: [i16; 3] = [-200, -208, -216];
/// Where the key of map 0 is.
const KEY: i16 = -220;
/// The lowest place of statements in the program itself; each has 8 bytes.
const PLACES: i16 = -288;

/// Where map 0 has what the program leaves: notes, data, registers, the context.
const LEFT_DATA: i16 = NOTES as i16;
const LEFT_REGISTERS: i16 = LEFT_DATA + DATA;
const LEFT_CONTEXT: i16 = LEFT_REGISTERS + 24;
/// Bytes of the value of map 0.
const LEFT: u32 = 320;

/// Where the maps are in a program's table; events come last, where the kernel has them.
const ARRAY: usize = 1;
const HASH: usize = 2;
const EVENTS: usize = 3;

/// What a kept register holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kept {
    /// A number.
    Number,
    /// A number that must not be changed: it counts a loop.
    Counter,
    /// A pointer into the frame, with so many bytes behind it that are there.
    Packet(i16),
    /// Something that the verifier does not let anybody use.
    Lost,
}

/// The registers that are kept.
const KEPT: [u8; 3] = [R7, R8, R9];

/// What can be chosen for a program as a whole.
#[derive(Clone, Copy, Debug)]
struct Style {
    /// It has functions. Without, it may have packet loads: the verifier takes no program with both.
    has_functions: bool,
    /// Some of its instructions are changed afterwards. So it asks for no time and no chance, which
    /// could be seen then.
    is_wild: bool,
    /// How many statements.
    statements: u32,
}

/// Where programs are to run.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// There are arrays of events.
    pub events: bool,
    /// Frames come over a cable, to a native program on one and to the device on the other. Then the
    /// two differ in their interface, and in what is around a frame: how much room, and which bytes
    /// are in it. Programs let the marks through that tell the ends of batches
    /// ([`crate::frames::mark`]).
    pub cable: bool,
}

/// A function of the program that is still to be written.
struct Function {
    /// The call of it.
    call: usize,
    kind: FunctionKind,
    depth: u8,
    /// The statement with the call.
    owner: Option<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FunctionKind {
    /// r1 is the context, r2 and r3 are numbers; it has statements.
    Statements,
    /// r1 points to 16 bytes of somebody's stack.
    OnStack,
    /// r1 points to so many bytes of the frame.
    OnPacket(i16),
    /// r1 is a number; it calls the next of so many.
    Chain(u8),
}

struct Generator {
    rng: ChaCha8Rng,
    kind: ProgramKind,
    style: Style,
    setting: Setting,
    maps: Vec<MapShape>,
    code: Insns,
    /// The statements that are being written, the innermost one last.
    open: Vec<u16>,
    notes: u8,
    kept: [Kept; 3],
    /// The lowest byte of data on the stack, and how many there are.
    data: (i16, i16),
    in_function: bool,
    /// How many functions are active.
    depth: u8,
    /// How deep in blocks.
    nesting: u8,
    /// In a loop of a loop the verifier loses patience.
    loops: u8,
    functions: Vec<Function>,
    /// Jumps to the program's end.
    to_end: Vec<usize>,
}

/// Program number `number` of seed `seed`, with its maps and frames.
pub fn case(seed: u64, number: u64, frames: usize, setting: Setting) -> Case {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number);
    let kind = if setting.cable || rng.random() {
        ProgramKind::Xdp
    } else {
        ProgramKind::SchedCls
    };
    let is_wild = !setting.cable && rng.random_ratio(1, 6);
    let style = Style {
        has_functions: rng.random_ratio(1, 3),
        is_wild,
        statements: rng.random_range(1..=if is_wild { 6 } else { 14 }),
    };
    let maps = shapes(&mut rng, setting);
    let mut generator = Generator {
        rng,
        kind,
        style,
        setting,
        maps,
        code: Insns::default(),
        open: Vec::new(),
        notes: 0,
        kept: [Kept::Number; 3],
        data: (-192, DATA),
        in_function: false,
        depth: 0,
        nesting: 0,
        loops: 0,
        functions: Vec::new(),
        to_end: Vec::new(),
    };
    generator.program();
    let Generator {
        mut code,
        maps,
        mut rng,
        ..
    } = generator;
    if is_wild {
        mutate::mutate(&mut rng, &mut code);
    }
    let inputs = frame::inputs(&mut rng, frames);
    Case {
        kind,
        code,
        is_strict: is_wild,
        maps,
        inputs,
    }
}

fn shapes(rng: &mut ChaCha8Rng, setting: Setting) -> Vec<MapShape> {
    let mut pick = |from: &[u32]| from.choose(rng).copied().unwrap_or(8);
    let mut maps = vec![
        MapShape {
            kind: MapType::Array,
            key_size: 4,
            value_size: LEFT,
            entries: 1,
        },
        MapShape {
            kind: MapType::Array,
            key_size: 4,
            value_size: pick(&[8, 16, 17, 40, 64, 100]),
            entries: pick(&[1, 2, 7, 16]),
        },
        MapShape {
            kind: MapType::Hash,
            key_size: pick(&[4, 4, 4, 6, 8, 12, 16, 20, 37]),
            value_size: pick(&[8, 8, 12, 16, 21, 40, 64]),
            entries: pick(&[1, 3, 8, 32]),
        },
    ];
    if setting.events {
        maps.push(MapShape {
            kind: MapType::Events,
            key_size: 4,
            value_size: 4,
            entries: 4,
        });
    }
    maps
}

/// Numbers at which something changes.
const EDGES: [i32; 30] = [
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    12,
    14,
    16,
    20,
    31,
    32,
    33,
    63,
    64,
    127,
    128,
    255,
    256,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x0800,
    0x0008,
    -1,
    -2,
    i32::MIN,
    i32::MAX,
];

/// Chance.
impl Generator {
    fn one_in(&mut self, number: u32) -> bool {
        self.rng.random_ratio(1, number)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let index = self.rng.random_range(0..from.len());
        from[index]
    }

    fn number(&mut self) -> i32 {
        match self.rng.random_range(0..4) {
            0 | 1 => self.pick(&EDGES),
            2 => self.rng.random_range(-300..300),
            _ => self.rng.random(),
        }
    }

    /// `count` of the registers r0 to r5, in any order, less those in `less`.
    fn temporaries<const N: usize>(&mut self, less: &[u8]) -> [u8; N] {
        let mut free: Vec<u8> = (0..6).filter(|reg| !less.contains(reg)).collect();
        std::array::from_fn(|_| {
            let at = self.rng.random_range(0..free.len());
            free.swap_remove(at)
        })
    }
}

/// Instructions.
impl Generator {
    fn here(&self) -> usize {
        self.code.insns.len()
    }

    /// Appends `insn`, whose pointer is of kind `fact`.
    fn emit_at(&mut self, insn: Insn, fact: RegisterKind) -> usize {
        let at = self.here();
        self.code.insns.push(insn);
        self.code.facts.push(fact);
        self.code.owner.push(self.open.last().copied());
        at
    }

    fn emit(&mut self, insn: Insn) -> usize {
        self.emit_at(insn, RegisterKind::Other)
    }

    fn emit_all(&mut self, insns: impl IntoIterator<Item = Insn>) {
        for insn in insns {
            self.emit(insn);
        }
    }

    fn stack(&mut self, insn: Insn) {
        self.emit_at(insn, RegisterKind::Stack);
    }

    fn ctx(&mut self, insn: Insn) {
        self.emit_at(insn, RegisterKind::Ctx);
    }

    fn pkt(&mut self, insn: Insn) {
        self.emit_at(insn, RegisterKind::Packet);
    }

    fn value(&mut self, insn: Insn) {
        self.emit_at(insn, RegisterKind::MapValue);
    }

    /// Lets the jump at `from` lead here.
    fn land(&mut self, from: usize) {
        let to = self.here();
        self.aim(from, to);
    }

    fn aim(&mut self, from: usize, to: usize) {
        let distance = to as i64 - from as i64 - 1;
        let insn = &mut self.code.insns[from];
        if insn.code == super::code::gotol().code || insn.is_local_call() {
            insn.imm = distance as i32;
        } else {
            insn.off = i16::try_from(distance).unwrap_or(0);
        }
    }
}

/// Registers that are kept.
impl Generator {
    fn kept_as(&self, wanted: impl Fn(Kept) -> bool) -> Vec<u8> {
        let kept = KEPT.into_iter().zip(self.kept);
        kept.filter(|(_, kept)| wanted(*kept))
            .map(|(reg, _)| reg)
            .collect()
    }

    fn slot(&mut self, reg: u8) -> &mut Kept {
        &mut self.kept[usize::from(reg - R7)]
    }

    /// A register with a number, which may be changed.
    fn kept_number(&mut self) -> u8 {
        let numbers = self.kept_as(|kept| kept == Kept::Number);
        match numbers.choose(&mut self.rng) {
            Some(reg) => *reg,
            // All hold pointers, or count. One of the pointers has to go.
            None => {
                let others = self.kept_as(|kept| kept != Kept::Counter);
                let reg = others.first().copied().unwrap_or(R7);
                let number = self.number();
                self.emit(mov_imm(reg, number));
                *self.slot(reg) = Kept::Number;
                reg
            }
        }
    }

    /// A register with a number to read.
    fn kept_readable(&mut self) -> u8 {
        let numbers = self.kept_as(|kept| matches!(kept, Kept::Number | Kept::Counter));
        match numbers.choose(&mut self.rng) {
            Some(reg) => *reg,
            None => self.kept_number(),
        }
    }

    /// What a call does to pointers into the frame when it may move it.
    fn lose_packet(&mut self) {
        for kept in &mut self.kept {
            if matches!(kept, Kept::Packet(_)) {
                *kept = Kept::Lost;
            }
        }
    }

    /// Gives a number to every register that has lost what it had.
    fn find_lost(&mut self) {
        for reg in self.kept_as(|kept| kept == Kept::Lost) {
            let number = self.number();
            self.emit(mov_imm(reg, number));
            *self.slot(reg) = Kept::Number;
        }
    }

    /// The same for all that hold no numbers.
    fn drop_pointers(&mut self) {
        self.lose_packet();
        self.find_lost();
    }

    /// Has register `number`, of the statement, take part in what the program computes.
    fn absorb(&mut self, number: u8) {
        let kept = self.kept_number();
        let operation = self.pick(&[alu::XOR, alu::ADD, alu::SUB, alu::ADD]);
        self.emit(super::code::alu_reg(operation, kept, number));
    }

    /// Lets `to` hold some number.
    fn load_number(&mut self, to: u8) {
        match self.rng.random_range(0..6) {
            0 => {
                let number = self.number();
                self.emit(mov_imm(to, number));
            }
            1 => {
                let offset = self.data_offset(8);
                self.stack(ldx(size::DW, to, R10, offset));
            }
            _ => {
                let from = self.kept_readable();
                self.emit(mov_reg(to, from));
            }
        }
    }

    /// Where `len` bytes of data are on the stack, from r10.
    fn data_offset(&mut self, len: i16) -> i16 {
        let (lowest, all) = self.data;
        let eighths = (all - len.min(all)) / 8;
        lowest + 8 * self.rng.random_range(0..=eighths)
    }

    /// Lets `to` point to `len` bytes of data on the stack.
    fn point_to_data(&mut self, to: u8, len: i16) -> i16 {
        let offset = self.data_offset(len);
        self.emit(mov_reg(to, R10));
        self.emit(alu_imm(alu::ADD, to, offset.into()));
        offset
    }

    /// A place for eight bytes, number 0 to 7.
    fn place(&self, number: i16) -> i16 {
        match self.in_function {
            false => PLACES + 8 * number,
            true => self.data.0 - 8 * (number % 4 + 1),
        }
    }
}

/// Statements.
impl Generator {
    /// Writes `body` as a statement called `name`.
    fn statement(&mut self, name: &'static str, body: impl FnOnce(&mut Self)) {
        let number = self.code.statements.len() as u16;
        self.code.statements.push(Statement { name, mark: None });
        self.open.push(number);
        body(self);
        self.find_lost();
        if !self.in_function && self.notes < NOTES {
            let mark = self.notes;
            self.notes += 1;
            self.code.statements[usize::from(number)].mark = Some(mark);
            self.stack(st(size::B, R10, i16::from(mark) - 64, 1));
        }
        self.open.pop();
    }

    /// Writes a statement of any kind.
    fn any_statement(&mut self) {
        // A program of more is only slower to look at.
        if self.here() > 1500 {
            return;
        }
        match self.rng.random_range(0..100) {
            0..16 => self.arithmetic(),
            16..24 => self.memory(),
            24..30 => self.condition(),
            30..34 => self.looping(),
            34..50 => self.packet(),
            50..56 => self.packet_kept(),
            56..66 => self.map(),
            66..72 if !self.setting.cable => self.context(),
            72..92 => self.helper(),
            92..96 if self.style.has_functions => self.call(),
            96..98 if self.kind == ProgramKind::SchedCls => self.packet_load(),
            _ => self.idiom(),
        }
    }

    fn statements(&mut self, count: u32) {
        for _ in 0..count {
            self.any_statement();
        }
    }

    fn program(&mut self) {
        self.emit(mov_reg(R6, R1));
        if self.setting.cable {
            self.marks();
        }
        self.statement("program", |g| {
            g.begin(64);
            let count = g.style.statements;
            g.statements(count);
        });
        // What it leaves is part of it.
        self.open.push(0);
        self.end();
        while let Some(function) = self.functions.pop() {
            self.function(function);
        }
    }

    /// Lets marks through.
    fn marks(&mut self) {
        self.load_bounds(R2, R3);
        self.emit(mov_reg(R4, R2));
        self.emit(alu_imm(alu::ADD, R4, 14));
        let short = self.emit(jmp_reg(jump::JGT, R4, R3));
        self.pkt(ldx(size::H, R5, R2, 12));
        for (mark, verdict) in [(MARK_PASS, XdpVerdict::Pass), (MARK_TX, XdpVerdict::Tx)] {
            let other = self.emit(jmp_imm(jump::JNE, R5, mark.to_be().into()));
            self.emit(mov_imm(R0, verdict as i32));
            self.emit(exit());
            self.land(other);
        }
        self.land(short);
    }

    /// Sets notes, data and kept registers.
    fn begin(&mut self, notes: i16) {
        for offset in (-notes..0).step_by(8) {
            self.stack(st(size::DW, R10, offset, 0));
        }
        let (lowest, len) = self.data;
        for offset in (lowest..lowest + len).step_by(8) {
            let number = self.number();
            self.stack(st(size::DW, R10, offset, number));
        }
        for reg in KEPT {
            let number = self.number();
            self.emit(mov_imm(reg, number));
        }
    }

    /// Leaves everything in map 0, and returns.
    fn end(&mut self) {
        self.drop_pointers();
        for at in std::mem::take(&mut self.to_end) {
            self.land(at);
        }
        for (reg, offset) in KEPT.into_iter().zip(SAVED) {
            self.stack(stx(size::DW, R10, offset, reg));
        }
        self.stack(st(size::W, R10, KEY, 0));
        self.emit(mov_reg(R2, R10));
        self.emit(alu_imm(alu::ADD, R2, KEY.into()));
        self.emit_all(ld_map(R1, 0));
        self.emit(call(Helper::MapLookupElem as i32));
        let none = self.emit(jmp_imm(jump::JEQ, R0, 0));
        for offset in (0..LEFT_REGISTERS).step_by(8) {
            let from = match offset {
                offset if offset < LEFT_DATA => offset - 64,
                offset => offset - LEFT_DATA + self.data.0,
            };
            self.stack(ldx(size::DW, R1, R10, from));
            self.value(stx(size::DW, R0, offset, R1));
        }
        for (number, reg) in (0..).zip(KEPT) {
            self.value(stx(size::DW, R0, LEFT_REGISTERS + 8 * number, reg));
        }
        let fields = match self.setting.cable {
            true => &[],
            false => fields::readable(self.kind),
        };
        for (number, offset) in (0..).zip(fields) {
            self.ctx(ldx(size::W, R1, R6, *offset));
            self.value(stx(size::W, R0, LEFT_CONTEXT + 4 * number, R1));
        }
        self.land(none);
        match self.rng.random_range(0..4) {
            0 | 1 => {
                let action = self.rng.random_range(-1..9);
                self.emit(mov_imm(R0, action));
            }
            2 => {
                self.emit(mov_reg(R0, R7));
                self.emit(alu_imm(alu::AND, R0, 7));
            }
            _ => {
                self.emit(mov_reg(R0, R8));
            }
        }
        self.emit(exit());
    }

    /// Ends the program at once, at the end of a block.
    fn leave(&mut self) {
        if self.in_function {
            let number = self.number();
            self.emit(mov_imm(R0, number));
            self.emit(exit());
        } else if self.kept == [Kept::Number; 3] && self.one_in(2) {
            let at = self.emit(ja());
            self.to_end.push(at);
        } else {
            let action = self.rng.random_range(0..6);
            self.emit(mov_imm(R0, action));
            self.emit(exit());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::device::{image, Facts};
    use super::*;

    const SETTINGS: [Setting; 2] = [
        Setting {
            events: true,
            cable: false,
        },
        Setting {
            events: false,
            cable: true,
        },
    ];

    #[test]
    fn a_seed_and_a_number_give_the_same_program_and_frames() {
        let text = |number| format!("{:?}", case(5, number, 3, SETTINGS[0]));
        let all: BTreeSet<_> = (0..20).map(text).collect();
        assert_eq!(all, (0..20).map(text).collect());
        assert_eq!(all.len(), 20);
    }

    /// What the device can't do is not generated; what mutation makes of a program is another matter.
    #[test]
    fn the_device_takes_every_program() {
        for setting in SETTINGS {
            for number in 0..300 {
                let case = case(6, number, 0, setting);
                for facts in [Facts::Known, Facts::Unknown] {
                    let taken = image(case.kind, &case.code, facts);
                    if let (false, Err(refusal)) = (case.is_strict, taken) {
                        panic!("program {number}: {refusal}\n{}", case.code);
                    }
                }
            }
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Conditions, loops, functions.

use engine::insn::{alu, jump, size};
use engine::store::ProgramKind;

use rand::Rng;

use super::super::code::{
    alu32_imm, alu_imm, alu_reg, call_local, exit, gotol, ja, jmp32_imm, jmp32_reg, jmp_imm,
    jmp_reg, ldx, mov_imm, mov_reg, stx,
};
use super::super::code::{R0, R1, R10, R2, R3, R6, R7, R8, R9};
use super::{Function, FunctionKind, Generator, Kept, FUNCTION_DATA, KEPT};

const COMPARISONS: [u8; 11] = [
    jump::JEQ,
    jump::JNE,
    jump::JGT,
    jump::JGE,
    jump::JLT,
    jump::JLE,
    jump::JSGT,
    jump::JSGE,
    jump::JSLT,
    jump::JSLE,
    jump::JSET,
];

/// How deep functions call each other, chains of those without data aside: the interpreter has 512
/// bytes of stack for all that are active.
const DEEPEST: u8 = 2;

impl Generator {
    /// A jump on any comparison of `reg`, or of a register that is kept.
    pub(super) fn compare(&mut self, reg: u8) -> usize {
        let operation = self.pick(&COMPARISONS);
        let other = self.kept_readable();
        let number = self.number();
        let insn = match self.rng.random_range(0..4) {
            0 => jmp_imm(operation, reg, number),
            1 => jmp_reg(operation, reg, other),
            2 => jmp32_imm(operation, reg, number),
            _ => jmp32_reg(operation, reg, other),
        };
        self.emit(insn)
    }

    pub(super) fn condition(&mut self) {
        self.statement("condition", |g| {
            let reg = g.kept_readable();
            let to_else = g.compare(reg);
            let before = g.kept;
            g.block();
            let changed = g.kept;
            if g.one_in(8) {
                g.leave();
                g.land(to_else);
                g.kept = before;
                return;
            }
            if g.one_in(2) {
                g.land(to_else);
            } else {
                let insn = g.pick(&[ja(), gotol()]);
                let to_end = g.emit(insn);
                g.land(to_else);
                g.kept = before;
                g.block();
                g.land(to_end);
            }
            g.join(before, changed);
        });
    }

    /// Some statements, not too many.
    pub(super) fn block(&mut self) {
        if self.nesting >= 3 {
            let dst = self.kept_number();
            self.calculate(dst);
            return;
        }
        self.nesting += 1;
        let count = self.rng.random_range(1..=2);
        self.statements(count);
        self.nesting -= 1;
    }

    /// Where ways come together that have left `self.kept`, `left` and perhaps `right`: what is not
    /// the same on all of them is lost.
    pub(super) fn join(&mut self, left: [Kept; 3], right: [Kept; 3]) {
        for (reg, (left, right)) in KEPT.into_iter().zip(left.into_iter().zip(right)) {
            let slot = self.slot(reg);
            if *slot != left || *slot != right {
                *slot = Kept::Lost;
            }
        }
    }

    pub(super) fn looping(&mut self) {
        if self.loops > 0 {
            return self.arithmetic();
        }
        self.statement("loop", |g| {
            g.drop_pointers();
            g.loops += 1;
            match g.rng.random_range(0..3) {
                0 => g.loop_of_place(),
                1 => g.loop_of_unknown(),
                _ => g.loop_of_register(),
            }
            g.loops -= 1;
        });
    }

    /// What is done in a loop.
    fn body(&mut self) {
        let count = self.rng.random_range(1..=2);
        self.nesting += 1;
        self.statements(count);
        self.nesting -= 1;
        // The next time round everything must be what it was before.
        self.drop_pointers();
    }

    /// A constant number of times, counted in a register that is changed and compared at the end.
    fn loop_of_register(&mut self) {
        let counter = self.kept_number();
        let count = self.rng.random_range(1..=6);
        let (is_wide, is_up): (bool, bool) = self.rng.random();
        let step = self.rng.random_range(1..=3);
        let start = if is_up { 0 } else { count * step };
        self.emit(mov_imm(counter, start));
        *self.slot(counter) = Kept::Counter;
        let top = self.here();
        self.body();
        let step_insn = match is_wide {
            true => alu_imm(alu::ADD, counter, if is_up { step } else { -step }),
            false => alu32_imm(alu::ADD, counter, if is_up { step } else { -step }),
        };
        self.emit(step_insn);
        let (operation, limit) = match is_up {
            true => (self.pick(&[jump::JLT, jump::JNE]), count * step),
            false => (self.pick(&[jump::JNE, jump::JSGT]), 0),
        };
        let narrow = self.one_in(2);
        let insn = match narrow {
            true => jmp32_imm(operation, counter, limit),
            false => jmp_imm(operation, counter, limit),
        };
        let back = self.emit(insn);
        self.aim(back, top);
        *self.slot(counter) = Kept::Number;
    }

    /// The count is on the stack, the comparison at the top.
    fn loop_of_place(&mut self) {
        let (place, count) = (self.place(3), self.rng.random_range(1..=5));
        let [reg] = self.temporaries(&[]);
        self.emit(mov_imm(reg, count));
        self.stack(stx(size::DW, R10, place, reg));
        let top = self.here();
        self.stack(ldx(size::DW, reg, R10, place));
        let out = self.emit(jmp_imm(jump::JEQ, reg, 0));
        self.emit(alu_imm(alu::ADD, reg, -1));
        self.stack(stx(size::DW, R10, place, reg));
        self.body();
        let insn = self.pick(&[ja(), gotol()]);
        let back = self.emit(insn);
        self.aim(back, top);
        self.land(out);
    }

    /// As often as a number says that only the run knows.
    fn loop_of_unknown(&mut self) {
        let (counter, limit) = (self.kept_number(), self.place(3));
        let [reg] = self.temporaries(&[]);
        self.load_number(reg);
        self.emit(alu_imm(alu::AND, reg, 7));
        self.stack(stx(size::DW, R10, limit, reg));
        self.emit(mov_imm(counter, 0));
        *self.slot(counter) = Kept::Counter;
        let top = self.here();
        self.stack(ldx(size::DW, reg, R10, limit));
        let out = self.emit(jmp_reg(jump::JGE, counter, reg));
        let too_far = self.emit(jmp_imm(jump::JGT, counter, 8));
        let dst = self.kept_number();
        self.calculate(dst);
        self.emit(alu_imm(alu::ADD, counter, 1));
        let back = self.emit(ja());
        self.aim(back, top);
        self.land(out);
        self.land(too_far);
        *self.slot(counter) = Kept::Number;
    }

    pub(super) fn call(&mut self) {
        if self.depth >= DEEPEST || self.functions.len() >= 6 {
            return self.arithmetic();
        }
        self.statement("function", |g| {
            let kind = match g.rng.random_range(0..5) {
                0 => FunctionKind::OnStack,
                1 if g.depth == 0 => FunctionKind::Chain(g.rng.random_range(1..=6)),
                2 if !g.packet_registers().is_empty() => {
                    let (reg, range) = g.packet_registers()[0];
                    g.emit(mov_reg(R1, reg));
                    FunctionKind::OnPacket(range)
                }
                _ => FunctionKind::Statements,
            };
            match kind {
                FunctionKind::OnStack => {
                    g.point_to_data(R1, 16);
                }
                FunctionKind::OnPacket(_) => {}
                FunctionKind::Statements => {
                    g.emit(mov_reg(R1, R6));
                    g.load_number(R2);
                    g.load_number(R3);
                }
                FunctionKind::Chain(_) => g.load_number(R1),
            }
            let at = g.emit(call_local());
            g.functions.push(Function {
                call: at,
                kind,
                depth: g.depth + 1,
                owner: g.open.last().copied(),
            });
            g.absorb(R0);
            // It may have called anything.
            g.lose_packet();
        });
    }

    /// Writes a function.
    pub(super) fn function(&mut self, function: Function) {
        self.land(function.call);
        // It is counted with the call of it.
        self.open = function.owner.into_iter().collect();
        self.in_function = true;
        self.depth = function.depth;
        self.nesting = 2;
        self.data = (-FUNCTION_DATA, FUNCTION_DATA);
        self.kept = [Kept::Number; 3];
        match function.kind {
            FunctionKind::Statements => {
                self.emit(mov_reg(R6, R1));
                self.begin(0);
                self.emit(mov_reg(R7, R2));
                self.emit(alu_reg(alu::XOR, R8, R3));
                let count = self.rng.random_range(1..=3);
                self.statements(count);
                self.drop_pointers();
                self.emit(mov_reg(R0, R7));
                self.emit(alu_reg(alu::XOR, R0, R8));
                self.emit(alu_reg(alu::ADD, R0, R9));
            }
            FunctionKind::OnStack => {
                let size = self.pick(&[size::B, size::H, size::W, size::DW]);
                self.stack(ldx(size, R0, R1, 0));
                let number = self.number();
                self.emit(alu_imm(alu::XOR, R0, number));
                self.stack(stx(size, R1, 8, R0));
            }
            FunctionKind::OnPacket(range) => {
                self.emit(mov_imm(R0, 0));
                self.emit(mov_reg(R2, R1));
                for _ in 0..3 {
                    let size = self.pick(&[size::B, size::H, size::W, size::DW]);
                    let last = range - i16::from(size::bytes(size));
                    if last < 0 {
                        continue;
                    }
                    let offset = self.rng.random_range(0..=last);
                    self.pkt(ldx(size, R3, R2, offset));
                    self.emit(alu_reg(alu::ADD, R0, R3));
                    if self.one_in(3) {
                        self.pkt(stx(size, R2, offset, R0));
                    }
                }
            }
            FunctionKind::Chain(more) => {
                self.emit(alu_imm(alu::ADD, R1, 3));
                if more > 1 {
                    let at = self.emit(call_local());
                    self.functions.push(Function {
                        call: at,
                        kind: FunctionKind::Chain(more - 1),
                        depth: function.depth + 1,
                        owner: function.owner,
                    });
                    self.emit(alu_imm(alu::MUL, R0, 3));
                } else {
                    self.emit(mov_reg(R0, R1));
                }
            }
        }
        self.emit(exit());
    }

    /// The packet loads of old, of classifiers without functions.
    pub(super) fn packet_load(&mut self) {
        if self.style.has_functions || self.kind != ProgramKind::SchedCls {
            return self.arithmetic();
        }
        self.statement("packet load", |g| g.load_old());
    }
}

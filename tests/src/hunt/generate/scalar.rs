// SPDX-License-Identifier: GPL-2.0

//! Arithmetic, and loads and stores of the stack.

use engine::insn::atomic as op;
use engine::insn::{alu, class, size, Insn, SRC_REG};
use engine::store::RegisterKind;

use rand::Rng;

use super::super::code::{
    alu32_imm, alu32_reg, alu_imm, alu_reg, atomic, ld_imm64, ldsx, ldx, mov_imm, mov_reg, st, stx,
    with_off,
};
use super::super::code::{R0, R10};
use super::Generator;

const BINARY: [u8; 11] = [
    alu::ADD,
    alu::SUB,
    alu::MUL,
    alu::OR,
    alu::AND,
    alu::XOR,
    alu::LSH,
    alu::RSH,
    alu::ARSH,
    alu::DIV,
    alu::MOD,
];

pub(super) const SIZES: [u8; 4] = [size::B, size::H, size::W, size::DW];

impl Generator {
    pub(super) fn arithmetic(&mut self) {
        self.statement("arithmetic", |g| {
            for _ in 0..g.rng.random_range(1..6) {
                let dst = g.kept_number();
                g.calculate(dst);
            }
        });
    }

    /// One operation on the number in `dst`.
    pub(super) fn calculate(&mut self, dst: u8) {
        let is_64: bool = self.rng.random();
        match self.rng.random_range(0..12) {
            0 => {
                let code = if is_64 { class::ALU64 } else { class::ALU };
                self.emit(Insn::new(code | alu::NEG, dst, 0, 0, 0));
            }
            1 => {
                // To little endian, to big endian, or in any case.
                let code = self.pick(&[
                    class::ALU | alu::END,
                    class::ALU | alu::END | SRC_REG,
                    class::ALU64 | alu::END,
                ]);
                let width = self.pick(&[16, 32, 64]);
                self.emit(Insn::new(code, dst, 0, 0, width));
            }
            2 => {
                let src = self.kept_readable();
                let (insn, widths): (_, &[i16]) = match is_64 {
                    true => (mov_reg(dst, src), &[0, 8, 16, 32]),
                    false => (alu32_reg(alu::MOV, dst, src), &[0, 8, 16]),
                };
                let width = self.pick(widths);
                self.emit(with_off(insn, width));
            }
            3 => {
                let number = self.number();
                match self.rng.random_range(0..3) {
                    0 => {
                        self.emit(mov_imm(dst, number));
                    }
                    1 => {
                        self.emit(alu32_imm(alu::MOV, dst, number));
                    }
                    _ => {
                        let value = self.rng.random();
                        self.emit_all(ld_imm64(dst, value));
                    }
                }
            }
            _ => {
                let operation = self.pick(&BINARY);
                let is_signed = matches!(operation, alu::DIV | alu::MOD) && self.one_in(2);
                let insn = if self.one_in(2) {
                    let src = self.kept_readable();
                    match is_64 {
                        true => alu_reg(operation, dst, src),
                        false => alu32_reg(operation, dst, src),
                    }
                } else {
                    let imm = self.operand(operation, is_64);
                    match is_64 {
                        true => alu_imm(operation, dst, imm),
                        false => alu32_imm(operation, dst, imm),
                    }
                };
                self.emit(with_off(insn, is_signed.into()));
            }
        }
    }

    /// A constant that the verifier lets `operation` have.
    fn operand(&mut self, operation: u8, is_64: bool) -> i32 {
        match operation {
            alu::LSH | alu::RSH | alu::ARSH => {
                self.rng.random_range(0..if is_64 { 64 } else { 32 })
            }
            alu::DIV | alu::MOD => match self.number() {
                0 => 1,
                number => number,
            },
            _ => self.number(),
        }
    }

    pub(super) fn memory(&mut self) {
        self.statement("stack", |g| match g.rng.random_range(0..5) {
            0 => g.spill(),
            1 => g.variable_stack(),
            _ => {
                for _ in 0..g.rng.random_range(1..4) {
                    g.stack_access();
                }
            }
        });
    }

    /// A place in the data for an access of `size`.
    fn stack_place(&mut self, size: u8) -> i16 {
        let (lowest, len) = self.data;
        let bytes = i16::from(size::bytes(size));
        lowest + bytes * self.rng.random_range(0..len / bytes)
    }

    fn stack_access(&mut self) {
        let size = self.pick(&SIZES);
        let offset = self.stack_place(size);
        match self.rng.random_range(0..6) {
            0 | 1 => {
                let [to] = self.temporaries(&[]);
                self.stack(ldx(size, to, R10, offset));
                self.absorb(to);
            }
            2 if size != size::DW => {
                let [to] = self.temporaries(&[]);
                self.stack(ldsx(size, to, R10, offset));
                self.absorb(to);
            }
            3 => {
                let number = self.number();
                self.stack(st(size, R10, offset, number));
            }
            4 => {
                let offset = self.data_offset(8);
                self.atomic(R10, offset, RegisterKind::Stack);
            }
            _ => {
                let from = self.kept_readable();
                self.stack(stx(size, R10, offset, from));
            }
        }
    }

    /// A number goes to the stack and comes back.
    fn spill(&mut self) {
        let (place, from) = (self.place(0), self.kept_readable());
        let [to] = self.temporaries(&[]);
        let size = self.pick(&[size::DW, size::DW, size::W]);
        self.stack(stx(size, R10, place, from));
        self.stack(ldx(size, to, R10, place));
        self.absorb(to);
    }

    /// An access at an offset that is known at run time only.
    fn variable_stack(&mut self) {
        let [base, index, value] = self.temporaries(&[]);
        let size = self.pick(&SIZES);
        let (lowest, len) = self.data;
        let bytes = i16::from(size::bytes(size));
        self.load_number(index);
        self.emit(alu_imm(alu::AND, index, (len / 2 - bytes).into()));
        self.emit(mov_reg(base, R10));
        self.emit(alu_reg(alu::ADD, base, index));
        if self.one_in(2) {
            self.stack(ldx(size, value, base, lowest));
            self.absorb(value);
        } else {
            let from = self.kept_readable();
            self.stack(stx(size, base, lowest, from));
        }
    }

    /// An atomic operation on the eight bytes at `base + offset`, which are aligned.
    pub(super) fn atomic(&mut self, base: u8, offset: i16, fact: RegisterKind) {
        let [value] = self.temporaries(&[base, R0]);
        self.load_number(value);
        let size = self.pick(&[size::W, size::DW]);
        let operation = self.pick(&[op::ADD, op::OR, op::AND, op::XOR]);
        match self.rng.random_range(0..6) {
            0 => {
                self.emit_at(atomic(size, base, offset, value, operation), fact);
            }
            1 | 2 => {
                let operation = self.pick(&[operation | op::FETCH, op::XCHG]);
                self.emit_at(atomic(size, base, offset, value, operation), fact);
                self.absorb(value);
            }
            3 if base != R0 => {
                // What is there is what is expected, half of the time.
                if self.one_in(2) {
                    self.emit_at(ldx(size, R0, base, offset), fact);
                } else {
                    self.load_number(R0);
                }
                self.emit_at(atomic(size, base, offset, value, op::CMPXCHG), fact);
                self.absorb(R0);
            }
            4 => {
                let size = self.pick(&SIZES);
                self.emit_at(atomic(size, base, offset, value, op::STORE_RELEASE), fact);
            }
            _ => {
                let size = self.pick(&SIZES);
                self.emit_at(atomic(size, value, offset, base, op::LOAD_ACQUIRE), fact);
                self.absorb(value);
            }
        }
    }

    /// Some access of the `len` bytes from `base + from` on.
    pub(super) fn access(&mut self, base: u8, from: i16, len: i16, fact: RegisterKind) {
        self.access_but(&[base], base, from, len, fact);
    }

    /// The same that leaves the registers in `less` alone.
    pub(super) fn access_but(
        &mut self,
        less: &[u8],
        base: u8,
        from: i16,
        len: i16,
        fact: RegisterKind,
    ) {
        let size = self.pick(&SIZES);
        let bytes = i16::from(size::bytes(size));
        if len < bytes {
            return;
        }
        let offset = from + self.rng.random_range(0..=len - bytes);
        let [reg] = self.temporaries(less);
        match self.rng.random_range(0..8) {
            0..4 => {
                self.emit_at(ldx(size, reg, base, offset), fact);
                self.absorb(reg);
            }
            4 if size != size::DW => {
                self.emit_at(ldsx(size, reg, base, offset), fact);
                self.absorb(reg);
            }
            5 => {
                let number = self.number();
                self.emit_at(st(size, base, offset, number), fact);
            }
            _ => {
                let from = self.kept_readable();
                self.emit_at(stx(size, base, offset, from), fact);
            }
        }
    }
}

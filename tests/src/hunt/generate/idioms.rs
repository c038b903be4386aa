// SPDX-License-Identifier: GPL-2.0

//! What compilers write, for which the engine has operations of its own. Registers, offsets and
//! constants are any; so is what comes of it.

use engine::helper::Helper;
use engine::insn::{alu, jump, size, Insn};
use engine::store::RegisterKind;
use rand::seq::SliceRandom;
use rand::Rng;

use super::super::code::{
    alu32_imm, alu32_reg, alu_imm, alu_reg, call, jmp32_imm, jmp_imm, jmp_reg, ld_map, ldx,
    mov_imm, mov_reg, stx,
};
use super::super::code::{R0, R1, R10, R2, R6};
use super::{Generator, ARRAY, HASH};

/// Bytes that an idiom of the frame takes at most.
const WORD: i16 = 4;

impl Generator {
    /// One that needs nothing but numbers, or brings along what it needs.
    pub(super) fn idiom(&mut self) {
        match self.rng.random_range(0..12) {
            0 => self.statement("shift, or", Self::shift_or),
            1 => self.statement("hash", Self::hash),
            2 => self.statement("exclusive or", Self::xor),
            3 => self.statement("switch", Self::switch),
            4 => self.statement("move, calculate", Self::move_calculate),
            5 => self.statement("mask, compare", Self::mask_compare),
            6 => self.statement("increment", Self::increment),
            7 | 8 => self.statement("look up", Self::look_up),
            9 => self.statement("copy of a value", Self::copy_value),
            10 => self.statement("bounds", Self::bounds_check),
            _ => self.statement("count", Self::count),
        }
    }

    /// Two or three numbers in registers of the statement.
    fn numbers<const N: usize>(&mut self) -> [u8; N] {
        let numbers = self.temporaries(&[]);
        for to in numbers {
            self.load_number(to);
        }
        numbers
    }

    /// A jump over one instruction, which shows whether it was taken.
    fn branch(&mut self, insn: Insn) {
        let at = self.emit(insn);
        let kept = self.kept_number();
        let number = self.number();
        self.emit(alu_imm(alu::XOR, kept, number));
        self.land(at);
    }

    fn shift_or(&mut self) {
        let [a, b] = self.numbers();
        match self.rng.random_range(0..3) {
            0 => {
                let count = self.rng.random_range(0..64);
                self.emit(alu_imm(alu::LSH, a, count));
                self.emit(alu_reg(alu::OR, a, b));
            }
            1 => {
                let count = self.rng.random_range(0..32);
                self.emit(alu32_imm(alu::LSH, a, count));
                self.emit(alu32_reg(alu::OR, a, b));
            }
            _ => {
                let (count, mask) = (self.rng.random_range(0..32), self.number());
                self.emit(alu32_imm(alu::LSH, a, count));
                self.emit(alu32_imm(alu::AND, a, mask));
            }
        }
        self.absorb(a);
    }

    /// Steps of Bob Jenkins' hash, or nearly.
    fn hash(&mut self) {
        let [mut a, mut b, mut c, rotated] = self.numbers();
        let is_true = self.rng.random_ratio(3, 4);
        for _ in 0..self.rng.random_range(1..=6) {
            let left = self.rng.random_range(1..32);
            let right = if is_true {
                32 - left
            } else {
                self.rng.random_range(0..32)
            };
            // a = (c ^ b) - rotated b, with the rotation put together from a.
            self.emit(alu32_reg(alu::MOV, a, b));
            self.emit(alu32_imm(alu::RSH, a, right));
            self.emit(alu32_reg(alu::MOV, rotated, b));
            self.emit(alu32_imm(alu::LSH, rotated, left));
            self.emit(alu32_reg(alu::OR, rotated, a));
            self.emit(alu32_reg(alu::MOV, a, c));
            self.emit(alu32_reg(alu::XOR, a, b));
            self.emit(alu32_reg(alu::SUB, a, rotated));
            (a, b, c) = (c, a, b);
        }
        for reg in [a, b, c, rotated] {
            self.absorb(reg);
        }
    }

    fn xor(&mut self) {
        let [a, b, c] = self.numbers();
        self.emit(alu32_reg(alu::XOR, a, b));
        match self.rng.random_range(0..3) {
            0 => {
                self.emit(alu32_reg(alu::SUB, a, c));
            }
            1 => {
                let number = self.number();
                self.emit(alu32_imm(alu::ADD, a, number));
            }
            _ => {
                let count = self.rng.random_range(0..32);
                self.emit(alu32_imm(alu::RSH, b, count));
                self.emit(alu32_reg(alu::SUB, a, b));
            }
        }
        self.absorb(a);
        self.absorb(b);
    }

    /// `if a == x goto; if a != y goto`.
    fn switch(&mut self) {
        let [a] = self.numbers();
        if self.one_in(2) {
            self.emit(alu_imm(alu::AND, a, 3));
        }
        let is_wide: bool = self.rng.random();
        let (x, y) = match self.one_in(4) {
            true => (self.number() & 0xffff, self.number() & 0xffff),
            false => (self.rng.random_range(0..4), self.rng.random_range(0..4)),
        };
        let jumps = match is_wide {
            true => [jmp_imm(jump::JEQ, a, x), jmp_imm(jump::JNE, a, y)],
            false => [jmp32_imm(jump::JEQ, a, x), jmp32_imm(jump::JNE, a, y)],
        };
        let kept = self.kept_number();
        let first = self.emit(jumps[0]);
        let second = self.emit(jumps[1]);
        self.emit(alu_imm(alu::ADD, kept, 1));
        self.land(first);
        self.emit(alu_imm(alu::XOR, kept, 0x55));
        self.land(second);
    }

    fn move_calculate(&mut self) {
        let [a] = self.temporaries(&[]);
        let from = self.kept_readable();
        match self.rng.random() {
            true => self.emit(mov_reg(a, from)),
            false => self.emit(alu32_reg(alu::MOV, a, from)),
        };
        self.calculate(a);
        self.absorb(a);
    }

    fn mask_compare(&mut self) {
        let [a] = self.numbers();
        let (mask, number) = (self.number() & 0xffff, self.rng.random_range(0..8));
        match self.rng.random() {
            true => self.emit(alu_imm(alu::AND, a, mask)),
            false => self.emit(alu32_imm(alu::AND, a, mask)),
        };
        let operation = self.pick(&[jump::JEQ, jump::JNE, jump::JLT]);
        self.branch(jmp_imm(operation, a, number));
        self.absorb(a);
    }

    /// `d = s + imm; if d ...` with a constant, as at the end of a loop, without going back.
    fn count(&mut self) {
        let [a] = self.numbers();
        if self.one_in(2) {
            self.emit(alu_imm(alu::AND, a, 7));
        }
        let (step, limit) = (self.rng.random_range(-4..5), self.rng.random_range(-4..9));
        let operation = self.pick(&[jump::JNE, jump::JLT]);
        let (add, jump) = match self.rng.random_range(0..3) {
            0 => (alu_imm(alu::ADD, a, step), jmp_imm(operation, a, limit)),
            1 => (alu_imm(alu::ADD, a, step), jmp32_imm(operation, a, limit)),
            _ => (alu32_imm(alu::ADD, a, step), jmp32_imm(operation, a, limit)),
        };
        self.emit(add);
        self.branch(jump);
        self.absorb(a);
    }

    fn increment(&mut self) {
        self.lookup(|g, len| {
            if len < 8 {
                return;
            }
            let offset = g.rng.random_range(0..=len - 8);
            let [number] = g.temporaries(&[R0]);
            let add = g.number();
            g.value(ldx(size::DW, number, R0, offset));
            g.emit(alu_imm(alu::ADD, number, add));
            g.value(stx(size::DW, R0, offset, number));
            g.absorb(number);
        });
    }

    /// A lookup of a key of four bytes as compilers write it, with the result kept.
    fn look_up(&mut self) {
        let [reg, set] = self.temporaries(&[R0, R1, R2]);
        let key_size = self.maps[HASH].key_size;
        let map = match key_size {
            4 if self.one_in(2) => HASH,
            _ => ARRAY,
        };
        let key = self.data_offset(4);
        self.load_number(reg);
        self.emit(alu_imm(alu::AND, reg, 3));
        self.stack(stx(size::W, R10, key, reg));
        if self.one_in(3) {
            // Something between the store and the lookup.
            let dst = self.kept_number();
            self.calculate(dst);
        }
        self.emit(mov_reg(R2, R10));
        self.emit(alu_imm(alu::ADD, R2, key.into()));
        self.emit_all(ld_map(R1, map));
        self.emit(call(Helper::MapLookupElem as i32));
        let number = self.number();
        self.emit(mov_reg(reg, R0));
        self.emit(mov_imm(set, number));
        let before = self.kept;
        let away = if self.one_in(2) {
            self.emit(jmp_imm(jump::JEQ, reg, 0))
        } else {
            let on = self.emit(jmp_imm(jump::JNE, reg, 0));
            let away = self.emit(super::super::code::ja());
            self.land(on);
            away
        };
        let [to] = self.temporaries(&[reg, set]);
        self.value(ldx(size::W, to, reg, 0));
        self.absorb(to);
        self.land(away);
        self.join(before, before);
        self.absorb(set);
    }

    /// Six bytes of a map's value go to the frame.
    fn copy_value(&mut self) {
        self.lookup(|g, len| {
            if len < 6 {
                return;
            }
            let [start, end, limit, byte] = g.temporaries(&[R0]);
            g.load_bounds(start, end);
            g.emit(mov_reg(limit, start));
            g.emit(alu_imm(alu::ADD, limit, 14));
            let away = g.check(limit, end);
            let (from, to) = (g.rng.random_range(0..=len - 6), g.pick(&[0, 6]));
            for number in g.six() {
                g.value(ldx(size::B, byte, R0, from + number));
                g.pkt(stx(size::B, start, to + number, byte));
            }
            g.absorb(byte);
            g.land(away);
        });
    }

    /// 0 to 5, in any order.
    fn six(&mut self) -> [i16; 6] {
        let mut all = [0, 1, 2, 3, 4, 5];
        if self.one_in(2) {
            all.shuffle(&mut self.rng);
        }
        all
    }

    /// The bounds as clang loads and compares them.
    fn bounds_check(&mut self) {
        let [start, end, limit] = self.temporaries(&[]);
        let places = super::packet::bounds(self.kind);
        let mut loads = [
            ldx(size::W, start, R6, places.data),
            ldx(size::W, end, R6, places.end),
        ];
        loads.shuffle(&mut self.rng);
        for load in loads {
            self.ctx(load);
        }
        let len = self.pick(&[14, 34, 54, 64]);
        self.emit(mov_reg(limit, start));
        self.emit(alu_imm(alu::ADD, limit, len));
        let before = self.kept;
        let away = self.emit(jmp_reg(jump::JGT, limit, end));
        self.access(start, 0, len as i16, RegisterKind::Packet);
        self.land(away);
        self.join(before, before);
    }

    /// One that works on the `len` bytes of the frame at `base`.
    pub(super) fn frame_idiom(&mut self, base: u8, len: i16) {
        match self.rng.random_range(0..9) {
            0 if len >= 12 => return self.copy_neighbour(base, len),
            1 if len >= 8 => return self.copy_to_stack(base, len),
            _ => {}
        }
        if len < WORD {
            return self.access(base, 0, len, RegisterKind::Packet);
        }
        let at = self.rng.random_range(0..=len - WORD);
        match self.rng.random_range(0..8) {
            0 | 1 => self.gather16(base, at),
            2 => self.gather32(base, at),
            3 => self.halves(base, at),
            4 => self.load_compare(base, at),
            5 => self.load_mask_compare(base, at),
            6 => self.load_combine(base, at),
            _ => self.load_compare_both(base, at),
        }
    }

    fn gather16(&mut self, base: u8, at: i16) {
        let [first, second] = self.temporaries(&[base]);
        let is_swapped: bool = self.rng.random();
        let (low, high) = if is_swapped {
            (at + 1, at)
        } else {
            (at, at + 1)
        };
        self.pkt(ldx(size::B, first, base, low));
        self.pkt(ldx(size::B, second, base, high));
        let shift: fn(u8, u8, i32) -> Insn = self.pick(&[alu_imm, alu32_imm]);
        self.emit(shift(alu::LSH, second, 8));
        self.emit(alu_reg(alu::OR, second, first));
        if self.one_in(2) {
            let operation = self.pick(&[jump::JEQ, jump::JNE]);
            let number = self.pick(&[0x0800, 0x0008, 0x86dd, 0xdd86, 0x8100, 0, 0xffff]);
            let jump: fn(u8, u8, i32) -> Insn = self.pick(&[jmp_imm, jmp32_imm]);
            let compared = self.pick(&[first, second]);
            self.branch(jump(operation, compared, number));
        }
        self.absorb(first);
        self.absorb(second);
    }

    fn gather32(&mut self, base: u8, at: i16) {
        let [a, b, c, d] = self.temporaries(&[base]);
        let operation: [fn(u8, u8, i32) -> Insn; 2] = [alu_imm, alu32_imm];
        let shift = self.pick(&operation);
        self.pkt(ldx(size::B, a, base, at));
        self.pkt(ldx(size::B, b, base, at + 1));
        self.emit(shift(alu::LSH, b, 8));
        self.emit(alu_reg(alu::OR, b, a));
        self.pkt(ldx(size::B, c, base, at + 2));
        self.emit(shift(alu::LSH, c, 16));
        self.pkt(ldx(size::B, d, base, at + 3));
        let last = self.pick(&operation);
        self.emit(last(alu::LSH, d, 24));
        self.emit(alu_reg(alu::OR, d, c));
        self.emit(alu_reg(alu::OR, d, b));
        for reg in [a, b, c, d] {
            self.absorb(reg);
        }
    }

    fn halves(&mut self, base: u8, at: i16) {
        let [first, second] = self.temporaries(&[base]);
        self.pkt(ldx(size::H, second, base, at + 2));
        self.pkt(ldx(size::H, first, base, at));
        self.emit(alu32_imm(alu::LSH, first, 16));
        self.emit(alu32_reg(alu::OR, first, second));
        self.absorb(first);
        self.absorb(second);
    }

    fn load_compare(&mut self, base: u8, at: i16) {
        let [reg] = self.temporaries(&[base]);
        let size = self.pick(&[size::B, size::H, size::W]);
        self.pkt(ldx(size, reg, base, at));
        let operation = self.pick(&[jump::JEQ, jump::JNE]);
        let number = self.pick(&[0, 6, 17, 0x45, 0x0008, 0xdd86, 0x0081, 0xffff]);
        let jump: fn(u8, u8, i32) -> Insn = self.pick(&[jmp_imm, jmp32_imm]);
        self.branch(jump(operation, reg, number));
        self.absorb(reg);
    }

    fn load_mask_compare(&mut self, base: u8, at: i16) {
        let [reg, kept] = self.temporaries(&[base]);
        let size = self.pick(&[size::B, size::H]);
        self.pkt(ldx(size, reg, base, at));
        // The number itself stays, or the masked one takes its place.
        let masked = if self.one_in(2) {
            self.emit(mov_reg(kept, reg));
            kept
        } else {
            reg
        };
        let mask = self.pick(&[0x0f, 0xf0, 0x1fff, 0x3fff, 0xff, 1]);
        let number = self.pick(&[0, 1, 5, 6, 0x40]);
        let and: fn(u8, u8, i32) -> Insn = self.pick(&[alu_imm, alu32_imm]);
        self.emit(and(alu::AND, masked, mask));
        let operation = self.pick(&[jump::JEQ, jump::JNE, jump::JLT]);
        self.branch(jmp_imm(operation, masked, number));
        self.absorb(reg);
        self.absorb(masked);
    }

    /// `if d == x goto l; if d != y goto; l:`
    fn load_compare_both(&mut self, base: u8, at: i16) {
        let [reg] = self.temporaries(&[base]);
        let (x, y) = (self.pick(&[6, 17, 0, 1]), self.pick(&[17, 6, 58, 255]));
        self.pkt(ldx(size::B, reg, base, at));
        let first = self.emit(jmp_imm(jump::JEQ, reg, x));
        let second = self.emit(jmp_imm(jump::JNE, reg, y));
        self.land(first);
        let kept = self.kept_number();
        self.emit(alu_imm(alu::XOR, kept, 0x33));
        self.land(second);
        self.absorb(reg);
    }

    fn load_combine(&mut self, base: u8, at: i16) {
        let [reg, sum] = self.temporaries(&[base]);
        self.load_number(sum);
        match self.rng.random_range(0..4) {
            0 => {
                self.pkt(ldx(size::H, reg, base, at));
                self.emit(alu_reg(alu::ADD, sum, reg));
            }
            1 => {
                self.pkt(ldx(size::W, reg, base, at));
                self.emit(alu_reg(alu::ADD, sum, reg));
            }
            2 => {
                self.pkt(ldx(size::W, reg, base, at));
                self.emit(alu32_reg(alu::XOR, sum, reg));
            }
            _ => {
                let count = self.rng.random_range(0..32);
                self.pkt(ldx(size::H, reg, base, at));
                self.emit(alu32_imm(alu::LSH, reg, count));
                self.emit(alu32_reg(alu::OR, reg, sum));
            }
        }
        self.absorb(sum);
        self.absorb(reg);
    }

    /// An Ethernet address is copied over its neighbour.
    fn copy_neighbour(&mut self, base: u8, len: i16) {
        let [byte] = self.temporaries(&[base]);
        let at = self.rng.random_range(0..=len - 12);
        let (from, to) = self.pick(&[(at, at + 6), (at + 6, at)]);
        for number in self.six() {
            self.pkt(ldx(size::B, byte, base, from + number));
            self.pkt(stx(size::B, base, to + number, byte));
        }
        self.absorb(byte);
    }

    /// Two neighbouring numbers go to the stack.
    fn copy_to_stack(&mut self, base: u8, len: i16) {
        let [first, other] = self.temporaries(&[base]);
        let second = self.pick(&[first, other]);
        let (size, bytes) = self.pick(&[(size::W, 4), (size::H, 2)]);
        let at = self.rng.random_range(0..=len - 2 * bytes);
        let to = self.data_offset(8);
        for (number, reg) in [(0, first), (1, second)] {
            self.pkt(ldx(size, reg, base, at + number * bytes));
            self.stack(stx(size, R10, to + number * bytes, reg));
        }
        self.absorb(first);
        if second != first {
            self.absorb(second);
        }
    }
}

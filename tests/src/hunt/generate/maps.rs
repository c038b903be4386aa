// SPDX-License-Identifier: GPL-2.0

//! Maps: lookups, values by pointer, updates, deletions.

use engine::helper::Helper;
use engine::insn::{alu, jump, size};
use engine::store::RegisterKind;

use rand::Rng;

use super::super::code::{
    alu_imm, call, jmp_imm, ld_imm64, ld_map, ldx, mov_imm, mov_reg, st, stx,
};
use super::super::code::{R0, R1, R10, R2, R3, R4};
use super::{Generator, ARRAY, HASH};

impl Generator {
    /// A map that programs look things up in, with the sizes of its keys and values.
    fn any_map(&mut self) -> (usize, i16, i16) {
        let index = self.pick(&[ARRAY, HASH, HASH]);
        let map = self.maps[index];
        (index, map.key_size as i16, map.value_size as i16)
    }

    /// Where a key for a map of `key_size` is on the stack: bytes of the data, which may be anything,
    /// or one of few numbers.
    pub(super) fn key(&mut self, key_size: i16) -> i16 {
        let offset = self.data_offset(key_size);
        match self.rng.random_range(0..6) {
            0 => {}
            1 => {
                let reg = self.kept_readable();
                self.stack(stx(size::W, R10, offset, reg));
            }
            2 => {
                let [reg] = self.temporaries(&[]);
                self.load_number(reg);
                self.emit(alu_imm(alu::AND, reg, 3));
                self.stack(stx(size::W, R10, offset, reg));
            }
            _ => {
                let number = self.rng.random_range(0..5);
                self.stack(st(size::W, R10, offset, number));
            }
        }
        // Behind its first bytes a key is always the same, or there would be no second hit.
        for at in 4..key_size {
            self.stack(st(size::B, R10, offset + at, 0));
        }
        offset
    }

    pub(super) fn map(&mut self) {
        match self.rng.random_range(0..5) {
            0 => self.statement("map update", Self::map_update),
            1 => self.statement("map delete", Self::map_delete),
            _ => self.statement("map lookup", |g| g.lookup(|g, len| g.use_value(len))),
        }
    }

    /// Looks something up and, if it is there, lets `then` do something with the value at r0 and its
    /// length.
    pub(super) fn lookup(&mut self, then: impl FnOnce(&mut Self, i16)) {
        let (map, key_size, value_size) = self.any_map();
        let key = self.key(key_size);
        self.emit(mov_reg(R2, R10));
        self.emit(alu_imm(alu::ADD, R2, key.into()));
        self.emit_all(ld_map(R1, map));
        self.emit(call(Helper::MapLookupElem as i32));
        let before = self.kept;
        let away = match self.rng.random_range(0..3) {
            0 => {
                let on = self.emit(jmp_imm(jump::JNE, R0, 0));
                let away = self.emit(super::super::code::ja());
                self.land(on);
                away
            }
            _ => self.emit(jmp_imm(jump::JEQ, R0, 0)),
        };
        then(self, value_size);
        self.land(away);
        self.join(before, before);
    }

    /// Does something with the `len` bytes of a value at r0.
    fn use_value(&mut self, len: i16) {
        match self.rng.random_range(0..6) {
            0 if len >= 8 => {
                let offset = 8 * self.rng.random_range(0..len / 8);
                // r0 is compared by one of the operations.
                let [base] = self.temporaries(&[R0]);
                self.emit(mov_reg(base, R0));
                self.atomic(base, offset, RegisterKind::MapValue);
            }
            1 if len >= 8 => {
                // Put away and got back.
                let (place, [base]) = (self.place(1), self.temporaries(&[R0]));
                self.stack(stx(size::DW, R10, place, R0));
                self.stack(ldx(size::DW, base, R10, place));
                self.access(base, 0, len, RegisterKind::MapValue);
            }
            2 => {
                // At an offset that only the run knows.
                let [index, value] = self.temporaries(&[R0]);
                let mask = (1 << (15 - len.leading_zeros())) - 1;
                self.load_number(index);
                self.emit(alu_imm(alu::AND, index, mask));
                self.emit(super::super::code::alu_reg(alu::ADD, R0, index));
                if self.one_in(2) {
                    self.value(ldx(size::B, value, R0, 0));
                    self.absorb(value);
                } else {
                    let from = self.kept_readable();
                    self.value(stx(size::B, R0, 0, from));
                }
            }
            _ => {
                let [base] = self.temporaries(&[R0]);
                self.emit(mov_reg(base, R0));
                for _ in 0..self.rng.random_range(1..4) {
                    let from = self.pick(&[R0, base]);
                    self.access_but(&[R0, base], from, 0, len, RegisterKind::MapValue);
                }
            }
        }
    }

    fn map_update(&mut self) {
        let (map, key_size, value_size) = self.any_map();
        let key = self.key(key_size);
        self.emit(mov_reg(R2, R10));
        self.emit(alu_imm(alu::ADD, R2, key.into()));
        self.point_to_data(R3, value_size);
        match self.rng.random_range(0..5) {
            0 => {
                let flags = self.rng.random_range(0..9);
                self.emit(mov_imm(R4, flags));
            }
            1 => {
                let flags = self.rng.random();
                self.emit_all(ld_imm64(R4, flags));
            }
            2 => self.load_number(R4),
            _ => {
                let flags = self.rng.random_range(0..3);
                self.emit(mov_imm(R4, flags));
            }
        }
        self.emit_all(ld_map(R1, map));
        self.emit(call(Helper::MapUpdateElem as i32));
        self.absorb(R0);
    }

    fn map_delete(&mut self) {
        let (map, key_size, _) = self.any_map();
        let key = self.key(key_size);
        self.emit(mov_reg(R2, R10));
        self.emit(alu_imm(alu::ADD, R2, key.into()));
        self.emit_all(ld_map(R1, map));
        self.emit(call(Helper::MapDeleteElem as i32));
        self.absorb(R0);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The fields of the context.

use engine::insn::size;
use engine::store::ProgramKind;
use rand::Rng;

use super::super::code::R6;
use super::super::code::{ldx, st, stx};
use super::fields::readable;
use super::Generator;

/// Those that can be written: mark, priority, `tc_index`, `tc_classid`, `cb`.
const WRITABLE: &[i16] = &[8, 12, 32, 44, 48, 52, 56, 60, 64, 72];
const QUEUE_MAPPING: i16 = 12;
const CB: i16 = 48;

impl Generator {
    pub(super) fn context(&mut self) {
        self.statement("context", |g| {
            for _ in 0..g.rng.random_range(1..4) {
                if g.kind == ProgramKind::SchedCls && g.one_in(2) {
                    g.write_field();
                } else {
                    g.read_field();
                }
            }
        });
    }

    fn read_field(&mut self) {
        let field = self.pick(readable(self.kind));
        let [to] = self.temporaries(&[]);
        // Only classifiers may read part of a field.
        let size = match self.kind {
            ProgramKind::SchedCls => self.pick(&[size::W, size::W, size::H, size::B]),
            ProgramKind::Xdp => size::W,
        };
        let bytes = i16::from(size::bytes(size));
        let offset = bytes * self.rng.random_range(0..4 / bytes);
        self.ctx(ldx(size, to, R6, field + offset));
        self.absorb(to);
    }

    fn write_field(&mut self) {
        let field = self.pick(WRITABLE);
        let size = match field {
            CB.. if field < CB + 16 => self.pick(&[size::W, size::B, size::H]),
            _ => size::W,
        };
        if self.one_in(2) {
            let from = self.kept_readable();
            self.ctx(stx(size, R6, field, from));
        } else {
            let number = self.number();
            // The device refuses a constant that is a queue to nobody.
            let number = match field {
                QUEUE_MAPPING => number & i32::MAX,
                _ => number,
            };
            self.ctx(st(size, R6, field, number));
        }
    }
}

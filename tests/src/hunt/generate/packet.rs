// SPDX-License-Identifier: GPL-2.0

//! Access to the frame, behind all forms of bounds checks.

use engine::insn::{alu, class, jump, mode, size, Insn};
use engine::store::{ProgramKind, RegisterKind};

use rand::Rng;

use super::super::code::{alu_imm, alu_reg, ja, jmp_reg, ldx, mov_reg};
use super::super::code::{R0, R6};
use super::{Generator, Kept};

/// Where headers end, and other lengths.
const LENGTHS: [i16; 14] = [1, 2, 6, 12, 14, 15, 18, 22, 34, 38, 42, 54, 64, 90];

/// Where negative offsets of packet loads count from (`SKF_NET_OFF`, `SKF_LL_OFF`).
const NETWORK: i32 = -0x10_0000;
const LINK_LAYER: i32 = -0x20_0000;

/// Where the context has the frame's bounds.
pub(super) struct Bounds {
    pub(super) data: i16,
    pub(super) end: i16,
    pub(super) meta: i16,
}

pub(super) const fn bounds(kind: ProgramKind) -> Bounds {
    match kind {
        ProgramKind::Xdp => Bounds {
            data: 0,
            end: 4,
            meta: 8,
        },
        ProgramKind::SchedCls => Bounds {
            data: 76,
            end: 80,
            meta: 140,
        },
    }
}

impl Generator {
    fn length(&mut self) -> i16 {
        match self.one_in(4) {
            true => self.rng.random_range(1..200),
            false => self.pick(&LENGTHS),
        }
    }

    /// Loads the start of the frame to `start` and its end to `end`.
    pub(super) fn load_bounds(&mut self, start: u8, end: u8) {
        let Bounds {
            data, end: last, ..
        } = bounds(self.kind);
        let mut loads = [ldx(size::W, start, R6, data), ldx(size::W, end, R6, last)];
        if self.one_in(2) {
            loads.swap(0, 1);
        }
        for load in loads {
            self.ctx(load);
        }
    }

    /// Jumps away unless `limit`, a pointer into the frame, is not behind `end`; the jumps.
    pub(super) fn check(&mut self, limit: u8, end: u8) -> usize {
        let away = match self.rng.random_range(0..8) {
            0..3 => jmp_reg(jump::JGT, limit, end),
            3 => jmp_reg(jump::JGE, limit, end),
            4 => jmp_reg(jump::JLT, end, limit),
            5 => jmp_reg(jump::JLE, end, limit),
            // The other way round: over a jump.
            6 => {
                let insn = self.pick(&[
                    jmp_reg(jump::JLE, limit, end),
                    jmp_reg(jump::JLT, limit, end),
                ]);
                let on = self.emit(insn);
                let away = self.emit(ja());
                self.land(on);
                return away;
            }
            _ => {
                let insn = self.pick(&[
                    jmp_reg(jump::JGE, end, limit),
                    jmp_reg(jump::JGT, end, limit),
                ]);
                let on = self.emit(insn);
                let away = self.emit(ja());
                self.land(on);
                return away;
            }
        };
        self.emit(away)
    }

    pub(super) fn packet(&mut self) {
        self.statement("frame", |g| {
            let [start, end, limit, index] = g.temporaries(&[]);
            match g.rng.random_range(0..8) {
                0 => return g.metadata(),
                1 | 2 => {
                    // At an offset that only the run knows.
                    g.load_bounds(start, end);
                    g.load_number(index);
                    let mask = g.pick(&[0x0f, 0x3f, 0x7f, 0x3c, 0x1ff]);
                    g.emit(alu_imm(alu::AND, index, mask));
                    g.emit(alu_reg(alu::ADD, start, index));
                }
                _ => g.load_bounds(start, end),
            }
            let len = g.length();
            g.emit(mov_reg(limit, start));
            g.emit(alu_imm(alu::ADD, limit, len.into()));
            let before = g.kept;
            let away = g.check(limit, end);
            g.with_packet(start, limit, len);
            g.land(away);
            g.join(before, before);
        });
    }

    /// Does something with `len` bytes at `start`; `limit` is where they end.
    fn with_packet(&mut self, start: u8, limit: u8, len: i16) {
        if self.one_in(2) {
            return self.frame_idiom(start, len);
        }
        let less = [start, limit];
        for _ in 0..self.rng.random_range(1..5) {
            if self.one_in(6) {
                // Counted from the end.
                let [reg] = self.temporaries(&less);
                let offset = self.rng.random_range(1..=len);
                self.pkt(ldx(size::B, reg, limit, -offset));
                self.absorb(reg);
            } else {
                self.access_but(&less, start, 0, len, RegisterKind::Packet);
            }
        }
    }

    /// The bytes in front of the frame.
    fn metadata(&mut self) {
        let [meta, data, limit] = self.temporaries(&[]);
        let places = bounds(self.kind);
        self.ctx(ldx(size::W, meta, R6, places.meta));
        self.ctx(ldx(size::W, data, R6, places.data));
        let len = self.pick(&[4, 8, 12, 32]);
        self.emit(mov_reg(limit, meta));
        self.emit(alu_imm(alu::ADD, limit, len.into()));
        let before = self.kept;
        let away = self.check(limit, data);
        for _ in 0..2 {
            self.access(meta, 0, len, RegisterKind::PacketMeta);
        }
        self.land(away);
        self.join(before, before);
    }

    /// The registers that hold pointers into the frame, and how much is behind each.
    pub(super) fn packet_registers(&self) -> Vec<(u8, i16)> {
        let kept = super::KEPT.into_iter().zip(self.kept);
        kept.filter_map(|(reg, kept)| match kept {
            Kept::Packet(range) => Some((reg, range)),
            _ => None,
        })
        .collect()
    }

    /// A pointer that is kept for some statements, or what such statements do with it.
    pub(super) fn packet_kept(&mut self) {
        if let Some((reg, range)) = self.packet_registers().first().copied() {
            return self.statement("frame, again", |g| {
                if g.one_in(3) {
                    g.frame_idiom(reg, range);
                } else {
                    g.access(reg, 0, range, RegisterKind::Packet);
                }
            });
        }
        let changeable = self.kept_as(|kept| kept == Kept::Number);
        if self.nesting >= 3 || changeable.len() < 2 {
            return self.packet();
        }
        self.statement("kept pointer", |g| {
            let reg = g.kept_number();
            let [end, limit] = g.temporaries(&[]);
            let len = g.length();
            *g.slot(reg) = Kept::Lost;
            let before = g.kept;
            g.load_bounds(reg, end);
            g.emit(mov_reg(limit, reg));
            g.emit(alu_imm(alu::ADD, limit, len.into()));
            let away = g.check(limit, end);
            *g.slot(reg) = Kept::Packet(len);
            g.nesting += 1;
            for _ in 0..g.rng.random_range(1..4) {
                match g.one_in(2) {
                    true => g.packet_kept(),
                    false => g.any_statement(),
                }
            }
            g.nesting -= 1;
            g.land(away);
            g.join(before, before);
        });
    }

    /// `LD_ABS` or `LD_IND`, which end the program where there is no such byte.
    pub(super) fn load_old(&mut self) {
        let size = self.pick(&[size::B, size::H, size::W]);
        let bytes = i32::from(size::bytes(size));
        let imm = match self.rng.random_range(0..8) {
            0 => NETWORK + self.rng.random_range(0..40),
            1 => LINK_LAYER + self.rng.random_range(0..40),
            2 => self.rng.random_range(0..100),
            _ => self.rng.random_range(0..=14 - bytes),
        };
        if self.one_in(2) {
            self.emit(Insn::new(class::LD | mode::ABS | size, 0, 0, 0, imm));
        } else {
            let [index] = self.temporaries(&[R0]);
            self.load_number(index);
            if self.one_in(4) {
                let mask = self.pick(&[0xff, -1]);
                self.emit(alu_imm(alu::AND, index, mask));
            } else {
                self.emit(alu_imm(alu::AND, index, 7));
            }
            self.emit(Insn::new(class::LD | mode::IND | size, 0, index, 0, imm));
        }
        self.absorb(R0);
    }
}

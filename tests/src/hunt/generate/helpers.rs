// SPDX-License-Identifier: GPL-2.0

//! Calls of the device's helpers.

use engine::helper::Helper;
use engine::insn::{alu, jump};
use engine::store::{ProgramKind, RegisterKind};
use rand::Rng;

use super::super::code::{alu_imm, alu_reg, call, jmp_reg, ld_imm64, ld_map, mov_imm, mov_reg};
use super::super::code::{R0, R1, R2, R3, R4, R5, R6};
use super::{Generator, EVENTS};

const ETH_P_IP: i32 = 0x0008;
const ETH_P_IPV6: i32 = 0xdd86;
const ETH_P_8021Q: i32 = 0x0081;
const ETH_P_8021AD: i32 = 0xa888;

impl Generator {
    pub(super) fn helper(&mut self) {
        let helpers: Vec<Helper> = Helper::ALL
            .iter()
            .copied()
            .filter(|helper| helper.is_for(self.kind))
            // Those have statements of their own.
            .filter(|helper| {
                !matches!(
                    helper,
                    Helper::MapLookupElem | Helper::MapUpdateElem | Helper::MapDeleteElem
                )
            })
            .collect();
        let helper = self.pick(&helpers);
        let depends_on_time = matches!(helper, Helper::KtimeGetNs | Helper::GetPrandomU32);
        if depends_on_time && self.style.is_wild
            || helper == Helper::PerfEventOutput && !self.setting.events
            || self.setting.cable && !is_for_cables(helper)
        {
            return self.arithmetic();
        }
        self.statement("helper", |g| {
            g.arguments(helper);
            g.emit_call(helper);
            if helper.writes_frame() || helper == Helper::SkbPullData {
                g.lose_packet();
            }
            match helper {
                Helper::KtimeGetNs | Helper::GetPrandomU32 => g.hide(helper),
                // It returns nothing.
                Helper::SetHashInvalid => {}
                _ => g.absorb(R0),
            }
        });
    }

    fn emit_call(&mut self, helper: Helper) {
        // What the device asks the verifier for: r2 of `bpf_redirect` is a constant.
        let fact = match helper {
            Helper::Redirect => RegisterKind::Scalar { constant: Some(0) },
            _ => RegisterKind::Other,
        };
        self.emit_at(call(helper as i32), fact);
    }

    /// Time and chance are not the same on both sides, so only what holds for both is used: each call
    /// gives a number that is not negative.
    fn hide(&mut self, helper: Helper) {
        match self.rng.random_range(0..3) {
            0 => {
                self.emit(alu_imm(alu::RSH, R0, 63));
            }
            1 => {
                self.emit(alu_reg(alu::XOR, R0, R0));
            }
            _ => {
                // 1 if it is negative.
                self.emit(mov_imm(R1, 0));
                let on = self.emit(jmp_reg(jump::JSGE, R0, R1));
                self.emit(mov_imm(R1, 1));
                self.land(on);
                self.emit(mov_reg(R0, R1));
                self.emit(mov_imm(R1, helper as i32));
                self.emit(alu_reg(alu::ADD, R0, R1));
            }
        }
        self.absorb(R0);
    }

    /// An offset into the frame, or what is beyond.
    fn offset(&mut self, to: u8) {
        match self.rng.random_range(0..5) {
            0 => self.load_number(to),
            1 => {
                self.load_number(to);
                self.emit(alu_imm(alu::AND, to, 0x7f));
            }
            _ => {
                let offset = self.rng.random_range(0..80);
                self.emit(mov_imm(to, offset));
            }
        }
    }

    /// `pointer` points to data, and `len` is a length of it: a constant, or not.
    fn buffer(&mut self, pointer: u8, len: u8, least: i32) {
        let longest = self.data.1.min(64);
        let bytes = i32::from(longest);
        self.point_to_data(pointer, longest);
        match self.rng.random_range(0..4) {
            0 => {
                self.load_number(len);
                self.emit(alu_imm(alu::AND, len, bytes - 1));
                if least > 0 {
                    self.emit(alu_imm(alu::ADD, len, least));
                }
            }
            _ => {
                let number = self.rng.random_range(least..=bytes);
                self.emit(mov_imm(len, number));
            }
        }
    }

    /// One of few flags, or any.
    fn flags(&mut self, to: u8, usual: &[i32]) {
        if self.one_in(10) {
            let number = self.number();
            self.emit(mov_imm(to, number));
        } else {
            let flags = self.pick(usual);
            self.emit(mov_imm(to, flags));
        }
    }

    /// By how much something is to move.
    fn delta(&mut self, to: u8, usual: &[i32]) {
        if self.one_in(6) {
            self.load_number(to);
        } else {
            let delta = self.pick(usual);
            self.emit(mov_imm(to, delta));
        }
    }

    /// The same on a cable, where only what makes the frame shorter has the same result everywhere.
    fn shorter(&mut self, to: u8, sign: i32) {
        let bytes = self.pick(&[0, 1, 4, 14, 20, 46]);
        self.emit(mov_imm(to, sign * bytes));
    }

    fn arguments(&mut self, helper: Helper) {
        match helper {
            Helper::MapLookupElem
            | Helper::MapUpdateElem
            | Helper::MapDeleteElem
            | Helper::KtimeGetNs
            | Helper::GetPrandomU32
            | Helper::GetSmpProcessorId => {}
            Helper::SkbStoreBytes => {
                self.buffer(R3, R4, 1);
                self.offset(R2);
                self.flags(R5, &[0, 1, 2, 3]);
            }
            Helper::SkbLoadBytes | Helper::XdpLoadBytes | Helper::XdpStoreBytes => {
                self.buffer(R3, R4, 1);
                self.offset(R2);
            }
            Helper::SkbLoadBytesRelative => {
                self.buffer(R3, R4, 1);
                self.offset(R2);
                self.flags(R5, &[0, 1, 1, 2]);
            }
            Helper::L3CsumReplace => {
                self.offset(R2);
                self.load_number(R3);
                self.load_number(R4);
                self.flags(R5, &[0, 2, 4, 2, 4]);
                self.no_difference();
            }
            Helper::L4CsumReplace => {
                self.offset(R2);
                self.load_number(R3);
                self.load_number(R4);
                self.flags(
                    R5,
                    &[
                        0, 2, 4, 0x10, 0x12, 0x14, 0x20, 0x22, 0x24, 0x34, 0x62, 0x92,
                    ],
                );
                self.no_difference();
            }
            Helper::SkbVlanPush => {
                self.flags(R2, &[ETH_P_8021Q, ETH_P_8021AD, 0]);
                self.load_number(R3);
            }
            Helper::SkbVlanPop | Helper::SetHashInvalid | Helper::XdpGetBuffLen => {}
            Helper::Redirect => {
                let index = self.rng.random_range(0..5);
                self.emit(mov_imm(R1, index));
                let flags = match self.kind {
                    ProgramKind::Xdp => self.number(),
                    ProgramKind::SchedCls => self.pick(&[0, 0, 2, 4, -1]),
                };
                self.emit(mov_imm(R2, flags));
                return;
            }
            Helper::PerfEventOutput => return self.event(),
            Helper::CsumDiff => return self.csum_diff(),
            Helper::SkbChangeProto => {
                self.flags(R2, &[ETH_P_IP, ETH_P_IPV6]);
                self.flags(R3, &[0]);
            }
            Helper::SkbChangeType => self.flags(R2, &[0, 1, 2, 3, 4]),
            Helper::SkbChangeTail => {
                self.flags(R2, &[14, 34, 60, 64, 100, 300, 2000]);
                self.flags(R3, &[0]);
            }
            Helper::SkbPullData => self.flags(R2, &[0, 14, 40, 60, 100]),
            Helper::SkbChangeHead => {
                self.flags(R2, &[0, 1, 4, 14, 40, 200]);
                self.flags(R3, &[0]);
            }
            Helper::XdpAdjustHead if self.setting.cable => self.shorter(R2, 1),
            Helper::XdpAdjustTail if self.setting.cable => self.shorter(R2, -1),
            Helper::XdpAdjustHead => {
                self.delta(R2, &[0, 4, 14, 20, -4, -14, -20, -100, -200, -256, 46])
            }
            Helper::XdpAdjustMeta => self.delta(R2, &[0, -4, -8, -16, -32, -64, -252, -256, 4, 8]),
            Helper::XdpAdjustTail => self.delta(R2, &[0, 1, -1, 4, -4, -14, -46, 100, 1000, 3000]),
        }
        // The context comes last: what the others are made of may be in r1.
        if !matches!(
            helper,
            Helper::KtimeGetNs | Helper::GetPrandomU32 | Helper::GetSmpProcessorId
        ) {
            self.emit(mov_reg(R1, R6));
        }
    }

    /// Sums are given as differences with a size of 0; then there is no old value.
    fn no_difference(&mut self) {
        if self.one_in(2) {
            self.emit(mov_imm(R3, 0));
        }
    }

    fn csum_diff(&mut self) {
        for (pointer, len) in [(R1, R2), (R3, R4)] {
            if self.one_in(4) {
                self.emit(mov_imm(pointer, 0));
                self.emit(mov_imm(len, 0));
                continue;
            }
            let longest = self.data.1.min(64);
            self.point_to_data(pointer, longest);
            // Now and then not a multiple of 4, which is an error.
            let number = match self.one_in(8) {
                true => self.rng.random_range(0..=longest),
                false => 4 * self.rng.random_range(0..=longest / 4),
            };
            self.emit(mov_imm(len, number.into()));
        }
        self.load_number(R5);
    }

    fn event(&mut self) {
        self.buffer(R4, R5, 1);
        // This processor's place, or one without an event, and some of the frame.
        let index: u64 = self.pick(&[0xffff_ffff, 0xffff_ffff, 0, 1, 3, 4, 9]);
        let len: u64 = self.pick(&[0, 0, 1, 14, 15, 60, 64, 4000]);
        let flags = match self.one_in(12) {
            true => self.rng.random(),
            false => index | len << 32,
        };
        self.emit_all(ld_imm64(R3, flags));
        self.emit_all(ld_map(R2, EVENTS));
        self.emit(mov_reg(R1, R6));
    }
}

/// Whether `helper` does the same wherever a frame is received.
fn is_for_cables(helper: Helper) -> bool {
    !matches!(
        helper,
        Helper::GetSmpProcessorId
            | Helper::Redirect
            | Helper::PerfEventOutput
            | Helper::XdpAdjustMeta
    )
}

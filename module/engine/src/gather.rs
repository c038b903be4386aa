// SPDX-License-Identifier: GPL-2.0

//! What the immediate of [`Code::Gather16`](crate::op::Code::Gather16) and its relatives holds.
//!
//! A compiler that knows nothing of a header's alignment loads it byte by byte, shifts each byte to
//! its place and puts them together. What is left in the registers then are parts of one word of
//! the frame: all of it in one register, some of its bytes in those that held them on the way.

use crate::op::{Op, Register};

/// The bytes of a word that four bits stand for.
const PARTS: [u32; 16] = {
    let mut parts = [0; 16];
    let mut bits = 0;
    while bits < 16 {
        let mut byte = 0;
        while byte < 4 {
            if bits >> byte & 1 == 1 {
                parts[bits] |= 0xff << (8 * byte);
            }
            byte += 1;
        }
        bits += 1;
    }
    parts
};

/// Where the parts of the word go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Gather {
    /// The bytes that go to `dst`, to `b` and to `others`, in this order; one bit for each byte.
    pub(crate) parts: [u8; 4],
    pub(crate) others: [Register; 2],
}

impl Gather {
    /// As the immediate of an operation.
    pub(crate) const fn to_imm(self) -> u64 {
        let [dst, b, third, fourth] = self.parts;
        let [third_register, fourth_register] = self.others;
        (dst & 15) as u64
            | ((b & 15) as u64) << 4
            | ((third & 15) as u64) << 8
            | ((fourth & 15) as u64) << 12
            | (third_register as u64) << 16
            | (fourth_register as u64) << 20
    }

    /// From the immediate of an operation.
    pub(crate) fn of(op: &Op) -> Self {
        let nibble = |shift: u32| (op.imm >> shift) as u8 & 15;
        Self {
            parts: [nibble(0), nibble(4), nibble(8), nibble(12)],
            others: [op.third(), Self::fourth(op)],
        }
    }

    /// The fourth register.
    #[inline]
    pub(crate) const fn fourth(op: &Op) -> Register {
        Register::of((op.imm >> 20) as u8)
    }
}

/// The bytes of `word` that are bits 0 to 3 of `bits`.
#[inline(always)]
pub(crate) fn part(word: u64, bits: u64) -> u64 {
    word & u64::from(PARTS[bits as usize & 15])
}

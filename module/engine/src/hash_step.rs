// SPDX-License-Identifier: GPL-2.0

//! What the immediate of [`Code::HashSteps`](crate::op::Code::HashSteps) holds.
//!
//! Bob Jenkins' hash, the `jhash` of the kernel and of load balancers, is a row of steps
//! `d = (m ^ s) - rotated s`, each of which rotates what the one before gave. On the way a compiler
//! keeps the bits that were shifted out in `d`, and all rotated numbers in one register.

use crate::op::Register;

/// One step: 16 bits of the immediate, the first step in the lowest ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct HashStep {
    /// By how many bits the number is rotated to the left, 1 to 31: bits 0 to 4.
    pub(crate) left: u8,
    /// The register that is combined with the number: bits 8 to 11.
    pub(crate) minuend: Register,
    /// The register that takes the result: bits 12 to 15.
    pub(crate) dst: Register,
}

impl HashStep {
    /// Bits of a step.
    pub(crate) const BITS: u32 = 16;

    /// As the lowest bits of an immediate.
    pub(crate) const fn to_bits(self) -> u64 {
        (self.left & 31) as u64 | (self.minuend as u64) << 8 | (self.dst as u64) << 12
    }

    /// From the lowest bits of an immediate.
    pub(crate) const fn of(bits: u64) -> Self {
        Self {
            left: Self::left(bits) as u8,
            minuend: Register::of(Self::minuend_bits(bits) as u8),
            dst: Register::of(Self::dst_bits(bits) as u8),
        }
    }

    /// See [`HashStep::left`].
    #[inline(always)]
    pub(crate) const fn left(bits: u64) -> u32 {
        bits as u32 & 31
    }

    /// The register [`HashStep::minuend`] in the low four bits.
    #[inline(always)]
    pub(crate) const fn minuend_bits(bits: u64) -> u64 {
        bits >> 8
    }

    /// The register [`HashStep::dst`] in the low four bits.
    #[inline(always)]
    pub(crate) const fn dst_bits(bits: u64) -> u64 {
        bits >> 12
    }

    /// How many steps the immediate `imm` has, 1 to 4.
    pub(crate) const fn count(imm: u64) -> u32 {
        let used = u64::BITS.wrapping_sub(imm.leading_zeros());
        if used == 0 {
            return 1;
        }
        used.div_ceil(Self::BITS)
    }
}

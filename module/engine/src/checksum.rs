// SPDX-License-Identifier: GPL-2.0

//! Ones' complement sums of bytes, as the Internet checksum is one (RFC 1071).
//!
//! Words count in the order in which the host has them in memory, as the kernel's `__wsum` and
//! `__sum16` do: only lengths and the like need swapping, never a sum. Ones' complement has two
//! zeros; a sum is 0 here only if all that went into it was.

/// A ones' complement sum.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sum(u32);

impl Sum {
    /// The sum of nothing.
    pub const ZERO: Self = Self(0);

    /// The sum of one word, as a checksum field holds it.
    pub const fn of_field(field: [u8; 2]) -> Self {
        Self(u16::from_le_bytes(field) as u32)
    }

    /// The sum of a number that travels in network byte order, of 16 or 32 bits.
    pub const fn of_number(number: u32) -> Self {
        Self(number.swap_bytes())
    }

    /// The sum of what both are sums of.
    #[must_use]
    #[allow(clippy::should_implement_trait)] // An operator hides that this is not `+`.
    pub const fn add(self, other: Self) -> Self {
        let (sum, carry) = self.0.overflowing_add(other.0);
        Self(sum.wrapping_add(carry as u32))
    }

    /// The sum without what went into `other`.
    #[must_use]
    #[allow(clippy::should_implement_trait)]
    pub const fn sub(self, other: Self) -> Self {
        self.add(Self(!other.0))
    }

    /// The same bytes' share in a sum that begins `distance` bytes before them.
    #[must_use]
    pub const fn behind(self, distance: usize) -> Self {
        if distance & 1 == 1 {
            Self(self.0.rotate_left(8))
        } else {
            self
        }
    }

    /// The sum in 16 bits; 0 only if everything summed was 0.
    pub const fn fold(self) -> u16 {
        let (high, low) = ((self.0 >> 16) as u16, self.0 as u16);
        let (sum, carry) = high.overflowing_add(low);
        sum.wrapping_add(carry as u16)
    }

    /// The sum as a checksum field holds it, when what else is summed is to be added to it.
    pub const fn field(self) -> [u8; 2] {
        self.fold().to_le_bytes()
    }

    /// The checksum: what makes the whole add up to (the other) zero.
    pub const fn complement(self) -> [u8; 2] {
        (!self.fold()).to_le_bytes()
    }
}

/// Bytes that are taken at once.
const BLOCK: usize = 64;

/// The sum of `bytes`; a last odd byte counts as if a zero followed it.
pub fn sum(bytes: &[u8]) -> Sum {
    // Adding to 128 bits costs two instructions for 8 bytes, and the carries collect in the upper
    // half: nothing waits for a carry of another addition. It is as fast without vectors, which the
    // kernel does not have, as a compiler's vectors are.
    let mut totals = [0_u128; 4];
    let mut rest = bytes;
    while let Some((block, behind)) = rest.split_first_chunk::<BLOCK>() {
        let mut words = block.as_slice();
        let [a, b, c, d] = &mut totals;
        for total in [&mut *a, b, c, d] {
            if let Some((pair, after)) = words.split_first_chunk::<16>() {
                *total = total.wrapping_add(low(pair)).wrapping_add(high(pair));
                words = after;
            }
        }
        rest = behind;
    }
    let [a, b, c, d] = totals;
    // Far below 2^128: each of them is a sum of fewer than 2^60 words of 64 bits.
    let mut total = a.wrapping_add(b).wrapping_add(c).wrapping_add(d);
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        total = total.wrapping_add(u64::from_le_bytes(*word).into());
        rest = behind;
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    total = total.wrapping_add(u64::from_le_bytes(last).into());
    let halves = ones_add((total >> 64) as u64, total as u64);
    Sum((halves >> 32) as u32).add(Sum(halves as u32))
}

fn low(pair: &[u8; 16]) -> u128 {
    u128::from(u128::from_le_bytes(*pair) as u64)
}

fn high(pair: &[u8; 16]) -> u128 {
    u128::from_le_bytes(*pair) >> 64
}

const fn ones_add(a: u64, b: u64) -> u64 {
    let (sum, carry) = a.overflowing_add(b);
    sum.wrapping_add(carry as u64)
}

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

/// The sum of bytes that lie in pieces, one behind the other, and how many they are.
pub fn sum_of<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Sum, usize) {
    pieces.fold((Sum::ZERO, 0), |(total, done), piece| {
        let total = total.add(sum(piece).behind(done));
        (total, done.wrapping_add(piece.len()))
    })
}

/// Words of 64 bits that are taken at once: so many as one long number, and so many by halves.
const CHAIN: usize = 4;
const HALVES: usize = 2;
/// How often in a row, before it is checked whether there are more.
const TIMES: usize = 2;
const BLOCK: usize = TIMES * (CHAIN + HALVES) * 8;

/// The sum of `bytes`; a last odd byte counts as if a zero followed it.
pub fn sum(bytes: &[u8]) -> Sum {
    let (mut all, mut rest) = if bytes.len() < BLOCK {
        (0, bytes)
    } else {
        sum_blocks(bytes)
    };
    while let Some((word, behind)) = rest.split_first_chunk() {
        all = ones_add(all, u64::from_le_bytes(*word));
        rest = behind;
    }
    if let Some((word, behind)) = rest.split_first_chunk() {
        all = ones_add(all, u32::from_le_bytes(*word).into());
        rest = behind;
    }
    if let Some((word, behind)) = rest.split_first_chunk() {
        all = ones_add(all, u16::from_le_bytes(*word).into());
        rest = behind;
    }
    if let [byte, ..] = rest {
        all = ones_add(all, (*byte).into());
    }
    Sum((all >> 32) as u32).add(Sum(all as u32))
}

/// The sum of all whole blocks of `bytes`, and the bytes behind them.
fn sum_blocks(bytes: &[u8]) -> (u64, &[u8]) {
    // A processor can add with carry only in some of its units, so that not all words of a block are
    // added in that way, as one number in which only the last carry needs a place of its own. The
    // others are added twice: whole, where carries get lost, and their upper halves, from which the
    // sum of the lower ones follows. That takes the other units, or a vector if there are any; the
    // kernel has none.
    let mut chain = [0; CHAIN];
    let mut carries = 0_u64;
    let mut whole = [0_u64; HALVES];
    let mut upper = [0_u64; HALVES];
    let mut rest = bytes;
    while let Some((block, behind)) = rest.split_first_chunk::<BLOCK>() {
        let mut words = block.as_slice();
        for _ in 0..TIMES {
            let mut carry = false;
            for total in &mut chain {
                (*total, carry) = add_with_carry(*total, next_word(&mut words), carry);
            }
            // There are fewer than 2^59 blocks; a sum of halves has room for 2^32 of them.
            carries = carries.wrapping_add(carry.into());
            let pair: [u64; HALVES] = [next_word(&mut words), next_word(&mut words)];
            for (whole, word) in whole.iter_mut().zip(pair) {
                *whole = whole.wrapping_add(word);
            }
            for (upper, word) in upper.iter_mut().zip(pair) {
                *upper = upper.wrapping_add(word >> 32);
            }
        }
        rest = behind;
    }
    let mut all = carries;
    for total in chain {
        all = ones_add(all, total);
    }
    let mut halves = 0_u64;
    for (whole, upper) in whole.into_iter().zip(upper) {
        let lower = whole.wrapping_sub(upper << 32);
        for sum in [lower, upper] {
            halves = halves
                .wrapping_add(sum >> 32)
                .wrapping_add(sum & 0xffff_ffff);
        }
    }
    (ones_add(all, halves), rest)
}

/// Takes a word from the front of `bytes`, which has one.
#[inline]
fn next_word(bytes: &mut &[u8]) -> u64 {
    match bytes.split_first_chunk() {
        Some((word, behind)) => {
            *bytes = behind;
            u64::from_le_bytes(*word)
        }
        None => 0,
    }
}

/// `a + b + carry`, and what is carried on. Compilers know it by this form.
#[inline]
const fn add_with_carry(a: u64, b: u64, carry: bool) -> (u64, bool) {
    let (sum, first) = a.overflowing_add(b);
    let (sum, second) = sum.overflowing_add(carry as u64);
    (sum, first | second)
}

#[inline]
const fn ones_add(a: u64, b: u64) -> u64 {
    let (sum, carry) = a.overflowing_add(b);
    // What overflowed is at most `u64::MAX - 1`, so the carry finds room.
    sum.wrapping_add(carry as u64)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::{sum, Sum};

    /// The sum of big-endian words without any carries, reduced at the end.
    fn model(bytes: &[u8]) -> u16 {
        let total: u64 = bytes
            .chunks(2)
            .map(|word| u64::from(word[0]) << 8 | word.get(1).map_or(0, |low| u64::from(*low)))
            .sum();
        match total {
            0 => 0,
            _ => ((total - 1) % 0xffff + 1) as u16,
        }
    }

    fn pattern(len: usize) -> Vec<u8> {
        (0..len).map(|at| (at * at * 7 + 251 * at) as u8).collect()
    }

    #[test]
    fn sums_of_rfc_1071() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(sum(&bytes).field(), [0xdd, 0xf2]);
        assert_eq!(sum(&bytes).complement(), [0x22, 0x0d]);
    }

    #[test]
    fn every_length_and_every_alignment() {
        let bytes = pattern(300);
        for start in 0..9 {
            for end in start..bytes.len() {
                let bytes = &bytes[start..end];
                let expected = model(bytes).to_be_bytes();
                assert_eq!(sum(bytes).field(), expected, "{start}..{end}");
            }
        }
    }

    #[test]
    fn the_largest_words_carry_through_every_block() {
        for len in [1, 2, 7, 8, 63, 64, 65, 128, 1500, 65_537] {
            let bytes = std::vec![0xff; len];
            assert_eq!(sum(&bytes).field(), model(&bytes).to_be_bytes(), "{len}");
            let mut bytes = std::vec![0xff; len];
            bytes[len / 2] = 0xfe;
            assert_eq!(sum(&bytes).field(), model(&bytes).to_be_bytes(), "{len}");
        }
    }

    #[test]
    fn only_zeros_add_up_to_zero() {
        assert_eq!(sum(&[]), Sum::ZERO);
        assert_eq!(sum(&[0; 100]).fold(), 0);
        assert_eq!(sum(&[0xff; 100]).fold(), 0xffff);
        let field = Sum::of_field([0x12, 0x34]);
        assert_eq!(field.sub(field).fold(), 0xffff);
    }

    #[test]
    fn pieces_add_up_at_any_distance() {
        let bytes = pattern(131);
        for cut in 0..bytes.len() {
            let (front, back) = bytes.split_at(cut);
            // A front that is cut in a word is summed as if a zero filled it.
            let joined = sum(front).add(sum(back).behind(cut));
            assert_eq!(joined.fold(), sum(&bytes).fold(), "cut at {cut}");
            assert_eq!(joined.sub(sum(front)).fold(), sum(back).behind(cut).fold());
        }
    }

    #[test]
    fn numbers_count_as_their_bytes_on_the_wire() {
        for number in [0_u32, 6, 0x1234, 0xffff, 0x1_0000, 0xdead_beef] {
            let bytes = sum(&number.to_be_bytes()).fold();
            assert_eq!(Sum::of_number(number).fold(), bytes, "{number:#x}");
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The hash of receive-side scaling.
//!
//! Toeplitz: each bit of the input that is set contributes the 32 bits of the key that begin at its
//! place, and the contributions are combined by exclusive or. Half a byte has sixteen contributions to
//! make, which are worked out once for a key.

/// Bytes of the longest input: two addresses of IPv6, ports, flow label, protocol, VLAN tag, Ethernet
/// address; as a multiple of four.
pub(super) const MAX_INPUT: usize = 52;

/// Length of a key in bytes: enough for the longest input.
pub const KEY_SIZE: usize = MAX_INPUT + 4;

/// What a byte at one place of the input contributes: the sixteen values of its upper half, and those of
/// its lower half.
pub(super) type Contributions = [[u32; 16]; 2];

/// What byte number `place` of the input contributes by `key`. Any context.
pub(super) fn contributions(key: &[u8; KEY_SIZE], place: usize) -> Contributions {
    let mut found = [[0; 16]; 2];
    let first = place.wrapping_mul(8);
    for (half, first) in found.iter_mut().zip([first, first.wrapping_add(4)]) {
        for (contribution, value) in half.iter_mut().zip(0_u32..) {
            *contribution = contributed(key, first, value);
        }
    }
    found
}

/// The hash of what was added so far.
pub(super) struct Sum<'a> {
    /// What a byte contributes at each of the places that are left.
    places: &'a [Contributions],
    /// Two, that do not wait for each other.
    upper: u32,
    lower: u32,
}

impl<'a> Sum<'a> {
    /// That of no bytes. `places` has what a byte contributes at each place of the input.
    #[inline]
    pub(super) fn new(places: &'a [Contributions]) -> Self {
        Self {
            places,
            upper: 0,
            lower: 0,
        }
    }

    /// Adds bytes, in the order in which they are on the wire; nothing if so many places are not left.
    #[inline]
    pub(super) fn add<const N: usize>(&mut self, bytes: [u8; N]) {
        let Some((places, left)) = self.places.split_first_chunk::<N>() else {
            return;
        };
        for (byte, [high, low]) in bytes.into_iter().zip(places) {
            // A number of four bits always is one of sixteen.
            self.upper ^= high.get(usize::from(byte >> 4)).unwrap_or(&0);
            self.lower ^= low.get(usize::from(byte & 0xf)).unwrap_or(&0);
        }
        self.places = left;
    }

    /// The hash.
    #[inline]
    pub(super) fn value(&self) -> u32 {
        self.upper ^ self.lower
    }
}

/// What the half byte `value` contributes that begins at bit `place` of the input.
fn contributed(key: &[u8; KEY_SIZE], place: usize, value: u32) -> u32 {
    let mut sum = 0;
    for bit in 0..4_u32 {
        // The first bit on the wire is the highest one of the number.
        if value >> (3 - bit) & 1 == 1 {
            // CAST: A number below four.
            sum ^= window(key, place.wrapping_add(bit as usize));
        }
    }
    sum
}

/// The 32 bits of `key` that begin at bit `place`; what is behind the key is zero.
fn window(key: &[u8; KEY_SIZE], place: usize) -> u32 {
    let byte = |index: usize| u64::from(key.get(index).copied().unwrap_or(0));
    let first = place / 8;
    let five = (0..5).fold(0, |bits, index| bits << 8 | byte(first.wrapping_add(index)));
    // CAST: What is left are 32 bits.
    (five >> (8 - place % 8)) as u32
}

// SPDX-License-Identifier: GPL-2.0

//! The hash of a rule table.

use crate::mix::mix;
use crate::parser::{KeyWords, Keys};

/// A function from keys to numbers that nobody knows who does not know its seed: NH, of the message
/// authentication code UMAC (RFC 4418, section 5.2), on words of 64 bits. However two keys are chosen,
/// hardly any seed gives them the same product sum; a sum of two words or a shift that they share would
/// not do, as there keys can be found that meet whatever the seed is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hash {
    secrets: KeyWords,
}

impl Hash {
    /// The function of `seed`.
    pub(super) const fn new(seed: u64) -> Self {
        let mut secrets = [0; Keys::WORDS];
        let mut rest: &mut [u64] = &mut secrets;
        let mut state = seed;
        while let Some((secret, others)) = rest.split_first_mut() {
            // Each from its own number of a sequence that does not repeat (SplitMix64).
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            *secret = mix(state);
            rest = others;
        }
        Self { secrets }
    }

    /// The hash of `key`.
    #[inline(always)]
    pub(super) const fn of(&self, key: &KeyWords) -> u64 {
        let [k0, k1, k2, k3, k4, k5, k6, k7] = *key;
        let [s0, s1, s2, s3, s4, s5, s6, s7] = self.secrets;
        let sum = product(k0, s0, k1, s1)
            .wrapping_add(product(k2, s2, k3, s3))
            .wrapping_add(product(k4, s4, k5, s5))
            .wrapping_add(product(k6, s6, k7, s7));
        // CAST: Both halves, one after the other.
        mix((sum >> 64) as u64 ^ mix(sum as u64))
    }
}

/// The product of two words, each with its secret.
#[inline(always)]
const fn product(a: u64, secret_a: u64, b: u64, secret_b: u64) -> u128 {
    // CAST: To a longer number.
    let (a, b) = (
        a.wrapping_add(secret_a) as u128,
        b.wrapping_add(secret_b) as u128,
    );
    a.wrapping_mul(b)
}

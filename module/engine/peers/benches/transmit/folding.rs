// SPDX-License-Identifier: GPL-2.0

//! The rival that the kernel's portable code is like.

/// The Internet checksum of `bytes`: words of 64 bits added with end-around carry, then folded.
pub(crate) fn folding_loop(bytes: &[u8]) -> u16 {
    let mut sum = 0_u64;
    let mut words = bytes.chunks_exact(8);
    let mut add = |word| {
        let (next, carry) = sum.overflowing_add(word);
        sum = next.wrapping_add(u64::from(carry));
    };
    for word in &mut words {
        add(u64::from_le_bytes(word.try_into().expect("eight bytes")));
    }
    let mut last = [0; 8];
    last[..words.remainder().len()].copy_from_slice(words.remainder());
    add(u64::from_le_bytes(last));
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

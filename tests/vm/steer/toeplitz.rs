// SPDX-License-Identifier: GPL-2.0

//! The hash of receive-side scaling, bit by bit.

fn bit(bytes: &[u8], at: usize) -> bool {
    let byte = bytes.get(at / 8);
    byte.is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1)
}

/// Each bit of `input` that is set contributes the 32 bits of `key` that begin at its place.
pub(crate) fn toeplitz(key: &[u8], input: &[u8]) -> u32 {
    let set = (0..8 * input.len()).filter(|at| bit(input, *at));
    set.fold(0, |hash, at| {
        let window = (at..at + 32).fold(0, |window, at| window << 1 | u32::from(bit(key, at)));
        hash ^ window
    })
}

/// Two of Microsoft's, "Verifying the RSS hash calculation": an IPv4 flow without and with its ports.
#[test]
fn published_vectors() {
    let key = [
        0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f,
        0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
        0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
    ];
    // 66.9.149.187:2794 to 161.142.100.80:1766.
    let flow = [
        66, 9, 149, 187, 161, 142, 100, 80, 0x0a, 0xea, 0x06, 0xe6_u8,
    ];
    assert_eq!(toeplitz(&key, &flow[..8]), 0x323e_8fc2);
    assert_eq!(toeplitz(&key, &flow), 0x51cc_c178);
}

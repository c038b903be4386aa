// SPDX-License-Identifier: GPL-2.0

//! The digests of a program, computed in user space.

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::canonical::{ByteOrder, Canonical, INSN_SIZE};
use crate::netlink::DigestAlgorithm;

/// The digests of a program's canonical instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// SHA-256, `prog->digest` of the kernel.
    pub sha256: [u8; 32],
    /// SHA-1.
    pub sha1: [u8; 20],
}

impl Digests {
    /// Those of instructions as they are loaded on machines of that byte order.
    pub fn of(order: ByteOrder, slots: &[[u8; INSN_SIZE]]) -> Self {
        let mut canonical = Canonical::new(order);
        let (mut sha256, mut sha1) = (Sha256::new(), Sha1::new());
        for slot in slots {
            let slot = canonical.slot(*slot);
            sha256.update(slot);
            sha1.update(slot);
        }
        Self {
            sha256: sha256.finalize().into(),
            sha1: sha1.finalize().into(),
        }
    }

    /// The one by `algorithm`.
    pub fn by(&self, algorithm: DigestAlgorithm) -> &[u8] {
        match algorithm {
            DigestAlgorithm::Sha256 => &self.sha256,
            DigestAlgorithm::Sha1 => &self.sha1,
        }
    }

    /// What `bpftool prog show` has for the tag: the first 8 bytes of the SHA-256.
    pub fn tag(&self) -> &[u8] {
        &self.sha256[..8]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::hex;

    #[test]
    fn the_digests_are_those_of_kernels() {
        // r0 = 0; exit. Kernels before 6.18 made the tag by SHA-1: everyone knows this one.
        let slots = [[0xb7, 0, 0, 0, 0, 0, 0, 0], [0x95, 0, 0, 0, 0, 0, 0, 0]];
        let digests = Digests::of(ByteOrder::Little, &slots);
        assert!(hex(&digests.sha1).starts_with("a04f5eef06a7f555"));
        assert_eq!(hex(digests.tag()), "59f4a931744dcdc6");
        assert_eq!(digests.by(DigestAlgorithm::Sha256)[..8], *digests.tag());
    }
}

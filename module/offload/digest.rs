// SPDX-License-Identifier: GPL-2.0

//! The digests that name a program.

use core::fmt;
use net::{
    bpf::Instruction,
    digest::{
        Sha1,
        Sha256, //
    }, //
};
use offload_uapi::canonical::{
    ByteOrder,
    Canonical, //
};

/// SHA-256 of a program's canonical instructions: as they were loaded, without what differs from
/// load to load. Or that of a parse graph's canonical form.
///
/// That of a program is `prog->digest` of the kernel, whose first 8 bytes are the tag of `bpftool prog
/// show`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

/// The digests that name one program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digests {
    /// What the kernel knows it by.
    pub sha256: Digest,
    /// SHA-1 of the same instructions.
    pub sha1: [u8; 20],
}

impl Digests {
    /// The digests of `instructions`, in which maps may stand as descriptors, as addresses or as
    /// anything else.
    pub fn of(instructions: impl Iterator<Item = Instruction>) -> Self {
        let mut canonical = Canonical::new(ByteOrder::NATIVE);
        let (mut sha256, mut sha1) = (Sha256::new(), Sha1::new());
        for insn in instructions {
            let bytes = canonical.slot(in_memory(insn));
            sha256.update(&bytes);
            sha1.update(&bytes);
        }
        Self {
            sha256: Digest(sha256.finish()),
            sha1: sha1.finish(),
        }
    }
}

impl Digest {
    /// The first 8 bytes, which is how people know a program.
    pub fn tag(&self) -> Tag<'_> {
        Tag(self)
    }
}

/// The bytes of `struct bpf_insn` on this machine: the digest depends on its byte order.
fn in_memory(insn: Instruction) -> [u8; 8] {
    let registers = if cfg!(target_endian = "little") {
        (insn.dst & 0x0f) | (insn.src << 4)
    } else {
        (insn.dst << 4) | (insn.src & 0x0f)
    };
    let [off0, off1] = insn.off.to_ne_bytes();
    let [imm0, imm1, imm2, imm3] = insn.imm.to_ne_bytes();
    [insn.code, registers, off0, off1, imm0, imm1, imm2, imm3]
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A digest's first 8 bytes, in hexadecimal.
pub struct Tag<'a>(&'a Digest);

impl fmt::Display for Tag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
             .0
            .iter()
            .take(8)
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

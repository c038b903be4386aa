// SPDX-License-Identifier: GPL-2.0

//! The digest that names a program.

use core::fmt;
use net::{
    bpf::Instruction,
    digest::Sha256, //
};
use offload_uapi::canonical::{
    ByteOrder,
    Canonical, //
};

/// SHA-256 of a program's canonical instructions: as they were loaded, without what differs from
/// load to load.
///
/// That is `prog->digest` of the kernel, whose first 8 bytes are the tag of `bpftool prog show`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `instructions`, in which maps may stand as descriptors, as addresses or as
    /// anything else.
    pub fn of(instructions: impl Iterator<Item = Instruction>) -> Self {
        let mut canonical = Canonical::new(ByteOrder::NATIVE);
        let mut hash = Sha256::new();
        for insn in instructions {
            hash.update(&canonical.slot(in_memory(insn)));
        }
        Self(hash.finish())
    }

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

// SPDX-License-Identifier: GPL-2.0

//! The digest that names a program.

use core::fmt;
use net::{
    bpf::Instruction,
    digest::{
        Sha1,
        Sha256, //
    }, //
};

/// SHA-256 of a program's canonical instructions: as they were loaded, without what differs from
/// load to load.
///
/// That is `prog->digest` of the kernel, whose first 8 bytes are the tag of `bpftool prog show`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

/// `BPF_LD | BPF_IMM | BPF_DW`: the first slot of a 64-bit immediate.
const LD_IMM64: u8 = 0x18;
/// `BPF_PSEUDO_MAP_FD` and `BPF_PSEUDO_MAP_VALUE`: the immediate stands for a map, or for memory of
/// its value.
const PSEUDO_MAP: [u8; 2] = [1, 2];

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
        let (mut sha256, mut sha1) = (Sha256::new(), Sha1::new());
        for insn in canonical(instructions) {
            sha256.update(&insn);
            sha1.update(&insn);
        }
        Self {
            sha256: Digest(sha256.finish()),
            sha1: sha1.finish(),
        }
    }
}

/// The bytes of `instructions` without what differs from load to load.
fn canonical(instructions: impl Iterator<Item = Instruction>) -> impl Iterator<Item = [u8; 8]> {
    let mut in_map_load = false;
    instructions.map(move |mut insn| {
        let second_slot =
            in_map_load && insn.code == 0 && insn.dst == 0 && insn.src == 0 && insn.off == 0;
        let first_slot = !in_map_load && insn.code == LD_IMM64 && PSEUDO_MAP.contains(&insn.src);
        if first_slot || second_slot {
            insn.imm = 0;
        }
        in_map_load = first_slot;
        in_memory(insn)
    })
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

// SPDX-License-Identifier: GPL-2.0

//! Types of programs, and what the verifier knows about one.

/// Types of programs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProgramKind {
    /// `BPF_PROG_TYPE_XDP`.
    Xdp,
    /// `BPF_PROG_TYPE_SCHED_CLS`.
    SchedCls,
}

/// What the verifier knows about a register before an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RegisterKind {
    /// Nothing was written to it yet.
    NotInit,
    /// A number, and which one if it is known.
    Scalar {
        /// Its value, if every path gives the same.
        constant: Option<u64>,
    },
    /// The program's context.
    Ctx,
    /// Into the stack of this or a calling function.
    Stack,
    /// Into the frame.
    Packet,
    /// The end of the frame.
    PacketEnd,
    /// Into the metadata in front of the frame.
    PacketMeta,
    /// Into the value of a map.
    MapValue,
    /// Into the value of a map, or NULL.
    MapValueOrNull,
    /// A map.
    MapPointer,
    /// Anything else.
    Other,
}

/// The verifier's view of the registers before an instruction.
pub trait RegisterFacts {
    /// What register `reg` (0 to 10) holds.
    fn kind(&self, reg: u8) -> RegisterKind;
    /// The constant part of a pointer's offset, in bytes.
    fn offset(&self, reg: u8) -> i32;
}

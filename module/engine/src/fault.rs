// SPDX-License-Identifier: GPL-2.0

//! Why the device stopped a running program.

use core::fmt;

use crate::insn::REGISTERS;

/// The causes of a [`Fault`]. The discriminant indexes [`FaultCause::ALL`] and the fault counters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum FaultCause {
    /// An access outside the frame.
    Frame,
    /// A store to a frame that the driver lent for reading only.
    FrameReadOnly,
    /// An access outside the stack.
    Stack,
    /// An access outside the context, or one that the context does not allow.
    Context,
    /// An access outside the values of a map.
    MapValue,
    /// An address that is in no region of the device.
    NoRegion,
    /// A helper's map argument that is not a map.
    NotAMap,
    /// A helper's context argument that is not the context.
    NotTheContext,
    /// An atomic operation that crosses an eight-byte boundary of a map value.
    MisalignedAtomic,
    /// The budget of instructions for one frame is spent; the instruction is the one from which the
    /// program would have gone on.
    BudgetSpent,
    /// Calls nest deeper than the device has stack frames.
    CallDepth,
    /// The program returned an action that the device does not have (`address` is what it
    /// returned).
    InvalidAction,
    /// Execution left the image, or the image holds an operation that can't be executed.
    InvalidOperation,
}

impl FaultCause {
    /// All causes, by discriminant.
    pub const ALL: [Self; 13] = [
        Self::Frame,
        Self::FrameReadOnly,
        Self::Stack,
        Self::Context,
        Self::MapValue,
        Self::NoRegion,
        Self::NotAMap,
        Self::NotTheContext,
        Self::MisalignedAtomic,
        Self::BudgetSpent,
        Self::CallDepth,
        Self::InvalidAction,
        Self::InvalidOperation,
    ];

    /// A short name of lower-case letters and underscores, fit for a statistics counter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Frame => "frame_bounds",
            Self::FrameReadOnly => "frame_read_only",
            Self::Stack => "stack_bounds",
            Self::Context => "ctx_bounds",
            Self::MapValue => "map_value_bounds",
            Self::NoRegion => "wild_address",
            Self::NotAMap => "not_a_map",
            Self::NotTheContext => "not_the_ctx",
            Self::MisalignedAtomic => "misaligned_atomic",
            Self::BudgetSpent => "budget_spent",
            Self::CallDepth => "call_depth",
            Self::InvalidAction => "invalid_action",
            Self::InvalidOperation => "invalid_op",
        }
    }
}

/// A program that the device stopped. The frame's verdict is then "aborted".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Why.
    pub cause: FaultCause,
    /// Slot of the instruction in the program as it was loaded.
    pub insn: u32,
    /// Index of the operation in the device image.
    pub op: u32,
    /// The device address or other value at fault; 0 where there is none.
    pub address: u64,
}

/// What is left of a program that the device stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FaultRecord {
    /// Where and why.
    pub fault: Fault,
    /// r0 to r10 at that moment. Pointers are device addresses.
    pub registers: [u64; REGISTERS],
    /// SHA-256 of the program, as its image carries it.
    pub digest: [u8; 32],
}

impl fmt::Display for Fault {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cause,
            insn,
            op,
            address,
        } = *self;
        write!(
            f,
            "insn {insn} (op {op}): {}, device address {address:#018x}",
            cause.name()
        )
    }
}

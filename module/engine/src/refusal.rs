// SPDX-License-Identifier: GPL-2.0

//! Why the device does not take a program, in one line for the verifier log or extack.

use core::fmt;

use crate::errno;
use crate::helper;
use crate::program::ProgramKind;

/// A program, or a change of one, that the device refuses.
///
/// `Display` gives one line without a newline: the instruction, what it asked for, which rule or
/// limit refused it, the limit's value and the value asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Number of the instruction in the program as it was loaded, where one instruction is to
    /// blame.
    pub insn: Option<u32>,
    /// The rule that refused.
    pub rule: Rule,
}

/// The rules of a [`Refusal`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Rule {
    /// The program has no instructions.
    EmptyProgram,
    /// More instruction slots than the program store takes.
    TooManyInsns {
        /// Slots of the program.
        asked: usize,
        /// Slots that the device stores.
        limit: usize,
    },
    /// The translated program has more operations than the device stores.
    TooManyOps {
        /// Operations of the program.
        asked: usize,
        /// Operations that the device stores.
        limit: usize,
    },
    /// No memory for the program.
    OutOfMemory {
        /// Bytes that could not be had.
        asked: usize,
    },
    /// An operation code that is not an instruction.
    UnknownInsn {
        /// The code.
        code: u8,
    },
    /// A known operation code whose other fields are not those of an instruction.
    MalformedInsn {
        /// The code.
        code: u8,
        /// The field at fault and what it may be.
        field: &'static str,
    },
    /// A call of a helper that the device lacks for programs of this type.
    UnknownHelper {
        /// The helper's number.
        id: i32,
        /// The program's type.
        kind: ProgramKind,
    },
    /// A call of a kernel function.
    KernelFunction {
        /// The function's BTF id.
        id: i32,
    },
    /// A tail call.
    TailCall,
    /// A call through a register.
    IndirectCall,
    /// A store to the context of an XDP program.
    ContextStore,
    /// An access to a field of a classifier's context that the device does not have.
    ContextField {
        /// The field's name in `struct __sk_buff`.
        name: &'static str,
        /// Offset of the access in bytes.
        offset: i64,
        /// Why the device does not have it.
        reason: &'static str,
    },
    /// A redirection to the receive side of a port.
    RedirectIngress,
    /// A redirection with flags that the verifier does not know.
    RedirectFlags,
    /// A jump through a register.
    IndirectJump,
    /// A legacy packet load.
    PacketLoad,
    /// A 64-bit immediate that stands for something else than a number or a map.
    PseudoImmediate {
        /// The source register, which says what it stands for.
        src: u8,
    },
    /// A map that does not live in this device.
    ForeignMap,
    /// More maps than a program may name.
    TooManyMaps {
        /// The map's index in the program's map table.
        asked: usize,
        /// Maps that a program may name.
        limit: usize,
    },
    /// A jump or call to where no instruction begins.
    JumpTarget {
        /// Slot that the jump leads to.
        target: i64,
        /// Slots of the program.
        len: usize,
    },
    /// Execution can run past the last instruction.
    FallsOffEnd,
    /// More functions than a program may have.
    TooManyFunctions {
        /// Functions that a program may have.
        limit: usize,
    },
    /// Calls nest too deep, or a function calls itself.
    CallDepth {
        /// Functions that may be active at once.
        limit: usize,
    },
    /// An edit of instructions that the program does not have.
    Edit {
        /// First slot of the edit.
        off: usize,
        /// Number of slots.
        cnt: usize,
        /// Slots that the program has.
        len: usize,
    },
}

impl Refusal {
    /// A refusal of the program as a whole.
    pub const fn program(rule: Rule) -> Self {
        Self { insn: None, rule }
    }

    /// A refusal because of the instruction in slot `insn`.
    pub const fn insn(insn: usize, rule: Rule) -> Self {
        // A program has at most 2^32 slots: `insn` comes from a slot index of a bounded program.
        Self {
            insn: Some(insn as u32),
            rule,
        }
    }

    /// The error number (positive) for the system call that loads the program.
    pub const fn errno(&self) -> i32 {
        match self.rule {
            Rule::TooManyInsns { .. } | Rule::TooManyOps { .. } | Rule::TooManyMaps { .. } => {
                errno::E2BIG
            }
            Rule::TooManyFunctions { .. } | Rule::CallDepth { .. } => errno::E2BIG,
            Rule::OutOfMemory { .. } => errno::ENOMEM,
            Rule::UnknownInsn { .. }
            | Rule::EmptyProgram
            | Rule::MalformedInsn { .. }
            | Rule::JumpTarget { .. }
            | Rule::FallsOffEnd
            | Rule::Edit { .. }
            | Rule::ForeignMap => errno::EINVAL,
            _ => errno::EOPNOTSUPP,
        }
    }
}

impl fmt::Display for Refusal {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(insn) = self.insn {
            write!(f, "insn {insn}: ")?;
        }
        self.rule.fmt(f)
    }
}

impl fmt::Display for Rule {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::EmptyProgram => f.write_str("the program has no instructions"),
            Self::TooManyInsns { asked, limit } => write!(
                f,
                "program has {asked} instructions, the device stores at most {limit}; \
                 unroll and inline less"
            ),
            Self::TooManyOps { asked, limit } => write!(
                f,
                "program needs {asked} device operations, the device stores at most {limit}; \
                 unroll and inline less"
            ),
            Self::OutOfMemory { asked } => write!(
                f,
                "no device memory for the program: {asked} bytes asked for; \
                 free maps or programs of this device"
            ),
            Self::UnknownInsn { code } => {
                write!(f, "code {code:#04x} is not an instruction of the device")
            }
            Self::MalformedInsn { code, field } => write!(f, "code {code:#04x}: {field}"),
            Self::UnknownHelper { id, kind } => {
                f.write_str("call ")?;
                helper::write_name(f, id)?;
                write!(f, "#{id}: unknown func to this device (helpers: ")?;
                helper::write_all(f, kind)?;
                f.write_str(")")
            }
            Self::KernelFunction { id } => write!(
                f,
                "call of kernel function with BTF id {id}: \
                 the device has helpers only, no kernel functions"
            ),
            Self::TailCall => f.write_str(
                "call bpf_tail_call#12: unknown func to this device: \
                 it has no program arrays; use bpf-to-bpf calls",
            ),
            Self::ContextStore => f.write_str(
                "store to the context: the device takes none but of 32 bits to rx_queue_index, \
                 by which a program chooses the receive queue",
            ),
            Self::ContextField {
                name,
                offset,
                reason,
            } => write!(f, "__sk_buff.{name} (offset {offset}): {reason}"),
            Self::RedirectIngress => f.write_str(
                "bpf_redirect#23 with BPF_F_INGRESS: the device can send a frame by a port, \
                 it can't have one receive it; use flags 0",
            ),
            Self::RedirectFlags => f.write_str(
                "bpf_redirect#23 with flags that are no constant: \
                 the device takes 0 only, which must be known when the program is loaded",
            ),
            Self::IndirectCall => f.write_str(
                "call through a register: \
                 the device calls helpers and functions of the program only",
            ),
            Self::IndirectJump => {
                f.write_str("jump through a register: the device has no jump tables")
            }
            Self::PacketLoad => f.write_str(
                "legacy packet load (LD_ABS, LD_IND): \
                 XDP programs read the packet through xdp_md.data",
            ),
            Self::PseudoImmediate { src } => write!(
                f,
                "64-bit immediate with source register {src}: {}",
                pseudo_immediate(src)
            ),
            Self::ForeignMap => f.write_str(
                "the map does not live in this device; \
                 create it with this device as map_ifindex",
            ),
            Self::TooManyMaps { asked, limit } => write!(
                f,
                "map number {asked} of the program, the device lets a program name \
                 at most {limit}; put more into one map"
            ),
            Self::JumpTarget { target, len } => write!(
                f,
                "jump to slot {target}, where no instruction begins (the program has {len} slots)"
            ),
            Self::FallsOffEnd => f.write_str("execution runs past the last instruction"),
            Self::TooManyFunctions { limit } => write!(
                f,
                "program has more than {limit} functions, which is what the device stores; \
                 inline some"
            ),
            Self::CallDepth { limit } => write!(
                f,
                "calls nest deeper than the device's {limit} stack frames, \
                 or a function calls itself; inline some"
            ),
            Self::Edit { off, cnt, len } => write!(
                f,
                "edit of {cnt} slots from slot {off}: the stored program has {len}"
            ),
        }
    }
}

/// What a 64-bit immediate with source register `src` asks for, and why it is refused.
const fn pseudo_immediate(src: u8) -> &'static str {
    match src {
        2 | 6 => {
            "address of a map value: global variables are not offloaded, \
             use a map and bpf_map_lookup_elem"
        }
        3 => "address of a kernel variable: not reachable from the device",
        4 => {
            "address of a function: the kernel offloads no callbacks \
             (bpf_loop, bpf_for_each_map_elem), write a bounded loop"
        }
        _ => "unknown meaning of the source register",
    }
}

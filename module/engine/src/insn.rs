// SPDX-License-Identifier: GPL-2.0

//! eBPF instructions as the host hands them over, with the names of RFC 9669 and `linux/bpf.h`.

/// Instruction classes: the low three bits of [`Insn::code`].
pub mod class {
    /// Non-standard loads: 64-bit immediates and the legacy packet loads.
    pub const LD: u8 = 0x00;
    /// Loads into a register.
    pub const LDX: u8 = 0x01;
    /// Stores of an immediate.
    pub const ST: u8 = 0x02;
    /// Stores of a register, and atomic operations.
    pub const STX: u8 = 0x03;
    /// 32-bit arithmetic.
    pub const ALU: u8 = 0x04;
    /// 64-bit comparisons, calls and exit.
    pub const JMP: u8 = 0x05;
    /// 32-bit comparisons.
    pub const JMP32: u8 = 0x06;
    /// 64-bit arithmetic.
    pub const ALU64: u8 = 0x07;
}

/// Arithmetic operations: the high four bits of [`Insn::code`] in the classes `ALU` and `ALU64`.
pub mod alu {
    #![allow(
        missing_docs,
        reason = "the names are those of RFC 9669, table 'Arithmetic instructions'"
    )]
    pub const ADD: u8 = 0x00;
    pub const SUB: u8 = 0x10;
    pub const MUL: u8 = 0x20;
    pub const DIV: u8 = 0x30;
    pub const OR: u8 = 0x40;
    pub const AND: u8 = 0x50;
    pub const LSH: u8 = 0x60;
    pub const RSH: u8 = 0x70;
    pub const NEG: u8 = 0x80;
    pub const MOD: u8 = 0x90;
    pub const XOR: u8 = 0xa0;
    pub const MOV: u8 = 0xb0;
    pub const ARSH: u8 = 0xc0;
    pub const END: u8 = 0xd0;
}

/// Jump operations: the high four bits of [`Insn::code`] in the classes `JMP` and `JMP32`.
pub mod jump {
    #![allow(
        missing_docs,
        reason = "the names are those of RFC 9669, table 'Jump instructions'"
    )]
    pub const JA: u8 = 0x00;
    pub const JEQ: u8 = 0x10;
    pub const JGT: u8 = 0x20;
    pub const JGE: u8 = 0x30;
    pub const JSET: u8 = 0x40;
    pub const JNE: u8 = 0x50;
    pub const JSGT: u8 = 0x60;
    pub const JSGE: u8 = 0x70;
    pub const CALL: u8 = 0x80;
    pub const EXIT: u8 = 0x90;
    pub const JLT: u8 = 0xa0;
    pub const JLE: u8 = 0xb0;
    pub const JSLT: u8 = 0xc0;
    pub const JSLE: u8 = 0xd0;
}

/// The source bit of arithmetic and jumps: the second operand is a register, not the immediate.
pub const SRC_REG: u8 = 0x08;

/// Access modes: the high three bits of [`Insn::code`] in the load and store classes.
pub mod mode {
    /// 64-bit immediate, two instruction slots.
    pub const IMM: u8 = 0x00;
    /// Legacy packet load at an absolute offset.
    pub const ABS: u8 = 0x20;
    /// Legacy packet load at an indirect offset.
    pub const IND: u8 = 0x40;
    /// Ordinary load or store.
    pub const MEM: u8 = 0x60;
    /// Load with sign extension.
    pub const MEMSX: u8 = 0x80;
    /// Atomic operation.
    pub const ATOMIC: u8 = 0xc0;
}

/// Access sizes: bits 3 and 4 of [`Insn::code`] in the load and store classes.
pub mod size {
    /// Four bytes.
    pub const W: u8 = 0x00;
    /// Two bytes.
    pub const H: u8 = 0x08;
    /// One byte.
    pub const B: u8 = 0x10;
    /// Eight bytes.
    pub const DW: u8 = 0x18;

    /// The number of bytes that the size bits of `code` stand for.
    pub const fn bytes(code: u8) -> u8 {
        match code & DW {
            W => 4,
            H => 2,
            B => 1,
            _ => 8,
        }
    }
}

/// Atomic operations: the immediate of an instruction of mode [`mode::ATOMIC`].
pub mod atomic {
    #![allow(
        missing_docs,
        reason = "the names are those of RFC 9669, section 'Atomic operations'"
    )]
    pub const ADD: i32 = 0x00;
    pub const OR: i32 = 0x40;
    pub const AND: i32 = 0x50;
    pub const XOR: i32 = 0xa0;
    /// Flag: the old value is returned in the source register.
    pub const FETCH: i32 = 0x01;
    pub const XCHG: i32 = 0xe0 | FETCH;
    pub const CMPXCHG: i32 = 0xf0 | FETCH;
    /// Load with acquire order (Linux 6.15).
    pub const LOAD_ACQUIRE: i32 = 0x100;
    /// Store with release order (Linux 6.15).
    pub const STORE_RELEASE: i32 = 0x110;
}

/// Source register values that give an `ld_imm64` or a call another meaning.
pub mod pseudo {
    /// `ld_imm64`: the immediate stands for a map.
    pub const MAP_FD: u8 = 1;
    /// `ld_imm64`: as [`MAP_FD`], the map given by index in the loader's array.
    pub const MAP_IDX: u8 = 5;
    /// `call`: the immediate is the distance to a function of this program.
    pub const CALL: u8 = 1;
    /// `call`: the immediate is the BTF id of a kernel function.
    pub const KFUNC_CALL: u8 = 2;
}

/// The `code` of the first slot of a 64-bit immediate load.
pub const LD_IMM64: u8 = class::LD | mode::IMM | size::DW;

/// The frame pointer, the last register a program can name.
pub const FRAME_POINTER: u8 = 10;
/// Number of registers, r0 to r10.
pub const REGISTERS: usize = 11;

/// One eBPF instruction slot, laid out as `struct bpf_insn` on a little-endian host.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Insn {
    /// Operation code.
    pub code: u8,
    /// Destination register in the low, source register in the high four bits.
    pub regs: u8,
    /// Signed offset: bytes for memory access, slots for jumps.
    pub off: i16,
    /// Signed immediate.
    pub imm: i32,
}

impl Insn {
    /// An instruction from its fields; of `dst` and `src` only the low four bits count.
    pub const fn new(code: u8, dst: u8, src: u8, off: i16, imm: i32) -> Self {
        Self {
            code,
            regs: (dst & 0x0f) | (src << 4),
            off,
            imm,
        }
    }

    /// Decodes the wire form of RFC 9669 for little-endian machines.
    pub const fn from_le_bytes(bytes: [u8; 8]) -> Self {
        let [code, regs, o0, o1, i0, i1, i2, i3] = bytes;
        Self {
            code,
            regs,
            off: i16::from_le_bytes([o0, o1]),
            imm: i32::from_le_bytes([i0, i1, i2, i3]),
        }
    }

    /// The inverse of [`Insn::from_le_bytes`].
    pub const fn to_le_bytes(self) -> [u8; 8] {
        let [o0, o1] = self.off.to_le_bytes();
        let [i0, i1, i2, i3] = self.imm.to_le_bytes();
        [self.code, self.regs, o0, o1, i0, i1, i2, i3]
    }

    /// The instruction as one number, whose bits 0 to 7 are the first byte of the wire form.
    pub(crate) const fn to_bits(self) -> u64 {
        u64::from_le_bytes(self.to_le_bytes())
    }

    /// The inverse of [`Insn::to_bits`].
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self::from_le_bytes(bits.to_le_bytes())
    }

    /// Number of the destination register, 0 to 15.
    pub const fn dst(self) -> u8 {
        self.regs & 0x0f
    }

    /// Number of the source register, 0 to 15.
    pub const fn src(self) -> u8 {
        self.regs >> 4
    }

    /// The class bits of the operation code.
    pub const fn class(self) -> u8 {
        self.code & 0x07
    }

    /// The operation bits of an arithmetic or jump instruction.
    pub const fn operation(self) -> u8 {
        self.code & 0xf0
    }

    /// The mode bits of a load or store.
    pub const fn mode(self) -> u8 {
        self.code & 0xe0
    }

    /// Whether this is the first slot of a 64-bit immediate load.
    pub const fn is_ld_imm64(self) -> bool {
        self.code == LD_IMM64
    }

    /// Whether this is a call of a function of the same program.
    pub const fn is_local_call(self) -> bool {
        self.code == class::JMP | jump::CALL && self.src() == pseudo::CALL
    }

    /// The register that holds the address of a load or store.
    pub(crate) fn base_register(self) -> Option<u8> {
        match self.class() {
            class::LDX => Some(self.src()),
            class::STX if self.mode() == mode::ATOMIC && self.imm == atomic::LOAD_ACQUIRE => {
                Some(self.src())
            }
            class::ST | class::STX => Some(self.dst()),
            _ => None,
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The operations of the device: what eBPF instructions are translated to.
//!
//! An operation has up to three registers, so that a move and the arithmetic that follows are one.
//! Operations on memory exist in a general form and in forms for one region of device memory; the
//! special forms are a shorter way and no promise: each checks its address, and falls back to the
//! general form where it lies elsewhere.

/// Declares [`Code`] with the mnemonic of each operation.
macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident $text:literal,)*) => {
        /// What an operation does. The fields it uses are those of [`Op`]: `dst`, `a`, `b` are
        /// registers.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Code {
            $($(#[$doc])* #[doc = concat!("`", $text, "`")] $name,)*
        }

        impl Code {
            /// All operations; the index is the operation's number in an image.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in the disassembly.
            pub const fn mnemonic(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

operations! {
    // dst = a op b, or dst = a op imm; the 32-bit forms zero the upper half.
    AddReg "add", AddImm "addi", Add32Reg "add32", Add32Imm "addi32",
    SubReg "sub", SubImm "subi", Sub32Reg "sub32", Sub32Imm "subi32",
    MulReg "mul", MulImm "muli", Mul32Reg "mul32", Mul32Imm "muli32",
    DivReg "div", DivImm "divi", Div32Reg "div32", Div32Imm "divi32",
    SdivReg "sdiv", SdivImm "sdivi", Sdiv32Reg "sdiv32", Sdiv32Imm "sdivi32",
    ModReg "mod", ModImm "modi", Mod32Reg "mod32", Mod32Imm "modi32",
    SmodReg "smod", SmodImm "smodi", Smod32Reg "smod32", Smod32Imm "smodi32",
    OrReg "or", OrImm "ori", Or32Reg "or32", Or32Imm "ori32",
    AndReg "and", AndImm "andi", And32Reg "and32", And32Imm "andi32",
    XorReg "xor", XorImm "xori", Xor32Reg "xor32", Xor32Imm "xori32",
    LshReg "lsh", LshImm "lshi", Lsh32Reg "lsh32", Lsh32Imm "lshi32",
    RshReg "rsh", RshImm "rshi", Rsh32Reg "rsh32", Rsh32Imm "rshi32",
    ArshReg "arsh", ArshImm "arshi", Arsh32Reg "arsh32", Arsh32Imm "arshi32",

    // dst = f(a).
    Mov "mov", Mov32 "mov32",
    MovSigned8 "movs8", MovSigned16 "movs16", MovSigned32 "movs32",
    Mov32Signed8 "mov32s8", Mov32Signed16 "mov32s16",
    Neg "neg", Neg32 "neg32",
    Swap16 "swap16", Swap32 "swap32", Swap64 "swap64", Zext16 "zext16",

    // dst = imm.
    Const "const",
    // dst = address of map imm.
    MapAddress "map",

    // dst = memory[a + offset].
    Load8 "load8", Load16 "load16", Load32 "load32", Load64 "load64",
    LoadSigned8 "loads8", LoadSigned16 "loads16", LoadSigned32 "loads32",
    LoadFrame8 "load8.frame", LoadFrame16 "load16.frame", LoadFrame32 "load32.frame",
    LoadFrame64 "load64.frame",
    LoadStack8 "load8.stack", LoadStack16 "load16.stack", LoadStack32 "load32.stack",
    LoadStack64 "load64.stack",
    LoadMap8 "load8.map", LoadMap16 "load16.map", LoadMap32 "load32.map", LoadMap64 "load64.map",
    LoadContext32 "load32.ctx",

    // memory[a + offset] = b, or imm.
    Store8Reg "store8", Store16Reg "store16", Store32Reg "store32", Store64Reg "store64",
    Store8Imm "store8i", Store16Imm "store16i", Store32Imm "store32i", Store64Imm "store64i",
    StoreStack8Reg "store8.stack", StoreStack16Reg "store16.stack",
    StoreStack32Reg "store32.stack", StoreStack64Reg "store64.stack",
    StoreStack8Imm "store8i.stack", StoreStack16Imm "store16i.stack",
    StoreStack32Imm "store32i.stack", StoreStack64Imm "store64i.stack",

    // Atomically on memory[a + offset] with b; imm is the operation of RFC 9669.
    Atomic32 "atomic32", Atomic64 "atomic64",
    LoadAcquire8 "loadacq8", LoadAcquire16 "loadacq16", LoadAcquire32 "loadacq32",
    LoadAcquire64 "loadacq64",
    StoreRelease8 "storerel8", StoreRelease16 "storerel16",
    StoreRelease32 "storerel32", StoreRelease64 "storerel64",

    // Go to target, always or if the comparison of a with b or imm holds.
    Ja "ja",
    JeqReg "jeq", JeqImm "jeqi", Jeq32Reg "jeq32", Jeq32Imm "jeqi32",
    JneReg "jne", JneImm "jnei", Jne32Reg "jne32", Jne32Imm "jnei32",
    JgtReg "jgt", JgtImm "jgti", Jgt32Reg "jgt32", Jgt32Imm "jgti32",
    JgeReg "jge", JgeImm "jgei", Jge32Reg "jge32", Jge32Imm "jgei32",
    JltReg "jlt", JltImm "jlti", Jlt32Reg "jlt32", Jlt32Imm "jlti32",
    JleReg "jle", JleImm "jlei", Jle32Reg "jle32", Jle32Imm "jlei32",
    JsgtReg "jsgt", JsgtImm "jsgti", Jsgt32Reg "jsgt32", Jsgt32Imm "jsgti32",
    JsgeReg "jsge", JsgeImm "jsgei", Jsge32Reg "jsge32", Jsge32Imm "jsgei32",
    JsltReg "jslt", JsltImm "jslti", Jslt32Reg "jslt32", Jslt32Imm "jslti32",
    JsleReg "jsle", JsleImm "jslei", Jsle32Reg "jsle32", Jsle32Imm "jslei32",
    JsetReg "jset", JsetImm "jseti", Jset32Reg "jset32", Jset32Imm "jseti32",

    // dst = a + imm, then go to target if the comparison of dst with b holds: the packet bounds
    // check.
    AddJgt "add.jgt", AddJge "add.jge", AddJlt "add.jlt", AddJle "add.jle",

    // dst = frame[a + high half of imm], then go to target if dst is, or is not, the low half of
    // imm.
    LoadFrame8Jeq "load8.frame.jeq", LoadFrame16Jeq "load16.frame.jeq",
    LoadFrame32Jeq "load32.frame.jeq",
    LoadFrame8Jne "load8.frame.jne", LoadFrame16Jne "load16.frame.jne",
    LoadFrame32Jne "load32.frame.jne",

    // Call the function at target, which has imm operations.
    CallLocal "call",
    // Call helper imm.
    CallHelper "helper",
    Exit "exit",
}

impl Code {
    /// The operation with number `number`.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whether [`Op::extra`] is the index of another operation.
    pub const fn has_target(self) -> bool {
        let number = self as u8;
        number >= Self::Ja as u8 && number <= Self::CallLocal as u8
    }

    /// Whether execution never goes on with the operation that follows.
    pub const fn ends_block(self) -> bool {
        matches!(self, Self::Ja | Self::Exit)
    }
}

/// One operation, 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Op {
    /// What to do.
    pub code: Code,
    /// Register that takes the result; only the low four bits count.
    pub dst: u8,
    /// First operand register.
    pub a: u8,
    /// Second operand register.
    pub b: u8,
    /// Index of the operation to go to, or signed byte offset of a memory access.
    pub extra: u32,
    /// Immediate operand, extended to 64 bits as the instruction demands.
    pub imm: u64,
}

impl Op {
    /// Bytes of an operation in a serialised image.
    pub const BYTES: usize = 16;

    /// An operation without jump target or offset.
    pub const fn new(code: Code, dst: u8, a: u8, b: u8, imm: u64) -> Self {
        Self {
            code,
            dst,
            a,
            b,
            extra: 0,
            imm,
        }
    }

    /// The same operation with jump target `target`.
    pub const fn to(self, target: u32) -> Self {
        Self {
            extra: target,
            ..self
        }
    }

    /// The same operation with memory offset `offset` in bytes.
    pub const fn at(self, offset: i16) -> Self {
        Self {
            extra: offset as i32 as u32,
            ..self
        }
    }

    /// The memory offset, sign extended.
    #[inline]
    pub const fn offset(&self) -> u64 {
        self.extra as i32 as i64 as u64
    }

    /// Serialises the operation, least significant byte first.
    pub const fn to_le_bytes(&self) -> [u8; Self::BYTES] {
        let [e0, e1, e2, e3] = self.extra.to_le_bytes();
        let [i0, i1, i2, i3, i4, i5, i6, i7] = self.imm.to_le_bytes();
        [
            self.code as u8,
            self.dst,
            self.a,
            self.b,
            e0,
            e1,
            e2,
            e3,
            i0,
            i1,
            i2,
            i3,
            i4,
            i5,
            i6,
            i7,
        ]
    }

    /// The inverse of [`Op::to_le_bytes`]; `None` if there is no such operation.
    pub fn from_le_bytes(bytes: [u8; Self::BYTES]) -> Option<Self> {
        let [code, dst, a, b, e0, e1, e2, e3, i0, i1, i2, i3, i4, i5, i6, i7] = bytes;
        Some(Self {
            code: Code::from_number(code)?,
            dst,
            a,
            b,
            extra: u32::from_le_bytes([e0, e1, e2, e3]),
            imm: u64::from_le_bytes([i0, i1, i2, i3, i4, i5, i6, i7]),
        })
    }
}

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

    // dst = a << imm | b; with bytes of a header, a number of them.
    LshOr "lsh.or", LshOr32 "lsh.or32",
    // dst = a << second constant & constant, 32 bits.
    LshAnd32 "lsh.and32",
    // b = a >> second constant, then dst = third << constant | b, 32 bits: with the same register
    // for a and third, a rotation.
    RshLshOr32 "rsh.lsh.or32",
    // dst = (a ^ b) - third, 32 bits.
    XorSub32 "xor.sub32",
    // dst = (a ^ b) + constant, 32 bits.
    XorAdd32Imm "xor.addi32",
    // dst = (a ^ b) - (b >> constant), 32 bits, and b = b >> constant.
    XorRshSub32 "xor.rsh.sub32",
    // Up to four steps of Bob Jenkins' hash, one after the other: see `HashStep`.
    HashSteps "hash.steps32",

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

    // dst = frame[a + offset], then b = b + dst.
    LoadFrame16Add "load16.frame.add", LoadFrame32Add "load32.frame.add",
    // The same with exclusive or, of 32 bits.
    LoadFrame32Xor "load32.frame.xor",
    // dst = frame[a + offset] << constant | b, 32 bits.
    LoadFrame16LshOr32 "load16.frame.lsh.or32",

    // Shortcuts: each does what the operations behind it do, and passes over them; or, where it is
    // not as simple as hoped, nothing at all. Bits 24 to 31 of imm: how many it passes over.
    // A word of the frame that the program puts together from bytes; its parts go to up to four
    // registers: see `Gather`.
    Gather16 "gather16.frame", Gather32 "gather32.frame",
    // Six bytes, as of an Ethernet address. dst = byte imm, third = byte imm >> 4 of them, in this
    // order. From the value of a map, a + offset, to frame[b + second constant]; or, of twelve bytes
    // at frame[a + offset], from the first ones to the others, or the other way if the second
    // constant is 0.
    CopyMap "copy6.map", CopyNeighbour "copy6.frame",
    // Two neighbouring numbers, 4 bytes each or 2, to stack[b + second constant] from
    // frame[a + offset]. third = the first, dst = the second one.
    CopyStack32 "copy32x2.stack", CopyStack16 "copy16x2.stack",
    // r2 = a + offset; looks up the key there, on the stack, in map bits 0 to 15 of imm.
    LookUp "look.up",
    // The same of a key of 4 bytes, b, behind storing it there.
    StoreLookUp "store32.look.up",
    // b = the second two bytes of the four at frame[a + offset], dst = the first two << 16 | b.
    LoadHalves32 "halves32.frame",
    // dst = memory[a + offset] + second constant, of a map's value, and back it goes.
    IncrementMap64 "increment64.map",
    // dst = end of the frame, b = its start, from the context a.
    LoadBounds "bounds.ctx",

    // memory[a + offset] = b, or imm.
    Store8Reg "store8", Store16Reg "store16", Store32Reg "store32", Store64Reg "store64",
    Store8Imm "store8i", Store16Imm "store16i", Store32Imm "store32i", Store64Imm "store64i",
    StoreStack8Reg "store8.stack", StoreStack16Reg "store16.stack",
    StoreStack32Reg "store32.stack", StoreStack64Reg "store64.stack",
    StoreStack8Imm "store8i.stack", StoreStack16Imm "store16i.stack",
    StoreStack32Imm "store32i.stack", StoreStack64Imm "store64i.stack",
    StoreFrame8Reg "store8.frame", StoreFrame16Reg "store16.frame",
    StoreFrame32Reg "store32.frame", StoreFrame64Reg "store64.frame",
    StoreFrame8Imm "store8i.frame", StoreFrame16Imm "store16i.frame",
    StoreFrame32Imm "store32i.frame", StoreFrame64Imm "store64i.frame",
    StoreMap8Reg "store8.map", StoreMap16Reg "store16.map",
    StoreMap32Reg "store32.map", StoreMap64Reg "store64.map",
    StoreMap8Imm "store8i.map", StoreMap16Imm "store16i.map",
    StoreMap32Imm "store32i.map", StoreMap64Imm "store64i.map",

    // Atomically on memory[a + offset] with b; imm is the operation of RFC 9669.
    Atomic32 "atomic32", Atomic64 "atomic64",
    LoadAcquire8 "loadacq8", LoadAcquire16 "loadacq16", LoadAcquire32 "loadacq32",
    LoadAcquire64 "loadacq64",
    StoreRelease8 "storerel8", StoreRelease16 "storerel16",
    StoreRelease32 "storerel32", StoreRelease64 "storerel64",

    // dst = frame[imm], or frame[a + imm], as a number in network byte order; negative offsets count
    // from a header. Where the frame has no such bytes, the function returns 0.
    LoadAbsolute8 "ldabs8", LoadAbsolute16 "ldabs16", LoadAbsolute32 "ldabs32",
    LoadIndirect8 "ldind8", LoadIndirect16 "ldind16", LoadIndirect32 "ldind32",

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

    // dst = a + constant, then go to target if the comparison of dst with b holds: the packet
    // bounds check.
    AddJgt "add.jgt", AddJge "add.jge", AddJlt "add.jlt", AddJle "add.jle",

    // dst = a + second constant, then go to target if the comparison of dst with the constant
    // holds: the end of a loop.
    AddJneImm "add.jnei", AddJltImm "add.jlti", AddJne32Imm "add.jnei32", AddJlt32Imm "add.jlti32",
    Add32Jne32Imm "add32.jnei32", Add32Jlt32Imm "add32.jlti32",

    // dst = a, b = the constant, then go to target if dst is, or is not, 0: was what a helper gave
    // NULL?
    MovJeqNull "mov.const.jeq0", MovJneNull "mov.const.jne0",

    // dst = a & second constant (unsigned), then go to target if dst is, or is not, the constant,
    // or less than it.
    AndJeqImm "and.jeqi", AndJneImm "and.jnei", AndJltImm "and.jlti",

    // dst = frame[a + second constant], then go to target if dst is, or is not, the constant.
    LoadFrame8Jeq "load8.frame.jeq", LoadFrame16Jeq "load16.frame.jeq",
    LoadFrame32Jeq "load32.frame.jeq",
    LoadFrame8Jne "load8.frame.jne", LoadFrame16Jne "load16.frame.jne",
    LoadFrame32Jne "load32.frame.jne",

    // third = frame[a + bits 48 to 63 of imm], dst = third & second constant (unsigned), then go to
    // target if dst is, or is not, or is less than bits 0 to 15 of imm.
    LoadFrame8AndJeq "load8.frame.and.jeq", LoadFrame16AndJeq "load16.frame.and.jeq",
    LoadFrame8AndJne "load8.frame.and.jne", LoadFrame16AndJne "load16.frame.and.jne",
    LoadFrame8AndJlt "load8.frame.and.jlt", LoadFrame16AndJlt "load16.frame.and.jlt",

    // dst = frame[a + second constant], then go to target if dst is neither the lowest byte of the
    // constant nor the one above: TCP or UDP?
    LoadFrame8JneBoth "load8.frame.jne2",

    // Shortcuts, as above: gather two bytes at a + bits 48 to 63 of imm, then go to target, which is
    // ahead, if dst is, or is not, the second constant (unsigned).
    Gather16Jeq "gather16.frame.jeq", Gather16Jne "gather16.frame.jne",
    // dst = end of the frame, b = its start, from the context a, third = b + second constant
    // (unsigned), then go to target, which is ahead, if third is greater than dst.
    LoadBoundsJgt "bounds.ctx.jgt",
    // Go bits 48 to 63 of imm operations ahead if a is bits 0 to 15 of imm, or to target, which is
    // ahead, if it is not the second constant (unsigned) either.
    JeqElseJne "jeqi.else.jnei", JeqElseJne32 "jeqi32.else.jnei32",

    // Call the function at target.
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

    /// Whether this is a packet load of classifiers.
    pub(crate) const fn is_packet_load(self) -> bool {
        let number = self as u8;
        number >= Self::LoadAbsolute8 as u8 && number <= Self::LoadIndirect32 as u8
    }

    /// Whether this is a shortcut that ends in a jump.
    pub(crate) const fn is_jumping_shortcut(self) -> bool {
        let number = self as u8;
        number >= Self::Gather16Jeq as u8 && number <= Self::JeqElseJne32 as u8
    }

    /// Whether execution never goes on with the operation that follows.
    pub const fn ends_block(self) -> bool {
        matches!(self, Self::Ja | Self::Exit)
    }
}

/// A register of a running program: r0 to r10, and five that no program can name.
///
/// An enumeration, because an index that is one needs no check against the number of registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are their numbers")]
pub enum Register {
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
}

impl Register {
    const ALL: [Self; 16] = [
        Self::R0,
        Self::R1,
        Self::R2,
        Self::R3,
        Self::R4,
        Self::R5,
        Self::R6,
        Self::R7,
        Self::R8,
        Self::R9,
        Self::R10,
        Self::R11,
        Self::R12,
        Self::R13,
        Self::R14,
        Self::R15,
    ];

    /// The register of which `number` has the low four bits.
    pub const fn of(number: u8) -> Self {
        Self::ALL[(number & 15) as usize]
    }

    /// The register with number `number`.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// One operation, 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Op {
    /// What to do.
    pub code: Code,
    /// Register that takes the result.
    pub dst: Register,
    /// First operand register.
    pub a: Register,
    /// Second operand register.
    pub b: Register,
    /// Index of the operation to go to, or signed byte offset of a memory access.
    pub extra: u32,
    /// Immediate operand, extended to 64 bits as the instruction demands; or several numbers, as
    /// [`Op::constant`] and [`Op::second`].
    pub imm: u64,
}

impl Op {
    /// Bytes of an operation in a serialised image.
    pub const BYTES: usize = 16;

    /// An operation without jump target or offset. Of the register numbers the low four bits count.
    pub const fn new(code: Code, dst: u8, a: u8, b: u8, imm: u64) -> Self {
        Self {
            code,
            dst: Register::of(dst),
            a: Register::of(a),
            b: Register::of(b),
            extra: 0,
            imm,
        }
    }

    /// An immediate of two constants.
    pub const fn packed(constant: i32, second: u16) -> u64 {
        (second as u64) << 32 | constant as u32 as u64
    }

    /// What a conditional jump compares with, or adds before: bits 0 to 31 of the immediate, sign
    /// extended.
    #[inline]
    pub const fn constant(&self) -> u64 {
        self.imm as i32 as i64 as u64
    }

    /// The second constant of an operation: bits 32 to 47 of the immediate, unsigned.
    #[inline]
    pub const fn second(&self) -> u16 {
        (self.imm >> 32) as u16
    }

    /// The second constant, sign extended.
    #[inline]
    pub const fn second_signed(&self) -> u64 {
        self.second() as i16 as i64 as u64
    }

    /// The third operand register of operations that have one: bits 16 to 19 of the immediate.
    #[inline]
    pub const fn third(&self) -> Register {
        Register::of((self.imm >> 16) as u8)
    }

    /// Bits 48 to 63 of the immediate, sign extended: an offset where another one has taken its place.
    #[inline]
    pub const fn high_offset(&self) -> u64 {
        (self.imm as i64 >> 48) as u64
    }

    /// How many operations behind it a shortcut passes over: bits 24 to 31 of the immediate.
    #[inline]
    pub const fn skip(&self) -> usize {
        (self.imm >> 24) as u8 as usize
    }

    /// The immediate `rest` with a third operand register, whose bits in `rest` are 0.
    pub const fn with_third(third: Register, rest: u64) -> u64 {
        rest | (third as u64) << 16
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
            self.dst as u8,
            self.a as u8,
            self.b as u8,
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

    /// The inverse of [`Op::to_le_bytes`]; `None` if there is no such operation or register.
    pub fn from_le_bytes(bytes: [u8; Self::BYTES]) -> Option<Self> {
        let [code, dst, a, b, e0, e1, e2, e3, i0, i1, i2, i3, i4, i5, i6, i7] = bytes;
        Some(Self {
            code: Code::from_number(code)?,
            dst: Register::from_number(dst)?,
            a: Register::from_number(a)?,
            b: Register::from_number(b)?,
            extra: u32::from_le_bytes([e0, e1, e2, e3]),
            imm: u64::from_le_bytes([i0, i1, i2, i3, i4, i5, i6, i7]),
        })
    }
}

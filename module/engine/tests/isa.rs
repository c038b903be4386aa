// SPDX-License-Identifier: GPL-2.0

//! Each instruction of RFC 9669 with the cases that implementations get wrong.

mod common;

use common::asm::*;
use common::result_of;
use engine::insn::{atomic as op, Insn};

const MINUS_ONE: u64 = u64::MAX;
const MIN64: u64 = i64::MIN as u64;
const MIN32: u64 = i32::MIN as u32 as u64;

/// r0 = a op b in all forms that exist for `b`: register, and immediate where it fits.
#[track_caller]
fn binary(operation: u8, off: i16, a: u64, b: u64, expected: u64) {
    let mut code = Vec::new();
    code.extend(ld_imm64(R0, a));
    code.extend(ld_imm64(R1, b));
    code.extend([with_off(alu_reg(operation, R0, R1), off), exit()]);
    assert_eq!(
        result_of(&code),
        expected,
        "{a:#x} op {operation:#x}/{off} {b:#x}"
    );
    // The form with a copy in front, which is one operation in the device.
    let mut code = Vec::new();
    code.extend(ld_imm64(R2, a));
    code.extend(ld_imm64(R1, b));
    code.extend([
        mov_reg(R0, R2),
        with_off(alu_reg(operation, R0, R1), off),
        exit(),
    ]);
    assert_eq!(
        result_of(&code),
        expected,
        "copied {a:#x} op {operation:#x}/{off} {b:#x}"
    );
    if let Ok(imm) = i32::try_from(b as i64) {
        let mut code = Vec::new();
        code.extend(ld_imm64(R0, a));
        code.extend([with_off(alu_imm(operation, R0, imm), off), exit()]);
        assert_eq!(
            result_of(&code),
            expected,
            "{a:#x} op {operation:#x}/{off} imm {imm:#x}"
        );
    }
}

#[track_caller]
fn binary32(operation: u8, off: i16, a: u64, b: u64, expected: u64) {
    let mut code = Vec::new();
    code.extend(ld_imm64(R0, a));
    code.extend(ld_imm64(R1, b));
    code.extend([with_off(alu32_reg(operation, R0, R1), off), exit()]);
    assert_eq!(
        result_of(&code),
        expected,
        "{a:#x} op32 {operation:#x}/{off} {b:#x}"
    );
    let mut code = Vec::new();
    code.extend(ld_imm64(R2, a));
    code.extend(ld_imm64(R1, b));
    code.extend([
        alu32_reg(MOV, R0, R2),
        with_off(alu32_reg(operation, R0, R1), off),
        exit(),
    ]);
    assert_eq!(
        result_of(&code),
        expected,
        "copied {a:#x} op32 {operation:#x}/{off} {b:#x}"
    );
    let mut code = Vec::new();
    code.extend(ld_imm64(R0, a));
    code.extend([with_off(alu32_imm(operation, R0, b as i32), off), exit()]);
    assert_eq!(
        result_of(&code),
        expected,
        "{a:#x} op32 {operation:#x}/{off} imm {b:#x}"
    );
}

#[test]
fn arithmetic_wraps() {
    binary(ADD, 0, MINUS_ONE, 2, 1);
    binary(ADD, 0, 5, MINUS_ONE, 4);
    binary(SUB, 0, 1, 2, MINUS_ONE);
    binary(MUL, 0, 1 << 63 | 3, 2, 6);
    binary(MUL, 0, MINUS_ONE, MINUS_ONE, 1);
    binary(OR, 0, 0xf0, 0x0f, 0xff);
    binary(OR, 0, 0, MINUS_ONE, MINUS_ONE);
    binary(
        AND,
        0,
        0xffff_ffff_0000_ff00,
        MINUS_ONE,
        0xffff_ffff_0000_ff00,
    );
    binary(XOR, 0, 0xff, MINUS_ONE, !0xff);
    binary32(ADD, 0, 0xffff_ffff_ffff_ffff, 2, 1);
    binary32(SUB, 0, 0xaaaa_0000_0000_0001, 2, 0xffff_ffff);
    binary32(MUL, 0, 0x8000_0003, 2, 6);
    binary32(OR, 0, 0xff_0000_0000, 1, 1);
    binary32(AND, 0, 0xffff_ffff_ffff_0000, 0xffff_ffff, 0xffff_0000);
    binary32(XOR, 0, 0xffff_ffff_0000_00ff, 0xffff_ffff, 0xffff_ff00);
}

#[test]
fn division_by_zero_gives_zero_and_modulo_the_dividend() {
    for signed in [0, 1] {
        binary(DIV, signed, 77, 0, 0);
        binary(MOD, signed, 0xdead_beef_0000_0001, 0, 0xdead_beef_0000_0001);
        binary32(DIV, signed, 77, 0, 0);
        binary32(MOD, signed, 0xdead_beef_8000_0001, 0, 0x8000_0001);
    }
}

#[test]
fn division_is_unsigned_or_signed() {
    binary(DIV, 0, MINUS_ONE, 2, u64::MAX / 2);
    binary(DIV, 0, 7, MINUS_ONE, 0);
    binary(MOD, 0, MINUS_ONE, 10, u64::MAX % 10);
    binary(DIV, 1, -7_i64 as u64, 2, -3_i64 as u64);
    binary(DIV, 1, 7, -2_i64 as u64, -3_i64 as u64);
    binary(MOD, 1, -7_i64 as u64, 2, -1_i64 as u64);
    binary(MOD, 1, 7, -2_i64 as u64, 1);
    binary(DIV, 1, MIN64, MINUS_ONE, MIN64);
    binary(MOD, 1, MIN64, MINUS_ONE, 0);
    binary32(DIV, 0, 0xffff_ffff, 2, 0x7fff_ffff);
    binary32(MOD, 0, 0xffff_ffff, 10, 5);
    binary32(
        DIV,
        1,
        u64::from(-7_i32 as u32),
        2,
        u64::from(-3_i32 as u32),
    );
    binary32(
        MOD,
        1,
        u64::from(-7_i32 as u32),
        2,
        u64::from(-1_i32 as u32),
    );
    binary32(DIV, 1, MIN32, 0xffff_ffff, MIN32);
    binary32(MOD, 1, MIN32, 0xffff_ffff, 0);
}

#[test]
fn shift_counts_are_taken_modulo_the_width() {
    binary(LSH, 0, 1, 63, 1 << 63);
    binary(LSH, 0, 3, 64, 3);
    binary(LSH, 0, 3, 65, 6);
    binary(RSH, 0, MIN64, 63, 1);
    binary(RSH, 0, 8, 67, 1);
    binary(ARSH, 0, MIN64, 63, MINUS_ONE);
    binary(ARSH, 0, MIN64, 64, MIN64);
    binary(ARSH, 0, -16_i64 as u64, 66, -4_i64 as u64);
    binary(LSH, 0, 1, MINUS_ONE, 1 << 63);
    binary32(LSH, 0, 3, 31, 1 << 31);
    binary32(LSH, 0, 3, 33, 6);
    binary32(RSH, 0, 0xffff_ffff_8000_0000, 31, 1);
    binary32(ARSH, 0, 0x8000_0000, 31, 0xffff_ffff);
    binary32(ARSH, 0, 0x7fff_ffff_8000_0000, 36, 0xf800_0000);
}

#[track_caller]
fn unary(value: u64, insn: Insn, expected: u64) {
    let mut code = Vec::new();
    code.extend(ld_imm64(R0, value));
    code.extend([insn, exit()]);
    assert_eq!(result_of(&code), expected, "{insn:?} of {value:#x}");
}

#[test]
fn moves_extend() {
    let sx = |off| with_off(alu_reg(MOV, R0, R0), off);
    let sx32 = |off| with_off(alu32_reg(MOV, R0, R0), off);
    unary(0x1234_5678_9abc_de80, sx(8), 0xffff_ffff_ffff_ff80);
    unary(0x1234_5678_9abc_de7f, sx(8), 0x7f);
    unary(0x1234_5678_9abc_8000, sx(16), 0xffff_ffff_ffff_8000);
    unary(0x1234_5678_8abc_8000, sx(32), 0xffff_ffff_8abc_8000);
    unary(0x1234_5678_9abc_de80, sx32(8), 0xffff_ff80);
    unary(0x1234_5678_9abc_8000, sx32(16), 0xffff_8000);
    unary(0x1234_5678_9abc_8000, sx32(0), 0x9abc_8000);
    unary(0, mov_imm(R0, -1), MINUS_ONE);
    unary(0, alu32_imm(MOV, R0, -1), 0xffff_ffff);
    unary(5, alu_imm(NEG, R0, 0), -5_i64 as u64);
    unary(MIN64, alu_imm(NEG, R0, 0), MIN64);
    unary(0xffff_ffff_0000_0005, alu32_imm(NEG, R0, 0), 0xffff_fffb);
}

#[test]
fn byte_order() {
    let value = 0x0102_0304_0506_0708;
    for (width, big, little) in [
        (16, 0x0807, 0x0708),
        (32, 0x0807_0605, 0x0506_0708),
        (64, 0x0807_0605_0403_0201, value),
    ] {
        unary(value, alu32_reg(END, R0, R0).with_imm(width), big);
        unary(value, alu32_imm(END, R0, width), little);
        unary(value, alu_imm(END, R0, width), big);
    }
}

trait WithImm {
    fn with_imm(self, imm: i32) -> Insn;
}

impl WithImm for Insn {
    fn with_imm(self, imm: i32) -> Insn {
        Insn {
            regs: self.dst(),
            imm,
            ..self
        }
    }
}

/// Whether `a cmp b` jumps, for the register and, where it fits, the immediate form.
#[track_caller]
fn compare(operation: u8, a: u64, b: u64, expected: bool) {
    let prepare = |code: &mut Vec<Insn>| {
        code.extend(ld_imm64(R1, a));
        code.extend(ld_imm64(R2, b));
    };
    let finish = [mov_imm(R0, 0), exit(), mov_imm(R0, 1), exit()];
    let mut forms = vec![jmp_reg(operation, R1, R2, 2)];
    if let Ok(imm) = i32::try_from(b as i64) {
        forms.push(jmp_imm(operation, R1, imm, 2));
    }
    for form in forms {
        let mut code = Vec::new();
        prepare(&mut code);
        code.push(form);
        code.extend(finish);
        assert_eq!(
            result_of(&code) == 1,
            expected,
            "{a:#x} cmp {operation:#x} {b:#x}"
        );
    }
}

#[track_caller]
fn compare32(operation: u8, a: u64, b: u64, expected: bool) {
    for form in [
        jmp32_reg(operation, R1, R2, 2),
        jmp32_imm(operation, R1, b as i32, 2),
    ] {
        let mut code = Vec::new();
        code.extend(ld_imm64(R1, a));
        code.extend(ld_imm64(R2, b));
        code.extend([form, mov_imm(R0, 0), exit(), mov_imm(R0, 1), exit()]);
        assert_eq!(
            result_of(&code) == 1,
            expected,
            "{a:#x} cmp32 {operation:#x} {b:#x}"
        );
    }
}

#[test]
fn comparisons() {
    type Unsigned = fn(u64, u64) -> bool;
    type Signed = fn(i64, i64) -> bool;
    let unsigned: [(u8, Unsigned); 7] = [
        (JEQ, |a, b| a == b),
        (JNE, |a, b| a != b),
        (JGT, |a, b| a > b),
        (JGE, |a, b| a >= b),
        (JLT, |a, b| a < b),
        (JLE, |a, b| a <= b),
        (JSET, |a, b| a & b != 0),
    ];
    let signed: [(u8, Signed); 4] = [
        (JSGT, |a, b| a > b),
        (JSGE, |a, b| a >= b),
        (JSLT, |a, b| a < b),
        (JSLE, |a, b| a <= b),
    ];
    let values = [
        0,
        1,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_ffff,
        1 << 32,
        MIN64,
        MINUS_ONE,
        -2_i64 as u64,
    ];
    for a in values {
        for b in values {
            for (operation, holds) in unsigned {
                compare(operation, a, b, holds(a, b));
                let low = |value: u64| u64::from(value as u32);
                compare32(operation, a, b, holds(low(a), low(b)));
            }
            for (operation, holds) in signed {
                compare(operation, a, b, holds(a as i64, b as i64));
                let low = |value: u64| i64::from(value as i32);
                compare32(operation, a, b, holds(low(a), low(b)));
            }
        }
    }
}

#[test]
fn jumps_go_both_ways() {
    assert_eq!(
        result_of(&[mov_imm(R0, 1), ja(1), mov_imm(R0, 2), exit()]),
        1
    );
    assert_eq!(
        result_of(&[mov_imm(R0, 1), gotol(1), mov_imm(R0, 2), exit()]),
        1
    );
    // r0 counts down from 10 and r1 counts the rounds.
    let code = [
        mov_imm(R0, 10),
        mov_imm(R1, 0),
        alu_imm(ADD, R1, 1),
        alu_imm(SUB, R0, 1),
        jmp_imm(JNE, R0, 0, -3),
        mov_reg(R0, R1),
        exit(),
    ];
    assert_eq!(result_of(&code), 10);
}

#[test]
fn loads_and_stores() {
    for (size, mask) in [(B, 0xff), (H, 0xffff), (W, 0xffff_ffff), (DW, u64::MAX)] {
        for off in [-8, -9, -13] {
            let value = 0x8182_8384_8586_8788;
            let mut code = vec![st(DW, R10, -16, 0), st(DW, R10, -8, 0)];
            code.extend(ld_imm64(R1, value));
            code.extend([
                stx(size, R10, off - 3, R1),
                ldx(size, R0, R10, off - 3),
                exit(),
            ]);
            assert_eq!(result_of(&code), value & mask, "size {size:#x} at {off}");
            let code = [st(size, R10, off, -2), ldx(size, R0, R10, off), exit()];
            assert_eq!(
                result_of(&code),
                -2_i64 as u64 & mask,
                "immediate of size {size:#x} at {off}"
            );
        }
    }
    let sign =
        |size, stored| result_of(&[st(DW, R10, -8, stored), ldsx(size, R0, R10, -8), exit()]);
    assert_eq!(sign(B, 0x80), 0xffff_ffff_ffff_ff80);
    assert_eq!(sign(B, 0x7f), 0x7f);
    assert_eq!(sign(H, 0x8000), 0xffff_ffff_ffff_8000);
    assert_eq!(sign(W, i32::MIN), 0xffff_ffff_8000_0000);
}

#[test]
fn immediates_of_64_bits() {
    let mut code = ld_imm64(R0, 0x8000_0001_ffff_fffe).to_vec();
    code.push(exit());
    assert_eq!(result_of(&code), 0x8000_0001_ffff_fffe);
}

/// Runs an atomic operation on the stack; gives the memory, r0 and the source register.
fn atomically(size: u8, operation: i32, memory: u64, r0: u64, operand: u64) -> [u64; 3] {
    let program = |result: Insn| {
        let mut code = Vec::new();
        code.extend(ld_imm64(R1, memory));
        code.push(stx(DW, R10, -8, R1));
        code.extend(ld_imm64(R0, r0));
        code.extend(ld_imm64(R1, operand));
        code.extend([atomic(size, R10, -8, R1, operation), result, exit()]);
        result_of(&code)
    };
    [
        program(ldx(DW, R0, R10, -8)),
        program(mov_reg(R0, R0)),
        program(mov_reg(R0, R1)),
    ]
}

#[test]
fn atomic_operations() {
    let old = 0xff00_ff00_ff00_ff00_u64;
    let arg = 0x0ff0_0ff0_0ff0_0ff0;
    for (operation, new) in [
        (op::ADD, old.wrapping_add(arg)),
        (op::OR, old | arg),
        (op::AND, old & arg),
        (op::XOR, old ^ arg),
    ] {
        let low = |value: u64| old & !0xffff_ffff | value & 0xffff_ffff;
        assert_eq!(atomically(DW, operation, old, 1, arg), [new, 1, arg]);
        assert_eq!(
            atomically(DW, operation | op::FETCH, old, 1, arg),
            [new, 1, old]
        );
        assert_eq!(atomically(W, operation, old, 1, arg), [low(new), 1, arg]);
        assert_eq!(
            atomically(W, operation | op::FETCH, old, 1, arg),
            [low(new), 1, 0xff00_ff00]
        );
    }
    assert_eq!(atomically(DW, op::XCHG, old, 1, arg), [arg, 1, old]);
    assert_eq!(
        atomically(W, op::XCHG, old, 1, arg),
        [0xff00_ff00_0ff0_0ff0, 1, 0xff00_ff00]
    );
    assert_eq!(atomically(DW, op::CMPXCHG, old, old, arg), [arg, old, arg]);
    assert_eq!(atomically(DW, op::CMPXCHG, old, 7, arg), [old, old, arg]);
    // Only the low half of r0 is compared, and r0 is zero extended.
    let r0 = 0x1234_5678_ff00_ff00;
    assert_eq!(
        atomically(W, op::CMPXCHG, old, r0, arg),
        [0xff00_ff00_0ff0_0ff0, 0xff00_ff00, arg]
    );
    assert_eq!(
        atomically(W, op::CMPXCHG, old, 7, arg),
        [old, 0xff00_ff00, arg]
    );
}

#[test]
fn acquire_and_release() {
    for (size, mask) in [(B, 0xff), (H, 0xffff), (W, 0xffff_ffff), (DW, u64::MAX)] {
        let mut code = vec![st(DW, R10, -8, 0)];
        code.extend(ld_imm64(R1, 0x8182_8384_8586_8788));
        code.extend([
            atomic(size, R10, -8, R1, op::STORE_RELEASE),
            mov_reg(R2, R10),
            atomic(size, R0, -8, R2, op::LOAD_ACQUIRE),
            exit(),
        ]);
        assert_eq!(result_of(&code), 0x8182_8384_8586_8788 & mask);
    }
}

#[test]
fn functions_have_their_own_stack_and_keep_the_callers_registers() {
    let code = [
        mov_imm(R6, 1),
        mov_imm(R7, 2),
        st(DW, R10, -8, 40),
        mov_reg(R1, R10),
        call_local(6),
        ldx(DW, R1, R10, -8),
        alu_reg(ADD, R0, R1),
        alu_reg(ADD, R0, R6),
        alu_reg(ADD, R0, R7),
        exit(),
        exit(),
        // Adds 100 to the caller's slot, through the pointer, and spoils everything of its own.
        mov_imm(R6, 999),
        mov_imm(R7, 999),
        st(DW, R10, -8, 999),
        ldx(DW, R2, R1, -8),
        alu_imm(ADD, R2, 100),
        stx(DW, R1, -8, R2),
        mov_imm(R0, 1000),
        exit(),
    ];
    assert_eq!(result_of(&code), 1000 + 140 + 1 + 2);
}

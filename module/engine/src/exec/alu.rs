// SPDX-License-Identifier: GPL-2.0

//! Arithmetic of RFC 9669. The upper half of a 32-bit result is zero. Division by zero gives 0,
//! modulo by zero the dividend, and the one signed division that overflows wraps. Shift counts are
//! taken modulo the width.

/// Declares the 64-bit and the 32-bit form of operations on two numbers.
macro_rules! arithmetic {
    ($($name:ident, $name32:ident = |$a:ident, $b:ident| $result:expr;)*) => {
        $(
            #[inline(always)]
            pub(super) fn $name($a: u64, $b: u64) -> u64 {
                $result
            }

            #[inline(always)]
            pub(super) fn $name32($a: u64, $b: u64) -> u64 {
                let ($a, $b) = ($a as u32, $b as u32);
                u64::from($result)
            }
        )*
    };
}

arithmetic! {
    add, add32 = |a, b| a.wrapping_add(b);
    sub, sub32 = |a, b| a.wrapping_sub(b);
    mul, mul32 = |a, b| a.wrapping_mul(b);
    div, div32 = |a, b| a.checked_div(b).unwrap_or(0);
    modulo, modulo32 = |a, b| a.checked_rem(b).unwrap_or(a);
    or, or32 = |a, b| a | b;
    and, and32 = |a, b| a & b;
    xor, xor32 = |a, b| a ^ b;
    lsh, lsh32 = |a, b| a.wrapping_shl(b as u32);
    rsh, rsh32 = |a, b| a.wrapping_shr(b as u32);
}

/// Declares operations on two signed numbers.
macro_rules! signed {
    ($($name:ident, $name32:ident = |$a:ident, $b:ident| $result:expr;)*) => {
        $(
            #[inline(always)]
            pub(super) fn $name($a: u64, $b: u64) -> u64 {
                let ($a, $b) = ($a as i64, $b as i64);
                ($result) as u64
            }

            #[inline(always)]
            pub(super) fn $name32($a: u64, $b: u64) -> u64 {
                let ($a, $b) = ($a as i32, $b as i32);
                u64::from(($result) as u32)
            }
        )*
    };
}

signed! {
    sdiv, sdiv32 = |a, b| if b == 0 { 0 } else { a.wrapping_div(b) };
    smod, smod32 = |a, b| if b == 0 { a } else { a.wrapping_rem(b) };
    arsh, arsh32 = |a, b| a.wrapping_shr(b as u32);
}

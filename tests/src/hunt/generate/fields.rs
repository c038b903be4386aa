// SPDX-License-Identifier: GPL-2.0

//! The fields of the context that programs can read.

use engine::store::ProgramKind;

/// The fields that hold numbers, and can be read: of `struct xdp_md`,
const XDP: &[i16] = &[12, 16];
/// of `struct __sk_buff`.
const TC: &[i16] = &[
    0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64, 72, 160, 164, 176,
];
/// The fields of programs of type `kind`.
pub(super) const fn readable(kind: ProgramKind) -> &'static [i16] {
    match kind {
        ProgramKind::Xdp => XDP,
        ProgramKind::SchedCls => TC,
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What names a program in the kernel, whoever runs it.

use crate::bindings;
use kernel::prelude::*;

/// What a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramKind {
    /// `BPF_PROG_TYPE_XDP`.
    Xdp,
    /// `BPF_PROG_TYPE_SCHED_CLS`.
    SchedCls,
    /// Another type, by its number. The core offers none today.
    Other(u32),
}

impl ProgramKind {
    fn from_raw(number: bindings::bpf_prog_type) -> Self {
        match number {
            bindings::bpf_prog_type_BPF_PROG_TYPE_XDP => Self::Xdp,
            bindings::bpf_prog_type_BPF_PROG_TYPE_SCHED_CLS => Self::SchedCls,
            other => Self::Other(other),
        }
    }
}

/// Bytes of a program's name, with the zero at its end.
pub const NAME_LEN: usize = bindings::BPF_OBJ_NAME_LEN as usize;

/// What names a program of the kernel, at the moment when it was asked for.
#[derive(Clone, Copy)]
pub struct KernelProgram {
    /// What the program is for.
    pub kind: ProgramKind,
    /// The name that it was loaded with, and zeroes behind it.
    pub name: [u8; NAME_LEN],
    /// The number that user space knows it by; 0 if it has none.
    pub id: u32,
    /// SHA-256 of its instructions as they were loaded, without the numbers of map descriptors. The
    /// first 8 bytes are the tag that `bpftool prog show` prints.
    pub digest: [u8; 32],
}

impl KernelProgram {
    /// # Safety
    ///
    /// `prog` must be valid, and its digest have been made: the verifier does that first.
    pub(crate) unsafe fn of(prog: *const bindings::bpf_prog) -> Self {
        // SAFETY: By the function's contract. `aux` lives as long as the program does, and what is
        // read does not change any more, but for the number, which is read as a whole.
        unsafe {
            let aux = (*prog).aux;
            Self {
                kind: ProgramKind::from_raw((*prog).type_),
                name: (*aux).name,
                id: core::ptr::addr_of!((*aux).id).read_volatile(),
                digest: (*prog).__bindgen_anon_1.digest,
            }
        }
    }
}

/// `name` up to its end, as a text. Nothing for one without an end.
pub fn name_text(name: &[u8; NAME_LEN]) -> &CStr {
    CStr::from_bytes_until_nul(name).unwrap_or_default()
}

// SPDX-License-Identifier: GPL-2.0

//! What an object file is taken apart to, and why it can't be.

use object::SectionIndex;

use crate::canonical::{ByteOrder, INSN_SIZE};

/// Why an object file has no such program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// It is no object file of BPF.
    #[error("not a BPF object file: {0} (clang -target bpf -c makes one)")]
    NotBpf(String),
    /// Something in it makes no sense.
    #[error("{place}: {what}")]
    Broken {
        /// Section or function.
        place: String,
        /// What is wrong.
        what: String,
    },
    /// The instructions depend on the kernel that the program is loaded into.
    #[error(
        "program {program:?}: instruction {insn} depends on the kernel that it is loaded into \
         ({why}): its digest is known there only (bpftool prog show, offloadctl program list)"
    )]
    Kernel {
        /// The program.
        program: String,
        /// The instruction, counted from the beginning of its function.
        insn: usize,
        /// What of the kernel it depends on.
        why: String,
    },
}

impl ObjectError {
    pub(super) fn broken(place: &str, what: impl Into<String>) -> Self {
        Self::Broken {
            place: place.to_owned(),
            what: what.into(),
        }
    }
}

/// A function.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) section: SectionIndex,
    pub(super) section_name: String,
    /// The first slot, from the beginning of the section.
    pub(super) start: usize,
    pub(super) slots: Vec<[u8; INSN_SIZE]>,
    pub(super) is_local: bool,
}

/// What a relocation points at.
#[derive(Clone, Debug)]
pub(super) struct Relocation {
    /// The slot, from the beginning of the section.
    pub(super) slot: usize,
    /// The section of the symbol, if it is in this file.
    pub(super) section: Option<(SectionIndex, String)>,
    /// Where in the section the symbol is, in bytes.
    pub(super) address: u64,
    pub(super) symbol: String,
}

/// An object file.
#[derive(Clone, Debug)]
pub struct Object {
    pub(super) order: ByteOrder,
    pub(super) text: Option<SectionIndex>,
    pub(super) functions: Vec<Function>,
    pub(super) relocations: Vec<(SectionIndex, Vec<Relocation>)>,
    pub(super) core_relocations: Vec<(String, Vec<usize>)>,
}

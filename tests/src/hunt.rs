// SPDX-License-Identifier: GPL-2.0

//! A hunt for programs that do something else in the device than on the kernel.
//!
//! Random programs that the kernel's verifier accepts ([`generate`]) run on random frames
//! ([`frame`]), on the kernel ([`kernel`]) and on the engine ([`device`]). Everything that can be
//! observed must be the same ([`observed`]): result, bytes, metadata, context, samples, maps. What
//! differs is made as small as it gets ([`shrink`]).
//!
//! A program leaves what it has computed in an array, its map 0, at its end; so also numbers are
//! observed that would have had no effect otherwise. Each is made of statements, and notes for each
//! that it came to its end: this is what the counts ([`coverage`]) are made of.
//!
//! All chance comes from a seed and the number of the program, so that each can be had again.

pub mod cable;
pub mod code;
pub mod coverage;
pub mod device;
pub mod frame;
pub mod generate;
pub mod kernel;
pub mod observed;
pub mod run;
pub mod shrink;

use engine::store::ProgramKind;

use code::Insns;
use frame::Input;

/// A map of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapShape {
    /// Its type.
    pub kind: MapType,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Number of elements.
    pub entries: u32,
}

/// The types of maps that the device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapType {
    /// `BPF_MAP_TYPE_ARRAY`.
    Array,
    /// `BPF_MAP_TYPE_HASH`.
    Hash,
    /// `BPF_MAP_TYPE_PERF_EVENT_ARRAY`: place 0 is that of the first processor, the others are empty.
    Events,
}

/// A program, and what it is to run on.
#[derive(Clone, Debug)]
pub struct Case {
    /// The program's type.
    pub kind: ProgramKind,
    /// Its instructions.
    pub code: Insns,
    /// Whether the verifier is to make sure that nothing can be seen of pointers and of stack that
    /// the program has not written, as it can't be the same on both sides. It refuses more than it
    /// has to then, so programs of which that is known do without.
    pub is_strict: bool,
    /// Its maps; the first is an array of one element, which has what the program leaves.
    pub maps: Vec<MapShape>,
    /// The frames, one after the other: what is in the maps stays.
    pub inputs: Vec<Input>,
}

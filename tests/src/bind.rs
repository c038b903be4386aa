// SPDX-License-Identifier: GPL-2.0

//! `BPF_PROG_BIND_MAP`: more maps for a program that is loaded, by a small program in C, as no tool
//! has a command for it.

use anyhow::Result;

use crate::compiled::Compiled;

/// The compiled program.
#[derive(Debug)]
pub struct Binder(Compiled);

impl Binder {
    /// Compiles it.
    ///
    /// # Errors
    ///
    /// Where there is no C compiler.
    pub fn new() -> Result<Self> {
        Compiled::tool("bind", include_str!("../bind/bind.c")).map(Self)
    }

    /// Makes `count` arrays of the host and gives each to the program with number `program`.
    ///
    /// # Errors
    ///
    /// Where there is no such program, or no memory.
    pub fn new_maps(&self, program: u64, count: usize) -> Result<()> {
        let arguments = format!("{program} new {count}");
        self.0.cmd().args(arguments).run().map(drop)
    }

    /// Gives the map with number `map` to the program with number `program`.
    ///
    /// # Errors
    ///
    /// Where one of them does not exist.
    pub fn map(&self, program: u64, map: u64) -> Result<()> {
        let arguments = format!("{program} map {map}");
        self.0.cmd().args(arguments).run().map(drop)
    }
}

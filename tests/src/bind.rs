// SPDX-License-Identifier: GPL-2.0

//! `BPF_PROG_BIND_MAP`: more maps for a program that is loaded, by a small program in C, as no tool
//! has a command for it.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command::Cmd;

/// The compiled program.
#[derive(Debug)]
pub struct Binder {
    dir: PathBuf,
}

impl Binder {
    /// Compiles it.
    ///
    /// # Errors
    ///
    /// Where there is no C compiler.
    pub fn new() -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("bind.{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
        let binder = Self { dir };
        let source = binder.dir.join("bind.c");
        std::fs::write(&source, include_str!("../bind/bind.c"))?;
        Cmd::new("cc -O1 -Wall -o")
            .arg(binder.file())
            .arg(source)
            .run()?;
        Ok(binder)
    }

    fn file(&self) -> PathBuf {
        self.dir.join("bind")
    }

    /// Makes `count` arrays of the host and gives each to the program with number `program`.
    ///
    /// # Errors
    ///
    /// Where there is no such program, or no memory.
    pub fn new_maps(&self, program: u64, count: usize) -> Result<()> {
        let arguments = format!("{program} new {count}");
        Cmd::new("")
            .arg(self.file())
            .args(arguments)
            .run()
            .map(drop)
    }

    /// Gives the map with number `map` to the program with number `program`.
    ///
    /// # Errors
    ///
    /// Where one of them does not exist.
    pub fn map(&self, program: u64, map: u64) -> Result<()> {
        let arguments = format!("{program} map {map}");
        Cmd::new("")
            .arg(self.file())
            .args(arguments)
            .run()
            .map(drop)
    }
}

impl Drop for Binder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.dir) {
            eprintln!("{} stays: {error}", self.dir.display());
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Small programs in C, for system calls that no tool has a command for and that safe Rust can't make,
//! compiled where they are used; and BPF programs that no device takes, which are for one test alone.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::Cmd;

/// A program and the directory that it is in, which goes with this value.
#[derive(Debug)]
pub struct Compiled {
    dir: PathBuf,
    name: String,
}

impl Compiled {
    /// Compiles the program `name` of the host, for the machine that the test runs on, from `source` in C.
    ///
    /// # Errors
    ///
    /// Where there is no C compiler, or it has something to say about `source`.
    pub fn tool(name: &str, source: &str) -> Result<Self> {
        let tool = Self::new(name)?;
        let text = tool.write(&format!("{name}.c"), source)?;
        Cmd::new("cc -O1 -Wall -Wextra -Werror -o")
            .arg(tool.path())
            .arg(text)
            .run()?;
        Ok(tool)
    }

    /// Compiles the BPF program `name` from `source` in C.
    ///
    /// # Errors
    ///
    /// As those of [`Compiled::tool`].
    pub fn bpf(name: &str, source: &str) -> Result<Self> {
        let program = Self::new(&format!("{name}.bpf.o"))?;
        let text = program.write(&format!("{name}.bpf.c"), source)?;
        Cmd::new("clang -O2 -g -Wall -Werror -target bpf -I/usr/include/x86_64-linux-gnu -c")
            .arg(text)
            .arg("-o")
            .arg(program.path())
            .run()?;
        Ok(program)
    }

    /// An empty directory, in which the program will be called `name`.
    fn new(name: &str) -> Result<Self> {
        // The names of programs differ within a process, but two tests may be at it at once.
        let thread = std::thread::current().id();
        let own = format!("{name}.{}.{thread:?}", std::process::id());
        let dir = std::env::temp_dir().join(own);
        std::fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
        Ok(Self {
            dir,
            name: name.to_owned(),
        })
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.beside(name);
        std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// The file to be run, or loaded.
    pub fn path(&self) -> PathBuf {
        self.beside(&self.name)
    }

    /// A file in the same directory, which goes with it.
    pub fn beside(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.join(name)
    }

    /// The command that runs the program, to which its arguments are to be added.
    pub fn cmd(&self) -> Cmd {
        Cmd::new("").arg(self.path())
    }
}

impl Drop for Compiled {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.dir) {
            eprintln!("{} stays: {error}", self.dir.display());
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! `bpftool`, which loads programs and attaches them: users have it anyway, and no crate does that without C
//! libraries, on the Rust that this is built with.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use anyhow::{bail, Context, Result};
use serde::{Deserialize, Serialize};

/// Its name.
pub(crate) const BPFTOOL: &str = "bpftool";
/// Where programs have names.
pub(crate) const PINS: &str = "/sys/fs/bpf";

/// Runs `bpftool` with what is to be found as its standard input; what it prints.
pub(crate) fn bpftool<I, S>(args: I, input: Stdio) -> Result<Vec<u8>>
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(BPFTOOL);
    let output = command.args(args).stdin(input).output().with_context(|| {
        format!("{BPFTOOL}, which loads and attaches programs, can't be started")
    })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    // It tells what is wrong there, or if it is to speak JSON, here.
    let said = [output.stderr, output.stdout].concat();
    bail!("{BPFTOOL}: {}", String::from_utf8_lossy(&said).trim_end());
}

/// A program in the kernel.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Program {
    pub(crate) id: u32,
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) tag: String,
}

impl Program {
    pub(crate) fn brief(&self) -> String {
        format!("program {} ({}, {})", self.id, self.name, self.tag)
    }
}

// SPDX-License-Identifier: GPL-2.0

//! `bpftool`, which loads programs and attaches them: users have it anyway, and no crate does that without C
//! libraries, on the Rust that this is built with.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

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
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
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

/// A program that is loaded, and has a name for as long as this lives, unless it gets [another](Self::keep).
pub(crate) struct Pinned {
    path: PathBuf,
    pub(crate) program: Program,
}

impl Pinned {
    /// Loads the program of the object file `object`, which may be the standard input `input`, as `options` say.
    /// `what` tells it from others that are loaded beside it.
    pub(crate) fn load(object: &OsStr, input: Stdio, what: &str, options: &[&str]) -> Result<Self> {
        let path = Path::new(PINS).join(format!("offloadctl-{}-{what}", process::id()));
        let args = ["prog", "load"].map(OsStr::new).into_iter();
        let args = args.chain([object, path.as_os_str()]);
        bpftool(args.chain(options.iter().map(OsStr::new)), input)?;
        // From here on it goes with its name.
        let mut pinned = Self {
            path,
            program: Program::default(),
        };
        let shown = pinned.ask(&["-j"], "show", &[])?;
        pinned.program = serde_json::from_slice(&shown)?;
        Ok(pinned)
    }

    /// Its name.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Asks `bpftool` to do `verb` with it.
    pub(crate) fn ask(&self, options: &[&str], verb: &str, end: &[&str]) -> Result<Vec<u8>> {
        let begin = ["prog", verb, "pinned"];
        let args = options.iter().chain(&begin).map(OsStr::new);
        let args = args.chain([self.path.as_os_str()]);
        bpftool(args.chain(end.iter().map(OsStr::new)), Stdio::null())
    }

    /// Has it stay, by the name `to`; gives what it is.
    pub(crate) fn keep(self, to: &Path) -> Result<Program> {
        fs::rename(&self.path, to).with_context(|| format!("pin it as {}", to.display()))?;
        Ok(self.program.clone())
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // It is not there any more if it has another name.
        let _ = fs::remove_file(&self.path);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The kernel's own tool for netlink specifications (`tools/net/ynl`), unmodified: it knows what `ethtool`
//! of older releases has no word for.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::command::Cmd;
use crate::env;

/// The tool with a specification, to which what it is to do is to be added.
///
/// # Errors
///
/// Where the kernel's source is not at hand.
pub fn command(specification: &Path) -> Result<Cmd> {
    // What it says is to be read when it says it.
    Ok(Cmd::new("python3 -u")
        .arg(env::ynl()?.join("pyynl/cli.py"))
        .arg("--spec")
        .arg(specification)
        .args("--no-schema"))
}

/// The kernel's specification of `family`.
///
/// # Errors
///
/// As those of [`command`].
pub fn specification(family: &str) -> Result<PathBuf> {
    let directory = env::ynl()?.join("../../../Documentation/netlink/specs");
    Ok(directory.join(format!("{family}.yaml")))
}

// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask uapi`: the Rust side of the netlink specification.

use std::fs;

use anyhow::{Context, Result};

use crate::uapi::{generated, FILE, SPEC};
use crate::ui;

/// Writes uapi/src/netlink.rs from uapi/netlink/specs/offload.yaml
///
/// To be run when the specification has changed; `lint` tells if it was forgotten.
#[derive(clap::Args)]
pub(crate) struct Args {}

impl Args {
    /// Runs the command; its exit status.
    pub(crate) fn run(self) -> Result<i32> {
        let repo = crate::workshop::repo()?;
        let text = generated(&repo)?;
        fs::write(repo.join(FILE), text).with_context(|| format!("write {FILE}"))?;
        ui::say(&format!("{FILE} is what {SPEC} gives"));
        Ok(0)
    }
}

// SPDX-License-Identifier: GPL-2.0

//! `offloadctl man`: the manual.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Command;

use crate::output::{Output, Status};

/// Prints the manual page, or writes a page for each command
///
/// `offloadctl man | man -l -` shows it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write offloadctl.1, offloadctl-device.1, ... into this directory
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Args {
    /// `command` is the whole of offloadctl's command line.
    pub(crate) fn run(self, command: Command, output: &Output) -> Result<Status> {
        match self.directory {
            Some(directory) => clap_mangen::generate_to(command, &directory)
                .with_context(|| format!("write manual pages into {}", directory.display()))?,
            None => {
                let mut page = Vec::new();
                clap_mangen::Man::new(command).render(&mut page)?;
                output.write(&String::from_utf8(page)?)?;
            }
        }
        Ok(Status::Good)
    }
}

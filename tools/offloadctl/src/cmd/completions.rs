// SPDX-License-Identifier: GPL-2.0

//! `offloadctl completions`: what a shell completes command lines with.

use anyhow::Result;
use clap::Command;
use clap_complete::Shell;

use crate::output::{Output, Status};

/// Prints what a shell completes command lines of offloadctl with
///
/// bash: `offloadctl completions bash > /usr/share/bash-completion/completions/offloadctl`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

impl Args {
    /// `command` is the whole of offloadctl's command line.
    pub(crate) fn run(self, mut command: Command, output: &Output) -> Result<Status> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut command, "offloadctl", &mut text);
        output.write(&String::from_utf8(text)?)?;
        Ok(Status::Good)
    }
}

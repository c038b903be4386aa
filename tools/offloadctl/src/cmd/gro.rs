// SPDX-License-Identifier: GPL-2.0

//! `offloadctl gro`: what devices put together of received frames.

use anyhow::Result;
use clap::{Subcommand, ValueEnum};

use crate::output::{Output, Status};

mod audit;

/// Has what devices put together of received frames cut again and compared
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Have the kernel cut super-frames again that the device has put together, and show what has come of it
    ///
    /// What comes out is to be what was on the wire, byte for byte. Where it is not, what was on the wire goes
    /// up. Without --one-in, nothing is changed. With it, the audit begins anew, and a permission that has
    /// ended is there again. The exit status is 3 if some super-frame was different.
    Audit {
        /// Only of this interface: its name or index
        interface: Option<String>,
        /// Of so many super-frames one is cut and compared; 0 for none
        #[arg(long, value_name = "NUMBER", requires = "interface")]
        one_in: Option<u32>,
        /// Whether the first difference ends the permission to put frames together [default: yes]
        #[arg(long, value_name = "ANSWER", requires = "one_in")]
        ends_permission: Option<Answer>,
    },
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Answer {
    /// It does: the device puts nothing together until the audit is set anew
    Yes,
    /// It is counted, and the device goes on
    No,
}

impl Args {
    pub(crate) fn run(self, output: &Output) -> Result<Status> {
        let Command::Audit {
            interface,
            one_in,
            ends_permission,
        } = self.command;
        let ends = ends_permission != Some(Answer::No);
        let set = one_in.map(|one_in| (one_in, ends));
        audit::run(interface.as_deref(), set, output)
    }
}

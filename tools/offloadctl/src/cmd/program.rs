// SPDX-License-Identifier: GPL-2.0

//! `offloadctl program`: the programs in devices, and in object files.

mod disasm;
mod hash;
mod list;
mod load;
mod show;
mod verify;

use anyhow::Result;
use clap::Subcommand;

use crate::output::{Output, Status};

/// Shows, compares and disassembles the programs in devices; loads them into slots; hashes those in object
/// files
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Verify(verify::Args),
    Disasm(disasm::Args),
    Hash(hash::Args),
    Load(load::LoadArgs),
    Unload(load::UnloadArgs),
}

impl Args {
    pub(crate) fn run(self, output: &Output) -> Result<Status> {
        match self.command {
            Command::List(args) => args.run(output),
            Command::Show(args) => args.run(output),
            Command::Verify(args) => args.run(output),
            Command::Disasm(args) => args.run(output),
            Command::Hash(args) => args.run(output),
            Command::Load(args) => args.run(output),
            Command::Unload(args) => args.run(output),
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask build`: the module, for a kernel of xtask's or of the user's.

use anyhow::Result;

use super::TargetOptions;
use crate::module;
use crate::workshop::Workshop;

/// Builds offload_nic.ko and the tests' BPF objects, and prints the module's path
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    kernel: TargetOptions,
}

impl Args {
    /// Runs the command; its exit status.
    pub(crate) fn run(self) -> Result<i32> {
        let workshop = Workshop::open()?;
        let kernel = self.kernel.choose(&workshop)?;
        let module = module::build(&workshop, &kernel, &[])?;
        module::build_bpf(&workshop)?;
        println!("{}", module.path().display());
        Ok(0)
    }
}

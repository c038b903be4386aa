// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask kernel`: a kernel to boot and to build modules for.

use anyhow::Result;

use super::KernelOptions;
use crate::workshop::Workshop;

/// Builds a kernel and prints its build directory, which is good as KDIR
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    kernel: KernelOptions,
}

impl Args {
    /// Runs the command; its exit status.
    pub(crate) fn run(self) -> Result<i32> {
        let workshop = Workshop::open()?;
        let kernel = workshop.kernel(self.kernel.flavour(), self.kernel.kernel_source())?;
        println!("{}", kernel.kdir().display());
        Ok(0)
    }
}

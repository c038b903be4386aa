// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask vm`: a command, or a shell, in a guest.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::TargetOptions;
use crate::guest::Output;
use crate::session::Session;
use crate::workshop::Workshop;

/// Boots a guest as root and runs a command in it, or a shell
///
/// The module is built and named by OFFLOAD_NIC_KO (the command loads it itself:
/// `insmod $OFFLOAD_NIC_KO`), the tests' BPF objects are in OFFLOAD_NIC_BPF, OFFLOADCTL
/// is the user's tool, OFFLOAD_NIC_YNL the kernel's tools for netlink specifications. The
/// repo and each --ro directory are visible read-only where they are on the host;
/// OFFLOAD_NIC_RESULTS is a directory that the host sees too. The exit status is
/// the command's, unless the kernel warns, oopses, leaks or dies: then it is a
/// failure, with the log.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    kernel: TargetOptions,
    /// Show DIR in the guest, read-only; may be given several times
    #[arg(long, value_name = "DIR")]
    ro: Vec<PathBuf>,
    /// The writable directory [default: target/results]
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// Processors of the guest
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=4))]
    cpus: u32,
    /// MiB of memory of the guest
    #[arg(long, default_value_t = 2048, value_parser = clap::value_parser!(u32).range(256..))]
    memory: u32,
    /// Seconds after which the guest is killed
    #[arg(long, default_value_t = 1800, value_name = "SECONDS")]
    timeout: u64,
    /// The command and its arguments; without one, a shell
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

impl Args {
    /// Runs the command; its exit status.
    pub(crate) fn run(self) -> Result<i32> {
        // What is wrong with the options is said before minutes of building.
        let ro = self
            .ro
            .iter()
            .map(|dir| {
                dir.canonicalize()
                    .with_context(|| format!("--ro {}", dir.display()))
            })
            .collect::<Result<Vec<_>>>()?;
        let workshop = Workshop::open()?;
        let kernel = self.kernel.choose(&workshop)?;
        let source = kernel.source().map(Path::to_owned);
        let mut session = Session::new(&workshop, kernel)?;
        session.user_side(source.as_deref())?;
        session.cpus(self.cpus);
        session.memory(self.memory);
        session.timeout(Duration::from_secs(self.timeout));
        let results = match &self.results {
            Some(results) => results.clone(),
            None => workshop.target("results")?,
        };
        std::fs::create_dir_all(&results)?;
        session.results(&results.canonicalize()?);
        for dir in &ro {
            session.ro(dir);
        }
        let command = (!self.command.is_empty()).then_some(self.command);
        let outcome = session.run(command, Output::Pass)?;
        outcome.report();
        Ok(outcome.code())
    }
}

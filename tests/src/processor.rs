// SPDX-License-Identifier: GPL-2.0

//! Which processors do the work.

use std::thread::available_parallelism;

use anyhow::{Context, Result};
use nix::sched::{sched_setaffinity, CpuSet};
use nix::unistd::Pid;

use crate::interrupt::Interrupt;
use crate::link::Link;

/// Has this thread, and those that it starts from now on, run on `processor` alone, and so the processing
/// of what they send.
///
/// # Errors
///
/// Where there is no such processor.
pub fn run_on(processor: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(processor)?;
    sched_setaffinity(Pid::from_raw(0), &set).context("sched_setaffinity")
}

/// Has the first processor do all that this thread sends, and what `port` receives and answers.
///
/// # Errors
///
/// Where the kernel refuses.
pub fn all_on_the_first(port: &Link) -> Result<()> {
    if available_parallelism()?.get() == 1 {
        return Ok(());
    }
    let interrupts = Interrupt::of(&port.name)?;
    interrupts.iter().try_for_each(|it| it.set_affinity(0))?;
    run_on(0)
}

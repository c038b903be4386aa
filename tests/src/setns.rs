// SPDX-License-Identifier: GPL-2.0

//! Work inside a network namespace.

use std::fs::File;
use std::thread;

use anyhow::{Context, Result};
use nix::sched::{setns, CloneFlags};

/// Runs `work` on a thread of its own inside the network namespace `ns`; `None` is that of this process.
/// Sockets that it opens belong to the namespace for good.
///
/// # Errors
///
/// What `work` gives, or where the namespace is gone.
pub fn enter<T: Send>(ns: Option<&str>, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let Some(ns) = ns else { return work() };
    let path = format!("/run/netns/{ns}");
    let file = File::open(&path).with_context(|| format!("open {path}"))?;
    thread::scope(|scope| {
        scope
            .spawn(|| {
                setns(file, CloneFlags::CLONE_NEWNET)
                    .with_context(|| format!("enter the network namespace {ns}"))?;
                work()
            })
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

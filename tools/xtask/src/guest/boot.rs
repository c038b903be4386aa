// SPDX-License-Identifier: GPL-2.0

//! What is booted, what is run in it, and what is the same on all machines.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::flavour::Machine;

/// Where the guest sees the control directory.
pub(super) const CONTROL: &str = "/mnt";
/// What the kernel says when it has booted.
pub(super) const BOOTED: &str = "Run /mnt/init as init process";

/// Kernel parameters of every guest: all messages on the console, which is what is
/// searched; an oops ends the guest, which otherwise limps on to its deadline; KASAN
/// reports every error, not just the first; and a lockup is one after two minutes, as a
/// guest's processors are threads that a busy host keeps waiting.
const PARAMETERS: [&str; 7] = [
    "ignore_loglevel",
    "panic=-1",
    "oops=panic",
    "kasan_multi_shot",
    "watchdog_thresh=60",
    "workqueue.watchdog_thresh=120",
    "rcupdate.rcu_cpu_stall_timeout=120",
];

/// What is booted.
#[derive(Clone, Debug)]
pub(crate) struct Boot {
    pub(crate) machine: Machine,
    pub(crate) image: PathBuf,
    /// The kernel's own modules: what `/lib/modules` shows. None if the kernel
    /// is the user's.
    pub(crate) modules: Option<PathBuf>,
    /// The initial RAM disk, if there is one.
    pub(crate) initrd: Option<PathBuf>,
    /// Parameters of its own.
    pub(crate) parameters: &'static [&'static str],
    /// Processors of the guest.
    pub(crate) cpus: u32,
    /// MiB of memory.
    pub(crate) memory: u32,
    /// Whether QEMU uses KVM.
    pub(crate) kvm: bool,
}

/// What is run, and what it sees.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// The command; None for a shell on the user's terminal.
    pub(crate) argv: Option<Vec<String>>,
    pub(crate) repo: PathBuf,
    /// Directories to show read-only.
    pub(crate) ro: Vec<PathBuf>,
    /// The directory to show writable.
    pub(crate) results: PathBuf,
    pub(crate) env: Vec<(String, String)>,
    /// The guest is killed after this time.
    pub(crate) timeout: Duration,
}

impl Boot {
    /// The kernel's parameters that do not depend on the machine.
    pub(super) fn parameters(&self) -> impl Iterator<Item = String> {
        let all = PARAMETERS.iter().chain(self.parameters);
        all.map(|&parameter| parameter.to_owned())
    }
}

/// `command` with its stderr, and with it the machine's own words, in the log.
pub(super) fn console_to_log(command: Vec<String>) -> Vec<String> {
    let mut argv: Vec<String> = ["sh", "-c"].map(str::to_owned).to_vec();
    argv.push(format!("exec \"$@\" 2>>{CONTROL}/console.log"));
    argv.push("guest".to_owned());
    argv.extend(command);
    argv
}

/// The text of a file in the control directory; empty if the guest wrote none.
pub(super) fn read(path: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(path) {
        // What could be read of a damaged log is still worth judging.
        let _ = file.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

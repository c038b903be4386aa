// SPDX-License-Identifier: GPL-2.0

//! The kernel's fault injection: an operation is tried with its first allocation failing, then with
//! its second, and so on.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};
use nix::errno::Errno;
use offload_tests::compiled::Compiled;
use offload_tests::link::Link;

/// The two kinds of allocations that can be made to fail.
const KINDS: [&str; 2] = ["failslab", "fail_page_alloc"];

/// Settings of fault injection, put back on drop.
pub(crate) struct Settings(Vec<(PathBuf, String)>);

impl Settings {
    pub(crate) fn new(settings: &[(&str, &str)]) -> Result<Self> {
        let mut before = Self(Vec::new());
        for kind in KINDS {
            for (name, value) in settings {
                let path = Path::new("/sys/kernel/debug").join(kind).join(name);
                // The two kinds do not have all settings in common.
                let Ok(old) = fs::read_to_string(&path) else {
                    continue;
                };
                fs::write(&path, value).with_context(|| format!("write {path:?}"))?;
                before.0.push((path, old));
            }
        }
        Ok(before)
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        // The last one first: while anything may fail, so may this.
        for (path, old) in self.0.iter().rev() {
            if let Err(error) = fs::write(path, old.trim()) {
                eprintln!("{path:?} could not be put back to {old}: {error}");
            }
        }
    }
}

/// What came of a system call.
pub(crate) struct Attempt {
    /// The allocations that fail-nth had still to wait for.
    pub(crate) left: u32,
    pub(crate) errno: i32,
    /// What the verifier said, or how much devlink told.
    pub(crate) verifier_log: String,
}

/// How often an operation failed, and how often it did without the memory.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) failed: u32,
    pub(crate) survived: u32,
}

/// An operation and what must hold around it.
pub(crate) struct Case<'a> {
    /// The arguments of `attempt`.
    pub(crate) operation: String,
    /// Where it runs.
    pub(crate) port: Option<&'a Link>,
    /// The allocations to fail: the first, and the distance to the next.
    pub(crate) nths: (u32, usize),
    /// Whether the kernel's own code has another word for "no memory" here.
    pub(crate) says_otherwise: fn(&Attempt) -> bool,
    /// Checks that nothing of a failed attempt stays.
    pub(crate) is_undone: &'a dyn Fn() -> Result<()>,
    /// Checks what a successful attempt did, and takes it back.
    pub(crate) undo: &'a dyn Fn() -> Result<()>,
}

/// The tool that lets allocations fail.
pub(crate) struct Faults {
    tool: Compiled,
    _settings: Settings,
}

impl Faults {
    /// Builds it, or says that `test` is skipped on this kernel.
    pub(crate) fn new(test: &str) -> Result<Option<Self>> {
        if !Path::new("/proc/self/fail-nth").exists()
            || !Path::new("/sys/kernel/debug/failslab").exists()
        {
            println!("skipped: {test}: this kernel has no CONFIG_FAULT_INJECTION and CONFIG_FAILSLAB; that of `cargo xtask vm --debug` has");
            return Ok(None);
        }
        let tool = Compiled::tool("attempt", include_str!("../../fault/attempt.c"))?;
        let settings = Settings::new(&[
            // Allocations that may sleep, of any size and for any use.
            ("ignore-gfp-wait", "N"),
            ("ignore-gfp-highmem", "N"),
            ("min-order", "0"),
            ("verbose", "0"),
        ])?;
        Ok(Some(Self {
            tool,
            _settings: settings,
        }))
    }

    /// Runs `operation` with its allocation number `nth` failing (0: none).
    pub(crate) fn attempt(
        &self,
        port: Option<&Link>,
        nth: u32,
        operation: &str,
    ) -> Result<Attempt> {
        let said = self
            .tool
            .cmd()
            .arg(nth.to_string())
            .args(operation)
            .in_netns(port.and_then(|port| port.ns.as_deref()))
            .run()?;
        let (first, verifier_log) = said.split_once('\n').context("no line")?;
        let (left, errno) = first.split_once(' ').context("no two numbers")?;
        Ok(Attempt {
            left: left.parse()?,
            errno: errno.parse()?,
            verifier_log: verifier_log.to_owned(),
        })
    }

    /// Runs `operation` on `port` without a fault; it must succeed.
    pub(crate) fn succeed(&self, port: &Link, operation: &str) -> Result<Attempt> {
        let attempt = self.attempt(Some(port), 0, operation)?;
        ensure!(
            attempt.errno == 0,
            "{operation}: {}: {}",
            Errno::from_raw(attempt.errno),
            attempt.verifier_log
        );
        Ok(attempt)
    }

    /// Makes one allocation after the other fail.
    pub(crate) fn each(&self, case: &Case<'_>) -> Result<Tally> {
        let mut tally = Tally::default();
        for nth in (case.nths.0..).step_by(case.nths.1) {
            let attempt = self.attempt(case.port, nth, &case.operation)?;
            let errno = Errno::from_raw(attempt.errno);
            let what = || format!("{}: allocation {nth} failed: {errno}", case.operation);
            if attempt.errno == 0 {
                (case.undo)().with_context(what)?;
                if attempt.left > 0 {
                    println!("{}: {tally:?}, up to allocation {nth}", case.operation);
                    return Ok(tally);
                }
                tally.survived += 1;
                continue;
            }
            ensure!(
                attempt.left == 0 && (errno == Errno::ENOMEM || (case.says_otherwise)(&attempt)),
                "{}, which is not the word for it. {}",
                what(),
                attempt.verifier_log
            );
            (case.is_undone)().with_context(what)?;
            tally.failed += 1;
        }
        bail!("{}: no end of allocations", case.operation)
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Running commands inside the build-and-guest root.
//!
//! Every command gets a mount namespace (the repo, the kernel, the results appear
//! at the paths they have on the host, and nothing is mounted on the machine) and
//! a PID namespace (a killed xtask, or a guest past its deadline, leaves no
//! process behind).

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{bail, Result};

/// The script that sets the namespaces up.
const SCRIPT: &str = include_str!("enter.sh");

/// Variables of the caller's that commands in the root see.
const PASSED: &[&str] = &[
    "TERM",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
];

/// The root and what is mounted into it.
#[derive(Clone, Debug)]
pub(crate) struct Enter {
    stage: PathBuf,
    root: PathBuf,
    cwd: PathBuf,
    binds: Vec<(PathBuf, PathBuf, &'static str)>,
    /// A program of the host's and its first arguments, if any.
    under: Vec<OsString>,
}

impl Enter {
    /// Enters the root file system `root`; `stage` is an empty directory to mount
    /// on.
    pub(crate) fn new(root: &Path, stage: &Path) -> Self {
        Self {
            stage: stage.to_owned(),
            root: root.to_owned(),
            cwd: PathBuf::from("/"),
            binds: Vec::new(),
            under: Vec::new(),
        }
    }

    /// Shows `path` at the same place, read-only.
    #[must_use]
    pub(crate) fn ro(self, path: &Path) -> Self {
        self.bind(path, path, "ro")
    }

    /// Shows `path` at the same place, writable.
    #[must_use]
    pub(crate) fn rw(self, path: &Path) -> Self {
        self.bind(path, path, "rw")
    }

    /// Shows the host's `source` at `target`, writable.
    #[must_use]
    pub(crate) fn rw_at(self, source: &Path, target: &Path) -> Self {
        self.bind(source, target, "rw")
    }

    /// Shows the host's `source` at `target`, read-only.
    #[must_use]
    pub(crate) fn ro_at(self, source: &Path, target: &Path) -> Self {
        self.bind(source, target, "ro")
    }

    fn bind(mut self, source: &Path, target: &Path, mode: &'static str) -> Self {
        self.binds
            .push((source.to_owned(), target.to_owned(), mode));
        self
    }

    /// Starts commands in `dir`.
    #[must_use]
    pub(crate) fn cwd(mut self, dir: &Path) -> Self {
        self.cwd = dir.to_owned();
        self
    }

    /// Starts commands under a program of the host's that takes a command as its last arguments.
    #[must_use]
    pub(crate) fn under(mut self, program: &[OsString]) -> Self {
        self.under = program.to_vec();
        self
    }

    /// The command, ready to be run. It dies with the thread that starts it.
    pub(crate) fn command<I>(&self, argv: I) -> duct::Expression
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        let dies_with_parent = ["--pdeathsig", "KILL"].map(OsString::from);
        let mut args = dies_with_parent.to_vec();
        if !self.under.is_empty() {
            args.extend_from_slice(&self.under);
            args.push("setpriv".into());
            args.extend(dies_with_parent);
        }
        let mut push = |arg: &dyn AsRef<std::ffi::OsStr>| args.push(arg.as_ref().to_owned());
        for arg in [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "--pid",
            "--fork",
            "--kill-child=KILL",
            "sh",
            "-c",
            SCRIPT,
            "enter",
        ] {
            push(&arg);
        }
        push(&self.stage);
        push(&self.root);
        push(&self.cwd);
        for (source, target, mode) in &self.binds {
            push(source);
            push(target);
            push(mode);
        }
        for arg in [
            "--",
            "--ignore-environment",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/root",
            "LANG=C.UTF-8",
        ] {
            push(&arg);
        }
        for name in PASSED {
            if let Some(value) = std::env::var_os(name) {
                push(&assignment(name, &value));
            }
        }
        args.extend(argv.into_iter().map(Into::into));
        duct::cmd("setpriv", args)
    }
}

/// `NAME=value`.
fn assignment(name: &str, value: &std::ffi::OsStr) -> OsString {
    let mut text = OsString::from(name);
    text.push("=");
    text.push(value);
    text
}

/// Refuses unless xtask may make mount namespaces.
pub(crate) fn require_root() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!(
            "this needs root: xtask builds and boots inside a Debian root file system of its own, \
             which it makes and enters with mount and chroot. Run it as root, for example \
             `sudo -E env \"PATH=$PATH\" cargo xtask ...`."
        );
    }
    Ok(())
}

// SPDX-License-Identifier: GPL-2.0

//! Where xtask works.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cache::Cache;
use crate::flavour::Flavour;
use crate::kernel::{distro, Kernel};
use crate::own::Own;
use crate::root::Root;
use crate::source::Source;

/// The repo, the cache, the root: what nearly every command starts with.
pub(crate) struct Workshop {
    pub(crate) repo: PathBuf,
    pub(crate) cache: Cache,
    /// What guests see, and what all but kernels is built in.
    pub(crate) root: Root,
    /// What no other xtask touches.
    pub(crate) own: Own,
    /// What kernels are built in, but for the one with BTF.
    kernels: Root,
}

/// The packages of the root that kernels are built in.
const PACKAGES: &str = "root.packages";
/// What guests have besides.
const GUEST_PACKAGES: &str = "guest.packages";
/// What the root of the kernel's own suites has besides.
const SUITES_PACKAGES: &str = "suites.packages";

impl Workshop {
    /// Finds or makes the roots.
    pub(crate) fn open() -> Result<Self> {
        Self::with(&[PACKAGES, GUEST_PACKAGES])
    }

    /// The same with the root of the kernel's own suites.
    pub(crate) fn open_for_suites() -> Result<Self> {
        Self::with(&[PACKAGES, SUITES_PACKAGES, GUEST_PACKAGES])
    }

    /// Finds or makes the root with the packages of `lists`, and that of the kernels.
    fn with(lists: &[&str]) -> Result<Self> {
        let repo = repo()?;
        let cache = Cache::open()?;
        let kernels = Root::ensure(&cache, &repo, &[PACKAGES])?;
        let root = Root::ensure(&cache, &repo, lists)?;
        let own = Own::new(&repo.join("target/runs"))?;
        Ok(Self {
            repo,
            cache,
            root,
            own,
            kernels,
        })
    }

    /// Finds or builds a kernel.
    pub(crate) fn kernel(&self, flavour: Flavour, source: Option<&Path>) -> Result<Kernel> {
        // BTF takes a tool that only the root of the suites has. All others stay as they are
        // when a script takes one.
        let root = if flavour.has_debug_information() {
            &self.root
        } else {
            &self.kernels
        };
        let source = Source::ensure(&self.cache, &self.kernels, source)?;
        if flavour.is_distribution() {
            return distro::ensure(&self.cache, &self.repo, root, &source, flavour);
        }
        Kernel::ensure(&self.cache, &self.repo, root, &source, flavour)
    }

    /// A directory under the repo's `target/`, made if need be.
    pub(crate) fn target(&self, name: &str) -> Result<PathBuf> {
        let dir = self.repo.join("target").join(name);
        std::fs::create_dir_all(&dir)?;
        Ok(dir)
    }
}

/// The top of the repo that xtask was compiled from.
pub(crate) fn repo() -> Result<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(manifest.join("../..").canonicalize()?)
}

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
    /// What the kernels are built in that all commands share.
    kernels: Root,
}

/// The packages of the root.
const PACKAGES: &str = "root.packages";
/// What the root of the kernel's own suites has besides.
const SUITES_PACKAGES: &str = "suites.packages";

impl Workshop {
    /// Finds or makes the root.
    pub(crate) fn open() -> Result<Self> {
        let repo = repo()?;
        let cache = Cache::open()?;
        let root = Root::ensure(&cache, &repo, &[PACKAGES])?;
        let kernels = root.clone();
        let own = Own::new(&repo.join("target/runs"))?;
        Ok(Self {
            repo,
            cache,
            root,
            own,
            kernels,
        })
    }

    /// The same with the root of the kernel's own suites.
    pub(crate) fn open_for_suites() -> Result<Self> {
        let common = Self::open()?;
        let lists = [PACKAGES, SUITES_PACKAGES];
        let root = Root::ensure(&common.cache, &common.repo, &lists)?;
        Ok(Self { root, ..common })
    }

    /// Finds or builds a kernel.
    pub(crate) fn kernel(&self, flavour: Flavour, source: Option<&Path>) -> Result<Kernel> {
        // A kernel that other commands have, too, must be the same here.
        let root = if flavour.is_for_suites() {
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

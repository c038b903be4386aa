// SPDX-License-Identifier: GPL-2.0

//! The kernel's source: Debian's package, or a tree of the user's own.

use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

use crate::cache::{Cache, Key};
use crate::release::Release;
use crate::root::Root;
use crate::space;
use crate::ui::Step;

/// Goes up when the fetching changes in a way that the script does not show.
const RECIPE: &str = "1";
/// Runs in the root.
const SCRIPT: &str = include_str!("fetch-source.sh");
/// The kernel that the module is written for.
const VERSION: &str = "7.2";
/// MiB: the package, and what is unpacked of it.
const SPACE: u64 = 1800;

/// A kernel tree.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    tree: PathBuf,
    key: String,
    /// The package's file, if Debian's it is.
    package: Option<PathBuf>,
}

impl Source {
    /// The user's `tree` if there is one, else Debian's source from the cache,
    /// fetched if need be.
    ///
    /// # Errors
    ///
    /// If `tree` is no kernel tree or too old, or nothing can be fetched.
    pub(crate) fn ensure(cache: &Cache, root: &Root, tree: Option<&Path>) -> Result<Self> {
        if let Some(tree) = tree {
            return Self::own(tree);
        }
        let key = Key::new(RECIPE)
            .with("version", VERSION.as_bytes())
            .with("script", SCRIPT.as_bytes())
            .finish();
        let entry = cache.entry("source", &key, |partial, _| {
            space::require("the kernel source", cache.dir(), SPACE)?;
            let step = Step::start(
                &format!("Fetching the source of Linux {VERSION} with apt (160 MB)"),
                "about 1 min",
                &cache.log("source"),
            )?;
            let argv = ["sh", "-c", SCRIPT, "fetch-source", VERSION, "/mnt"];
            step.run(root.enter().rw_at(partial, Path::new("/mnt")).command(argv))?;
            step.done();
            Ok(())
        })?;
        Ok(Self {
            tree: entry.join("tree"),
            package: Some(entry.join("version")),
            key,
        })
    }

    /// A tree of the user's.
    fn own(tree: &Path) -> Result<Self> {
        let tree = tree
            .canonicalize()
            .with_context(|| format!("--kernel-source {}", tree.display()))?;
        let makefile = tree.join("Makefile");
        let text = std::fs::read_to_string(&makefile)
            .with_context(|| format!("--kernel-source: cannot read {makefile:?}"))?;
        let Some(release) = Release::from_makefile(&text) else {
            bail!(
                "--kernel-source {}: its Makefile states no VERSION and PATCHLEVEL, so this is \
                 not the top of a kernel tree",
                tree.display()
            );
        };
        release.require(&format!("--kernel-source {}", tree.display()))?;
        if tree.join(".config").exists() || tree.join("include/config").exists() {
            bail!(
                "--kernel-source {}: the tree has been built in place, so the kernel's build \
                 system refuses to build elsewhere from it. Run `make mrproper` there, or pass \
                 the tree with --kdir to use its own build.",
                tree.display()
            );
        }
        // What the tree is, without reading a gigabyte: its version and commit.
        // Edits in between are the user's to announce (`cargo xtask clean`).
        let head = std::fs::read(tree.join(".git/HEAD")).unwrap_or_default();
        let log = std::fs::read(tree.join(".git/logs/HEAD")).unwrap_or_default();
        let key = Key::new(RECIPE)
            .with("tree", tree.as_os_str().as_encoded_bytes())
            .with("makefile", text.as_bytes())
            .with("head", &head)
            .with("log", &log)
            .finish();
        Ok(Self {
            tree,
            key,
            package: None,
        })
    }

    /// The top of the tree.
    pub(crate) fn tree(&self) -> &Path {
        &self.tree
    }

    /// The version of Debian's package; None if the tree is the user's.
    pub(crate) fn version(&self) -> Result<Option<String>> {
        let Some(path) = &self.package else {
            return Ok(None);
        };
        let name = std::fs::read_to_string(path).with_context(|| format!("read {path:?}"))?;
        // NAME_VERSION_ARCHITECTURE.deb
        let version = name.split('_').nth(1);
        let version = version.with_context(|| format!("{name:?} has no version"))?;
        Ok(Some(version.to_owned()))
    }

    /// The key of the source, for the keys of what is built from it.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

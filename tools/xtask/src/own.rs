// SPDX-License-Identifier: GPL-2.0

//! What one run of xtask has to itself.
//!
//! Products of a build lie where the next build finds them: the next xtask in the same checkout may
//! replace or remove them while guests of this one still use them. So each keeps those that it uses
//! under a name of its own, and what it had so is gone with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::cache;
use crate::lock::Lock;

/// The name of the lock in a directory of [`Own`], which its owner holds.
const LOCK: &str = "lock";

/// A directory below `target/runs`.
#[derive(Debug)]
pub(crate) struct Own {
    dir: TempDir,
    kept: AtomicUsize,
    _lock: Lock,
}

impl Own {
    /// Makes one below `runs`, where those of xtasks that were killed are removed.
    ///
    /// # Errors
    ///
    /// Where directories can't be made there.
    pub(crate) fn new(runs: &Path) -> Result<Self> {
        fs::create_dir_all(runs).with_context(|| format!("cannot make {runs:?}"))?;
        // A new one has no owner yet for a moment.
        let _lock = Lock::take_shortly(&runs.join(LOCK))?;
        for item in fs::read_dir(runs)? {
            let path = item?.path();
            if path.is_dir() && Lock::take_if_free(&path.join(LOCK))?.is_some() {
                cache::remove(&path)?;
            }
        }
        let dir = tempfile::Builder::new().prefix("").tempdir_in(runs)?;
        let lock = Lock::take_shortly(&dir.path().join(LOCK))?;
        Ok(Self {
            dir,
            kept: AtomicUsize::new(0),
            _lock: lock,
        })
    }

    /// Keeps `path`, a file or a tree of them, as it is now; where. The files are links: who makes
    /// new ones has to do it under other names, or remove these first, as linkers do.
    ///
    /// # Errors
    ///
    /// Where `path` is on another file system.
    pub(crate) fn keep(&self, path: &Path) -> Result<PathBuf> {
        let name = path
            .file_name()
            .with_context(|| format!("{path:?} has no name"))?;
        let number = self.kept.fetch_add(1, Ordering::Relaxed);
        let kept = self.path(&format!("{number}"))?.join(name);
        link(path, &kept).with_context(|| format!("cannot keep {path:?} as {kept:?}"))?;
        Ok(kept)
    }

    /// A directory by the name `name`.
    ///
    /// # Errors
    ///
    /// Where it can't be made.
    pub(crate) fn path(&self, name: &str) -> Result<PathBuf> {
        let dir = self.dir.path().join(name);
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {dir:?}"))?;
        Ok(dir)
    }
}

/// Links a file, or all files of a tree.
fn link(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return Ok(fs::hard_link(from, to)?);
    }
    fs::create_dir(to)?;
    for item in fs::read_dir(from)? {
        let item = item?;
        link(&item.path(), &to.join(item.file_name()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stays_when_its_like_is_built_anew() {
        let dir = tempfile::tempdir().unwrap();
        let objects = dir.path().join("objects");
        fs::create_dir_all(objects.join("O1")).unwrap();
        for name in ["a.o", "O1/a.o"] {
            fs::write(objects.join(name), "old").unwrap();
        }
        let own = Own::new(&dir.path().join("runs")).unwrap();
        let kept = own.keep(&objects).unwrap();
        let again = own.keep(&objects).unwrap();
        let other = own.keep(&objects.join("a.o")).unwrap();
        fs::remove_dir_all(&objects).unwrap();
        for path in [
            kept.join("a.o"),
            kept.join("O1/a.o"),
            again.join("a.o"),
            other,
        ] {
            assert_eq!(fs::read_to_string(path).unwrap(), "old");
        }
    }

    #[test]
    fn what_a_killed_one_had_goes_and_what_a_live_one_has_stays() {
        let dir = tempfile::tempdir().unwrap();
        let killed = dir.path().join("killed");
        fs::create_dir(&killed).unwrap();
        fs::write(killed.join(LOCK), "process 1: init").unwrap();
        let one = Own::new(dir.path()).unwrap();
        assert!(!killed.exists());
        let file = one.path("results").unwrap();
        let two = Own::new(dir.path()).unwrap();
        assert!(file.exists());
        let path = one.dir.path().to_owned();
        drop(one);
        assert!(!path.exists());
        drop(two);
    }
}

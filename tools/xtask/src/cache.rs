// SPDX-License-Identifier: GPL-2.0

//! The cache of everything that takes minutes to make: `$XDG_CACHE_HOME` (or
//! `~/.cache`) `/offload_nic/NAME-KEY`.
//!
//! KEY is a hash of all inputs of the entry, so an entry is never changed: other
//! inputs make another entry. An entry is made in a directory `.partial-PID`
//! beside it and renamed when complete, so an interruption at any point leaves
//! either nothing or a stale partial, which the next maker removes. One lock
//! lets one xtask make entries at a time; finding an entry needs no lock.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, Context, Result};
use sha2::{Digest, Sha256};

use crate::lock::Lock;

/// The hash of an entry's inputs under construction.
pub(crate) struct Key(Sha256);

impl Key {
    /// A key for an entry made by version `recipe` of the code that makes it.
    pub(crate) fn new(recipe: &str) -> Self {
        Self(Sha256::new()).with("recipe", recipe.as_bytes())
    }

    /// Adds one named input. Name and value enter with their lengths, so that no
    /// two lists of inputs run together into the same bytes.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &[u8]) -> Self {
        for part in [name.as_bytes(), value] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
        self
    }

    /// The key's text: 16 hexadecimal digits.
    pub(crate) fn finish(self) -> String {
        self.0.finalize()[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// The cache directory.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    dir: PathBuf,
}

impl Cache {
    /// The user's cache; the directory is made if need be.
    pub(crate) fn open() -> Result<Self> {
        let base = match std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
            Some(base) => PathBuf::from(base),
            None => PathBuf::from(std::env::var_os("HOME").ok_or_else(|| {
                anyhow!("no place for the cache: neither XDG_CACHE_HOME nor HOME is set")
            })?)
            .join(".cache"),
        };
        Self::at(&base.join("offload_nic"))
    }

    /// The cache in the directory `dir`.
    fn at(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| {
            format!("cannot make the cache directory {dir:?} (XDG_CACHE_HOME moves it)")
        })?;
        Ok(Self {
            dir: dir.canonicalize()?,
        })
    }

    /// The directory that holds the entries.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the entry `name-key` is, or will be.
    pub(crate) fn path(&self, name: &str, key: &str) -> PathBuf {
        self.dir.join(format!("{name}-{key}"))
    }

    /// A log file for the step `name`.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{name}.log"))
    }

    /// The entry `name-key`, made by `make(partial, final)` if there is none:
    /// `make` fills the directory `partial`, which then becomes `final`.
    pub(crate) fn entry(
        &self,
        name: &str,
        key: &str,
        make: impl FnOnce(&Path, &Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let path = self.path(name, key);
        if path.exists() {
            return Ok(path);
        }
        let _lock = self.lock()?;
        // Another xtask may have made it while this one waited for the lock.
        if path.exists() {
            return Ok(path);
        }
        self.remove_partials()?;
        let partial = self.dir.join(format!(".partial-{}", std::process::id()));
        fs::create_dir(&partial)?;
        let made = make(&partial, &path);
        if let Err(error) = made {
            // A failure here is less worth telling than the one that led to it;
            // the next maker tries again.
            let _ = remove(&partial);
            return Err(error);
        }
        fs::rename(&partial, &path)?;
        Ok(path)
    }

    /// All entries and leftovers.
    pub(crate) fn contents(&self) -> Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for item in fs::read_dir(&self.dir)? {
            let item = item?;
            if item.file_name() != "lock" {
                paths.push(item.path());
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// Waits until no other xtask makes entries, and keeps others from it while
    /// the returned lock lives.
    pub(crate) fn lock(&self) -> Result<Lock> {
        Lock::take(&self.dir.join("lock"), "the cache")
    }

    /// Removes what interrupted makers left. The caller holds the lock, so no
    /// maker is alive.
    fn remove_partials(&self) -> Result<()> {
        for path in self.contents()? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(".partial-") {
                remove(&path)?;
            }
        }
        Ok(())
    }
}

/// Removes a file or a directory tree.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let result = if path.is_dir() && !path.is_symlink() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    result.with_context(|| format!("cannot remove {path:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_depends_on_every_input_and_its_name() {
        let key = |name: &str, value: &str| Key::new("1").with(name, value.as_bytes()).finish();
        assert_eq!(key("a", "x"), key("a", "x"));
        assert_ne!(key("a", "x"), key("a", "y"));
        assert_ne!(key("a", "x"), key("b", "x"));
        assert_ne!(Key::new("1").finish(), Key::new("2").finish());
        assert_eq!(key("a", "x").len(), 16);
    }

    #[test]
    fn key_does_not_run_inputs_together() {
        let one = Key::new("1").with("a", b"bc").with("d", b"").finish();
        let other = Key::new("1").with("ab", b"c").with("d", b"").finish();
        assert_ne!(one, other);
    }

    #[test]
    fn entry_is_made_once_and_only_when_complete() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path()).unwrap();
        let failed = cache.entry("thing", "k", |partial, _| {
            fs::write(partial.join("half"), "")?;
            Err(anyhow!("interrupted"))
        });
        assert!(failed.is_err());
        assert!(!cache.path("thing", "k").exists());

        let made = cache
            .entry("thing", "k", |partial, end| {
                assert!(!partial.join("half").exists());
                assert_eq!(end, cache.path("thing", "k"));
                fs::write(partial.join("whole"), "")?;
                Ok(())
            })
            .unwrap();
        assert!(made.join("whole").exists());
        cache
            .entry("thing", "k", |_, _| panic!("made a second time"))
            .unwrap();
    }

    #[test]
    fn stale_partials_go_when_the_next_entry_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path()).unwrap();
        let stale = cache.dir().join(".partial-1");
        fs::create_dir(&stale).unwrap();
        cache.entry("thing", "k", |_, _| Ok(())).unwrap();
        assert!(!stale.exists());
    }
}

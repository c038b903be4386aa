// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask clean`: the cache goes.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::cache::{self, Cache};
use crate::ui;

/// Removes what xtask keeps: root file system, kernel source, kernels
///
/// What is built of the repo is in target/ and goes with `cargo clean`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
}

impl Args {
    /// Runs the command; its exit status.
    pub(crate) fn run(self) -> Result<i32> {
        let cache = Cache::open()?;
        let _lock = cache.lock()?;
        let verb = if self.dry_run {
            "would remove"
        } else {
            "removing"
        };
        let mut total = 0;
        for path in cache.contents()? {
            let size = size(&path);
            total += size;
            ui::say(&format!("{verb} {} ({} MiB)", path.display(), mib(size)));
            if !self.dry_run {
                cache::remove(&path)?;
            }
        }
        ui::say(&format!("{} MiB in all", mib(total)));
        Ok(0)
    }
}

/// Bytes as MiB, rounded up.
fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1024 * 1024)
}

/// The bytes that a tree takes on disk. What cannot be read counts as nothing.
fn size(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;

    let Ok(metadata) = fs::symlink_metadata(path) else {
        return 0;
    };
    let mut total = metadata.blocks() * 512;
    if metadata.is_dir() {
        for item in fs::read_dir(path).into_iter().flatten().flatten() {
            total += size(&item.path());
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_counts_a_tree() {
        let dir = tempfile::tempdir().unwrap();
        let empty = size(dir.path());
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/file"), vec![1; 100_000]).unwrap();
        assert!(size(dir.path()) >= empty + 100_000);
        assert_eq!(mib(1024 * 1024 + 1), 2);
    }
}

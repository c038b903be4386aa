// SPDX-License-Identifier: GPL-2.0

//! Free disk space, asked for before a heavy step rather than found out in the
//! middle of it.

use std::path::Path;

use anyhow::{bail, Context, Result};

/// Bytes in a mebibyte.
const MIB: u64 = 1024 * 1024;

/// Refuses unless the file system of `dir` has `need` MiB free.
///
/// # Errors
///
/// Names what the space is for, where, how much is needed and how much there is.
pub(crate) fn require(what: &str, dir: &Path, need: u64) -> Result<()> {
    let stat = rustix::fs::statvfs(dir).with_context(|| format!("cannot look at {dir:?}"))?;
    verdict(
        what,
        dir,
        need,
        stat.f_bavail.saturating_mul(stat.f_frsize) / MIB,
    )
}

/// The decision, apart from the system call.
fn verdict(what: &str, dir: &Path, need: u64, have: u64) -> Result<()> {
    if have < need {
        bail!(
            "no space for {what}: it needs {need} MiB in {}, and {have} MiB are free. \
             Free some (`cargo xtask clean` removes what xtask keeps), or set XDG_CACHE_HOME \
             to a directory on a larger disk.",
            dir.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_names_need_have_place_and_way_out() {
        let text = verdict("the kernel", Path::new("/c"), 100, 99)
            .unwrap_err()
            .to_string();
        for part in ["the kernel", "100 MiB", "99 MiB", "/c", "XDG_CACHE_HOME"] {
            assert!(text.contains(part), "{part:?} is missing in {text:?}");
        }
    }

    #[test]
    fn enough_is_enough() {
        verdict("x", Path::new("/c"), 100, 100).unwrap();
        require("x", Path::new("/"), 0).unwrap();
        assert!(require("x", Path::new("/"), u64::MAX).is_err());
    }
}

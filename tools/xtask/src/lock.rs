// SPDX-License-Identifier: GPL-2.0

//! Locks between xtasks that work on the same files.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Result};
use fs4::fs_std::FileExt;

use crate::ui;

/// A lock file, held until it is dropped. The kernel lets go of it when its holder dies, however
/// that comes.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock file `path`, which stands for `what`; waits for another holder, and says who
    /// that is.
    ///
    /// # Errors
    ///
    /// Where there can be no such file.
    pub(crate) fn take(path: &Path, what: &str) -> Result<Self> {
        let mut file = open(path)?;
        if !FileExt::try_lock_exclusive(&file)? {
            ui::say(&format!(
                "{what}: in use by {}; waiting for it",
                holder(&mut file)
            ));
            FileExt::lock_exclusive(&file)?;
        }
        sign(&mut file).with_context(|| format!("cannot write {path:?}"))?;
        Ok(Self { _file: file })
    }

    /// Takes the lock file `path`, which nobody holds for long.
    ///
    /// # Errors
    ///
    /// Where there can be no such file.
    pub(crate) fn take_shortly(path: &Path) -> Result<Self> {
        let file = open(path)?;
        FileExt::lock_exclusive(&file)?;
        Ok(Self { _file: file })
    }

    /// Takes the lock file `path` if nobody holds it.
    ///
    /// # Errors
    ///
    /// Where there can be no such file.
    pub(crate) fn take_if_free(path: &Path) -> Result<Option<Self>> {
        let mut file = open(path)?;
        if !FileExt::try_lock_exclusive(&file)? {
            return Ok(None);
        }
        sign(&mut file).with_context(|| format!("cannot write {path:?}"))?;
        Ok(Some(Self { _file: file }))
    }
}

fn open(path: &Path) -> Result<File> {
    File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .with_context(|| format!("cannot open {path:?}"))
}

/// Writes who holds a lock file now.
fn sign(file: &mut File) -> std::io::Result<()> {
    let command: Vec<_> = std::env::args().collect();
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(
        file,
        "process {}: {}",
        std::process::id(),
        command.join(" ")
    )
}

/// Who wrote that it holds the lock file. For people only: it is the lock that counts.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(1..) => text.trim_end().to_owned(),
        // It has the lock and has not said so yet.
        Ok(0) | Err(_) => "another xtask".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn holder_is_named_and_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = Lock::take(&path, "the test").unwrap();
        assert!(Lock::take_if_free(&path).unwrap().is_none());
        let name = holder(&mut open(&path).unwrap());
        let start = format!("process {}: ", std::process::id());
        assert!(name.starts_with(&start), "{name}");
        assert!(name.contains("xtask"), "{name}");

        let (taken, others) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _second = Lock::take(&path, "the test").unwrap();
                taken.send(()).unwrap();
            });
            assert!(others.try_recv().is_err());
            drop(held);
            others.recv().unwrap();
        });
        assert!(Lock::take_if_free(&path).unwrap().is_some());
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Programs of the kernel's own selftests, compiled from its source for the tests here.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cache::{self, Key};
use crate::cmd::Workshop;
use crate::module::hash_tree;
use crate::ui::Step;

/// Runs in the root, in the directory of the list.
const SCRIPT: &str = include_str!("selftests.sh");

/// Compiles what `tests/selftests/programs` lists from the kernel tree `tree`; the
/// directory of the objects.
///
/// # Errors
///
/// If the root or the tree lacks something that all of them need.
pub(crate) fn build(workshop: &Workshop, tree: &Path) -> Result<PathBuf> {
    let tests = workshop.repo.join("tests");
    let sources = tests.join("selftests");
    let out = workshop.target("selftests")?;
    let _lock = cache::lock(
        &out.with_extension("lock"),
        "on the programs of the kernel's selftests",
    )?;
    let key = Key::new("1")
        .with("root", workshop.root.key().as_bytes())
        .with("script", SCRIPT.as_bytes())
        .with("tree", tree.as_os_str().as_encoded_bytes());
    let key = hash_tree(key, &sources, "selftests")?;
    let key = ["frame.h", "classifier.h"]
        .into_iter()
        .try_fold(key, |key, name| {
            hash_tree(key, &tests.join("bpf").join(name), name)
        });
    let key = key?.finish();
    let stamp = out.join("xtask.stamp");
    if fs::read_to_string(&stamp).is_ok_and(|old| old == key) {
        return Ok(out);
    }
    let step = Step::start(
        "Compiling programs of the kernel's selftests",
        "",
        &workshop.target("logs")?.join("selftests.log"),
    )?;
    // Objects of programs that are gone must not be found by a test.
    for item in fs::read_dir(&out)? {
        fs::remove_file(item?.path())?;
    }
    let (to, from) = (out.to_string_lossy(), tree.to_string_lossy());
    let argv = ["sh", "-c", SCRIPT, "selftests", &to, &from];
    step.run(
        workshop
            .root
            .enter()
            .ro(&workshop.repo)
            .ro(tree)
            .rw(&out)
            .cwd(&sources)
            .command(argv),
    )?;
    fs::write(&stamp, key)?;
    step.done();
    Ok(out)
}

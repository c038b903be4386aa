// SPDX-License-Identifier: GPL-2.0

//! Programs of the kernel's own selftests, compiled from its source for the tests here.

use std::path::Path;

use anyhow::Result;

use crate::cache::Key;
use crate::module::{hash_tree, Built, Objects};
use crate::workshop::Workshop;

/// Runs in the root, in the directory of the list.
const SCRIPT: &str = include_str!("selftests.sh");

/// Compiles what `tests/selftests/programs` lists from the kernel tree `tree`; the
/// directory of the objects.
///
/// # Errors
///
/// If the root or the tree lacks something that all of them need.
pub(crate) fn build(workshop: &Workshop, tree: &Path) -> Result<Built> {
    let tests = workshop.repo.join("tests");
    let sources = tests.join("selftests");
    let key = Key::new("1")
        .with("script", SCRIPT.as_bytes())
        .with("tree", tree.as_os_str().as_encoded_bytes());
    let key = hash_tree(key, &sources, "selftests")?;
    let key = ["frame.h", "classifier.h"]
        .into_iter()
        .try_fold(key, |key, name| {
            hash_tree(key, &tests.join("bpf").join(name), name)
        });
    Objects {
        name: "selftests",
        what: "programs of the kernel's selftests",
        sources: &sources,
        tree: Some(tree),
        script: SCRIPT,
    }
    .ensure(workshop, key?)
}

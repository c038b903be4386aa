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

/// The kernel's sample of a flow dissector, below the top of a tree.
const SAMPLE_DISSECTOR: &str = "tools/testing/selftests/bpf/progs/bpf_flow.c";

/// Compiles the sample of a flow dissector in the kernel tree `tree`; the directory with `bpf_flow.bpf.o`, which
/// is not there if the tree has no such sample, or another one.
///
/// # Errors
///
/// If the root lacks what starts a compiler.
pub(crate) fn build_dissector(workshop: &Workshop, tree: &Path) -> Result<Built> {
    /// Runs in the root. Headers of the C library ask for the architecture that they are of.
    const SCRIPT: &str = r#"
        clang -O2 -g -target bpf -mcpu=v3 -D__x86_64__ -I/usr/include/x86_64-linux-gnu \
            -c "$2/$SAMPLE" -o "$1/bpf_flow.bpf.o" || rm -f "$1/bpf_flow.bpf.o""#;
    let script = SCRIPT.replace("$SAMPLE", SAMPLE_DISSECTOR);
    let key = Key::new("1")
        .with("script", script.as_bytes())
        .with("tree", tree.as_os_str().as_encoded_bytes());
    Objects {
        name: "sample-dissector",
        what: "the kernel's sample of a flow dissector",
        sources: &workshop.repo,
        tree: Some(tree),
        script: &script,
    }
    .ensure(workshop, key)
}

// SPDX-License-Identifier: GPL-2.0

//! The parsers of `samples/parsers`.

use std::path::Path;

use graph_json::{model::Document, Canonical};
use serde_json::Value;

/// Each with its name and its text.
pub(crate) fn corpus() -> Vec<(String, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/parsers");
    let mut all: Vec<_> = std::fs::read_dir(dir)
        .expect("the samples")
        .map(|entry| entry.expect("a sample").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy();
            let text = std::fs::read_to_string(&path).expect("a text");
            (name.into_owned(), text)
        })
        .collect();
    all.sort();
    assert!(!all.is_empty());
    all
}

/// What a text makes.
pub(crate) fn built(name: &str, text: &str) -> Canonical {
    Canonical::from_json(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A document as a value.
#[allow(dead_code, reason = "Not all tests want it.")]
pub(crate) fn to_json(document: &Document) -> Value {
    serde_json::to_value(document).expect("a value")
}

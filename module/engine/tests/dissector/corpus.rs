// SPDX-License-Identifier: GPL-2.0

//! The graphs that the project comes with.

use std::path::{Path, PathBuf};

use graph_json::Canonical;

/// The file of the graph with a name. This is a module of crates in several places.
pub(crate) fn sample(name: &str) -> PathBuf {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let samples =
        folders.find_map(|folder| Some(folder.join("samples/parsers")).filter(|it| it.is_dir()));
    samples.expect("samples").join(name).with_extension("json")
}

/// All of them, each with its name.
pub(crate) fn corpus() -> Vec<(String, Canonical)> {
    let any = sample("any");
    let files = any.parent().expect("a folder").read_dir();
    let files = files.expect("a folder that can be read");
    let mut graphs: Vec<_> = files
        .map(|file| file.expect("a file").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy();
            let text = std::fs::read_to_string(&path).expect("text");
            let canonical = Canonical::from_json(&text);
            let canonical = canonical.unwrap_or_else(|error| panic!("{name}: {error}"));
            (name.into_owned(), canonical)
        })
        .collect();
    graphs.sort_by(|(a, _), (b, _)| a.cmp(b));
    assert!(!graphs.is_empty());
    graphs
}

// SPDX-License-Identifier: GPL-2.0

//! Which way imports go in the module: no cycle among the files of a crate, no folder that uses
//! one which is to use it, no crate that uses what it is to know nothing of. And no file that is in no
//! crate, there and among the tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;

use super::imports::{Arrows, Crate};
use crate::cargo;

/// The crates whose files import one way, those of the module among them: the root file, and the
/// folders in order, each of which may use those behind it and none before it.
const CRATES: &[(&str, &[&str])] = &[
    ("module/device/lib.rs", &[]),
    ("module/driver/lib.rs", &["control", "path", "port"]),
    ("module/engine/src/lib.rs", &[]),
    ("module/graph/src/lib.rs", &[]),
    ("module/net/lib.rs", &[]),
    ("module/offload/lib.rs", &[]),
    ("module/engine/peers/benches/exec/main.rs", &[]),
    ("module/engine/peers/benches/transmit/main.rs", &[]),
    ("tests/src/lib.rs", &[]),
    ("tools/offloadctl/src/main.rs", &[]),
    ("tools/xtask/src/main.rs", &[]),
    ("uapi/src/lib.rs", &[]),
];

/// What of another crate a crate may use: its root file, the other one's name, and the modules of
/// that. What a crate can name at all is in Kbuild.
const LIMITS: &[(&str, &str, &[&str])] = &[
    // A card knows no net device, no ethtool, no devlink, no `bpf()`.
    (
        "module/device/lib.rs",
        "net",
        &[
            "digest", "handover", "machine", "napi", "rcu", "ring", "skbuff", "stats", "sync",
        ],
    ),
    // The engine is pure functions, which run anywhere.
    ("module/engine/src/lib.rs", "kernel", &[]),
    ("module/engine/src/lib.rs", "net", &[]),
    // A graph is data.
    ("module/graph/src/lib.rs", "kernel", &[]),
];

/// What is wrong with the crates of the module and of the tests, one text for each finding.
///
/// # Errors
///
/// Where a file can't be read, or is no Rust.
pub(crate) fn breaches(repo: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for &(root, order) in CRATES {
        found.extend(check(&repo.join(root), order)?);
    }
    for &(root, name, modules) in LIMITS {
        found.extend(beyond(&repo.join(root), name, modules)?);
    }
    // A test that no program has would never be missed.
    let crates = cargo::roots(repo)?;
    let crates = crates.iter().map(|root| Crate::read(root));
    let crates = crates.collect::<Result<Vec<_>>>()?;
    let files = crates.iter().flat_map(Crate::files).collect();
    found.extend(unreached(&repo.join("tests"), &files)?);
    Ok(found)
}

/// What is wrong with the crate whose root file is `root`.
///
/// # Errors
///
/// Where a file can't be read, or is no Rust.
pub(crate) fn check(root: &Path, order: &[&str]) -> Result<Vec<String>> {
    let dir = root.parent().context("a file has a directory")?;
    let read = Crate::read(root)?;
    let arrows = read.arrows();
    let mut found = unreached(dir, &read.files().collect())?;
    found.extend(cycles(dir, &arrows));
    found.extend(uphill(dir, &arrows, order));
    // A rule about nothing is a folder that was renamed.
    for name in order {
        if !dir.join(name).is_dir() {
            found.push(format!(
                "{}: has no folder {name}, which the order of its folders names",
                dir.display()
            ));
        }
    }
    Ok(found)
}

/// The files that belong to the crate by their place, and not by a `mod`.
fn unreached(dir: &Path, files: &BTreeSet<&Path>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for item in std::fs::read_dir(dir)? {
        let path = item?.path();
        // Cargo's other roots.
        if path.is_dir() && !path.ends_with("bin") {
            found.extend(unreached(&path, files)?);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("bindings_generated.rs")
            && !files.contains(&*path)
        {
            found.push(format!("{}: no `mod` names this file", path.display()));
        }
    }
    Ok(found)
}

/// A text for each cycle, with all arrows between the files that are in it.
fn cycles(dir: &Path, arrows: &Arrows) -> Vec<String> {
    let mut graph = DiGraph::new();
    let mut nodes = BTreeMap::new();
    for (from, to) in arrows.keys() {
        for file in [from, to] {
            nodes
                .entry(file)
                .or_insert_with(|| graph.add_node(file.clone()));
        }
        graph.add_edge(nodes[from], nodes[to], ());
    }
    let mut found = Vec::new();
    for component in tarjan_scc(&graph) {
        let files: BTreeSet<&PathBuf> = component.iter().map(|&node| &graph[node]).collect();
        if files.len() < 2 {
            continue;
        }
        let mut text = format!(
            "{}: imports of {} files go round:",
            dir.display(),
            files.len()
        );
        for ((from, to), names) in arrows {
            if files.contains(from) && files.contains(to) {
                let _ = write!(text, "\n    {}", arrow(dir, from, to, names));
            }
        }
        found.push(text);
    }
    found
}

/// A text for each arrow against the order.
fn uphill(dir: &Path, arrows: &Arrows, order: &[&str]) -> Vec<String> {
    let layer = |file: &Path| {
        let inside = file.strip_prefix(dir).unwrap_or(file);
        let first = inside.components().next()?;
        let name = Path::new(&first).with_extension("");
        order.iter().position(|layer| Path::new(layer) == name)
    };
    let mut found = Vec::new();
    for ((from, to), names) in arrows {
        if let (Some(lower), Some(upper)) = (layer(from), layer(to)) {
            if upper < lower {
                found.push(format!(
                    "{}: {} is not to use {}: {}",
                    dir.display(),
                    order[lower],
                    order[upper],
                    arrow(dir, from, to, names)
                ));
            }
        }
    }
    found
}

/// What the crate whose root file is `root` uses of crate `name` that is not in `modules`; and what
/// of these it does not use, which is a limit that nobody keeps true.
fn beyond(root: &Path, name: &str, modules: &[&str]) -> Result<Vec<String>> {
    let read = Crate::read(root)?;
    let uses = read.uses_of(name);
    let mut found = Vec::new();
    for (file, used) in &uses {
        if !used.is_some_and(|used| modules.contains(&used)) {
            found.push(format!(
                "{}: is not to use {name}{}{}",
                file.display(),
                if used.is_some() { "::" } else { "" },
                used.unwrap_or_default()
            ));
        }
    }
    for module in modules {
        if !uses.iter().any(|(_, used)| *used == Some(module)) {
            found.push(format!(
                "{}: may use {name}::{module}, and does not",
                root.display()
            ));
        }
    }
    Ok(found)
}

/// An arrow, for people.
fn arrow(dir: &Path, from: &Path, to: &Path, names: &BTreeSet<String>) -> String {
    let inside = |file: &Path| file.strip_prefix(dir).unwrap_or(file).display().to_string();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    format!("{} -> {}: {}", inside(from), inside(to), names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in a crate of these files.
    fn found(files: &[(&str, &str)], order: &[&str]) -> String {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let found = check(&dir.path().join("lib.rs"), order).unwrap();
        found.join("\n")
    }

    #[test]
    fn cycle_is_shown_with_what_is_imported() {
        let found = found(
            &[
                ("lib.rs", "mod a; mod b; mod c; use a::A;"),
                ("a.rs", "use crate::b::B; pub struct A; fn f(_: B) {}"),
                ("b.rs", "pub struct B; fn f() { super::c::g() }"),
                ("c.rs", "pub fn g() { let _ = crate::a::A; }"),
            ],
            &[],
        );
        for arrow in ["a.rs -> b.rs: B", "b.rs -> c.rs: g", "c.rs -> a.rs: A"] {
            assert!(found.contains(arrow), "{found}");
        }
        assert!(
            found.contains("3 files") && !found.contains("lib.rs"),
            "{found}"
        );
    }

    #[test]
    fn arrow_against_the_order_is_shown_and_one_with_it_is_not() {
        let files = [
            ("lib.rs", "mod control; mod port;"),
            (
                "control/mod.rs",
                "use crate::port::Port; pub struct Command(Port);",
            ),
            ("port.rs", "mod queue; pub struct Port;"),
            ("port/queue.rs", "use crate::control::Command;"),
        ];
        let down = "control/mod.rs -> port.rs";
        let up = "port/queue.rs -> control/mod.rs: Command";
        let found_ordered = found(&files, &["control", "port"]);
        assert!(found_ordered.contains(up), "{found_ordered}");
        assert!(!found_ordered.contains(down), "{found_ordered}");
        let found_otherwise = found(&files, &["port", "control"]);
        assert!(found_otherwise.contains(down), "{found_otherwise}");
        assert_eq!(found(&files, &[]).lines().count(), 0);
    }

    #[test]
    fn use_beyond_the_limit_is_shown_and_a_limit_that_is_too_wide() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("lib.rs");
        std::fs::write(&root, "use net::{netdev::Rtnl, rcu}; use net as n;").unwrap();
        let found = beyond(&root, "net", &["rcu", "ring"]).unwrap();
        let ends = [
            "use net",
            "use net::netdev",
            "may use net::ring, and does not",
        ];
        assert_eq!(found.len(), ends.len(), "{found:?}");
        for (text, end) in found.iter().zip(ends) {
            assert!(text.ends_with(end), "{text}");
        }
        assert!(beyond(&root, "engine", &[]).unwrap().is_empty());
    }

    #[test]
    fn order_of_what_is_not_there_is_a_mistake() {
        let found = found(&[("lib.rs", "")], &["control"]);
        assert!(found.contains("has no folder control"), "{found}");
    }

    #[test]
    fn file_that_nobody_names_is_shown() {
        let files = [("lib.rs", "mod a;"), ("a.rs", ""), ("a/lost.rs", "")];
        let found = found(&files, &[]);
        assert!(found.contains("a/lost.rs: no `mod`"), "{found}");
        assert_eq!(found.lines().count(), 1, "{found}");
    }

    #[test]
    fn crates_of_the_module_are_in_order() {
        let found = breaches(&crate::workshop::repo().unwrap()).unwrap();
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Draws a graph, for Graphviz.

use std::fmt::Write as _;

use parse_graph::{Graph, Target};

use crate::names::Names;
use crate::picture::{shapes, Notes, When};
use crate::resolve::{stop, STOPS};

/// `graph` in the language of Graphviz. Edges tell the keys; those of failure are there if they lead to
/// something but `stop_fail`, or `notes` have something to say of them.
pub fn dot(graph: &Graph<'_>, names: &Names, notes: &impl Notes) -> String {
    let mut text = String::from("digraph parser {\n\tnode [shape=box];\n");
    let mut edges = String::new();
    let shapes = shapes(graph, names, notes);
    for (number, shape) in shapes.iter().enumerate() {
        let (name, lines) = (escaped(&shape.name), shape.lines.join("\\n"));
        // A `String` takes all that is written.
        let _ = writeln!(text, "\tn{number} [label=\"{name}\\n{lines}\"];");
        let ways = shape.ways.iter();
        let mut ways: Vec<_> = ways
            .map(|way| (at(way.to), style(way.when), way.keys.join("\\n")))
            .collect();
        ways.sort();
        for (to, style, keys) in ways {
            let comma = if style.is_empty() { "" } else { ", " };
            let _ = writeln!(
                edges,
                "\tn{number} -> {to} [label=\"{keys}\"{comma}{style}];"
            );
        }
    }
    let ways = || shapes.iter().flat_map(|shape| &shape.ways);
    for (stop, name) in STOPS {
        if ways().any(|way| way.to == stop) {
            let _ = writeln!(text, "\t{name} [shape=plaintext];");
        }
    }
    text.push_str(&edges);
    text.push_str("}\n");
    text
}

/// How the end of an edge is called.
fn at(target: Target) -> String {
    match stop(target) {
        Some(name) => name.to_owned(),
        None => format!("n{}", target.as_node().unwrap_or_default()),
    }
}

fn style(when: When) -> &'static str {
    match when {
        When::Next => "",
        When::Fail => "color=red",
        When::Limit => "style=dotted",
        When::Stop => "style=dashed",
    }
}

fn escaped(name: &str) -> String {
    name.replace('\\', "\\\\").replace('"', "\\\"")
}

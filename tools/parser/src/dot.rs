// SPDX-License-Identifier: GPL-2.0

//! Draws a graph, for Graphviz.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use parse_graph::{Graph, Lookup, Node, Target};

use crate::names::Names;
use crate::resolve::STOPS;

/// How many keys stand in a line.
const KEYS_IN_LINE: usize = 4;

/// `graph` in the language of Graphviz. Edges tell the keys; those of failure are there if they lead to
/// something but `stop_fail`.
pub fn dot(graph: &Graph<'_>, names: &Names) -> String {
    let mut text = String::from("digraph parser {\n\tnode [shape=box];\n");
    let mut stops: HashMap<Target, &str> = HashMap::new();
    let mut edges = String::new();
    for (number, node) in graph.nodes().enumerate() {
        let name = names.nodes.get(number).cloned();
        let name = name.unwrap_or_else(|| format!("node-{number}"));
        // A `String` takes all that is written.
        let _ = writeln!(text, "\tn{number} [label=\"{}\"];", label(&name, &node));
        let mut lines = Edges::default();
        lines.add(graph, &node.next, "");
        if node.has(Node::COUNTED) {
            lines.add(graph, &node.at_limit, "style=dotted");
        }
        if node.fail != Target::FAIL {
            lines
                .0
                .entry((at(node.fail), "color=red"))
                .or_default()
                .push("fail".to_owned());
        }
        for ((target, style), keys) in lines.0 {
            if let Some((stop, name)) = STOPS.iter().find(|(stop, _)| at(*stop) == target) {
                stops.insert(*stop, name);
            }
            let keys: Vec<_> = keys
                .chunks(KEYS_IN_LINE)
                .map(|keys| keys.join(" "))
                .collect();
            let (keys, comma) = (keys.join("\\n"), if style.is_empty() { "" } else { ", " });
            let _ = writeln!(
                edges,
                "\tn{number} -> {target} [label=\"{keys}\"{comma}{style}];"
            );
        }
    }
    for (stop, name) in STOPS {
        if stops.contains_key(&stop) {
            let _ = writeln!(text, "\t{name} [shape=plaintext];");
        }
    }
    text.push_str(&edges);
    text.push_str("}\n");
    text
}

/// How the end of an edge is called.
fn at(target: Target) -> String {
    let stop = STOPS.iter().find(|(stop, _)| *stop == target);
    match (stop, target.as_node()) {
        (Some((_, name)), _) => (*name).to_owned(),
        (None, node) => format!("n{}", node.unwrap_or_default()),
    }
}

/// What stands in a node: its name, and how long its header is.
fn label(name: &str, node: &Node) -> String {
    let name = name.replace('\\', "\\\\").replace('"', "\\\"");
    let length = &node.length;
    let length = if node.has(Node::OVERLAY) {
        "overlay".to_owned()
    } else if length.piece.is_none() {
        format!("{} bytes", length.add)
    } else {
        format!("{} bytes and more", node.min_len)
    };
    let counted = if node.has(Node::COUNTED) {
        ", counted"
    } else {
        ""
    };
    format!("{name}\\n{length}{counted}")
}

/// The edges of a node: for each end and style, the keys.
#[derive(Default)]
struct Edges(BTreeMap<(String, &'static str), Vec<String>>);

impl Edges {
    fn add(&mut self, graph: &Graph<'_>, lookup: &Lookup, style: &'static str) {
        for entry in graph.entries(lookup.entries) {
            let keys = self.0.entry((at(entry.target), style)).or_default();
            keys.push(format!("{:#x}", entry.key));
        }
        let word = match (style.is_empty(), lookup.entries.count) {
            (true, 0) => "",
            (true, _) => "else",
            (false, _) => "limit",
        };
        let keys = self.0.entry((at(lookup.default), style)).or_default();
        keys.push(word.to_owned());
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What there is to draw of a graph: boxes, and which keys lead from one to the other.

use std::collections::HashSet;

use parse_graph::{Graph, Lookup, Node, Target};

use crate::names::Names;

/// How many keys stand in a line.
const KEYS_IN_LINE: usize = 4;

/// What a drawing tells beside what the graph says.
pub trait Notes {
    /// What stands in node number `node`.
    fn node(&self, node: u16) -> Option<String>;

    /// What stands at the edge from node `from` to `to`, once, if several are drawn.
    fn edge(&self, from: u16, to: Target) -> Option<String>;
}

/// Nothing.
impl Notes for () {
    fn node(&self, _: u16) -> Option<String> {
        None
    }

    fn edge(&self, _: u16, _: Target) -> Option<String> {
        None
    }
}

/// When a way is taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum When {
    /// The header is as it should be.
    Next,
    /// It is not.
    Fail,
    /// No more headers are counted.
    Limit,
    /// A condition of the caller's stops the parser.
    Stop,
}

/// A way out of a node.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) to: Target,
    pub(crate) when: When,
    /// By which keys: one text for each line.
    pub(crate) keys: Vec<String>,
}

/// A node.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) name: String,
    /// How long its header is, and what else there is to say of it: one text for each line.
    pub(crate) lines: Vec<String>,
    /// In the order of their first keys.
    pub(crate) ways: Vec<Way>,
}

/// The nodes of `graph`, by their numbers, with `notes`. Ways that are none without, of failure and of
/// conditions that stop a parser, are if they have one.
pub(crate) fn shapes(graph: &Graph<'_>, names: &Names, notes: &impl Notes) -> Vec<Shape> {
    (0..)
        .zip(graph.nodes())
        .map(|(number, node)| {
            let mut lines = vec![length(&node)];
            lines.extend(notes.node(number));
            Shape {
                name: names.node(number),
                lines,
                ways: ways(graph, &node, |to| notes.edge(number, to)),
            }
        })
        .collect()
}

fn length(node: &Node) -> String {
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
    length + counted
}

/// Those of failure are among them if they lead to something but `stop_fail`, or have a note.
fn ways(graph: &Graph<'_>, node: &Node, note: impl Fn(Target) -> Option<String>) -> Vec<Way> {
    let mut ways = Vec::new();
    look_up(&mut ways, graph, &node.next, When::Next);
    if node.has(Node::COUNTED) {
        look_up(&mut ways, graph, &node.at_limit, When::Limit);
    }
    if node.fail != Target::FAIL {
        add(&mut ways, node.fail, When::Fail, "fail".to_owned());
    }
    for way in &mut ways {
        let lines = way.keys.chunks(KEYS_IN_LINE);
        way.keys = lines.map(|keys| keys.join(" ")).collect();
    }
    for (to, when) in [(Target::FAIL, When::Fail), (Target::OKAY, When::Stop)] {
        if !ways.iter().any(|way| way.to == to) && note(to).is_some() {
            let keys = Vec::new();
            ways.push(Way { to, when, keys });
        }
    }
    let mut noted = HashSet::new();
    for way in &mut ways {
        if let Some(note) = note(way.to).filter(|_| noted.insert(way.to)) {
            way.keys.retain(|line| !line.is_empty());
            way.keys.push(note);
        }
    }
    ways
}

fn look_up(ways: &mut Vec<Way>, graph: &Graph<'_>, lookup: &Lookup, when: When) {
    for entry in graph.entries(lookup.entries) {
        add(ways, entry.target, when, format!("{:#x}", entry.key));
    }
    let word = match (when, lookup.entries.count) {
        (When::Next, 0) => "",
        (When::Next, _) => "else",
        _ => "limit",
    };
    add(ways, lookup.default, when, word.to_owned());
}

fn add(ways: &mut Vec<Way>, to: Target, when: When, key: String) {
    let mut known = ways.iter_mut();
    match known.find(|way| way.to == to && way.when == when) {
        Some(way) => way.keys.push(key),
        None => ways.push(Way {
            to,
            when,
            keys: vec![key],
        }),
    }
}

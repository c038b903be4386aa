// SPDX-License-Identifier: GPL-2.0

//! Limits of a parser: theirs count every node, ours those that say so.

use std::collections::{HashMap, HashSet};

use parse_graph::limits;

use crate::model::{AtLimit, Document, Entry, ParseNode};
use crate::number::Number;

/// Which nodes lead to which, by their numbers.
pub(super) struct Ways(Vec<Vec<usize>>);

impl Ways {
    /// Those of `document`. Names of nodes that are not there lead nowhere.
    pub(super) fn of(document: &Document) -> Self {
        let names = document.parse_nodes.iter().enumerate();
        let numbers: HashMap<&str, usize> = names
            .map(|(number, node)| (node.name.as_str(), number))
            .collect();
        let ways = document.parse_nodes.iter().map(|node| {
            let names = names_behind(document, node);
            names
                .filter_map(|name| numbers.get(name).copied())
                .collect()
        });
        Self(ways.collect())
    }

    /// All that can be reached from `node`, by one step or more.
    fn behind(&self, node: usize) -> HashSet<usize> {
        let mut found = HashSet::new();
        let mut left = vec![node];
        while let Some(node) = left.pop() {
            let next = self.0.get(node).into_iter().flatten();
            left.extend(next.filter(|next| found.insert(**next)));
        }
        found
    }

    /// Whether a parser can be at `node` more than once.
    pub(super) fn comes_back(&self, node: usize) -> bool {
        self.behind(node).contains(&node)
    }

    /// How many steps the longest way from `root` has; `None` if there is no limit.
    pub(super) fn longest(&self, root: usize) -> Option<u32> {
        let mut nodes = self.behind(root);
        nodes.insert(root);
        if nodes.iter().any(|node| self.comes_back(*node)) {
            return None;
        }
        // Step by step: the last node of the longest way is where the last step ends.
        let (mut steps, mut here) = (0, HashSet::from([root]));
        loop {
            let next = here.iter().filter_map(|node| self.0.get(*node)).flatten();
            here = next.copied().collect();
            if here.is_empty() {
                return Some(steps);
            }
            steps += 1;
        }
    }
}

/// The names of all that `node` leads to.
fn names_behind<'a>(
    document: &'a Document,
    node: &'a ParseNode,
) -> impl Iterator<Item = &'a str> + 'a {
    let next = node.next_proto.as_ref();
    let table = next.and_then(|next| next.table.as_deref());
    let tables = document.proto_tables.iter();
    let tabled = tables
        .filter(move |each| Some(each.name.as_str()) == table)
        .flat_map(|table| &table.ents);
    let inline = next
        .and_then(|next| next.ents.as_ref())
        .into_iter()
        .flatten();
    let entries = tabled
        .chain(inline)
        .filter_map(|entry| entry.node.as_deref());
    let default = next.and_then(|next| next.default.as_deref());
    entries.chain(default).chain(node.next_node.as_deref())
}

/// Has `document` count all nodes but the first, such that a parser takes at most `steps` from one node
/// to the next and fails where it would take another one.
///
/// # Errors
///
/// Ours does not count as far.
pub(super) fn count(document: &mut Document, root: usize, steps: u32) -> Result<(), String> {
    // The first step, which leads away from the root, is not counted.
    let headers = steps.saturating_sub(1);
    if steps == 0 || headers > limits::HEADERS.into() {
        return Err(format!(
            "a parser can take {steps} steps, as it comes back to nodes, and ours counts from 1 to {}: \
             --max-headers says how many",
            limits::HEADERS
        ));
    }
    for parser in &mut document.parsers {
        parser.max_headers = Some(Number(headers));
    }
    let tables: HashMap<String, Vec<Entry>> = document
        .proto_tables
        .iter()
        .map(|table| (table.name.clone(), table.ents.clone()))
        .collect();
    for (number, node) in document.parse_nodes.iter_mut().enumerate() {
        let goes_on = node.next_proto.is_some() || node.next_node.is_some();
        if number == root || !goes_on {
            continue;
        }
        node.counted = true;
        node.at_limit = Some(at_limit(node, &tables));
    }
    Ok(())
}

/// What is behind `node` if there are no more steps: whatever leads to another node fails.
fn at_limit(node: &ParseNode, tables: &HashMap<String, Vec<Entry>>) -> AtLimit {
    let fails = || Some("stop_fail".to_owned());
    let next = node.next_proto.as_ref();
    let default = next.and_then(|next| next.default.clone());
    let stays = default.filter(|default| default == "stop_okay");
    let Some(default) = stays else {
        return AtLimit {
            comment: None,
            table: None,
            ents: None,
            default: fails(),
        };
    };
    let inline = next.and_then(|next| next.ents.as_ref());
    let tabled = next.and_then(|next| tables.get(next.table.as_ref()?));
    let entries = inline.or(tabled).into_iter().flatten();
    let ents = entries.map(|entry| Entry {
        node: None,
        target: fails(),
        ..entry.clone()
    });
    AtLimit {
        comment: None,
        table: None,
        ents: Some(ents.collect()),
        default: Some(default),
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What things of a graph are called.

use parse_graph::{Range, Target};
use serde::{Deserialize, Serialize};

use crate::resolve::stop;

/// The name of a table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Table {
    /// Number of its first entry.
    start: u16,
    /// How many entries it has.
    count: u16,
    /// Its name.
    name: String,
}

impl Table {
    pub(crate) fn new(name: &str, entries: Range) -> Self {
        let Range { start, count } = entries;
        let name = name.to_owned();
        Self { start, count, name }
    }

    /// Its entries.
    pub fn entries(&self) -> Range {
        let Self { start, count, .. } = *self;
        Range { start, count }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// What things of a graph are called. The canonical form does not tell it, and the digest does not
/// depend on it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Names {
    /// The parser.
    pub parser: String,
    /// The nodes, by their numbers.
    pub nodes: Vec<String>,
    /// Those tables that have a name.
    pub tables: Vec<Table>,
}

impl Names {
    /// The name of node number `node`.
    pub fn node(&self, node: u16) -> String {
        let name = self.nodes.get(usize::from(node)).cloned();
        name.unwrap_or_else(|| format!("node-{node}"))
    }

    /// The name of what a target leads to, as documents have it.
    pub fn target(&self, target: Target) -> String {
        match (stop(target), target.as_node()) {
            (None, Some(node)) => self.node(node),
            (stop, _) => stop.unwrap_or_default().to_owned(),
        }
    }
}

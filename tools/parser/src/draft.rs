// SPDX-License-Identifier: GPL-2.0

//! A graph whose names are resolved, before its nodes are numbered: targets are numbers of the nodes as
//! they stand in the JSON.

use parse_graph::{Condition, Entry, Length, Piece, Store, Target, Tlvs};

/// A lookup with its table.
#[derive(Clone, Debug)]
pub(crate) struct Lookup {
    /// What is looked up.
    pub(crate) piece: Piece,
    /// The entries, sorted by key.
    pub(crate) entries: Vec<Entry>,
    /// The name of the table, if it has one.
    pub(crate) table: Option<String>,
    /// Where to if none matches.
    pub(crate) default: Target,
}

impl Lookup {
    /// One that always leads to `default`.
    pub(crate) fn always(default: Target) -> Self {
        Self {
            piece: Piece::NONE,
            entries: Vec::new(),
            table: None,
            default,
        }
    }

    /// Where it can lead.
    fn targets(&self) -> impl Iterator<Item = Target> + '_ {
        let entries = self.entries.iter().map(|entry| entry.target);
        entries.chain([self.default])
    }
}

/// An optional field with what it tells.
#[derive(Clone, Debug)]
pub(crate) struct Optional {
    pub(crate) flags: u32,
    pub(crate) length: u16,
    pub(crate) stores: Vec<Store>,
}

/// A list of options with its entries.
#[derive(Clone, Debug)]
pub(crate) struct List {
    /// All but the entries.
    pub(crate) tlvs: Tlvs,
    /// Types and what they tell, sorted by type.
    pub(crate) entries: Vec<(u32, Vec<Store>)>,
}

/// A node with all that it uses.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) min_len: u16,
    pub(crate) flags: u16,
    pub(crate) stop_before: u16,
    pub(crate) stop_if: u16,
    pub(crate) stop_unless: u16,
    pub(crate) fail: Target,
    pub(crate) length: Length,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) stores: Vec<Store>,
    pub(crate) present: Piece,
    pub(crate) optional: Vec<Optional>,
    pub(crate) tlvs: Option<List>,
    pub(crate) next: Lookup,
    pub(crate) at_limit: Lookup,
}

impl Node {
    /// Whether it takes one of the parser's headers.
    pub(crate) fn is_counted(&self) -> bool {
        self.flags & parse_graph::Node::COUNTED != 0
    }

    /// The nodes that it leads to, in the order by which nodes are numbered.
    pub(crate) fn children(&self) -> impl Iterator<Item = usize> + '_ {
        as_nodes(self.next.targets().chain(self.others()))
    }

    /// The nodes that it leads to without counting.
    pub(crate) fn uncounted(&self) -> impl Iterator<Item = usize> + '_ {
        let next = (!self.is_counted()).then(|| self.next.targets());
        as_nodes(next.into_iter().flatten().chain(self.others()))
    }

    /// Where it leads but by `next`.
    fn others(&self) -> impl Iterator<Item = Target> + '_ {
        self.at_limit.targets().chain([self.fail])
    }
}

fn as_nodes(targets: impl Iterator<Item = Target>) -> impl Iterator<Item = usize> {
    targets.filter_map(|target| target.as_node().map(usize::from))
}

/// A graph.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// Name of the parser.
    pub(crate) parser: String,
    /// How many headers are counted.
    pub(crate) max_headers: u8,
    /// The node that a parser begins with.
    pub(crate) root: usize,
    /// All nodes, as they stand in the JSON.
    pub(crate) nodes: Vec<Node>,
}

// SPDX-License-Identifier: GPL-2.0

//! Resolves the names of a document, and checks all that it says by itself.

mod header;
mod number;
mod target;

use std::collections::HashMap;

use parse_graph::{limits, Node, Piece, Target};

use crate::draft::{self, Draft, Lookup};
use crate::error::{Error, Path};
use crate::model::{Document, ParseNode};
use crate::words::{AsWord, Stop};

pub(crate) use target::{byte_swapped, stop, STOPS};

/// How many headers are counted if the parser does not say: as many as the kernel's own dissector does.
pub(crate) const MAX_HEADERS: u32 = 15;

/// The names of a document.
struct Scope<'a> {
    document: &'a Document,
    /// Numbers of nodes.
    nodes: HashMap<&'a str, u16>,
    /// Numbers of tables.
    tables: HashMap<&'a str, usize>,
    root: u16,
}

/// What `document` says.
pub(crate) fn resolve(document: &Document) -> Result<Draft, Error> {
    let all = Path::root();
    let path = all.key("parsers");
    let [parser] = document.parsers.as_slice() else {
        let parsers = document.parsers.len();
        return Err(path.error(format_args!("there is one parser in a file: {parsers}")));
    };
    let path = path.at(0);
    let max_headers = parser.max_headers.map_or(MAX_HEADERS, |number| number.0);
    let limits_path = path.key("max-headers");
    limits_path.at_most("it", limits::HEADERS.into(), max_headers)?;

    let nodes_path = all.key("parse-nodes");
    let count = u32::try_from(document.parse_nodes.len()).unwrap_or(u32::MAX);
    // CAST: The limit is far below 4 GiB.
    nodes_path.at_most("the number of nodes", limits::NODES as u32, count)?;
    let nodes = document.parse_nodes.iter().map(|node| node.name.as_str());
    let nodes = numbers(&nodes_path, nodes)?;
    let tables = document
        .proto_tables
        .iter()
        .map(|table| table.name.as_str());
    let tables = numbers(&all.key("proto-tables"), tables)?;
    let Some(root) = nodes.get(parser.root_node.as_str()).copied() else {
        let what = format_args!("there is no such node: {}", parser.root_node);
        return Err(path.key("root-node").error(what));
    };

    let scope = Scope {
        document,
        // Their number is below the limit.
        nodes: nodes
            .into_iter()
            .filter_map(|(name, node)| Some((name, u16::try_from(node).ok()?)))
            .collect(),
        tables,
        root: u16::try_from(root).unwrap_or(u16::MAX),
    };
    let nodes = document.parse_nodes.iter().enumerate();
    let nodes = nodes.map(|(number, node)| scope.node(&nodes_path.at(number), node));
    Ok(Draft {
        parser: parser.name.clone(),
        // It is below the limit.
        max_headers: u8::try_from(max_headers).unwrap_or(u8::MAX),
        root,
        nodes: nodes.collect::<Result<_, _>>()?,
    })
}

/// Whether something can have this name.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && STOPS.iter().all(|(_, stop)| *stop != name)
}

/// Numbers of what has `names`.
fn numbers<'a>(
    path: &Path,
    names: impl Iterator<Item = &'a str>,
) -> Result<HashMap<&'a str, usize>, Error> {
    let mut numbers = HashMap::new();
    for (number, name) in names.enumerate() {
        let path = path.at(number).key("name");
        if !is_name(name) {
            return Err(path.error(format_args!(
                "a name is not empty, and does not say how a parser stops: \"{name}\""
            )));
        }
        if let Some(first) = numbers.insert(name, number) {
            return Err(path.error(format_args!(
                "this is the name of number {first} as well: {name}"
            )));
        }
    }
    Ok(numbers)
}

impl Scope<'_> {
    fn node(&self, path: &Path, node: &ParseNode) -> Result<draft::Node, Error> {
        let min_len = node.min_hdr_length.map_or(0, |number| number.0);
        let min_len = number::small(
            &path.key("min-hdr-length"),
            "it",
            limits::HEADER_BYTES,
            min_len,
        )?;
        let length = match &node.hdr_length {
            Some(length) => number::length(&path.key("hdr-length"), length, min_len)?,
            None => number::constant(min_len),
        };
        let path_to = |key| path.key(key);
        let fail = match &node.default_fail {
            Some(target) => self.target(&path_to("default-fail"), target)?,
            None => Target::FAIL,
        };
        let conditions = match &node.cond_exprs {
            Some(all) => header::conditions(&path_to("cond-exprs"), all, min_len)?,
            None => Vec::new(),
        };
        let stores = match &node.metadata {
            Some(all) => header::stores(&path_to("metadata"), all, min_len)?,
            None => Vec::new(),
        };
        let (present, optional) = match &node.flag_fields {
            Some(fields) => header::optional(&path_to("flag-fields"), fields, min_len)?,
            None => (Piece::NONE, Vec::new()),
        };
        let tlvs = node.tlvs.as_ref();
        let tlvs = tlvs
            .map(|list| header::list(&path_to("tlvs"), list))
            .transpose()?;
        let next = self.next(path, node, min_len, &stores)?;
        let at_limit = self.at_limit(path, node, &next)?;
        Ok(draft::Node {
            name: node.name.clone(),
            min_len,
            flags: flag(Node::OVERLAY, node.overlay)
                | flag(Node::WHOLE, node.whole)
                | flag(Node::COUNTED, node.counted),
            stop_before: set(&path_to("stop-before-if"), &node.stop_before_if)?,
            stop_if: set(&path_to("stop-if"), &node.stop_if)?,
            stop_unless: set(&path_to("stop-unless"), &node.stop_unless)?,
            fail,
            length,
            conditions,
            stores,
            present,
            optional,
            tlvs,
            next,
            at_limit,
        })
    }

    fn next(
        &self,
        path: &Path,
        node: &ParseNode,
        min_len: u16,
        stores: &[parse_graph::Store],
    ) -> Result<Lookup, Error> {
        match (&node.next_proto, &node.next_node) {
            (Some(_), Some(name)) => Err(path.key("next-node").error(format_args!(
                "a node has this or `next-proto`, not both: {name}"
            ))),
            (Some(next), None) => self.lookup(path, next, min_len, stores),
            (None, Some(name)) => {
                let target = self.target(&path.key("next-node"), name)?;
                Ok(Lookup::always(target))
            }
            (None, None) => Ok(Lookup::always(Target::OKAY)),
        }
    }
}

fn flag(flag: u16, is_set: bool) -> u16 {
    if is_set {
        flag
    } else {
        0
    }
}

/// All of some conditions, each of which is there once.
fn set(path: &Path, conditions: &[AsWord<Stop>]) -> Result<u16, Error> {
    let mut all = 0;
    for (number, AsWord(Stop(bit))) in conditions.iter().enumerate() {
        if all & bit != 0 {
            return Err(path.at(number).error("this condition is there twice"));
        }
        all |= bit;
    }
    Ok(all)
}

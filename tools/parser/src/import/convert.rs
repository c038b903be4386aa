// SPDX-License-Identifier: GPL-2.0

//! What the dialects have in common, which is most: nodes, where they lead, and how far a parser goes.

use std::cell::RefCell;
use std::collections::HashMap;

use parse_graph::{Compare, Field};
use serde_json::Value;

use super::json::{Object, Report};
use super::limits::{count, Ways};
use super::{ByteOrder, Options};
use crate::error::Path;
use crate::model::{
    Document, Entry, From, Metadata, NextProto, ParseNode, Parser, ProtoTable, Store,
};
use crate::number::{Hex, Number};
use crate::resolve::byte_swapped;
use crate::words::AsWord;

/// Why counters are dropped.
pub(super) const COUNTERS: &str =
    "tells which element of an array metadata goes to, and such metadata is refused";

/// Why lists of options are refused.
pub(super) const OPTIONS: &str =
    "a list of options that is malformed ends their parsers and not ours: \
    left out, none ends them";

/// Why callbacks are refused.
pub(super) const CALLBACK: &str = "code in C can't be told by a graph";

/// A word, and a sentence on it.
type Told = (&'static str, &'static str);

/// How a dialect writes things.
pub(super) struct Spelling {
    /// How many steps a parser takes, if it does not say.
    pub(super) max_nodes: u32,
    /// How many encapsulations it enters, if it does not say.
    pub(super) max_encaps: u32,
    /// How many bytes of metadata an entry has that does not say.
    pub(super) metadata_length: Option<u32>,
    /// How comparisons are called.
    pub(super) comparisons: &'static [(&'static str, Compare)],
    /// Whether nodes share lists of metadata, conditions and optional fields.
    pub(super) has_lists: bool,
    /// Whether nodes have `table`, `wildcard-proto-node` and `unknown-proto-ret` themselves.
    pub(super) has_bare_nodes: bool,
    /// What is dropped from the whole, and why.
    pub(super) dropped: &'static [Told],
    /// What is dropped from a parser, and why.
    pub(super) dropped_of_parser: &'static [Told],
    /// What is dropped from a node, and why.
    pub(super) dropped_of_node: &'static [Told],
    /// What nodes can't have, and why.
    pub(super) refused_of_node: &'static [Told],
}

/// The document that says what `value` does, as far as it can be said. All else is in `report`.
pub(super) fn document(
    value: &Value,
    spelling: &'static Spelling,
    options: &Options,
    report: &Report<'_>,
) -> Option<Document> {
    let all = Object::new(value, Path::root(), report)?;
    for (key, why) in spelling.dropped {
        all.drops(key, why);
    }
    let mut lists = Lists::default();
    if spelling.has_lists {
        lists = Lists {
            metadata: named(&all, "metadata-list"),
            conditions: named(&all, "cond-exprs-list"),
            flag_fields: named(&all, "flag-fields-tables"),
            flag_nodes: named(&all, "flag-fields-nodes"),
        };
    }
    let converter = Converter {
        spelling,
        options,
        report,
        lists,
        sizes: RefCell::default(),
    };
    converter.document(&all)
}

/// The objects under `key`, by their names.
fn named<'a>(all: &Object<'a>, key: &'static str) -> HashMap<&'a str, Object<'a>> {
    let mut named = HashMap::new();
    for object in all.objects(key) {
        let name = object.needs_text("name");
        if named.contains_key(name) {
            object.refuse("name", format_args!("is there twice: {name}"));
        }
        named.insert(name, object);
    }
    named
}

/// What nodes refer to by name.
#[derive(Default)]
pub(super) struct Lists<'a> {
    pub(super) metadata: HashMap<&'a str, Object<'a>>,
    pub(super) conditions: HashMap<&'a str, Object<'a>>,
    pub(super) flag_fields: HashMap<&'a str, Object<'a>>,
    pub(super) flag_nodes: HashMap<&'a str, Object<'a>>,
}

/// One document on its way.
pub(super) struct Converter<'a> {
    pub(super) spelling: &'static Spelling,
    pub(super) options: &'a Options,
    pub(super) report: &'a Report<'a>,
    pub(super) lists: Lists<'a>,
    /// The sizes of what is looked up in tables that have a name.
    sizes: RefCell<HashMap<&'a str, u32>>,
}

impl<'a> Converter<'a> {
    fn document(&self, all: &Object<'a>) -> Option<Document> {
        let parsers = all.objects("parsers");
        let [parser] = parsers.as_slice() else {
            all.refuse(
                "parsers",
                format_args!("there is one parser in a file: {}", parsers.len()),
            );
            return None;
        };
        let nodes = all.objects("parse-nodes");
        let parse_nodes: Vec<_> = nodes.iter().map(|node| self.node(node)).collect();
        let tables = all.objects("proto-tables");
        let proto_tables: Vec<_> = tables.iter().map(|table| self.table(table)).collect();
        let root_node = parser.needs_text("root-node");
        let mut document = Document {
            comment: None,
            parsers: vec![Parser {
                comment: None,
                name: parser.needs_text("name").to_owned(),
                root_node: root_node.to_owned(),
                max_headers: None,
            }],
            parse_nodes,
            proto_tables,
        };
        self.targets(&document, &nodes, &tables);
        self.ends(&[parser, all], &document);
        self.swapped(&document, &nodes, &tables);
        self.limits(parser, &nodes, &mut document);
        self.root(&nodes, &mut document);
        for (key, why) in self.spelling.dropped_of_parser {
            parser.drops(key, why);
        }
        for key in ["metameta-size", "frame-size", "num-keys"] {
            parser.drops(key, "tells where metadata lies in a structure in C");
        }
        parser.end();
        all.end();
        Some(document)
    }

    /// Refuses names of nodes and tables that are not there.
    fn targets(&self, document: &Document, nodes: &[Object<'_>], tables: &[Object<'_>]) {
        let is_node = |name: &str| document.parse_nodes.iter().any(|node| node.name == name);
        let entries = |path: &Path, ents: &[Entry]| {
            for (number, entry) in ents.iter().enumerate() {
                let name = entry.node.as_deref().unwrap_or_default();
                if !is_node(name) {
                    let path = path.key("ents").at(number).key("node");
                    self.report
                        .refuse(&path, format_args!("there is no such node: {name}"));
                }
            }
        };
        for (table, object) in document.proto_tables.iter().zip(tables) {
            entries(object.path(), &table.ents);
        }
        for (node, object) in document.parse_nodes.iter().zip(nodes) {
            let next = node.next_proto.as_ref();
            if let Some(ents) = next.and_then(|next| next.ents.as_ref()) {
                entries(&object.at("next-proto"), ents);
            }
            let table = next.and_then(|next| next.table.as_ref());
            let is_there = |name: &&String| document.proto_tables.iter().any(|t| t.name == **name);
            if let Some(name) = table.filter(|name| !is_there(name)) {
                let path = object.at("next-proto").key("table");
                self.report
                    .refuse(&path, format_args!("there is no such table: {name}"));
            }
        }
    }

    /// Refuses keys that look as a little-endian machine reads EtherTypes.
    fn swapped(&self, document: &Document, nodes: &[Object<'_>], tables: &[Object<'_>]) {
        let root = document.parsers.first().map(|parser| &parser.root_node);
        for (node, object) in document.parse_nodes.iter().zip(nodes) {
            let Some(next) = node
                .next_proto
                .as_ref()
                .filter(|_| self.options.keys.is_none())
            else {
                continue;
            };
            if next.field_len != Number(2) || next.mask.is_some() || next.right_shift.is_some() {
                continue;
            }
            let tabled = document.proto_tables.iter().zip(tables);
            let mut tabled = tabled.filter(|(table, _)| Some(&table.name) == next.table.as_ref());
            let tabled = tabled
                .next()
                .map(|(table, object)| (object.path().clone(), &table.ents));
            let inline = next
                .ents
                .as_ref()
                .map(|ents| (object.at("next-proto"), ents));
            let Some((path, ents)) = inline.or(tabled) else {
                continue;
            };
            let keys = ents.iter().enumerate();
            let swapped: Vec<_> = keys
                .filter_map(|(number, entry)| {
                    Some((number, entry.key.0, byte_swapped(entry.key.0)?))
                })
                .collect();
            // A single one may be a port, but not in an Ethernet header.
            if swapped.len() < 2 && Some(&node.name) != root {
                continue;
            }
            for (number, key, swapped) in swapped {
                self.report.refuse(
                    &path.key("ents").at(number).key("key"),
                    format_args!(
                        "seems to be {swapped:#06x} as a little-endian machine reads it: --keys little-endian, \
                         if all keys are written like this: {key:#x}"
                    ),
                );
            }
        }
    }

    /// The root of ours stores the EtherType by which it goes on.
    fn root(&self, nodes: &[Object<'_>], document: &mut Document) {
        let root = document
            .parsers
            .first()
            .map(|parser| parser.root_node.clone());
        let mut all = document.parse_nodes.iter_mut().zip(nodes);
        let Some((node, object)) = all.find(|(node, _)| Some(&node.name) == root.as_ref()) else {
            return;
        };
        let metadata = node.metadata.get_or_insert(Metadata {
            comment: None,
            ents: Vec::new(),
        });
        if metadata
            .ents
            .iter()
            .any(|store| store.field == AsWord(Field::NProto))
        {
            return;
        }
        metadata.ents.push(Store {
            comment: None,
            r#type: From::Extract,
            field: AsWord(Field::NProto),
            hdr_src_off: Some(Number(12)),
            length: None,
            mask: None,
            right_shift: None,
            value: None,
        });
        self.report.warn(
            object.path(),
            "is the root, and stores `n_proto` as each root does",
        );
    }

    /// Nodes at which theirs end: ours go nowhere, so that there may be nothing to do there.
    fn ends(&self, owners: &[&Object<'_>], document: &Document) {
        for owner in owners {
            for key in ["okay-target", "fail-target", "encap-target"] {
                let Some(name) = owner.text(key) else {
                    continue;
                };
                let mut nodes = document.parse_nodes.iter();
                match nodes.find(|node| node.name == name) {
                    None => owner.refuse(key, format_args!("there is no such node: {name}")),
                    Some(node) if node.metadata.is_some() => owner.refuse(
                        key,
                        "what is stored when a parser has ended can't be told by a graph",
                    ),
                    Some(_) => self
                        .report
                        .warn(&owner.at(key), "there is nothing to do at this node"),
                }
            }
        }
    }

    /// How far a parser goes.
    fn limits(&self, parser: &Object<'_>, nodes: &[Object<'_>], document: &mut Document) {
        let said = parser.number("max-nodes");
        let ways = Ways::of(document);
        self.encapsulations(parser, nodes, document, &ways);
        let root = document.parsers.first().map(|parser| &parser.root_node);
        let is_root = |node: &ParseNode| Some(&node.name) == root;
        let Some(root) = document.parse_nodes.iter().position(is_root) else {
            parser.refuse("root-node", "there is no such node");
            return;
        };
        let steps = said.unwrap_or(self.spelling.max_nodes);
        let path = parser.at("max-nodes");
        if let Some(headers) = self.options.max_headers {
            if said.is_some() {
                self.report.warn(&path, "--max-headers is given");
            }
            if let Err(why) = count(document, root, u32::from(headers) + 1) {
                self.report.refuse(&path, why);
            }
        } else if ways.longest(root).is_some_and(|longest| longest <= steps) {
            parser.drops("max-nodes", "no way through the graph is as long");
        } else if let Err(why) = count(document, root, steps) {
            self.report.refuse(&path, why);
        }
    }

    /// Nodes behind which theirs begin another frame of metadata. Ours has one frame, and does not count.
    fn encapsulations(
        &self,
        parser: &Object<'_>,
        nodes: &[Object<'_>],
        document: &Document,
        ways: &Ways,
    ) {
        let has_one_frame = parser.number("max-frames") == Some(0);
        parser.drops("max-frames", "a graph of ours has one frame of metadata");
        let said = parser.number("max-encaps");
        let limit = said.unwrap_or(self.spelling.max_encaps);
        parser.drops("max-encaps", "none is refused for going on beyond it");
        let all: Vec<_> = nodes.iter().filter(|node| node.flag("encap")).collect();
        let parts = |node: &ParseNode| {
            let mut fields = node.flag_fields.iter().flat_map(|fields| &fields.ents);
            fields.any(|field| field.metadata.is_some())
        };
        let stores = |node: &ParseNode| node.metadata.is_some() || parts(node);
        let stores = document.parse_nodes.iter().any(stores);
        let too_many = all.len() > usize::try_from(limit).unwrap_or(usize::MAX);
        for (number, node) in nodes.iter().enumerate() {
            if !node.flag("encap") {
                continue;
            }
            let path = node.at("encap");
            if stores && !has_one_frame {
                self.report.refuse(
                    &path,
                    "a graph of ours has one frame of metadata, and what is behind would be stored over \
                     what is before",
                );
            } else if too_many || ways.comes_back(number) {
                self.report.refuse(
                    &path,
                    format_args!("a graph of ours does not count encapsulations, of which {limit} are the limit"),
                );
            } else {
                self.report.warn(
                    &path,
                    "never reaches the limit, and no metadata depends on it",
                );
            }
        }
    }

    fn node(&self, node: &Object<'a>) -> ParseNode {
        for (key, why) in self.spelling.dropped_of_node {
            node.drops(key, why);
        }
        for (key, why) in self.spelling.refused_of_node {
            node.cannot(key, why);
        }
        node.cannot("handler", CALLBACK);
        let name = node.needs_text("name");
        let (hdr_length, has_parts) = self.hdr_length(node);
        let flag_fields = self.flag_fields(node, name, has_parts);
        let whole = hdr_length.is_some() || flag_fields.is_some();
        // Looked at when all nodes are known.
        node.flag("encap");
        let converted = ParseNode {
            name: name.to_owned(),
            min_hdr_length: node.number("min-hdr-length").map(Number),
            hdr_length,
            overlay: node.flag("overlay"),
            whole,
            cond_exprs: self.cond_exprs(node),
            metadata: self.metadata(node, name),
            flag_fields,
            next_proto: self.next_proto(node),
            next_node: node.text("next-node").map(str::to_owned),
            ..ParseNode::default()
        };
        node.end();
        converted
    }

    fn next_proto(&self, node: &Object<'a>) -> Option<NextProto> {
        let mut bare = (None, None);
        if self.spelling.has_bare_nodes {
            bare = (node.text("table"), node.text("wildcard-proto-node"));
            node.cannot(
                "unknown-proto-ret",
                "the numbers of codes are those of the one program that has them: `default` has words",
            );
        }
        let (table, wildcard) = bare;
        let Some(next) = node.object("next-proto") else {
            if let Some(name) = table.or(wildcard) {
                node.refuse(
                    if table.is_some() {
                        "table"
                    } else {
                        "wildcard-proto-node"
                    },
                    format_args!(
                        "there is no `next-proto` by which it would lead anywhere: {name}"
                    ),
                );
            }
            return None;
        };
        let size = next.needs_number("field-len");
        let (mask, right_shift) = self.bits(&next, size);
        if next.flag("endian-swap") && size > 1 && self.options.keys.is_none() {
            next.refuse(
                "endian-swap",
                "keys may be meant before or behind this: --keys tells in which order their bytes are",
            );
        }
        let table = match (next.text("table"), table) {
            (Some(name), Some(_)) => {
                node.refuse("table", "`next-proto` has a table as well");
                Some(name)
            }
            (name, bare) => name.or(bare),
        };
        if let Some(name) = table {
            let known = *self.sizes.borrow_mut().entry(name).or_insert(size);
            if known != size && self.options.keys == Some(ByteOrder::LittleEndian) {
                next.refuse(
                    "table",
                    format_args!("{size} bytes and {known} are looked up in it, so that its keys have no one order"),
                );
            }
        }
        // The fork writes what it has none of, too.
        let ents = next.objects("ents");
        let ents = (table.is_none() || !ents.is_empty()).then(|| self.entries(&ents, size));
        let converted = NextProto {
            comment: None,
            field_off: Number(next.needs_number("field-off")),
            field_len: Number(size),
            mask,
            right_shift,
            table: table.map(str::to_owned),
            ents,
            default: Some(self.default(&next, wildcard)),
        };
        next.end();
        Some(converted)
    }

    /// What is behind a lookup in which nothing is found.
    fn default(&self, next: &Object<'a>, wildcard: Option<&str>) -> String {
        let word = next.text("default");
        if let Some(name) = next.text("wildcard-node").or(wildcard) {
            if word.is_some_and(|word| word != "wild") {
                self.report.warn(
                    &next.at("default"),
                    "never comes to that: there is a wildcard",
                );
            }
            return name.to_owned();
        }
        // An unknown protocol is a failure with both.
        let Some(word) = word else {
            return "stop_fail".to_owned();
        };
        self.stop(next, "default", word)
    }

    /// How a parser stops.
    pub(super) fn stop(&self, object: &Object<'a>, key: &'static str, word: &str) -> String {
        let stop = match word {
            "stop_okay" | "stop-okay" | "stop_ok" => "stop_okay",
            "stop_fail" | "stop-fail" | "fail" => "stop_fail",
            _ => {
                object.refuse(
                    key,
                    format_args!("a parser of ours stops with `stop_okay` or `stop_fail`: {word}"),
                );
                "stop_fail"
            }
        };
        stop.to_owned()
    }

    fn entries(&self, ents: &[Object<'a>], size: u32) -> Vec<Entry> {
        let entries = ents.iter().map(|entry| {
            let key = entry.needs_number("key");
            let key = self.ordered(entry, "key", self.options.keys, size, key);
            if entry.flag("encap") {
                entry.refuse(
                    "encap",
                    "an encapsulation of a key can't be told by a graph",
                );
            }
            let converted = Entry {
                comment: None,
                name: entry.text("name").map(str::to_owned),
                key: Hex(key),
                node: Some(entry.needs_text("node").to_owned()),
                target: None,
            };
            entry.end();
            converted
        });
        entries.collect()
    }

    fn table(&self, table: &Object<'a>) -> ProtoTable {
        let name = table.needs_text("name");
        // The keys of a table that nothing looks up in have no size.
        let size = self.sizes.borrow().get(name).copied().unwrap_or_default();
        let key = if table.has("entries") {
            "entries"
        } else {
            "ents"
        };
        let converted = ProtoTable {
            comment: None,
            name: name.to_owned(),
            ents: self.entries(&table.objects(key), size),
        };
        table.end();
        converted
    }
}

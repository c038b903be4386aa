// SPDX-License-Identifier: GPL-2.0

//! What the dialects have in common, which is most: nodes, lookups, conditions, optional fields, metadata.

use std::cell::RefCell;
use std::collections::HashMap;

use parse_graph::{Compare, Field, Piece};
use serde_json::Value;

use super::json::{Object, Report};
use super::limits::{count, Ways};
use super::{ByteOrder, Options};
use crate::error::Path;
use crate::model::{
    CondExpr, CondExprs, Document, Entry, FlagField, FlagFields, From, HdrLength, Metadata,
    NextProto, ParseNode, Parser, ProtoTable, Store,
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

const CALLBACK: &str = "code in C can't be told by a graph";

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
    let objects = all.objects(key).into_iter();
    objects
        .map(|object| (object.needs_text("name"), object))
        .collect()
}

/// What nodes refer to by name.
#[derive(Default)]
struct Lists<'a> {
    metadata: HashMap<&'a str, Object<'a>>,
    conditions: HashMap<&'a str, Object<'a>>,
    flag_fields: HashMap<&'a str, Object<'a>>,
    flag_nodes: HashMap<&'a str, Object<'a>>,
}

struct Converter<'a> {
    spelling: &'static Spelling,
    options: &'a Options,
    report: &'a Report<'a>,
    lists: Lists<'a>,
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

    /// How long a header is, and whether its optional fields come on top.
    fn hdr_length(&self, node: &Object<'a>) -> (Option<HdrLength>, bool) {
        let Some(length) = node.object("hdr-length") else {
            return (None, false);
        };
        let has_parts = length.flag("flag-fields-length");
        let swaps = length.flag("endian-swap");
        let has_field = ["field-off", "field-len", "add"]
            .iter()
            .any(|key| length.has(key));
        if has_parts && !has_field {
            length.end();
            return (None, true);
        }
        let size = length.number("field-len");
        if size.is_some_and(|size| size > 1) && !swaps {
            length.refuse(
                "field-len",
                "without `endian-swap` the first byte on the wire would be the lowest of the length, \
                 and it is the highest of ours",
            );
        }
        let (mask, right_shift) = self.bits(&length, size.unwrap_or_default());
        let converted = HdrLength {
            comment: None,
            field_off: length.number("field-off").map(Number),
            field_len: size.map(Number),
            mask,
            right_shift,
            multiplier: length.number("multiplier").map(Number),
            add: length.number("add").map(Number),
        };
        length.end();
        (Some(converted), has_parts)
    }

    /// Mask and shift of a number of `size` bytes.
    fn bits(&self, object: &Object<'a>, size: u32) -> (Option<Hex>, Option<Number>) {
        let key = if object.has("shift") {
            "shift"
        } else {
            "right-shift"
        };
        let (mask, shift) = (object.number("mask"), object.number(key));
        let shift = shift.filter(|shift| *shift != 0);
        let all = u8::try_from(size).map_or(u32::MAX, Piece::all);
        let mask = mask.filter(|mask| *mask != all);
        if size > 1 && (mask.is_some() || shift.is_some()) {
            let key = if mask.is_some() { "mask" } else { key };
            match self.options.masks {
                Some(ByteOrder::Network) => {}
                Some(ByteOrder::LittleEndian) if shift.is_none() => {}
                Some(ByteOrder::LittleEndian) => object.refuse(
                    key,
                    "the bits that are left of bytes in this order lie apart on the wire",
                ),
                None => object.refuse(
                    key,
                    format_args!("does not tell in which order its {size} bytes are: --masks does"),
                ),
            }
        }
        let mask = mask.map(|mask| self.ordered(object, "mask", self.options.masks, size, mask));
        (mask.map(Hex), shift.map(Number))
    }

    /// A number of `size` bytes, in the order of ours.
    fn ordered(
        &self,
        object: &Object<'a>,
        key: &'static str,
        order: Option<ByteOrder>,
        size: u32,
        number: u32,
    ) -> u32 {
        if order != Some(ByteOrder::LittleEndian) {
            return number;
        }
        match (size, u16::try_from(number)) {
            (2, Ok(number)) => number.swap_bytes().into(),
            (2, Err(_)) => {
                object.refuse(key, format_args!("has more than 2 bytes: {number:#x}"));
                number
            }
            (4, _) => number.swap_bytes(),
            _ => number,
        }
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
    fn stop(&self, object: &Object<'a>, key: &'static str, word: &str) -> String {
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

    fn cond_exprs(&self, node: &Object<'a>) -> Option<CondExprs> {
        let all = node.object("cond-exprs")?;
        let mut ents = Vec::new();
        match all.text("list").filter(|_| self.spelling.has_lists) {
            None => self.conditions(&all, &mut ents),
            Some(name) => match self.lists.conditions.get(name) {
                Some(list) => {
                    self.conditions(list, &mut ents);
                    list.end();
                }
                None => all.refuse("list", format_args!("there is no such list: {name}")),
            },
        }
        all.end();
        let comment = None;
        (!ents.is_empty()).then_some(CondExprs { comment, ents })
    }

    /// The conditions of `all`, each of which must hold.
    fn conditions(&self, all: &Object<'a>, found: &mut Vec<CondExpr>) {
        if let Some(word) = all.text("default-fail") {
            if self.stop(all, "default-fail", word) != "stop_fail" {
                all.refuse(
                    "default-fail",
                    "where a condition leads that does not hold, a header of ours that is too short does, too: \
                     `stop_fail`",
                );
            }
        }
        all.text("name");
        if !all.has("ents") {
            found.push(self.condition(all));
            return;
        }
        let parts = all.objects("ents");
        match all.text("type") {
            Some("and") => {}
            _ if parts.len() < 2 => {}
            None => all.refuse("ents", "does not say whether all of them must hold: `type`"),
            Some(word) => all.refuse(
                "type",
                format_args!("all conditions of a node of ours must hold: {word}"),
            ),
        }
        for part in &parts {
            self.conditions(part, found);
            part.end();
        }
    }

    fn condition(&self, leaf: &Object<'a>) -> CondExpr {
        let word = leaf.needs_text("type");
        let mut known = self.spelling.comparisons.iter();
        let compare = known.find(|(each, _)| *each == word);
        if compare.is_none() && !word.is_empty() {
            leaf.refuse(
                "type",
                format_args!("ours does not compare numbers like this: {word}"),
            );
        }
        let compare = compare.map_or(Compare::Equal, |(_, compare)| *compare);
        let size = leaf.needs_number("field-len");
        let is_ordered = !matches!(compare, Compare::Equal | Compare::NotEqual);
        if size > 1 && is_ordered && self.options.keys != Some(ByteOrder::Network) {
            leaf.refuse(
                "type",
                "which of several bytes is the highest is not told: --keys network does",
            );
        }
        let (mask, right_shift) = self.bits(leaf, size);
        let value = leaf.needs_number("value");
        CondExpr {
            comment: None,
            r#type: AsWord(compare),
            field_off: Number(leaf.needs_number("field-off")),
            field_len: Number(size),
            mask,
            right_shift,
            value: Hex(self.ordered(leaf, "value", self.options.keys, size, value)),
        }
    }

    fn flag_fields(&self, node: &Object<'a>, name: &str, has_parts: bool) -> Option<FlagFields> {
        let fields = node.object("flag-fields-parse-node")?;
        let inner = fields.object("hdr-length");
        let has_parts = has_parts
            | inner
                .as_ref()
                .is_some_and(|inner| inner.flag("flag-fields-length"));
        if let Some(inner) = inner {
            inner.end();
        }
        if !has_parts {
            fields.refuse(
                "hdr-length",
                "without `flag-fields-length` optional fields do not make the header longer, as ours do",
            );
        }
        let size = fields.needs_number("flags-length");
        if size > 1 && self.options.masks.is_none() {
            fields.refuse(
                "flags-length",
                format_args!(
                    "in which order the {size} bytes of flags are is not told: --masks does"
                ),
            );
        }
        let ordered = |object: &Object<'a>, key, number| {
            self.ordered(object, key, self.options.masks, size, number)
        };
        let mask = fields.number("flags-mask");
        let mask = mask.map(|mask| Hex(ordered(&fields, "flags-mask", mask)));
        let parts = match fields.text("table").filter(|_| self.spelling.has_lists) {
            None => fields.objects("ents"),
            Some(name) => match self.lists.flag_fields.get(name) {
                Some(table) => {
                    let parts = table.objects("ents");
                    table.end();
                    parts
                }
                None => {
                    fields.refuse("table", format_args!("there is no such table: {name}"));
                    Vec::new()
                }
            },
        };
        let ents: Vec<_> = parts
            .iter()
            .map(|part| {
                part.cannot("handler", CALLBACK);
                let flag = part.needs_number("flag");
                if part.number("mask").is_some_and(|mask| mask != flag) {
                    part.refuse("mask", "of an optional field of ours all flags are set");
                }
                let label = part.text("name");
                let converted = FlagField {
                    comment: None,
                    name: label.map(str::to_owned),
                    flag: Hex(ordered(part, "flag", flag)),
                    field_len: Number(part.needs_number("field-len")),
                    metadata: self.part_metadata(part, label.unwrap_or(name)),
                };
                part.end();
                converted
            })
            .collect();
        // Fields lie in the order of the list: this says how that is sorted.
        if let Some(reverse) = fields.value("flags-reverse-order") {
            let flags: Vec<u32> = ents.iter().map(|field| field.flag.0).collect();
            let sorted = flags.windows(2).all(|two| two[0] < two[1]);
            let reversed = flags.windows(2).all(|two| two[0] > two[1]);
            let fits = match reverse.as_bool() {
                Some(true) => reversed,
                Some(false) => sorted,
                None => false,
            };
            if !fits {
                fields.refuse("flags-reverse-order", "is not how the flags are sorted");
            }
        }
        let converted = FlagFields {
            comment: None,
            flags_offset: Number(fields.needs_number("flags-offset")),
            flags_length: Number(size),
            mask,
            right_shift: None,
            ents,
        };
        fields.end();
        Some(converted)
    }

    /// The metadata of an optional field: its own, or that of the node that it names.
    fn part_metadata(&self, part: &Object<'a>, name: &str) -> Option<Metadata> {
        let own = self.metadata(part, name);
        let Some(node_name) = part.text("node") else {
            return own;
        };
        let Some(node) = self.lists.flag_nodes.get(node_name) else {
            part.refuse("node", format_args!("there is no such node: {node_name}"));
            return own;
        };
        node.cannot("handler", CALLBACK);
        let metadata = self.metadata(node, node_name);
        node.end();
        own.or(metadata)
    }

    fn metadata(&self, owner: &Object<'a>, name: &str) -> Option<Metadata> {
        if owner.value("metadata")?.is_string() {
            owner.refuse("metadata", CALLBACK);
            return None;
        }
        let all = owner.object("metadata")?;
        let entries = match all.text("list").filter(|_| self.spelling.has_lists) {
            None => all.objects("ents"),
            Some(list) => match self.lists.metadata.get(list) {
                Some(list) => {
                    let entries = list.objects("ents");
                    list.end();
                    entries
                }
                None => {
                    all.refuse("list", format_args!("there is no such list: {list}"));
                    Vec::new()
                }
            },
        };
        all.end();
        let stores = entries.iter().filter_map(|entry| self.store(entry, name));
        let (comment, ents) = (None, stores.collect::<Vec<_>>());
        (!ents.is_empty()).then_some(Metadata { comment, ents })
    }

    /// What an entry of metadata of `node` stores.
    fn store(&self, entry: &Object<'a>, node: &str) -> Option<Store> {
        let name = entry.text("name");
        let offset = entry.number("md-off");
        for key in ["index", "struct-off"] {
            entry.cannot(key, "ours has no arrays of metadata");
        }
        let kind = match entry.text("type") {
            Some("extract") => From::Extract,
            Some("constant") => From::Constant,
            Some("offset") => From::Offset,
            None if entry.has("hdr-src-off") => From::Extract,
            None if entry.has("value") => From::Constant,
            other => {
                let other = other.unwrap_or("nothing");
                entry.refuse("type", format_args!("ours stores no such thing: {other}"));
                return None;
            }
        };
        let Some(field) = self.field(node, name, offset) else {
            let name =
                name.map_or_else(|| format!("@{}", offset.unwrap_or_default()), str::to_owned);
            self.report.refuse(
                entry.path(),
                format_args!(
                    "no field of ours is called like this: --field {name}=FIELD tells which it is ({node}/{name}: \
                     in this node alone)"
                ),
            );
            return None;
        };
        let length = entry.number("length").or(self.spelling.metadata_length);
        let source = entry.number("hdr-src-off");
        // These say how the bytes lie in the structure, and a field of ours has one way.
        entry.flag("is-frame");
        entry.flag("endian-swap");
        let mut store = Store {
            comment: None,
            r#type: kind,
            field: AsWord(field),
            hdr_src_off: None,
            length: None,
            mask: None,
            right_shift: None,
            value: None,
        };
        let size = length.unwrap_or_else(|| field.size().into());
        match kind {
            From::Extract => {
                store.hdr_src_off = source.map(Number);
                store.length = (size != u32::from(field.size())).then_some(Number(size));
                (store.mask, store.right_shift) = self.bits(entry, size);
            }
            From::Constant => {
                let value = entry.needs_number("value");
                let value = self.ordered(entry, "value", self.options.keys, size, value);
                store.value = Some(Hex(value));
            }
            From::Offset if source.unwrap_or_default() != 0 => {
                entry.refuse("hdr-src-off", "an offset of ours is that of the header");
            }
            From::Offset => {}
        }
        entry.end();
        Some(store)
    }

    /// Which field of ours their metadata is.
    fn field(&self, node: &str, name: Option<&str>, offset: Option<u32>) -> Option<Field> {
        let at = format!("@{}", offset.unwrap_or_default());
        let names = [name.unwrap_or(&at), &at];
        let given = |wanted: &str| {
            let mut all = self.options.fields.iter();
            all.find(|(known, _)| known == wanted)
                .map(|(_, field)| *field)
        };
        let of_node = names
            .iter()
            .find_map(|name| given(&format!("{node}/{name}")));
        let of_all = || names.iter().find_map(|name| given(name));
        of_node.or_else(of_all).or_else(|| super::field(name?))
    }
}

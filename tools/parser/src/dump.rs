// SPDX-License-Identifier: GPL-2.0

//! Writes a canonical form as JSON that has the same digest.

use std::collections::HashSet;

use parse_graph::{Graph, Length, Lookup, Node, Piece, Range, Source, Target};

use crate::model::{
    AtLimit, Bits, CondExpr, CondExprs, Document, Entry, FlagField, FlagFields, From, HdrLength,
    Metadata, NextProto, ParseNode, Parser, ProtoTable, Store, Tlv, Tlvs,
};
use crate::names::Names;
use crate::number::{Hex, Number};
use crate::resolve::{is_name, stop};
use crate::words::{AsWord, Stop, Word};

/// A document that has the digest of `graph`. What has no name in `names`, or one that something else
/// has too, is called by its number.
pub fn dump(graph: &Graph<'_>, names: &Names) -> Document {
    let count = graph.nodes().len();
    let mut seen: HashSet<&str> = HashSet::new();
    let mut fits = |name| is_name(name) && seen.insert(name);
    let unique = names.nodes.len() == count && names.nodes.iter().all(|name| fits(name));
    let nodes = if unique {
        names.nodes.clone()
    } else {
        (0..count).map(|number| format!("node-{number}")).collect()
    };
    let dumper = Dumper {
        graph,
        nodes,
        tables: tables(graph, names),
    };
    let nodes = graph.nodes().enumerate();
    Document {
        comment: None,
        parsers: vec![Parser {
            comment: None,
            name: names.parser.clone(),
            root_node: dumper.nodes.first().cloned().unwrap_or_default(),
            max_headers: Some(Number(graph.max_headers().into())),
        }],
        parse_nodes: nodes
            .map(|(number, node)| dumper.node(number, &node))
            .collect(),
        proto_tables: dumper.proto_tables(),
    }
}

/// The tables that have a name, or that more than one lookup uses, each with its name.
fn tables(graph: &Graph<'_>, names: &Names) -> Vec<(Range, String)> {
    let mut tables: Vec<(Range, String)> = Vec::new();
    let mut used = HashSet::new();
    for range in graph
        .nodes()
        .flat_map(|node| [node.next.entries, node.at_limit.entries])
    {
        let again = !used.insert((range.start, range.count));
        if range.count == 0 || tables.iter().any(|(known, _)| *known == range) {
            continue;
        }
        let named = names.tables.iter().find(|table| table.entries() == range);
        let name = named.map(|table| table.name().to_owned());
        let is_free = |name: &String| !tables.iter().any(|(_, taken)| taken == name);
        let numbered = || again.then(|| format!("table-{}", range.start));
        if let Some(name) = name.or_else(numbered).filter(is_free) {
            tables.push((range, name));
        }
    }
    tables.sort_by_key(|(range, _)| range.start);
    tables
}

/// `value`, unless it is what is meant where nothing is said.
fn unless<T: PartialEq>(value: T, silent: T) -> Option<T> {
    (value != silent).then_some(value)
}

fn number(value: impl Into<u32>) -> Number {
    Number(value.into())
}

fn mask(piece: &Piece) -> Option<Hex> {
    unless(piece.mask, Piece::all(piece.size)).map(Hex)
}

fn shift(piece: &Piece) -> Option<Number> {
    unless(piece.shift, 0).map(number)
}

fn hdr_length(length: &Length) -> HdrLength {
    let piece = &length.piece;
    if piece.is_none() {
        return HdrLength {
            add: Some(number(length.add)),
            ..HdrLength::default()
        };
    }
    HdrLength {
        comment: None,
        field_off: Some(number(piece.offset)),
        field_len: Some(number(piece.size)),
        mask: mask(piece),
        right_shift: shift(piece),
        multiplier: unless(length.multiplier, 1).map(number),
        add: unless(length.add, 0).map(number),
    }
}

fn conditions(bits: u16) -> Vec<AsWord<Stop>> {
    let all = Stop::words().into_iter();
    all.filter(|(Stop(bit), _)| bits & bit != 0)
        .map(|(stop, _)| AsWord(stop))
        .collect()
}

struct Dumper<'a> {
    graph: &'a Graph<'a>,
    nodes: Vec<String>,
    tables: Vec<(Range, String)>,
}

impl Dumper<'_> {
    fn node(&self, number_of: usize, node: &Node) -> ParseNode {
        let always = node.next.piece.is_none();
        let next_node =
            (always && node.next.default != Target::OKAY).then(|| self.target(node.next.default));
        let is_plain = node.length.piece.is_none() && node.length.add == node.min_len;
        ParseNode {
            comment: None,
            name: self.nodes.get(number_of).cloned().unwrap_or_default(),
            min_hdr_length: unless(node.min_len, 0).map(number),
            hdr_length: (!is_plain).then(|| hdr_length(&node.length)),
            overlay: node.has(Node::OVERLAY),
            whole: node.has(Node::WHOLE),
            counted: node.has(Node::COUNTED),
            stop_before_if: conditions(node.stop_before),
            stop_if: conditions(node.stop_if),
            stop_unless: conditions(node.stop_unless),
            default_fail: unless(node.fail, Target::FAIL).map(|target| self.target(target)),
            cond_exprs: self.cond_exprs(node.conditions),
            metadata: self.metadata(node.stores),
            flag_fields: (node.optional.count > 0).then(|| self.flag_fields(node)),
            tlvs: self
                .graph
                .tlvs(node.tlvs)
                .next()
                .map(|list| self.list(&list)),
            next_proto: (!always).then(|| self.next_proto(&node.next)),
            next_node,
            at_limit: node
                .has(Node::COUNTED)
                .then(|| self.at_limit(&node.at_limit)),
        }
    }

    fn target(&self, target: Target) -> String {
        let node = target
            .as_node()
            .and_then(|node| self.nodes.get(usize::from(node)));
        match (stop(target), node) {
            (Some(name), _) => name.to_owned(),
            (None, name) => name.cloned().unwrap_or_default(),
        }
    }

    fn cond_exprs(&self, range: Range) -> Option<CondExprs> {
        let ents = self.graph.conditions(range).map(|condition| CondExpr {
            comment: None,
            r#type: AsWord(condition.compare),
            field_off: number(condition.piece.offset),
            field_len: number(condition.piece.size),
            mask: mask(&condition.piece),
            right_shift: shift(&condition.piece),
            value: Hex(condition.value),
        });
        let (ents, comment) = (ents.collect(), None);
        (range.count > 0).then_some(CondExprs { comment, ents })
    }

    fn metadata(&self, range: Range) -> Option<Metadata> {
        let ents = self.graph.stores(range).map(|store| {
            let piece = &store.piece;
            let extracts = store.source == Source::Extract;
            let size = number(piece.size);
            let is_copied = !matches!(piece.size, 1 | 2 | 4);
            Store {
                comment: None,
                r#type: match store.source {
                    Source::Extract => From::Extract,
                    Source::Constant => From::Constant,
                    Source::Offset => From::Offset,
                },
                field: AsWord(store.field),
                hdr_src_off: extracts.then(|| number(piece.offset)),
                length: unless(size, number(store.field.size())).filter(|_| extracts),
                mask: mask(piece).filter(|_| extracts && !is_copied),
                right_shift: shift(piece),
                value: (store.source == Source::Constant).then_some(Hex(store.value)),
            }
        });
        let (ents, comment) = (ents.collect(), None);
        (range.count > 0).then_some(Metadata { comment, ents })
    }

    fn flag_fields(&self, node: &Node) -> FlagFields {
        let ents = self.graph.optional(node.optional).map(|field| FlagField {
            comment: None,
            name: None,
            flag: Hex(field.flags),
            field_len: number(field.length),
            metadata: self.metadata(field.stores),
        });
        FlagFields {
            comment: None,
            flags_offset: number(node.present.offset),
            flags_length: number(node.present.size),
            mask: mask(&node.present),
            right_shift: shift(&node.present),
            ents: ents.collect(),
        }
    }

    fn list(&self, list: &parse_graph::Tlvs) -> Tlvs {
        let special = |kind| unless(kind, u16::MAX).map(|kind| Hex(kind.into()));
        let ents = self.graph.tlv(list.entries).map(|tlv| Tlv {
            comment: None,
            name: None,
            r#type: Hex(tlv.kind),
            metadata: self.metadata(tlv.stores).unwrap_or(Metadata {
                comment: None,
                ents: Vec::new(),
            }),
        });
        Tlvs {
            comment: None,
            start_offset: number(list.start),
            tlv_type: Bits {
                comment: None,
                field_off: number(list.kind.offset),
                field_len: number(list.kind.size),
                mask: mask(&list.kind),
                right_shift: shift(&list.kind),
            },
            tlv_length: hdr_length(&list.length),
            min_tlv_length: number(list.min_len),
            pad1: special(list.pad1),
            eol: special(list.end),
            max_tlvs: number(list.max),
            ents: ents.collect(),
        }
    }

    /// The name of a table, or else its entries.
    fn table(&self, range: Range) -> (Option<String>, Option<Vec<Entry>>) {
        match self.tables.iter().find(|(known, _)| *known == range) {
            Some((_, name)) => (Some(name.clone()), None),
            None => (None, Some(self.entries(range))),
        }
    }

    fn entries(&self, range: Range) -> Vec<Entry> {
        let entries = self.graph.entries(range).map(|entry| {
            let name = Some(self.target(entry.target));
            let (node, target) = match entry.target.as_node() {
                Some(_) => (name, None),
                None => (None, name),
            };
            Entry {
                comment: None,
                name: None,
                key: Hex(entry.key),
                node,
                target,
            }
        });
        entries.collect()
    }

    fn next_proto(&self, next: &Lookup) -> NextProto {
        let (table, ents) = self.table(next.entries);
        NextProto {
            comment: None,
            field_off: number(next.piece.offset),
            field_len: number(next.piece.size),
            mask: mask(&next.piece),
            right_shift: shift(&next.piece),
            table,
            ents,
            default: Some(self.target(next.default)),
        }
    }

    fn at_limit(&self, lookup: &Lookup) -> AtLimit {
        let (table, ents) = self.table(lookup.entries);
        AtLimit {
            comment: None,
            table,
            ents: ents.filter(|ents| !ents.is_empty()),
            default: Some(self.target(lookup.default)),
        }
    }

    fn proto_tables(&self) -> Vec<ProtoTable> {
        let tables = self.tables.iter().map(|(range, name)| ProtoTable {
            comment: None,
            name: name.clone(),
            ents: self.entries(*range),
        });
        tables.collect()
    }
}

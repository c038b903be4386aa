// SPDX-License-Identifier: GPL-2.0

//! Writes the canonical form.

use parse_graph::{Entry, Header, Lookup, Node, Optional, Range, Record, Store, Target, Tlv};

use crate::draft::{self, Draft};
use crate::names::{Names, Table};

/// Records of each kind, as they are used one after the other.
#[derive(Default)]
struct Records {
    nodes: Vec<Node>,
    entries: Vec<Entry>,
    conditions: Vec<parse_graph::Condition>,
    stores: Vec<Store>,
    optional: Vec<Optional>,
    tlvs: Vec<parse_graph::Tlvs>,
    tlv: Vec<Tlv>,
    /// Where each table lies.
    tables: Vec<Range>,
    names: Vec<Table>,
}

/// The canonical form of `draft`, whose nodes come in `order`, and the names of all; `None` if it has
/// more of something than can be counted.
pub(crate) fn encode(draft: &Draft, order: &[usize]) -> Option<(Vec<u8>, Names)> {
    let mut numbers = vec![None; draft.nodes.len()];
    for (number, node) in order.iter().enumerate() {
        numbers[*node] = Some(u16::try_from(number).ok()?);
    }
    let renumber = |target: Target| match target.as_node() {
        Some(node) => numbers
            .get(usize::from(node))
            .copied()
            .flatten()
            .map(Target::node),
        None => Some(target),
    };
    let mut records = Records::default();
    for node in order {
        records.node(&draft.nodes[*node], &renumber)?;
    }
    let names = Names {
        parser: draft.parser.clone(),
        nodes: order
            .iter()
            .map(|node| draft.nodes[*node].name.clone())
            .collect(),
        tables: std::mem::take(&mut records.names),
    };
    Some((records.bytes(draft.max_headers)?, names))
}

/// Puts `added` behind `all`.
fn push<T>(all: &mut Vec<T>, added: impl IntoIterator<Item = T>) -> Option<Range> {
    let start = all.len();
    all.extend(added);
    if all.len() == start {
        return Some(Range::NONE);
    }
    Some(Range {
        start: u16::try_from(start).ok()?,
        count: u16::try_from(all.len() - start).ok()?,
    })
}

impl Records {
    fn node(
        &mut self,
        node: &draft::Node,
        renumber: &impl Fn(Target) -> Option<Target>,
    ) -> Option<()> {
        let conditions = push(&mut self.conditions, node.conditions.iter().copied())?;
        let stores = self.stores(&node.stores)?;
        let mut optional = Vec::new();
        for each in &node.optional {
            optional.push(Optional {
                flags: each.flags,
                length: each.length,
                stores: self.stores(&each.stores)?,
            });
        }
        let optional = push(&mut self.optional, optional)?;
        let tlvs = match &node.tlvs {
            Some(list) => self.list(list)?,
            None => Range::NONE,
        };
        let next = self.lookup(&node.next, renumber)?;
        let at_limit = self.lookup(&node.at_limit, renumber)?;
        self.nodes.push(Node {
            min_len: node.min_len,
            flags: node.flags,
            stop_before: node.stop_before,
            stop_if: node.stop_if,
            stop_unless: node.stop_unless,
            fail: renumber(node.fail)?,
            length: node.length,
            conditions,
            stores,
            present: node.present,
            optional,
            tlvs,
            next,
            at_limit,
        });
        Some(())
    }

    fn stores(&mut self, stores: &[Store]) -> Option<Range> {
        push(&mut self.stores, stores.iter().copied())
    }

    fn list(&mut self, list: &draft::List) -> Option<Range> {
        let mut entries = Vec::new();
        for (kind, stores) in &list.entries {
            entries.push(Tlv {
                kind: *kind,
                stores: self.stores(stores)?,
            });
        }
        let entries = push(&mut self.tlv, entries)?;
        push(
            &mut self.tlvs,
            [parse_graph::Tlvs {
                entries,
                ..list.tlvs
            }],
        )
    }

    fn lookup(
        &mut self,
        lookup: &draft::Lookup,
        renumber: &impl Fn(Target) -> Option<Target>,
    ) -> Option<Lookup> {
        let entries = lookup.entries.iter().map(|entry| {
            Some(Entry {
                target: renumber(entry.target)?,
                ..*entry
            })
        });
        let entries = self.table(entries.collect::<Option<_>>()?)?;
        if let Some(name) = &lookup.table {
            let is_named = |table: &Table| table.entries() == entries;
            if entries.count > 0 && !self.names.iter().any(is_named) {
                self.names.push(Table::new(name, entries));
            }
        }
        Some(Lookup {
            piece: lookup.piece,
            entries,
            default: renumber(lookup.default)?,
        })
    }

    /// Of equal tables there is one.
    fn table(&mut self, entries: Vec<Entry>) -> Option<Range> {
        let all = &self.entries;
        let is_equal = |range: &&Range| {
            let start = usize::from(range.start);
            let there = all.get(start..start + usize::from(range.count));
            there == Some(entries.as_slice())
        };
        if let Some(range) = self.tables.iter().find(is_equal) {
            return Some(*range);
        }
        let range = push(&mut self.entries, entries)?;
        self.tables.push(range);
        Some(range)
    }

    fn bytes(&self, max_headers: u8) -> Option<Vec<u8>> {
        let counts = [
            self.nodes.len(),
            self.entries.len(),
            self.conditions.len(),
            self.stores.len(),
            self.optional.len(),
            self.tlvs.len(),
            self.tlv.len(),
        ];
        let mut header = Header {
            max_headers,
            counts: [0; Header::KINDS],
        };
        for (place, count) in header.counts.iter_mut().zip(counts) {
            *place = u16::try_from(count).ok()?;
        }
        let mut bytes = vec![0; Header::SIZE];
        header.write(&mut bytes)?;
        append(&mut bytes, &self.nodes)?;
        append(&mut bytes, &self.entries)?;
        append(&mut bytes, &self.conditions)?;
        append(&mut bytes, &self.stores)?;
        append(&mut bytes, &self.optional)?;
        append(&mut bytes, &self.tlvs)?;
        append(&mut bytes, &self.tlv)?;
        Some(bytes)
    }
}

fn append<T: Record>(bytes: &mut Vec<u8>, records: &[T]) -> Option<()> {
    for record in records {
        let start = bytes.len();
        bytes.resize(start + T::SIZE, 0);
        record.write(bytes.get_mut(start..)?)?;
    }
    Some(())
}

// SPDX-License-Identifier: GPL-2.0

//! Goes through a frame as a graph says, in the simplest way there is: for these tests alone.

use std::collections::BTreeMap;

use parse_graph::{stop, Field, Graph, Length, Lookup, Node, Piece, Range, Source, Target};

/// What was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) end: Target,
    pub(crate) thoff: usize,
    pub(crate) fields: BTreeMap<&'static str, Vec<u8>>,
}

impl Found {
    /// A field as a number; 0 if it was not found.
    pub(crate) fn number(&self, field: &str) -> u64 {
        let bytes = self.fields.get(field).map_or(&[][..], Vec::as_slice);
        bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

struct Walker<'a> {
    graph: &'a Graph<'a>,
    frame: &'a [u8],
    offset: usize,
    flags: u16,
    left: u8,
    fields: BTreeMap<&'static str, Vec<u8>>,
}

/// What `graph` finds in `frame` for a caller that asks for `flags`.
pub(crate) fn walk(graph: &Graph<'_>, frame: &[u8], flags: u16) -> Found {
    let mut walker = Walker {
        graph,
        frame,
        offset: 0,
        flags,
        left: graph.max_headers(),
        fields: BTreeMap::new(),
    };
    let mut at = Target::node(0);
    while let Some(number) = at.as_node() {
        at = walker.node(&graph.node(number).unwrap());
    }
    Found {
        end: at,
        thoff: walker.offset.min(frame.len()),
        fields: walker.fields,
    }
}

impl Walker<'_> {
    /// The header is not as it should be: `None`.
    fn number(&self, at: usize, piece: &Piece) -> Option<u32> {
        let start = at + usize::from(piece.offset);
        let bytes = self.frame.get(start..start + usize::from(piece.size))?;
        let number = bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u32::from(*byte));
        Some(piece.of(number))
    }

    fn length(&self, length: &Length) -> Option<usize> {
        let add = usize::from(length.add);
        if length.piece.is_none() {
            return Some(add);
        }
        let number = self.number(self.offset, &length.piece)?;
        Some(usize::try_from(number).unwrap() * usize::from(length.multiplier) + add)
    }

    fn store(&mut self, at: usize, stores: Range) -> Option<()> {
        for store in self.graph.stores(stores) {
            let size = usize::from(store.field.size());
            let piece = &store.piece;
            let value = match store.source {
                Source::Extract if matches!(piece.size, 1 | 2 | 4) => {
                    self.number(at, piece)?.to_be_bytes()[4 - size..].to_vec()
                }
                Source::Extract => {
                    let start = at + usize::from(piece.offset);
                    self.frame.get(start..start + size)?.to_vec()
                }
                Source::Constant => store.value.to_be_bytes()[4 - size..].to_vec(),
                Source::Offset => u16::try_from(at).unwrap().to_be_bytes().to_vec(),
            };
            self.fields.insert(store.field.name(), value);
        }
        Some(())
    }

    /// Steps 2 to 7: the length of all of the header.
    fn header(&mut self, node: &Node) -> Option<usize> {
        let at = self.offset;
        let there = self.frame.len().checked_sub(at)?;
        if there < usize::from(node.min_len) {
            return None;
        }
        let mut length = self.length(&node.length)?;
        if length < usize::from(node.min_len) || node.has(Node::WHOLE) && there < length {
            return None;
        }
        for condition in self.graph.conditions(node.conditions) {
            let number = self.number(at, &condition.piece)?;
            condition
                .compare
                .holds(number, condition.value)
                .then_some(())?;
        }
        self.store(at, node.stores)?;
        for optional in self.graph.optional(node.optional) {
            if self.number(at, &node.present)? & optional.flags == optional.flags {
                self.store(at + length, optional.stores)?;
                length += usize::from(optional.length);
            }
        }
        Some(length)
    }

    fn is_true(&self, conditions: u16) -> u16 {
        let is_frag = self.fields.contains_key(Field::IsFrag.name());
        let found = if is_frag { stop::IS_FRAG } else { 0 };
        (self.flags | found) & conditions
    }

    fn node(&mut self, node: &Node) -> Target {
        if self.is_true(node.stop_before) != 0 {
            return Target::OKAY;
        }
        let start = self.offset;
        let next = self.number(start, &node.next.piece);
        let Some(length) = self.header(node) else {
            return node.fail;
        };
        if !node.has(Node::OVERLAY) {
            self.offset += length;
        }
        let unless = self.is_true(node.stop_unless) != node.stop_unless;
        if self.is_true(node.stop_if) != 0 || unless {
            return Target::OKAY;
        }
        if !node.has(Node::COUNTED) {
            return self.look_up(&node.next, next);
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                self.look_up(&node.next, next)
            }
            None => self.look_up(&node.at_limit, next),
        }
    }

    fn look_up(&self, lookup: &Lookup, number: Option<u32>) -> Target {
        let mut entries = self.graph.entries(lookup.entries);
        let entry = entries.find(|entry| Some(entry.key) == number);
        entry.map_or(lookup.default, |entry| entry.target)
    }
}

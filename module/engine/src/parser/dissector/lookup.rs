// SPDX-License-Identifier: GPL-2.0

//! Which node is next, by comparing.

use parse_graph::{Graph, Lookup, Piece, Range};

use super::assembler::{Assembler, KEY};
use super::number;
use crate::insn::jump;

/// Entries that are compared one after the other.
const CHAIN: u16 = 8;

/// What is looked up once it is in its register.
#[derive(Clone, Copy)]
pub(super) struct Key {
    piece: Piece,
    /// Whether it is in the host's order: what is less and greater is told from that alone.
    is_number: bool,
}

impl Key {
    /// Reads what `lookups` have to do with `piece`, if they look at it.
    pub(super) fn read(
        assembler: &mut Assembler<'_>,
        piece: &Piece,
        lookups: [&Lookup; 2],
    ) -> Option<Self> {
        let longest = lookups.map(|each| each.entries.count).into_iter().max()?;
        if longest == 0 {
            return None;
        }
        let is_number = longest > CHAIN;
        if is_number {
            number::unshifted(assembler, KEY, piece);
        } else {
            number::masked(assembler, KEY, piece);
        }
        Some(Self {
            piece: *piece,
            is_number,
        })
    }

    fn constant(&self, key: u32) -> u32 {
        if self.is_number {
            number::in_place(&self.piece, key)
        } else {
            number::in_header(&self.piece, key)
        }
    }

    /// Goes on where `lookup` says. The offset `has_moved` if the header is behind.
    pub(super) fn find(
        this: Option<Self>,
        assembler: &mut Assembler<'_>,
        graph: &Graph<'_>,
        lookup: &Lookup,
        has_moved: bool,
    ) {
        match this {
            Some(key) => key.search(assembler, graph, lookup, lookup.entries, has_moved),
            None => {
                let label = assembler.target(lookup.default, has_moved);
                assembler.jump(label);
            }
        }
    }

    /// Looks for the key in some of the entries. It calls itself for one half of them, at most 12 deep.
    fn search(
        &self,
        assembler: &mut Assembler<'_>,
        graph: &Graph<'_>,
        lookup: &Lookup,
        mut entries: Range,
        has_moved: bool,
    ) {
        while self.is_number && entries.count > CHAIN {
            let upper = Range {
                start: entries.start.saturating_add(entries.count / 2),
                count: entries.count.div_ceil(2),
            };
            entries.count /= 2;
            let above = assembler.label();
            if let Some(first) = graph.entries(upper).next() {
                let key = self.constant(first.key);
                assembler.jump_if(jump::JGE, KEY, key, above);
            }
            self.search(assembler, graph, lookup, entries, has_moved);
            assembler.bind(above);
            entries = upper;
        }
        for entry in graph.entries(entries) {
            let label = assembler.target(entry.target, has_moved);
            assembler.jump_if(jump::JEQ, KEY, self.constant(entry.key), label);
        }
        let label = assembler.target(lookup.default, has_moved);
        assembler.jump(label);
    }
}

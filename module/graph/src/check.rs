// SPDX-License-Identifier: GPL-2.0

//! Whether the records of a graph fit together.

use crate::field::{Field, Order};
use crate::graph::Graph;
use crate::limits;
use crate::record::{
    Condition, Length, Lookup, Node, Optional, Piece, Range, Source, Store, Target, Tlvs,
};
use crate::refusal::{Part, Refusal, Rule};
use crate::stop;

type Checked = Result<(), Refusal>;

/// Errs with `rule` and `value` unless something `holds`.
fn ensure(part: Part, rule: Rule, holds: bool, value: impl Into<u32>) -> Checked {
    if holds {
        return Ok(());
    }
    Err(Refusal {
        part,
        rule,
        value: value.into(),
    })
}

/// The next record of each kind that no node has used.
#[derive(Default)]
struct Cursors {
    entries: u16,
    conditions: u16,
    stores: u16,
    optional: u16,
    tlvs: u16,
    tlv: u16,
}

/// Takes what `range` has from what is not used.
fn take(part: Part, cursor: &mut u16, range: Range) -> Checked {
    let start = if range.count == 0 { 0 } else { *cursor };
    ensure(part, Rule::Order, range.start == start, range.start)?;
    *cursor = cursor.saturating_add(range.count);
    Ok(())
}

impl<'a> Graph<'a> {
    /// The graph whose canonical form `bytes` are. Any context; time grows with the length alone.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let graph = Self::unchecked(bytes)?;
        check(&graph)?;
        Ok(graph)
    }
}

/// Checks that `graph` is one.
fn check(graph: &Graph<'_>) -> Checked {
    let [nodes, entries, others @ ..] = graph.counts();
    let limited = |count: u16, limit: usize| {
        // CAST: Limits are below 4 GiB.
        let rule = Rule::AtMost(limit as u32);
        ensure(Part::Graph, rule, usize::from(count) <= limit, count)
    };
    ensure(Part::Graph, Rule::NoNodes, nodes > 0, nodes)?;
    limited(nodes, limits::NODES)?;
    limited(entries, limits::ENTRIES)?;
    others
        .into_iter()
        .try_for_each(|count| limited(count, limits::RECORDS))?;

    let mut cursors = Cursors::default();
    let whole = graph.nodes().len();
    for (number, node) in (0..nodes).zip(graph.nodes()) {
        Checker {
            graph,
            number,
            node,
            cursors: &mut cursors,
        }
        .check()?;
    }
    let [_, entries, conditions, stores, optional, tlvs, tlv] = graph.counts();
    let used = [
        (cursors.entries, entries),
        (cursors.conditions, conditions),
        (cursors.stores, stores),
        (cursors.optional, optional),
        (cursors.tlvs, tlvs),
        (cursors.tlv, tlv),
    ];
    used.into_iter()
        .try_for_each(|(used, all)| ensure(Part::Graph, Rule::Order, used == all, all))?;
    // A record that can't be read ends what goes through them.
    let read = graph
        .nodes()
        .fold(0_usize, |read, _| read.saturating_add(1));
    // CAST: At most so many as a `u16` counts.
    ensure(Part::Graph, Rule::Record, read == whole, read as u32)
}

/// The longest header of a `length`.
fn longest(length: &Length) -> u32 {
    let most = length.piece.of(length.piece.mask);
    most.saturating_mul(length.multiplier.into())
        .saturating_add(length.add.into())
}

/// A node at work.
struct Checker<'a> {
    graph: &'a Graph<'a>,
    number: u16,
    node: Node,
    cursors: &'a mut Cursors,
}

impl Checker<'_> {
    fn part(&self) -> Part {
        Part::Node(self.number)
    }

    fn check(&mut self) -> Checked {
        let (part, node) = (self.part(), self.node);
        ensure(
            part,
            Rule::Flags,
            node.flags & !Node::FLAGS == 0,
            node.flags,
        )?;
        for conditions in [node.stop_before, node.stop_if, node.stop_unless] {
            ensure(part, Rule::Flags, conditions & !stop::ALL == 0, conditions)?;
        }
        let limit = limits::HEADER_BYTES;
        let len = node.min_len;
        ensure(part, Rule::AtMost(limit.into()), len <= limit, len)?;
        self.length(part, &node.length, node.min_len)?;
        self.conditions()?;
        self.stores(part, node.stores, node.min_len)?;
        self.optional()?;
        self.tlvs()?;
        self.goes_to(node.fail, false)?;
        let counted = node.has(Node::COUNTED);
        self.lookup(&node.next, &node.next.piece, counted)?;
        if counted {
            ensure(part, Rule::Unused, node.at_limit.piece.is_none(), 0_u16)?;
            self.lookup(&node.at_limit, &node.next.piece, false)?;
        } else {
            let nothing = Lookup {
                piece: Piece::NONE,
                entries: Range::NONE,
                default: Target::OKAY,
            };
            ensure(part, Rule::Unused, node.at_limit == nothing, 0_u16)?;
        }
        if self.number == 0 {
            self.root()?;
        }
        Ok(())
    }

    /// A flow dissector begins behind the first node, with the EtherType alone.
    fn root(&self) -> Checked {
        let node = &self.node;
        let length = Length {
            piece: Piece::NONE,
            multiplier: 0,
            add: 14,
        };
        let ether_type = Piece {
            offset: 12,
            size: 2,
            shift: 0,
            mask: 0xffff,
        };
        let is_ethernet = node.min_len == 14
            && node.flags == 0
            && node.stop_before | node.stop_if | node.stop_unless == 0
            && node.length == length
            && node.conditions.count == 0
            && node.optional.count == 0
            && node.tlvs.count == 0
            && node.next.piece == ether_type
            && node.fail == Target::FAIL;
        ensure(self.part(), Rule::Root, is_ethernet, node.min_len)?;
        for store in self.graph.stores(node.stores) {
            let is_type = store.field == Field::NProto
                && store.source == Source::Extract
                && store.piece == ether_type;
            let is_known = store.field.is_device_only() || is_type;
            // CAST: The discriminant of an enum of `u8`.
            ensure(self.part(), Rule::Root, is_known, store.field as u8)?;
        }
        let mut stores = self.graph.stores(node.stores);
        let tells = stores.any(|store| store.field == Field::NProto);
        ensure(self.part(), Rule::Root, tells, 0_u16)
    }

    /// A number of a header of which `len` bytes are there.
    fn number(&self, part: Part, piece: &Piece, len: u16) -> Checked {
        let size = matches!(piece.size, 1 | 2 | 4);
        ensure(part, Rule::PieceSize, size, piece.size)?;
        self.lies_within(part, piece, len)?;
        let all = Piece::all(piece.size);
        ensure(part, Rule::Mask, piece.mask & !all == 0, piece.mask)?;
        ensure(part, Rule::Mask, piece.of(piece.mask) != 0, piece.mask)?;
        // What is shifted out does not count: there is one way to say so.
        let kept = piece.of(all).checked_shl(piece.shift.into());
        ensure(part, Rule::Mask, kept == Some(piece.mask), piece.shift)
    }

    fn lies_within(&self, part: Part, piece: &Piece, len: u16) -> Checked {
        let end = u32::from(piece.offset).saturating_add(piece.size.into());
        ensure(part, Rule::Outside, end <= len.into(), end)
    }

    fn length(&self, part: Part, length: &Length, min_len: u16) -> Checked {
        let add = u32::from(length.add);
        if length.piece.is_none() {
            let unused = length.piece == Piece::NONE && length.multiplier == 0;
            ensure(part, Rule::Unused, unused, length.multiplier)?;
            ensure(part, Rule::Length, add >= min_len.into(), add)?;
        } else {
            self.number(part, &length.piece, min_len)?;
            ensure(part, Rule::Zero, length.multiplier > 0, 0_u16)?;
        }
        let fits = longest(length) <= limits::HEADER_LENGTH;
        ensure(part, Rule::Length, fits, longest(length))
    }

    fn conditions(&mut self) -> Checked {
        let range = self.node.conditions;
        take(self.part(), &mut self.cursors.conditions, range)?;
        let all = self.graph.conditions(range);
        let mut read = 0_u16;
        for condition in all {
            let part = Part::Condition(range.start.saturating_add(read));
            let Condition { piece, value, .. } = condition;
            self.number(part, &piece, self.node.min_len)?;
            ensure(part, Rule::Key, value <= piece.of(piece.mask), value)?;
            read = read.saturating_add(1);
        }
        ensure(self.part(), Rule::Record, read == range.count, read)
    }

    /// Checks what is stored of a part of which `len` bytes are there.
    fn stores(&mut self, part: Part, range: Range, len: u16) -> Checked {
        take(part, &mut self.cursors.stores, range)?;
        let mut read = 0_u16;
        for store in self.graph.stores(range) {
            self.store(Part::Store(range.start.saturating_add(read)), &store, len)?;
            read = read.saturating_add(1);
        }
        ensure(part, Rule::Record, read == range.count, read)
    }

    fn store(&self, part: Part, store: &Store, len: u16) -> Checked {
        let field = store.field;
        // CAST: The discriminant of an enum of `u8`.
        let number = field as u8;
        ensure(part, Rule::Store, field != Field::Thoff, number)?;
        let piece = &store.piece;
        if store.source != Source::Extract {
            ensure(part, Rule::Unused, *piece == Piece::NONE, piece.size)?;
        }
        if store.source != Source::Constant {
            ensure(part, Rule::Unused, store.value == 0, store.value)?;
        }
        match store.source {
            Source::Extract => {
                ensure(part, Rule::Store, field.order() == Order::Wire, number)?;
                if piece.size == field.size()
                    && piece.shift == 0
                    && piece.mask == Piece::all(piece.size)
                {
                    return self.lies_within(part, piece, len);
                }
                self.number(part, piece, len)?;
                // Of a wider number only what fits may be left.
                let most = piece.of(piece.mask);
                let fits = field.size() <= 4 && most <= Piece::all(field.size());
                ensure(part, Rule::PieceSize, fits, piece.size)
            }
            Source::Constant => {
                let fits = field.size() <= 4 && store.value <= Piece::all(field.size());
                ensure(part, Rule::Key, fits, store.value)
            }
            Source::Offset => {
                let fits = field.order() == Order::Host && field.size() == 2;
                ensure(part, Rule::Store, fits, number)
            }
        }
    }

    fn optional(&mut self) -> Checked {
        let (part, present, range) = (self.part(), self.node.present, self.node.optional);
        take(part, &mut self.cursors.optional, range)?;
        if range.count == 0 {
            return ensure(part, Rule::Unused, present == Piece::NONE, present.size);
        }
        self.number(part, &present, self.node.min_len)?;
        let mut whole = longest(&self.node.length);
        let mut read = 0_u16;
        for optional in self.graph.optional(range) {
            let part = Part::Optional(range.start.saturating_add(read));
            let Optional {
                flags,
                length,
                stores,
            } = optional;
            let can_be = flags != 0 && flags & !present.of(present.mask) == 0;
            ensure(part, Rule::Key, can_be, flags)?;
            let limit = limits::HEADER_BYTES;
            ensure(part, Rule::Length, (1..=limit).contains(&length), length)?;
            whole = whole.saturating_add(length.into());
            let fits = whole <= limits::HEADER_LENGTH;
            ensure(part, Rule::Length, fits, whole)?;
            self.stores(part, stores, length)?;
            read = read.saturating_add(1);
        }
        ensure(part, Rule::Record, read == range.count, read)
    }

    fn tlvs(&mut self) -> Checked {
        let (part, range) = (self.part(), self.node.tlvs);
        take(part, &mut self.cursors.tlvs, range)?;
        ensure(part, Rule::AtMost(1), range.count <= 1, range.count)?;
        let mut read = 0_u16;
        for tlvs in self.graph.tlvs(range) {
            self.list(Part::Tlvs(range.start), &tlvs)?;
            read = read.saturating_add(1);
        }
        ensure(part, Rule::Record, read == range.count, read)
    }

    fn list(&mut self, part: Part, tlvs: &Tlvs) -> Checked {
        let limit = limits::HEADER_LENGTH;
        let start = u32::from(tlvs.start);
        ensure(part, Rule::AtMost(limit), start <= limit, tlvs.start)?;
        let min = tlvs.min_len;
        let fits = (1..=limits::HEADER_BYTES).contains(&min);
        ensure(part, Rule::Length, fits, min)?;
        self.number(part, &tlvs.kind, min)?;
        self.length(part, &tlvs.length, min)?;
        let most = limits::TLVS;
        let counted = (1..=most).contains(&tlvs.max);
        ensure(part, Rule::AtMost(most.into()), counted, tlvs.max)?;
        let largest = tlvs.kind.of(tlvs.kind.mask);
        for kind in [tlvs.pad1, tlvs.end] {
            let can_be = kind == u16::MAX || u32::from(kind) <= largest;
            ensure(part, Rule::Key, can_be, kind)?;
        }
        take(part, &mut self.cursors.tlv, tlvs.entries)?;
        let (mut read, mut last) = (0_u16, None);
        for tlv in self.graph.tlv(tlvs.entries) {
            let part = Part::Tlv(tlvs.entries.start.saturating_add(read));
            ensure(part, Rule::Sorted, Some(tlv.kind) > last, tlv.kind)?;
            ensure(part, Rule::Key, tlv.kind <= largest, tlv.kind)?;
            last = Some(tlv.kind);
            self.stores(part, tlv.stores, limits::HEADER_BYTES)?;
            for store in self.graph.stores(tlv.stores) {
                let alone = store.field.is_device_only();
                // CAST: The discriminant of an enum of `u8`.
                ensure(part, Rule::DeviceOnly, alone, store.field as u8)?;
            }
            read = read.saturating_add(1);
        }
        ensure(part, Rule::Record, read == tlvs.entries.count, read)
    }

    /// A lookup of what `piece` tells. `counted`: whether it counts.
    fn lookup(&mut self, lookup: &Lookup, piece: &Piece, counted: bool) -> Checked {
        let part = self.part();
        if piece.is_none() {
            ensure(part, Rule::Unused, *piece == Piece::NONE, piece.mask)?;
            let none = lookup.entries == Range::NONE;
            ensure(part, Rule::Unused, none, lookup.entries.count)?;
            return self.goes_to(lookup.default, counted);
        }
        self.number(part, piece, self.node.min_len)?;
        let entries = lookup.entries;
        let is_shared = entries.start.saturating_add(entries.count) <= self.cursors.entries;
        if !(is_shared && entries.count > 0) {
            take(part, &mut self.cursors.entries, entries)?;
        }
        let (mut read, mut last) = (0_u16, None);
        for entry in self.graph.entries(entries) {
            let part = Part::Entry(entries.start.saturating_add(read));
            ensure(part, Rule::Sorted, Some(entry.key) > last, entry.key)?;
            let most = piece.of(piece.mask);
            ensure(part, Rule::Key, entry.key & !most == 0, entry.key)?;
            ensure(part, Rule::Reserved, entry.reserved == 0, entry.reserved)?;
            last = Some(entry.key);
            self.goes_to(entry.target, counted)?;
            read = read.saturating_add(1);
        }
        ensure(part, Rule::Record, read == entries.count, read)?;
        self.goes_to(lookup.default, counted)
    }

    fn goes_to(&self, target: Target, counted: bool) -> Checked {
        let Some(node) = target.as_node() else {
            return Ok(());
        };
        let [nodes, ..] = self.graph.counts();
        ensure(self.part(), Rule::Target, (1..nodes).contains(&node), node)?;
        let forward = counted || node > self.number;
        ensure(self.part(), Rule::Backwards, forward, node)
    }
}

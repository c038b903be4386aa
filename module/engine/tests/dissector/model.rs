// SPDX-License-Identifier: GPL-2.0

//! What a graph means, step by step as the documentation of `parse_graph` has it: for a flow dissector,
//! and for a device, which finds more.

use std::collections::BTreeMap;

use parse_graph::{
    limits, stop, Carrier, Condition, Field, Graph, Length, Lookup, Node, Optional, Order, Piece,
    Range, Source, Store, Target, Tlvs,
};

/// The flow keys, as they lie in memory.
pub(crate) type Keys = [u8; Field::FLOW_KEYS_BYTES];
/// What only a device finds, as it lies in memory.
pub(crate) type Fields = [u8; Field::DEVICE_BYTES];

/// Where the flow keys have what the caller asked for.
pub(crate) const CALLER_FLAGS: usize = 48;

/// What the kernel gives a flow dissector of a frame with an Ethernet header.
pub(crate) fn before(frame: &[u8], flags: u32) -> Keys {
    let mut keys = [0; Field::FLOW_KEYS_BYTES];
    keys[0..2].copy_from_slice(&14_u16.to_le_bytes());
    keys[2..4].copy_from_slice(&14_u16.to_le_bytes());
    keys[10..12].copy_from_slice(&frame[12..14]);
    keys[CALLER_FLAGS..][..4].copy_from_slice(&flags.to_le_bytes());
    keys
}

/// The transport header is nowhere behind the `len` bytes that the kernel looks at, and not before the
/// network header.
pub(crate) fn clamp(keys: &mut Keys, len: usize) {
    let [nhoff, thoff] = [0, 2].map(|at| usize::from(u16::from_le_bytes([keys[at], keys[at + 1]])));
    let nhoff = nhoff.clamp(14, len);
    let thoff = thoff.clamp(nhoff, len);
    keys[..2].copy_from_slice(&(nhoff as u16).to_le_bytes());
    keys[2..4].copy_from_slice(&(thoff as u16).to_le_bytes());
}

/// A node, and all that belongs to it.
struct Whole {
    node: Node,
    conditions: Vec<Condition>,
    stores: Vec<Store>,
    optional: Vec<(Optional, Vec<Store>)>,
    lists: Vec<(Tlvs, BTreeMap<u32, Vec<Store>>)>,
    next: BTreeMap<u32, Target>,
    at_limit: BTreeMap<u32, Target>,
}

impl Whole {
    fn new(graph: &Graph<'_>, node: Node) -> Self {
        let stores = |range: Range| graph.stores(range).collect::<Vec<_>>();
        let table = |lookup: Lookup| {
            let entries = graph.entries(lookup.entries);
            entries.map(|entry| (entry.key, entry.target)).collect()
        };
        let optional = graph.optional(node.optional);
        let lists = graph.tlvs(node.tlvs).map(|list| {
            let known = graph.tlv(list.entries);
            let known = known.map(|tlv| (tlv.kind, stores(tlv.stores)));
            (list, known.collect())
        });
        Self {
            conditions: graph.conditions(node.conditions).collect(),
            stores: stores(node.stores),
            optional: optional.map(|it| (it, stores(it.stores))).collect(),
            lists: lists.collect(),
            next: table(node.next),
            at_limit: table(node.at_limit),
            node,
        }
    }
}

/// A graph that frames are parsed by.
pub(crate) struct Model {
    nodes: Vec<Whole>,
    max_headers: u8,
}

/// What the parser of a graph finds.
#[allow(dead_code, reason = "each user takes its part")]
#[derive(Debug)]
pub(crate) struct Found {
    /// What the program returns.
    pub(crate) code: u32,
    /// The flow keys afterwards.
    pub(crate) keys: Keys,
    /// What only a device finds.
    pub(crate) fields: Fields,
    /// Where it stopped.
    pub(crate) offset: u16,
    /// The nodes that it was at, each with its offset.
    pub(crate) path: Vec<(u16, u16)>,
    /// Those of them whose headers are not as they should be, by their places on the way.
    pub(crate) broken: Vec<usize>,
    /// Whether it has stopped in front of the last one.
    pub(crate) is_before: bool,
}

impl Found {
    /// The edges that it took: from which node, and to what.
    #[allow(dead_code, reason = "each user takes its part")]
    pub(crate) fn edges(&self) -> Vec<(u16, Target)> {
        let last = match self.code {
            0 => Target::OKAY,
            2 => Target::FAIL,
            _ => Target::LEFT_OUT,
        };
        let nodes = self.path.iter().map(|(node, _)| *node);
        let ends = nodes.clone().skip(1).map(Target::node);
        nodes.zip(ends.chain([last])).collect()
    }
}

impl Model {
    /// The meaning of `graph`.
    pub(crate) fn new(graph: &Graph<'_>) -> Self {
        let nodes = graph.nodes().map(|node| Whole::new(graph, node));
        Self {
            nodes: nodes.collect(),
            max_headers: graph.max_headers(),
        }
    }

    /// Goes through `frame`, of whose Ethernet header the kernel has taken the type.
    pub(crate) fn parse(&self, frame: &[u8], flags: u32) -> Found {
        let mut parser = Parser {
            model: self,
            frame,
            keys: before(frame, flags),
            fields: [0; Field::DEVICE_BYTES],
            at: 0,
            counted: 0,
            is_before: false,
        };
        let ethernet = &self.nodes[0];
        for store in &ethernet.stores {
            parser.store(frame, store);
        }
        parser.at = 14;
        let ether_type = u16::from_be_bytes([frame[12], frame[13]]);
        let mut target = find(&ethernet.node.next, &ethernet.next, Some(ether_type.into()));
        // Between two nodes that count, numbers ascend.
        let most = self.nodes.len() * (usize::from(self.max_headers) + 1);
        let mut path = vec![(0, 0)];
        let mut broken = Vec::new();
        while let Some(number) = target.as_node() {
            if parser.at > usize::from(limits::OFFSET) {
                target = Target::FAIL;
                break;
            }
            path.push((number, parser.at as u16));
            assert!(path.len() <= most, "it comes to no end");
            let node = &self.nodes[usize::from(number)];
            target = parser.visit(node).unwrap_or_else(|| {
                broken.push(path.len() - 1);
                node.node.fail
            });
        }
        let code = match target {
            Target::OKAY => 0,
            Target::FAIL => 2,
            _ => 129,
        };
        let offset = u16::try_from(parser.at).expect("offsets are limited");
        if code != 129 {
            parser.put(Field::Thoff, &offset.to_le_bytes());
        }
        Found {
            code,
            keys: parser.keys,
            fields: parser.fields,
            offset,
            path,
            broken,
            is_before: parser.is_before,
        }
    }
}

/// Where a lookup leads.
fn find(lookup: &Lookup, table: &BTreeMap<u32, Target>, key: Option<u32>) -> Target {
    let known = key.and_then(|key| table.get(&key));
    known.copied().unwrap_or(lookup.default)
}

/// What a piece tells of what begins with `bytes`.
fn number(bytes: &[u8], piece: &Piece) -> u32 {
    let field = &bytes[piece.offset.into()..][..piece.size.into()];
    let field = field
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte));
    (field & piece.mask) >> piece.shift
}

fn length(bytes: &[u8], length: &Length) -> usize {
    let units = if length.piece.is_none() {
        0
    } else {
        number(bytes, &length.piece)
    };
    (units * u32::from(length.multiplier) + u32::from(length.add)) as usize
}

/// How many bytes a store reads.
fn reads(store: &Store) -> usize {
    usize::from(store.piece.offset) + usize::from(store.piece.size)
}

/// A parser on its way.
struct Parser<'a> {
    model: &'a Model,
    frame: &'a [u8],
    keys: Keys,
    fields: Fields,
    at: usize,
    counted: u8,
    is_before: bool,
}

impl<'a> Parser<'a> {
    /// `len` bytes at `at`, if the frame has them.
    fn bytes(&self, at: usize, len: usize) -> Option<&'a [u8]> {
        self.frame.get(at..at.checked_add(len)?)
    }

    fn put(&mut self, field: Field, bytes: &[u8]) {
        assert_eq!(bytes.len(), usize::from(field.size()));
        let (all, at) = match field.carrier() {
            Carrier::FlowKeys(at) => (&mut self.keys[..], at),
            Carrier::Device(at) => (&mut self.fields[..], at),
        };
        all[at.into()..][..bytes.len()].copy_from_slice(bytes);
    }

    fn is_true(&self, condition: u16) -> bool {
        let flags = &self.keys[CALLER_FLAGS..][..4];
        let flags = u32::from_le_bytes(flags.try_into().expect("four bytes"));
        match condition {
            stop::PARSE_1ST_FRAG => flags & 1 != 0,
            stop::STOP_AT_FLOW_LABEL => flags & 2 != 0,
            stop::STOP_AT_ENCAP => flags & 4 != 0,
            stop::STOP_BEFORE_ENCAP => flags & 8 != 0,
            stop::IS_FRAG => self.keys[6] != 0,
            other => panic!("no condition: {other:#x}"),
        }
    }

    fn each(conditions: u16) -> impl Iterator<Item = u16> {
        (0..16)
            .map(|bit| 1 << bit)
            .filter(move |bit| conditions & bit != 0)
    }

    /// Stores what `bytes` tell, of the header or of a part of it.
    fn store(&mut self, bytes: &[u8], store: &Store) {
        let (field, piece) = (store.field, &store.piece);
        let size = usize::from(field.size());
        match store.source {
            Source::Extract if piece.size == field.size() && piece.is_plain() => {
                self.put(field, &bytes[piece.offset.into()..][..size]);
            }
            Source::Extract => {
                let number = number(bytes, piece).to_be_bytes();
                self.put(field, &number[4 - size..]);
            }
            Source::Constant => match field.order() {
                Order::Wire => self.put(field, &store.value.to_be_bytes()[4 - size..]),
                Order::Host => self.put(field, &store.value.to_le_bytes()[..size]),
            },
            Source::Offset => self.put(field, &(self.at as u16).to_le_bytes()),
        }
    }

    /// Where the node leads; `None` if the header is not as it should be.
    fn visit(&mut self, whole: &Whole) -> Option<Target> {
        let (node, frame) = (&whole.node, self.frame);
        // 1.
        if Self::each(node.stop_before).any(|condition| self.is_true(condition)) {
            self.is_before = true;
            return Some(Target::OKAY);
        }
        // 2. Of nothing it does not matter where it is.
        let header = frame.get(self.at..).unwrap_or_default();
        let min_len = usize::from(node.min_len);
        if header.len() < min_len {
            return None;
        }
        // 3.
        let length = length(header, &node.length);
        if length < min_len || (node.has(Node::WHOLE) && header.len() < length) {
            return None;
        }
        // 4.
        for condition in &whole.conditions {
            let number = number(header, &condition.piece);
            if !condition.compare.holds(number, condition.value) {
                return None;
            }
        }
        // 5.
        for store in &whole.stores {
            self.store(header, store);
        }
        for (list, known) in &whole.lists {
            let there = length.min(header.len());
            let options = header[..there].get(list.start.into()..);
            self.options(options.unwrap_or_default(), list, known);
        }
        let key = (!node.next.piece.is_none()).then(|| number(header, &node.next.piece));
        // 6.
        let mut end = self.at + length;
        for (optional, stores) in &whole.optional {
            if number(header, &node.present) & optional.flags != optional.flags {
                continue;
            }
            if !stores.is_empty() {
                let part = self.bytes(end, optional.length.into())?;
                for store in stores {
                    self.store(part, store);
                }
            }
            end += usize::from(optional.length);
        }
        // 7.
        if !node.has(Node::OVERLAY) {
            self.at = end;
        }
        // 8.
        if Self::each(node.stop_if).any(|condition| self.is_true(condition))
            || Self::each(node.stop_unless).any(|condition| !self.is_true(condition))
        {
            return Some(Target::OKAY);
        }
        // 9.
        if node.has(Node::COUNTED) {
            if self.counted == self.model.max_headers {
                return Some(find(&node.at_limit, &whole.at_limit, key));
            }
            self.counted += 1;
        }
        Some(find(&node.next, &whole.next, key))
    }

    /// Goes through options until one is malformed.
    fn options(&mut self, mut rest: &[u8], list: &Tlvs, known: &BTreeMap<u32, Vec<Store>>) {
        let is = |special: u16, kind| special != u16::MAX && u32::from(special) == kind;
        let kind_end = usize::from(list.kind.offset) + usize::from(list.kind.size);
        for _ in 0..list.max {
            if rest.len() < kind_end {
                return;
            }
            let kind = number(rest, &list.kind);
            if is(list.end, kind) {
                return;
            }
            if is(list.pad1, kind) {
                rest = &rest[1..];
                continue;
            }
            let min_len = usize::from(list.min_len);
            if rest.len() < min_len {
                return;
            }
            let len = length(rest, &list.length);
            if len < min_len || rest.len() < len {
                return;
            }
            let (option, behind) = rest.split_at(len);
            let stores = known.get(&kind).map_or(&[][..], |stores| stores);
            if stores.iter().all(|store| reads(store) <= len) {
                for store in stores {
                    self.store(option, store);
                }
            }
            rest = behind;
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Canonical forms of graphs, from nodes that have what belongs to them.

use parse_graph::{
    Condition, Entry, Field, Header, Length, Lookup, Node, Optional, Piece, Range, Record, Source,
    Store, Target, Tlv, Tlvs,
};

/// Options of interest: the type of each, and what it tells.
pub(crate) type Options = Vec<(u32, Vec<Store>)>;

/// A node with all of its records.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    /// The node itself, whose ranges do not count.
    pub(crate) node: Node,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) stores: Vec<Store>,
    /// Flags, length and stores.
    pub(crate) optional: Vec<(u32, u16, Vec<Store>)>,
    /// A list of options, and those of interest.
    pub(crate) list: Option<(Tlvs, Options)>,
    /// The entries of `next`.
    pub(crate) next: Vec<(u32, Target)>,
    /// Those of `at_limit`.
    pub(crate) at_limit: Vec<(u32, Target)>,
}

/// A lookup that always leads to `default`.
pub(crate) fn always(default: Target) -> Lookup {
    Lookup {
        piece: Piece::NONE,
        entries: Range::NONE,
        default,
    }
}

/// All of a field of a header.
pub(crate) fn whole(offset: u16, size: u8) -> Piece {
    Piece {
        offset,
        size,
        shift: 0,
        mask: Piece::all(size),
    }
}

/// What puts the field at `offset` into `field`.
pub(crate) fn extract(field: Field, offset: u16) -> Store {
    Store {
        field,
        source: Source::Extract,
        piece: whole(offset, field.size()),
        value: 0,
    }
}

impl Parts {
    /// A header of `len` bytes behind which there is nothing.
    pub(crate) fn new(len: u16) -> Self {
        Self {
            node: Node {
                min_len: len,
                flags: 0,
                stop_before: 0,
                stop_if: 0,
                stop_unless: 0,
                fail: Target::FAIL,
                length: Length {
                    piece: Piece::NONE,
                    multiplier: 0,
                    add: len,
                },
                conditions: Range::NONE,
                stores: Range::NONE,
                present: Piece::NONE,
                optional: Range::NONE,
                tlvs: Range::NONE,
                next: always(Target::OKAY),
                at_limit: always(Target::OKAY),
            },
            conditions: Vec::new(),
            stores: Vec::new(),
            optional: Vec::new(),
            list: None,
            next: Vec::new(),
            at_limit: Vec::new(),
        }
    }

    /// The Ethernet header.
    pub(crate) fn ethernet(next: Vec<(u32, Target)>, default: Target) -> Self {
        let mut this = Self::new(14);
        this.node.next = Lookup {
            piece: whole(12, 2),
            ..always(default)
        };
        this.stores = vec![extract(Field::NProto, 12)];
        this.next = next;
        this
    }
}

/// Numbers the records of a kind.
struct Kind<T>(Vec<T>);

impl<T> Kind<T> {
    fn add(&mut self, some: impl IntoIterator<Item = T>) -> Range {
        let start = self.0.len();
        self.0.extend(some);
        match self.0.len() - start {
            0 => Range::NONE,
            count => Range {
                start: start as u16,
                count: count as u16,
            },
        }
    }
}

fn entries(some: &[(u32, Target)]) -> Vec<Entry> {
    let mut some: Vec<_> = some
        .iter()
        .map(|(key, target)| Entry {
            key: *key,
            target: *target,
            reserved: 0,
        })
        .collect();
    some.sort_by_key(|entry| entry.key);
    some.dedup_by_key(|entry| entry.key);
    some
}

/// Adds a table, or gives where an equal one is.
fn shared(table: &mut Kind<Entry>, made: &mut Vec<Range>, some: Vec<Entry>) -> Range {
    let there = |range: &&Range| {
        let start = usize::from(range.start);
        table.0[start..start + usize::from(range.count)] == some
    };
    if let Some(range) = made.iter().find(there) {
        return *range;
    }
    let range = table.add(some);
    made.push(range);
    range
}

fn some_options(stores: &mut Kind<Store>, known: &[(u32, Vec<Store>)]) -> Vec<Tlv> {
    let mut known: Vec<_> = known.iter().collect();
    known.sort_by_key(|(kind, _)| *kind);
    known.dedup_by_key(|(kind, _)| *kind);
    let options = known.into_iter().map(|(kind, some)| Tlv {
        kind: *kind,
        stores: stores.add(some.iter().copied()),
    });
    options.collect()
}

fn write<T: Record>(bytes: &mut Vec<u8>, records: &[T]) {
    for record in records {
        let start = bytes.len();
        bytes.resize(start + T::SIZE, 0);
        record.write(&mut bytes[start..]).expect("there is room");
    }
}

/// The canonical form of a graph.
pub(crate) fn build(max_headers: u8, all: &[Parts]) -> Vec<u8> {
    let (mut conditions, mut stores) = (Kind(Vec::new()), Kind(Vec::new()));
    let (mut optional, mut table) = (Kind(Vec::new()), Kind(Vec::new()));
    let (mut lists, mut options) = (Kind(Vec::new()), Kind(Vec::new()));
    let (mut nodes, mut tables) = (Vec::new(), Vec::new());
    for parts in all {
        let mut node = parts.node;
        node.conditions = conditions.add(parts.conditions.iter().copied());
        node.stores = stores.add(parts.stores.iter().copied());
        let of_node: Vec<_> = parts
            .optional
            .iter()
            .map(|(flags, length, some)| Optional {
                flags: *flags,
                length: *length,
                stores: stores.add(some.iter().copied()),
            })
            .collect();
        node.optional = optional.add(of_node);
        let list = parts.list.as_ref().map(|(list, known)| Tlvs {
            entries: options.add(some_options(&mut stores, known)),
            ..*list
        });
        node.tlvs = lists.add(list);
        node.next.entries = shared(&mut table, &mut tables, entries(&parts.next));
        node.at_limit.entries = shared(&mut table, &mut tables, entries(&parts.at_limit));
        nodes.push(node);
    }
    let counts = [
        nodes.len(),
        table.0.len(),
        conditions.0.len(),
        stores.0.len(),
        optional.0.len(),
        lists.0.len(),
        options.0.len(),
    ];
    let header = Header {
        max_headers,
        counts: counts.map(|count| count as u16),
    };
    let mut bytes = vec![0; Header::SIZE];
    header.write(&mut bytes).expect("there is room");
    write(&mut bytes, &nodes);
    write(&mut bytes, &table.0);
    write(&mut bytes, &conditions.0);
    write(&mut bytes, &stores.0);
    write(&mut bytes, &optional.0);
    write(&mut bytes, &lists.0);
    write(&mut bytes, &options.0);
    bytes
}

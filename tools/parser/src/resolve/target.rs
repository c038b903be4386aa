// SPDX-License-Identifier: GPL-2.0

//! Where a parser goes on: targets, tables, and the order of bytes in keys.

use parse_graph::{Entry, Field, Piece, Source, Store, Target};

use super::number::piece;
use super::Scope;
use crate::draft::Lookup;
use crate::error::{Error, Path};
use crate::model::{self, NextProto, ParseNode};

/// How a parser can stop, each with its name.
pub(crate) const STOPS: [(Target, &str); 3] = [
    (Target::OKAY, "stop_okay"),
    (Target::FAIL, "stop_fail"),
    (Target::LEFT_OUT, "stop_left_out"),
];

/// The name of a way to stop; `None` for a node.
pub(crate) fn stop(target: Target) -> Option<&'static str> {
    let found = STOPS.iter().find(|(stop, _)| *stop == target);
    found.map(|(_, name)| *name)
}

/// EtherTypes that everyone knows. Read in the wrong order, none of them is another one.
const ETHER_TYPES: [u32; 10] = [
    0x0800, 0x0806, 0x6558, 0x8100, 0x86dd, 0x8847, 0x8848, 0x8864, 0x88a8, 0x88f7,
];

/// The well-known EtherType that `number` is in the wrong order.
pub(crate) fn byte_swapped(number: u32) -> Option<u32> {
    let swapped = u16::try_from(number).ok()?.swap_bytes().into();
    ETHER_TYPES.contains(&swapped).then_some(swapped)
}

/// Entries of a table, and where they stand.
type Table<'a> = (Path, &'a [model::Entry]);

impl Scope<'_> {
    /// What `name` leads to.
    pub(super) fn target(&self, path: &Path, name: &str) -> Result<Target, Error> {
        if let Some((stop, _)) = STOPS.iter().find(|(_, stop)| *stop == name) {
            return Ok(*stop);
        }
        match self.nodes.get(name) {
            Some(node) if *node == self.root => Err(path.error(format_args!(
                "a parser begins with this node and can't come back to it: {name}"
            ))),
            Some(node) => Ok(Target::node(*node)),
            None => Err(path.error(format_args!(
                "there is no such node, and no such way to stop: {name}"
            ))),
        }
    }

    /// `default`, or `other` if there is none.
    fn default(&self, path: &Path, default: Option<&str>, other: Target) -> Result<Target, Error> {
        match default {
            Some(name) => self.target(&path.key("default"), name),
            None => Ok(other),
        }
    }

    /// The entries under `table` or `ents`; `None` if there are neither.
    fn table<'a>(
        &'a self,
        path: &Path,
        table: Option<&str>,
        ents: Option<&'a [model::Entry]>,
    ) -> Result<Option<Table<'a>>, Error> {
        match (table, ents) {
            (None, None) => Ok(None),
            (None, Some(ents)) => Ok(Some((path.key("ents"), ents))),
            (Some(name), None) => {
                let Some(number) = self.tables.get(name).copied() else {
                    let what = format_args!("there is no such table: {name}");
                    return Err(path.key("table").error(what));
                };
                let path = Path::root().key("proto-tables").at(number).key("ents");
                let table = self.document.proto_tables.get(number);
                Ok(table.map(|table| (path, table.ents.as_slice())))
            }
            (Some(name), Some(_)) => Err(path.key("table").error(format_args!(
                "a lookup has this or `ents`, not both: {name}"
            ))),
        }
    }

    /// What comes behind `node`, which stores `stores`.
    pub(super) fn lookup(
        &self,
        node_path: &Path,
        next: &NextProto,
        min_len: u16,
        stores: &[Store],
    ) -> Result<Lookup, Error> {
        let path = &node_path.key("next-proto");
        let piece = piece(path, next, min_len)?;
        let Some(table) = self.table(path, next.table.as_deref(), next.ents.as_deref())? else {
            return Err(path.error("has neither `table` nor `ents`"));
        };
        let is_type = |store: &Store| {
            store.field == Field::NProto && store.source == Source::Extract && store.piece == piece
        };
        wire_order(&table, &piece, stores.iter().any(is_type))?;
        Ok(Lookup {
            piece,
            entries: self.entries(&table, &piece)?,
            table: next.table.clone(),
            default: self.default(path, next.default.as_deref(), Target::LEFT_OUT)?,
        })
    }

    /// What comes behind `node` if no more headers are counted.
    pub(super) fn at_limit(
        &self,
        path: &Path,
        node: &ParseNode,
        next: &Lookup,
    ) -> Result<Lookup, Error> {
        let path = &path.key("at-limit");
        let Some(at_limit) = &node.at_limit else {
            return Ok(Lookup::always(Target::OKAY));
        };
        if !node.counted {
            return Err(path.error("means something with `counted` alone"));
        }
        let default = self.default(path, at_limit.default.as_deref(), Target::OKAY)?;
        let ents = at_limit.ents.as_deref();
        let Some(table) = self.table(path, at_limit.table.as_deref(), ents)? else {
            return Ok(Lookup::always(default));
        };
        if next.piece.is_none() {
            return Err(path.error("looks up what `next-proto` does, which is not there"));
        }
        Ok(Lookup {
            piece: Piece::NONE,
            entries: self.entries(&table, &next.piece)?,
            table: at_limit.table.clone(),
            default,
        })
    }

    /// The entries of a table in which `piece` is looked up, sorted.
    fn entries(&self, (path, ents): &Table<'_>, piece: &Piece) -> Result<Vec<Entry>, Error> {
        let most = piece.of(piece.mask);
        let mut entries: Vec<Entry> = Vec::with_capacity(ents.len());
        let mut first_with = std::collections::HashMap::new();
        for (number, entry) in ents.iter().enumerate() {
            let (path, key) = (path.at(number), entry.key.0);
            let key_path = path.key("key");
            if key & !most != 0 {
                let (offset, size) = (piece.offset, piece.size);
                return Err(key_path.error(format_args!(
                    "has more bits than {most:#x}, what can be left of {size} bytes at {offset}: {key:#x}"
                )));
            }
            if let Some(first) = first_with.insert(key, number) {
                return Err(key_path.error(format_args!(
                    "this key is that of number {first} as well: {key:#x}"
                )));
            }
            let (target_path, name) = match (&entry.node, &entry.target) {
                (Some(name), None) => (path.key("node"), name),
                (None, Some(name)) => (path.key("target"), name),
                (None, None) => return Err(path.error("has neither `node` nor `target`")),
                (Some(_), Some(name)) => {
                    let what = format_args!("an entry has this or `node`, not both: {name}");
                    return Err(path.key("target").error(what));
                }
            };
            entries.push(Entry {
                key,
                target: self.target(&target_path, name)?,
                reserved: 0,
            });
        }
        entries.sort_by_key(|entry| entry.key);
        Ok(entries)
    }
}

/// Errs if keys of a table look as a little-endian machine reads them. Ports and other numbers may be
/// what an EtherType is in the wrong order: so `is_type` must be true, or two keys look so.
fn wire_order((path, ents): &Table<'_>, piece: &Piece, is_type: bool) -> Result<(), Error> {
    if piece.size != 2 || !piece.is_plain() {
        return Ok(());
    }
    let swapped = ents.iter().enumerate().filter_map(|(number, entry)| {
        let key = entry.key.0;
        Some((number, key, byte_swapped(key)?))
    });
    let enough = if is_type { 1 } else { 2 };
    if swapped.clone().count() < enough {
        return Ok(());
    }
    let Some((number, key, swapped)) = swapped.clone().next() else {
        return Ok(());
    };
    Err(path.at(number).key("key").error(format_args!(
        "byte-swapped? An EtherType is written as on the wire, {swapped:#06x}: {key:#06x}"
    )))
}

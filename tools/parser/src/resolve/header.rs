// SPDX-License-Identifier: GPL-2.0

//! What a header tells: conditions, metadata, optional fields, options.

use parse_graph::{limits, Condition, Field, Order, Piece, Range, Source, Store};

use super::number::{length, piece, small, within, Raw};
use super::target::byte_swapped;
use crate::draft::{List, Optional};
use crate::error::{Error, Path};
use crate::model::{self, CondExprs, FlagFields, Metadata, Tlvs};
use crate::words::AsWord;

/// What must be true of a header.
pub(super) fn conditions(path: &Path, all: &CondExprs, len: u16) -> Result<Vec<Condition>, Error> {
    let path = path.key("ents");
    let conditions = all.ents.iter().enumerate().map(|(number, condition)| {
        let path = path.at(number);
        let piece = piece(&path, condition, len)?;
        let (most, value) = (piece.of(piece.mask), condition.value.0);
        if value > most {
            return Err(path.key("value").error(format_args!(
                "is above what can be left of the field, {most:#x}: {value:#x}"
            )));
        }
        let AsWord(compare) = condition.r#type;
        Ok(Condition {
            piece,
            value,
            compare,
        })
    });
    conditions.collect()
}

/// What a part of which `len` bytes are there tells.
pub(super) fn stores(path: &Path, all: &Metadata, len: u16) -> Result<Vec<Store>, Error> {
    let path = path.key("ents");
    let stores = all.ents.iter().enumerate();
    stores
        .map(|(number, each)| store(&path.at(number), each, len))
        .collect()
}

fn store(path: &Path, store: &model::Store, len: u16) -> Result<Store, Error> {
    let AsWord(field) = store.field;
    let (source, used): (_, &[&str]) = match store.r#type {
        model::From::Extract => (
            Source::Extract,
            &["hdr-src-off", "length", "mask", "right-shift"],
        ),
        model::From::Constant => (Source::Constant, &["value"]),
        model::From::Offset => (Source::Offset, &[]),
    };
    let keys = [
        ("hdr-src-off", store.hdr_src_off.is_some()),
        ("length", store.length.is_some()),
        ("mask", store.mask.is_some()),
        ("right-shift", store.right_shift.is_some()),
        ("value", store.value.is_some()),
    ];
    let unused = |(key, is_there): &&(&str, bool)| *is_there && !used.contains(key);
    if let Some((key, _)) = keys.iter().find(unused) {
        return Err(path.key(key).error("means nothing with this `type`"));
    }
    let (mut piece, mut value) = (Piece::NONE, 0);
    match store.r#type {
        model::From::Extract => piece = extract(path, store, field, len)?,
        model::From::Constant => value = constant(path, store, field)?,
        model::From::Offset if field.order() == Order::Host && field.size() == 2 => {}
        model::From::Offset => {
            let what = format_args!("an offset can't be stored there: {}", field.name());
            return Err(path.key("field").error(what));
        }
    }
    Ok(Store {
        field,
        source,
        piece,
        value,
    })
}

fn extract(path: &Path, store: &model::Store, field: Field, len: u16) -> Result<Piece, Error> {
    if field.order() != Order::Wire {
        return Err(path.key("field").error(format_args!(
            "what a header tells can't be stored there: {}",
            field.name()
        )));
    }
    let own = u32::from(field.size());
    let raw = Raw {
        keys: ["hdr-src-off", "length"],
        offset: store.hdr_src_off.map_or(0, |offset| offset.0),
        size: store.length.map_or(own, |length| length.0),
        mask: store.mask,
        shift: store.right_shift,
    };
    let size_path = path.key("length");
    if !matches!(own, 1 | 2 | 4) {
        if raw.size != own {
            let (name, size) = (field.name(), raw.size);
            return Err(size_path.error(format_args!("{name} has {own} bytes: {size}")));
        }
        let keys = [
            ("mask", raw.mask.is_some()),
            ("right-shift", raw.shift.is_some()),
        ];
        if let Some((key, _)) = keys.into_iter().find(|(_, is_there)| *is_there) {
            let name = field.name();
            return Err(path
                .key(key)
                .error(format_args!("{name} is copied as a whole")));
        }
        let offset = within(&path.key("hdr-src-off"), raw.offset, raw.size, len)?;
        return Ok(Piece {
            offset,
            size: field.size(),
            shift: 0,
            mask: Piece::all(field.size()),
        });
    }
    let piece = piece(path, raw, len)?;
    let (most, limit) = (piece.of(piece.mask), Piece::all(field.size()));
    if most > limit {
        let name = field.name();
        return Err(size_path.error(format_args!(
            "leaves more than {name} has room for, {limit:#x}: up to {most:#x}"
        )));
    }
    Ok(piece)
}

fn constant(path: &Path, store: &model::Store, field: Field) -> Result<u32, Error> {
    let value_path = path.key("value");
    let Some(value) = store.value.map(|value| value.0) else {
        return Err(value_path.error("a constant has a value"));
    };
    let (name, limit) = (field.name(), Piece::all(field.size()));
    if field.size() > 4 {
        let what = format_args!(
            "a constant has at most 4 bytes, and {name} more: {}",
            field.size()
        );
        return Err(path.key("field").error(what));
    }
    if value > limit {
        return Err(value_path.error(format_args!(
            "{name} has room for at most {limit:#x}: {value:#x}"
        )));
    }
    if matches!(field, Field::NProto | Field::AddrProto) {
        if let Some(swapped) = byte_swapped(value) {
            return Err(value_path.error(format_args!(
                "byte-swapped? An EtherType is written as on the wire, {swapped:#06x}: {value:#06x}"
            )));
        }
    }
    Ok(value)
}

/// Flags, and the parts of a header that are there if they say so.
pub(super) fn optional(
    path: &Path,
    fields: &FlagFields,
    len: u16,
) -> Result<(Piece, Vec<Optional>), Error> {
    let present = piece(path, fields, len)?;
    let most = present.of(present.mask);
    let path = path.key("ents");
    if fields.ents.is_empty() {
        return Err(path.error("there is at least one: 0"));
    }
    let fields = fields.ents.iter().enumerate().map(|(number, field)| {
        let path = path.at(number);
        let flags = field.flag.0;
        if flags == 0 || flags & !most != 0 {
            return Err(path.key("flag").error(format_args!(
                "has bits of {most:#x}, at least one and no other: {flags:#x}"
            )));
        }
        let len_path = path.key("field-len");
        let length = small(&len_path, "it", limits::HEADER_BYTES, field.field_len.0)?;
        if length == 0 {
            return Err(len_path.error("is at least 1: 0"));
        }
        let stores = match &field.metadata {
            Some(metadata) => stores(&path.key("metadata"), metadata, length)?,
            None => Vec::new(),
        };
        Ok(Optional {
            flags,
            length,
            stores,
        })
    });
    Ok((present, fields.collect::<Result<_, _>>()?))
}

/// A list of options.
pub(super) fn list(path: &Path, list: &Tlvs) -> Result<List, Error> {
    let limit = u16::try_from(limits::HEADER_LENGTH).unwrap_or(u16::MAX);
    let start = small(&path.key("start-offset"), "it", limit, list.start_offset.0)?;
    let min_path = path.key("min-tlv-length");
    let min_len = small(&min_path, "it", limits::HEADER_BYTES, list.min_tlv_length.0)?;
    if min_len == 0 {
        return Err(min_path.error("is at least 1: 0"));
    }
    let kind = piece(&path.key("tlv-type"), &list.tlv_type, min_len)?;
    let length = length(&path.key("tlv-length"), &list.tlv_length, min_len)?;
    let most = kind.of(kind.mask);
    let special = |key: &str, kind: Option<crate::number::Hex>| match kind {
        // That number stands for none.
        Some(kind) => {
            let limit = u16::try_from(most).unwrap_or(u16::MAX).min(u16::MAX - 1);
            small(&path.key(key), "it", limit, kind.0)
        }
        None => Ok(u16::MAX),
    };
    let (pad1, end) = (special("pad1", list.pad1)?, special("eol", list.eol)?);
    let max_path = path.key("max-tlvs");
    max_path.at_most("it", limits::TLVS.into(), list.max_tlvs.0)?;
    if list.max_tlvs.0 == 0 {
        return Err(max_path.error("is at least 1: 0"));
    }
    let tlvs = parse_graph::Tlvs {
        start,
        kind,
        length,
        min_len,
        pad1,
        end,
        // It is below the limit.
        max: u8::try_from(list.max_tlvs.0).unwrap_or(u8::MAX),
        entries: Range::NONE,
    };
    Ok(List {
        tlvs,
        entries: entries(&path.key("ents"), list, most)?,
    })
}

/// The entries of `list` that are of interest, sorted. Types go up to `most`.
fn entries(path: &Path, list: &Tlvs, most: u32) -> Result<Vec<(u32, Vec<Store>)>, Error> {
    let mut entries: Vec<(u32, Vec<Store>)> = Vec::new();
    for (number, tlv) in list.ents.iter().enumerate() {
        let (path, kind) = (path.at(number), tlv.r#type.0);
        let kind_path = path.key("type");
        kind_path.at_most("it", most, kind)?;
        if entries.iter().any(|(known, _)| *known == kind) {
            return Err(kind_path.error(format_args!("this type is there twice: {kind:#x}")));
        }
        let metadata_path = path.key("metadata");
        let stores = stores(&metadata_path, &tlv.metadata, limits::HEADER_BYTES)?;
        for (number, store) in stores.iter().enumerate() {
            if !store.field.is_device_only() {
                let path = metadata_path.key("ents").at(number).key("field");
                let name = store.field.name();
                return Err(path.error(format_args!(
                    "an option can't tell what a flow dissector would have to tell, too: {name}"
                )));
            }
        }
        entries.push((kind, stores));
    }
    entries.sort_by_key(|(kind, _)| *kind);
    Ok(entries)
}

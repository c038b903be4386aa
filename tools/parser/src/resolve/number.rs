// SPDX-License-Identifier: GPL-2.0

//! Numbers that a header tells.

use parse_graph::{limits, Length, Piece};

use crate::error::{Error, Path};
use crate::model::{Bits, CondExpr, FlagFields, HdrLength, NextProto};
use crate::number::{Hex, Number};

/// Checks that `value` is at most `limit`.
pub(super) fn small(path: &Path, what: &str, limit: u16, value: u32) -> Result<u16, Error> {
    path.at_most(what, limit.into(), value)?;
    Ok(u16::try_from(value).unwrap_or(limit))
}

/// A number of a header, as the JSON has it.
#[derive(Clone, Copy)]
pub(super) struct Raw {
    /// Under which keys its offset and its size stand.
    pub(super) keys: [&'static str; 2],
    pub(super) offset: u32,
    pub(super) size: u32,
    pub(super) mask: Option<Hex>,
    pub(super) shift: Option<Number>,
}

macro_rules! raw {
    ($($type:ty: $offset:ident $offset_key:literal, $size:ident $size_key:literal;)+) => {
        $(impl From<&$type> for Raw {
            fn from(from: &$type) -> Self {
                Self {
                    keys: [$offset_key, $size_key],
                    offset: from.$offset.0,
                    size: from.$size.0,
                    mask: from.mask,
                    shift: from.right_shift,
                }
            }
        })+
    };
}

raw! {
    CondExpr: field_off "field-off", field_len "field-len";
    NextProto: field_off "field-off", field_len "field-len";
    Bits: field_off "field-off", field_len "field-len";
    FlagFields: flags_offset "flags-offset", flags_length "flags-length";
}

/// A number of a header of which `len` bytes are there.
pub(super) fn piece(path: &Path, raw: impl Into<Raw>, len: u16) -> Result<Piece, Error> {
    let raw: Raw = raw.into();
    let [offset_key, size_key] = raw.keys;
    if !matches!(raw.size, 1 | 2 | 4) {
        let what = format_args!("a number has 1, 2 or 4 bytes: {}", raw.size);
        return Err(path.key(size_key).error(what));
    }
    let offset = within(&path.key(offset_key), raw.offset, raw.size, len)?;
    // It is at most 4.
    let size = u8::try_from(raw.size).unwrap_or(u8::MAX);
    let (mask, shift) = bits(path, raw, size)?;
    Ok(Piece {
        offset,
        size,
        shift,
        mask,
    })
}

/// The offset of `size` bytes that lie within `len`.
pub(super) fn within(path: &Path, offset: u32, size: u32, len: u16) -> Result<u16, Error> {
    let end = offset.saturating_add(size);
    if end > len.into() {
        return Err(path.error(format_args!(
            "reads beyond the {len} bytes that must be there: {size} bytes at {offset}"
        )));
    }
    Ok(u16::try_from(offset).unwrap_or(u16::MAX))
}

/// Mask and shift of a number of `size` bytes. Of the mask only what is not shifted out counts.
fn bits(path: &Path, raw: Raw, size: u8) -> Result<(u32, u8), Error> {
    let all = Piece::all(size);
    let mask = raw.mask.map_or(all, |mask| mask.0);
    if mask & !all != 0 {
        return Err(path.key("mask").error(format_args!(
            "is wider than its field of {size} bytes, whose limit is {all:#x}: {mask:#x}"
        )));
    }
    let shift = raw.shift.map_or(0, |shift| shift.0);
    let most = u32::from(size) * 8 - 1;
    path.key("right-shift").at_most("it", most, shift)?;
    let mask = (mask >> shift) << shift;
    if mask == 0 {
        let key = if raw.mask.is_some() {
            "mask"
        } else {
            "right-shift"
        };
        let given = raw.mask.map_or(all, |mask| mask.0);
        return Err(path.key(key).error(format_args!(
            "leaves no bit of its field, shifted by {shift}: {given:#x}"
        )));
    }
    Ok((mask, u8::try_from(shift).unwrap_or(u8::MAX)))
}

/// A length that is always the same.
pub(super) fn constant(add: u16) -> Length {
    Length {
        piece: Piece::NONE,
        multiplier: 0,
        add,
    }
}

/// The length of a header, or entry, of which `min_len` bytes are there.
pub(super) fn length(path: &Path, length: &HdrLength, min_len: u16) -> Result<Length, Error> {
    let most = limits::HEADER_LENGTH;
    let limit = u16::try_from(most).unwrap_or(u16::MAX);
    let add = length.add.map_or(0, |add| add.0);
    let add = small(&path.key("add"), "it", limit, add)?;
    let (Some(offset), Some(size)) = (length.field_off, length.field_len) else {
        return without_field(path, length, add, min_len);
    };
    let raw = Raw {
        keys: ["field-off", "field-len"],
        offset: offset.0,
        size: size.0,
        mask: length.mask,
        shift: length.right_shift,
    };
    let piece = piece(path, raw, min_len)?;
    let multiplier = length.multiplier.map_or(1, |multiplier| multiplier.0);
    let multiplier_path = path.key("multiplier");
    let multiplier = small(&multiplier_path, "it", limit, multiplier)?;
    if multiplier == 0 {
        return Err(multiplier_path.error("is at least 1: 0"));
    }
    let longest = piece.of(piece.mask).saturating_mul(multiplier.into());
    path.at_most(
        "the longest header",
        most,
        longest.saturating_add(add.into()),
    )?;
    Ok(Length {
        piece,
        multiplier,
        add,
    })
}

/// A length that has no field.
fn without_field(path: &Path, length: &HdrLength, add: u16, min_len: u16) -> Result<Length, Error> {
    let keys = [
        ("field-off", length.field_off.is_some()),
        ("field-len", length.field_len.is_some()),
        ("mask", length.mask.is_some()),
        ("right-shift", length.right_shift.is_some()),
        ("multiplier", length.multiplier.is_some()),
    ];
    if let Some((key, _)) = keys.into_iter().find(|(_, is_there)| *is_there) {
        let what = "needs `field-off` and `field-len`, which tell the field";
        return Err(path.key(key).error(what));
    }
    if length.add.is_none() {
        return Err(path.error("tells neither a field nor what to add"));
    }
    if add < min_len {
        return Err(path.key("add").error(format_args!(
            "is below the {min_len} bytes that must be there: {add}"
        )));
    }
    Ok(constant(add))
}

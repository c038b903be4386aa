// SPDX-License-Identifier: GPL-2.0

//! What a header of theirs tells: its length, conditions, optional fields, metadata.

use parse_graph::{Compare, Field, Piece};

use super::convert::{Converter, CALLBACK};
use super::json::Object;
use super::ByteOrder;
use crate::model::{CondExpr, CondExprs, FlagField, FlagFields, From, HdrLength, Metadata, Store};
use crate::number::{Hex, Number};
use crate::words::AsWord;

impl<'a> Converter<'a> {
    /// How long a header is, and whether its optional fields come on top.
    pub(super) fn hdr_length(&self, node: &Object<'a>) -> (Option<HdrLength>, bool) {
        let Some(length) = node.object("hdr-length") else {
            return (None, false);
        };
        let has_parts = length.flag("flag-fields-length");
        let swaps = length.flag("endian-swap");
        let has_field = ["field-off", "field-len", "add"]
            .iter()
            .any(|key| length.has(key));
        if has_parts && !has_field {
            length.end();
            return (None, true);
        }
        let size = length.number("field-len");
        if size.is_some_and(|size| size > 1) && !swaps {
            length.refuse(
                "field-len",
                "without `endian-swap` the first byte on the wire would be the lowest of the length, \
                 and it is the highest of ours",
            );
        }
        let (mask, right_shift) = self.bits(&length, size.unwrap_or_default());
        let converted = HdrLength {
            comment: None,
            field_off: length.number("field-off").map(Number),
            field_len: size.map(Number),
            mask,
            right_shift,
            multiplier: length.number("multiplier").map(Number),
            add: length.number("add").map(Number),
        };
        length.end();
        (Some(converted), has_parts)
    }

    /// Mask and shift of a number of `size` bytes.
    pub(super) fn bits(&self, object: &Object<'a>, size: u32) -> (Option<Hex>, Option<Number>) {
        let key = if object.has("shift") {
            "shift"
        } else {
            "right-shift"
        };
        let (mask, shift) = (object.number("mask"), object.number(key));
        let shift = shift.filter(|shift| *shift != 0);
        let all = u8::try_from(size).map_or(u32::MAX, Piece::all);
        let mask = mask.filter(|mask| *mask != all);
        if size > 1 && (mask.is_some() || shift.is_some()) {
            let key = if mask.is_some() { "mask" } else { key };
            match self.options.masks {
                Some(ByteOrder::Network) => {}
                Some(ByteOrder::LittleEndian) if shift.is_none() => {}
                Some(ByteOrder::LittleEndian) => object.refuse(
                    key,
                    "the bits that are left of bytes in this order lie apart on the wire",
                ),
                None => object.refuse(
                    key,
                    format_args!("does not tell in which order its {size} bytes are: --masks does"),
                ),
            }
        }
        let mask = mask.map(|mask| self.ordered(object, "mask", self.options.masks, size, mask));
        (mask.map(Hex), shift.map(Number))
    }

    /// A number of `size` bytes, in the order of ours.
    pub(super) fn ordered(
        &self,
        object: &Object<'a>,
        key: &'static str,
        order: Option<ByteOrder>,
        size: u32,
        number: u32,
    ) -> u32 {
        if order != Some(ByteOrder::LittleEndian) {
            return number;
        }
        match (size, u16::try_from(number)) {
            (2, Ok(number)) => number.swap_bytes().into(),
            (2, Err(_)) => {
                object.refuse(key, format_args!("has more than 2 bytes: {number:#x}"));
                number
            }
            (4, _) => number.swap_bytes(),
            _ => number,
        }
    }

    pub(super) fn cond_exprs(&self, node: &Object<'a>) -> Option<CondExprs> {
        let all = node.object("cond-exprs")?;
        let mut ents = Vec::new();
        match all.text("list").filter(|_| self.spelling.has_lists) {
            None => self.conditions(&all, &mut ents),
            Some(name) => match self.lists.conditions.get(name) {
                Some(list) => {
                    self.conditions(list, &mut ents);
                    list.end();
                }
                None => all.refuse("list", format_args!("there is no such list: {name}")),
            },
        }
        all.end();
        let comment = None;
        (!ents.is_empty()).then_some(CondExprs { comment, ents })
    }

    /// The conditions of `all`, each of which must hold.
    fn conditions(&self, all: &Object<'a>, found: &mut Vec<CondExpr>) {
        if let Some(word) = all.text("default-fail") {
            if self.stop(all, "default-fail", word) != "stop_fail" {
                all.refuse(
                    "default-fail",
                    "where a condition leads that does not hold, a header of ours that is too short does, too: \
                     `stop_fail`",
                );
            }
        }
        all.text("name");
        if !all.has("ents") {
            found.push(self.condition(all));
            return;
        }
        let parts = all.objects("ents");
        match all.text("type") {
            Some("and") => {}
            _ if parts.len() == 1 => {}
            None => all.refuse("ents", "does not say whether all of them must hold: `type`"),
            Some(word) => all.refuse(
                "type",
                format_args!("all conditions of a node of ours must hold: {word}"),
            ),
        }
        for part in &parts {
            self.conditions(part, found);
            part.end();
        }
    }

    fn condition(&self, leaf: &Object<'a>) -> CondExpr {
        let word = leaf.needs_text("type");
        let mut known = self.spelling.comparisons.iter();
        let compare = known.find(|(each, _)| *each == word);
        if compare.is_none() && !word.is_empty() {
            leaf.refuse(
                "type",
                format_args!("ours does not compare numbers like this: {word}"),
            );
        }
        let compare = compare.map_or(Compare::Equal, |(_, compare)| *compare);
        let size = leaf.needs_number("field-len");
        let is_ordered = !matches!(compare, Compare::Equal | Compare::NotEqual);
        if size > 1 && is_ordered && self.options.keys != Some(ByteOrder::Network) {
            leaf.refuse(
                "type",
                "which of several bytes is the highest is not told: --keys network does",
            );
        }
        let (mask, right_shift) = self.bits(leaf, size);
        let value = leaf.needs_number("value");
        CondExpr {
            comment: None,
            r#type: AsWord(compare),
            field_off: Number(leaf.needs_number("field-off")),
            field_len: Number(size),
            mask,
            right_shift,
            value: Hex(self.ordered(leaf, "value", self.options.keys, size, value)),
        }
    }

    pub(super) fn flag_fields(
        &self,
        node: &Object<'a>,
        name: &str,
        has_parts: bool,
    ) -> Option<FlagFields> {
        let fields = node.object("flag-fields-parse-node")?;
        let inner = fields.object("hdr-length");
        let has_parts = has_parts
            | inner
                .as_ref()
                .is_some_and(|inner| inner.flag("flag-fields-length"));
        if let Some(inner) = inner {
            inner.end();
        }
        if !has_parts {
            fields.refuse(
                "hdr-length",
                "without `flag-fields-length` optional fields do not make the header longer, as ours do",
            );
        }
        let size = fields.needs_number("flags-length");
        if size > 1 && self.options.masks.is_none() {
            fields.refuse(
                "flags-length",
                format_args!(
                    "in which order the {size} bytes of flags are is not told: --masks does"
                ),
            );
        }
        let ordered = |object: &Object<'a>, key, number| {
            self.ordered(object, key, self.options.masks, size, number)
        };
        let mask = fields.number("flags-mask");
        let mask = mask.map(|mask| Hex(ordered(&fields, "flags-mask", mask)));
        let parts = match fields.text("table").filter(|_| self.spelling.has_lists) {
            None => fields.objects("ents"),
            Some(name) => match self.lists.flag_fields.get(name) {
                Some(table) => {
                    let parts = table.objects("ents");
                    table.end();
                    parts
                }
                None => {
                    fields.refuse("table", format_args!("there is no such table: {name}"));
                    Vec::new()
                }
            },
        };
        let ents: Vec<_> = parts
            .iter()
            .map(|part| {
                part.cannot("handler", CALLBACK);
                let flag = part.needs_number("flag");
                if part.number("mask").is_some_and(|mask| mask != flag) {
                    part.refuse("mask", "of an optional field of ours all flags are set");
                }
                let label = part.text("name");
                let converted = FlagField {
                    comment: None,
                    name: label.map(str::to_owned),
                    flag: Hex(ordered(part, "flag", flag)),
                    field_len: Number(part.needs_number("field-len")),
                    metadata: self.part_metadata(part, label.unwrap_or(name)),
                };
                part.end();
                converted
            })
            .collect();
        // Fields lie in the order of the list: this says how that is sorted.
        if let Some(reverse) = fields.value("flags-reverse-order") {
            let flags: Vec<u32> = ents.iter().map(|field| field.flag.0).collect();
            let sorted = flags.windows(2).all(|two| two[0] < two[1]);
            let reversed = flags.windows(2).all(|two| two[0] > two[1]);
            let fits = match reverse.as_bool() {
                Some(true) => reversed,
                Some(false) => sorted,
                None => false,
            };
            if !fits {
                fields.refuse("flags-reverse-order", "is not how the flags are sorted");
            }
        }
        let converted = FlagFields {
            comment: None,
            flags_offset: Number(fields.needs_number("flags-offset")),
            flags_length: Number(size),
            mask,
            right_shift: None,
            ents,
        };
        fields.end();
        Some(converted)
    }

    /// The metadata of an optional field: its own, or that of the node that it names.
    fn part_metadata(&self, part: &Object<'a>, name: &str) -> Option<Metadata> {
        let own = self.metadata(part, name);
        let Some(node_name) = part.text("node") else {
            return own;
        };
        let Some(node) = self.lists.flag_nodes.get(node_name) else {
            part.refuse("node", format_args!("there is no such node: {node_name}"));
            return own;
        };
        node.cannot("handler", CALLBACK);
        let metadata = self.metadata(node, node_name);
        node.end();
        own.or(metadata)
    }

    pub(super) fn metadata(&self, owner: &Object<'a>, name: &str) -> Option<Metadata> {
        if owner.value("metadata")?.is_string() {
            owner.refuse("metadata", CALLBACK);
            return None;
        }
        let all = owner.object("metadata")?;
        let entries = match all.text("list").filter(|_| self.spelling.has_lists) {
            None => all.objects("ents"),
            Some(list) => match self.lists.metadata.get(list) {
                Some(list) => {
                    let entries = list.objects("ents");
                    list.end();
                    entries
                }
                None => {
                    all.refuse("list", format_args!("there is no such list: {list}"));
                    Vec::new()
                }
            },
        };
        all.end();
        let stores = entries.iter().filter_map(|entry| self.store(entry, name));
        let (comment, ents) = (None, stores.collect::<Vec<_>>());
        (!ents.is_empty()).then_some(Metadata { comment, ents })
    }

    /// What an entry of metadata of `node` stores.
    fn store(&self, entry: &Object<'a>, node: &str) -> Option<Store> {
        let name = entry.text("name");
        let offset = entry.number("md-off");
        for key in ["index", "struct-off"] {
            entry.cannot(key, "ours has no arrays of metadata");
        }
        let kind = match entry.text("type") {
            Some("extract") => From::Extract,
            Some("constant") => From::Constant,
            Some("offset") => From::Offset,
            None if entry.has("hdr-src-off") => From::Extract,
            None if entry.has("value") => From::Constant,
            other => {
                let other = other.unwrap_or("nothing");
                entry.refuse("type", format_args!("ours stores no such thing: {other}"));
                return None;
            }
        };
        let Some(field) = self.field(node, name, offset) else {
            let name =
                name.map_or_else(|| format!("@{}", offset.unwrap_or_default()), str::to_owned);
            self.report.refuse(
                entry.path(),
                format_args!(
                    "no field of ours is called like this: --field {name}=FIELD tells which it is ({node}/{name}: \
                     in this node alone)"
                ),
            );
            return None;
        };
        let length = entry.number("length").or(self.spelling.metadata_length);
        let source = entry.number("hdr-src-off");
        // These say how the bytes lie in the structure, and a field of ours has one way.
        entry.flag("is-frame");
        entry.flag("endian-swap");
        let mut store = Store {
            comment: None,
            r#type: kind,
            field: AsWord(field),
            hdr_src_off: None,
            length: None,
            mask: None,
            right_shift: None,
            value: None,
        };
        let size = length.unwrap_or_else(|| field.size().into());
        match kind {
            From::Extract => {
                store.hdr_src_off = source.map(Number);
                store.length = (size != u32::from(field.size())).then_some(Number(size));
                (store.mask, store.right_shift) = self.bits(entry, size);
            }
            From::Constant => {
                let value = entry.needs_number("value");
                let value = self.ordered(entry, "value", self.options.keys, size, value);
                store.value = Some(Hex(value));
            }
            From::Offset if source.unwrap_or_default() != 0 => {
                entry.refuse("hdr-src-off", "an offset of ours is that of the header");
            }
            From::Offset => {}
        }
        entry.end();
        Some(store)
    }

    /// Which field of ours their metadata is.
    fn field(&self, node: &str, name: Option<&str>, offset: Option<u32>) -> Option<Field> {
        let at = format!("@{}", offset.unwrap_or_default());
        let names = [name.unwrap_or(&at), &at];
        let given = |wanted: &str| {
            let mut all = self.options.fields.iter();
            all.find(|(known, _)| known == wanted)
                .map(|(_, field)| *field)
        };
        let of_node = names
            .iter()
            .find_map(|name| given(&format!("{node}/{name}")));
        let of_all = || names.iter().find_map(|name| given(name));
        of_node.or_else(of_all).or_else(|| super::field(name?))
    }
}

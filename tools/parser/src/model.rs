// SPDX-License-Identifier: GPL-2.0

//! A parse graph as it stands in JSON. The crate's documentation tells what each key means.

use parse_graph::{Compare, Field};
use serde::{Deserialize, Deserializer, Serialize};

use crate::number::{Hex, Number};
use crate::words::{AsWord, Stop};

/// Defines what an object has: each may have a `comment`, none may have a key that is not known.
macro_rules! objects {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })+) => {
        $($(#[$meta])*
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        pub struct $name {
            /// Whatever there is to say; it changes nothing
            #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
            pub comment: Option<String>,
            $($(#[$field_meta])* pub $field: $type,)*
        })+
    };
}

/// What is there; `null` is nothing that can be.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// Whether there is nothing to write of a flag.
fn is_false(flag: &bool) -> bool {
    !flag
}

objects! {
    /// A parse graph
    Document {
        /// The parser: one
        parsers: Vec<Parser>,
        /// What a parser goes through
        parse_nodes: Vec<ParseNode>,
        /// Tables that more than one node uses
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        proto_tables: Vec<ProtoTable>,
    }

    /// A parser
    Parser {
        /// Its name
        name: String,
        /// The node that it begins with: the Ethernet header
        root_node: String,
        /// How many headers it counts before it goes to `at-limit`: 15, if it does not say
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        max_headers: Option<Number>,
    }

    /// A header, or what is thought of it
    #[derive(Default)]
    ParseNode {
        /// Its name
        name: String,
        /// How many bytes must be there: all that the node reads lies within them
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        min_hdr_length: Option<Number>,
        /// How long the header is: as `min-hdr-length`, if it does not say
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        hdr_length: Option<HdrLength>,
        /// The parser stays where the header begins
        #[serde(default, skip_serializing_if = "is_false")]
        overlay: bool,
        /// All of the header must be there
        #[serde(default, skip_serializing_if = "is_false")]
        whole: bool,
        /// It takes one of the parser's headers
        #[serde(default, skip_serializing_if = "is_false")]
        counted: bool,
        /// Conditions each of which ends the parse before the header is looked at
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stop_before_if: Vec<AsWord<Stop>>,
        /// Conditions each of which ends the parse behind the header
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stop_if: Vec<AsWord<Stop>>,
        /// Conditions without any of which the parse ends behind the header
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stop_unless: Vec<AsWord<Stop>>,
        /// Where to if the header is not as it should be: `stop_fail`, if it does not say
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        default_fail: Option<String>,
        /// What must be true of the header
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        cond_exprs: Option<CondExprs>,
        /// What the header tells
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        metadata: Option<Metadata>,
        /// Parts that are there if flags say so
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        flag_fields: Option<FlagFields>,
        /// A list of options
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        tlvs: Option<Tlvs>,
        /// What comes next, by a number of the header
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        next_proto: Option<NextProto>,
        /// What comes next, always
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        next_node: Option<String>,
        /// What comes next if no more headers are counted: `stop_okay`, if it does not say
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        at_limit: Option<AtLimit>,
    }

    /// How long a header is: `((field & mask) >> right-shift) * multiplier + add` bytes; `add` alone, if
    /// there is no field
    #[derive(Default)]
    HdrLength {
        /// Offset of the field in the header, in bytes
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        field_off: Option<Number>,
        /// Size of the field: 1, 2 or 4 bytes
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        field_len: Option<Number>,
        /// Which of its bits count
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        mask: Option<Hex>,
        /// By how many bits it is shifted, behind the mask
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        right_shift: Option<Number>,
        /// By what that is multiplied: 1, if it does not say
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        multiplier: Option<Number>,
        /// What is added: 0, if it does not say
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        add: Option<Number>,
    }

    /// What must be true of a header
    CondExprs {
        /// All of it
        ents: Vec<CondExpr>,
    }

    /// A comparison of a number of the header with another
    CondExpr {
        /// How they are compared, as numbers without a sign
        r#type: AsWord<Compare>,
        /// Offset of the field in the header, in bytes
        field_off: Number,
        /// Size of the field: 1, 2 or 4 bytes
        field_len: Number,
        /// Which of its bits count: all, if it does not say
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        mask: Option<Hex>,
        /// By how many bits it is shifted, behind the mask
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        right_shift: Option<Number>,
        /// With what it is compared
        value: Hex,
    }

    /// What a header tells
    Metadata {
        /// One after the other
        ents: Vec<Store>,
    }

    /// What is put into a field
    Store {
        /// Where the value comes from
        r#type: From,
        /// The field
        field: AsWord<Field>,
        /// Offset of what is extracted, in bytes: 0, if it does not say
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        hdr_src_off: Option<Number>,
        /// Size of what is extracted: that of the field, if it does not say
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        length: Option<Number>,
        /// Which bits of what is extracted count: all, if it does not say
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        mask: Option<Hex>,
        /// By how many bits it is shifted, behind the mask
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        right_shift: Option<Number>,
        /// The constant
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        value: Option<Hex>,
    }

    /// Parts of a header that are there if flags say so, in their order behind `min-hdr-length` bytes
    /// or what `hdr-length` tells
    FlagFields {
        /// Offset of the flags in the header, in bytes
        flags_offset: Number,
        /// Size of the flags: 1, 2 or 4 bytes
        flags_length: Number,
        /// Which of the flags count: all, if it does not say
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        mask: Option<Hex>,
        /// By how many bits they are shifted, behind the mask
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        right_shift: Option<Number>,
        /// The parts
        ents: Vec<FlagField>,
    }

    /// A part of a header that is there if flags say so
    FlagField {
        /// Its name, which changes nothing
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// The flags: all must be set
        flag: Hex,
        /// How long it is, in bytes
        field_len: Number,
        /// What it tells: with that it must be there; offsets begin with the part
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        metadata: Option<Metadata>,
    }

    /// A list of type, length and value from `start-offset` to the end of the header
    Tlvs {
        /// Offset of the first entry in the header, in bytes
        start_offset: Number,
        /// The type of an entry
        tlv_type: Bits,
        /// How long all of an entry is
        tlv_length: HdrLength,
        /// The shortest entry that has a length, in bytes: type and length lie within it
        min_tlv_length: Number,
        /// A type that fills one byte and has no length
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        pad1: Option<Hex>,
        /// The type that ends the list
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        eol: Option<Hex>,
        /// How many entries are looked at
        max_tlvs: Number,
        /// The entries that are of interest
        ents: Vec<Tlv>,
    }

    /// An entry of such a list
    Tlv {
        /// Its name, which changes nothing
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Its type
        r#type: Hex,
        /// What it tells; offsets begin with the entry
        metadata: Metadata,
    }

    /// A number of an entry of a list
    Bits {
        /// Offset of the field in the entry, in bytes
        field_off: Number,
        /// Size of the field: 1, 2 or 4 bytes
        field_len: Number,
        /// Which of its bits count: all, if it does not say
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        mask: Option<Hex>,
        /// By how many bits it is shifted, behind the mask
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        right_shift: Option<Number>,
    }

    /// What comes next, by a number of the header
    NextProto {
        /// Offset of the field in the header, in bytes
        field_off: Number,
        /// Size of the field: 1, 2 or 4 bytes
        field_len: Number,
        /// Which of its bits count: all, if it does not say
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        mask: Option<Hex>,
        /// By how many bits it is shifted, behind the mask
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        right_shift: Option<Number>,
        /// The name of the table in which it is looked up
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        table: Option<String>,
        /// The table itself
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        ents: Option<Vec<Entry>>,
        /// Where to if nothing there matches: `stop_left_out`, if it does not say
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        default: Option<String>,
    }

    /// What comes next if no more headers are counted, by the number that `next-proto` looks up
    AtLimit {
        /// The name of the table in which it is looked up
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        table: Option<String>,
        /// The table itself
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        ents: Option<Vec<Entry>>,
        /// Where to if nothing there matches: `stop_okay`, if it does not say
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        default: Option<String>,
    }

    /// A table that more than one node uses
    ProtoTable {
        /// Its name
        name: String,
        /// Its entries
        ents: Vec<Entry>,
    }

    /// An entry of a table
    Entry {
        /// Its name, which changes nothing
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// The number that it matches
        key: Hex,
        /// Where it leads: this or `target`
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        node: Option<String>,
        /// Where it leads: this or `node`
        #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
        target: Option<String>,
    }
}

/// Where the value of a [`Store`] comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum From {
    /// From the header
    Extract,
    /// It is always the same
    Constant,
    /// It is the offset of the header in the frame
    Offset,
}

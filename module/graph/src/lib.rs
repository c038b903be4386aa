// SPDX-License-Identifier: GPL-2.0

//! What a parser does, as data: the canonical form of a parse graph.
//!
//! A graph says which headers a frame may have, where each tells how long it is and what comes next,
//! and which of its fields are of use. It is written once and translated twice: for the device, and to
//! a flow dissector that the kernel runs. Both are made of the same bytes, whose SHA-256 is the graph's
//! digest, so that who compares digests knows that both do the same.
//!
//! # What a graph means
//!
//! A parser is at a *node*, at an *offset* in the frame. It begins at node 0 with the Ethernet header;
//! a flow dissector begins behind that, with the EtherType given. At each node, in this order:
//!
//! 1. Where a condition of [`Node::stop_before`] is true, it stops with [`Target::OKAY`].
//! 2. [`Node::min_len`] bytes must be there. All fields that the node reads lie within them.
//! 3. The length of the header is worked out ([`Node::length`]); it must be at least `min_len`, and with
//!    [`Node::WHOLE`] all of the header must be there.
//! 4. All [`Condition`]s must hold.
//! 5. The [`Store`]s put what the header tells into [fields](Field).
//! 6. [Optional fields](Optional) behind the fixed part are gone through, in their order. One with
//!    stores must be there if the header's flags say so; of others only the length counts.
//! 7. The parser goes on behind the header and its optional fields, unless it is an
//!    [overlay](Node::OVERLAY): then it stays.
//! 8. Where a condition of [`Node::stop_if`] is true, or one of [`Node::stop_unless`] is not, it stops with
//!    [`Target::OKAY`].
//! 9. [`Node::next`] names the next node, or how to stop.
//!
//! Where 2, 3, 4 or 6 fail, the parser goes to [`Node::fail`] from where the header begins; what was
//! stored stays. Where a header would begin above [`limits::OFFSET`], the parser stops with [`Target::FAIL`]
//! before 1. Where it stops, the offset is what [`Field::Thoff`] has, but never more than the frame's
//! length.
//!
//! A node that [counts](Node::COUNTED) takes one of the [`Graph::max_headers`] as it is left by `next`. If there is
//! none left, [`Node::at_limit`] decides instead. Each circle of the graph has a node that counts: all
//! parsers come to an end.
//!
//! [Lists](Tlvs) of type, length and value are gone through at 5 by a device alone: a flow dissector has
//! nowhere to put what they tell. One that is malformed ends there and harms nothing else.
//!
//! # The canonical form
//!
//! Two graphs that mean the same have the same bytes, as far as that can be told from their form: nodes
//! that nothing leads to are left out; all others are numbered such that whatever leads to a node without
//! counting has a lower number, by an order that does not depend on names (see the crate that reads
//! JSON); tables are sorted by key, and of equal ones there is one; a mask that leaves all is told as that. Names are not
//! part of it. [`Graph::new`] checks all of that but the numbering, and
//! that no record lies, so that whoever has a [`Graph`] need not look again.
//!
//! The crate uses `core` alone, allocates nothing and has no code that can panic.

#![cfg_attr(not(CONFIG_RUST), no_std)]
#![forbid(unsafe_code)]

pub mod agree;
pub mod blob;
mod check;
mod field;
mod graph;
pub mod limits;
mod names;
mod record;
mod refusal;

pub use field::{Carrier, Field, Order};
pub use graph::{Graph, Header, Parts};
pub use record::{
    Compare, Condition, Entry, Length, Lookup, Node, Optional, Piece, Range, Record, Source, Store,
    Target, Tlv, Tlvs,
};
pub use refusal::{Part, Refusal, Rule};

/// A condition that stops a parser, as a set: what its caller asked for, or what it has found.
pub mod stop {
    /// The caller wants what is behind the header of a first fragment
    /// (`BPF_FLOW_DISSECTOR_F_PARSE_1ST_FRAG`).
    pub const PARSE_1ST_FRAG: u16 = 1 << 0;
    /// The caller wants nothing behind an IPv6 header with a flow label
    /// (`BPF_FLOW_DISSECTOR_F_STOP_AT_FLOW_LABEL`).
    pub const STOP_AT_FLOW_LABEL: u16 = 1 << 1;
    /// The caller wants nothing that another packet carries (`BPF_FLOW_DISSECTOR_F_STOP_AT_ENCAP`).
    pub const STOP_AT_ENCAP: u16 = 1 << 2;
    /// The caller does not want to know that one packet carries another
    /// (`FLOW_DISSECTOR_F_STOP_BEFORE_ENCAP`).
    pub const STOP_BEFORE_ENCAP: u16 = 1 << 3;
    /// The packet is a fragment: [`Field::IsFrag`](super::Field::IsFrag) was stored.
    pub const IS_FRAG: u16 = 1 << 8;

    /// What a caller may ask for.
    pub const OF_CALLER: u16 =
        PARSE_1ST_FRAG | STOP_AT_FLOW_LABEL | STOP_AT_ENCAP | STOP_BEFORE_ENCAP;
    /// All of them.
    pub const ALL: u16 = OF_CALLER | IS_FRAG;

    /// Each with its name, as it stands in JSON.
    pub const NAMES: [(u16, &str); 5] = [
        (PARSE_1ST_FRAG, "parse-1st-frag"),
        (STOP_AT_FLOW_LABEL, "stop-at-flow-label"),
        (STOP_AT_ENCAP, "stop-at-encap"),
        (STOP_BEFORE_ENCAP, "stop-before-encap"),
        (IS_FRAG, "is-frag"),
    ];
}

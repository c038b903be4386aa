// SPDX-License-Identifier: GPL-2.0

//! Parse graphs as JSON: reads them, makes their canonical form and its digest, and writes them.
//!
//! What a graph means is told by [`parse_graph`]; here is how it is written. The language is a part of
//! what the JSON of other programmable parsers has (CPL of kParser, PIR of XDP2), with the same keys for
//! the same things, and a few keys more. `schema.json` beside this crate's sources says it for programs,
//! `samples/parsers` shows it.
//!
//! ```
//! let text = r#"{
//!     "parsers": [{ "name": "least", "root-node": "ethernet" }],
//!     "parse-nodes": [{
//!         "name": "ethernet",
//!         "min-hdr-length": 14,
//!         "metadata": { "ents": [{ "type": "extract", "field": "n_proto", "hdr-src-off": 12 }] },
//!         "next-proto": {
//!             "field-off": 12, "field-len": 2,
//!             "ents": [{ "key": "0x0806", "target": "stop_okay" }],
//!             "default": "stop_fail"
//!         }
//!     }]
//! }"#;
//! let graph = graph_json::Canonical::from_json(text)?;
//! assert_eq!(graph.names().nodes, ["ethernet"]);
//! # Ok::<(), graph_json::Error>(())
//! ```
//!
//! # What is in all objects
//!
//! A key that is not known is an error, as is one that is there twice, and `null`: what is dropped in
//! silence would change what a parser does. Each object may have a `comment`, a string, which changes
//! nothing; nor do the `name`s of entries, optional fields and options.
//!
//! A *number* is one of JSON, or a string in hexadecimal, `"0x86dd"`, whose digits may be upper case. All
//! numbers are without a sign and have at most 32 bits.
//!
//! A *number of the header* is `field-off`, its offset in bytes; `field-len`, its size: 1, 2 or 4 bytes,
//! of which the first one on the wire is the highest; `mask`, the bits that count, all if it is not there;
//! `right-shift`, by how many bits what is left is shifted, 0 if it is not there. It lies within the bytes
//! that must be there, and the mask within the field. Keys, and values that it is compared with, are
//! what is left: of an EtherType as on the wire, `"0x0800"` for IPv4. One that seems to be in the order of
//! a little-endian machine is refused.
//!
//! A *target* is the name of a node, or how a parser stops: `stop_okay`, `stop_fail`, or `stop_left_out`
//! for what the graph leaves to the kernel. None leads to the root.
//!
//! # The document
//!
//! | key | |
//! |---|---|
//! | `parsers` | one parser: its `name`, its `root-node`, and `max-headers`, how many headers it counts (0 to 64, 15 if it is not there) |
//! | `parse-nodes` | the nodes |
//! | `proto-tables` | tables that more than one node uses: `name` and `ents` |
//!
//! The root is an Ethernet header: 14 bytes, with `n_proto` extracted from offset 12, and `next-proto` by
//! that. Of what it stores only that is in the kernel's flow keys; it stops nowhere and has no
//! conditions, optional fields or options.
//!
//! # A node
//!
//! | key | | if it is not there |
//! |---|---|---|
//! | `name` | its name | is required |
//! | `min-hdr-length` | how many bytes must be there: up to 128 | 0 |
//! | `hdr-length` | how long the header is, up to 4096: a number of the header, `multiplier` (1) and `add` (0), or `add` alone | `min-hdr-length` |
//! | `overlay` | the parser stays where the header begins | `false` |
//! | `whole` | all of the header must be in the frame | `false` |
//! | `counted` | it takes one of the `max-headers` | `false` |
//! | `stop-before-if` | conditions any of which stops the parser before the header | none |
//! | `stop-if` | conditions any of which stops it behind the header | none |
//! | `stop-unless` | conditions without any of which it stops there | none |
//! | `default-fail` | target if the header is not as it should be | `stop_fail` |
//! | `cond-exprs` | what must be true: `ents` of `type` (`equal`, `not_equal`, `less_than`, `less_or_equal`, `greater_than`, `greater_or_equal`), a number of the header and `value`; all must hold | nothing |
//! | `metadata` | what is stored: see below | nothing |
//! | `flag-fields` | optional fields: see below | none |
//! | `tlvs` | a list of options: see below | none |
//! | `next-proto` | what comes next: a number of the header, and `table`, the name of one, or `ents`; `default`, a target, is `stop_left_out` if it is not there | |
//! | `next-node` | target, always; this or `next-proto` | `stop_okay` |
//! | `at-limit` | what comes next if no more headers are counted, with `counted` alone: `table` or `ents`, in which the number of `next-proto` is looked up, or neither; `default`, a target, is `stop_okay` if it is not there | `stop_okay` |
//!
//! An entry of a table has a `key` and a `node` or a `target`, which are the same; no key is there twice.
//! Conditions are `parse-1st-frag`, `stop-at-flow-label`, `stop-at-encap` and `stop-before-encap`, for
//! which a caller asks, and `is-frag`, if `is_frag` was stored. From a node no way leads back to it without
//! one that is counted.
//!
//! # Metadata
//!
//! `ents`, one after the other, each with a `type` and the `field` that is stored, by its name
//! ([`parse_graph::Field`], but `thoff`, which is where the parser stops):
//!
//! - `extract`: from the header, at `hdr-src-off` (0 if it is not there), `length` bytes (as many as the
//!   field has, if it is not there) with `mask` and `right-shift`. What is left must fit into the field.
//!   Fields of other sizes than 1, 2 and 4 bytes are copied as they are.
//! - `constant`: `value`.
//! - `offset`: where the header begins in the frame. That is for `nhoff`.
//!
//! # Optional fields
//!
//! `flag-fields` has the flags, `flags-offset`, `flags-length`, `mask` and `right-shift`, as a number of the
//! header, and `ents` in the order in which they lie behind the header: `flag`, of which all bits must be
//! set; `field-len`, in bytes; and `metadata`, whose offsets begin with the field. With metadata a field
//! that the flags tell of must be there; else its length counts alone.
//!
//! # Options
//!
//! `tlvs` has `start-offset`, where the first entry begins; `tlv-type`, a number of an entry; `tlv-length`,
//! as `hdr-length`, of all of an entry; `min-tlv-length`, the bytes that an entry has, but for `pad1`, a type
//! of one byte without a length; `eol`, the type that ends the list; `max-tlvs`, how many entries are looked
//! at (1 to 64); and `ents`: `type` and `metadata`, whose offsets begin with the entry and whose fields
//! are those that a device alone has.
//!
//! # The canonical form
//!
//! [`Canonical::build`] leaves out nodes and tables that nothing leads to, and numbers the others in two steps.
//! First they are discovered from the root, depth first, a node before those it leads to: by the entries of
//! `next-proto` in the order of their keys, its default, the same of `at-limit`, and `default-fail`. Then
//! they are sorted such that whatever leads to a node without counting has a lower number; of those
//! that can come next the one that was discovered first does. Of equal tables there is one. Neither names nor
//! the order in the file are of influence, so that equal graphs have an equal [digest]: a SHA-256.

mod blob;
mod dot;
mod draft;
mod dump;
mod encode;
mod error;
mod graph;
pub mod import;
pub mod model;
mod names;
mod number;
mod order;
mod picture;
mod read;
mod resolve;
#[cfg(test)]
mod schema;
mod svg;
mod words;

pub use blob::names;
pub use dot::dot;
pub use dump::dump;
pub use error::Error;
pub use graph::{digest, Canonical};
pub use names::{Names, Table};
pub use number::{Hex, Number};
pub use read::read;
pub use svg::svg;
pub use words::{AsWord, Stop, Word};

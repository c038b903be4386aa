// SPDX-License-Identifier: GPL-2.0

//! Parse graphs as JSON: reads them, makes their canonical form and its digest, and writes them.
//!
//! What a graph means is told by [`parse_graph`], and its fields by [`parse_graph::Field`].
//!
//! ```
//! let small = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/parsers/small.json");
//! let graph = graph_json::Canonical::from_json(&std::fs::read_to_string(small)?)?;
//! assert_eq!(graph.names().nodes, ["ethernet", "ipv4", "ipv6", "ports"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
#![doc = include_str!("../dialect.md")]

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
pub use picture::Notes;
pub use read::read;
pub use svg::svg;
pub use words::{AsWord, Stop, Word};

/// The language of the files, as Markdown: the same as above, for whoever makes another manual of it.
pub const DIALECT: &str = include_str!("../dialect.md");

// SPDX-License-Identifier: GPL-2.0

//! Takes over graphs of other programmable parsers.
//!
//! Their JSON has the same ancestors as ours, and other readers: callbacks in C, metadata at offsets of
//! a structure, keys in the order of the machine that wrote them. Nothing of that is guessed:
//!
//! | theirs | |
//! |---|---|
//! | callbacks, arrays, comparisons with a sign, "or" | refused |
//! | lists of options | refused: one that is malformed ends their parsers, and not ours |
//! | metadata | is the field of ours that is called like it, or that [`Options::fields`] tells; else refused |
//! | order of bytes | of keys, the wire's if they look so; of masks of more than a byte, [`Options`] tells it |
//! | where a lookup leads that finds nothing | `stop_fail`, if nothing is said: an unknown protocol is an error |
//! | the end of a header | `whole`: their headers must be in the frame |
//! | limits of nodes and encapsulations | nothing, if no way is as long; else all nodes are counted, and encapsulations refused |
//! | counters, source files, sizes of frames of metadata | dropped, as they change nothing of what is parsed |
//!
//! What is refused has its place in the JSON, and so has what is dropped. [`Options::leave_out`] drops
//! what would be refused.

mod convert;
mod cpl;
mod header;
mod json;
mod limits;
mod xdp2;

use std::fmt;

use parse_graph::Field;

use crate::error::{Error, Path};
use crate::graph::Canonical;
use crate::model::Document;
use crate::words::Word;
use json::Report;

/// Whose JSON it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// The common parser language of kParser.
    Cpl,
    /// What XDP2's compiler writes, its documents call PIR, and its fork in Rust reads.
    Xdp2,
}

/// In which order the bytes of numbers were read that the JSON has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ByteOrder {
    /// The first byte on the wire is the highest.
    Network,
    /// The first byte on the wire is the lowest.
    LittleEndian,
}

/// What the JSON does not tell, and the user has to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// The order of keys and values. Not given, it is [`ByteOrder::Network`], and whatever does not
    /// look so is refused.
    pub keys: Option<ByteOrder>,
    /// The order of masks and flags of more than a byte, which are refused if it is not given.
    pub masks: Option<ByteOrder>,
    /// Our fields for their metadata: `NAME`, or `NODE/NAME`; `@OFFSET` stands for one without a name.
    pub fields: Vec<(String, Field)>,
    /// What is left out: a key, wherever it stands, or a path.
    pub leave_out: Vec<String>,
    /// How many headers are counted, instead of what the JSON says.
    pub max_headers: Option<u8>,
}

/// A graph that was taken over.
#[derive(Clone, PartialEq, Debug)]
pub struct Imported {
    /// The graph, which [`Canonical::build`] takes.
    pub document: Document,
    /// What was dropped or added, and why.
    pub warnings: Vec<Error>,
}

/// Why a graph can't be taken over: all of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// What our graphs can't say.
    pub refused: Vec<Error>,
    /// What would be dropped or added.
    pub warnings: Vec<Error>,
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.refused.iter().map(Error::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Takes over a graph.
///
/// # Errors
///
/// All that our graphs can't say, each with its place in `text`.
pub fn import(text: &str, from: Dialect, options: &Options) -> Result<Imported, Refused> {
    let report = Report::new(&options.leave_out);
    let spelling = match from {
        Dialect::Cpl => &cpl::SPELLING,
        Dialect::Xdp2 => &xdp2::SPELLING,
    };
    let document = match json::read(text) {
        Ok(value) => convert::document(&value, spelling, options, &report),
        Err(error) => {
            report.refuse(&Path::root(), error);
            None
        }
    };
    let (mut refused, warnings) = report.into_all();
    if let (Some(document), true) = (document, refused.is_empty()) {
        // Nodes and tables have kept their places, unless one before them was left out, and most keys
        // their names.
        match Canonical::build(&document) {
            Ok(_) => return Ok(Imported { document, warnings }),
            Err(error) => refused.push(error),
        }
    }
    Err(Refused { refused, warnings })
}

/// The field that has a name.
pub fn field(name: &str) -> Option<Field> {
    let mut words = Field::words().into_iter();
    words
        .find(|(_, word)| *word == name)
        .map(|(field, _)| field)
}

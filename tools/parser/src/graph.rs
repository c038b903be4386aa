// SPDX-License-Identifier: GPL-2.0

//! A graph in its canonical form, with its names beside it.

use parse_graph::{Graph, Part, Refusal};
use sha2::{Digest as _, Sha256};

use crate::draft::Draft;
use crate::encode::encode;
use crate::error::{Error, Path};
use crate::model::Document;
use crate::names::Names;
use crate::order::order;
use crate::read::read;
use crate::resolve::resolve;

/// A graph in its canonical form, with its names.
///
/// # Invariants
///
/// [`Graph::new`] takes the bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Canonical {
    bytes: Vec<u8>,
    names: Names,
}

/// The SHA-256 of a canonical form.
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

impl Canonical {
    /// The canonical form of what `text`, a document, says.
    ///
    /// # Errors
    ///
    /// As [`read`] and [`Canonical::build`].
    pub fn from_json(text: &str) -> Result<Self, Error> {
        Self::build(&read(text)?)
    }

    /// The canonical form of what a document says.
    ///
    /// # Errors
    ///
    /// It says something that no graph can say, or that is not complete.
    pub fn build(document: &Document) -> Result<Self, Error> {
        let draft = resolve(document)?;
        let order = order(&draft).map_err(|nodes| circle(&draft, &nodes))?;
        let encoded = encode(&draft, &order);
        let too_much =
            || Path::root().error("has more records of one kind than the limit of 65535");
        let (bytes, names) = encoded.ok_or_else(too_much)?;
        Graph::new(&bytes).map_err(|refusal| refused(&order, &refusal))?;
        Ok(Self { bytes, names })
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its names.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Its digest, by which all know it.
    pub fn digest(&self) -> [u8; 32] {
        digest(&self.bytes)
    }

    /// What it says.
    ///
    /// # Errors
    ///
    /// Never: it was looked at before.
    pub fn graph(&self) -> Result<Graph<'_>, Refusal> {
        Graph::new(&self.bytes)
    }
}

/// That nodes lead to each other without counting.
fn circle(draft: &Draft, nodes: &[usize]) -> Error {
    let name = |node: &usize| draft.nodes[*node].name.as_str();
    let names: Vec<_> = nodes.iter().chain(nodes.first()).map(name).collect();
    let first = nodes.first().copied().unwrap_or_default();
    Path::root().key("parse-nodes").at(first).error(format_args!(
        "leads back to itself and no node of the circle is counted, so that a parser would not come to an end: {}",
        names.join(" -> ")
    ))
}

/// What the canonical form is refused for.
fn refused(order: &[usize], refusal: &Refusal) -> Error {
    let root = Path::root();
    match refusal.part {
        Part::Node(number) => match order.get(usize::from(number)) {
            Some(node) => root
                .key("parse-nodes")
                .at(*node)
                .error(format_args!("{}: {}", refusal.rule, refusal.value)),
            None => root.error(refusal),
        },
        _ => root.error(refusal),
    }
}

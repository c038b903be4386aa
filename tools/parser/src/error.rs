// SPDX-License-Identifier: GPL-2.0

//! Why something is no parse graph, and where.

use std::fmt;

/// Why something is no parse graph.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct Error {
    /// Where it stands in the JSON: `parse-nodes[3].next-proto.ents[2].key`; empty if it is about all.
    pub path: String,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.what)
    }
}

/// A place in the JSON.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Path(String);

impl Path {
    /// The whole.
    pub(crate) fn root() -> Self {
        Self(String::new())
    }

    /// What it has under `key`.
    pub(crate) fn key(&self, key: &str) -> Self {
        let dot = if self.0.is_empty() { "" } else { "." };
        Self(format!("{}{dot}{key}", self.0))
    }

    /// The element with a number.
    pub(crate) fn at(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// That something is wrong here.
    pub(crate) fn error(&self, what: impl fmt::Display) -> Error {
        Error {
            path: self.0.clone(),
            what: what.to_string(),
        }
    }

    /// Errs unless `value` is at most `limit`.
    pub(crate) fn at_most(&self, what: &str, limit: u32, value: u32) -> Result<(), Error> {
        if value <= limit {
            return Ok(());
        }
        Err(self.error(format_args!(
            "{what} is above the limit of {limit}: {value}"
        )))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

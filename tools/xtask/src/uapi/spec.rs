// SPDX-License-Identifier: GPL-2.0

//! What a YNL specification says, as far as ours says it.
//!
//! A key that is not known here is an error, so that nothing of the specification gets lost on the
//! way. Numbers are given as `tools/net/ynl/pyynl/lib/nlspec.py` of the kernel gives them: entries of
//! enumerations from 0, attributes from 1, operations from 1 in one row with the notifications.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

/// A specification.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Spec {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) doc: String,
    #[serde(default)]
    pub(crate) definitions: Vec<Definition>,
    pub(crate) attribute_sets: Vec<AttributeSet>,
    pub(crate) operations: List<Operation>,
    #[serde(default)]
    pub(crate) mcast_groups: List<Group>,
}

/// What is named `list` in the specification.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List<T> {
    pub(crate) list: Vec<T>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { list: Vec::new() }
    }
}

/// A constant or an enumeration.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Definition {
    Const {
        name: String,
        #[serde(default)]
        doc: String,
        value: u64,
    },
    Enum {
        name: String,
        #[serde(default)]
        doc: String,
        entries: Vec<Entry>,
    },
}

/// An entry of an enumeration.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Entry {
    Bare(String),
    Told(ToldEntry),
}

/// An entry that has more than a name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToldEntry {
    name: String,
    #[serde(default)]
    doc: String,
}

impl Entry {
    pub(crate) fn name(&self) -> &str {
        match self {
            Entry::Bare(name) => name,
            Entry::Told(entry) => &entry.name,
        }
    }

    pub(crate) fn doc(&self) -> &str {
        match self {
            Entry::Bare(_) => "",
            Entry::Told(entry) => &entry.doc,
        }
    }
}

/// A number space of attributes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttributeSet {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) doc: String,
    pub(crate) attributes: Vec<Attribute>,
}

/// An attribute.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) doc: String,
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    #[serde(rename = "enum")]
    pub(crate) enumeration: Option<String>,
    #[serde(default)]
    pub(crate) multi_attr: bool,
    pub(crate) nested_attributes: Option<String>,
    #[serde(default)]
    pub(crate) checks: Checks,
}

/// What an attribute carries.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    U32,
    Uint,
    String,
    Binary,
    Flag,
    Nest,
}

/// What is demanded of an attribute.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Checks {
    pub(crate) min: Option<Number>,
    pub(crate) max: Option<Number>,
    pub(crate) max_len: Option<Number>,
}

/// A number, or the name of a constant.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Number {
    Value(u64),
    Name(String),
}

/// A request with its answer, or a notification.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Operation {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) doc: String,
    pub(crate) attribute_set: Option<String>,
    #[serde(default)]
    pub(crate) flags: Vec<Flag>,
    #[serde(rename = "do")]
    pub(crate) one: Option<Exchange>,
    #[serde(rename = "dump")]
    pub(crate) all: Option<Exchange>,
    pub(crate) notify: Option<String>,
    pub(crate) mcgrp: Option<String>,
}

/// A demand on whoever asks.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Flag {
    AdminPerm,
    UnsAdminPerm,
}

/// What goes there and back.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    #[serde(default)]
    pub(crate) request: Message,
    #[serde(default)]
    pub(crate) reply: Message,
}

/// The names of a message's attributes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Message {
    pub(crate) attributes: Vec<String>,
}

/// A multicast group.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) doc: String,
}

impl Spec {
    /// Reads YAML.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        serde_norway::from_str(text).context("not a specification, or of a kind not known here")
    }

    /// The attribute set of that name.
    pub(crate) fn set(&self, name: &str) -> Result<&AttributeSet> {
        let mut sets = self.attribute_sets.iter();
        sets.find(|set| set.name == name)
            .with_context(|| format!("there is no attribute set {name:?}"))
    }

    /// The largest value of an enumeration.
    pub(crate) fn last_of(&self, name: &str) -> Result<u64> {
        let entries = self
            .definitions
            .iter()
            .find_map(|definition| match definition {
                Definition::Enum {
                    name: found,
                    entries,
                    ..
                } if found == name => Some(entries.len()),
                _ => None,
            });
        let entries = entries.with_context(|| format!("there is no enum {name:?}"))?;
        u64::try_from(entries)?
            .checked_sub(1)
            .with_context(|| format!("the enum {name:?} is empty"))
    }

    /// The value of a number.
    pub(crate) fn value(&self, number: &Number) -> Result<u64> {
        let name = match number {
            Number::Value(value) => return Ok(*value),
            Number::Name(name) => name,
        };
        let constants: BTreeMap<_, _> = self
            .definitions
            .iter()
            .filter_map(|definition| match definition {
                Definition::Const { name, value, .. } => Some((name, *value)),
                Definition::Enum { .. } => None,
            })
            .collect();
        let value = constants.get(name).copied();
        value.with_context(|| format!("there is no constant {name:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "name: x\nattribute-sets: []\noperations: {list: []}\n";

    #[test]
    fn what_is_not_known_is_refused() {
        Spec::parse(HEAD).unwrap();
        for more in [
            "sub-messages: []",
            "definitions: [{name: a, type: struct, members: []}]",
            "definitions: [{name: a, type: enum, entries: [{name: b, value: 4}]}]",
        ] {
            assert!(Spec::parse(&format!("{HEAD}{more}\n")).is_err(), "{more}");
        }
    }

    #[test]
    fn names_are_looked_up() {
        let more = "definitions: [{name: a, type: const, value: 7}, {name: e, type: enum, entries: [b, c]}]";
        let spec = Spec::parse(&format!("{HEAD}{more}\n")).unwrap();
        let name = |name: &str| Number::Name(name.to_owned());
        assert_eq!(spec.value(&Number::Value(3)).unwrap(), 3);
        assert_eq!(spec.value(&name("a")).unwrap(), 7);
        assert!(spec.value(&name("b")).is_err());
        assert_eq!(spec.last_of("e").unwrap(), 1);
        assert!(spec.last_of("a").is_err());
        assert!(spec.set("a").is_err());
    }
}

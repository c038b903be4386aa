// SPDX-License-Identifier: GPL-2.0

//! Words that stand for something of a graph: fields, comparisons, conditions.

use std::fmt;

use parse_graph::{stop, Compare, Field};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Something that has a word.
pub trait Word: Copy + Sized {
    /// What it is called in messages.
    const WHAT: &'static str;

    /// All of them, with their words.
    fn words() -> Vec<(Self, &'static str)>;
}

/// Something as its word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AsWord<T>(pub T);

impl Word for Field {
    const WHAT: &'static str = "field";

    fn words() -> Vec<(Self, &'static str)> {
        // Where a parser stops is nothing that a node can tell.
        let fields = Self::ALL.into_iter().filter(|field| *field != Self::Thoff);
        fields.map(|field| (field, field.name())).collect()
    }
}

impl Word for Compare {
    const WHAT: &'static str = "comparison";

    fn words() -> Vec<(Self, &'static str)> {
        Self::NAMES.to_vec()
    }
}

/// A condition of [`stop`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stop(pub u16);

impl Word for Stop {
    const WHAT: &'static str = "condition";

    fn words() -> Vec<(Self, &'static str)> {
        stop::NAMES.map(|(bit, name)| (Self(bit), name)).to_vec()
    }
}

impl<'de, T: Word> Deserialize<'de> for AsWord<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader<T>(std::marker::PhantomData<T>);

        impl<T: Word> Visitor<'_> for Reader<T> {
            type Value = AsWord<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "the name of a {}", T::WHAT)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                let words = T::words();
                let found = words.iter().find(|(_, word)| *word == text);
                found.map(|(each, _)| AsWord(*each)).ok_or_else(|| {
                    let known: Vec<_> = words.iter().map(|(_, word)| *word).collect();
                    let (what, known) = (T::WHAT, known.join(" "));
                    E::custom(format_args!(
                        "no {what} has this name: {text} (known: {known})"
                    ))
                })
            }
        }

        from.deserialize_str(Reader(std::marker::PhantomData))
    }
}

impl<T: Word + PartialEq> Serialize for AsWord<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let words = T::words();
        let word = words.iter().find(|(each, _)| *each == self.0);
        let word = word.map(|(_, word)| *word);
        to.serialize_str(word.ok_or_else(|| serde::ser::Error::custom("has no name"))?)
    }
}

#[cfg(test)]
impl<T: Word> schemars::JsonSchema for AsWord<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::WHAT.into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let words: Vec<_> = T::words().into_iter().map(|(_, word)| word).collect();
        schemars::json_schema!({ "type": "string", "enum": words })
    }
}

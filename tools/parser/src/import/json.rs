// SPDX-License-Identifier: GPL-2.0

//! JSON whose keys are told apart by where they stand and whether somebody has asked for them.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::{Error, Path};
use crate::number::Number;

/// Reads JSON. Unlike [`Value`]'s own reader it refuses a key that is there twice.
pub(super) fn read(text: &str) -> serde_json::Result<Value> {
    let mut from = serde_json::Deserializer::from_str(text);
    let value = Once.deserialize(&mut from)?;
    from.end()?;
    Ok(value)
}

/// A value no object of which has a key twice.
struct Once;

impl<'de> DeserializeSeed<'de> for Once {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(key) = from.next_key::<String>()? {
            let value = from.next_value_seed(Once)?;
            if all.insert(key.clone(), value).is_some() {
                return Err(de::Error::custom(format_args!("duplicate field `{key}`")));
            }
        }
        Ok(Value::Object(all))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(value) = from.next_element_seed(Once)? {
            all.push(value);
        }
        Ok(Value::Array(all))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

/// What is refused, and what is told besides.
pub(super) struct Report<'a> {
    leave_out: &'a [String],
    refused: RefCell<Vec<Error>>,
    warnings: RefCell<Vec<Error>>,
}

impl<'a> Report<'a> {
    /// Where nothing has been said yet.
    pub(super) fn new(leave_out: &'a [String]) -> Self {
        Self {
            leave_out,
            refused: RefCell::default(),
            warnings: RefCell::default(),
        }
    }

    /// That something can't be taken over.
    pub(super) fn refuse(&self, path: &Path, why: impl fmt::Display) {
        add(&self.refused, path.error(why));
    }

    /// That something is left out, or there without being in the JSON.
    pub(super) fn warn(&self, path: &Path, why: impl fmt::Display) {
        add(&self.warnings, path.error(why));
    }

    /// What was refused, and what is told besides.
    pub(super) fn into_all(self) -> (Vec<Error>, Vec<Error>) {
        (self.refused.into_inner(), self.warnings.into_inner())
    }

    /// Whether the user wants `path`, which ends with `key`, left out. That is told.
    fn leaves_out(&self, path: &Path, key: Option<&str>) -> bool {
        let path_text = path.to_string();
        let wanted = |each: &String| *each == path_text || key.is_some_and(|key| each == key);
        let leaves_out = self.leave_out.iter().any(wanted);
        if leaves_out {
            self.warn(path, "left out, as asked for");
        }
        leaves_out
    }
}

/// What is asked for twice is told once.
fn add(all: &RefCell<Vec<Error>>, error: Error) {
    let mut all = all.borrow_mut();
    if !all.contains(&error) {
        all.push(error);
    }
}

/// An object, its place, and the keys that were asked for.
pub(super) struct Object<'a> {
    map: &'a Map<String, Value>,
    path: Path,
    report: &'a Report<'a>,
    known: RefCell<HashSet<&'static str>>,
}

impl<'a> Object<'a> {
    /// `value`, unless it is something else.
    pub(super) fn new(value: &'a Value, path: Path, report: &'a Report<'a>) -> Option<Self> {
        let Value::Object(map) = value else {
            report.refuse(&path, "is no object");
            return None;
        };
        Some(Self {
            map,
            path,
            report,
            known: RefCell::default(),
        })
    }

    /// Where it stands.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where `key` of it stands.
    pub(super) fn at(&self, key: &str) -> Path {
        self.path.key(key)
    }

    /// What stands under `key`, if that is there and not left out. What is `null` is not there.
    pub(super) fn value(&self, key: &'static str) -> Option<&'a Value> {
        self.known.borrow_mut().insert(key);
        let value = self.map.get(key).filter(|value| !value.is_null())?;
        (!self.report.leaves_out(&self.at(key), Some(key))).then_some(value)
    }

    /// Whether `key` is there.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    /// A text.
    pub(super) fn text(&self, key: &'static str) -> Option<&'a str> {
        let value = self.value(key)?;
        let text = value.as_str();
        if text.is_none() {
            self.refuse(key, "is no text");
        }
        text
    }

    /// A text that must be there.
    pub(super) fn needs_text(&self, key: &'static str) -> &'a str {
        self.needed(key, self.text(key)).unwrap_or_default()
    }

    /// A number: one of JSON, or hexadecimal in a string.
    pub(super) fn number(&self, key: &'static str) -> Option<u32> {
        match Number::deserialize(self.value(key)?) {
            Ok(Number(number)) => Some(number),
            Err(error) => {
                self.refuse(key, error);
                None
            }
        }
    }

    /// A number that must be there.
    pub(super) fn needs_number(&self, key: &'static str) -> u32 {
        self.needed(key, self.number(key)).unwrap_or_default()
    }

    /// Whether a flag is there and true.
    pub(super) fn flag(&self, key: &'static str) -> bool {
        let Some(value) = self.value(key) else {
            return false;
        };
        value.as_bool().unwrap_or_else(|| {
            self.refuse(key, "is neither true nor false");
            false
        })
    }

    /// An object.
    pub(super) fn object(&self, key: &'static str) -> Option<Object<'a>> {
        Object::new(self.value(key)?, self.at(key), self.report)
    }

    /// The objects of an array, which are none if it is not there. One that is left out keeps its number.
    pub(super) fn objects(&self, key: &'static str) -> Vec<Object<'a>> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let Value::Array(all) = value else {
            self.refuse(key, "is no array");
            return Vec::new();
        };
        let all = all.iter().enumerate().filter_map(|(number, value)| {
            let path = self.at(key).at(number);
            let stays = !self.report.leaves_out(&path, None);
            stays.then(|| Object::new(value, path, self.report))?
        });
        all.collect()
    }

    /// That what stands under `key` can't be taken over.
    pub(super) fn refuse(&self, key: &str, why: impl fmt::Display) {
        self.report.refuse(&self.at(key), why);
    }

    /// Refuses `key` if it is there.
    pub(super) fn cannot(&self, key: &'static str, why: &str) {
        if self.has(key) {
            self.refuse(key, why);
        }
    }

    /// Drops `key` if it is there and says something.
    pub(super) fn drops(&self, key: &'static str, why: &str) {
        let value = self.value(key);
        if value.is_some_and(|value| value.as_array().is_none_or(|all| !all.is_empty())) {
            self.report.warn(&self.at(key), why);
        }
    }

    /// Refuses each key that nobody has asked for.
    pub(super) fn end(&self) {
        self.drops("comment", "changes nothing");
        for key in self.map.keys() {
            let is_known = self.known.borrow().contains(key.as_str());
            if !is_known && !self.report.leaves_out(&self.at(key), Some(key)) {
                self.refuse(key, "the dialect has no such key here");
            }
        }
    }

    /// Refuses what must be there and is not. What is there and wrong has been refused before.
    fn needed<T>(&self, key: &'static str, value: Option<T>) -> Option<T> {
        if value.is_none() && !self.map.contains_key(key) {
            self.report.refuse(
                &self.path,
                format_args!("needs `{key}`, which is not there"),
            );
        }
        value
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The Rust file that a specification becomes. rustfmt has the last word on how it looks.

use std::fmt::Write;

use anyhow::{bail, ensure, Context, Result};

use super::spec::{Attribute, Checks, Definition, Entry, Flag, Kind, Message, Operation, Spec};

/// The file.
pub(crate) fn file(spec: &Spec, source: &str) -> Result<String> {
    let mut out = String::from("// SPDX-License-Identifier: GPL-2.0\n\n");
    let head = format!(
        "The generic netlink family `{}`.\n\nMade by `cargo xtask uapi` from {source}: what is changed \
         here by hand is lost.\n\n{}",
        spec.name, spec.doc
    );
    doc(&mut out, "//!", &head);
    out.push_str("\nuse crate::operation::{AttributePolicy, Mode, Operation, Permission};\n\n");
    doc(&mut out, "///", "The name of the family.");
    writeln!(out, "pub const FAMILY: &str = {:?};", spec.name)?;
    doc(&mut out, "///", "Its version.");
    out.push_str("pub const VERSION: u8 = 1;\n");
    for group in &spec.mcast_groups.list {
        let text = match group.doc.trim() {
            "" => format!("The name of the multicast group {:?}.", group.name),
            text => text.to_owned(),
        };
        doc(&mut out, "///", &text);
        let name = constant(&group.name);
        writeln!(out, "pub const GROUP_{name}: &str = {:?};", group.name)?;
    }
    for definition in &spec.definitions {
        if let Definition::Const {
            name,
            doc: text,
            value,
        } = definition
        {
            doc(&mut out, "///", text);
            writeln!(out, "pub const {}: usize = {value};", constant(name))?;
        }
    }
    for definition in &spec.definitions {
        if let Definition::Enum {
            name,
            doc: text,
            entries,
        } = definition
        {
            let entries: Vec<_> = entries
                .iter()
                .map(|entry| (entry.name(), told(entry)))
                .collect();
            enumeration(&mut out, name, text, ("u32", 0), &entries)?;
        }
    }
    let commands: Vec<_> = spec.operations.list.iter().collect();
    let commands: Vec<_> = commands
        .iter()
        .map(|operation| (operation.name.as_str(), operation.doc.clone()))
        .collect();
    enumeration(
        &mut out,
        "command",
        "An operation's number.",
        ("u8", 1),
        &commands,
    )?;
    for set in &spec.attribute_sets {
        attributes(&mut out, &set.name, &set.doc, &set.attributes)?;
    }
    let mut rows = String::new();
    for operation in &spec.operations.list {
        rows.push_str(&row(&mut out, spec, operation)?);
    }
    doc(&mut out, "///", "Every operation, by its number.");
    write!(
        out,
        "pub const OPERATIONS: &[Operation<Command>] = &[{rows}];"
    )?;
    Ok(out)
}

/// The text on an entry.
fn told(entry: &Entry) -> String {
    match entry.doc().trim() {
        "" => format!("{:?}.", entry.name()),
        text => text.to_owned(),
    }
}

/// Documentation.
fn doc(out: &mut String, mark: &str, text: &str) {
    for line in text.trim().lines() {
        out.push_str(format!("{mark} {line}").trim_end());
        out.push('\n');
    }
}

/// An enumeration with its numbers, from the first one on.
fn enumeration(
    out: &mut String,
    name: &str,
    text: &str,
    (raw, first): (&str, usize),
    entries: &[(&str, String)],
) -> Result<()> {
    ensure!(!text.trim().is_empty(), "the enum {name:?} has no doc");
    let title = camel(name);
    doc(out, "///", text);
    writeln!(
        out,
        "#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]\n#[repr({raw})]\n\
         pub enum {title} {{"
    )?;
    let mut all = String::new();
    let mut by_number = String::new();
    let mut names = String::new();
    for (number, (name, text)) in (first..).zip(entries) {
        let entry = camel(name);
        doc(out, "///", text);
        writeln!(out, "{entry} = {number},")?;
        write!(all, "Self::{entry},")?;
        write!(by_number, "{number} => Self::{entry},")?;
        write!(names, "Self::{entry} => {name:?},")?;
    }
    writeln!(
        out,
        "}}\n\nimpl {title} {{
/// All of them, by number.
pub const ALL: &'static [Self] = &[{all}];

/// The one with that number, if it is one that was known when this was compiled.
pub const fn from_raw(raw: {raw}) -> Option<Self> {{
Some(match raw {{ {by_number} _ => return None, }})
}}

/// Its number.
pub const fn raw(self) -> {raw} {{ self as {raw} }}

/// Its name in the specification.
pub const fn name(self) -> &'static str {{ match self {{ {names} }} }}
}}
"
    )?;
    Ok(())
}

/// The numbers of an attribute set.
fn attributes(out: &mut String, name: &str, text: &str, all: &[Attribute]) -> Result<()> {
    doc(out, "///", text);
    writeln!(out, "pub mod {} {{", snake(name))?;
    let mut names = String::new();
    for (number, attribute) in (1..).zip(all) {
        let text = attribute.doc.trim();
        ensure!(!text.is_empty(), "{name}: {:?} has no doc", attribute.name);
        let name = constant(&attribute.name);
        doc(out, "///", &format!("{text}\n\n{}", carried(attribute)));
        writeln!(out, "pub const {name}: u16 = {number};")?;
        write!(names, "{name} => {:?},", attribute.name)?;
    }
    writeln!(
        out,
        "/// The largest number.
pub const MAX: u16 = {};

/// The name of an attribute in the specification.
pub const fn name(number: u16) -> Option<&'static str> {{
Some(match number {{ {names} _ => return None, }})
}}
}}
",
        all.len()
    )?;
    Ok(())
}

/// What an attribute carries, in words.
fn carried(attribute: &Attribute) -> String {
    let mut text = match (&attribute.kind, &attribute.enumeration) {
        (Kind::U32, Some(name)) => format!("A `u32`, one of [`{0}`](super::{0}).", camel(name)),
        (Kind::U32, None) => "A `u32`.".to_owned(),
        (Kind::Uint, _) => "A `u32` or a `u64`, as its length says.".to_owned(),
        (Kind::String, _) => "Text with a zero byte at its end.".to_owned(),
        (Kind::Binary, _) => "Bytes.".to_owned(),
        (Kind::Flag, _) => "Nothing: it is there or not.".to_owned(),
        (Kind::Nest, _) => match &attribute.nested_attributes {
            Some(set) => format!("Attributes of [`{0}`](super::{0}).", snake(set)),
            None => "Attributes.".to_owned(),
        },
    };
    if attribute.multi_attr {
        text.push_str(" There may be several of them.");
    }
    text
}

/// The entry of an operation in the table; what its requests may have goes out at once.
fn row(out: &mut String, spec: &Spec, operation: &Operation) -> Result<String> {
    let Operation { name, .. } = operation;
    let mode = match (&operation.notify, &operation.mcgrp) {
        (Some(like), Some(group)) => {
            let mut all = spec.operations.list.iter();
            ensure!(
                all.any(|other| other.name == *like && other.notify.is_none()),
                "{name}: there is no request {like:?}"
            );
            ensure!(
                spec.mcast_groups
                    .list
                    .iter()
                    .any(|known| known.name == *group),
                "{name}: there is no group {group:?}"
            );
            format!(
                "Mode::Notification {{ like: Command::{}, group: GROUP_{} }}",
                camel(like),
                constant(group)
            )
        }
        (None, None) => {
            let permission = match operation.flags.as_slice() {
                [] => "Anyone",
                [Flag::UnsAdminPerm] => "NamespaceAdmin",
                [Flag::AdminPerm] => "Admin",
                more => bail!("{name}: what is {more:?}?"),
            };
            let set = operation.attribute_set.as_deref();
            let set = set.with_context(|| format!("{name}: it has no attribute set"))?;
            let exchanges = [
                ("DO", "without `NLM_F_DUMP`", &operation.one),
                ("DUMP", "with `NLM_F_DUMP`", &operation.all),
            ];
            let mut tables = Vec::new();
            for (suffix, which, exchange) in exchanges {
                let Some(exchange) = exchange else {
                    tables.push("None".to_owned());
                    continue;
                };
                replies(spec, set, &exchange.reply)
                    .and_then(|()| policies(spec, set, &exchange.request))
                    .and_then(|(length, table)| {
                        let table_name = format!("{}_{suffix}", constant(name));
                        let text = format!("What [`Command::{}`] {which} may have.", camel(name));
                        doc(out, "///", &text);
                        writeln!(
                            out,
                            "pub const {table_name}: [AttributePolicy; {length}] = [{table}];\n"
                        )?;
                        tables.push(format!("Some(&{table_name})"));
                        Ok(())
                    })
                    .with_context(|| format!("operation {name:?}"))?;
            }
            format!(
                "Mode::Request {{ permission: Permission::{permission}, one: {}, dump: {} }}",
                tables[0], tables[1]
            )
        }
        _ => bail!("{name}: a notification has both `notify` and `mcgrp`"),
    };
    Ok(format!(
        "Operation {{ command: Command::{}, mode: {mode} }},",
        camel(name)
    ))
}

/// Whether the attributes of an answer exist.
fn replies(spec: &Spec, set: &str, message: &Message) -> Result<()> {
    let set = spec.set(set)?;
    for name in &message.attributes {
        ensure!(
            set.attributes
                .iter()
                .any(|attribute| attribute.name == *name),
            "there is no attribute {name:?} in the set {:?}",
            set.name
        );
    }
    Ok(())
}

/// A table with what a message may have, and its length.
fn policies(spec: &Spec, set: &str, message: &Message) -> Result<(usize, String)> {
    replies(spec, set, message)?;
    let set = spec.set(set)?;
    let known = |attribute: &Attribute| message.attributes.contains(&attribute.name);
    let Some(last) = set.attributes.iter().rposition(known) else {
        return Ok((0, String::new()));
    };
    let mut table = "AttributePolicy::Reject,".to_owned();
    for attribute in set.attributes.iter().take(last + 1) {
        let policy = if known(attribute) {
            policy(spec, attribute).with_context(|| format!("attribute {:?}", attribute.name))?
        } else {
            "Reject".to_owned()
        };
        write!(table, "AttributePolicy::{policy},")?;
    }
    Ok((last + 2, table))
}

/// What one attribute may be.
fn policy(spec: &Spec, attribute: &Attribute) -> Result<String> {
    let Checks { min, max, max_len } = &attribute.checks;
    let bound = |number: &Option<_>| -> Result<_> {
        number.as_ref().map(|number| spec.value(number)).transpose()
    };
    let (min, mut max, max_len) = (bound(min)?, bound(max)?, bound(max_len)?);
    if let Some(name) = &attribute.enumeration {
        ensure!(max.is_none(), "an enum has its own bounds");
        max = Some(spec.last_of(name)?);
    }
    let has_range = min.or(max).is_some();
    Ok(match attribute.kind {
        Kind::U32 | Kind::Uint => {
            ensure!(max_len.is_none(), "a number has no length");
            let variant = if attribute.kind == Kind::U32 {
                ensure!(
                    max.is_none_or(|max| max <= u64::from(u32::MAX)),
                    "{max:?} in 32 bits?"
                );
                "U32"
            } else {
                "Uint"
            };
            format!("{variant} {{ min: {min:?}, max: {max:?} }}")
        }
        Kind::String | Kind::Binary => {
            ensure!(!has_range, "only a number has bounds");
            ensure!(
                max_len.is_none_or(|len| len <= u64::from(u16::MAX)),
                "too long"
            );
            format!("{:?} {{ max_len: {max_len:?} }}", attribute.kind)
        }
        Kind::Flag => {
            ensure!(!has_range && max_len.is_none(), "a flag has no bounds");
            "Flag".to_owned()
        }
        Kind::Nest => {
            let set = attribute.nested_attributes.as_deref();
            let set = spec.set(set.context("a nest has no set")?)?;
            let all = Message {
                attributes: set
                    .attributes
                    .iter()
                    .map(|inner| inner.name.clone())
                    .collect(),
            };
            let (_, table) = policies(spec, &set.name, &all)?;
            format!("Nest(&[{table}])")
        }
    })
}

/// `ProgramKind` of `program-kind`.
fn camel(name: &str) -> String {
    name.split('-')
        .map(|word| {
            let (head, tail) = word.split_at(word.len().min(1));
            head.to_uppercase() + tail
        })
        .collect()
}

/// `program_kind`.
fn snake(name: &str) -> String {
    name.replace('-', "_")
}

/// `PROGRAM_KIND`.
fn constant(name: &str) -> String {
    snake(name).to_uppercase()
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: GPL-2.0

//! The tables of a NIC, as `devlink dpipe` shows them.
//!
//! It shows a value in place of each mask, and no values but those of four bytes and of a few well-known fields:
//! [`told`] asks the kernel itself. The kernel's own tool can't read the end of what the core answers, an
//! `NLMSG_DONE` without a number.

use anyhow::{ensure, Context, Result};
use serde_json::Value;

use crate::command::Cmd;
use crate::genl::{self, Family};
use crate::nic::Nic;

/// `DEVLINK_CMD_DPIPE_ENTRIES_GET`.
const ENTRIES_GET: u8 = 32;

/// Attributes of messages, `DEVLINK_ATTR_*`.
mod attribute {
    pub(super) const BUS_NAME: u16 = 1;
    pub(super) const DEV_NAME: u16 = 2;
    pub(super) const TABLE_NAME: u16 = 29;
    pub(super) const ENTRIES: u16 = 34;
    pub(super) const ENTRY: u16 = 35;
    pub(super) const ENTRY_INDEX: u16 = 36;
    pub(super) const ENTRY_MATCH_VALUES: u16 = 37;
    pub(super) const ENTRY_ACTION_VALUES: u16 = 38;
    pub(super) const MATCH_VALUE: u16 = 41;
    pub(super) const ACTION_VALUE: u16 = 44;
    pub(super) const VALUE: u16 = 46;
    pub(super) const VALUE_MASK: u16 = 47;
}

/// An entry of a table: what it matches and what it sets, `FIELD=VALUE` each, with a `/` behind it if there is
/// a mask. Numbers are hexadecimal; a value that is not shown is empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its number in the table.
    pub index: u64,
    /// What a frame must have.
    pub matches: String,
    /// What becomes of it.
    pub actions: String,
}

fn shown(values: &Value) -> Result<String> {
    let mut all = Vec::new();
    for value in values.as_array().context("no list")? {
        let field = value["field"].as_str().context("no field")?;
        let shown = match &value["value"] {
            Value::Number(number) => format!("{:#x}", number.as_u64().context("no number")?),
            Value::String(text) => text.clone(),
            _ => String::new(),
        };
        let mask = if value["value_mask"].is_null() {
            ""
        } else {
            "/"
        };
        all.push(format!("{field}={shown}{mask}"));
    }
    Ok(all.join(" "))
}

/// All entries of `table`.
///
/// # Errors
///
/// Where the tool shows it in no form that is known.
pub fn dump(nic: &Nic, table: &str) -> Result<Vec<Entry>> {
    let entries = entries(nic, table)?;
    let entries = entries.iter().map(|entry| {
        Ok(Entry {
            index: index(entry)?,
            matches: shown(&entry["match_value"])?,
            actions: shown(&entry["action_value"])?,
        })
    });
    entries.collect()
}

/// What the tool shows of each entry of `table`.
fn entries(nic: &Nic, table: &str) -> Result<Vec<Value>> {
    let handle = nic.handle();
    let dump = format!("devlink -j dpipe table dump {handle} name {table}");
    let mut json = Cmd::new(dump).json()?;
    let entries = json["table_entry"][&handle].take();
    Ok(entries.as_array().cloned().unwrap_or_default())
}

fn index(entry: &Value) -> Result<u64> {
    entry["index"].as_u64().context("no index")
}

/// A value of four bytes is a number of the host's, each other one some bytes.
fn number(value: &[u8]) -> String {
    match value.try_into() {
        Ok(number) => format!("{:#x}", u32::from_ne_bytes(number)),
        Err(_) => value.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// What is told of each field in `values`, of those whose names the tool shows.
fn told_of(values: &[u8], kind: u16, shown: &Value) -> Result<String> {
    let shown = shown.as_array().context("no list")?;
    let values = genl::attributes(values)?;
    let mut all = Vec::new();
    for value in values.each(kind) {
        let value = genl::attributes(value)?;
        let field = shown
            .get(all.len())
            .and_then(|shown| shown["field"].as_str());
        let field = field.context("the tool does not show it")?;
        let of = value.bytes(attribute::VALUE).context("no value")?;
        let mask = match value.bytes(attribute::VALUE_MASK) {
            Some(mask) => format!("/{}", number(mask)),
            None => String::new(),
        };
        all.push(format!("{field}={}{mask}", number(of)));
    }
    ensure!(
        all.len() == shown.len(),
        "the tool shows {shown:?}: {all:?}"
    );
    Ok(all.join(" "))
}

/// All entries of `table` as the kernel tells them: what each matches and what it sets, `FIELD=VALUE` or
/// `FIELD=VALUE/MASK` each. Names are those that the tool shows.
///
/// # Errors
///
/// Where the kernel tells others than the tool shows.
pub fn told(nic: &Nic, table: &str) -> Result<Vec<Entry>> {
    let text = |text: &str| [text.as_bytes(), b"\0"].concat();
    let handle = nic.handle();
    let (bus, device) = handle.split_once('/').context("no bus")?;
    let asked = [
        (attribute::BUS_NAME, text(bus)),
        (attribute::DEV_NAME, text(device)),
        (attribute::TABLE_NAME, text(table)),
    ];
    let answer = Family::open("devlink")?.ask(ENTRIES_GET, asked, 0)?;
    let shown = entries(nic, table)?;
    let mut all = Vec::new();
    for message in &answer {
        let message = genl::attributes(message)?;
        let entries = message.bytes(attribute::ENTRIES).context("no entries")?;
        for entry in genl::attributes(entries)?.each(attribute::ENTRY) {
            let entry = genl::attributes(entry)?;
            let shown = shown.get(all.len()).context("the tool shows less")?;
            let of = |kind| entry.bytes(kind).context("no values");
            let told = entry.uint(attribute::ENTRY_INDEX)?;
            ensure!(told == Some(index(shown)?), "{told:?} is shown as {shown}");
            all.push(Entry {
                index: index(shown)?,
                matches: told_of(
                    of(attribute::ENTRY_MATCH_VALUES)?,
                    attribute::MATCH_VALUE,
                    &shown["match_value"],
                )?,
                actions: told_of(
                    of(attribute::ENTRY_ACTION_VALUES)?,
                    attribute::ACTION_VALUE,
                    &shown["action_value"],
                )?,
            });
        }
    }
    ensure!(all.len() == shown.len(), "the tool shows more");
    Ok(all)
}

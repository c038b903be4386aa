// SPDX-License-Identifier: GPL-2.0

//! The tables of a NIC, as `devlink dpipe` shows them.
//!
//! It shows a value in place of each mask, and no values but those of four bytes and of a few well-known fields.
//! The kernel's own tool can't read the end of what the core answers, an `NLMSG_DONE` without a number.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command::Cmd;
use crate::nic::Nic;

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

fn told(values: &Value) -> Result<String> {
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
    let handle = nic.handle();
    let dump = format!("devlink -j dpipe table dump {handle} name {table}");
    let mut json = Cmd::new(dump).json()?;
    let entries = json["table_entry"][&handle].take();
    let entries = entries.as_array().into_iter().flatten().map(|entry| {
        Ok(Entry {
            index: entry["index"].as_u64().context("no index")?,
            matches: told(&entry["match_value"])?,
            actions: told(&entry["action_value"])?,
        })
    });
    entries.collect()
}

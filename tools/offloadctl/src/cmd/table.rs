// SPDX-License-Identifier: GPL-2.0

//! `offloadctl table`: raw tables, whose rules match any bits of the headers that a parse graph knows.

use anyhow::{ensure, Context, Result};
use clap::{Subcommand, ValueEnum};
use comfy_table::{CellAlignment, Table as Drawn};
use offload_uapi::client::Client;
use offload_uapi::netlink::{TableTarget, MAX_TABLE};
use offload_uapi::types::{hex, Action, Device, Table, TableEntry};

use crate::interface::{Interfaces, Names};
use crate::output::{or_dash, table, Output, Status};

mod key;
mod value;

/// Shows and changes raw tables: rules that match any field of the parse graph [default: show]
///
/// A raw table is one of an interface. Its key is made of fields of headers that the device's parse graph
/// knows, inner ones included; its rules say what becomes of received frames that have these values in
/// them. All rules of an interface are on one line of numbers, those of `ethtool -N` by their locations and
/// these by their priorities: the lowest one that matches counts.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Show the raw tables
    Show {
        /// Only of this interface: its name or index
        interface: Option<String>,
    },
    /// Add a raw table
    Add {
        /// The interface: its name or index
        interface: String,
        /// Its number
        #[arg(value_parser = clap::value_parser!(u32).range(1..=MAX_TABLE as i64))]
        table: u32,
        /// The fields of its key, in their order: NODE:OFFSET:LENGTH in bits, or in bytes with a B behind the
        /// number, from the beginning of the node's header; or NODE.FIELD, a field that the graph finds
        /// there. NODE#2 is the node when a frame comes to it for the second time, as to an inner header
        #[arg(required = true, value_name = "FIELD")]
        key: Vec<String>,
        /// Its name
        #[arg(long, default_value = "")]
        name: String,
        /// What of the kernel's it stands for
        #[arg(long, default_value = "ntuple")]
        target: Target,
    },
    /// Delete a raw table, with its rules
    Del {
        /// The interface: its name or index
        interface: String,
        /// Its number
        table: u32,
    },
    /// Show and change the rules of raw tables
    #[command(subcommand)]
    Rule(Rule),
}

#[derive(Subcommand)]
enum Rule {
    /// Show the rules, and how many frames they had
    Show {
        /// The interface: its name or index
        interface: String,
        /// Only of this table
        table: Option<u32>,
    },
    /// Add a rule
    Add {
        /// The interface: its name or index
        interface: String,
        /// The number of the table
        table: u32,
        /// What a frame is to have in each field of the key, in their order: a number, an address of IP or of
        /// Ethernet, or * for anything; with /BITS behind it, so many bits of it from the first one on, or with
        /// /0xMASK, those
        #[arg(required = true, value_name = "VALUE")]
        values: Vec<String>,
        /// Its place among all rules of the interface: the lowest one that matches a frame counts. If none is
        /// given, the lowest one that is free in the table
        #[arg(long)]
        priority: Option<u32>,
        #[command(flatten)]
        action: Chosen,
    },
    /// Delete a rule
    Del {
        /// The interface: its name or index
        interface: String,
        /// The number of the table
        table: u32,
        /// Its priority
        priority: u32,
    },
}

/// What becomes of a frame.
#[derive(clap::Args)]
struct Chosen {
    /// Drop it
    #[arg(long, required_unless_present_any = ["queue", "context"], conflicts_with_all = ["queue", "context"])]
    drop: bool,
    /// Give it to this receive queue; with --context, add this to the queue that the context's table names
    #[arg(long)]
    queue: Option<u32>,
    /// Spread it by this RSS context
    #[arg(long)]
    context: Option<u32>,
}

impl Chosen {
    fn action(&self) -> Action {
        match (self.queue, self.context) {
            (None, None) => Action::Drop,
            (Some(queue), None) => Action::Queue(queue),
            (offset, Some(id)) => Action::Context {
                id,
                offset: offset.unwrap_or(0),
            },
        }
    }
}

/// What a table stands for.
#[derive(Clone, Copy, ValueEnum)]
enum Target {
    Ntuple,
    Flower,
    Route,
    Nftables,
}

impl From<Target> for TableTarget {
    fn from(target: Target) -> Self {
        match target {
            Target::Ntuple => Self::Ntuple,
            Target::Flower => Self::Flower,
            Target::Route => Self::Route,
            Target::Nftables => Self::Nftables,
        }
    }
}

impl Args {
    pub(crate) fn run(self, output: &Output) -> Result<Status> {
        let mut client = Client::connect()?;
        let all = Interfaces::of(&mut client)?;
        match self.command.unwrap_or(Command::Show { interface: None }) {
            Command::Show { interface } => {
                let tables = client.tables(all.filter(interface.as_deref())?)?;
                output.show(tables.as_slice(), |tables| list(tables, &all.names()))?;
            }
            Command::Add {
                interface,
                table,
                key,
                name,
                target,
            } => {
                let device = all.find(&interface)?;
                let fields = key::fields(&mut client, device.ifindex, &key)?;
                client
                    .add_table(device.ifindex, table, &name, target.into(), &fields)
                    .with_context(|| of(device, table))?;
            }
            Command::Del { interface, table } => {
                let device = all.find(&interface)?;
                let deleted = client.delete_table(device.ifindex, table);
                deleted.with_context(|| of(device, table))?;
            }
            Command::Rule(rule) => rule.run(&mut client, &all, output)?,
        }
        Ok(Status::Good)
    }
}

impl Rule {
    fn run(self, client: &mut Client, all: &Interfaces, output: &Output) -> Result<()> {
        match self {
            Self::Show { interface, table } => {
                let device = all.find(&interface)?;
                let tables = client.tables(Some(device.ifindex))?;
                let mut entries = client.table_entries(device.ifindex)?;
                if let Some(number) = table {
                    let is_there = tables.iter().any(|table| table.table == number);
                    ensure!(is_there, "{}: there is none", of(device, number));
                    entries.retain(|entry| entry.table == number);
                }
                output.show(entries.as_slice(), |entries| rules(entries, &tables))?;
            }
            Self::Add {
                interface,
                table: number,
                values,
                priority,
                action,
            } => {
                let device = all.find(&interface)?;
                let tables = client.tables(Some(device.ifindex))?;
                let found = tables.iter().find(|table| table.table == number);
                let found =
                    found.with_context(|| format!("{}: there is none", of(device, number)))?;
                let (value, mask) = value::words(&found.key, &values)?;
                let place = (device.ifindex, number);
                client
                    .add_table_entry(place, priority, &value, Some(&mask), action.action())
                    .with_context(|| of(device, number))?;
            }
            Self::Del {
                interface,
                table,
                priority,
            } => {
                let device = all.find(&interface)?;
                let deleted = client.delete_table_entry((device.ifindex, table), priority);
                deleted.with_context(|| of(device, table))?;
            }
        }
        Ok(())
    }
}

/// Which table it is.
fn of(device: &Device, table: u32) -> String {
    format!("{}: table {table}", device.ifname)
}

fn list(tables: &[Table], names: &Names) -> Drawn {
    let mut drawn = table([
        "interface",
        "table",
        "name",
        "target",
        "key",
        "bits",
        "rules",
    ]);
    for column in [1, 5, 6] {
        if let Some(column) = drawn.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for table in tables {
        let key: Vec<_> = table.key.iter().map(ToString::to_string).collect();
        drawn.add_row([
            names.of(table.ifindex),
            table.table.to_string(),
            or_dash(Some(&table.name).filter(|name| !name.is_empty())),
            table.target.to_string(),
            key.join(" "),
            table.bits.to_string(),
            table.entries.to_string(),
        ]);
    }
    drawn
}

fn rules(entries: &[TableEntry], tables: &[Table]) -> Drawn {
    let mut drawn = table([
        "table", "priority", "match", "action", "context", "queue", "hits",
    ]);
    for column in [0, 1, 4, 5, 6] {
        if let Some(column) = drawn.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for entry in entries {
        let mut all = tables.iter();
        let table = all.find(|table| table.table == entry.table);
        // Another one may have that number by now.
        let told = table.and_then(|table| value::told(&table.key, &entry.value, &entry.mask));
        let raw = || format!("{}/{}", hex(&entry.value), hex(&entry.mask));
        drawn.add_row([
            entry.table.to_string(),
            entry.priority.to_string(),
            told.unwrap_or_else(raw),
            entry.action.to_string(),
            or_dash(entry.context),
            or_dash(entry.queue),
            entry.hits.to_string(),
        ]);
    }
    drawn
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use offload_uapi::netlink::TableAction;
    use offload_uapi::types::{Known, TableField};

    use super::*;

    fn rows(drawn: &Drawn) -> Vec<String> {
        let text = drawn.to_string();
        let rows = text.lines().map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            words.join(" ")
        });
        rows.collect()
    }

    #[test]
    fn tables_and_their_rules_are_listed() {
        let field = |node: &str, occurrence, offset, bits| TableField {
            node: node.to_owned(),
            occurrence,
            offset,
            bits,
        };
        let table = Table {
            ifindex: 3,
            table: 1,
            name: "inner".to_owned(),
            target: Known::Is(TableTarget::Flower),
            key: vec![field("ipv4", 2, 96, 32), field("udp", 2, 16, 16)],
            bits: 48,
            entries: 2,
        };
        let names = Names(BTreeMap::from([(3, "onic0".to_owned())]));
        let listed = rows(&list(std::slice::from_ref(&table), &names));
        let expected = "onic0 1 inner flower ipv4#2:96:32 udp#2:16:16 48 2";
        assert!(listed.iter().any(|row| row == expected), "{listed:?}");

        let entry = TableEntry {
            ifindex: 3,
            table: 1,
            priority: 7,
            value: vec![10, 0, 0, 5, 0, 0],
            mask: vec![255, 255, 255, 255, 0, 0],
            action: Known::Is(TableAction::Context),
            queue: Some(2),
            context: Some(1),
            hits: 12,
        };
        let other = TableEntry {
            table: 9,
            queue: None,
            context: None,
            action: Known::Is(TableAction::Drop),
            ..entry.clone()
        };
        let listed = rows(&rules(&[entry, other], &[table]));
        for expected in [
            "1 7 ipv4#2:96:32=0x0a000005 context 1 2 12",
            "9 7 0a0000050000/ffffffff0000 drop - - 12",
        ] {
            assert!(listed.iter().any(|row| row == expected), "{listed:?}");
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! `offloadctl parser import`: graphs of other programmable parsers.

use std::fs;
use std::path::PathBuf;

use anyhow::{anyhow, Context, Result};
use clap::ValueEnum;
use graph_json::import::{self, import, Dialect, Options};
use parse_graph::Field;

use crate::output::{Output, Status};

/// Take over the graph of another programmable parser, as a graph of ours
///
/// What our graphs can't say is refused, all of it at once and each with its place. What changes
/// nothing of what is parsed is dropped, which standard error tells.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Whose JSON it is
    #[arg(long)]
    from: From,
    /// The graph, as their JSON
    file: PathBuf,
    /// Write ours to this file, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// In which order the bytes of keys and values are written: network if it is not there, and then keys
    /// that do not look so are refused
    #[arg(long, value_name = "ORDER")]
    keys: Option<ByteOrder>,
    /// In which order the bytes of masks and flags of more than one byte are written: they are refused
    /// if it is not there
    #[arg(long, value_name = "ORDER")]
    masks: Option<ByteOrder>,
    /// Which field of ours their metadata is, by its name or, without one, @ and its offset; in one node
    /// alone, NODE/NAME=FIELD. Those that are called like ours need none
    #[arg(long = "field", value_name = "NAME=FIELD", value_parser = field)]
    fields: Vec<(String, Field)>,
    /// Leave out what stands under this key, wherever that is, or at this path of the JSON
    #[arg(long, value_name = "KEY")]
    leave_out: Vec<String>,
    /// How many headers are counted: theirs may come back to nodes more often than ours can count
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(..=64))]
    max_headers: Option<u8>,
}

#[derive(Clone, Copy, ValueEnum)]
enum From {
    /// kParser: the common parser language
    Cpl,
    /// XDP2: what its compiler writes, PIR, and what the fork in Rust reads
    Xdp2,
}

#[derive(Clone, Copy, ValueEnum)]
enum ByteOrder {
    /// As on the wire: 0x0800 is IPv4
    Network,
    /// As a little-endian machine reads them: 0x8 is IPv4
    LittleEndian,
}

impl std::convert::From<ByteOrder> for import::ByteOrder {
    fn from(order: ByteOrder) -> Self {
        match order {
            ByteOrder::Network => Self::Network,
            ByteOrder::LittleEndian => Self::LittleEndian,
        }
    }
}

/// `NAME=FIELD`.
fn field(text: &str) -> Result<(String, Field), String> {
    let (name, field) = text.split_once('=').ok_or("NAME=FIELD")?;
    let found = import::field(field).ok_or_else(|| format!("no field has this name: {field}"))?;
    Ok((name.to_owned(), found))
}

impl Args {
    pub(crate) fn run(self, output: &Output) -> Result<Status> {
        let context = || self.file.display().to_string();
        let text = fs::read_to_string(&self.file).with_context(context)?;
        let from = match self.from {
            From::Cpl => Dialect::Cpl,
            From::Xdp2 => Dialect::Xdp2,
        };
        let options = Options {
            keys: self.keys.map(Into::into),
            masks: self.masks.map(Into::into),
            fields: self.fields.clone(),
            leave_out: self.leave_out.clone(),
            max_headers: self.max_headers,
        };
        let imported = import(&text, from, &options);
        let warnings = match &imported {
            Ok(imported) => &imported.warnings,
            Err(refused) => &refused.warnings,
        };
        for warning in warnings {
            anstream::eprintln!("warning: {warning}");
        }
        let imported = imported.map_err(|refused| anyhow!("{}:\n{refused}", context()))?;
        let text = serde_json::to_string_pretty(&imported.document)? + "\n";
        match &self.output {
            Some(file) => {
                fs::write(file, text).with_context(|| file.display().to_string())?;
            }
            None => output.write(&text)?,
        }
        Ok(Status::Good)
    }
}

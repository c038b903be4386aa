// SPDX-License-Identifier: GPL-2.0

//! `offloadctl steer`: which receive queue frames are for.

use anyhow::{Context, Result};
use clap::Subcommand;
use comfy_table::{CellAlignment, Table};
use offload_uapi::client::Client;
use offload_uapi::types::Steered;
use serde::Serialize;

use super::frames::Source;
use crate::interface::Interfaces;
use crate::output::{or_dash, table, Output, Status};

/// Tells which receive queue frames are for, and why
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Ask the device where each frame would go that arrived now
    ///
    /// The device finds that out in the tables by which it steers at this moment. Nothing is sent and
    /// nothing counted. If a program runs in the device, what it makes of the frame, or chooses for it,
    /// is not in the answer, which says so.
    Explain {
        /// The interface that would receive: its name or index
        interface: String,
        #[command(flatten)]
        source: Source,
    },
}

/// What the device says of a frame.
#[derive(Serialize)]
struct Explained {
    /// Its number, counted from 1.
    frame: usize,
    /// Its bytes that the device was shown.
    bytes: usize,
    /// Its bytes on the wire.
    length: u32,
    #[serde(flatten)]
    steered: Steered,
}

impl Args {
    pub(crate) fn run(self, output: &Output) -> Result<Status> {
        let Command::Explain { interface, source } = self.command;
        // A mistake in there has nothing to do with the kernel.
        let frames = source.frames()?;
        let mut client = Client::connect()?;
        let all = Interfaces::of(&mut client)?;
        let device = all.find(&interface)?;
        let explained = (1..).zip(&frames).map(|(number, frame)| {
            let steered = client.steer(device.ifindex, &frame.bytes);
            let steered = steered.with_context(|| format!("{}: frame {number}", device.ifname))?;
            Ok(Explained {
                frame: number,
                bytes: frame.bytes.len(),
                length: frame.length,
                steered,
            })
        });
        let explained = explained.collect::<Result<Vec<_>>>()?;
        output.show(explained.as_slice(), list)?;
        Ok(Status::Good)
    }
}

fn list(all: &[Explained]) -> Table {
    let mut table = table([
        "frame", "bytes", "type", "hash", "of", "fields", "symmetry", "context", "entry", "table",
        "rule", "reason", "queue", "then",
    ]);
    for column in [0, 1, 7, 8, 9, 10, 12] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for explained in all {
        let Explained { steered, .. } = explained;
        let bytes = match (explained.bytes, explained.length) {
            (bytes, length) if u32::try_from(bytes) == Ok(length) => length.to_string(),
            (bytes, length) => format!("{bytes} of {length}"),
        };
        let entry = steered.entry.zip(steered.entries);
        table.add_row([
            explained.frame.to_string(),
            bytes,
            or_dash(steered.flow_type),
            or_dash(steered.hash.map(|hash| format!("{hash:#010x}"))),
            or_dash(steered.hash_level),
            or_dash(steered.hash_fields),
            or_dash(steered.symmetry),
            or_dash(steered.context),
            or_dash(entry.map(|(entry, entries)| format!("{entry} of {entries}"))),
            or_dash(steered.table),
            or_dash(steered.rule),
            steered.reason.to_string(),
            or_dash(steered.queue),
            if steered.programmed { "program" } else { "-" }.to_owned(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use offload_uapi::netlink::{FlowType, HashLevel, SteerReason, Symmetry};
    use offload_uapi::types::{HashFields, Known};

    use super::*;

    #[test]
    fn each_frame_has_its_row() {
        let hashed = Steered {
            ifindex: 3,
            reason: Known::Is(SteerReason::Rule),
            queue: Some(5),
            rule: Some(7),
            table: Some(2),
            context: Some(1),
            entry: Some(12),
            entries: Some(64),
            flow_type: Some(Known::Is(FlowType::Udp4)),
            hash: Some(0x51cc),
            hash_level: Some(Known::Is(HashLevel::L4)),
            hash_fields: Some(HashFields(1 << 4 | 1 << 5 | 1 << 6)),
            symmetry: Some(Known::Is(Symmetry::None)),
            programmed: true,
        };
        let unseen = Steered {
            reason: Known::Is(SteerReason::SingleQueue),
            queue: Some(0),
            rule: None,
            table: None,
            context: None,
            entry: None,
            entries: None,
            flow_type: None,
            hash: None,
            hash_level: None,
            hash_fields: None,
            symmetry: None,
            programmed: false,
            ..hashed.clone()
        };
        let all = [(hashed, 60), (unseen, 1500)];
        let all: Vec<_> = (1..)
            .zip(all)
            .map(|(frame, (steered, length))| Explained {
                frame,
                bytes: 60,
                length,
                steered,
            })
            .collect();
        let text = list(&all).to_string();
        let rows: Vec<Vec<_>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        let first = "1 60 udp4 0x000051cc l4 sdf none 1 12 of 64 2 7 rule 5 program";
        let second = "2 60 of 1500 - - - - - - - - - single-queue 0 -";
        for row in [first, second] {
            let row: Vec<_> = row.split(' ').collect();
            assert!(rows.contains(&row), "{text}");
        }
        let json = serde_json::to_value(&all).unwrap();
        assert_eq!(
            json[0]["hash_fields"],
            serde_json::json!(["ip-src", "ip-dst", "l4-b-0-1"])
        );
        assert_eq!(json[0]["reason"], "rule");
        assert_eq!(json[1]["queue"], 0);
        assert!(json[1]["rule"].is_null());
    }
}

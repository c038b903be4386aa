// SPDX-License-Identifier: GPL-2.0

//! `offloadctl stats`: what has happened.

use anyhow::Result;
use comfy_table::{CellAlignment, Table};
use offload_uapi::client::Client;
use offload_uapi::types::Stats;

use crate::interface::{Interfaces, Names};
use crate::output::{table, Output, Status};

/// Shows how often programs were compared, activated, removed, refused and found changed
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only of this interface: its name or index
    interface: Option<String>,
}

impl Args {
    pub(crate) fn run(self, output: &Output) -> Result<Status> {
        let mut client = Client::connect()?;
        let interfaces = Interfaces::of(&mut client)?;
        let all = match interfaces.filter(self.interface.as_deref())? {
            Some(ifindex) => vec![client.stats(ifindex)?],
            None => client.all_stats()?,
        };
        output.show(all.as_slice(), |all| list(all, &interfaces.names()))?;
        Ok(Status::Good)
    }
}

fn list(all: &[Stats], names: &Names) -> Table {
    let mut table = table([
        "interface",
        "comparisons",
        "mismatches",
        "faults",
        "refusals",
        "activations",
        "removals",
    ]);
    for column in 1..7 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for stats in all {
        table.add_row([
            names.of(stats.ifindex),
            stats.comparisons.to_string(),
            stats.mismatches.to_string(),
            stats.faults.to_string(),
            stats.refusals.to_string(),
            stats.activations.to_string(),
            stats.removals.to_string(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn each_count_has_its_column() {
        let names = Names([(3, "onic0".to_owned())].into());
        let text = list(&[samples::stats(3), samples::stats(9)], &names).to_string();
        let rows: Vec<Vec<_>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert!(
            rows.contains(&vec!["onic0", "10", "2", "1", "1", "4", "3"]),
            "{text}"
        );
        assert!(
            rows.contains(&vec!["#9", "10", "2", "1", "1", "4", "3"]),
            "{text}"
        );
    }
}

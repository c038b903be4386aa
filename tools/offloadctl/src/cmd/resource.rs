// SPDX-License-Identifier: GPL-2.0

//! `offloadctl resource`: what is taken of the devices.

use std::collections::BTreeSet;

use anyhow::Result;
use comfy_table::{CellAlignment, Table};
use offload_uapi::client::Client;
use offload_uapi::types::Device;

use crate::interface::Interfaces;
use crate::output::{table, Output, Status};

/// Shows what programs, maps and steering take of the devices, and how much there is
///
/// Interfaces of one device share its resources. `devlink resource` sets the limits.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only of the device of this interface: its name or index
    interface: Option<String>,
}

impl Args {
    pub(crate) fn run(self, output: &Output) -> Result<Status> {
        let all = Interfaces::of(&mut Client::connect()?)?;
        let all = all.into_list(self.interface.as_deref())?;
        output.show(all.as_slice(), list)?;
        Ok(Status::Good)
    }
}

fn list(devices: &[Device]) -> Table {
    let mut table = table(["device", "resource", "unit", "limit", "used", "%"]);
    for column in 3..6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut seen = BTreeSet::new();
    for device in devices {
        // A device without a name is known by its interface alone.
        let name = device.device.as_ref().unwrap_or(&device.ifname);
        if !seen.insert((&device.bus, name)) {
            continue;
        }
        for resource in &device.resources {
            let used = u128::from(resource.used) * 100;
            let percent = used.checked_div(u128::from(resource.limit));
            table.add_row([
                name.clone(),
                resource.name.clone(),
                resource.unit.to_string(),
                resource.limit.to_string(),
                resource.used.to_string(),
                crate::output::or_dash(percent),
            ]);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_device_is_told_once() {
        let mut empty = samples::device(5, "eth0");
        empty.device = None;
        empty.resources.truncate(1);
        empty.resources[0].limit = 0;
        let devices = [
            samples::device(3, "onic0"),
            samples::device(4, "onic1"),
            empty,
        ];
        let text = list(&devices).to_string();
        let rows: Vec<Vec<_>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        let memory = vec![
            "offload_nic0",
            "memory",
            "byte",
            "268435456",
            "134217728",
            "50",
        ];
        assert_eq!(
            rows.iter().filter(|row| **row == memory).count(),
            1,
            "{text}"
        );
        assert!(
            rows.contains(&vec!["eth0", "programs", "entry", "0", "2", "-"]),
            "{text}"
        );
    }
}

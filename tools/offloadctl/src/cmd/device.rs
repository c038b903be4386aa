// SPDX-License-Identifier: GPL-2.0

//! `offloadctl device`: the interfaces whose drivers report programs.

use anyhow::Result;
use clap::Subcommand;
use comfy_table::Table;
use offload_uapi::client::Client;
use offload_uapi::types::Device;

use crate::interface::Interfaces;
use crate::output::{or_dash, table, Output, Status};

/// Shows the interfaces whose drivers report programs [default: list]
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// All of this network namespace
    List,
    /// One of them
    Show {
        /// Its name or index
        interface: String,
    },
}

impl Args {
    pub(crate) fn run(self, output: &Output) -> Result<Status> {
        let all = Interfaces::of(&mut Client::connect()?)?;
        match self.command.unwrap_or(Command::List) {
            Command::List => output.show(all.into_list(None)?.as_slice(), list)?,
            Command::Show { interface } => {
                output.show(all.find(&interface)?, |device| {
                    list(std::slice::from_ref(device))
                })?;
            }
        }
        Ok(Status::Good)
    }
}

fn list(devices: &[Device]) -> Table {
    let mut table = table(["interface", "index", "driver", "device", "policy"]);
    for device in devices {
        let place = match (&device.bus, &device.device) {
            (Some(bus), Some(name)) => Some(format!("{bus}/{name}")),
            (_, name) => name.clone(),
        };
        table.add_row([
            device.ifname.clone(),
            device.ifindex.to_string(),
            or_dash(device.driver.as_ref()),
            or_dash(place),
            device.policy.to_string(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn devices_are_listed() {
        let mut bare = samples::device(4, "eth0");
        bare.bus = None;
        bare.device = None;
        let text = list(&[samples::device(3, "onic0"), bare]).to_string();
        let rows: Vec<Vec<_>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert!(
            rows.contains(&vec![
                "onic0",
                "3",
                "offload_nic",
                "offload_nic/offload_nic0",
                "report"
            ]),
            "{text}"
        );
        assert!(
            rows.contains(&vec!["eth0", "4", "offload_nic", "-", "report"]),
            "{text}"
        );
    }
}

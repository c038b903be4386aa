// SPDX-License-Identifier: GPL-2.0

//! `offloadctl policy`: what the comparison is for.

use anyhow::{Context, Result};
use clap::{Subcommand, ValueEnum};
use comfy_table::Table;
use offload_uapi::client::Client;
use offload_uapi::netlink;
use offload_uapi::types::Device;

use crate::interface::Interfaces;
use crate::output::{table, Output, Status};

/// Shows or sets what the comparison of an interface is for [default: show]
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Show the policies
    Show {
        /// Only of this interface: its name or index
        interface: Option<String>,
    },
    /// Set the policy of an interface
    Set {
        /// Its name or index
        interface: String,
        /// The policy
        policy: Policy,
    },
}

/// A policy.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    /// The comparison is told to who asks
    Report,
    /// A slot is activated only if device and kernel have the same program
    RequireEqual,
}

impl From<Policy> for netlink::Policy {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Report => Self::Report,
            Policy::RequireEqual => Self::RequireEqual,
        }
    }
}

impl Args {
    pub(crate) fn run(self, output: &Output) -> Result<Status> {
        let mut client = Client::connect()?;
        let all = Interfaces::of(&mut client)?;
        match self.command.unwrap_or(Command::Show { interface: None }) {
            Command::Show { interface } => {
                output.show(all.into_list(interface.as_deref())?.as_slice(), list)?;
            }
            Command::Set { interface, policy } => {
                let device = all.find(&interface)?;
                client
                    .set_policy(device.ifindex, policy.into())
                    .with_context(|| format!("set the policy of {}", device.ifname))?;
            }
        }
        Ok(Status::Good)
    }
}

fn list(devices: &[Device]) -> Table {
    let mut table = table(["interface", "policy"]);
    for device in devices {
        table.add_row([device.ifname.clone(), device.policy.to_string()]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policies_are_those_of_the_specification() {
        let known = netlink::Policy::ALL.iter().map(|policy| policy.name());
        let taken = Policy::value_variants().iter();
        let taken = taken.map(|policy| netlink::Policy::from(*policy).name());
        assert!(known.eq(taken));
        for policy in Policy::value_variants() {
            let name = policy.to_possible_value().unwrap();
            assert_eq!(name.get_name(), netlink::Policy::from(*policy).name());
        }
    }
}

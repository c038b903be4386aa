// SPDX-License-Identifier: GPL-2.0

//! `offloadctl program list`.

use anyhow::Result;
use comfy_table::{Cell, Table};
use offload_uapi::client::Client;
use offload_uapi::types::{hex, DeviceProgram};

use crate::interface::{Interfaces, Names};
use crate::output::{or_dash, state_cell, table, Output, Status};

/// Lists the programs that lie in devices, in slots or not
///
/// The tag is the beginning of the SHA-256 of what lies in the device's memory now. `bpftool prog
/// show` has that of what the kernel was given.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Only of the device of this interface: its name or index
    interface: Option<String>,
}

impl Args {
    pub(super) fn run(self, output: &Output) -> Result<Status> {
        let mut client = Client::connect()?;
        let interfaces = Interfaces::of(&mut client)?;
        let filter = interfaces.filter(self.interface.as_deref())?;
        let all = client.programs(filter)?;
        output.show(all.as_slice(), |all| list(all, &interfaces.names()))?;
        Ok(Status::Good)
    }
}

fn list(all: &[DeviceProgram], names: &Names) -> Table {
    let mut table = table([
        "interface",
        "id",
        "name",
        "kind",
        "state",
        "tag",
        "instructions",
        "image bytes",
        "memory",
    ]);
    for DeviceProgram {
        ifindex,
        id,
        program,
    } in all
    {
        table.add_row([
            Cell::new(names.of(*ifindex)),
            Cell::new(or_dash(*id)),
            Cell::new(or_dash(program.name.as_ref())),
            Cell::new(program.kind),
            state_cell(program.state),
            Cell::new(or_dash(program.tag().map(hex))),
            Cell::new(or_dash(program.instructions)),
            Cell::new(or_dash(program.image_size)),
            Cell::new(or_dash(program.memory)),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn programs_are_listed() {
        let names = Names([(3, "onic0".to_owned())].into());
        let all = [DeviceProgram {
            ifindex: 3,
            id: Some(17),
            program: samples::program("firewall", 17, 0xab),
        }];
        let text = list(&all, &names).to_string();
        let row: Vec<_> = text.lines().nth(3).unwrap().split_whitespace().collect();
        let expected = [
            "onic0",
            "17",
            "firewall",
            "xdp",
            "active",
            "abababababababab",
            "120",
            "6464",
            "16384",
        ];
        assert_eq!(row, expected, "{text}");
        let json = serde_json::to_value(&all).unwrap();
        assert_eq!(json[0]["program"]["digests"][1]["algorithm"], "sha1");
        assert_eq!(json[0]["program"]["digests"][1]["value"], "ab".repeat(20));
    }
}

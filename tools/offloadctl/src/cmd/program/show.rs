// SPDX-License-Identifier: GPL-2.0

//! `offloadctl program show`.

use anyhow::{Context, Result};
use comfy_table::{Cell, Table};
use offload_uapi::client::Client;
use offload_uapi::netlink::{DigestAlgorithm, State};
use offload_uapi::types::{DeviceProgram, SlotReport};

use crate::interface::Interfaces;
use crate::output::{brief, digest, or_dash, table, verdict_cell, Output, Status};

/// Shows the slots of an interface with the programs of device and kernel in them, or all of one
/// program
#[derive(clap::Args)]
pub(super) struct Args {
    /// Its name or index
    interface: String,
    /// A program in its device, by its number (`offloadctl program list`)
    id: Option<u32>,
}

impl Args {
    pub(super) fn run(self, output: &Output) -> Result<Status> {
        let mut client = Client::connect()?;
        let interfaces = Interfaces::of(&mut client)?;
        let device = interfaces.find(&self.interface)?;
        match self.id {
            Some(id) => {
                let found = client.program(device.ifindex, id).with_context(|| {
                    format!(
                        "program {id} of {}: `offloadctl program list` shows all",
                        device.ifname
                    )
                })?;
                output.show(&found, program)?;
            }
            None => output.show(client.slots(Some(device.ifindex))?.as_slice(), slots)?,
        }
        Ok(Status::Good)
    }
}

fn slots(all: &[SlotReport]) -> Table {
    let mut table = table(["slot", "device", "kernel", "verdict", "runs"]);
    for slot in all {
        let state = slot.device.as_ref().and_then(|program| program.state);
        let in_device = state.is_some_and(|state| state == State::Active);
        let runs = match (in_device, &slot.kernel) {
            (false, None) => "nothing",
            (true, _) if slot.replaces_kernel => "device for kernel",
            (true, None) => "device",
            (false, Some(_)) if slot.in_kernel => "kernel, in the driver",
            (false, Some(_)) => "kernel",
            (true, Some(_)) => "device, then kernel",
        };
        table.add_row([
            Cell::new(slot.slot),
            Cell::new(brief(slot.device.as_ref())),
            Cell::new(brief(slot.kernel.as_ref())),
            verdict_cell(slot.verdict),
            Cell::new(runs),
        ]);
    }
    table
}

fn program(found: &DeviceProgram) -> Table {
    let program = &found.program;
    let mut table = table(["program", &or_dash(found.id)]);
    let rows = [
        ("name", or_dash(program.name.as_ref())),
        ("kind", program.kind.to_string()),
        ("state", or_dash(program.state)),
        ("sha256", or_dash(digest(program, DigestAlgorithm::Sha256))),
        ("sha1", or_dash(digest(program, DigestAlgorithm::Sha1))),
        ("instructions", or_dash(program.instructions)),
        ("operations", or_dash(program.operations)),
        ("image format", or_dash(program.image_format)),
        ("image bytes", or_dash(program.image_size)),
        ("memory", or_dash(program.memory)),
    ];
    for (what, value) in rows {
        table.add_row([what.to_owned(), value]);
    }
    table
}

#[cfg(test)]
mod tests {
    use offload_uapi::netlink::Verdict;
    use offload_uapi::types::{Known, Program};

    use super::*;
    use crate::samples;

    #[test]
    fn slots_tell_who_runs() {
        let one = || Some(samples::program("firewall", 17, 0xab));
        let faulted = Some(Program {
            state: Some(Known::Is(State::Faulted)),
            ..samples::program("firewall", 17, 0xab)
        });
        for (device, kernel, verdict, runs) in [
            (one(), one(), Verdict::Equal, "device for kernel"),
            (one(), one(), Verdict::Different, "device, then kernel"),
            (one(), None, Verdict::OnlyDevice, "device"),
            (None, one(), Verdict::OnlyKernel, "kernel"),
            (None, None, Verdict::None, "nothing"),
            (faulted, one(), Verdict::Different, "kernel"),
        ] {
            let text = slots(&[samples::slot(device, kernel, verdict)]).to_string();
            let row = text.lines().nth(3).unwrap();
            assert!(row.trim_end().ends_with(runs), "{text}");
            assert!(row.contains(verdict.name()), "{text}");
        }
    }

    #[test]
    fn a_program_has_whole_digests() {
        let found = DeviceProgram {
            ifindex: 3,
            id: Some(17),
            program: samples::program("firewall", 17, 0xab),
        };
        let text = program(&found).to_string();
        assert!(text.contains(&"ab".repeat(32)), "{text}");
        assert!(text.contains(&"ab".repeat(20)), "{text}");
    }
}

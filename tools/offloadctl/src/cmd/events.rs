// SPDX-License-Identifier: GPL-2.0

//! `offloadctl events`: what happens, as it happens.

use anyhow::Result;
use offload_uapi::client::Client;
use offload_uapi::error::Error;
use offload_uapi::events::Events;
use offload_uapi::types::Event;

use crate::interface::{Interfaces, Names};
use crate::output::{brief, Output, Status};

/// Tells what happens to programs in devices, line by line, until it is stopped
#[derive(clap::Args)]
pub(crate) struct Args {
    /// End after so many events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

impl Args {
    pub(crate) fn run(self, output: &Output) -> Result<Status> {
        // Before the first event can happen, so that none is missed.
        let events = Events::subscribe()?;
        let mut client = Client::connect()?;
        let mut names = Interfaces::of(&mut client)?.names();
        let mut left = self.count;
        for event in events {
            let event = match event {
                // What comes after them is still told.
                Err(lost @ Error::EventsLost) => {
                    anstream::eprintln!("{lost}");
                    continue;
                }
                other => other?,
            };
            if let Some(ifindex) = interface(&event).filter(|index| !names.0.contains_key(index)) {
                // It is new, or gone again already.
                if let Ok(device) = client.device(ifindex) {
                    names.0.insert(ifindex, device.ifname);
                }
            }
            output.line(&event, |event| line(event, &names))?;
            left = left.map(|left| left - 1);
            if left == Some(0) {
                break;
            }
        }
        Ok(Status::Good)
    }
}

/// The interface of an event.
fn interface(event: &Event) -> Option<u32> {
    match event {
        Event::DevChange(device) => Some(device.ifindex),
        Event::SlotActivate(slot)
        | Event::SlotRemove(slot)
        | Event::SlotMismatch(slot)
        | Event::SlotFault(slot) => Some(slot.ifindex),
        Event::ProgramLoad(program) | Event::ProgramUnload(program) => Some(program.ifindex),
        Event::Other { .. } => None,
    }
}

/// An event in a line.
fn line(event: &Event, names: &Names) -> String {
    let place = interface(event).map(|ifindex| names.of(ifindex));
    let place = place.unwrap_or_else(|| "-".to_owned());
    let text = match event {
        Event::DevChange(device) => format!("policy is {}", device.policy),
        Event::SlotActivate(slot) => {
            format!("{}: activated {}", slot.slot, brief(slot.device.as_ref()))
        }
        Event::SlotRemove(slot) => format!("{}: removed", slot.slot),
        Event::SlotMismatch(slot) => format!(
            "{}: refused: the device has {}, the kernel {}",
            slot.slot,
            brief(slot.device.as_ref()),
            brief(slot.kernel.as_ref())
        ),
        Event::SlotFault(slot) => {
            format!("{}: FAULTED {}", slot.slot, brief(slot.device.as_ref()))
        }
        Event::ProgramLoad(program) => format!("loaded {}", brief(Some(&program.program))),
        Event::ProgramUnload(program) => format!("unloaded {}", brief(Some(&program.program))),
        Event::Other { command } => format!("event {command}, which this version does not know"),
    };
    format!("{place}: {text}")
}

#[cfg(test)]
mod tests {
    use offload_uapi::netlink::Verdict;
    use offload_uapi::types::DeviceProgram;

    use super::*;
    use crate::samples;

    #[test]
    fn an_event_is_a_line() {
        let names = Names([(3, "onic0".to_owned())].into());
        let (ours, theirs) = (
            samples::program("ours", 7, 0x11),
            samples::program("theirs", 8, 0x22),
        );
        let slot = samples::slot(Some(ours.clone()), Some(theirs), Verdict::Different);
        for (event, expected) in [
            (
                Event::DevChange(samples::device(3, "onic0")),
                "onic0: policy is report",
            ),
            (
                Event::SlotActivate(slot.clone()),
                "onic0: xdp: activated ours, id 7, 1111111111111111",
            ),
            (
                Event::SlotMismatch(slot.clone()),
                "onic0: xdp: refused: the device has ours, id 7, 1111111111111111, the kernel \
                 theirs, id 8, 2222222222222222",
            ),
            (
                Event::SlotFault(slot.clone()),
                "onic0: xdp: FAULTED ours, id 7, 1111111111111111",
            ),
            (Event::SlotRemove(slot), "onic0: xdp: removed"),
            (
                Event::ProgramLoad(DeviceProgram {
                    ifindex: 9,
                    id: Some(7),
                    program: ours,
                }),
                "#9: loaded ours, id 7, 1111111111111111",
            ),
            (
                Event::Other { command: 99 },
                "-: event 99, which this version does not know",
            ),
        ] {
            assert_eq!(line(&event, &names), expected);
        }
    }
}

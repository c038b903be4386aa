// SPDX-License-Identifier: GPL-2.0

//! `offloadctl program load` and `unload`: programs of slots that no other tool fills.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{ensure, Context, Result};
use clap::ValueEnum;
use offload_uapi::client::Client;
use offload_uapi::netlink;
use offload_uapi::types::RulePrograms;
use serde::Serialize;

use crate::bpftool::{Pinned, Program, PINS};
use crate::interface::Interfaces;
use crate::output::{Output, Status};

/// A slot that programs can be loaded into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Slot {
    /// Which frames are put together: see offload_gro.h
    Gro,
    /// What the headers of segments are: see offload_gso.h
    Gso,
}

impl Slot {
    /// As the kernel knows it.
    fn of_kernel(self) -> netlink::Slot {
        match self {
            Self::Gro => netlink::Slot::Gro,
            Self::Gso => netlink::Slot::Gso,
        }
    }

    /// Where its programs are pinned.
    fn pin_of(self, id: u32) -> PathBuf {
        Path::new(PINS).join(format!("offload_{}_{id}", self.of_kernel().name()))
    }

    /// What the driver runs the kernel's program for.
    fn work_of_driver(self) -> &'static str {
        match self {
            Self::Gro => "what the device does not put together",
            Self::Gso => "what the device does not cut",
        }
    }

    /// The number of the program that the device has in it.
    fn in_device(self, client: &mut Client, ifindex: u32) -> Result<Option<u32>> {
        let slot = client.slot(ifindex, self.of_kernel())?;
        Ok(slot.device.and_then(|program| program.id))
    }
}

/// Loads the first program of an object file into the device and into the kernel, and has both go by it
///
/// What was there until then stays if anything goes wrong. The program is pinned for as long as it is there:
/// /sys/fs/bpf/offload_SLOT_ID.
#[derive(clap::Args)]
pub(super) struct LoadArgs {
    /// The slot
    slot: Slot,
    /// The object file (clang -target bpf)
    object: PathBuf,
    /// Its name or index
    interface: String,
    /// Have the driver run the kernel's program for frames that the device does not put together, or cut
    #[arg(long)]
    in_kernel: bool,
    /// Load the program into the device alone: then the kernel has none to compare it with
    #[arg(long, conflicts_with = "in_kernel")]
    device_only: bool,
}

/// Takes the program out of a slot
#[derive(clap::Args)]
pub(super) struct UnloadArgs {
    /// The slot
    slot: Slot,
    /// Its name or index
    interface: String,
}

/// What was loaded.
#[derive(Serialize)]
struct Loaded<'a> {
    device: &'a Program,
    kernel: Option<&'a Program>,
    in_kernel: bool,
}

impl LoadArgs {
    pub(super) fn run(self, output: &Output) -> Result<Status> {
        let mut client = Client::connect()?;
        let interfaces = Interfaces::of(&mut client)?;
        let device = interfaces.find(&self.interface)?;
        ensure!(
            self.object.exists(),
            "{}: no such file",
            self.object.display()
        );
        let before = self.slot.in_device(&mut client, device.ifindex)?;
        let load = |what, place: &[&str]| {
            let options = [&["type", "xdp"], place].concat();
            Pinned::load(self.object.as_os_str(), Stdio::null(), what, &options)
        };
        let loaded = load("device", &["offload_dev", &device.ifname])?;
        let kernel = match self.device_only {
            true => None,
            false => Some(load("kernel", &[])?),
        };
        let path = kernel.as_ref().map(|kernel| kernel.path().to_str());
        let programs = RulePrograms {
            device_id: loaded.program.id,
            kernel_path: path.flatten().map(str::to_owned),
            in_kernel: self.in_kernel,
        };
        client.set_rule_programs(device.ifindex, self.slot.of_kernel(), Some(&programs))?;
        // It goes with its last name, which this one has until it has another.
        let to = self.slot.pin_of(loaded.program.id);
        let loaded = loaded.keep(&to)?;
        if let Some(before) = before {
            let _ = fs::remove_file(self.slot.pin_of(before));
        }
        let told = Loaded {
            device: &loaded,
            kernel: kernel.as_ref().map(|kernel| &kernel.program),
            in_kernel: self.in_kernel,
        };
        output.show_text(&told, |told| {
            let mut lines = format!("device  {}\n", told.device.brief());
            if let Some(kernel) = &told.kernel {
                let runs = match told.in_kernel {
                    true => format!(", which the driver runs for {}", self.slot.work_of_driver()),
                    false => String::new(),
                };
                lines += &format!("kernel  {}{runs}\n", kernel.brief());
            }
            lines
        })?;
        Ok(Status::Good)
    }
}

impl UnloadArgs {
    pub(super) fn run(self, _output: &Output) -> Result<Status> {
        let mut client = Client::connect()?;
        let interfaces = Interfaces::of(&mut client)?;
        let device = interfaces.find(&self.interface)?;
        let id = self
            .slot
            .in_device(&mut client, device.ifindex)?
            .with_context(|| {
                format!(
                    "{} has no program in this slot: `offloadctl program show {0}`",
                    device.ifname
                )
            })?;
        client.set_rule_programs(device.ifindex, self.slot.of_kernel(), None)?;
        // One that was pinned by somebody else stays.
        let _ = fs::remove_file(self.slot.pin_of(id));
        Ok(Status::Good)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_told_by_number_name_and_tag() {
        let shown = br#"{"id":7,"type":"xdp","name":"kernel_gro","tag":"b30cf65b7e0fa9c7"}"#;
        let program: Program = serde_json::from_slice(shown).unwrap();
        assert_eq!(program.brief(), "program 7 (kernel_gro, b30cf65b7e0fa9c7)");
        let pin = Slot::Gso.pin_of(7);
        assert_eq!(pin, Path::new("/sys/fs/bpf/offload_gso_7"));
    }
}

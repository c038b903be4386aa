// SPDX-License-Identifier: GPL-2.0

//! `offloadctl program load` and `unload`: programs of slots that no other tool fills.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};

use anyhow::{ensure, Context, Result};
use clap::ValueEnum;
use offload_uapi::client::Client;
use offload_uapi::netlink;
use offload_uapi::types::GroPrograms;
use serde::Serialize;

use crate::bpftool::{bpftool, Program, PINS};
use crate::interface::Interfaces;
use crate::output::{Output, Status};

/// A slot that programs can be loaded into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Slot {
    /// Which frames are put together: see offload_gro.h
    Gro,
}

/// Loads the first program of an object file into the device and into the kernel, and has both go by it
///
/// What was there until then stays if anything goes wrong. The program is pinned for as long as it is there:
/// /sys/fs/bpf/offload_gro_ID.
#[derive(clap::Args)]
pub(super) struct LoadArgs {
    /// The slot
    slot: Slot,
    /// The object file (clang -target bpf)
    object: PathBuf,
    /// Its name or index
    interface: String,
    /// Have the driver run the kernel's program for frames that the device does not put together
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

/// A program that is pinned. It goes with this, unless it is kept.
struct Pinned {
    path: PathBuf,
    program: Program,
}

impl Pinned {
    /// Loads that of `object`, for the device of `interface` if there is one.
    fn load(object: &Path, interface: Option<&str>) -> Result<Self> {
        let what = if interface.is_some() {
            "device"
        } else {
            "kernel"
        };
        let path = Path::new(PINS).join(format!("offloadctl-{}-{what}", process::id()));
        let args = ["prog", "load"].map(OsStr::new).into_iter();
        let args = args.chain([object.as_os_str(), path.as_os_str()]);
        let args = args.chain(["type", "xdp"].map(OsStr::new));
        let device = interface.map(|name| ["offload_dev", name].map(OsStr::new));
        bpftool(args.chain(device.into_iter().flatten()), Stdio::null())?;
        let show = ["-j", "prog", "show", "pinned"].map(OsStr::new).into_iter();
        let shown = bpftool(show.chain([path.as_os_str()]), Stdio::null());
        let program = shown.and_then(|shown| Ok(serde_json::from_slice(&shown)?));
        match program {
            Ok(program) => Ok(Self { path, program }),
            Err(error) => {
                let _ = fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// Has it stay, by a name that tells its number.
    fn keep(&mut self) -> Result<()> {
        let to = pin_of(self.program.id);
        fs::rename(&self.path, &to).with_context(|| format!("pin it as {}", to.display()))?;
        self.path = PathBuf::new();
        Ok(())
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Where a program of a slot is pinned.
fn pin_of(id: u32) -> PathBuf {
    Path::new(PINS).join(format!("offload_gro_{id}"))
}

/// The number of the program that the device has in the slot.
fn in_device(client: &mut Client, ifindex: u32) -> Result<Option<u32>> {
    let slot = client.slot(ifindex, netlink::Slot::Gro)?;
    Ok(slot.device.and_then(|program| program.id))
}

impl LoadArgs {
    pub(super) fn run(self, output: &Output) -> Result<Status> {
        let mut client = Client::connect()?;
        let interfaces = Interfaces::of(&mut client)?;
        let device = interfaces.find(&self.interface)?;
        let Slot::Gro = self.slot;
        ensure!(
            self.object.exists(),
            "{}: no such file",
            self.object.display()
        );
        let before = in_device(&mut client, device.ifindex)?;
        let mut loaded = Pinned::load(&self.object, Some(&device.ifname))?;
        let kernel = match self.device_only {
            true => None,
            false => Some(Pinned::load(&self.object, None)?),
        };
        let path = kernel.as_ref().map(|kernel| kernel.path.to_str());
        let programs = GroPrograms {
            device_id: loaded.program.id,
            kernel_path: path.flatten().map(str::to_owned),
            in_kernel: self.in_kernel,
        };
        client.set_gro_programs(device.ifindex, Some(&programs))?;
        // It goes with its last name, which this one has until it has another.
        loaded.keep()?;
        if let Some(before) = before {
            let _ = fs::remove_file(pin_of(before));
        }
        let told = Loaded {
            device: &loaded.program,
            kernel: kernel.as_ref().map(|kernel| &kernel.program),
            in_kernel: self.in_kernel,
        };
        output.show_text(&told, |told| {
            let mut lines = format!("device  {}\n", told.device.brief());
            if let Some(kernel) = &told.kernel {
                let runs = if told.in_kernel {
                    ", which the driver runs for what the device does not put together"
                } else {
                    ""
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
        let Slot::Gro = self.slot;
        let id = in_device(&mut client, device.ifindex)?.with_context(|| {
            format!(
                "{} has no program in this slot: `offloadctl program show {0}`",
                device.ifname
            )
        })?;
        client.set_gro_programs(device.ifindex, None)?;
        // One that was pinned by somebody else stays.
        let _ = fs::remove_file(pin_of(id));
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
        assert_eq!(pin_of(7), Path::new("/sys/fs/bpf/offload_gro_7"));
    }
}

// SPDX-License-Identifier: GPL-2.0

//! `offloadctl program disasm`.

use std::path::PathBuf;

use anyhow::{anyhow, Context, Result};
use engine::image::{self, Image};
use engine::memory::HostMemory;
use offload_uapi::client::Client;
use offload_uapi::types;
use serde::Serialize;

use crate::interface::Interfaces;
use crate::output::{Output, Status};

/// Prints the image that the device runs of a program, one operation per line
///
/// Behind each operation stands the eBPF instruction that it was made of. This takes CAP_NET_ADMIN.
#[derive(clap::Args)]
pub(super) struct Args {
    /// An interface of the device: its name or index
    interface: String,
    /// The program's number (`offloadctl program list`)
    id: u32,
    /// Write the image as it is into this file instead
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What --json has.
#[derive(Serialize)]
struct Disassembly {
    format: u32,
    bytes: usize,
    operations: Vec<String>,
}

impl Args {
    pub(super) fn run(self, output: &Output) -> Result<Status> {
        let mut client = Client::connect()?;
        let interfaces = Interfaces::of(&mut client)?;
        let device = interfaces.find(&self.interface)?;
        let image = client
            .image(device.ifindex, self.id)
            .with_context(|| format!("the image of program {} of {}", self.id, device.ifname))?;
        match self.output {
            Some(path) => std::fs::write(&path, &image.bytes)
                .with_context(|| format!("write {}", path.display()))?,
            None => output.show_text(&disassemble(&image)?, |all| {
                all.operations
                    .iter()
                    .map(|line| format!("{line}\n"))
                    .collect()
            })?,
        }
        Ok(Status::Good)
    }
}

fn disassemble(image: &types::Image) -> Result<Disassembly> {
    let decoded = Image::decode(&HostMemory, &image.bytes).map_err(|error| {
        anyhow!(
            "{error}; the device has format {}, this version knows format {} (--output FILE writes \
             the image as it is)",
            image.format,
            image::FORMAT
        )
    })?;
    Ok(Disassembly {
        format: image.format,
        bytes: image.bytes.len(),
        operations: decoded.to_string().lines().map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use engine::insn::Insn;
    use engine::limits::Limits;
    use engine::store::{ProgramKind, Source};

    use super::*;

    #[test]
    fn an_image_is_one_operation_per_line() {
        let slots = [[0xb7, 0, 0, 0, 7, 0, 0, 0], [0x95, 0, 0, 0, 0, 0, 0, 0]];
        let slots = slots.into_iter().map(Insn::from_le_bytes);
        let limits = Limits::default();
        let source = Source::new(&HostMemory, ProgramKind::Xdp, slots, &limits).unwrap();
        let made = Image::translate(&HostMemory, &source, [0; 32], &mut |_| None, &limits);
        let bytes = made.unwrap().bytes().to_vec();
        let format = u32::from(image::FORMAT);
        let found = disassemble(&types::Image { format, bytes }).unwrap();
        assert!(found.operations.len() >= 2, "{:?}", found.operations);
        assert!(
            found.operations[0].contains("insn 0"),
            "{:?}",
            found.operations
        );
    }

    #[test]
    fn another_format_is_told() {
        let bytes = vec![0; 64];
        let error = disassemble(&types::Image { format: 77, bytes });
        let error = error.err().unwrap().to_string();
        assert!(
            error.contains("77") && error.contains("--output"),
            "{error}"
        );
    }
}

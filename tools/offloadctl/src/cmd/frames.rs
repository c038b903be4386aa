// SPDX-License-Identifier: GPL-2.0

//! Frames that a command is about.

use std::path::PathBuf;

use anyhow::{Context, Result};

mod capture;
mod hex;

pub(crate) use capture::Frame;

/// Where frames come from.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Source {
    /// One frame, from its Ethernet header on: hexadecimal digits, with spaces, colons, dashes or dots
    /// between bytes or without
    #[arg(long, value_name = "HEX")]
    frame: Option<String>,
    /// All frames of a capture file, pcap or pcapng
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
}

impl Source {
    /// The frames.
    pub(crate) fn frames(&self) -> Result<Vec<Frame>> {
        if let Some(file) = &self.pcap {
            return capture::frames(file).with_context(|| file.display().to_string());
        }
        let bytes = hex::bytes(self.frame.as_deref().unwrap_or_default()).context("--frame")?;
        let length = u32::try_from(bytes.len())?;
        Ok(vec![Frame { bytes, length }])
    }
}

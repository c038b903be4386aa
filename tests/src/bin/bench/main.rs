// SPDX-License-Identifier: GPL-2.0

//! How fast frames go through pairs of interfaces: ours, and others in the same guest, by turns.
//!
//! The arguments say what is measured: `drop`, `map`, `tcp`, `cut`, `udp`, `rss`, `gro`, `dissect`, `flash`,
//! `queues`; all of it without one.

mod contest;
mod dissect;
mod drops;
mod flash;
mod marks;
mod merge;
mod pairs;
mod queues;
mod source;
mod stream;

use std::fs;

use anyhow::{ensure, Result};
use marks::Marks;
use offload_tests::command::Cmd;
use offload_tests::env;

/// What is measured, by name.
type Measurement = (&'static str, fn(&mut Marks) -> Result<()>);

const MEASUREMENTS: [Measurement; 10] = [
    ("drop", drops::everything),
    ("map", drops::hits),
    ("tcp", stream::tcp),
    ("cut", stream::cut),
    ("udp", stream::udp),
    ("rss", stream::rss),
    ("gro", merge::all),
    ("dissect", dissect::everything),
    ("flash", flash::all),
    ("queues", queues::two),
];

fn main() -> Result<()> {
    let wanted: Vec<_> = std::env::args().skip(1).collect();
    let names = MEASUREMENTS.map(|(name, _)| name);
    for name in &wanted {
        ensure!(
            names.contains(&name.as_str()),
            "{name:?} is not among {names:?}"
        );
    }
    let jit = fs::read_to_string("/proc/sys/net/core/bpf_jit_enable").unwrap_or_default();
    println!(
        "kernel {}: {}, BPF JIT {}",
        env::flavour(),
        Cmd::new("uname -rvm").run()?.trim(),
        match jit.trim() {
            "" => "absent (programs of veth and netdevsim are interpreted)",
            "0" => "off",
            _ => "on",
        }
    );
    let mut marks = Marks::new()?;
    for (name, measure) in MEASUREMENTS {
        if wanted.is_empty() || wanted.iter().any(|it| it == name) {
            measure(&mut marks)?;
        }
    }
    Ok(())
}

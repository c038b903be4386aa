// SPDX-License-Identifier: GPL-2.0

//! What is done to the graphs by which NICs parse, and to what the kernel parses by.

use std::fs;

use anyhow::{ensure, Context, Result};
use offload_tests::command::Cmd;
use offload_tests::frames::Frames;
use offload_tests::graphs::Graphs;
use offload_uapi::flags;
use offload_uapi::types::hex;
use rand::seq::IndexedRandom;
use rand::Rng;

use super::{Action, Random};
use crate::fleet::{Fleet, GRAPHS};

pub(super) const ACTIONS: &[Action] = &[
    ("20 graphs", flash),
    ("a damaged graph", flash_damaged),
    ("attach a dissector", attach),
    ("detach the dissector", detach),
    ("audit", audit),
    ("count nodes", count),
    ("parse a frame", parse),
    ("hashes as the stack's", set_flag),
];

/// How many graphs one action flashes, and activates most of.
const AT_ONCE: usize = 20;
/// What does it.
const SCRIPT: &str = "/tmp/graphs.sh";

fn flash(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let graphs = fleet.graphs.choose(rng).context("no NIC")?;
    let mut script = String::new();
    for _ in 0..AT_ONCE {
        let name = GRAPHS.choose(rng).context("no graph")?;
        script += &graphs.in_script(name, rng.random_bool(0.8));
    }
    fs::write(SCRIPT, script)?;
    Cmd::new(format!("sh -e {SCRIPT}")).run().map(drop)
}

/// It must be refused, wherever a bit is wrong.
fn flash_damaged(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let graphs = fleet.graphs.choose(rng).context("no NIC")?;
    let mut bytes = fs::read(Graphs::file(GRAPHS.choose(rng).context("no graph")?))?;
    let at = rng.random_range(0..bytes.len());
    bytes[at] ^= 1 << rng.random_range(0..8);
    fs::write(Graphs::file("damaged"), bytes)?;
    graphs.flash("damaged").refused().map(drop)
}

fn attach(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let dissector = fleet.dissectors.choose(rng).context("no dissector")?;
    dissector.attach()
}

fn detach(fleet: &Fleet, _: &mut Random) -> Result<()> {
    let mut all = fleet.dissectors.iter();
    let detached = all.any(|dissector| dissector.detach().is_ok());
    ensure!(detached, "none is attached");
    Ok(())
}

fn audit(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    let name = &port.name;
    let one_in = rng.random_range(0..4);
    let end = if rng.random() { "--end" } else { "" };
    let audit = port.offloadctl(format!("parser audit {name} --one-in {one_in} {end}"))?;
    audit.run().map(drop)
}

fn count(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    let switch = ["on", "on", "off", ""].choose(rng).context("none")?;
    let count = port.offloadctl(format!("parser count {} {switch}", port.name))?;
    count.run().map(drop)
}

fn parse(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    let frame = hex(&Frames::new(rng.random(), 1500).next_frame());
    let run = port.offloadctl(format!("parser run {} --frame {frame}", port.name))?;
    // Whether both find the same depends on what each of them parses by.
    let code = run.output()?.code();
    ensure!(matches!(code, Some(0 | 3)), "status {code:?}");
    Ok(())
}

fn set_flag(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    let state = if rng.random() { "on" } else { "off" };
    let flag = flags::RX_HASH_AS_STACK;
    let set = format!("ethtool --set-priv-flags {} {flag} {state}", port.name);
    port.cmd(set).run().map(drop)
}

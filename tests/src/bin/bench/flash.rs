// SPDX-License-Identifier: GPL-2.0

//! How long it takes until a NIC parses by another graph: a file is flashed, and what was flashed activated.

use std::fs;
use std::time::Instant;

use anyhow::Result;
use offload_tests::command::Cmd;
use offload_tests::graphs::{sample, Graphs};
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::nic::Nic;

use crate::contest::{Contest, Entrant, Turn};
use crate::marks::Marks;

/// How many are flashed in a turn.
const FLASHES: u32 = 20;
const ROUNDS: usize = 11;
/// What does it.
const SCRIPT: &str = "/tmp/flashes.sh";
/// As many commands that ask for as little as there is: what the tool takes by itself.
const NOTHING: &str = "devlink dev show offload_nic/offload_nic0\n";

/// Graphs that are flashed, the one that a card comes with first.
const GRAPHS: [&str; 3] = ["kernel", "small", "overlay"];

/// Does what `lines` say again and again.
fn turn(lines: &str) -> Result<Turn> {
    fs::write(SCRIPT, lines.repeat(FLASHES as usize))?;
    Turn::of(|| {
        let start = Instant::now();
        Cmd::new(format!("sh -e {SCRIPT}")).run()?;
        Ok((f64::from(FLASHES), start.elapsed()))
    })
}

/// How long each of the graphs takes.
pub(crate) fn all(marks: &mut Marks) -> Result<()> {
    let _module = Module::insert("nics=1 ports=2")?;
    let graphs = Graphs::new(Nic { id: 0 }, &Link::new("lo"))?;
    let mut entrants = Vec::new();
    for name in GRAPHS {
        graphs.build(name, &sample(name))?;
        entrants.push(Entrant::new(name, || turn(&graphs.in_script(name, true))));
    }
    entrants.push(Entrant::new("nothing, by the same tool", || {
        turn(&NOTHING.repeat(2))
    }));
    let contest = Contest {
        unit: "graphs",
        piece: ("graph", 1.0),
        ..Contest::of_frames("a graph flashed and activated", ROUNDS)
    };
    contest.run(entrants, marks)
}

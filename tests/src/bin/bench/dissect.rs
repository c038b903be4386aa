// SPDX-License-Identifier: GPL-2.0

//! What it takes to find out where a frame belongs: the device's parser (with the graph that each card
//! comes with), hash and table, and the kernel's own dissector and hash, by which it would spread frames (RPS);
//! and the same where the kernel runs the flow dissector that is made of that graph. The device's walk is told
//! alone, too.
//!
//! Both do the same frame again and again. The kernel does as a program for classifiers asks it to
//! (`BPF_PROG_TEST_RUN`); what another program takes that does the same but that is subtracted.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use engine::memory::HostMemory;
use engine::parser::Machine;
use engine::steer::{HashedFields, Seen, Spread, Steering, Symmetry, KEY_SIZE, MAIN_CONTEXT};
use graph_json::Canonical;
use offload_tests::command::Cmd;
use offload_tests::compiled::Compiled;
use offload_tests::graphs::{sample, Graphs};
use offload_tests::link::Link;
use offload_tests::nic::Nic;
use parse_graph::stop;

use crate::contest::{Contest, Entrant, Turn};
use crate::marks::Marks;

/// How often the program is run in a turn, and how often it asks each time.
const RUNS: u32 = 20_000;
const ASKS: u32 = 16;
/// Frames of a turn.
const FRAMES: u32 = RUNS * ASKS;
const ROUNDS: usize = 21;

/// Where the programs are, and a frame for them.
const PINS: &str = "/sys/fs/bpf/flow_hash";
const FRAME: &str = "/tmp/flow_hash.frame";

/// Frames of TCP, by name.
fn frames() -> [(&'static str, Vec<u8>); 3] {
    let ethernet = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    let tag = [0x81, 0, 0, 7];
    let v4 = [
        &[8, 0, 0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0][..],
        &[10, 7, 3, 4, 10, 7, 0, 1],
    ]
    .concat();
    let v6 = [
        &[0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, 6, 64][..],
        &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 4],
        &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    ]
    .concat();
    let tcp = [
        0x83, 4, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0,
    ];
    [
        ("TCP over IPv4", [&ethernet[..], &v4, &tcp].concat()),
        (
            "TCP over IPv4 in a VLAN",
            [&ethernet[..], &tag, &v4, &tcp].concat(),
        ),
        ("TCP over IPv6", [&ethernet[..], &v6, &tcp].concat()),
    ]
}

/// The graph that each card comes with.
const KERNEL: &str = include_str!("../../../../samples/parsers/kernel.json");

/// What the device steers by, if nobody wants anything else: eight queues.
fn steering() -> Result<Steering<HostMemory>> {
    let table: Vec<u16> = (0..128).map(|entry| entry % 8).collect();
    let key: [u8; KEY_SIZE] = std::array::from_fn(|index| (index * index * 31 + 0x6d) as u8);
    let main = Spread {
        id: MAIN_CONTEXT,
        key: &key,
        fields: HashedFields::USUAL,
        symmetry: Symmetry::None,
        table: &table,
    };
    Steering::new(&HostMemory, &[main], &[], &[], 7)
        .ok()
        .context("memory")
}

/// What a run of a program takes on average.
fn program(name: &str) -> Result<Duration> {
    let shown = Cmd::new("bpftool -j prog run pinned")
        .arg(format!("{PINS}/{name}"))
        .args(format!("data_in {FRAME} repeat {RUNS}"))
        .json()?;
    let time = shown["duration"].as_u64().context("no duration")?;
    Ok(Duration::from_nanos(time))
}

/// The kernel's turn.
fn kernel() -> Result<Turn> {
    Turn::of(|| {
        let (with, without) = (program("flow_hash")?, program("flow_hash_not")?);
        ensure!(with > without, "{with:?} with, {without:?} without");
        Ok((f64::from(FRAMES), (with - without) * RUNS))
    })
}

/// How long each takes for a frame.
pub(crate) fn everything(marks: &mut Marks) -> Result<()> {
    let steering = steering()?;
    let canonical = Canonical::from_json(KERNEL)?;
    let parser = Machine::new(&HostMemory, &canonical.graph()?);
    let parser = parser.ok().context("memory")?;
    if Path::new(PINS).exists() {
        fs::remove_dir_all(PINS)?;
    }
    let object = Compiled::bpf("flow_hash", include_str!("../../../steer/flow_hash.bpf.c"))?;
    Cmd::new("bpftool prog loadall")
        .arg(object.path())
        .arg(PINS)
        .run()?;
    // No NIC is asked for.
    let graphs = Graphs::new(Nic { id: 0 }, &Link::new("lo"))?;
    graphs.build("kernel", &sample("kernel"))?;
    let dissector = graphs.load("kernel")?;
    for (name, frame) in frames() {
        fs::write(FRAME, &frame)?;
        let device = || {
            Turn::of(|| {
                let start = Instant::now();
                for _ in 0..FRAMES {
                    let parsed = parser.flow_of(black_box(&frame));
                    black_box(steering.steer(&parsed, Seen::NOT, true, None));
                }
                Ok((f64::from(FRAMES), start.elapsed()))
            })
        };
        let walk = || {
            Turn::of(|| {
                let start = Instant::now();
                for _ in 0..FRAMES {
                    black_box(parser.parse(black_box(&frame), stop::STOP_AT_FLOW_LABEL));
                }
                Ok((f64::from(FRAMES), start.elapsed()))
            })
        };
        let by_program = || {
            dissector.attach()?;
            let turn = kernel()?;
            dissector.detach()?;
            Ok(turn)
        };
        let entrants = vec![
            Entrant::new("parser, hash and table of the device", device).compared_as("the device"),
            Entrant::new("dissector and hash of the kernel", kernel).compared_as("the kernel"),
            Entrant::new("the graph's dissector, attached, and hash", by_program),
            Entrant::new("the walk of the device alone", walk),
        ];
        let contest = Contest::of_frames(name, ROUNDS);
        contest.run(entrants, marks)?;
    }
    fs::remove_dir_all(PINS)?;
    Ok(())
}

// SPDX-License-Identifier: GPL-2.0

//! What it takes to find out where a frame belongs: the device's parser (with the graph that each card
//! comes with), hash and table, and the kernel's own dissector and hash, by which it would spread frames (RPS);
//! and the same where the kernel runs the flow dissector that is made of that graph, or the sample of one that it
//! has itself. The device's walk is told alone, too, and so are both programs.
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
use offload_tests::env;
use offload_tests::graphs::{sample, Dissector, Graphs};
use offload_tests::link::Link;
use offload_tests::nic::Nic;
use parse_graph::agree::Keys;
use parse_graph::{stop, Field};

use crate::contest::{Contest, Entrant, Turn};
use crate::marks::Marks;

/// How often the program asks each time that it is run.
const ASKS: u32 = 16;

/// How often the program is run in a turn. Where the processor is emulated all is slow alike.
fn runs() -> u32 {
    if env::is_emulated() {
        2_000
    } else {
        20_000
    }
}

/// Frames of a turn.
fn frames_of_a_turn() -> u32 {
    runs() * ASKS
}

fn rounds() -> usize {
    if env::is_emulated() {
        11
    } else {
        21
    }
}

/// Where the programs are, and a frame for them.
const PINS: &str = "/sys/fs/bpf/flow_hash";
const FRAME: &str = "/tmp/flow_hash.frame";
/// Ports of its flow, as they lie in the frame.
const PORTS: [u8; 4] = [0x83, 4, 0, 80];

/// Where the programs of the kernel's sample are, and their maps.
const SAMPLE: &str = "/sys/fs/bpf/sample_dissector";
const SAMPLE_MAPS: &str = "/sys/fs/bpf/sample_dissector_maps";

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
        &PORTS[..],
        &[0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0],
    ]
    .concat();
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
        .args(format!("data_in {FRAME} repeat {}", runs()))
        .json()?;
    let time = shown["duration"].as_u64().context("no duration")?;
    Ok(Duration::from_nanos(time))
}

/// The kernel's turn.
fn kernel() -> Result<Turn> {
    Turn::of(|| {
        let (with, without) = (program("flow_hash")?, program("flow_hash_not")?);
        ensure!(with > without, "{with:?} with, {without:?} without");
        Ok((f64::from(frames_of_a_turn()), (with - without) * runs()))
    })
}

/// The kernel's turn, with `dissector` in the place of its own code.
fn kernel_with(dissector: &Dissector) -> Result<Turn> {
    dissector.attach()?;
    let turn = kernel()?;
    dissector.detach()?;
    Ok(turn)
}

/// What `dissector` takes by itself, without a hash.
fn alone(dissector: &Dissector) -> Result<Turn> {
    Turn::of(|| {
        let (_, each) = dissector.run(FRAME, frames_of_a_turn())?;
        Ok((f64::from(frames_of_a_turn()), each * frames_of_a_turn()))
    })
}

/// The kernel's own sample of a flow dissector, in programs that call each other by a table, as its tests load
/// it (`flow_dissector_load.h`); or it is said why not.
fn sample_dissector() -> Result<Option<Dissector>> {
    /// How many there are beside the first.
    const OTHERS: u8 = 6;
    let Some(object) = env::sample_dissector() else {
        println!(
            "skipped: the kernel's sample of a flow dissector: it was not compiled of this kernel's source"
        );
        return Ok(None);
    };
    for pins in [SAMPLE, SAMPLE_MAPS] {
        if Path::new(pins).exists() {
            fs::remove_dir_all(pins)?;
        }
    }
    Cmd::new("bpftool prog loadall")
        .arg(object)
        .args(format!(
            "{SAMPLE} type flow_dissector pinmaps {SAMPLE_MAPS}"
        ))
        .run()?;
    for index in 0..OTHERS {
        let entry = format!("key {index} 0 0 0 value pinned {SAMPLE}/flow_dissector_{index}");
        Cmd::new(format!(
            "bpftool map update pinned {SAMPLE_MAPS}/jmp_table {entry}"
        ))
        .run()?;
    }
    let first = Path::new(SAMPLE).join("_dissect");
    Ok(Some(Dissector::pinned(first)))
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
    let sample = sample_dissector()?;
    for (name, frame) in frames() {
        fs::write(FRAME, &frame)?;
        // Or what it takes is no measure.
        for dissector in [Some(&dissector), sample.as_ref()].into_iter().flatten() {
            let (found, _) = dissector.run(FRAME, 1)?;
            let keys = Keys {
                flow_keys: &found,
                device: &[],
            };
            ensure!(keys.bytes(Field::Ports) == PORTS, "{name}: {found:02x?}");
        }
        let timed = |walk: &dyn Fn()| {
            Turn::of(|| {
                let start = Instant::now();
                for _ in 0..frames_of_a_turn() {
                    walk();
                }
                Ok((f64::from(frames_of_a_turn()), start.elapsed()))
            })
        };
        let device = || {
            timed(&|| {
                let parsed = parser.flow_of(black_box(&frame));
                black_box(steering.steer(&parsed, Seen::NOT, true, None));
            })
        };
        let walk = || {
            timed(&|| {
                black_box(parser.parse(black_box(&frame), stop::STOP_AT_FLOW_LABEL));
            })
        };
        let mut entrants = vec![
            Entrant::new("parser, hash and table of the device", device).compared_as("the device"),
            Entrant::new("dissector and hash of the kernel", kernel).compared_as("the kernel"),
            Entrant::new("the graph's dissector, attached, and hash", || {
                kernel_with(&dissector)
            })
            .compared_as("the graph's"),
            Entrant::new("the walk of the device alone", walk),
            Entrant::new("the graph's dissector alone", || alone(&dissector))
                .compared_as("the graph's alone"),
        ];
        if let Some(sample) = &sample {
            entrants.extend([
                Entrant::new("the kernel's sample of one, attached, and hash", || {
                    kernel_with(sample)
                }),
                Entrant::new("that sample alone", || alone(sample)),
            ]);
        }
        let contest = Contest::of_frames(name, rounds());
        contest.run(entrants, marks)?;
    }
    drop(sample);
    fs::remove_dir_all(PINS)?;
    Ok(())
}

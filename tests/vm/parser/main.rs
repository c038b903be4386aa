// SPDX-License-Identifier: GPL-2.0

//! Flow dissectors that graphs become: what the verifier says of them, and that in the kernel they find
//! what their graphs say.

#[path = "../../../module/engine/tests/dissector/corpus.rs"]
mod corpus;
#[path = "../../../module/engine/tests/dissector/frames.rs"]
mod frames;
#[path = "../../../module/engine/tests/dissector/model.rs"]
mod model;
#[path = "../../../module/engine/tests/dissector/random.rs"]
mod random;

mod attach;
mod audit;
mod counts;
mod device;
mod flash;
mod hashes;

use anyhow::{ensure, Result};
use corpus::corpus;
use engine::memory::HostMemory;
use engine::parser::dissector;
use offload_tests::dissect::Dissect;
use offload_tests::env;
use parse_graph::Graph;
use random::Random;

/// Frames that each program is run with.
fn number_of_frames() -> usize {
    // What one finds is what the others do: there it matters how, in the driver and the kernel; and on the
    // newest one, which is emulated, whether its own code still finds the same.
    if env::is_slow() {
        6_000
    } else {
        120_000
    }
}

/// How many of a frame's beginnings are among them.
const BEGINNINGS: u64 = 3;
/// Where chance begins: a test has to find the same each time.
const SEED: u64 = 1;

/// Frames of all kinds, and beginnings of each; with flags of the caller.
fn some_frames() -> Vec<(u32, Vec<u8>)> {
    let mut random = Random::new(SEED);
    let mut all = Vec::new();
    while all.len() < number_of_frames() {
        let frame = if random.once_in(8) {
            let count = random.below(20) as usize;
            frames::long(&mut random, count)
        } else {
            frames::frame(&mut random, 6)
        };
        for _ in 0..BEGINNINGS {
            let len = 14 + random.below(frame.len() as u64 - 13) as usize;
            all.push((random.below(16) as u32, frame[..len].to_vec()));
        }
        all.push((random.below(16) as u32, frame));
    }
    all
}

fn check(name: &str, graph: &Graph<'_>, dissect: &Dissect) -> Result<()> {
    let insns = dissector::translate(&HostMemory, graph).map_err(|unfit| {
        // Errors of the engine have text alone.
        anyhow::anyhow!("{unfit}")
    })?;
    let bytes: Vec<u8> = insns.iter().flat_map(|insn| insn.to_le_bytes()).collect();
    let frames = some_frames();
    let (said, found) = dissect.run(&bytes, &frames)?;
    println!("{name}: {said}");
    let model = model::Model::new(graph);
    let mut codes = std::collections::BTreeMap::new();
    for ((flags, frame), found) in frames.iter().zip(found) {
        let mut expected = model.parse(frame, *flags);
        model::clamp(&mut expected.keys, frame.len());
        ensure!(
            (found.code, found.keys) == (expected.code, expected.keys),
            "{name}: flags {flags}, frame {frame:02x?}: found {found:02x?}, not {:02x?} by nodes {:?}",
            (expected.code, expected.keys),
            expected.path
        );
        *codes.entry(found.code).or_insert(0) += 1;
    }
    println!(
        "{name}: {} frames, by what was returned: {codes:?}",
        frames.len()
    );
    ensure!(codes.len() > 1, "{name}: all frames are alike: {codes:?}");
    Ok(())
}

#[test]
fn flow_dissectors_find_in_the_kernel_what_their_graphs_say() -> Result<()> {
    let dissect = Dissect::new()?;
    for (name, canonical) in corpus() {
        let graph = canonical.graph().map_err(|refusal| {
            // As above.
            anyhow::anyhow!("{name}: {refusal}")
        })?;
        check(&name, &graph, &dissect)?;
    }
    Ok(())
}

// SPDX-License-Identifier: GPL-2.0

//! Makes seeds for the fuzz targets `graph` and `document`, the graphs of the corpus and random ones:
//! `cargo run --example graph_seeds -- fuzz/corpus`.

#[path = "../tests/dissector/builder.rs"]
mod builder;
#[path = "../tests/dissector/corpus.rs"]
mod corpus;
#[path = "../tests/dissector/frames.rs"]
#[allow(dead_code, reason = "a module of the engine's tests")]
mod frames;
#[path = "../tests/dissector/graphs.rs"]
mod graphs;
#[path = "../tests/walk/named.rs"]
mod named;
#[path = "../tests/dissector/random.rs"]
mod random;

use std::io;
use std::path::PathBuf;

use graph_json::{dump, Names};
use parse_graph::Graph;
use random::Random;

/// How many random graphs there are in their canonical form, and how many of these in JSON as well.
const RANDOM: [u8; 2] = [32, 20];

/// The input that stands for a graph and a frame.
fn input(asked: u8, frame: &[u8], form: &[u8]) -> Vec<u8> {
    let frame = &frame[..frame.len().min(0xff)];
    [&[asked, frame.len() as u8], frame, form].concat()
}

fn main() -> io::Result<()> {
    let Some(seeds) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::other("graph_seeds SEEDS: a directory"));
    };
    let [graphs, documents] = ["graph", "document"].map(|target| seeds.join(target));
    for directory in [&graphs, &documents] {
        std::fs::create_dir_all(directory)?;
    }
    // One that leads through most of the corpus.
    let (_, frame) = named::all()
        .into_iter()
        .find(|(name, _)| *name == "segments")
        .ok_or_else(|| io::Error::other("no such frame"))?;
    for (name, canonical) in corpus::corpus() {
        std::fs::write(graphs.join(name), input(2, &frame, canonical.bytes()))?;
    }
    std::fs::copy(corpus::sample("small"), documents.join("small.json"))?;
    let mut random = Random::new(77);
    for n in 0..RANDOM[0] {
        let form = graphs::random(&mut random);
        let mut frame = frames::frame(&mut random, 3);
        frame[14..].iter_mut().for_each(|byte| *byte &= 0x83);
        frame.truncate(60);
        let name = format!("random-{n}");
        std::fs::write(graphs.join(&name), input(n, &frame, &form))?;
        if n < RANDOM[1] {
            let graph = Graph::new(&form).map_err(io::Error::other)?;
            let document = dump(&graph, &Names::default());
            let text = serde_json::to_string(&document)?;
            std::fs::write(documents.join(name + ".json"), text)?;
        }
    }
    Ok(())
}

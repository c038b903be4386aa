// SPDX-License-Identifier: GPL-2.0

//! `offloadctl parser count`, and graphs of devices that are drawn with what was counted: which way frames
//! take through the graph of a parser.

use std::collections::HashMap;

use anyhow::{bail, Result};
use clap::ValueEnum;
use comfy_table::{CellAlignment, Table};
use graph_json::{digest, names, Names, Notes};
use offload_uapi::client::Client;
use offload_uapi::types::{self, hex, FailedFrame};
use parse_graph::{blob, Target};
use serde::Serialize;

use super::picture;
use crate::interface::Interfaces;
use crate::output::{drawn, table, Output, Status};

/// How often both graph and counts are asked for, as another graph may be activated in between.
const TRIES: usize = 8;

/// What becomes of counting.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Switch {
    /// It begins anew.
    On,
    /// It ends.
    Off,
}

/// What was counted of the frames of an interface.
#[derive(Serialize)]
struct Count {
    ifindex: u32,
    interface: String,
    /// Whether frames are counted.
    counting: bool,
    #[serde(flatten)]
    counted: Option<Counted>,
}

/// What was counted, by a graph.
#[derive(Serialize)]
struct Counted {
    /// The name of the parser.
    parser: String,
    /// SHA-256 of the graph's canonical form.
    digest: String,
    frames: u64,
    nodes: Vec<Node>,
}

/// What was counted of a node.
#[derive(Serialize)]
struct Node {
    number: u32,
    name: String,
    visits: u64,
    /// How often a frame failed there.
    failures: u64,
    /// How often its header was cut off, or not as the node says.
    broken: u64,
    /// The last frame that failed there.
    last: Option<FailedFrame>,
    /// Where its edges lead, and how often they were taken.
    edges: Vec<Edge>,
}

/// What was counted of an edge.
#[derive(Serialize)]
struct Edge {
    to: String,
    taken: u64,
}

/// The target with a number.
fn target(number: u32) -> Target {
    // What is none of a graph's leads nowhere.
    u16::try_from(number).map_or(Target::LEFT_OUT, Target::node)
}

impl Counted {
    fn new(counts: types::Counts, names: &Names) -> Self {
        let mut edges: HashMap<u32, Vec<Edge>> = HashMap::new();
        for edge in counts.edges {
            edges.entry(edge.from).or_default().push(Edge {
                to: names.target(target(edge.to)),
                taken: edge.taken,
            });
        }
        let nodes = counts.nodes.into_iter().map(|node| Node {
            number: node.number,
            name: names.target(target(node.number)),
            visits: node.visits,
            failures: node.failures,
            broken: node.broken,
            last: node.last,
            edges: edges.remove(&node.number).unwrap_or_default(),
        });
        Self {
            parser: names.parser.clone(),
            digest: hex(&counts.digest),
            frames: counts.frames,
            nodes: nodes.collect(),
        }
    }
}

/// The file of the graph that a device runs, and what was counted by it, if anything is.
fn both(client: &mut Client, ifindex: u32) -> Result<(Vec<u8>, Option<types::Counts>)> {
    for _ in 0..TRIES {
        let counts = client.counts(ifindex)?;
        let running = client.parse_graph(ifindex)?;
        let is_of = |counts: &types::Counts| counts.digest == running.digest;
        if counts.as_ref().is_none_or(is_of) {
            return Ok((running.bytes, counts));
        }
    }
    bail!("the device runs another graph whenever it is asked")
}

/// Sets whether the frames of `interface` are counted first, if `switch` says so. Then it shows what was.
pub(super) fn run(interface: &str, switch: Option<Switch>, output: &Output) -> Result<Status> {
    let mut client = Client::connect()?;
    let interfaces = Interfaces::of(&mut client)?;
    let ifindex = interfaces.find(interface)?.ifindex;
    if let Some(switch) = switch {
        client.set_counting(ifindex, matches!(switch, Switch::On))?;
    }
    let (file, counts) = both(&mut client, ifindex)?;
    let names = names(&blob::parse(&file, digest)?);
    let count = Count {
        ifindex,
        interface: interfaces.names().of(ifindex),
        counting: counts.is_some(),
        counted: counts.map(|counts| Counted::new(counts, &names)),
    };
    output.show_text(&count, text)?;
    Ok(Status::Good)
}

/// How many frames there were; the nodes that they came to; and those that failed.
fn text(count: &Count) -> String {
    let Count {
        interface, counted, ..
    } = count;
    let Some(counted) = counted else {
        return format!("{interface}: frames are not counted\n");
    };
    let digest = counted.digest.get(..16).unwrap_or(&counted.digest);
    let mut text = format!(
        "{interface}: {} frames by {}, {digest}\n",
        counted.frames, counted.parser
    );
    let nodes: Vec<_> = counted.nodes.iter().filter(|it| it.visits > 0).collect();
    if !nodes.is_empty() {
        text += &drawn(list(&nodes));
    }
    for node in nodes {
        if let Some(last) = &node.last {
            text += &failed(&node.name, last);
        }
    }
    text
}

fn list(nodes: &[&Node]) -> Table {
    let mut table = table(["node", "visits", "failures", "broken", "goes to"]);
    for column in 1..4 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for node in nodes {
        let taken = node.edges.iter().filter(|edge| edge.taken > 0);
        let taken: Vec<_> = taken
            .map(|edge| format!("{} {}", edge.to, edge.taken))
            .collect();
        table.add_row([
            node.name.clone(),
            node.visits.to_string(),
            node.failures.to_string(),
            node.broken.to_string(),
            taken.join(", "),
        ]);
    }
    table
}

/// A frame that failed.
fn failed(node: &str, last: &FailedFrame) -> String {
    let why = if last.broken {
        format!("header broken at {}", last.offset)
    } else {
        format!("nothing known behind the header at {}", last.offset)
    };
    let cut = if (last.data.len() as u64) < u64::from(last.len) {
        "..."
    } else {
        ""
    };
    let bytes = last.len;
    format!(
        "{node}: the last of {bytes} bytes, {why}: {}{cut}\n",
        hex(&last.data)
    )
}

/// What was counted, in a drawing.
#[derive(Default)]
struct Drawn {
    /// By the numbers of nodes: visits, and failures.
    nodes: HashMap<u16, (u64, u64)>,
    edges: HashMap<(u16, Target), u64>,
}

impl Drawn {
    fn new(counts: &types::Counts) -> Self {
        // A number of a node has 16 bits.
        let nodes = counts.nodes.iter().filter_map(|it| {
            let number = u16::try_from(it.number).ok()?;
            Some((number, (it.visits, it.failures)))
        });
        let nodes = nodes.filter(|(_, (visits, _))| *visits > 0);
        let edges = counts.edges.iter().filter_map(|it| {
            let from = u16::try_from(it.from).ok()?;
            Some(((from, target(it.to)), it.taken))
        });
        Self {
            nodes: nodes.collect(),
            edges: edges.filter(|(_, taken)| *taken > 0).collect(),
        }
    }
}

impl Notes for Drawn {
    fn node(&self, node: u16) -> Option<String> {
        let (visits, failures) = self.nodes.get(&node)?;
        Some(match failures {
            0 => visits.to_string(),
            _ => format!("{visits}, {failures} failed"),
        })
    }

    fn edge(&self, from: u16, to: Target) -> Option<String> {
        let taken = self.edges.get(&(from, to))?;
        Some(format!("({taken})"))
    }
}

/// Draws the graph that the device of `interface` runs, with what was counted, if anything is.
pub(super) fn draw(interface: &str, svg: bool) -> Result<String> {
    let mut client = Client::connect()?;
    let interfaces = Interfaces::of(&mut client)?;
    let ifindex = interfaces.find(interface)?.ifindex;
    let (file, counts) = both(&mut client, ifindex)?;
    let blob = blob::parse(&file, digest)?;
    let drawn = counts.as_ref().map(Drawn::new).unwrap_or_default();
    Ok(picture::draw(svg, &blob.graph, &names(&blob), &drawn))
}

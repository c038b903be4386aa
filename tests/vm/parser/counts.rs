// SPDX-License-Identifier: GPL-2.0

//! What is counted of frames that arrive: at which nodes of the graph they were, and where they went on.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use anyhow::{bail, ensure, Context, Result};
use graph_json::Canonical;
use offload_tests::cable::Cable;
use offload_tests::command::{says, Cmd};
use offload_tests::env;
use offload_tests::graphs::Graphs;
use offload_tests::link::{await_that, Link};
use offload_tests::module::Module;
use offload_tests::nic::Nic;
use offload_tests::wire::Sender;
use offload_uapi::limits::DEVICE_MEMORY;
use offload_uapi::stats;
use offload_uapi::types::hex;
use parse_graph::{stop, Target};
use serde_json::{json, Value};

use crate::corpus::{corpus, sample};
use crate::device::parser;
use crate::model::Model;
use crate::some_frames;

const NIC: Nic = Nic { id: 0 };
/// The path of the device's memory among its resources.
const MEMORY: &str = "/memory";
/// Bytes that are kept of a frame.
const KEPT: usize = 128;

/// A cable, and who sends.
struct Stand {
    cable: Cable,
    sender: Sender,
}

impl Stand {
    fn new(queues: u32) -> Result<Self> {
        Self::with(Cable::onic_with_queues(queues, 1500)?)
    }

    fn with(cable: Cable) -> Result<Self> {
        let sender = Sender::new(&cable.near)?;
        Ok(Self { cable, sender })
    }

    fn graphs(&self) -> Result<Graphs> {
        Graphs::new(NIC, &self.cable.far)
    }

    /// What the tool says was counted; `args` may begin or end it.
    fn count(&self, args: &str) -> Result<Value> {
        let count = format!("count {} --json {args}", self.cable.far.name);
        parser(&self.cable, &count)?.json()
    }

    fn send(&self, frames: &[Vec<u8>]) -> Result<()> {
        frames.iter().try_for_each(|frame| self.sender.send(frame))
    }

    /// What was counted when so many frames were.
    fn counted(&self, frames: usize) -> Result<Value> {
        let mut last = Value::Null;
        let counted = await_that(&format!("{frames} frames to be counted"), || {
            last = self.count("")?;
            Ok(last["frames"] == frames)
        });
        counted.with_context(|| format!("{} frames", last["frames"]))?;
        Ok(last)
    }
}

/// What should have been counted of a node.
#[derive(Default)]
struct Node {
    visits: u64,
    failures: u64,
    broken: u64,
    last: Value,
    edges: BTreeMap<Target, u64>,
}

/// What is to be counted of `frames`, by the meaning of a graph: the nodes that they come to.
fn expected(canonical: &Canonical, frames: &[Vec<u8>]) -> Result<Vec<Value>> {
    let graph = canonical.graph().map_err(|refusal| {
        // It has text alone.
        anyhow::anyhow!("{refusal}")
    })?;
    let model = Model::new(&graph);
    let mut nodes = BTreeMap::<u16, Node>::new();
    for frame in frames {
        let found = model.parse(frame, stop::STOP_BEFORE_ENCAP.into());
        for (place, (from, to)) in found.edges().into_iter().enumerate() {
            let node = nodes.entry(from).or_default();
            let is_broken = found.broken.contains(&place);
            node.visits += 1;
            node.broken += u64::from(is_broken);
            *node.edges.entry(to).or_default() += 1;
            if to == Target::FAIL {
                node.failures += 1;
                node.last = json!({
                    "data": hex(&frame[..frame.len().min(KEPT)]),
                    "len": frame.len(),
                    "offset": found.path[place].1,
                    "broken": is_broken,
                });
            }
        }
    }
    let names = canonical.names();
    let nodes = nodes.into_iter().map(|(number, node)| {
        let edges = node.edges.iter();
        let edges: Vec<_> = edges
            .map(|(to, taken)| json!({ "to": name(names, *to), "taken": taken }))
            .collect();
        json!({
            "number": number,
            "name": names.nodes[usize::from(number)],
            "visits": node.visits,
            "failures": node.failures,
            "broken": node.broken,
            "last": node.last,
            "edges": edges,
        })
    });
    Ok(nodes.collect())
}

fn name(names: &graph_json::Names, to: Target) -> String {
    match to {
        Target::OKAY => "stop_okay".to_owned(),
        Target::FAIL => "stop_fail".to_owned(),
        Target::LEFT_OUT => "stop_left_out".to_owned(),
        node => names.nodes[usize::from(node.raw())].clone(),
    }
}

fn array<'a>(value: &'a Value, of: &str) -> Result<&'a Vec<Value>> {
    value[of].as_array().with_context(|| format!("no {of}"))
}

/// Of what was told, the nodes that a frame came to, with the edges that one took.
fn visited(told: &Value) -> Result<Vec<Value>> {
    let mut nodes = Vec::new();
    for node in array(told, "nodes")? {
        let mut node = node.clone();
        let mut edges = array(&node, "edges")?.clone();
        edges.retain(|edge| edge["taken"] != 0);
        node["edges"] = edges.into();
        if node["visits"] != 0 {
            nodes.push(node);
        }
    }
    Ok(nodes)
}

/// That no frame got lost on its way.
fn adds_up(told: &Value) -> Result<()> {
    let number = |value: &Value| value.as_u64().context("no number");
    let mut came = BTreeMap::<&str, u64>::new();
    for node in array(told, "nodes")? {
        let mut left = 0;
        for edge in array(node, "edges")? {
            let taken = number(&edge["taken"])?;
            *came
                .entry(edge["to"].as_str().context("no name")?)
                .or_default() += taken;
            left += taken;
        }
        ensure!(number(&node["visits"])? == left, "{node:#}");
    }
    let frames = number(&told["frames"])?;
    for (place, node) in array(told, "nodes")?.iter().enumerate() {
        let name = node["name"].as_str().context("no name")?;
        let came = if place == 0 {
            frames
        } else {
            came.get(name).copied().unwrap_or(0)
        };
        ensure!(node["visits"] == came, "{came} came to {node:#}");
    }
    let stopped = came.iter().filter(|(name, _)| name.starts_with("stop_"));
    let stopped: u64 = stopped.map(|(_, count)| count).sum();
    ensure!(stopped == frames, "{stopped} of {frames} stopped");
    Ok(())
}

/// That all of `told` is what the graph called `name` means for `frames`.
fn check(told: &Value, name: &str, frames: &[Vec<u8>]) -> Result<()> {
    let (_, canonical) = corpus()
        .into_iter()
        .find(|(other, _)| other == name)
        .context("no such graph")?;
    ensure!(
        told["counting"] == true && told["digest"] == hex(&canonical.digest()),
        "not by {name}: {} {}",
        told["counting"],
        told["digest"]
    );
    let (found, expected) = (visited(told)?, expected(&canonical, frames)?);
    for (found, expected) in found.iter().zip(&expected) {
        ensure!(found == expected, "{name}: {found:#}, not {expected:#}");
    }
    ensure!(found == expected, "{name}: other nodes");
    adds_up(told)
}

/// Frames of all kinds, some of them cut off.
fn frames(count: usize) -> Vec<Vec<u8>> {
    let all = some_frames().into_iter().map(|(_, frame)| frame);
    all.take(count).collect()
}

fn number_of_frames() -> usize {
    if env::is_checked() || env::is_slow() {
        1_000
    } else {
        4_000
    }
}

#[test]
fn what_arrives_is_counted_node_by_node() -> Result<()> {
    let frames = frames(number_of_frames());
    for queues in [1, 4] {
        let stand = Stand::new(queues)?;
        let told = stand.count("")?;
        ensure!(told["counting"] == false, "{told:#}");
        stand.send(&frames[..20])?;
        let told = stand.count("on")?;
        ensure!(told["counting"] == true && told["frames"] == 0, "{told:#}");
        ensure!(visited(&told)?.is_empty(), "nobody has counted");
        stand.send(&frames)?;
        let told = stand.counted(frames.len())?;
        if queues == 1 {
            check(&told, "kernel", &frames)?;
        } else {
            // They come by several queues, and the last of a node is whatever came last by one of them.
            adds_up(&told)?;
        }
        let failures = array(&told, "nodes")?.iter();
        let failures = failures.filter(|node| !node["last"].is_null()).count();
        ensure!(failures > 3, "{failures} nodes with failures");

        // It begins anew, and ends.
        let told = stand.count("on")?;
        ensure!(told["frames"] == 0 && visited(&told)?.is_empty());
        stand.send(&frames[..50])?;
        stand.counted(50)?;
        let told = stand.count("off")?;
        ensure!(
            told == json!({ "ifindex": told["ifindex"], "interface": "onic1", "counting": false })
        );
        // The other end has a count of its own.
        let near = stand.cable.near.offloadctl("parser count onic0 --json")?;
        ensure!(near.json()?["counting"] == false);
    }
    Ok(())
}

/// Whether a poll takes a frame, or a program as it arrives.
#[test]
fn what_a_program_drops_is_counted_once() -> Result<()> {
    let stand = Stand::new(1)?;
    let frames = frames(200);
    for program in ["drop", "pass"] {
        stand.cable.attach(program)?;
        stand.count("on")?;
        stand.send(&frames)?;
        check(&stand.counted(frames.len())?, "kernel", &frames)
            .with_context(|| program.to_owned())?;
        stand.cable.detach()?;
    }
    Ok(())
}

#[test]
fn another_graph_is_counted_anew() -> Result<()> {
    let stand = Stand::new(1)?;
    let graphs = stand.graphs()?;
    let frames = frames(200);
    stand.count("on")?;
    stand.send(&frames)?;
    check(&stand.counted(frames.len())?, "kernel", &frames)?;
    graphs.build("small", &sample("small"))?;
    graphs.flash("small").run()?;
    // What is stored does not run.
    check(&stand.count("")?, "kernel", &frames)?;
    graphs.activate()?;
    check(&stand.count("")?, "small", &[])?;
    stand.send(&frames)?;
    check(&stand.counted(frames.len())?, "small", &frames)?;
    // It runs already.
    graphs.activate()?;
    check(&stand.count("")?, "small", &frames)?;
    Ok(())
}

#[test]
fn no_frame_is_counted_by_another_graph() -> Result<()> {
    let stand = Stand::new(4)?;
    let graphs = stand.graphs()?;
    let names = ["small", "srv6", "kernel"];
    for name in names {
        graphs.build(name, &sample(name))?;
    }
    let frames = frames(1_000);
    stand.count("on")?;
    let (is_over, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| -> Result<()> {
        let sender = scope.spawn(|| -> Result<()> {
            while !is_over.load(Ordering::Relaxed) {
                stand.send(&frames)?;
                sent.fetch_add(frames.len() as u64, Ordering::Relaxed);
            }
            Ok(())
        });
        let activated = (|| {
            for round in 0..4 {
                for name in names {
                    graphs.flash(name).run()?;
                    graphs.activate()?;
                    await_that("frames by this graph", || {
                        let told = stand.count("")?;
                        ensure!(
                            told["parser"] == name,
                            "round {round}: {} for {name}",
                            told["parser"]
                        );
                        Ok(told["frames"].as_u64() > Some(100))
                    })?;
                }
            }
            Ok(())
        })();
        is_over.store(true, Ordering::Relaxed);
        let sent = sender.join();
        activated.and(match sent {
            Ok(sent) => sent,
            Err(_) => bail!("the sender has come to a bad end"),
        })
    })?;
    let sent = 20 + sent.into_inner();
    stand.send(&frames[..20])?;
    stand.cable.far.await_that("the last frame", |far| {
        Ok(far.statistics()?.get(stats::RX_DEVICE_FRAMES)? == sent)
    })?;
    let told = stand.count("")?;
    ensure!(
        told["frames"].as_u64() < Some(sent),
        "it was never begun anew"
    );
    adds_up(&told)
}

/// A graph of as many nodes as there may be, each behind a type of Ethernet's of its own, and with an edge
/// for each of them.
fn large() -> Value {
    const LEAVES: usize = 1_000;
    let leaf = |number: usize| json!({ "name": format!("leaf-{number}"), "min-hdr-length": 2 + number % 2 });
    let mut nodes = vec![json!({
        "name": "ethernet",
        "min-hdr-length": 14,
        "metadata": { "ents": [{ "type": "extract", "field": "n_proto", "hdr-src-off": 12 }] },
        "next-proto": {
            "field-off": 12,
            "field-len": 2,
            "ents": (0..LEAVES)
                .map(|number| json!({ "key": 0x9000 + number, "node": format!("leaf-{number}") }))
                .collect::<Vec<_>>(),
        },
    })];
    nodes.extend((0..LEAVES).map(leaf));
    for (number, node) in nodes.iter_mut().enumerate().skip(1) {
        let node = node.as_object_mut().expect("an object");
        // Each is another one, lest they are joined.
        node.insert(
            "metadata".to_owned(),
            json!({ "ents": [{ "type": "constant", "field": "ports", "value": number }] }),
        );
    }
    json!({ "parsers": [{ "name": "large", "root-node": "ethernet" }], "parse-nodes": nodes })
}

#[test]
fn counts_of_a_large_graph_are_told_in_pieces() -> Result<()> {
    let stand = Stand::new(1)?;
    let graphs = stand.graphs()?;
    let text = large().to_string();
    let canonical = Canonical::from_json(&text)?;
    fs::write("/tmp/large.json", &text)?;
    graphs.build("large", "/tmp/large.json".as_ref())?;
    graphs.flash("large").run()?;
    graphs.activate()?;
    stand.count("on")?;
    // To every other leaf, and every third is cut off.
    let frames: Vec<_> = (0..1_000_u16)
        .step_by(2)
        .map(|number| {
            let mut frame = vec![2; 12];
            frame.extend((0x9000 + number).to_be_bytes());
            frame.resize(if number % 3 == 0 { 15 } else { 60 }, 7);
            frame
        })
        .collect();
    stand.send(&frames)?;
    let told = stand.counted(frames.len())?;
    ensure!(array(&told, "nodes")?.len() == 1_001);
    ensure!(visited(&told)? == expected(&canonical, &frames)?);
    adds_up(&told)?;
    Ok(())
}

/// A map in the device of onic0, gone when this is.
struct Map(String);

impl Drop for Map {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A map with values of so many bytes that takes all of `room` but what is to be `left`, and less than one
/// value more.
fn full(value: u64, room: u64, left: u64) -> Result<Map> {
    let map = Map(format!("/sys/fs/bpf/full_{value}"));
    let entries = (room - left) / value;
    Cmd::new(format!("bpftool map create {} type array key 4", map.0))
        .args(format!(
            "value {value} entries {entries} name full offload_dev onic0"
        ))
        .run()?;
    Ok(map)
}

#[test]
fn without_memory_all_stays_as_it_was() -> Result<()> {
    let _module = Module::insert("nics=1 ports=2 queues=1")?;
    let port = Link::new("onic0");
    let count = |args: &str| port.offloadctl(format!("parser count {args}"));
    let running = || -> Result<Value> {
        let shown = port.offloadctl("parser show onic0 --json")?.json()?;
        Ok(shown[0]["digest"].clone())
    };
    let graphs = Graphs::new(NIC, &port)?;
    fs::write("/tmp/large.json", large().to_string())?;
    let built = graphs.build("large", "/tmp/large.json".as_ref())?;
    graphs.flash("large").run()?;
    let in_use = || Ok::<_, anyhow::Error>(NIC.used()?[MEMORY]);
    let stored = in_use()?;
    count("onic0 on")?.run()?;
    let counting = in_use()? - stored;
    ensure!(counting > 0);
    // As much is left as neither of the graphs needs.
    let _large = full(65_536, DEVICE_MEMORY - in_use()?, 65_536)?;
    let _small = full(8, DEVICE_MEMORY - in_use()?, counting / 2)?;
    let taken = in_use()? - counting;

    let before = running()?;
    let words = ["no memory left for the device"];
    says(&count("onic1 on")?.refused()?, &words)?;
    ensure!(count("onic1 --json")?.json()?["counting"] == false);
    let activate = Cmd::new(format!(
        "devlink dev reload {} action fw_activate",
        NIC.handle()
    ));
    let refused = activate.refused()?;
    says(&refused, &[words[0], "a port counts"])?;
    let told = count("onic0 --json")?.json()?;
    ensure!(
        told["counting"] == true && told["digest"] == before,
        "{told:#}"
    );
    ensure!(running()? == before, "another one runs");
    let shown = Cmd::new(format!("devlink -j dev show {}", NIC.handle())).run()?;
    ensure!(!shown.contains("true"), "a failed reload: {shown}");

    count("onic0 off")?.run()?;
    ensure!(in_use()? == taken, "not all was given back");
    activate.run()?;
    ensure!(running()? == built["digest"]);
    says(&count("onic0 on")?.refused()?, &words)?;
    Ok(())
}

#[test]
fn not_everyone_may_count() -> Result<()> {
    let stand = Stand::new(1)?;
    let far = &stand.cable.far;
    let frame = frames(1);
    stand.count("on")?;
    stand.send(&frame)?;
    stand.counted(1)?;
    for args in ["on", "off", ""] {
        let refused = far
            .cmd("setpriv --bounding-set=-net_admin --inh-caps=-net_admin")
            .arg(env::offloadctl()?)
            .args(format!("parser count {} {args}", far.name))
            .refused()?;
        says(&refused, &["error", "not permitted"])?;
        says(&refused, &["CAP_NET_ADMIN"])?;
    }
    ensure!(stand.count("")?["frames"] == 1, "it was begun anew");
    Ok(())
}

#[test]
fn a_drawing_has_what_was_counted() -> Result<()> {
    let stand = Stand::new(1)?;
    let name = &stand.cable.far.name;
    let draw = || parser(&stand.cable, &format!("graph --of {name}"))?.run();
    let file = sample("kernel");
    let plain = parser(&stand.cable, &format!("graph {}", file.display()))?.run()?;
    ensure!(draw()? == plain, "nothing is counted");
    let mut packet = Vec::new();
    etherparse::PacketBuilder::ethernet2([2; 6], [0xff; 6])
        .ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
        .udp(1, 2)
        .write(&mut packet, &[0; 20])?;
    let frames = [packet.clone(), packet.clone(), packet[..20].to_vec()];
    stand.count("on")?;
    stand.send(&frames)?;
    stand.counted(3)?;
    let drawn = draw()?;
    for words in [
        "14 bytes\\n3\"",
        "\\n(3)\"",
        "\\n1, 1 failed\"",
        "(1)\", color=red",
    ] {
        says(&drawn, &[words])?;
    }
    let text = parser(&stand.cable, &format!("count {name}"))?.run()?;
    for words in [
        "3 frames by kernel",
        "stop_fail 1",
        "20 bytes, header broken at 14: ff",
    ] {
        says(&text, &[words])?;
    }
    Ok(())
}

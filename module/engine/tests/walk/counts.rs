// SPDX-License-Identifier: GPL-2.0

//! Walks that are followed node by node, and what is counted of them.

use std::collections::BTreeMap;

use engine::memory::{HostMemory, OutOfMemory};
use engine::parser::{Counts, Machine, Passed, Uncounted, Verdict, KEPT, MAX_COUNTS_MEMORY, STEPS};
use parse_graph::{limits, stop, Graph, Length, Node, Target};
use proptest::prelude::*;

use crate::builder::{always, build, whole, Parts};
use crate::corpus::corpus;
use crate::frames;
use crate::graphs;
use crate::memory::Ending;
use crate::model::Model;
use crate::random::Random;

/// A parser that counts, and what it should have counted by the meaning of its graph.
struct Counted {
    machine: Machine<HostMemory>,
    counts: Counts<HostMemory>,
    model: Model,
    frames: u64,
    edges: BTreeMap<(u16, Target), u64>,
    broken: BTreeMap<u16, u64>,
    /// How many frames failed at a node, and the last of them.
    failures: BTreeMap<u16, (u64, Vec<u8>)>,
}

impl Counted {
    fn new(graph: &Graph<'_>) -> Self {
        Self {
            machine: Machine::new(&HostMemory, graph).expect("memory"),
            counts: Counts::new(&HostMemory, graph).expect("memory"),
            model: Model::new(graph),
            frames: 0,
            edges: BTreeMap::new(),
            broken: BTreeMap::new(),
            failures: BTreeMap::new(),
        }
    }

    /// Counts a frame, of which it follows the way, which is that of an ordinary walk. Gives how many nodes
    /// that has.
    fn count(&mut self, frame: &[u8], asked: u16) -> usize {
        let expected = self.model.parse(frame, asked.into());
        let mut way = Vec::new();
        let traced = self
            .machine
            .trace(frame, asked, &mut |passed: &Passed| way.push(*passed));
        assert_eq!(
            traced,
            self.machine.parse(frame, asked),
            "{frame:02x?}, asked {asked}: another way"
        );
        let steps = way.iter().map(|it| (it.step.node, it.step.offset));
        assert_eq!(steps.collect::<Vec<_>>(), expected.path, "{frame:02x?}");
        let edges: Vec<_> = way.iter().map(|it| (it.step.node, it.to)).collect();
        assert_eq!(edges, expected.edges(), "{frame:02x?}");
        let places = way.iter().enumerate();
        let broken = places.filter(|(_, it)| it.is_broken);
        let broken: Vec<_> = broken.map(|(place, _)| place).collect();
        assert_eq!(broken, expected.broken, "{frame:02x?}");

        let len = frame.len() as u32;
        self.counts.count(&self.machine, frame, len, asked);
        self.frames += 1;
        for (place, edge) in edges.into_iter().enumerate() {
            *self.edges.entry(edge).or_default() += 1;
            let is_broken = broken.contains(&place);
            if is_broken {
                *self.broken.entry(edge.0).or_default() += 1;
            }
            if edge.1 == Target::FAIL {
                let (count, last) = self.failures.entry(edge.0).or_default();
                *count += 1;
                *last = frame.to_vec();
            }
        }
        way.len()
    }

    /// That it has counted what it should, and that no frame gets lost on its way.
    fn check(&self) {
        let counts = &self.counts;
        assert_eq!(counts.frames(), self.frames);
        let mut found = BTreeMap::new();
        let (mut to, mut from) = (BTreeMap::new(), BTreeMap::new());
        to.insert(Target::node(0), self.frames);
        let mut last = None;
        for index in 0..counts.edges() as u32 {
            let edge = counts.edge(index).expect("an edge");
            let this = Some((edge.from, edge.to));
            assert!(last < this, "{edge:?} behind {last:?}");
            last = this;
            if edge.taken > 0 {
                found.insert((edge.from, edge.to), edge.taken);
            }
            *to.entry(edge.to).or_default() += edge.taken;
            *from.entry(edge.from).or_default() += edge.taken;
        }
        assert_eq!(counts.edge(counts.edges() as u32), None);
        assert_eq!(found, self.edges);
        for node in 0..counts.nodes() as u16 {
            let count = counts.node(node).expect("a node");
            assert_eq!(Some(&count.visits), from.get(&node), "{node}");
            let came = to.get(&Target::node(node)).copied().unwrap_or(0);
            assert_eq!(count.visits, came, "{node}");
            let broken = self.broken.get(&node).copied().unwrap_or(0);
            assert_eq!(count.broken, broken, "{node}");
            let kept = counts.failure(node);
            let kept = kept.as_ref().map(|it| (it.bytes(), it.len as usize));
            let expected = self.failures.get(&node);
            assert_eq!(count.failures, expected.map_or(0, |it| it.0), "{node}");
            let expected = expected.map(|(_, it)| (&it[..it.len().min(KEPT)], it.len()));
            assert_eq!(kept, expected, "{node}");
        }
        assert_eq!(counts.node(counts.nodes() as u16), None);
        assert_eq!(counts.failure(counts.nodes() as u16), None);
        let stops = [Target::OKAY, Target::FAIL, Target::LEFT_OUT];
        let stopped: u64 = stops.iter().filter_map(|stop| to.get(stop)).sum();
        assert_eq!(stopped, self.frames);
    }
}

#[test]
fn all_that_a_frame_passes_is_counted() {
    for (seed, (name, canonical)) in (1..).zip(corpus()) {
        let mut counted = Counted::new(&canonical.graph().expect("a graph"));
        let mut random = Random::new(seed);
        let mut longest = 0;
        for n in 0..4_000 {
            let frame = match n % 16 {
                0 => frames::long(&mut random, 13 + n % 5),
                _ => frames::frame(&mut random, 6),
            };
            for _ in 0..4 {
                let len = 14 + random.below(frame.len() as u64 - 13) as usize;
                let asked = random.below(u64::from(stop::OF_CALLER) + 1) as u16;
                longest = longest.max(counted.count(&frame[..len], asked));
            }
        }
        counted.check();
        println!("{name}: {} frames, up to {longest} nodes", counted.frames);
        assert!(counted.edges.len() > 5 && !counted.broken.is_empty());
        // What that does not know it leaves to the kernel.
        assert_eq!(counted.failures.is_empty(), name == "small", "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn it_is_counted_by_any_graph(seed in any::<u64>()) {
        let mut random = Random::new(seed);
        let bytes = graphs::random(&mut random);
        let mut counted = Counted::new(&Graph::new(&bytes).expect("a graph"));
        for n in 0..24 {
            let mut frame = frames::frame(&mut random, 6);
            if n % 2 == 0 {
                // Small numbers are what random graphs look for.
                frame[14..].iter_mut().for_each(|byte| *byte &= 0x83);
            }
            let len = 14 + random.below(frame.len() as u64 - 13) as usize;
            counted.count(&frame[..len], random.below(16) as u16);
        }
        counted.check();
    }
}

/// A graph of one header that tells its length and follows itself.
fn endless(max_headers: u8) -> Vec<u8> {
    let mut header = Parts::new(2);
    header.node.flags = Node::COUNTED;
    header.node.length = Length {
        piece: whole(1, 1),
        multiplier: 8,
        add: 10,
    };
    header.node.next = always(Target::node(1));
    header.node.at_limit = always(Target::OKAY);
    let ethernet = Parts::ethernet(Vec::new(), Target::node(1));
    build(max_headers, &[ethernet, header])
}

#[test]
fn what_no_step_remembers_is_counted() {
    let bytes = endless(limits::HEADERS);
    let mut counted = Counted::new(&Graph::new(&bytes).expect("a graph"));
    // Each header has ten bytes.
    let frame = [0; 1024];
    let nodes = counted.count(&frame, 0);
    assert!(nodes > 2 * STEPS, "{nodes}");
    counted.check();
    let count = counted.counts.node(1).expect("a node");
    assert_eq!(count.visits, u64::from(limits::HEADERS) + 1);
    let edge = |index| counted.counts.edge(index).map(|it| (it.to, it.taken));
    let to_itself = (Target::node(1), u64::from(limits::HEADERS));
    let edges: Vec<_> = (0..).map_while(edge).collect();
    assert!(edges.contains(&to_itself), "{edges:?}");
}

/// The node that would begin there is none that a parser came to.
#[test]
fn a_header_beyond_the_last_offset_fails_in_front_of_it() {
    let bytes = endless(limits::HEADERS);
    let mut counted = Counted::new(&Graph::new(&bytes).expect("a graph"));
    // Each header has 2,050 bytes.
    let frame = vec![0xff; 60_000];
    assert_eq!(counted.count(&frame, 0), 29);
    counted.check();
    let failure = counted.counts.failure(1).expect("a frame");
    assert!(!failure.is_broken, "{failure:?}");
    assert_eq!((failure.len, failure.offset), (60_000, 14 + 27 * 2_050));
    assert_eq!(failure.bytes(), &frame[..KEPT]);
}

#[test]
fn a_frame_without_an_ethernet_header_fails_at_the_first_node() {
    let bytes = endless(2);
    let counted = Counted::new(&Graph::new(&bytes).expect("a graph"));
    let mut way = Vec::new();
    let traced = counted
        .machine
        .trace(&[7; 13], 0, &mut |passed: &Passed| way.push(*passed));
    assert_eq!(traced.verdict, Verdict::Fail);
    assert_eq!(traced, counted.machine.parse(&[7; 13], 0));
    let way: Vec<_> = way.iter().map(|it| (it.step.node, it.to)).collect();
    assert_eq!(way, [(0, Target::FAIL)]);
    counted.counts.count(&counted.machine, &[7; 13], 13, 0);
    let kept = counted.counts.failure(0).expect("a frame");
    assert_eq!((kept.bytes(), kept.is_broken), (&[7; 13][..], true));
    assert_eq!(counted.counts.node(0).map(|it| it.visits), Some(1));
}

#[test]
fn counts_need_memory() {
    let (_, canonical) = corpus().remove(0);
    let graph = canonical.graph().expect("a graph");
    let mut enough = 0;
    while let Err(error) = Counts::new(&Ending::after(enough), &graph) {
        assert_eq!(error, Uncounted::Memory(OutOfMemory));
        enough += 1;
    }
    assert!(enough >= 2, "{enough} pieces");
}

/// A graph of as many nodes as there may be, all of which look up the same table of `len` entries.
fn shared(len: u16) -> Vec<u8> {
    let nodes = limits::NODES as u16;
    let entry = |index: u16| (u32::from(index), Target::node(1 + index % (nodes - 1)));
    let mut header = Parts::new(8);
    header.node.flags = Node::COUNTED;
    header.node.next.piece = whole(0, 2);
    header.next = (0..len).map(entry).collect();
    let ethernet = Parts::ethernet(Vec::new(), Target::node(1));
    let mut all = vec![ethernet];
    all.resize_with(limits::NODES, || header.clone());
    build(limits::HEADERS, &all)
}

#[test]
fn counts_take_no_more_memory_than_a_parser() {
    let counts = |len| {
        let bytes = shared(len);
        let graph = Graph::new(&bytes).expect("a graph");
        Counts::new(&HostMemory, &graph)
    };
    let all: Vec<_> = (0..limits::NODES as u16).collect();
    let most = all.partition_point(|len| counts(*len).is_ok()) as u16 - 1;
    let memory = counts(most).expect("memory").memory();
    let row = limits::NODES * 16;
    assert!(
        (MAX_COUNTS_MEMORY - row..=MAX_COUNTS_MEMORY).contains(&memory),
        "{most} entries: {memory} bytes"
    );
    let Err(Uncounted::TooLarge { edges, bytes }) = counts(1_023) else {
        panic!("a million edges can be counted");
    };
    assert!(
        edges > 1_000_000 && bytes > 16 * MAX_COUNTS_MEMORY - row,
        "{edges}, {bytes}"
    );
    let told = Uncounted::TooLarge { edges, bytes }.to_string();
    assert!(
        told.contains(&edges.to_string()) && told.contains("limit 1048576"),
        "{told}"
    );
}

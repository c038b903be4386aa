// SPDX-License-Identifier: GPL-2.0

//! The device's walks over graphs against what the graphs mean.

#[path = "../dissector/builder.rs"]
mod builder;
#[path = "../dissector/corpus.rs"]
mod corpus;
mod counts;
#[path = "../dissector/frames.rs"]
mod frames;
#[path = "../dissector/graphs.rs"]
mod graphs;
mod largest;
mod last;
#[path = "../steer/memory.rs"]
mod memory;
#[path = "../dissector/model.rs"]
mod model;
mod named;
mod options;
#[path = "../dissector/random.rs"]
mod random;
mod raw;
mod way;

use corpus::corpus;
use engine::memory::{HostMemory, OutOfMemory};
use engine::parser::{Found, Machine, Verdict, MAX_MEMORY, STEPS};
use memory::Ending;
use model::Model;
use parse_graph::{stop, Field, Graph};
use proptest::prelude::*;
use random::Random;

/// A graph as the device goes through it, and as it is meant.
struct Both {
    machine: Machine<HostMemory>,
    model: Model,
}

impl Both {
    fn new(graph: &Graph<'_>) -> Self {
        Self {
            machine: Machine::new(&HostMemory, graph).expect("memory"),
            model: Model::new(graph),
        }
    }

    /// That the device finds in `frame` what it should; what that is.
    fn check(&self, frame: &[u8], flags: u16) -> Found {
        let mut expected = self.model.parse(frame, flags.into());
        let keys = &mut expected.keys;
        // A device asks itself, and always tells where it stopped.
        keys[model::CALLER_FLAGS..][..4].fill(0);
        keys[2..4].copy_from_slice(&expected.offset.to_le_bytes());
        model::clamp(keys, frame.len());
        expected.path.truncate(STEPS);
        let found = self.machine.parse(frame, flags);
        let steps = found.steps().iter().map(|step| (step.node, step.offset));
        let is_same = found.verdict as u32 == expected.code
            && found.flow_keys() == expected.keys
            && found.device_fields() == expected.fields
            && steps.eq(expected.path.iter().copied());
        assert!(
            is_same,
            "{frame:02x?}, flags {flags}: found {found:?}, not {expected:?}"
        );
        found
    }

    /// [`Self::check`] of some beginnings of a frame, and whatever may be asked for.
    fn check_some(&self, frame: &[u8], random: &mut Random) {
        for flags in 0..=stop::OF_CALLER {
            let len = 14 + random.below(frame.len() as u64 - 13) as usize;
            self.check(&frame[..len], flags);
        }
    }
}

/// Of each graph of the corpus: frames, each cut off at 16 places, a million times in all.
const FRAMES: usize = 62_500;

#[test]
fn walks_over_the_corpus_find_what_their_graphs_say() {
    for (seed, (_, canonical)) in (1..).zip(corpus()) {
        let both = Both::new(&canonical.graph().expect("a graph"));
        let mut random = Random::new(seed);
        for n in 0..FRAMES {
            let frame = match n % 16 {
                0 => frames::long(&mut random, 13 + n % 5),
                _ => frames::frame(&mut random, 6),
            };
            both.check_some(&frame, &mut random);
        }
    }
}

#[test]
fn beginnings_of_frames_are_parsed_as_far_as_they_go() {
    for (_, canonical) in corpus() {
        let both = Both::new(&canonical.graph().expect("a graph"));
        for (_, frame) in named::all() {
            for len in 14..=frame.len() {
                for flags in 0..=stop::OF_CALLER {
                    both.check(&frame[..len], flags);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_walk_finds_what_its_graph_says(seed in any::<u64>()) {
        let mut random = Random::new(seed);
        let bytes = graphs::random(&mut random);
        let both = Both::new(&Graph::new(&bytes).expect("a graph"));
        for n in 0..6 {
            let mut frame = frames::frame(&mut random, 6);
            if n % 2 == 0 {
                // Small numbers are what random graphs look for.
                frame[14..].iter_mut().for_each(|byte| *byte &= 0x83);
            }
            both.check_some(&frame, &mut random);
        }
    }
}

/// The graph that each card comes with.
fn kernel() -> Both {
    let mut all = corpus().into_iter();
    let (_, canonical) = all
        .find(|(name, _)| name == "kernel")
        .expect("the kernel's graph");
    Both::new(&canonical.graph().expect("a graph"))
}

/// By numbers written down here: what device and model agree on is what is meant.
#[test]
fn usual_frames_give_the_keys_that_they_have() {
    let both = kernel();
    let found = |name| {
        let all = named::all();
        let (_, frame) = all.iter().find(|(each, _)| *each == name).expect("a frame");
        both.check(frame, 0)
    };
    let tcp = found("TCP over IPv4");
    assert_eq!(tcp.verdict, Verdict::Okay);
    assert_eq!(tcp.get(Field::Nhoff), 14_u16.to_le_bytes());
    assert_eq!(tcp.get(Field::Thoff), 34_u16.to_le_bytes());
    assert_eq!(tcp.get(Field::AddrProto), 0x0800_u16.to_le_bytes());
    assert_eq!(tcp.get(Field::NProto), [8, 0]);
    assert_eq!(tcp.get(Field::IpProto), [6]);
    assert_eq!(tcp.get(Field::Ports), [0x80, 1, 0, 80]);
    assert_eq!(tcp.get(Field::Ipv4Src), [10, 0, 0, 1]);
    assert_eq!(tcp.get(Field::Ipv4Dst), [10, 0, 0, 2]);
    assert!(!tcp.is_fragment());
    let udp = found("UDP with a flow label");
    assert_eq!(udp.verdict, Verdict::Okay);
    assert_eq!(udp.get(Field::Thoff), 54_u16.to_le_bytes());
    assert_eq!(udp.get(Field::Ipv6Src), [0x11; 16]);
    assert_eq!(udp.get(Field::FlowLabel), [0, 0, 0, 9]);
    assert_eq!(udp.get(Field::Ports), [0x80, 1, 0, 53]);
    let fragment = found("later fragment");
    assert!(fragment.is_fragment());
    assert_eq!(fragment.get(Field::IsFirstFrag), [0]);
    assert_eq!(fragment.get(Field::Ports), [0; 4]);
    let inner = found("IPv4 in IPv4");
    assert_eq!(inner.get(Field::IsEncap), [1]);
    assert_eq!(inner.get(Field::Thoff), 54_u16.to_le_bytes());
}

#[test]
fn nothing_is_found_in_less_than_an_ethernet_header() {
    let both = kernel();
    for (_, frame) in named::all() {
        for len in 0..14 {
            let found = both.machine.parse(&frame[..len], 0);
            assert_eq!(found.verdict, Verdict::Fail);
            assert_eq!(found.flow_keys(), [0; Field::FLOW_KEYS_BYTES]);
            assert_eq!(found.device_fields(), [0; Field::DEVICE_BYTES]);
        }
    }
}

#[test]
fn out_of_memory_is_told() {
    for (name, canonical) in corpus() {
        let graph = canonical.graph().expect("a graph");
        let made_with = |allocations| Machine::new(&Ending::after(allocations), &graph);
        let enough = (0..32).find(|allocations| made_with(*allocations).is_ok());
        let enough = enough.expect("some memory is enough");
        assert!(enough > 1, "{name}");
        for allocations in 0..enough {
            assert_eq!(made_with(allocations).err(), Some(OutOfMemory), "{name}");
        }
        let machine = made_with(enough).expect("as before");
        let least = graph.nodes().len() * 64;
        assert!((least..MAX_MEMORY).contains(&machine.memory()), "{name}");
    }
}

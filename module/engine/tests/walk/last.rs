// SPDX-License-Identifier: GPL-2.0

//! A frame that is taken for one of the last frame's flow is of that.

use engine::memory::HostMemory;
use engine::parser::{Machine, Parsed};
use engine::steer::{Hash, HashKind, LastFlow};
use parse_graph::Graph;
use proptest::prelude::*;

use super::corpus::corpus;
use super::frames;
use super::graphs;
use super::named;
use super::random::Random;

/// A frame, what is known of it, and whether others are found to be of its flow.
struct Noted<'a> {
    machine: &'a Machine<HostMemory>,
    last: LastFlow,
    parsed: Parsed,
    hash: Option<Hash>,
}

const BY: [u64; 2] = [3, 4];

impl<'a> Noted<'a> {
    fn new(machine: &'a Machine<HostMemory>, frame: &[u8]) -> Self {
        let (last, mut parsed) = (LastFlow::default(), Parsed::default());
        let decisive = machine.flow_into(frame, &mut parsed);
        let hash = (frame.len() % 2 == 0).then_some(Hash {
            value: 5,
            kind: HashKind::L4,
            flow: parsed.flow,
            extended: false,
        });
        last.note(BY, frame, decisive, hash);
        Self {
            machine,
            last,
            parsed,
            hash,
        }
    }

    /// Whether `other` is taken for one of the same flow, which it is then.
    fn has(&self, other: &[u8]) -> bool {
        let Some(hash) = self.last.find(BY, other) else {
            return false;
        };
        assert_eq!(hash, self.hash);
        assert_eq!(
            self.machine.flow_of(other),
            self.parsed,
            "{other:02x?} is of another flow"
        );
        true
    }

    /// Tries frames that are a little different; how many are taken for the same.
    fn try_others(&self, frame: &[u8], random: &mut Random) -> usize {
        let mut others = Vec::new();
        for _ in 0..24 {
            let mut other = frame.to_vec();
            for _ in 0..1 + random.below(2) {
                let at = random.below(frame.len().min(80) as u64) as usize;
                other[at] ^= 1 << random.below(8);
            }
            others.push(other);
        }
        let shorter = random.below(frame.len() as u64 + 1) as usize;
        others.push(frame[..shorter].to_vec());
        let more = random.below(64) as usize;
        others.push(
            frame
                .iter()
                .copied()
                .chain((0..more).map(|n| n as u8))
                .collect(),
        );
        others.iter().filter(|other| self.has(other)).count()
    }
}

/// Of each graph of the corpus.
const FRAMES: usize = 4_000;

#[test]
fn frames_that_are_alike_are_of_one_flow() {
    for (seed, (name, canonical)) in (1..).zip(corpus()) {
        let machine = machine(&canonical.graph().expect("a graph"));
        let mut random = Random::new(seed);
        let mut found = 0;
        for _ in 0..FRAMES {
            let frame = frames::frame(&mut random, 6);
            let noted = Noted::new(&machine, &frame);
            found += noted.try_others(&frame, &mut random);
        }
        for (_, frame) in named::all() {
            let noted = Noted::new(&machine, &frame);
            for at in 0..frame.len() * 8 {
                let mut other = frame.clone();
                other[at / 8] ^= 1 << (at % 8);
                found += usize::from(noted.has(&other));
            }
            for len in 0..frame.len() {
                noted.has(&frame[..len]);
            }
        }
        assert!(found > 1_000, "{name}: {found}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_the_graph_is(seed in any::<u64>()) {
        let mut random = Random::new(seed);
        let bytes = graphs::random(&mut random);
        let machine = machine(&Graph::new(&bytes).expect("a graph"));
        for n in 0..4 {
            let mut frame = frames::frame(&mut random, 6);
            if n % 2 == 0 {
                // Small numbers are what random graphs look for.
                frame[14..].iter_mut().for_each(|byte| *byte &= 0x83);
            }
            Noted::new(&machine, &frame).try_others(&frame, &mut random);
        }
    }
}

/// What changes from frame to frame of a flow does not count, and all does that makes the flow.
#[test]
fn the_next_frame_of_a_flow_is_found() {
    let canonical = corpus().into_iter().find(|(name, _)| name == "kernel");
    let (_, canonical) = canonical.expect("the kernel's graph");
    let machine = machine(&canonical.graph().expect("a graph"));
    let mut frame = vec![0; 74];
    frame[12..14].copy_from_slice(&[8, 0]);
    frame[14..24].copy_from_slice(&[0x45, 0, 0, 60, 1, 2, 0x40, 0, 64, 6]);
    frame[26..38].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2, 0x12, 0x34, 0, 80]);
    let noted = Noted::new(&machine, &frame);
    let is_found = |at: usize| {
        let mut other = frame.clone();
        other[at] ^= 1;
        noted.has(&other)
    };
    // Length, identification, checksum; sequence number and what follows.
    let varies: Vec<_> = [16, 17, 18, 19, 24, 25].into_iter().chain(38..74).collect();
    assert_eq!(varies.into_iter().find(|at| !is_found(*at)), None);
    // Addresses, type, header length, fragments, protocol; addresses and ports of IP.
    let decides: Vec<_> = (0..15).chain([20, 21, 23]).chain(26..38).collect();
    assert_eq!(decides.into_iter().find(|at| is_found(*at)), None);
    // For somebody else it is not the last one.
    assert_eq!(noted.last.find([3, 5], &frame), None);
    assert_eq!(noted.last.find([2, 4], &frame), None);
}

fn machine(graph: &Graph<'_>) -> Machine<HostMemory> {
    Machine::new(&HostMemory, graph).expect("memory")
}

// SPDX-License-Identifier: GPL-2.0

//! Flow dissectors against what their graphs mean.

mod builder;
mod corpus;
mod frames;
mod graphs;
mod machine;
mod model;
mod random;

use builder::{always, build, whole, Parts};
use corpus::corpus;
use engine::insn::Insn;
use engine::memory::HostMemory;
use engine::parser::dissector::{self, Unfit, MAX_INSNS};
use machine::Packet;
use model::Model;
use parse_graph::{limits, Compare, Condition, Graph, Length, Node, Piece, Target};
use proptest::prelude::*;
use random::Random;
use std::collections::BTreeSet;

/// The program of a graph.
fn program(graph: &Graph<'_>) -> Vec<Insn> {
    let program = dissector::translate(&HostMemory, graph).expect("it is small");
    machine::check(&program);
    program
}

/// That the program finds in a frame, of which `linear` bytes can be read directly, what it should. How
/// many instructions that took.
fn check(
    model: &Model,
    program: &[Insn],
    packet: Packet<'_>,
    flags: u32,
) -> Result<(usize, usize), TestCaseError> {
    let mut expected = model.parse(packet.frame, flags);
    let mut keys = model::before(packet.frame, flags);
    let ran = machine::run(program, packet, &mut keys);
    for keys in [&mut keys, &mut expected.keys] {
        model::clamp(keys, packet.frame.len());
    }
    prop_assert_eq!(
        (ran.code, keys),
        (expected.code, expected.keys),
        "{:?}, flags {}, by nodes {:?}",
        packet,
        flags,
        expected.path
    );
    Ok((ran.insns, ran.calls))
}

/// [`check`] of all beginnings of a frame, and some of the lengths of the linear part of each.
fn check_all(
    model: &Model,
    program: &[Insn],
    frame: &[u8],
    random: &mut Random,
) -> Result<(), TestCaseError> {
    for len in 14..=frame.len() {
        let frame = &frame[..len];
        for linear in [14, 14 + random.below(len as u64 - 13) as usize, len] {
            let packet = Packet { frame, linear };
            check(model, program, packet, random.below(16) as u32)?;
        }
    }
    let packet = Packet {
        frame,
        linear: frame.len(),
    };
    for flags in 0..16 {
        check(model, program, packet, flags)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_program_finds_what_its_graph_says(seed in any::<u64>()) {
        let mut random = Random::new(seed);
        let bytes = graphs::random(&mut random);
        let graph = Graph::new(&bytes).expect("a graph");
        let program = program(&graph);
        let model = Model::new(&graph);
        for _ in 0..4 {
            let mut frame = frames::frame(&mut random, 6);
            if random.once_in(2) {
                // Small numbers are what random graphs look for.
                frame[14..].iter_mut().for_each(|byte| *byte &= 0x83);
            }
            frame.truncate(150);
            check_all(&model, &program, &frame, &mut random)?;
        }
    }
}

#[test]
fn programs_of_the_corpus_find_what_their_graphs_say() {
    for (name, canonical) in corpus() {
        let graph = canonical.graph().expect("a graph");
        let program = program(&graph);
        let model = Model::new(&graph);
        let mut random = Random::new(1);
        for n in 0..80 {
            let frame = if n % 8 == 0 {
                frames::long(&mut random, 13 + n / 20)
            } else {
                frames::frame(&mut random, 5)
            };
            check_all(&model, &program, &frame, &mut random)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

/// The frames that are made are of use: there is hardly a node of the kernel's graph that none leads to.
#[test]
fn frames_lead_everywhere() {
    for (name, canonical) in corpus() {
        let graph = canonical.graph().expect("a graph");
        let model = Model::new(&graph);
        let (mut nodes, mut codes) = (BTreeSet::new(), BTreeSet::new());
        let mut random = Random::new(2);
        for _ in 0..20_000 {
            let found = model.parse(&frames::frame(&mut random, 6), 0);
            nodes.extend(found.path.iter().map(|(node, _)| *node));
            codes.insert(found.code);
        }
        let missed: Vec<_> = (1..graph.nodes().len() as u16)
            .filter(|node| !nodes.contains(node))
            .collect();
        assert!(missed.len() <= 3, "{name}: {missed:?}");
        assert!(codes.len() > 1, "{name}: {codes:?}");
    }
}

/// All comparisons, of pieces of all sizes: aligned or not, masked and shifted or not.
#[test]
fn conditions_hold_as_they_should() {
    let pieces = [
        whole(0, 1),
        whole(2, 2),
        whole(1, 2),
        whole(4, 4),
        whole(2, 4),
        whole(5, 4),
        Piece {
            mask: 0x1ff0,
            shift: 4,
            ..whole(2, 2)
        },
        Piece {
            mask: 0x8000_0003,
            ..whole(3, 4)
        },
    ];
    let mut random = Random::new(3);
    for piece in pieces {
        for (compare, name) in Compare::NAMES {
            for value in [0, 1, 2, piece.of(piece.mask)] {
                let mut header = Parts::new(9);
                header.conditions = vec![Condition {
                    piece,
                    value,
                    compare,
                }];
                let ethernet = Parts::ethernet(Vec::new(), Target::node(1));
                let bytes = build(0, &[ethernet, header]);
                let graph = Graph::new(&bytes).expect("a graph");
                let program = program(&graph);
                let model = Model::new(&graph);
                for n in 0..40 {
                    let mut frame = random.bytes(23);
                    match n % 4 {
                        0 => frame[14..].fill(0),
                        1 => frame[14..].fill(0xff),
                        2 => {
                            frame[14..].fill(0);
                            let end = 14 + usize::from(piece.offset) + usize::from(piece.size);
                            let lowest = 1_u32 << piece.shift;
                            let number = (value << piece.shift).wrapping_add(lowest * (n / 4 % 3));
                            let number = number.wrapping_sub(lowest).to_be_bytes();
                            let size = usize::from(piece.size);
                            frame[end - size..end].copy_from_slice(&number[4 - size..]);
                        }
                        _ => {}
                    }
                    let packet = Packet {
                        frame: &frame,
                        linear: 23,
                    };
                    check(&model, &program, packet, 0)
                        .unwrap_or_else(|error| panic!("{name} {value} of {piece:?}: {error}"));
                }
            }
        }
    }
}

/// A graph of one header that tells its length and follows itself, up to `max_headers` times. All is well
/// where it is cut off.
fn endless(max_headers: u8) -> Vec<u8> {
    let itself = Target::node(1);
    let mut header = Parts::new(2);
    header.node.flags = Node::COUNTED;
    header.node.length = Length {
        piece: whole(1, 1),
        multiplier: 8,
        add: 10,
    };
    header.node.fail = Target::OKAY;
    header.node.next = always(itself);
    let ethernet = Parts::ethernet(Vec::new(), itself);
    build(max_headers, &[ethernet, header])
}

#[test]
fn offsets_end_at_their_limit() {
    let bytes = endless(limits::HEADERS);
    let graph = Graph::new(&bytes).expect("a graph");
    let program = program(&graph);
    let model = Model::new(&graph);
    // So many units of 8 bytes are to be gone beyond the first header's offset and the shortest ones.
    for (last, code) in [(245, 0), (246, 2)] {
        let mut frame = vec![0xff; 60_000];
        let mut at = 14;
        for units in [255; 27].into_iter().chain([last, 0]) {
            frame[at + 1] = units;
            at += 10 + 8 * usize::from(units);
        }
        let limit = usize::from(limits::OFFSET);
        assert_eq!(at > limit, code == 2, "{at}");
        // The last header is cut off.
        frame.truncate(at + 1);
        assert_eq!(model.parse(&frame, 0).code, code);
        for linear in [14, 20_000, frame.len()] {
            let packet = Packet {
                frame: &frame,
                linear,
            };
            check(&model, &program, packet, 0).expect("the same");
        }
    }
}

#[test]
fn headers_are_counted() {
    for max_headers in [0, 1, 15, limits::HEADERS] {
        let bytes = endless(max_headers);
        let graph = Graph::new(&bytes).expect("a graph");
        let program = program(&graph);
        let model = Model::new(&graph);
        let frame = [0; 1024];
        let packet = Packet {
            frame: &frame,
            linear: 1024,
        };
        let mut keys = model::before(&frame, 0);
        assert_eq!(machine::run(&program, packet, &mut keys).code, 0);
        let thoff = 14 + 10 * (u16::from(max_headers) + 1);
        assert_eq!(keys[2..4], thoff.to_le_bytes());
        check(&model, &program, packet, 0).expect("the same");
    }
}

#[test]
fn a_program_that_jumps_could_not_cross_is_refused() {
    let keys = 0..12_000_u32;
    let mut header = Parts::new(2);
    header.node.next.piece = whole(0, 2);
    header.next = keys.map(|key| (key, Target::FAIL)).collect();
    for (nodes, is_refused) in [(1, false), (4, true)] {
        // Each leads to the next one, and by another table.
        let mut all = vec![Parts::ethernet(Vec::new(), Target::node(1))];
        for number in 1..=nodes {
            let mut node = header.clone();
            node.next.truncate(12_000 / usize::from(nodes) + 1);
            if number < nodes {
                node.node.next.default = Target::node(number + 1);
            }
            all.push(node);
        }
        // Optional fields take instructions, too.
        if is_refused {
            all[1].node.present = whole(0, 2);
            all[1].optional = vec![(1, 1, Vec::new()); 4_000];
            all[1].node.length.add = 2;
        }
        let bytes = build(15, &all);
        let graph = Graph::new(&bytes).expect("a graph");
        let made = dissector::translate(&HostMemory, &graph);
        match made {
            Ok(program) => {
                machine::check(&program);
                assert!(!is_refused, "{} instructions", program.len());
            }
            Err(unfit) => {
                assert!(is_refused, "{unfit}");
                assert!(matches!(unfit, Unfit::TooLong(insns) if insns > MAX_INSNS));
            }
        }
    }
}

/// Headers of IPv4, of IPv6 and of UDP or TCP behind them take few instructions: what the kernel runs for
/// every packet.
#[test]
fn usual_frames_are_dissected_at_low_cost() {
    let (_, canonical) = corpus()
        .into_iter()
        .find(|(name, _)| name == "kernel")
        .expect("the kernel's graph");
    let graph = canonical.graph().expect("a graph");
    let program = program(&graph);
    let mut tcp = vec![2; 12];
    tcp.extend([8, 0, 0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0]);
    tcp.extend([10; 8]);
    tcp.extend([1; 20]);
    let mut udp = vec![2; 12];
    udp.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 8, 17, 64]);
    udp.extend([3; 32]);
    udp.extend([1; 8]);
    for frame in [tcp, udp] {
        let packet = Packet {
            frame: &frame,
            linear: frame.len(),
        };
        let mut keys = model::before(&frame, 0);
        let ran = machine::run(&program, packet, &mut keys);
        assert_eq!((ran.code, ran.calls), (0, 0));
        assert_eq!(keys[12..16], [1; 4], "the ports are found");
        assert!(ran.insns <= 80, "{} instructions", ran.insns);
    }
}

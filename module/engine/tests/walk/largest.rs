// SPDX-License-Identifier: GPL-2.0

//! Graphs as large as there may be: what a device needs for them, and that it finds its way through them all
//! the same.

use std::time::{Duration, Instant};

use crate::builder::{always, build, extract, whole, Parts};
use crate::random::Random;
use crate::Both;
use engine::memory::HostMemory;
use engine::parser::{Machine, MAX_MEMORY};
use parse_graph::{
    limits, Compare, Condition, Field, Graph, Length, Node, Range, Store, Target, Tlvs,
};

/// How long it may take to make a parser, where the compiler has optimised that.
const PATIENCE: Duration = Duration::from_millis(50);
/// Frames that go through each graph.
const FRAMES: usize = 120;
/// What the keys of tables are multiples of.
const KEYS: u32 = 3;

/// Numbers of all nodes but the first.
fn numbers() -> impl Iterator<Item = u16> {
    1..limits::NODES as u16
}

/// A table of `len` entries that is another one for each `number`, and leads to nodes.
fn table(number: u16, len: u16) -> Vec<(u32, Target)> {
    let nodes = limits::NODES as u32 - 1;
    (0..u32::from(len))
        .map(|index| {
            let target = 1 + (u32::from(number) + index * 7) % nodes;
            (index * KEYS, Target::node(target as u16))
        })
        .collect()
}

/// The same that leads to nothing.
fn table_of_ends(number: u16, len: u16) -> Vec<(u32, Target)> {
    let end = |index| [Target::OKAY, Target::FAIL][usize::from((number >> (index % 10)) & 1)];
    (0..len)
        .map(|index| (u32::from(index) * KEYS, end(index)))
        .collect()
}

/// A header of `len` bytes, one of those that are counted, behind which a number of `size` bytes is looked up.
fn header(len: u16, size: u8) -> Parts {
    let mut header = Parts::new(len);
    header.node.flags = Node::COUNTED;
    header.node.next.piece = whole(0, size);
    header
}

/// All nodes of a graph, of which `node` makes each but the first.
fn graph(node: impl Fn(u16) -> Parts) -> Vec<u8> {
    let ethernet = Parts::ethernet(Vec::new(), Target::node(1));
    let all: Vec<_> = std::iter::once(ethernet)
        .chain(numbers().map(node))
        .collect();
    build(limits::HEADERS, &all)
}

/// Tables of few entries, with small keys.
fn looked_up_by_key() -> Vec<u8> {
    graph(|number| Parts {
        next: table(number, 5),
        at_limit: table_of_ends(number, 5),
        ..header(8, 1)
    })
}

/// Tables of so many entries that another one would double the places.
const SPARSE: u16 = 33;

/// As many of them as have entries of their own.
fn looked_up_by_hash() -> Vec<u8> {
    let tables = limits::ENTRIES as u16 / SPARSE;
    graph(|number| Parts {
        next: table(number, if number <= tables { SPARSE } else { 0 }),
        ..header(8, 4)
    })
}

/// All nodes look up the same ones.
fn looked_up_by_all() -> Vec<u8> {
    graph(|_| Parts {
        next: table(0, SPARSE),
        at_limit: table_of_ends(1, SPARSE),
        ..header(8, 2)
    })
}

/// A table of all entries that there may be.
fn one_table() -> Vec<u8> {
    graph(|number| Parts {
        next: table(
            0,
            if number == 1 {
                limits::ENTRIES as u16
            } else {
                0
            },
        ),
        ..header(8, 2)
    })
}

/// As much of all as a file has room for, of what takes most memory first.
fn everything() -> Vec<u8> {
    let options = Tlvs {
        start: 2,
        kind: whole(0, 1),
        length: Length {
            piece: whole(1, 1),
            multiplier: 1,
            add: 0,
        },
        min_len: 2,
        pad1: 1,
        end: 0,
        max: limits::TLVS,
        entries: Range::NONE,
    };
    let condition = Condition {
        piece: whole(1, 1),
        value: 200,
        compare: Compare::NotEqual,
    };
    let fields = [Field::Ipv6Src, Field::Ipv6Dst, Field::EthSrc, Field::EthDst];
    graph(|_| {
        let mut all = Parts {
            conditions: vec![condition; 4],
            stores: fields.map(|field| extract(field, 0)).to_vec(),
            optional: [1, 2, 4].map(|flag| (flag, 1, Vec::new())).to_vec(),
            list: Some((options, vec![(5, Vec::new())])),
            next: table(0, SPARSE),
            at_limit: table_of_ends(1, SPARSE),
            ..header(16, 2)
        };
        all.node.present = whole(2, 2);
        all
    })
}

/// A way of nodes at one offset, of which each has to look at all before it to know what it knows beforehand.
fn long_way() -> Vec<u8> {
    const NODES: u16 = 62;
    const PARTS: usize = 32;
    let first = Condition {
        piece: whole(0, 1),
        value: KEYS,
        compare: Compare::Equal,
    };
    let other = Condition {
        value: 7,
        compare: Compare::NotEqual,
        ..first
    };
    let mut all = vec![Parts::ethernet(Vec::new(), Target::node(1))];
    for number in 1..=NODES {
        let mut node = Parts::new(2);
        node.node.flags = Node::OVERLAY;
        node.conditions = match number {
            1 => vec![first],
            _ => vec![other; PARTS],
        };
        let piece = whole(0, 1);
        let stores = [Field::IpProto, Field::Tos].map(|field| Store {
            piece,
            ..extract(field, 0)
        });
        node.stores = stores.repeat(PARTS / 2);
        node.node.next = always(match number {
            NODES => Target::OKAY,
            _ => Target::node(number + 1),
        });
        all.push(node);
    }
    build(limits::HEADERS, &all)
}

/// The parser of a graph, and how long it took at least to make one.
fn made(graph: &Graph<'_>) -> (Machine<HostMemory>, Duration) {
    let timed = || {
        let start = Instant::now();
        let machine = Machine::new(&HostMemory, graph).expect("memory");
        (machine, start.elapsed())
    };
    let all = std::iter::repeat_with(timed).take(3);
    all.min_by_key(|(_, time)| *time).expect("some")
}

#[test]
fn a_parser_takes_little_memory_and_time_whatever_its_graph() {
    let mut largest = 0;
    for (name, bytes) in [
        ("looked up by key", looked_up_by_key()),
        ("looked up by hash", looked_up_by_hash()),
        ("looked up by all", looked_up_by_all()),
        ("one table", one_table()),
        ("everything", everything()),
        ("a long way", long_way()),
    ] {
        let graph = Graph::new(&bytes).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        let (machine, time) = made(&graph);
        let memory = machine.memory();
        println!("{name}: of {} bytes {memory} in {time:?}", bytes.len());
        assert!(memory <= MAX_MEMORY, "{name}: {memory} bytes of memory");
        if !cfg!(debug_assertions) {
            assert!(time < PATIENCE, "{name}: {time:?}");
        }
        largest = memory.max(largest);
    }
    // Or these are not what there may be.
    assert!(largest > MAX_MEMORY / 2, "{largest} bytes of memory");
}

#[test]
fn large_graphs_are_walked_as_they_are_meant() {
    let mut random = Random::new(7);
    for bytes in [
        looked_up_by_key(),
        looked_up_by_hash(),
        looked_up_by_all(),
        one_table(),
        everything(),
        long_way(),
    ] {
        let both = Both::new(&Graph::new(&bytes).expect("a graph"));
        let mut longest = 0;
        for n in 0..FRAMES {
            // Numbers of one, two and four bytes that tables have, or nearly.
            let last = [0, 1, 3][n % 3];
            let mut frame = random.bytes(14 + 600);
            for (at, byte) in frame[14..].iter_mut().enumerate() {
                let key = *byte % 16 * KEYS as u8 + u8::from(*byte > 250);
                *byte = if at % 8 == last { key } else { 0 };
            }
            both.check_some(&frame, &mut random);
            longest = both.check(&frame, 0).steps().len().max(longest);
        }
        assert!(longest > 2, "no way leads anywhere");
    }
}

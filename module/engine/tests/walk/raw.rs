// SPDX-License-Identifier: GPL-2.0

//! Raw tables against a model that goes through all of their rules bit by bit.

use crate::corpus::{corpus, sample};
use crate::model::Model;
use crate::{frames, graphs, Random};
use engine::memory::{HostMemory, OutOfMemory};
use engine::parser::{KeyWords, Keys, Machine, Parsed};
use engine::steer::{
    Action, Bytes, HashedFields, Look, RawField, RawTable, Reason, Rule, Seen, Spread, Steered,
    Steering, Symmetry, KEY_SIZE, MAIN_CONTEXT, MAX_RAW_BITS, MAX_RAW_FIELDS, MAX_RAW_TABLES,
    RAW_BYTES,
};
use graph_json::Canonical;
use parse_graph::Graph;
use proptest::prelude::*;

/// A table as it is told.
struct Told {
    number: u16,
    fields: Vec<RawField>,
    rules: Vec<(u32, Rule)>,
}

/// The bit of words at a place, from the highest one of the first on.
fn bit(words: &KeyWords, at: usize) -> bool {
    words[at / 64] >> (63 - at % 64) & 1 == 1
}

/// The key that `table` makes of a frame, if that has it.
fn key(model: &Model, frame: &[u8], table: &Told) -> Option<Vec<bool>> {
    let frame = &frame[..frame.len().min(RAW_BYTES)];
    let found = model.parse(frame, 0);
    let last = found.path.len() - 1;
    let is_there =
        |place: &usize| !found.broken.contains(place) && (!found.is_before || *place != last);
    let mut key = Vec::new();
    for field in &table.fields {
        let mut met = (0..found.path.len())
            .filter(is_there)
            .map(|place| found.path[place])
            .filter(|(node, _)| *node == field.node);
        let (_, begins) = met.nth(usize::from(field.occurrence) - 1)?;
        for at in field.offset..field.offset + field.bits {
            if key.len() < MAX_RAW_BITS {
                let byte = frame.get(usize::from(begins) + usize::from(at / 8))?;
                key.push(byte >> (7 - at % 8) & 1 == 1);
            }
        }
    }
    Some(key)
}

fn is_matched(rule: &Rule, key: &[bool]) -> bool {
    let mut bits = key.iter().enumerate();
    bits.all(|(at, is)| !bit(&rule.mask, at) || bit(&rule.key, at) == *is)
}

/// Where a frame should go: by which table, and by which of its rules.
fn expected(model: &Model, frame: &[u8], tables: &[Told]) -> Option<(u32, u16)> {
    let matched = tables.iter().flat_map(|table| {
        let key = key(model, frame, table);
        let rules = key.into_iter().flat_map(|key| {
            let rules = table.rules.iter();
            rules.filter(move |(_, rule)| is_matched(rule, &key))
        });
        rules.map(|(number, _)| (*number, table.number))
    });
    matched.min()
}

/// Steers by `tables`, and else by one queue.
fn by(rules: &[(u32, Rule)], tables: &[Told]) -> Steering<HostMemory> {
    let main = Spread {
        id: MAIN_CONTEXT,
        key: &[1; KEY_SIZE],
        fields: HashedFields::USUAL,
        symmetry: Symmetry::None,
        table: &[0],
    };
    let raw: Vec<_> = tables
        .iter()
        .map(|told| RawTable {
            number: told.number,
            fields: &told.fields,
            rules: &told.rules,
        })
        .collect();
    Steering::new(&HostMemory, &[main], rules, &raw, 7).expect("memory")
}

fn steered(
    steering: &Steering<HostMemory>,
    parser: &Machine<HostMemory>,
    frame: &dyn Look,
) -> Steered {
    let seen = Seen {
        frame,
        parser: Some(parser),
    };
    steering.steer(&Parsed::default(), seen, true, None)
}

/// Tables that look at what some of `frames` have, and at what none has.
fn tables(random: &mut Random, model: &Model, nodes: u64, frames: &[Vec<u8>]) -> Vec<Told> {
    let count = 1 + random.below(4);
    let tables = (0..count).map(|number| {
        let mut told = Told {
            number: number as u16 + 1,
            fields: Vec::new(),
            rules: Vec::new(),
        };
        let frame = &frames[random.below(frames.len() as u64) as usize];
        let path = model.parse(frame, 0).path;
        for _ in 0..1 + random.below(3) {
            let (node, _) = path[random.below(path.len() as u64) as usize];
            let most_offset = if random.once_in(3) { 160 } else { 20 };
            let most_bits = if random.once_in(3) { 170 } else { 16 };
            told.fields.push(RawField {
                node: if random.once_in(8) {
                    random.below(nodes) as u16
                } else {
                    node
                },
                occurrence: if random.once_in(4) { 2 } else { 1 },
                offset: random.below(most_offset) as u16,
                bits: 1 + random.below(most_bits) as u16,
            });
        }
        for number in 0..random.below(12) as u32 {
            let from = &frames[random.below(frames.len() as u64) as usize];
            let bits = key(model, from, &told).unwrap_or_default();
            let mut rule = Rule {
                key: [0; Keys::WORDS],
                mask: [0; Keys::WORDS],
                payload: None,
                action: Action::Queue(number as u16),
            };
            let whole = random.once_in(2);
            for at in 0..MAX_RAW_BITS {
                let is = bits.get(at).copied().unwrap_or(false);
                let place = 1 << (63 - at % 64);
                // What the mask has not means nothing.
                if is || (!whole && random.once_in(9)) {
                    rule.key[at / 64] |= place;
                }
                if whole && at < bits.len() || random.once_in(3) && at < bits.len() && is {
                    rule.mask[at / 64] |= place;
                }
            }
            told.rules.push((number * 3 + random.below(3) as u32, rule));
        }
        told
    });
    tables.collect()
}

fn check(
    seed: u64,
    graph: &Graph<'_>,
    (machine, model): (&Machine<HostMemory>, &Model),
    small: bool,
) {
    let mut random = Random::new(seed);
    let mut frames: Vec<_> = (0..12).map(|_| frames::frame(&mut random, 6)).collect();
    if small {
        for frame in &mut frames {
            frame[14..].iter_mut().for_each(|byte| *byte &= 0x83);
        }
    }
    let tables = tables(&mut random, model, graph.nodes().len() as u64, &frames);
    let steering = by(&[], &tables);
    let has_rules = tables.iter().any(|table| !table.rules.is_empty());
    assert_eq!(
        (steering.has_rules(), steering.looks_closer()),
        (has_rules, has_rules)
    );
    for frame in &frames {
        for len in [
            frame.len(),
            14 + random.below(frame.len() as u64 - 13) as usize,
        ] {
            let frame = &frame[..len];
            let steered = steered(&steering, machine, &Bytes(frame));
            let found = steered.rule.zip(steered.table);
            assert_eq!(found, expected(model, frame, &tables), "{frame:02x?}");
            let queue = found.and_then(|(number, table)| {
                let table = tables.iter().find(|told| told.number == table)?;
                let (_, rule) = table.rules.iter().find(|(other, _)| *other == number)?;
                Some(rule.action)
            });
            let reason = if found.is_some() {
                Reason::Rule
            } else {
                Reason::Unhashed
            };
            assert_eq!(steered.reason, reason);
            assert_eq!(
                Action::Queue(steered.queue),
                queue.unwrap_or(Action::Queue(0))
            );
        }
    }
}

/// A graph's parser, and what it means.
fn both(graph: &Graph<'_>) -> (Machine<HostMemory>, Model) {
    let machine = Machine::new(&HostMemory, graph).expect("memory");
    (machine, Model::new(graph))
}

#[test]
fn frames_of_the_corpus_are_in_the_tables_that_the_graphs_say() {
    for (number, (_, canonical)) in (0..).zip(corpus()) {
        let graph = canonical.graph().expect("a graph");
        let (machine, model) = both(&graph);
        for seed in 0..300 {
            check(seed << 8 | number, &graph, (&machine, &model), false);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_frame_is_in_the_tables_that_its_graph_says(seed in any::<u64>()) {
        let bytes = graphs::random(&mut Random::new(seed));
        let graph = Graph::new(&bytes).expect("a graph");
        let (machine, model) = both(&graph);
        check(seed, &graph, (&machine, &model), seed % 2 == 0);
    }
}

/// The graph with a name, and its parser.
fn named(name: &str) -> (Canonical, Machine<HostMemory>) {
    let text = std::fs::read_to_string(sample(name)).expect("text");
    let canonical = Canonical::from_json(&text).expect("a graph");
    let machine = Machine::new(&HostMemory, &canonical.graph().expect("built")).expect("memory");
    (canonical, machine)
}

/// `bits` bits from bit `offset` on of the `occurrence`-th header of the node with `name`.
fn field(canonical: &Canonical, name: &str, occurrence: u8, offset: u16, bits: u16) -> RawField {
    let nodes = &canonical.names().nodes;
    let node = nodes.iter().position(|node| node == name).expect("a node");
    RawField {
        node: node as u16,
        occurrence,
        offset,
        bits,
    }
}

/// One that wants `value` in the first 64 bits of a key, of which `bits` count.
fn wants(value: u64, bits: u32, action: Action) -> Rule {
    let mut rule = Rule {
        key: [0; Keys::WORDS],
        mask: [0; Keys::WORDS],
        payload: None,
        action,
    };
    rule.key[0] = value << (64 - bits);
    rule.mask[0] = u64::MAX << (64 - bits);
    rule
}

/// A datagram in a tunnel of VXLAN with a number: from 10.0.0.1 to 10.0.0.2 outside, from 192.168.0.`from`
/// inside.
fn in_vxlan(network: u8, from: u8) -> Vec<u8> {
    let ipv4 = |source: [u8; 4]| {
        let mut header = vec![0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 17, 0, 0];
        header.extend(source);
        header.extend([10, 0, 0, 2]);
        header
    };
    let mut frame = vec![2; 12];
    frame.extend([8, 0]);
    frame.extend(ipv4([10, 0, 0, 1]));
    frame.extend([0x90, 1, 18, 181, 0, 50, 0, 0]);
    frame.extend([8, 0, 0, 0, 0, 0, network, 0]);
    frame.extend([4; 12]);
    frame.extend([8, 0]);
    frame.extend(ipv4([192, 168, 0, from]));
    frame.extend([0, 7, 0, 9, 0, 8, 0, 0]);
    frame
}

/// By numbers that are written down here: the second header of a node is the inner one.
#[test]
fn a_tunnel_has_two_headers_of_one_node() {
    let (graph, machine) = named("overlay");
    let told = |number, fields: Vec<RawField>, rules: Vec<(u32, Rule)>| Told {
        number,
        fields,
        rules,
    };
    let inner = field(&graph, "ipv4", 2, 96, 32);
    let outer = RawField {
        occurrence: 1,
        ..inner
    };
    let tables = [
        told(
            1,
            vec![inner],
            vec![(7, wants(0xc0a8_0005, 32, Action::Drop))],
        ),
        told(
            4,
            vec![field(&graph, "vxlan", 1, 96, 24), outer],
            vec![(7, wants(3 << 32 | 0x0a00_0001, 56, Action::Queue(9)))],
        ),
        told(
            5,
            vec![outer],
            vec![(8, wants(0x0a00_0001, 32, Action::Queue(2)))],
        ),
    ];
    let steering = by(&[], &tables);
    let go = |frame: &[u8]| {
        let steered = steered(&steering, &machine, &Bytes(frame));
        (steered.table, steered.rule, steered.queue)
    };
    let outside = in_vxlan(3, 5)[..42].to_vec();
    for (frame, found) in [
        (in_vxlan(3, 5), (Some(1), Some(7), 0)),
        (in_vxlan(3, 6), (Some(4), Some(7), 9)),
        (in_vxlan(4, 6), (Some(5), Some(8), 2)),
        (outside, (Some(5), Some(8), 2)),
        (vec![7; 60], (None, None, 0)),
    ] {
        assert_eq!(go(&frame), found, "{frame:02x?}");
    }
    // A bit that says that there is a number is missing: that is no VXLAN.
    let mut other = in_vxlan(3, 5);
    other[42] = 0;
    assert_eq!(go(&other), (Some(5), Some(8), 2));

    assert_eq!([steering.hits(1, 7), steering.hits(4, 7)], [0, 0]);
    let frame = in_vxlan(3, 6);
    let steered = steered(&steering, &machine, &Bytes(&frame));
    steering.count(&steered, 3);
    steering.count(&steered, 1);
    steering.add_hits(4, 7, 10);
    // There are no such rules.
    steering.add_hits(2, 7, 10);
    steering.add_hits(1, 8, 10);
    assert_eq!([steering.hits(1, 7), steering.hits(4, 7)], [0, 14]);
    assert_eq!([steering.hits(2, 7), steering.hits(1, 8)], [0, 0]);
}

/// Rules of all kinds are on one line of numbers.
#[test]
fn the_lowest_number_counts_and_then_that_of_no_raw_table() {
    let (graph, machine) = named("kernel");
    let any = Rule {
        key: [0; Keys::WORDS],
        mask: [0; Keys::WORDS],
        payload: None,
        action: Action::Queue(1),
    };
    let ethertype = field(&graph, "ethernet", 1, 96, 16);
    for (rule, raw, is_raw) in [(3, 4, false), (4, 4, false), (5, 4, true)] {
        let table = Told {
            number: 9,
            fields: vec![ethertype],
            rules: vec![(raw, wants(0x88f7, 16, Action::Drop))],
        };
        let steering = by(&[(rule, any)], &[table]);
        let mut frame = vec![2; 60];
        frame[12..14].copy_from_slice(&[0x88, 0xf7]);
        let steered = steered(&steering, &machine, &Bytes(&frame));
        assert_eq!(steered.table, is_raw.then_some(9));
        assert_eq!(steered.rule, Some(rule.min(raw)));
        assert_eq!(steered.reason == Reason::Dropped, is_raw);
        // Whoever does not count rules does not count these either.
        let seen = Seen {
            frame: &Bytes(&frame),
            parser: Some(&machine),
        };
        let without = steering.steer(&Parsed::default(), seen, false, None);
        assert_eq!((without.rule, without.table), (None, None));
    }
}

/// A frame in as many bytes as are asked for, or in one piece.
struct Lying<'a>(&'a [u8], bool);

impl Look for Lying<'_> {
    fn pair(&self, _at: usize) -> Option<[u8; 2]> {
        None
    }

    fn first_bytes<'a>(&'a self, room: &'a mut [u8]) -> &'a [u8] {
        let Self(bytes, is_whole) = self;
        if *is_whole {
            return bytes;
        }
        let len = room.len().min(bytes.len());
        room[..len].copy_from_slice(&bytes[..len]);
        &room[..len]
    }
}

#[test]
fn what_is_behind_the_first_bytes_is_nobodys_however_it_lies() {
    let (graph, machine) = named("kernel");
    for (offset, is_there) in [(RAW_BYTES - 1, true), (RAW_BYTES, false)] {
        let table = Told {
            number: 1,
            fields: vec![field(&graph, "ethernet", 1, offset as u16 * 8, 8)],
            rules: vec![(0, wants(0x5a, 8, Action::Drop))],
        };
        let steering = by(&[], &[table]);
        for is_whole in [false, true] {
            let frame = [0x5a; 300];
            let steered = steered(&steering, &machine, &Lying(&frame, is_whole));
            assert_eq!(steered.rule.is_some(), is_there, "{offset}");
            let short = Lying(&frame[..offset], is_whole);
            assert_eq!(self::steered(&steering, &machine, &short).rule, None);
        }
    }
}

/// As many tables, fields and bits as there may be, each of another header.
#[test]
fn a_port_with_all_that_it_can_have() {
    let mut parts = vec![crate::builder::Parts::ethernet(
        Vec::new(),
        parse_graph::Target::node(1),
    )];
    let count = MAX_RAW_TABLES * MAX_RAW_FIELDS;
    for number in 0..count {
        let mut part = crate::builder::Parts::new(1);
        part.node.next = crate::builder::always(if number + 1 < count {
            parse_graph::Target::node(number as u16 + 2)
        } else {
            parse_graph::Target::OKAY
        });
        parts.push(part);
    }
    let bytes = crate::builder::build(0, &parts);
    let graph = Graph::new(&bytes).expect("a graph");
    let machine = Machine::new(&HostMemory, &graph).expect("memory");
    let frame: Vec<u8> = (0..220_u8).collect();
    let tables: Vec<_> = (0..MAX_RAW_TABLES)
        .map(|table| {
            let first = table * MAX_RAW_FIELDS;
            // The last one of them is right in the last table alone.
            let value = (0..8).fold(0, |value, field| value << 8 | (14 + first + field) as u64);
            let is_last = table + 1 == MAX_RAW_TABLES;
            Told {
                number: table as u16,
                fields: (0..MAX_RAW_FIELDS)
                    .map(|field| RawField {
                        node: (first + field + 1) as u16,
                        occurrence: 1,
                        offset: 0,
                        bits: 64,
                    })
                    .collect(),
                rules: vec![(
                    table as u32,
                    Rule {
                        key: [if is_last { 0 } else { value ^ 1 }; Keys::WORDS],
                        mask: [if is_last { 0 } else { u64::MAX }; Keys::WORDS],
                        payload: None,
                        action: Action::Drop,
                    },
                )],
            }
        })
        .collect();
    let steering = by(&[], &tables);
    let found = steered(&steering, &machine, &Bytes(&frame));
    assert_eq!(found.table, Some(MAX_RAW_TABLES as u16 - 1));
    // The last header's last byte is missing.
    let missing = steered(&steering, &machine, &Bytes(&frame[..14 + count + 6]));
    assert_eq!(missing.table, None);
}

#[test]
fn out_of_memory_is_told() {
    let (graph, _) = named("kernel");
    let fields = [field(&graph, "ipv4", 1, 0, 8)];
    let rules = [(1, wants(1, 8, Action::Drop))];
    let raw = [RawTable {
        number: 1,
        fields: &fields,
        rules: &rules,
    }];
    let main = Spread {
        id: MAIN_CONTEXT,
        key: &[1; KEY_SIZE],
        fields: HashedFields::USUAL,
        symmetry: Symmetry::None,
        table: &[0],
    };
    let new = |buffers| Steering::new(&crate::Ending::after(buffers), &[main], &[], &raw, 7);
    let needed = (0..20).find(|buffers| new(*buffers).is_ok());
    assert_eq!(
        needed,
        Some(11),
        "three of the spread, four of tables, four of rules"
    );
    for buffers in 0..11 {
        assert_eq!(new(buffers).err(), Some(OutOfMemory), "{buffers}");
    }
}

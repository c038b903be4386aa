// SPDX-License-Identifier: GPL-2.0

//! Where a walk goes: behind a frame's end, up to the largest offset, and for how long.

use crate::builder::{always, build, extract, whole, Parts};
use crate::Both;
use engine::parser::{Verdict, STEPS};
use parse_graph::{limits, stop, Field, Graph, Length, Lookup, Node, Source, Store, Target};

fn both(max_headers: u8, all: &[Parts]) -> Both {
    let bytes = build(max_headers, all);
    Both::new(&Graph::new(&bytes).expect("a graph"))
}

/// The node with that number is next.
fn goes_to(mut parts: Parts, number: u16) -> Parts {
    parts.node.next = always(Target::node(number));
    parts
}

fn constant(field: Field, value: u32) -> Store {
    Store {
        field,
        source: Source::Constant,
        value,
        ..Store::default()
    }
}

#[test]
fn a_node_that_reads_nothing_passes_behind_the_end() {
    // A header of which one byte of ten must be there, and a thought behind it.
    let mut long = goes_to(Parts::new(1), 2);
    long.node.length.add = 10;
    let mut thought = Parts::new(0);
    thought.node.flags = Node::WHOLE;
    thought.stores = vec![constant(Field::IsEncap, 1)];
    let ethernet = Parts::ethernet(Vec::new(), Target::node(1));
    let both = both(0, &[ethernet, long, thought]);
    for (len, verdict, is_encap, thoff) in [
        (14, Verdict::Fail, 0, 14_u16),
        (15, Verdict::Okay, 1, 15),
        (23, Verdict::Okay, 1, 23),
        (30, Verdict::Okay, 1, 24),
    ] {
        let found = both.check(&[9; 30][..len], 0);
        assert_eq!(found.verdict, verdict);
        assert_eq!(found.get(Field::IsEncap), [is_encap]);
        assert_eq!(found.get(Field::Thoff), thoff.to_le_bytes());
    }
}

#[test]
fn nothing_begins_above_the_largest_offset() {
    let mut header = Parts::new(2);
    header.node.flags = Node::COUNTED;
    header.node.length = Length {
        piece: whole(0, 2),
        multiplier: 1,
        add: 0,
    };
    header.node.length.piece.mask = 0xfff;
    header.node.next = always(Target::node(1));
    header.node.at_limit = always(Target::OKAY);
    header.stores = vec![extract(Field::NProto, 0)];
    let both = both(
        limits::HEADERS,
        &[Parts::ethernet(Vec::new(), Target::node(1)), header],
    );
    let limit = usize::from(limits::OFFSET);
    for begins in [limit, limit + 1] {
        let mut frame = vec![0; 0xffff];
        let mut at = 14;
        while at < begins {
            let len = (begins - at).min(4000);
            frame[at..at + 2].copy_from_slice(&(len as u16).to_be_bytes());
            at += len;
        }
        // Shorter than what is read of it: a header that is looked at fails there as well.
        let found = both.check(&frame, 0);
        assert_eq!(found.verdict, Verdict::Fail);
        let thoff = u16::from_le_bytes(found.get(Field::Thoff));
        assert_eq!(usize::from(thoff), begins);
        let is_last = found.steps().last().expect("a step").offset == limits::OFFSET;
        assert_eq!(is_last, begins == limit);
    }
}

/// A node that counts after a row of others, and back: as long a way as there can be.
#[test]
fn the_longest_way_ends() {
    let nodes = limits::NODES as u16;
    let mut all = vec![Parts::ethernet(Vec::new(), Target::node(1))];
    all.extend((1..nodes - 1).map(|number| goes_to(Parts::new(0), number + 1)));
    let mut last = goes_to(Parts::new(0), 1);
    last.node.flags = Node::COUNTED;
    last.node.at_limit = always(Target::OKAY);
    all.push(last);
    let both = both(limits::HEADERS, &all);
    let found = both.check(&[7; 60], 0);
    assert_eq!(found.verdict, Verdict::Okay);
    assert_eq!(found.steps().len(), STEPS);
    let way = both.model.parse(&[7; 60], 0).path;
    let rounds = usize::from(limits::HEADERS) + 1;
    assert_eq!(way.len(), 1 + (usize::from(nodes) - 1) * rounds);
}

#[test]
fn a_network_header_is_within_the_frame_and_behind_ethernet() {
    for (value, len, nhoff) in [
        (3, 60, 14_u16),
        (14, 60, 14),
        (40, 60, 40),
        (61, 60, 60),
        (0xffff, 60, 60),
    ] {
        let mut header = Parts::new(1);
        header.stores = vec![constant(Field::Nhoff, value)];
        let ethernet = Parts::ethernet(Vec::new(), Target::node(1));
        let found = both(0, &[ethernet, header]).check(&[1; 60][..len], 0);
        assert_eq!(found.get(Field::Nhoff), nhoff.to_le_bytes());
        assert_eq!(found.get(Field::Thoff), nhoff.max(15).to_le_bytes());
    }
}

#[test]
fn only_what_a_caller_may_ask_for_counts() {
    let mut header = Parts::new(0);
    header.node.stop_before = stop::IS_FRAG;
    header.node.next = always(Target::FAIL);
    let ethernet = Parts::ethernet(Vec::new(), Target::node(1));
    let both = both(0, &[ethernet, header]);
    let found = both.machine.parse(&[1; 60], !stop::OF_CALLER);
    assert_eq!(found.verdict, Verdict::Fail);
}

/// Tables of all sizes and keys, also such as a piece of one byte has.
#[test]
fn each_key_leads_where_its_table_says() {
    for (piece, keys) in [
        (whole(0, 1), vec![0, 1, 5, 6, 17, 41, 47, 255]),
        (whole(0, 1), vec![4, 6]),
        (whole(0, 2), vec![0, 0x800, 0x806, 0x8100, 0x86dd, 0xffff]),
        (whole(0, 2), (0..300).map(|n| n * 200).collect()),
        (whole(0, 2), (0x100..0x180).collect()),
        (whole(0, 4), vec![0, 1, 2, 3, 0xffff_ffff]),
        (whole(0, 4), (0..50).map(|n| n * n * 77_777).collect()),
        (whole(0, 4), vec![7]),
    ] {
        let mut header = Parts::new(4);
        header.node.next = Lookup {
            piece,
            ..always(Target::node(2))
        };
        header.node.flags = Node::COUNTED;
        header.node.at_limit = always(Target::OKAY);
        let found = [Target::FAIL, Target::LEFT_OUT];
        let numbered = keys.iter().zip(found.into_iter().cycle());
        header.next = numbered.clone().map(|(key, to)| (*key, to)).collect();
        // Every other one, and the other way around.
        let at_limit = numbered.step_by(3);
        header.at_limit = at_limit.map(|(key, _)| (*key, Target::node(2))).collect();
        let mut last = Parts::new(0);
        last.stores = vec![constant(Field::User0, 9)];
        let ethernet = Parts::ethernet(Vec::new(), Target::node(1));
        for max_headers in [0, 1] {
            let both = both(
                max_headers,
                &[ethernet.clone(), header.clone(), last.clone()],
            );
            let near = keys
                .iter()
                .flat_map(|key| [*key, key ^ 1, key.wrapping_add(1), key ^ 0x100]);
            for key in near.chain((0..32).map(|bit| 1 << bit)) {
                let mut frame = [0; 18];
                let size = usize::from(piece.size);
                frame[14..][..size].copy_from_slice(&key.to_be_bytes()[4 - size..]);
                both.check(&frame, 0);
            }
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Nanoseconds per frame of receive steering, beside a Toeplitz hash that goes bit by bit, as its
//! definition does, and of the walk over a parse graph.
//!
//! ```text
//! cargo bench -p engine_peers --bench steer
//! ```
//!
//! All take turns of a millisecond. 1,024 frames of different flows go around, all of them in a cache:
//! what it takes to get the headers from memory is not measured.

#[path = "../../../tests/parser/kernel.rs"]
mod kernel;
#[path = "../common/turns.rs"]
mod turns;
mod walk;

use std::hint::black_box;

use engine::memory::HostMemory;
use engine::parser::{Keys, Layer4, Parsed};
use engine::steer::{
    Action, HashedFields, Rule, Seen, Spread, Steering, Symmetry, KEY_SIZE, MAIN_CONTEXT,
};
use kernel::parse;
use turns::{times, Contestant};

const FLOWS: usize = 1024;
/// How many rules of one shape there are.
const RULES: [(&str, u32); 3] = [("1 rule", 1), ("100 rules", 100), ("10,000 rules", 10_000)];

/// A key without a pattern.
fn key() -> [u8; KEY_SIZE] {
    std::array::from_fn(|index| (index * index * 31 + index * 7 + 0x6d) as u8)
}

/// Frames of TCP over IPv4 or IPv6 with a VLAN tag or without, each of another flow.
fn frames(v6: bool, tagged: bool) -> Vec<Vec<u8>> {
    let frame = |flow: u16| {
        let [high, low] = flow.to_be_bytes();
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        if tagged {
            frame.extend([0x81, 0, 0, 7]);
        }
        if v6 {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, 6, 64]);
            frame.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, high, low]);
            frame.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        } else {
            frame.extend([8, 0, 0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0]);
            frame.extend([10, 7, high, low, 10, 7, 0, 1]);
        }
        frame.extend([0x80 | high, low, 0, 80]);
        frame.resize(frame.len() + 16, 0);
        frame
    };
    (0..FLOWS as u16).map(frame).collect()
}

/// The main context over eight queues, and `rules` rules by source port that no frame has.
fn steering(rules: u32) -> Steering<HostMemory> {
    let table: Vec<u16> = (0..128).map(|entry| entry % 8).collect();
    let main = Spread {
        id: MAIN_CONTEXT,
        key: &key(),
        fields: HashedFields::USUAL,
        symmetry: Symmetry::None,
        table: &table,
    };
    let keys = |ports: [u8; 4]| Keys {
        layer4: Layer4::Whole,
        ports,
        ..Keys::default()
    };
    let rule = |location: u32| {
        let [.., high, low] = location.to_be_bytes();
        let rule = Rule {
            key: keys([high, low, 0, 0]).words(),
            mask: keys([0xff, 0xff, 0, 0]).words(),
            payload: None,
            action: Action::Queue(1),
        };
        (location, rule)
    };
    let rules: Vec<_> = (0..rules).map(rule).collect();
    Steering::new(&HostMemory, &[main], &rules, &[], 7).expect("memory")
}

/// The hash by its definition.
fn bit_by_bit(key: &[u8; KEY_SIZE], input: &[u8]) -> u32 {
    let mut hash = 0;
    let mut window = u64::from_be_bytes(*key.first_chunk().expect("a key"));
    let mut rest = key[8..].iter();
    for byte in input {
        for bit in (0..8).rev() {
            if byte >> bit & 1 == 1 {
                hash ^= (window >> 32) as u32;
            }
            window <<= 1;
        }
        window |= u64::from(rest.next().copied().unwrap_or(0));
    }
    hash
}

/// What is hashed of a TCP segment as long as nobody wants anything else.
fn four_tuple(parsed: &Parsed) -> Vec<u8> {
    let Keys {
        ip_source,
        ip_destination,
        ports,
        ip_version,
        ..
    } = parsed.keys;
    let len = if ip_version == 4 { 4 } else { 16 };
    [&ip_source[..len], &ip_destination[..len], &ports].concat()
}

/// Goes around in `all`.
fn around<'a, T>(all: &'a [T]) -> impl FnMut() -> &'a T {
    let mut all = all.iter().cycle();
    move || black_box(all.next().expect("some"))
}

fn main() {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let plain = steering(0);
    let mut has_head = false;
    for (name, v6, tagged) in [
        ("TCP/IPv4", false, false),
        ("VLAN, IPv4", false, true),
        ("TCP/IPv6", true, false),
    ] {
        let frames = frames(v6, tagged);
        let parsed: Vec<_> = frames.iter().map(|frame| parse(frame)).collect();
        let inputs: Vec<_> = parsed.iter().map(four_tuple).collect();
        for (parsed, input) in parsed.iter().zip(&inputs) {
            let hash = plain.hash(parsed, Seen::NOT, false).map(|hash| hash.value);
            assert_eq!(hash, Some(bit_by_bit(&key(), input)), "{parsed:?}");
        }
        let with_rules = RULES.map(|(name, rules)| (name, steering(rules)));
        let (mut frame, mut to_steer, mut input) =
            (around(&frames), around(&parsed), around(&inputs));
        let key = key();
        let mut contestants = vec![
            Contestant::new("parser", || {
                black_box(parse(frame()));
            }),
            Contestant::new("hash, table", || {
                black_box(plain.steer(to_steer(), Seen::NOT, true, None));
            }),
            Contestant::new("by bits", || {
                black_box(bit_by_bit(&key, input()));
            }),
        ];
        for (name, rules) in &with_rules {
            let mut to_steer = around(&parsed);
            contestants.push(Contestant::new(name, move || {
                black_box(rules.steer(to_steer(), Seen::NOT, true, None));
            }));
        }
        compete(name, &mut contestants, is_bench, &mut has_head);
    }
    walk::table(is_bench);
}

/// Prints how long each of the contestants takes, behind a head unless there was one; `cargo test
/// --benches` only wants to know whether all this still runs.
fn compete(name: &str, contestants: &mut [Contestant<'_>], is_bench: bool, has_head: &mut bool) {
    if !is_bench {
        contestants.iter_mut().for_each(|each| (each.run)());
        return;
    }
    if !std::mem::replace(has_head, true) {
        let names = contestants.iter().map(|contestant| contestant.name);
        println!("{}", row("ns per frame", names));
    }
    let times = times(contestants).into_iter();
    println!("{}", row(name, times.map(|time| format!("{time:.1}"))));
}

/// A row of the table.
fn row(head: &str, cells: impl Iterator<Item: std::fmt::Display>) -> String {
    cells.fold(format!("{head:12}"), |row, cell| {
        format!("{row} {cell:>12}")
    })
}

// SPDX-License-Identifier: GPL-2.0

//! The hash that the stack is told, and the queue that follows from it, for frames of all kinds: as
//! whoever has set the key, the fields and the table would work them out.

use std::collections::BTreeMap;

use anyhow::{ensure, Context, Result};
use offload_tests::env;
use offload_tests::ynl;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{json, Map, Value};

use crate::packet::{End, Network, Packet};
use crate::stand::{Seen, Stand};
use crate::toeplitz::toeplitz;

const QUEUES: u32 = 4;
/// Bytes of a key.
const KEY: usize = 56;
/// Frames at once: there is a note for each.
pub(crate) const BATCH: usize = 1000;

/// What of each type of frame is hashed, in the letters of `ethtool -N DEV rx-flow-hash`, and `l` for
/// the label of IPv6, which it does not know yet.
pub(crate) type Fields = BTreeMap<&'static str, &'static str>;

/// What a port hashes until somebody wants something else.
pub(crate) const USUAL: [(&str, &str); 13] = [
    ("ether", ""),
    ("ip4", "sd"),
    ("tcp4", "sdfn"),
    ("udp4", "sdfn"),
    ("sctp4", "sdfn"),
    ("ah4", "sd"),
    ("esp4", "sd"),
    ("ip6", "sd"),
    ("tcp6", "sdfn"),
    ("udp6", "sdfn"),
    ("sctp6", "sdfn"),
    ("ah6", "sd"),
    ("esp6", "sd"),
];

/// What `ynl` calls a field.
const FIELDS: [(char, &str); 8] = [
    ('m', "l2da"),
    ('v', "vlan"),
    ('t', "l3-proto"),
    ('s', "ip-src"),
    ('d', "ip-dst"),
    ('f', "l4-b-0-1"),
    ('n', "l4-b-2-3"),
    ('l', "ip6-fl"),
];

/// What stands in place of source and destination.
#[derive(Clone, Copy)]
pub(crate) enum Symmetry {
    None,
    Xor,
    OrXor,
}

impl Symmetry {
    fn of(self, source: &[u8], destination: &[u8]) -> [Vec<u8>; 2] {
        let pairs = || source.iter().zip(destination);
        let xor: Vec<u8> = pairs().map(|(a, b)| a ^ b).collect();
        match self {
            Self::None => [source.to_vec(), destination.to_vec()],
            Self::Xor => [xor.clone(), xor],
            Self::OrXor => [pairs().map(|(a, b)| a | b).collect(), xor],
        }
    }
}

/// What is hashed of `packet`; nothing if it has none of the fields.
pub(crate) fn input(packet: &Packet, fields: &Fields, symmetry: Symmetry) -> Vec<u8> {
    let letters = fields.get(packet.flow()).copied().unwrap_or_default();
    let mut input = Vec::new();
    let mut add = |letter: char, bytes: &[u8]| {
        if letters.contains(letter) {
            input.extend(bytes);
        }
    };
    if let Some((source, destination)) = packet.addresses() {
        let [source, destination] = symmetry.of(&source, &destination);
        add('s', &source);
        add('d', &destination);
    }
    if let Some([source, destination]) = packet.known_ports() {
        let [source, destination] = symmetry.of(&source.to_be_bytes(), &destination.to_be_bytes());
        add('f', &source);
        add('n', &destination);
    }
    if let Some(label) = packet.label() {
        add('l', &label.to_be_bytes());
    }
    if packet.addresses().is_some() {
        add('t', &[packet.protocol]);
    }
    if let Some((_, tci)) = packet.tags.first() {
        add('v', &tci.to_be_bytes());
    }
    add('m', &packet.destination);
    input
}

/// `count` frames of all kinds come with the hash and by the queue that they should.
fn compare(
    stand: &mut Stand,
    rng: &mut ChaCha8Rng,
    count: usize,
    fields: &Fields,
    symmetry: Symmetry,
) -> Result<()> {
    let (table, key) = stand.spread()?;
    ensure!(key.len() == KEY, "a key of {} bytes", key.len());
    let mut hashed = 0;
    let mut queues = [0; QUEUES as usize];
    for first in (0..count).step_by(BATCH) {
        let packets: Vec<_> = (first..count.min(first + BATCH))
            .map(|_| Packet::any(rng))
            .collect();
        for (packet, seen) in packets.iter().zip(stand.send(&packets)?) {
            let input = input(packet, fields, symmetry);
            // Without anything that is hashed a frame has no hash, and the first entry.
            let hash = toeplitz(&key, &input);
            let queue = table[hash as usize % table.len()];
            ensure!(
                seen == Some(Seen { hash, queue }),
                "{seen:?}, not hash {hash} and queue {queue} of {input:02x?}: {packet:?}, {:02x?}",
                packet.bytes([2; 6])
            );
            hashed += usize::from(!input.is_empty());
            queues[queue as usize] += 1;
        }
    }
    println!("{count} frames, {hashed} with a hash, over the queues {queues:?}");
    ensure!(hashed > count / 2, "{hashed} of {count} with a hash");
    Ok(())
}

/// `ynl` changes what there is of receive-side scaling.
fn set(stand: &Stand, mut change: Value) -> Result<()> {
    let far = &stand.cable.far;
    change["header"] = json!({"dev-name": far.name});
    ynl::command(&ynl::specification("ethtool")?)?
        .in_netns(far.ns.as_deref())
        .args("--do rss-set --json")
        .arg(change.to_string())
        .run()?;
    Ok(())
}

/// As `ynl` wants it.
fn of_ynl(fields: &Fields) -> Value {
    let flows = fields.iter().map(|(flow, letters)| {
        let names = FIELDS
            .iter()
            .filter(|(letter, _)| letters.contains(*letter));
        let names: Vec<_> = names.map(|(_, name)| *name).collect();
        ((*flow).to_owned(), json!(names))
    });
    json!({"flow-hash": Value::Object(Map::from_iter(flows))})
}

#[test]
fn as_anybody_would_work_it_out() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(env::seed()?);
    let count = match (env::is_emulated(), env::is_slow()) {
        (true, _) => 400,
        (false, true) => 1000,
        (false, false) => 4000,
    };
    let mut stand = Stand::new(QUEUES)?;
    let rng = &mut rng;
    let usual = Fields::from(USUAL);
    compare(&mut stand, rng, count, &usual, Symmetry::None)?;

    let key: Vec<_> = (0..KEY)
        .map(|_| format!("{:02x}", rng.random::<u8>()))
        .collect();
    stand
        .ethtool("-X", &format!("hkey {}", key.join(":")))
        .run()?;
    let mut fields = usual.clone();
    for (flow, letters) in [
        ("tcp4", "mvtsdfn"),
        ("udp4", "sd"),
        ("sctp4", "n"),
        // Those of both, to `ethtool`.
        ("esp4", "sdfn"),
        ("ah4", "sdfn"),
        ("tcp6", "vsd"),
        ("udp6", "f"),
        ("esp6", "n"),
        ("ah6", "n"),
    ] {
        let change = format!("rx-flow-hash {flow} {letters}");
        stand.ethtool("-N", &change).run()?;
        fields.insert(flow, letters);
    }
    stand.ethtool("-X", "weight 1 2 3 0").run()?;
    compare(&mut stand, rng, count, &fields, Symmetry::None)?;
    let (_, now) = stand.spread()?;
    let now: Vec<_> = now.iter().map(|byte| format!("{byte:02x}")).collect();
    ensure!(now == key, "{now:?}, not {key:?}");

    let others = [
        ("ether", "mv"),
        ("ip4", "t"),
        ("ip6", "sdl"),
        ("tcp6", "sdfnl"),
        ("udp6", "l"),
        ("sctp6", "mvtdnl"),
    ];
    fields.extend(others);
    set(&stand, of_ynl(&Fields::from(others))).context("fields that ethtool does not know")?;
    stand.ethtool("-X", "default").run()?;
    compare(&mut stand, rng, count, &fields, Symmetry::None)?;

    // None that is of one direction alone.
    fields.extend(USUAL);
    fields.extend([("udp4", "sd"), ("ip6", ""), ("esp6", "fn")]);
    set(&stand, of_ynl(&fields)).context("fields of both directions")?;
    stand.ethtool("-X", "xfrm symmetric-xor").run()?;
    compare(&mut stand, rng, count, &fields, Symmetry::Xor)?;
    set(&stand, json!({"input-xfrm": ["sym-or-xor"]}))?;
    compare(&mut stand, rng, count, &fields, Symmetry::OrXor)
}

/// What the comparison would otherwise say nothing about.
#[test]
fn every_kind_of_frame_occurs() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let packets: Vec<_> = (0..4000).map(|_| Packet::any(&mut rng)).collect();
    for (flow, _) in USUAL {
        let found = packets
            .iter()
            .filter(|packet| packet.flow() == flow)
            .count();
        assert!(found >= 40, "{found} of {flow}");
    }
    let count = |has: fn(&Packet) -> bool| packets.iter().filter(|packet| has(packet)).count();
    let has_extensions = |packet: &Packet| match &packet.network {
        Network::V6 { extensions, .. } => !extensions.is_empty(),
        _ => false,
    };
    let has_options = |packet: &Packet| match &packet.network {
        Network::V4 { options, .. } => *options > 0,
        _ => false,
    };
    for found in [
        count(|packet| packet.tags.len() == 1),
        count(|packet| packet.tags.len() == 2),
        count(|packet| packet.is_fragment),
        count(|packet| packet.end == End::Network),
        count(|packet| packet.end == End::Transport),
        count(has_extensions),
        count(has_options),
    ] {
        assert!(found >= 100, "{found}");
    }
}

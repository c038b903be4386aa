// SPDX-License-Identifier: GPL-2.0

//! The hash of frames, against published vectors and a model that takes its time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use engine::memory::HostMemory;
use engine::parser::{FlowType, Keys};
use engine::steer::{
    Action, Fields, Hash, HashKind, HashedFields, Reason, Rule, Seen, Spread, Steering, Symmetry,
    KEY_SIZE, MAIN_CONTEXT,
};
use etherparse::PacketBuilder;

use crate::kernel::parse;
use crate::memory::Ending;

/// The key of the published vectors.
const WELL_KNOWN: [u8; 40] = [
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0,
    0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c,
    0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
];

/// A published vector.
struct Vector {
    source: (&'static str, u16),
    destination: (&'static str, u16),
    by_addresses: u32,
    by_ports: u32,
}

const fn vector(
    source: (&'static str, u16),
    destination: (&'static str, u16),
    by_addresses: u32,
    by_ports: u32,
) -> Vector {
    Vector {
        source,
        destination,
        by_addresses,
        by_ports,
    }
}

/// Microsoft, "Verifying the RSS hash calculation".
const VECTORS: [Vector; 8] = [
    vector(
        ("66.9.149.187", 2794),
        ("161.142.100.80", 1766),
        0x323e_8fc2,
        0x51cc_c178,
    ),
    vector(
        ("199.92.111.2", 14230),
        ("65.69.140.83", 4739),
        0xd718_262a,
        0xc626_b0ea,
    ),
    vector(
        ("24.19.198.95", 12898),
        ("12.22.207.184", 38024),
        0xd2d0_a5de,
        0x5c2b_394a,
    ),
    vector(
        ("38.27.205.30", 48228),
        ("209.142.163.6", 2217),
        0x8298_9176,
        0xafc7_327f,
    ),
    vector(
        ("153.39.163.191", 44251),
        ("202.188.127.2", 1303),
        0x5d18_09c5,
        0x10e8_28a2,
    ),
    vector(
        ("3ffe:2501:200:1fff::7", 2794),
        ("3ffe:2501:200:3::1", 1766),
        0x2cc1_8cd5,
        0x4020_7d3d,
    ),
    vector(
        ("3ffe:501:8::260:97ff:fe40:efab", 14230),
        ("ff02::1", 4739),
        0x0f0c_461c,
        0xdde5_1bbf,
    ),
    vector(
        ("3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251),
        ("fe80::200:f8ff:fe21:67cf", 38024),
        0x4b61_e985,
        0x02d1_feef,
    ),
];

fn well_known() -> [u8; KEY_SIZE] {
    let mut key = [0; KEY_SIZE];
    key[..WELL_KNOWN.len()].copy_from_slice(&WELL_KNOWN);
    key
}

/// Steering by one context.
fn by(
    key: &[u8; KEY_SIZE],
    fields: HashedFields,
    symmetry: Symmetry,
    table: &[u16],
) -> Steering<HostMemory> {
    let main = Spread {
        id: MAIN_CONTEXT,
        key,
        fields,
        symmetry,
        table,
    };
    Steering::new(&HostMemory, &[main], &[], &[], 7).unwrap()
}

/// A datagram or a segment.
fn frame(source: (IpAddr, u16), destination: (IpAddr, u16), tcp: bool) -> Vec<u8> {
    let link = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let ip = match (source.0, destination.0) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            link.ipv4(source.octets(), destination.octets(), 64)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            link.ipv6(source.octets(), destination.octets(), 64)
        }
        mixed => panic!("{mixed:?}"),
    };
    let mut frame = Vec::new();
    if tcp {
        let packet = ip.tcp(source.1, destination.1, 1, 1024);
        packet.write(&mut frame, b"payload").unwrap();
    } else {
        let packet = ip.udp(source.1, destination.1);
        packet.write(&mut frame, b"payload").unwrap();
    }
    frame
}

#[test]
fn published_vectors() {
    let key = well_known();
    let usual = by(&key, HashedFields::USUAL, Symmetry::None, &[0]);
    let mut fields = HashedFields::USUAL;
    for flow in [FlowType::Udp4, FlowType::Udp6] {
        fields.set(flow, Fields::ADDRESSES);
    }
    let addresses = by(&key, fields, Symmetry::None, &[0]);
    for vector in VECTORS {
        let [source, destination] = [vector.source, vector.destination]
            .map(|(address, port)| (address.parse().unwrap(), port));
        for tcp in [false, true] {
            let parsed = parse(&frame(source, destination, tcp));
            let hash = usual.hash(&parsed, Seen::NOT, false).map(told);
            let expected = Some((vector.by_ports, HashKind::L4, false));
            assert_eq!(hash, expected, "{source:?} {destination:?}");
        }
        let parsed = parse(&frame(source, destination, false));
        let hash = addresses.hash(&parsed, Seen::NOT, false).map(told);
        let expected = Some((vector.by_addresses, HashKind::L3, false));
        assert_eq!(hash, expected, "{source:?} {destination:?}");
    }
}

/// What is told of a frame, but for its type.
fn told(hash: Hash) -> (u32, HashKind, bool) {
    (hash.value, hash.kind, hash.extended)
}

/// The hash as it is defined, bit by bit: for each bit of the input the 32 bits of the key that begin
/// there.
struct SlowToeplitz(Vec<u32>);

impl SlowToeplitz {
    fn new(key: &[u8]) -> Self {
        let bits: Vec<u8> = key
            .iter()
            .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
            .collect();
        let window = |window: &[u8]| window.iter().fold(0, |all, &bit| all << 1 | u32::from(bit));
        Self(bits.windows(32).map(window).collect())
    }

    fn hash(&self, input: &[u8]) -> u32 {
        let mut hash = 0;
        for (index, window) in self.0[..input.len() * 8].iter().enumerate() {
            if input[index / 8] << (index % 8) & 0x80 != 0 {
                hash ^= window;
            }
        }
        hash
    }
}

/// Numbers that look random: xorshift64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| (self.next() >> 24) as u8)
    }
}

/// What a frame was made of.
struct Made {
    frame: Vec<u8>,
    flow: FlowType,
    source: Vec<u8>,
    destination: Vec<u8>,
    label: u32,
    protocol: u8,
    ports: Option<[u8; 4]>,
    tci: Option<u16>,
    l2da: [u8; 6],
}

/// A frame of random addresses, ports and tags, written by hand.
fn random_frame(random: &mut Random) -> Made {
    let l2da: [u8; 6] = random.bytes();
    let mut frame = l2da.to_vec();
    frame.extend(random.bytes::<6>());
    let tci = (random.next() % 4 == 0).then(|| random.next() as u16);
    if let Some(tci) = tci {
        frame.extend(0x8100_u16.to_be_bytes());
        frame.extend(tci.to_be_bytes());
    }
    let v6 = random.next() % 2 == 0;
    let (protocol, flow) = match (random.next() % 6, v6) {
        (0 | 1, false) => (6, FlowType::Tcp4),
        (0 | 1, true) => (6, FlowType::Tcp6),
        (2, false) => (17, FlowType::Udp4),
        (2, true) => (17, FlowType::Udp6),
        (3, false) => (132, FlowType::Sctp4),
        (3, true) => (132, FlowType::Sctp6),
        (4, false) => (50, FlowType::Esp4),
        (4, true) => (50, FlowType::Esp6),
        (_, false) => (89, FlowType::Ipv4),
        (_, true) => (89, FlowType::Ipv6),
    };
    let is_fragment = !v6 && random.next() % 8 == 0;
    let label = if v6 {
        random.next() as u32 & 0xf_ffff
    } else {
        0
    };
    let (source, destination) = if v6 {
        frame.extend(0x86dd_u16.to_be_bytes());
        frame.extend((6 << 28 | label).to_be_bytes());
        frame.extend([0, 64, protocol, 64]);
        let (source, destination): ([u8; 16], [u8; 16]) = (random.bytes(), random.bytes());
        frame.extend(source);
        frame.extend(destination);
        (source.to_vec(), destination.to_vec())
    } else {
        frame.extend(0x0800_u16.to_be_bytes());
        let options = (random.next() % 3) as u8;
        frame.extend([0x45 + options, 0, 0, 64, 0, 0]);
        frame.extend(if is_fragment { [0x20, 0] } else { [0x40, 0] });
        frame.extend([64, protocol, 0, 0]);
        let (source, destination): ([u8; 4], [u8; 4]) = (random.bytes(), random.bytes());
        frame.extend(source);
        frame.extend(destination);
        frame.extend(vec![1; usize::from(options) * 4]);
        (source.to_vec(), destination.to_vec())
    };
    let layer4: [u8; 24] = random.bytes();
    frame.extend(layer4);
    let ports = (!is_fragment).then(|| layer4[..4].try_into().unwrap());
    Made {
        frame,
        flow: if is_fragment { FlowType::Ipv4 } else { flow },
        source,
        destination,
        label,
        protocol,
        ports,
        tci,
        l2da,
    }
}

/// What is hashed of `made`, put together by the words of the documentation.
fn slow_input(made: &Made, fields: Fields, symmetry: Symmetry) -> Vec<u8> {
    let mut input = Vec::new();
    let mut pair = |source: &[u8], destination: &[u8], first, second| {
        let each = |combine: fn((&u8, &u8)) -> u8| -> Vec<u8> {
            source.iter().zip(destination).map(combine).collect()
        };
        let (left, right) = match symmetry {
            Symmetry::None => (source.to_vec(), destination.to_vec()),
            Symmetry::Xor => (each(|(a, b)| a ^ b), each(|(a, b)| a ^ b)),
            Symmetry::OrXor => (each(|(a, b)| a | b), each(|(a, b)| a ^ b)),
        };
        if fields.meets(first) {
            input.extend(left);
        }
        if fields.meets(second) {
            input.extend(right);
        }
    };
    pair(
        &made.source,
        &made.destination,
        Fields::IP_SRC,
        Fields::IP_DST,
    );
    if let Some([s0, s1, d0, d1]) = made.ports {
        pair(&[s0, s1], &[d0, d1], Fields::L4_B_0_1, Fields::L4_B_2_3);
    }
    if fields.meets(Fields::IP6_FL) && made.source.len() == 16 {
        input.extend(made.label.to_be_bytes());
    }
    if fields.meets(Fields::L3_PROTO) {
        input.push(made.protocol);
    }
    if let Some(tci) = made.tci.filter(|_| fields.meets(Fields::VLAN)) {
        input.extend(tci.to_be_bytes());
    }
    if fields.meets(Fields::L2DA) {
        input.extend(made.l2da);
    }
    input
}

// A million frames in all, by what each of them was made of; in several tests, as there are several
// processors.

#[test]
fn hash_is_toeplitz_of_the_fields_that_were_chosen() {
    hash_is_toeplitz(Symmetry::None, 0x9e37_79b9_7f4a_7c15);
}

#[test]
fn hash_is_toeplitz_of_the_exclusive_or() {
    hash_is_toeplitz(Symmetry::Xor, 0xbf58_476d_1ce4_e5b9);
}

#[test]
fn hash_is_toeplitz_of_or_and_exclusive_or() {
    hash_is_toeplitz(Symmetry::OrXor, 0x94d0_49bb_1331_11eb);
}

/// Compares the hash and what follows from it of a third of a million frames.
fn hash_is_toeplitz(symmetry: Symmetry, seed: u64) {
    const CHOICES: [Fields; 6] = [
        Fields::FOUR_TUPLE,
        Fields::ADDRESSES,
        Fields::IP_SRC.with(Fields::L4_B_2_3),
        Fields::IP_DST.with(Fields::L3_PROTO),
        Fields::ADDRESSES.with(Fields::IP6_FL),
        Fields::FOUR_TUPLE
            .with(Fields::IP6_FL)
            .with(Fields::L3_PROTO)
            .with(Fields::VLAN)
            .with(Fields::L2DA),
    ];
    const FRAMES: u32 = 333_334;
    let mut random = Random(seed);
    let table: [u16; 7] = [3, 1, 4, 1, 5, 9, 2];
    let (mut compared, mut unhashed) = (0, 0);
    for fields in CHOICES {
        let key: [u8; KEY_SIZE] = random.bytes();
        let mut all = HashedFields::USUAL;
        for flow in FlowType::ALL {
            all.set(flow, fields);
        }
        let steering = by(&key, all, symmetry, &table);
        let slow = SlowToeplitz::new(&key);
        for _ in 0..FRAMES.div_ceil(CHOICES.len() as u32) {
            let made = random_frame(&mut random);
            let parsed = parse(&made.frame);
            assert_eq!(parsed.flow, made.flow, "{:02x?}", made.frame);
            let input = slow_input(&made, fields, symmetry);
            let steered = steering.steer(&parsed, Seen::NOT, true, None);
            let hash = steered.hash.map(|hash| hash.value);
            let expected = (!input.is_empty()).then(|| slow.hash(&input));
            assert_eq!(
                hash, expected,
                "{fields:?} {symmetry:?} {:02x?}",
                made.frame
            );
            let entry = expected.map_or(0, |hash| hash % table.len() as u32);
            assert_eq!(steered.entry, Some(entry));
            assert_eq!(steered.queue, table[entry as usize]);
            let reason = match expected {
                Some(_) => Reason::Hash,
                None => Reason::Unhashed,
            };
            assert_eq!(steered.reason, reason);
            compared += 1;
            unhashed += u32::from(expected.is_none());
        }
    }
    assert!(compared >= FRAMES, "{compared}");
    assert_eq!(unhashed, 0, "each choice has something of IP");
}

#[test]
fn both_directions_of_a_flow_are_alike_where_that_is_wanted() {
    let mut random = Random(7);
    for symmetry in [Symmetry::Xor, Symmetry::OrXor] {
        let steering = by(&well_known(), HashedFields::USUAL, symmetry, &[0]);
        for _ in 0..1000 {
            let ports: [u16; 2] = std::array::from_fn(|_| random.next() as u16);
            let [source, destination] = if random.next() % 2 == 0 {
                std::array::from_fn(|_| IpAddr::V4(Ipv4Addr::from(random.bytes::<4>())))
            } else {
                std::array::from_fn(|_| IpAddr::V6(Ipv6Addr::from(random.bytes::<16>())))
            };
            let [there, back] = [
                frame((source, ports[0]), (destination, ports[1]), true),
                frame((destination, ports[1]), (source, ports[0]), true),
            ];
            assert_eq!(
                steering.hash(&parse(&there), Seen::NOT, false),
                steering.hash(&parse(&back), Seen::NOT, false)
            );
        }
    }
}

#[test]
fn what_has_nothing_to_hash_goes_by_the_first_entry() {
    let steering = by(
        &well_known(),
        HashedFields::USUAL,
        Symmetry::None,
        &[5, 1, 2],
    );
    let mut arp = vec![0xff; 12];
    arp.extend([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]);
    for frame in [&arp[..], &arp[..13], &[]] {
        let steered = steering.steer(&parse(frame), Seen::NOT, true, None);
        assert_eq!(
            (steered.queue, steered.hash, steered.reason),
            (5, None, Reason::Unhashed)
        );
    }
}

#[test]
fn frames_of_a_type_may_be_dropped_but_for_those_of_a_rule() {
    let key = well_known();
    let dropping = |flow, beside: Fields| {
        let mut fields = HashedFields::USUAL;
        fields.set(flow, Fields::DISCARD.with(beside));
        fields
    };
    let spread = |id, fields| Spread {
        id,
        key: &key,
        fields,
        symmetry: Symmetry::None,
        table: &[0, 1],
    };
    let contexts = [
        spread(MAIN_CONTEXT, dropping(FlowType::Udp4, Fields::FOUR_TUPLE)),
        spread(3, dropping(FlowType::Tcp4, Fields::NONE)),
    ];
    let address = |last| IpAddr::V4(Ipv4Addr::new(10, 0, 0, last));
    let frame = |port, is_tcp| parse(&frame((address(1), port), (address(2), 2), is_tcp));
    let rule = |port: u16, action| {
        let [high, low] = port.to_be_bytes();
        let ports = |ports| Keys {
            ports,
            ..Keys::default()
        };
        Rule {
            key: ports([high, low, 0, 0]).words(),
            mask: ports([0xff, 0xff, 0, 0]).words(),
            payload: None,
            action,
        }
    };
    let to_context = Action::Context { id: 3, offset: 0 };
    let rules = [(7, rule(7, Action::Queue(5))), (8, rule(8, to_context))];
    let steering = Steering::new(&HostMemory, &contexts, &rules, &[], 7).expect("memory");
    assert!(steering.discards());
    for (port, is_tcp, by_rules, reason, rule, context) in [
        (1, false, true, Reason::Discarded, None, MAIN_CONTEXT),
        (1, true, true, Reason::Hash, None, MAIN_CONTEXT),
        (7, false, true, Reason::Rule, Some(7), MAIN_CONTEXT),
        (7, false, false, Reason::Discarded, None, MAIN_CONTEXT),
        (8, false, true, Reason::Rule, Some(8), 3),
        (8, true, true, Reason::Discarded, Some(8), 3),
    ] {
        let steered = steering.steer(&frame(port, is_tcp), Seen::NOT, by_rules, None);
        assert_eq!(
            (steered.reason, steered.rule, steered.context),
            (reason, rule, context),
            "{port} {is_tcp} {by_rules}"
        );
    }
    let none = by(&key, HashedFields::USUAL, Symmetry::None, &[0]);
    assert!(!none.discards());
}

#[test]
fn a_flow_label_tells_flows_apart_if_there_is_one() {
    let mut fields = HashedFields::USUAL;
    fields.set(FlowType::Udp6, Fields::ADDRESSES.with(Fields::IP6_FL));
    let steering = by(&well_known(), fields, Symmetry::None, &[0]);
    let address = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let mut frame = frame((address, 1), (address, 2), false);
    let kind = |frame: &[u8]| {
        steering
            .hash(&parse(frame), Seen::NOT, false)
            .map(|hash| hash.kind)
    };
    assert_eq!(kind(&frame), Some(HashKind::L3));
    frame[17] = 1;
    assert_eq!(kind(&frame), Some(HashKind::L4));
}

#[test]
fn memory_may_end_at_each_buffer() {
    let key = well_known();
    let main = Spread {
        id: MAIN_CONTEXT,
        key: &key,
        fields: HashedFields::USUAL,
        symmetry: Symmetry::None,
        table: &[0, 1],
    };
    let new = |buffers| Steering::new(&Ending::after(buffers), &[main], &[], &[], 7);
    let enough = (0..16).find(|&buffers| new(buffers).is_ok());
    assert!(enough.is_some_and(|enough| enough >= 3), "{enough:?}");
}

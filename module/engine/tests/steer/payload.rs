// SPDX-License-Identifier: GPL-2.0

//! Rules that look at what packets carry, against a walk through all of them that knows how each frame was
//! made.

use std::cell::Cell;

use engine::memory::HostMemory;
use engine::parser::{Keys, Layer4};
use engine::steer::{with_payload, Action, Carrier, Look, Place, Rule, RuleTable};
use proptest::collection::{hash_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::kernel::parse;

const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;
/// Without ports that the device would know of.
const OTHER: u8 = 89;

/// A frame, and where in it what is.
#[derive(Clone, Debug)]
struct Made {
    bytes: Vec<u8>,
    version: u8,
    protocol: u8,
    is_fragment: bool,
    port: u8,
    /// Where that begins which IP carries.
    ip: usize,
    /// Where that begins which TCP, UDP or SCTP carries.
    transport: Option<usize>,
}

impl Made {
    /// The two bytes at `place`, if the frame has them.
    fn at(&self, place: Place) -> Option<u16> {
        let start = match place.of {
            _ if self.is_fragment => return None,
            Carrier::Ip => self.ip,
            Carrier::Transport => self.transport?,
        };
        let start = start + usize::from(place.offset);
        let bytes = self.bytes.get(start..start + 2)?;
        Some(u16::from_be_bytes(bytes.try_into().unwrap()))
    }

    /// What a table finds for it, and how often it looked closer.
    fn find(&self, table: &RuleTable<HostMemory>) -> (Option<(u32, Action)>, u32) {
        let watched = Watched {
            bytes: &self.bytes,
            looks: Cell::new(0),
        };
        let found = table.find(&parse(&self.bytes), &watched);
        (found, watched.looks.get())
    }
}

/// A frame, and how often it was looked at.
struct Watched<'a> {
    bytes: &'a [u8],
    looks: Cell<u32>,
}

impl Look for Watched<'_> {
    fn pair(&self, at: usize) -> Option<[u8; 2]> {
        self.looks.set(self.looks.get() + 1);
        self.bytes.get(at..)?.first_chunk().copied()
    }

    fn first_bytes<'a>(&'a self, _room: &'a mut [u8]) -> &'a [u8] {
        panic!("no raw table")
    }
}

/// What frames are made of.
#[derive(Clone, Debug)]
struct Parts {
    tags: usize,
    v6: bool,
    /// Options of IPv4 in words, or extension headers of IPv6.
    extra: u8,
    protocol: u8,
    is_fragment: bool,
    port: u8,
    /// Options of TCP in words.
    options: u8,
    payload: Vec<u8>,
    /// How many bytes at the end are missing, if there are as many behind the ports.
    missing: usize,
}

impl Parts {
    fn made(&self) -> Made {
        let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        for _ in 0..self.tags {
            bytes.extend([0x81, 0, 0, 5]);
        }
        if self.v6 {
            let next = if self.is_fragment { 44 } else { self.protocol };
            let first = if self.extra > 0 { 60 } else { next };
            bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, first, 64]);
            bytes.extend([0xfd; 32]);
            for left in (0..self.extra).rev() {
                bytes.extend([if left > 0 { 60 } else { next }, 0, 1, 4, 0, 0, 0, 0]);
            }
            if self.is_fragment {
                bytes.extend([self.protocol, 0, 0, 1, 0, 0, 0, 7]);
            }
        } else {
            let flags = if self.is_fragment { 0x20 } else { 0x40 };
            bytes.extend([8, 0, 0x45 + self.extra, 0, 0, 0, 0, 0, flags, 0, 64]);
            bytes.extend([self.protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
            bytes.extend(vec![1; usize::from(self.extra) * 4]);
        }
        let ip = bytes.len();
        bytes.extend([0, 1, 0, self.port]);
        let header = match self.protocol {
            TCP => 20 + usize::from(self.options) * 4,
            UDP => 8,
            SCTP => 12,
            _ => 4,
        };
        bytes.resize(ip + header, 1);
        if self.protocol == TCP {
            bytes[ip + 12] = (5 + self.options) << 4 | 1;
        }
        bytes.extend(&self.payload);
        bytes.truncate((bytes.len().saturating_sub(self.missing)).max(ip + 4));
        Made {
            bytes,
            version: if self.v6 { 6 } else { 4 },
            protocol: self.protocol,
            is_fragment: self.is_fragment,
            port: self.port,
            ip,
            // A header that is not all there has nothing behind it either.
            transport: (self.protocol != OTHER).then_some(ip + header),
        }
    }
}

fn made() -> impl Strategy<Value = Made> {
    let protocol = select(vec![TCP, TCP, UDP, SCTP, OTHER]);
    let shape = (0..3_usize, any::<bool>(), 0..4_u8, 0..11_u8);
    let payload = vec(select(vec![1_u8, 2]), 0..80);
    let missing = prop_oneof![3 => Just(0), 1 => 0..100_usize];
    let rest = (prop::bool::weighted(0.1), 0..3_u8, payload, missing);
    (shape, protocol, rest).prop_map(|((tags, v6, extra, options), protocol, rest)| {
        let (is_fragment, port, payload, missing) = rest;
        let parts = Parts {
            tags,
            v6,
            extra,
            protocol,
            is_fragment,
            port,
            options,
            payload,
            missing,
        };
        parts.made()
    })
}

/// What a user asks for.
#[derive(Clone, Debug)]
struct Asked {
    version: u8,
    protocol: Option<u8>,
    port: Option<u8>,
    payload: Option<(Place, u16, u16)>,
    action: Action,
}

impl Asked {
    /// Whether `made` is what was asked for.
    fn is(&self, made: &Made) -> bool {
        let is_one = |asked: Option<u8>, has: u8| asked.is_none_or(|asked| asked == has);
        self.version == made.version
            && is_one(self.protocol, made.protocol)
            && is_one(self.port, made.port)
            && !(self.port.is_some() && made.is_fragment)
            && self.payload.is_none_or(|(place, value, mask)| {
                let found = made.at(place);
                found.is_some_and(|found| (found ^ value) & mask == 0)
            })
    }

    /// The same in the words of the device.
    fn rule(&self) -> Rule {
        let all = |counts: bool| if counts { u8::MAX } else { 0 };
        let key = Keys {
            ip_version: self.version,
            ip_protocol: self.protocol.unwrap_or(0),
            ports: [0, 0, 0, self.port.unwrap_or(0)],
            layer4: Layer4::Whole,
            ..Keys::default()
        };
        let mask = Keys {
            ip_version: u8::MAX,
            ip_protocol: all(self.protocol.is_some()),
            ports: [0, 0, 0, all(self.port.is_some())],
            layer4: if self.port.is_some() {
                Layer4::Whole
            } else {
                Layer4::None
            },
            ..Keys::default()
        };
        let (place, value, bits) = match self.payload {
            Some((place, value, bits)) => (Some(place), value, bits),
            None => (None, 0, 0),
        };
        Rule {
            key: with_payload(key.words(), value),
            mask: with_payload(mask.words(), bits),
            payload: place,
            action: self.action,
        }
    }
}

fn place() -> impl Strategy<Value = Place> {
    let offset = prop_oneof![0..4_u8, 0..80_u8];
    let of = select(vec![Carrier::Ip, Carrier::Transport]);
    (of, offset).prop_map(|(of, offset)| Place { of, offset })
}

/// Rules that look at few places, at most `count`.
fn rules(count: usize) -> impl Strategy<Value = Vec<(u32, Asked)>> {
    vec(place(), 1..4).prop_flat_map(move |places| {
        let value = select(vec![0x0101, 0x0102, 0x0201, 0x0202, 0x0301_u16]);
        let mask = select(vec![0xffff, 0xffff, 0xff00, 0x00ff, 0x0003_u16]);
        let asked = (
            select(vec![4_u8, 6]),
            option::of(select(vec![TCP, UDP, SCTP, OTHER])),
            option::of(0..3_u8),
            option::weighted(0.8, (select(places), value, mask)),
            any::<u16>(),
        );
        let asked = asked.prop_map(|(version, protocol, port, payload, queue)| Asked {
            version,
            protocol,
            port,
            payload,
            action: Action::Queue(queue),
        });
        (hash_set(0..1000_u32, 0..count), vec(asked, count))
            .prop_map(|(locations, rules)| locations.into_iter().zip(rules).collect())
    })
}

fn table(rules: &[(u32, Asked)]) -> RuleTable<HostMemory> {
    let rules: Vec<_> = rules
        .iter()
        .map(|(location, asked)| (*location, asked.rule()))
        .collect();
    RuleTable::new(&HostMemory, &rules, 11).expect("memory")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_lowest_location_wins_whatever_it_looks_at(
        rules in rules(30),
        frames in vec(made(), 1..20),
    ) {
        let table = table(&rules);
        let looks_closer = rules.iter().any(|(_, asked)| asked.payload.is_some());
        prop_assert_eq!(table.looks_at_payload(), looks_closer);
        for made in frames {
            let asked = rules.iter().filter(|(_, asked)| asked.is(&made));
            let expected = asked.min_by_key(|(location, _)| *location);
            let expected = expected.map(|(location, asked)| (*location, asked.action));
            let (found, looks) = made.find(&table);
            prop_assert_eq!(found, expected, "{:02x?}", made);
            prop_assert!(looks_closer || looks == 0);
        }
    }
}

fn datagram(payload: [u8; 4]) -> Made {
    let parts = Parts {
        tags: 0,
        v6: false,
        extra: 0,
        protocol: UDP,
        is_fragment: false,
        port: 7,
        options: 0,
        payload: payload.to_vec(),
        missing: 0,
    };
    parts.made()
}

/// Each of many rules is found, and what that takes does not depend on how many there are.
#[test]
fn ten_thousand_rules_that_look_at_one_place() {
    const RULES: u16 = 10_000;
    let rules: Vec<_> = (0..RULES)
        .map(|number| {
            let place = Place {
                of: Carrier::Transport,
                offset: 2,
            };
            let asked = Asked {
                version: 4,
                protocol: Some(UDP),
                port: None,
                payload: Some((place, number, u16::MAX)),
                action: Action::Queue(number % 100),
            };
            (u32::from(number), asked)
        })
        .collect();
    let (all, one) = (table(&rules), table(&rules[..1]));
    for number in 0..2 * RULES {
        let [high, low] = number.to_be_bytes();
        let made = datagram([9, 9, high, low]);
        let action = Action::Queue(number % 100);
        let expected = (number < RULES).then_some((number.into(), action));
        let (found, looks) = made.find(&all);
        assert_eq!((found, looks), (expected, 1), "{number}");
        assert_eq!(made.find(&one).1, 1);
    }
}

/// A header of TCP that says it were shorter than it is has nothing behind it.
#[test]
fn a_header_that_lies_about_its_length() {
    let place = Place {
        of: Carrier::Transport,
        offset: 0,
    };
    let asked = Asked {
        version: 4,
        protocol: None,
        port: None,
        payload: Some((place, 0, 0)),
        action: Action::Drop,
    };
    let table = table(&[(3, asked)]);
    let parts = |protocol| Parts {
        tags: 1,
        v6: false,
        extra: 0,
        protocol,
        is_fragment: false,
        port: 7,
        options: 0,
        payload: vec![0; 4],
        missing: 0,
    };
    let mut made = parts(TCP).made();
    for words in 0..16 {
        made.bytes[made.ip + 12] = words << 4;
        let expected = (words == 5).then_some((3, Action::Drop));
        assert_eq!(made.find(&table).0, expected, "{words}");
    }
    // What has no such header carries nothing in it.
    assert_eq!(parts(OTHER).made().find(&table), (None, 0));
    assert_eq!(
        parts(SCTP).made().find(&table),
        (Some((3, Action::Drop)), 1)
    );
}

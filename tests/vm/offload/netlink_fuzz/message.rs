// SPDX-License-Identifier: GPL-2.0

//! Requests that are wrong in some way, or in none.

use offload_uapi::netlink::OPERATIONS;
use offload_uapi::operation::{AttributePolicy, Mode};
use rand::seq::IndexedRandom;
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Bytes of a netlink header, and of one of generic netlink.
const HEADER: usize = 16;
const GENL_HEADER: usize = 4;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_DUMP: u16 = 0x300;
const NLA_F_NESTED: u16 = 0x8000;
const NLA_F_NET_BYTEORDER: u16 = 0x4000;

/// What there is to ask for.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    /// Indices of interfaces.
    pub(crate) interfaces: Vec<u32>,
    /// Numbers of programs in their devices.
    pub(crate) programs: Vec<u32>,
}

/// Makes requests: the same ones for the same seed.
pub(crate) struct Generator {
    random: ChaCha8Rng,
    world: World,
}

impl Generator {
    /// For requests about `world`.
    pub(crate) fn new(seed: u64, world: World) -> Self {
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self { random, world }
    }

    /// A datagram with one message, or some, for the family with that number.
    pub(crate) fn datagram(&mut self, family: u16) -> Vec<u8> {
        let mut bytes = self.message(family);
        while self.one_in(12) {
            // A message begins where the one before it should have ended.
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend(self.message(family));
        }
        if self.one_in(20) {
            let end = self.random.random_range(0..=bytes.len());
            bytes.truncate(end);
        }
        bytes
    }

    fn one_in(&mut self, chances: u32) -> bool {
        self.random.random_ratio(1, chances)
    }

    fn message(&mut self, family: u16) -> Vec<u8> {
        let (command, mut flags, mut attributes) = if self.one_in(2) {
            self.nearly_right()
        } else {
            let flags = if self.one_in(2) { NLM_F_DUMP } else { 0 };
            let command = match self.random.random_range(0..4) {
                0 => self.random.random(),
                _ => self.random.random_range(0..32),
            };
            (command, flags, self.attributes(3))
        };
        flags |= NLM_F_REQUEST | NLM_F_ACK;
        if self.one_in(10) {
            flags ^= 1 << self.random.random_range(0..16);
        }
        if self.one_in(6) {
            self.damage(&mut attributes);
        }
        let version = if self.one_in(10) {
            self.random.random()
        } else {
            1
        };
        let reserved = if self.one_in(20) {
            self.random.random()
        } else {
            0u16
        };
        let mut length = HEADER + GENL_HEADER + attributes.len();
        if self.one_in(25) {
            length = match self.random.random_range(0..4) {
                0 => self.random.random_range(0..HEADER),
                1 => self.random.random_range(HEADER..HEADER + GENL_HEADER),
                2 => length + self.random.random_range(1..64),
                _ => length - self.random.random_range(0..=attributes.len()),
            };
        }
        let mut bytes = Vec::new();
        bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_ne_bytes());
        bytes.extend(family.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        // The sequence number of what is no sentinel.
        bytes.extend(0u32.to_ne_bytes());
        let port: u32 = if self.one_in(20) {
            self.random.random()
        } else {
            0
        };
        bytes.extend(port.to_ne_bytes());
        bytes.extend([command, version]);
        bytes.extend(reserved.to_ne_bytes());
        bytes.extend(attributes);
        bytes
    }

    /// A request of the specification, with an attribute too many or too few now and then.
    fn nearly_right(&mut self) -> (u8, u16, Vec<u8>) {
        let requests: Vec<_> = OPERATIONS
            .iter()
            .flat_map(|operation| match operation.mode {
                Mode::Request { one, dump, .. } => vec![
                    one.map(|table| (operation.command.raw(), 0, table)),
                    dump.map(|table| (operation.command.raw(), NLM_F_DUMP, table)),
                ],
                Mode::Notification { .. } => Vec::new(),
            })
            .flatten()
            .collect();
        let Some(&(command, flags, table)) = requests.choose(&mut self.random) else {
            return (0, 0, Vec::new());
        };
        let mut bytes = self.by(table);
        if self.one_in(8) {
            bytes.extend(self.attributes(1));
        }
        (command, flags, bytes)
    }

    /// Attributes that `table` has rules for, most of them right.
    fn by(&mut self, table: &[AttributePolicy]) -> Vec<u8> {
        /// Names of nodes in the parse graph that each device comes with, and of one that it has not.
        const NODES: [&str; 5] = ["ethernet", "ipv4", "udp", "tcp", "vxlan"];
        let mut bytes = Vec::new();
        for (number, policy) in (0..).zip(table) {
            if let AttributePolicy::Nest(inner) = policy {
                for _ in 0..self.random.random_range(0..4) {
                    let value = self.by(inner);
                    attribute(&mut bytes, number | NLA_F_NESTED, &value);
                }
                continue;
            }
            if let AttributePolicy::String { .. } = policy {
                let mut text = NODES[self.random.random_range(0..NODES.len())]
                    .as_bytes()
                    .to_vec();
                if self.one_in(8) {
                    text = self.value();
                }
                text.push(0);
                attribute(&mut bytes, number, &text);
                continue;
            }
            let number_up_to = match *policy {
                AttributePolicy::U32 { max, .. } => Some(max),
                AttributePolicy::Binary { .. } => None,
                _ => continue,
            };
            if self.one_in(12) {
                continue;
            }
            let Some(max) = number_up_to else {
                // A frame, or what is none.
                let mut value = self.value();
                if !self.one_in(4) {
                    value.resize(self.random.random_range(14..100), 0);
                    self.random.fill_bytes(&mut value);
                }
                attribute(&mut bytes, number, &value);
                continue;
            };
            let value = match (number, max) {
                // The interface has the same number in all sets.
                (1, _) => self.world.interfaces.choose(&mut self.random).copied(),
                (_, Some(max)) => Some(self.random.random_range(0..=max)),
                (_, None) => self.world.programs.choose(&mut self.random).copied(),
            };
            let value = match self.random.random_range(0..12) {
                0 => Some(self.random.random_range(0..8)),
                1 => Some(self.random.random()),
                _ => value,
            };
            let value = value.unwrap_or_default();
            attribute(&mut bytes, number, &value.to_ne_bytes());
        }
        bytes
    }

    /// Some attributes, with others in them up to a depth.
    fn attributes(&mut self, depth: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..self.random.random_range(0..6) {
            let mut kind = match self.random.random_range(0..8) {
                0 => self.random.random(),
                _ => self.random.random_range(0..12),
            };
            let value = if depth > 0 && self.one_in(3) {
                kind |= NLA_F_NESTED;
                self.attributes(depth - 1)
            } else {
                self.value()
            };
            if self.one_in(16) {
                kind ^= NLA_F_NESTED;
            }
            if self.one_in(16) {
                kind |= NLA_F_NET_BYTEORDER;
            }
            attribute(&mut bytes, kind, &value);
        }
        bytes
    }

    fn value(&mut self) -> Vec<u8> {
        let length = match self.random.random_range(0..10) {
            0 => 0,
            1 => self.random.random_range(1..4),
            2..6 => 4,
            6 => 8,
            7 => self.random.random_range(0..40),
            8 => self.random.random_range(0..400),
            _ if self.one_in(30) => self.random.random_range(400..30_000),
            _ => 4,
        };
        let mut value = vec![0; length];
        if length == 4 && !self.one_in(3) {
            let small: u32 = self.random.random_range(0..8);
            return small.to_ne_bytes().to_vec();
        }
        self.random.fill_bytes(&mut value);
        value
    }

    /// Overwrites bytes, those of lengths and kinds more often than others.
    fn damage(&mut self, bytes: &mut [u8]) {
        for _ in 0..self.random.random_range(1..4) {
            if bytes.is_empty() {
                return;
            }
            let mut place = self.random.random_range(0..bytes.len());
            if !self.one_in(3) {
                place -= place % 4;
            }
            bytes[place] = match self.random.random_range(0..3) {
                0 => 0,
                1 => 0xff,
                _ => self.random.random(),
            };
        }
    }
}

/// An attribute, with its length and what fills it up.
fn attribute(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

// SPDX-License-Identifier: GPL-2.0

//! A full table of the Internet: a million routes, and what they take.

use std::collections::HashMap;

use engine::forward::{Action, IpAddress, Part, Prefix, RouteKey, RouteSizes, Sizes, Tables};
use engine::memory::HostMemory;

use super::model::{
    looked_up, pair, prefix4, route, stamp, with_nexthops, HostWriter, NEXTHOPS, OWNER,
};

const ROUTES: u32 = 1_000_000;

/// Room for a million routes of IPv4, and for little else.
const FULL: Sizes = Sizes {
    route4: RouteSizes {
        routes: ROUTES,
        tables: 1024,
        nodes: 28 << 20,
    },
    route6: RouteSizes {
        routes: 16,
        tables: 1,
        nodes: 0,
    },
    nexthops: 256,
    records: 1 << 14,
    neighbours: 256,
    stations: 16,
};

/// How many of a thousand prefixes in a router of the Internet have so many bits, about; and more than there
/// are of those that take most room, with more than 24 bits.
const LENGTHS: [(u8, u32); 15] = [
    (8, 1),
    (12, 1),
    (14, 1),
    (15, 1),
    (16, 13),
    (17, 8),
    (18, 14),
    (19, 25),
    (20, 44),
    (21, 50),
    (22, 105),
    (23, 100),
    (24, 632),
    (29, 2),
    (32, 3),
];

pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u32 {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1);
        (self.0 >> 32) as u32
    }

    /// An address that is routed: unicast, and not the host's own.
    fn address(&mut self) -> [u8; 4] {
        let [a, b, c, d] = self.next().to_be_bytes();
        match 1 + a % 222 {
            127 => [223, b, c, d],
            first => [first, b, c, d],
        }
    }

    /// A prefix of the Internet, spread over all of it: real ones lie closer, and share more nodes.
    fn prefix(&mut self) -> Prefix {
        let mut share = self.next() % 1000;
        let mut lengths = LENGTHS.iter().filter_map(|(bits, of_thousand)| {
            let rest = share.checked_sub(*of_thousand);
            share = rest.unwrap_or(0);
            rest.is_none().then_some(*bits)
        });
        prefix4(self.address(), lengths.next().expect("they are a thousand"))
    }
}

/// Routes by what they are for.
type Model = HashMap<Key, Action>;

/// The table, bits and address of a route.
type Key = (u32, u8, u32);

fn key_of(key: &RouteKey) -> Key {
    let IpAddress::V4(address) = key.prefix.address else {
        panic!("these are of IPv4");
    };
    (key.table, key.prefix.bits, u32::from_be_bytes(address))
}

/// Adds `count` routes of `table` that `prefix` gives.
fn fill(
    writer: &mut HostWriter,
    model: &mut Model,
    (table, count): (u32, u32),
    mut prefix: impl FnMut() -> Prefix,
) {
    let end = model.len() + count as usize;
    while model.len() < end {
        let key = route(table, prefix());
        let action = Action::Nexthop(model.len() as u32 % NEXTHOPS);
        let set = writer.set_route(&key, action, stamp(0));
        set.unwrap_or_else(|error| panic!("after {} routes: {error}", model.len()));
        model.insert(key_of(&key), action);
    }
}

/// The first half of addresses that are not routed: 169.254.
const LINK_LOCAL: u32 = 0xa9fe;

/// Looks up what is in the tables, and what is beside it: as the model has it, in four nodes at most.
fn compare(writer: &HostWriter, model: &Model, tables: u32, random: &mut Random) {
    for (index, (table, bits, address)) in model.keys().enumerate().take(100_000) {
        let table = match index % 4 {
            0 => random.next() % tables,
            _ => *table,
        };
        let others = u32::MAX.checked_shr((*bits).into()).unwrap_or(0);
        let address = address | random.next() & others;
        if address >> 16 == LINK_LOCAL {
            continue;
        }
        let model = (0..=32).rev().find_map(|bits| {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            model.get(&(table, bits as u8, address & mask)).copied()
        });
        let address = IpAddress::V4(address.to_be_bytes());
        assert_eq!(looked_up(writer, table, address), model);
        assert!(writer.tables().nodes_read(table, &address) <= 4);
    }
}

/// Makes a million routes by `fill_all`, of tables with numbers below `tables`, and looks them up and takes
/// them out again.
fn with_a_million(tables: u32, fill_all: impl FnOnce(&mut HostWriter, &mut Model, &mut Random)) {
    let memory = Tables::<HostMemory>::memory(&FULL);
    assert!(memory <= 64 << 20, "{memory} bytes");
    let mut random = Random(tables.into());
    let (shared, mut writer) = pair(&FULL);
    let mut model = Model::new();
    with_nexthops(&mut writer);
    fill_all(&mut writer, &mut model, &mut random);
    assert_eq!(shared.fill(Part::Routes4).used, u64::from(ROUTES));
    println!("{tables} tables: {:?}", shared.fill(Part::Nodes4));
    compare(&writer, &model, tables, &mut random);

    for (table, bits, address) in model.into_keys() {
        let key = route(table, prefix4(address.to_be_bytes(), bits));
        writer.remove_route(&key, OWNER).expect("it is there");
    }
    for part in [Part::Routes4, Part::Tables4] {
        assert_eq!(shared.fill(part).used, 0, "{}", part.name());
    }
    drop(writer);
    let left = shared.fill(Part::Nodes4).used;
    assert_eq!(left, SPARE, "one node that is kept for those who need room");
}

#[test]
fn a_million_routes_fit_into_64_mib() {
    with_a_million(1, |writer, model, random| {
        fill(writer, model, (0, ROUTES), || random.prefix());
    });
}

/// Ten times a tenth of the Internet, which is more nodes.
#[test]
fn a_million_routes_of_ten_vrfs() {
    with_a_million(10, |writer, model, random| {
        for table in 0..10 {
            fill(writer, model, (table, ROUTES / 10), || random.prefix());
        }
    });
}

/// The Internet, and 400 customers with networks of their own.
#[test]
fn a_million_routes_of_a_provider() {
    const CUSTOMERS: u32 = 400;
    const EACH: u32 = 250;
    with_a_million(1 + CUSTOMERS, |writer, model, random| {
        let rest = ROUTES - CUSTOMERS * EACH;
        fill(writer, model, (0, rest), || random.prefix());
        for table in 1..=CUSTOMERS {
            fill(writer, model, (table, EACH), || {
                let [_, b, c, _] = random.next().to_be_bytes();
                prefix4([10, b % 16, c, 0], 24)
            });
        }
    });
}

/// Bytes of the longest node.
pub(crate) const SPARE: u64 = 512 * 8;

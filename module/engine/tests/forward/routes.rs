// SPDX-License-Identifier: GPL-2.0

//! Routes come and go, and what is found is what a list has.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use engine::forward::{Action, Content, Cursor, EntryError, IpAddress, Part, Prefix, RouteKey};

use super::model::{
    looked_up, pair, prefix4, prefix6, route, stamp, with_nexthops, HostWriter, Linear, NEXTHOPS,
    OWNER, SIZES,
};

#[derive(Clone, Debug)]
enum Change {
    Set(RouteKey, Action),
    Remove(RouteKey),
}

/// Bytes of addresses: few, so that prefixes lie in each other, but the ends of what a node has.
fn byte() -> impl Strategy<Value = u8> {
    select(vec![0, 1, 2, 0x7f, 0x80, 0x81, 0xaa, 0xfe, 0xff])
}

/// Addresses that are routed.
fn address4() -> impl Strategy<Value = [u8; 4]> {
    let first = select(vec![1, 2, 126, 128, 129, 200, 223]);
    (first, [byte(), byte(), byte()]).prop_map(|(a, [b, c, d])| [a, b, c, d])
}

fn address6() -> impl Strategy<Value = [u8; 16]> {
    let first = select(vec![1, 0x20, 0x21, 0x3f, 0x80, 0xfc, 0xfd]);
    // Most of them differ in their first bytes only, as real ones do.
    let rest = (vec(byte(), 15), 1..16_usize).prop_map(|(mut bytes, end)| {
        bytes[end.min(15)..].fill(0);
        bytes
    });
    (first, rest).prop_map(|(first, rest)| {
        let mut address = [first; 16];
        address[1..].copy_from_slice(&rest);
        address
    })
}

fn address() -> impl Strategy<Value = IpAddress> {
    prop_oneof![
        address4().prop_map(IpAddress::V4),
        address6().prop_map(IpAddress::V6),
    ]
}

fn prefix() -> impl Strategy<Value = Prefix> {
    prop_oneof![
        (address4(), 0..=32_u8).prop_map(|(address, bits)| prefix4(address, bits)),
        (address6(), 0..=128_u8).prop_map(|(address, bits)| prefix6(address, bits)),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let key = || (0..3_u32, prefix()).prop_map(|(table, prefix)| route(table, prefix));
    let action = prop_oneof![
        1 => Just(Action::Trap),
        1 => Just(Action::Drop),
        6 => (0..NEXTHOPS).prop_map(Action::Nexthop),
    ];
    prop_oneof![
        3 => (key(), action).prop_map(|(key, action)| Change::Set(key, action)),
        1 => key().prop_map(Change::Remove),
    ]
}

/// All routes that are listed.
fn listed(writer: &HostWriter) -> Vec<(RouteKey, Action)> {
    let mut cursor = Cursor::START;
    let all = std::iter::from_fn(|| writer.next(&mut cursor, 0));
    let routes = all.filter_map(|listed| match listed.content {
        Content::Route(key, action) => Some((key, action)),
        _ => None,
    });
    routes.collect()
}

fn sorted(mut routes: Vec<(RouteKey, Action)>) -> Vec<(RouteKey, Action)> {
    let key = |(key, _): &(RouteKey, Action)| {
        let address = key.prefix.address;
        (key.table, address.bytes().to_vec(), key.prefix.bits)
    };
    routes.sort_by_key(key);
    routes
}

/// Some addresses for which `prefix` counts, and some beside it.
fn beside(prefix: &Prefix) -> Vec<IpAddress> {
    let (bytes, bits) = (prefix.address.bytes(), usize::from(prefix.bits));
    let flips = [bits.wrapping_sub(1), bits, bits + 1, bytes.len() * 8 - 1];
    let flipped = flips.map(|bit| {
        let mut bytes = bytes.to_vec();
        if let Some(byte) = bytes.get_mut(bit / 8) {
            *byte ^= 0x80 >> (bit % 8);
        }
        of(&bytes)
    });
    let all = [prefix.address].into_iter().chain(flipped);
    // Only those that a router sends on.
    all.filter(|address| match address {
        IpAddress::V4([first, ..]) => !matches!(first, 0 | 127 | 224..),
        IpAddress::V6([first, ..]) => !matches!(first, 0 | 0xfe | 0xff),
    })
    .collect()
}

fn of(bytes: &[u8]) -> IpAddress {
    match bytes.try_into() {
        Ok(bytes) => IpAddress::V4(bytes),
        Err(_) => IpAddress::V6(bytes.try_into().expect("16 bytes")),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn routes_are_those_of_a_list(
        changes in vec(change(), 1..150),
        others in vec(address(), 20),
    ) {
        let (shared, mut writer) = pair(&SIZES);
        with_nexthops(&mut writer);
        let mut model = Linear::default();
        for change in &changes {
            let key = match change {
                Change::Set(key, action) => {
                    prop_assert_eq!(writer.set_route(key, *action, stamp(1)), Ok(()));
                    model.set(*key, *action);
                    key
                }
                Change::Remove(key) => {
                    // What is there more often than not, beside what is not.
                    let key = match model.0.first() {
                        Some((known, _)) if key.table == 0 => *known,
                        _ => *key,
                    };
                    prop_assert_eq!(writer.remove_route(&key, OWNER), model.remove(&key));
                    &key.clone()
                }
            };
            for address in beside(&key.prefix) {
                let found = looked_up(&writer, key.table, address);
                prop_assert_eq!(found, model.look_up(key.table, &address));
            }
        }
        for (table, address) in (0..3).flat_map(|table| others.iter().map(move |it| (table, it))) {
            let found = looked_up(&writer, table, *address);
            prop_assert_eq!(found, model.look_up(table, address));
            prop_assert!(writer.tables().nodes_read(table, address) <= address.bytes().len() as u32);
        }
        prop_assert_eq!(sorted(listed(&writer)), sorted(model.0.clone()));
        for (key, _) in &model.0 {
            prop_assert_eq!(writer.remove_route(key, OWNER), Ok(()));
        }
        prop_assert!(listed(&writer).is_empty());
        drop(writer);
        for part in [Part::Routes4, Part::Routes6, Part::Tables4, Part::Tables6] {
            prop_assert_eq!(shared.fill(part).used, 0);
        }
        for part in [Part::Nodes4, Part::Nodes6] {
            prop_assert_eq!(shared.fill(part).used, super::million::SPARE);
        }
    }

    /// Whoever lists may stop, have entries come and go, and go on: what stays comes once.
    #[test]
    fn a_listing_goes_on(
        stay in vec((0..2_u32, prefix()), 1..60),
        come in vec((0..2_u32, prefix()), 60),
    ) {
        let (_, mut writer) = pair(&SIZES);
        let key = |(table, prefix): &(u32, Prefix)| route(*table, *prefix);
        let stay: Vec<_> = stay.iter().map(key).collect();
        for key in &stay {
            writer.set_route(key, Action::Drop, stamp(0)).expect("room");
        }
        let mut cursor = Cursor::START;
        let mut seen = Vec::new();
        let mut changes = come.iter().map(key).cycle();
        while let Some(listed) = writer.next(&mut cursor, 0) {
            let Content::Route(key, action) = listed.content else { break };
            seen.push((key, action));
            for key in changes.by_ref().take(3) {
                if stay.contains(&key) {
                    continue;
                }
                if writer.remove_route(&key, OWNER) == Err(EntryError::NotFound) {
                    writer.set_route(&key, Action::Trap, stamp(0)).expect("room");
                }
            }
            prop_assert!(seen.len() < 10_000);
        }
        let mut model = Linear::default();
        stay.iter().for_each(|key| model.set(*key, Action::Drop));
        seen.retain(|(key, _)| stay.contains(key));
        prop_assert_eq!(sorted(seen), sorted(model.0));
    }
}

#[test]
fn prefixes_that_are_none_are_refused() {
    let (_, mut writer) = pair(&SIZES);
    let mut set = |address, bits| {
        let key = route(0, Prefix { address, bits });
        writer.set_route(&key, Action::Drop, stamp(0))
    };
    let v4 = IpAddress::V4([10, 1, 2, 4]);
    assert_eq!(set(v4, 33), Err(EntryError::Prefix));
    assert_eq!(set(v4, 29), Err(EntryError::Prefix));
    assert_eq!(set(v4, 0), Err(EntryError::Prefix));
    assert_eq!(set(v4, 30), Ok(()));
    let v6 = IpAddress::V6([0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8]);
    assert_eq!(set(v6, 129), Err(EntryError::Prefix));
    assert_eq!(set(v6, 124), Err(EntryError::Prefix));
    assert_eq!(set(v6, 125), Ok(()));
}

// SPDX-License-Identifier: GPL-2.0

//! When there is no room, or no memory.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use engine::forward::{
    Action, Bridged, Content, Cursor, EntryError, Family, IpAddress, NeighbourKey, Nexthop, Part,
    RouteKey, RouteSizes, Sizes, Tables, Via, Writer,
};
use engine::memory::HostMemory;

use super::counting::Counting;
use super::memory::Ending;
use super::model::{
    looked_up, mac, pair, prefix4, prefix6, route, stamp, station, with_readers, Counted,
    HostWriter, Linear, OUT, OWNER, SIZES,
};

#[test]
fn tables_are_made_whole_or_not_at_all() {
    let make = |allocations| {
        let memory = Ending::after(allocations);
        let tables = Arc::new(Tables::new(&memory, &SIZES, 1)?);
        Writer::new(&memory, tables, Counted::default()).map(|writer| assert!(writer.is_some()))
    };
    let failed = (0..)
        .take_while(|allocations| make(*allocations).is_err())
        .count();
    assert!((10..40).contains(&failed), "{failed} allocations");
}

#[test]
fn there_is_one_writer() {
    let (tables, writer) = pair(&SIZES);
    let again = || Writer::new(&HostMemory, tables.clone(), Counted::default()).expect("memory");
    assert!(again().is_none());
    drop(writer);
    assert!(again().is_some());
}

/// Room for next to nothing, and for 4 KiB of nodes.
const TINY: Sizes = Sizes {
    route4: RouteSizes {
        routes: 400,
        tables: 300,
        nodes: 0,
    },
    route6: RouteSizes {
        routes: 400,
        tables: 300,
        nodes: 0,
    },
    nexthops: 3,
    records: 0,
    neighbours: 3,
    stations: 3,
};

fn routes(writer: &HostWriter) -> Vec<(RouteKey, Action)> {
    let mut cursor = Cursor::START;
    let all = std::iter::from_fn(|| writer.next(&mut cursor, 0));
    let routes = all.filter_map(|listed| match listed.content {
        Content::Route(key, action) => Some((key, action)),
        _ => None,
    });
    routes.collect()
}

/// Nodes that are small, of 32 bytes, if all but the one that is kept are.
const NODES: u32 = 128;

/// A route of as many nodes as an address has bytes is put in where there is room for some of them: for each
/// number that there is no room for, nothing has changed.
#[test]
fn what_does_not_fit_changes_nothing() {
    let long = IpAddress::V6([0x20; 16]);
    for free in 0..=17 {
        // A table for each node, and one more with the topmost node of the route.
        for is_begun in [false, true] {
            let (tables, mut writer) = pair(&TINY);
            for table in 1..=NODES - free {
                let key = route(table, prefix6([0x20; 16], 8));
                writer
                    .set_route(&key, Action::Trap, stamp(0))
                    .expect("room");
            }
            let (table, needs) = (u32::from(is_begun), 16);
            let before = (routes(&writer), Part::ALL.map(|part| tables.fill(part)));
            let key = route(table, prefix6([0x20; 16], 128));
            let set = writer.set_route(&key, Action::Drop, stamp(0));
            let none = before.0.iter().find(|(key, _)| key.table == table);
            let none = none.map(|(_, action)| *action);
            if free < needs {
                let part = Part::Nodes6;
                let limit = tables.fill(part).size;
                assert_eq!(set, Err(EntryError::Full { part, limit }), "{free} free");
                let after = (routes(&writer), Part::ALL.map(|part| tables.fill(part)));
                assert_eq!(after, before);
                assert_eq!(looked_up(&writer, table, long), none);
            } else {
                assert_eq!(set, Ok(()), "{free} free");
                assert_eq!(looked_up(&writer, table, long), Some(Action::Drop));
            }
        }
    }
}

/// Where there is no room for anything any more, what is there can be taken out.
#[test]
fn what_is_full_can_be_emptied() {
    let readers = Counted::default();
    let (tables, mut writer) = with_readers(&TINY, readers.clone());
    let mut model = Linear::default();
    let keys = (0..110_u8).map(|number| {
        let bits = 8 - (number.trailing_zeros() as u8).min(3);
        route(0, prefix4([16 + number, 0, 0, 0], bits))
    });
    for key in keys {
        writer
            .set_route(&key, Action::Drop, stamp(0))
            .expect("room");
        model.set(key, Action::Drop);
    }
    // The rest, by nodes of the least length.
    let full = (1..).find_map(|table| {
        let key = route(table, prefix4([16, 0, 0, 0], 8));
        let set = writer.set_route(&key, Action::Trap, stamp(0));
        set.map(|()| model.set(key, Action::Trap)).err()
    });
    let part = Part::Nodes4;
    let limit = tables.fill(part).size;
    assert_eq!(full, Some(EntryError::Full { part, limit }));
    assert_eq!(tables.fill(part).used, limit);
    let waits = readers.0.get();
    while let Some((key, _)) = model.0.first().copied() {
        assert_eq!(writer.remove_route(&key, OWNER), Ok(()));
        model.remove(&key).expect("it was there");
        for first in 16..127 {
            let address = IpAddress::V4([first, 1, 1, 1]);
            let found = looked_up(&writer, key.table, address);
            assert_eq!(found, model.look_up(key.table, &address), "{key:?}");
        }
        assert_eq!(routes(&writer).len(), model.0.len());
    }
    assert!(readers.0.get() >= waits + 2, "what is kept was of use");
    drop(writer);
    assert_eq!(tables.fill(part).used, super::million::SPARE);
}

/// Fills a part by `put`, which is to fail with `part` when it has what there is room for.
fn exhaust(
    writer: &mut HostWriter,
    part: Part,
    mut put: impl FnMut(&mut HostWriter, u32) -> Result<(), EntryError>,
) {
    let limit = writer.tables().fill(part).size;
    let mut error = None;
    for number in 0..=limit as u32 {
        let before = writer.tables().fill(part).used;
        if let Err(refused) = put(writer, number) {
            error = Some(refused);
            assert_eq!(writer.tables().fill(part).used, before);
            break;
        }
    }
    assert_eq!(
        error,
        Some(EntryError::Full { part, limit }),
        "{}",
        part.name()
    );
    assert_eq!(writer.tables().fill(part).used, limit);
}

#[test]
fn each_part_has_its_limit() {
    let (_, mut writer) = pair(&Sizes {
        route4: RouteSizes {
            routes: 5,
            tables: 4,
            nodes: 1 << 16,
        },
        route6: RouteSizes {
            routes: 5,
            tables: 4,
            nodes: 1 << 16,
        },
        ..TINY
    });
    // A table that is held takes room as one with routes does.
    for (family, tables) in [(Family::V4, Part::Tables4), (Family::V6, Part::Tables6)] {
        exhaust(&mut writer, tables, |writer, table| {
            writer.hold(table, family, true, stamp(0))
        });
        for table in 0..5 {
            writer
                .hold(table, family, false, stamp(0))
                .expect("it takes no room");
        }
        assert_eq!(writer.tables().fill(tables).used, 0);
    }
    let number = |number: u32| [9, 9, 9, number as u8];
    exhaust(&mut writer, Part::Routes4, |writer, index| {
        let key = route(0, prefix4(number(index), 32));
        writer.set_route(&key, Action::Drop, stamp(0))
    });
    exhaust(&mut writer, Part::Routes6, |writer, index| {
        let key = route(0, prefix6([index as u8; 16], 64));
        writer.set_route(&key, Action::Drop, stamp(0))
    });
    exhaust(&mut writer, Part::Neighbours, |writer, index| {
        let address = IpAddress::V4(number(index));
        let key = NeighbourKey { port: 1, address };
        writer.set_neighbour(&key, mac(index), stamp(0))
    });
    exhaust(&mut writer, Part::Stations, |writer, index| {
        let bridged = Bridged { bridge: 1, vlan: 1 };
        writer.set_station(&station(mac(index), bridged), 1, stamp(0))
    });
    let via = Nexthop::Via(Via {
        port: OUT,
        source: mac(0),
        gateway: None,
    });
    exhaust(&mut writer, Part::Nexthops, |writer, index| {
        writer.set_nexthop(index, &via, stamp(0))
    });

    let (_, mut writer) = pair(&Sizes {
        nexthops: 1000,
        ..TINY
    });
    exhaust(&mut writer, Part::Records, |writer, index| {
        writer.set_nexthop(index, &via, stamp(0))
    });
    // One that is there can't be changed where there is no room beside it, and goes on as it was.
    let part = Part::Records;
    let limit = writer.tables().fill(part).size;
    let full = Err(EntryError::Full { part, limit });
    assert_eq!(writer.set_nexthop(0, &via, stamp(0)), full);
    assert_eq!(writer.remove_nexthop(1, OWNER), Ok(()));
    assert_eq!(writer.set_nexthop(0, &via, stamp(0)), Ok(()));
}

/// What has left is used again only when those have gone who may see it: they are waited for, and not before.
#[test]
fn what_has_left_is_waited_for() {
    let one = RouteSizes {
        routes: 1,
        tables: 1,
        nodes: 0,
    };
    let sizes = Sizes {
        route4: one,
        route6: one,
        nexthops: 1,
        records: 0,
        neighbours: 1,
        stations: 1,
    };
    let via = Nexthop::Via(Via {
        port: OUT,
        source: mac(0),
        gateway: None,
    });
    let bridged = Bridged { bridge: 1, vlan: 1 };
    let neighbour = |last| NeighbourKey {
        port: 1,
        address: IpAddress::V4([9, 9, 9, last]),
    };
    type Put<'a> = dyn Fn(&mut HostWriter, u8) -> Result<(), EntryError> + 'a;
    let kinds: [(&Put<'_>, &Put<'_>); 6] = [
        (
            &|it, n| it.set_route(&route(0, prefix4([9, n, 0, 0], 16)), Action::Drop, stamp(0)),
            &|it, n| it.remove_route(&route(0, prefix4([9, n, 0, 0], 16)), OWNER),
        ),
        (
            &|it, n| it.set_route(&route(0, prefix6([n; 16], 64)), Action::Drop, stamp(0)),
            &|it, n| it.remove_route(&route(0, prefix6([n; 16], 64)), OWNER),
        ),
        (
            &|it, n| it.hold(n.into(), Family::V4, true, stamp(0)),
            &|it, n| it.hold(n.into(), Family::V4, false, stamp(0)),
        ),
        (
            &|it, n| it.set_nexthop(n.into(), &via, stamp(0)),
            &|it, n| it.remove_nexthop(n.into(), OWNER),
        ),
        (
            &|it, n| it.set_neighbour(&neighbour(n), mac(1), stamp(0)),
            &|it, n| it.remove_neighbour(&neighbour(n), OWNER),
        ),
        (
            &|it, n| it.set_station(&station(mac(n.into()), bridged), 1, stamp(0)),
            &|it, n| it.remove_station(&station(mac(n.into()), bridged), OWNER),
        ),
    ];
    for (kind, (put, remove)) in kinds.into_iter().enumerate() {
        let readers = Counted::default();
        let (_, mut writer) = with_readers(&sizes, readers.clone());
        for number in 1..5 {
            assert_eq!(put(&mut writer, number), Ok(()), "{kind}");
            assert_eq!(readers.0.get(), u32::from(number) - 1, "{kind}");
            assert_eq!(remove(&mut writer, number), Ok(()), "{kind}");
        }
        drop(writer);
        assert_eq!(readers.0.get(), 4, "the next one may use all");
    }
}

/// Nothing fits into no room.
#[test]
fn there_may_be_no_room_at_all() {
    let none = RouteSizes {
        routes: 0,
        tables: 0,
        nodes: 0,
    };
    let (tables, mut writer) = pair(&Sizes {
        route4: none,
        route6: none,
        nexthops: 0,
        records: 0,
        neighbours: 0,
        stations: 0,
    });
    let key = route(0, prefix4([0; 4], 0));
    let full = |part, limit| Err(EntryError::Full { part, limit });
    let set = writer.set_route(&key, Action::Drop, stamp(0));
    assert_eq!(set, full(Part::Routes4, 0));
    let hold = writer.hold(0, Family::V6, true, stamp(0));
    assert_eq!(hold, full(Part::Tables6, 0));
    assert_eq!(looked_up(&writer, 0, IpAddress::V4([9; 4])), None);
    assert_eq!(writer.remove_route(&key, OWNER), Err(EntryError::NotFound));
    let mut cursor = Cursor::START;
    assert!(writer.next(&mut cursor, 0).is_none());
    assert_eq!(tables.fill(Part::Neighbours).size, 0);
}

/// What is accounted for is what is allocated.
#[test]
fn memory_is_what_is_said() {
    for sizes in [SIZES, TINY] {
        let memory = Counting::default();
        let tables = Arc::new(Tables::new(&memory, &sizes, 1).expect("memory"));
        let writer = Writer::new(&memory, tables, Counted::default());
        writer.expect("memory").expect("there was no writer");
        let taken = memory.0.load(Ordering::Relaxed) as u64;
        assert_eq!(taken, Tables::<Counting>::memory(&sizes));
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Those who look things up while others change them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::thread;

use engine::forward::{
    Action, Content, Cursor, Decision, EntryError, IpAddress, NeighbourKey, Part, Readers,
    RouteSizes, Sizes, Tables, Trap,
};
use engine::memory::HostMemory;

use super::frames::between;
use super::million::Random;
use super::model::{
    decide_by, gateway, mac, prefix4, prefix6, route, stamp, with_nexthops, with_readers,
    WriterFor, OUT, OWNER, ROUTED, SIZES,
};

/// Who reads has this to read; to have it to write for a moment is to wait for all who read.
#[derive(Clone, Default)]
struct Shared(Arc<RwLock<()>>);

impl Readers for Shared {
    fn wait(&self) {
        drop(self.0.write().expect("no reader has failed"));
    }
}

/// What readers have seen.
#[derive(Default)]
struct Seen {
    ports: [AtomicU64; 8],
    trapped: AtomicU64,
}

impl Seen {
    /// Whether frames went by all of `ports`.
    fn all(&self, ports: &[usize]) -> bool {
        let seen = |port: &usize| self.ports[*port].load(Ordering::Relaxed) > 0;
        ports.iter().all(seen)
    }
}

/// Has two threads decide about `frames` by `tables`, each of which may go by the ports that go with it,
/// until `write` returns.
fn with_two_readers(
    (tables, readers): (&Tables<HostMemory>, &Shared),
    frames: &[(Vec<u8>, &[u16])],
    write: impl FnOnce(&Seen),
) -> Seen {
    let (seen, is_done) = (Seen::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    for (frame, ports) in frames {
                        let guard = readers.0.read().expect("nobody has failed");
                        let decision = decide_by(tables, frame, ROUTED);
                        tables.count(&decision, 1, 60, 0);
                        drop(guard);
                        match decision {
                            Decision::Forward(it) if ports.contains(&it.port) => {
                                let rewrite = it.rewrite.expect("it is routed");
                                let id = it.port - OUT;
                                let [_, _, _, _, twice, last] = rewrite.destination;
                                assert_eq!(u16::from(last), id, "its own neighbour");
                                assert!(twice < 2, "as it was put in");
                                seen.ports[usize::from(id)].fetch_add(1, Ordering::Relaxed);
                            }
                            Decision::Trap(Trap::Changing) => {
                                seen.trapped.fetch_add(1, Ordering::Relaxed);
                            }
                            other => panic!("{other:?}"),
                        }
                    }
                }
            });
        }
        // Also if it fails.
        let _done = Done(&is_done);
        write(&seen);
    });
    seen
}

/// Says that it is done when it goes.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A frame to an address.
fn frame(address: IpAddress) -> Vec<u8> {
    between(address, address)
}

/// Sets or removes some route that those which count share nodes with, but not addresses.
fn stir(writer: &mut WriterFor<Shared>, random: &mut Random) {
    let [a, b, c, d] = random.next().to_be_bytes();
    let prefix = match d % 3 {
        0 => prefix4([22 + a % 3, b % 4, c % 4, d & 0x80], 9 + d % 24),
        1 => prefix4([21, b % 4, c % 3, d & 0x80], 24 + d % 9),
        _ => {
            let address = [
                0x20,
                1,
                a % 2,
                b % 4,
                c % 8,
                5,
                6,
                7,
                8,
                9,
                0,
                0,
                0,
                0,
                0,
                1,
            ];
            prefix6(address, 24 + d % 105)
        }
    };
    let key = route(ROUTED.table, prefix);
    match random.next() % 2 {
        0 => match writer.set_route(&key, Action::Drop, stamp(0)) {
            Ok(()) | Err(EntryError::Full { .. }) => {}
            Err(error) => panic!("{error}"),
        },
        _ => match writer.remove_route(&key, OWNER) {
            Ok(()) | Err(EntryError::NotFound) => {}
            Err(error) => panic!("{error}"),
        },
    }
}

/// Of two routes, the longer one of which comes and goes while the other is put in first and taken out last,
/// there is always one. The shortest has nothing: nobody sees the one gone and not the other.
#[test]
fn one_of_two_routes_is_always_there() {
    let readers = Shared::default();
    let (tables, mut writer) = with_readers(&SIZES, readers.clone());
    with_nexthops(&mut writer);
    let v4 = [
        prefix4([0; 4], 0),
        prefix4([21, 2, 0, 0], 15),
        prefix4([21, 2, 3, 128], 25),
    ];
    let address6 = [0x20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    let v6 = [0, 44, 127].map(|bits| prefix6(address6, bits));
    let frames = [
        (
            frame(IpAddress::V4([21, 2, 3, 129])),
            &[OUT + 1, OUT + 2][..],
        ),
        (frame(IpAddress::V6(address6)), &[OUT + 1, OUT + 2][..]),
    ];
    let set = |writer: &mut WriterFor<Shared>, which: usize| {
        for prefixes in [&v4, &v6] {
            let key = route(ROUTED.table, prefixes[which]);
            let action = Action::Nexthop(which as u32);
            writer.set_route(&key, action, stamp(0)).expect("room");
        }
    };
    // Beside the longer ones, so that their nodes stay and are changed.
    let mut beside = address6;
    beside[15] ^= 0x80;
    for prefix in [prefix4([21, 2, 3, 0], 26), prefix6(beside, 128)] {
        let key = route(ROUTED.table, prefix);
        writer
            .set_route(&key, Action::Drop, stamp(0))
            .expect("room");
    }
    set(&mut writer, 0);
    set(&mut writer, 1);
    let seen = with_two_readers((&tables, &readers), &frames, |seen| {
        let mut random = Random(3);
        for round in 0.. {
            // However slow the readers are.
            if round > 2_000 && seen.all(&[1, 2]) {
                break;
            }
            for (comes, goes) in [(2, 1), (1, 2)] {
                set(&mut writer, comes);
                stir(&mut writer, &mut random);
                for prefixes in [&v4, &v6] {
                    let key = route(ROUTED.table, prefixes[goes]);
                    writer.remove_route(&key, OWNER).expect("it is there");
                }
                stir(&mut writer, &mut random);
            }
        }
    });
    let [_, one, two, ..] = seen.ports.map(AtomicU64::into_inner);
    let trapped = seen.trapped.into_inner();
    assert!(trapped < one + two, "{trapped} of {}", one + two);
    // All that was decided was counted, and by the neighbours alone that were named.
    let mut cursor = Cursor::START;
    let neighbours = std::iter::from_fn(|| writer.next(&mut cursor, 0));
    let counted = neighbours.filter_map(|listed| match listed.content {
        Content::Neighbour(..) => Some(listed.usage.packets),
        _ => None,
    });
    assert_eq!(counted.sum::<u64>(), one + two);
}

/// The address of a neighbour, what a nexthop is, and a route change at once, each for itself.
#[test]
fn entries_change_at_once() {
    let readers = Shared::default();
    let (tables, mut writer) = with_readers(&SIZES, readers.clone());
    with_nexthops(&mut writer);
    let key = route(ROUTED.table, prefix4([21, 0, 0, 0], 8));
    let via = |id: u32| {
        engine::forward::Nexthop::Via(engine::forward::Via {
            port: OUT + id as u16,
            source: mac(1000 + id),
            gateway: Some(gateway(id)),
        })
    };
    writer
        .set_route(&key, Action::Nexthop(3), stamp(0))
        .expect("room");
    let frames = [(
        frame(IpAddress::V4([21, 2, 3, 129])),
        &[OUT + 3, OUT + 4, OUT + 5][..],
    )];
    with_two_readers((&tables, &readers), &frames, |_| {
        for round in 0..20_000_u32 {
            let nexthop = 3 + round % 2;
            // One time it is the other one, and then the other is it.
            writer
                .set_route(&key, Action::Nexthop(nexthop), stamp(0))
                .expect("room");
            writer
                .set_nexthop(7 - nexthop, &via(3 + round % 3), stamp(0))
                .expect("room");
            let id = 3 + (round >> 1) % 3;
            let neighbour = NeighbourKey {
                port: OUT + id as u16,
                address: gateway(id),
            };
            let address = mac((round >> 3) % 2 * 0x100 + id);
            writer
                .set_neighbour(&neighbour, address, stamp(0))
                .expect("room");
        }
    });
}

/// A route is taken out where there is no room for what is to be in its place, and nobody sees more of that than
/// that it is gone.
#[test]
fn routes_go_where_there_is_no_room() {
    let none = RouteSizes {
        routes: 300,
        tables: 300,
        nodes: 0,
    };
    let readers = Shared::default();
    let (tables, mut writer) = with_readers(
        &Sizes {
            route4: none,
            ..SIZES
        },
        readers.clone(),
    );
    with_nexthops(&mut writer);
    let key = |first: u8| route(ROUTED.table, prefix4([first, 0, 0, 0], 8));
    let default = route(ROUTED.table, prefix4([0; 4], 0));
    writer
        .set_route(&default, Action::Nexthop(0), stamp(0))
        .expect("room");
    let frames: Vec<_> = [40, 60, 99]
        .map(|first| (frame(IpAddress::V4([first, 1, 1, 1])), &[OUT, OUT + 1][..]))
        .into();
    with_two_readers((&tables, &readers), &frames, |seen| {
        for round in 0.. {
            if round > 20 && seen.all(&[0, 1]) {
                break;
            }
            for first in 20..100 {
                writer
                    .set_route(&key(first), Action::Nexthop(1), stamp(0))
                    .expect("room");
            }
            // What takes the least room, until there is none.
            let one = |table| route(table, prefix4([9, 0, 0, 0], 8));
            let mut end = 1;
            while writer.set_route(&one(end), Action::Trap, stamp(0)).is_ok() {
                end += 1;
            }
            for first in (20..100).rev() {
                writer
                    .remove_route(&key(first), OWNER)
                    .expect("it is there");
            }
            for table in 1..end {
                writer
                    .remove_route(&one(table), OWNER)
                    .expect("it is there");
            }
        }
    });
    assert_eq!(tables.fill(Part::Routes4).used, 1);
}

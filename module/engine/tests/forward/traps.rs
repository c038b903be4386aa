// SPDX-License-Identifier: GPL-2.0

//! Each reason for which a frame goes the ordinary way.

use std::collections::BTreeSet;

use engine::forward::{
    Action, Arrived, Bridged, Decision, Family, IpAddress, Member, Nexthop, OutPort, Role, Routed,
    SourceCheck, Trap, TrapCounters, Via,
};

use super::frames::{put, summed, to, with_payload, SOURCE4};
use super::model::{
    decide, forwarded, in_port, mac, out_port, prefix4, prefix6, route, stamp, trapped,
    with_nexthops, writer, HostWriter, IN, OUT, OWNER, ROUTED, SIZES,
};

const V4: IpAddress = IpAddress::V4([203, 0, 113, 5]);
const V6: IpAddress = IpAddress::V6([0x20, 1, 0xd, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]);

/// Numbers of nexthops that are not as others.
const BACK: u32 = 20;
const STRANGER: u32 = 21;
const GROUP: u32 = 22;
const GONE: u32 = 23;

/// A router that sends everything on, but for some routes.
fn router() -> HostWriter {
    let mut writer = writer(&SIZES);
    with_nexthops(&mut writer);
    let via = |port, gateway| {
        let source = mac(1);
        Nexthop::Via(Via {
            port,
            source,
            gateway,
        })
    };
    let gateway = Some(super::model::gateway(0));
    let mut set = |id, nexthop: &Nexthop<'_>| writer.set_nexthop(id, nexthop, stamp(0)).unwrap();
    set(BACK, &via(IN, gateway));
    set(STRANGER, &via(OUT, None));
    set(GROUP, &Nexthop::Group(&[Member { id: 0, weight: 1 }]));
    set(GONE, &via(OUT, gateway));
    let table = ROUTED.table;
    let nexthop = Action::Nexthop;
    let routes = [
        (prefix4([198, 51, 100, 0], 24), nexthop(1)),
        (prefix4([203, 0, 113, 0], 24), nexthop(0)),
        (prefix4([203, 0, 113, 6], 32), Action::Trap),
        (prefix4([203, 0, 113, 7], 32), nexthop(BACK)),
        (prefix4([203, 0, 113, 8], 32), nexthop(STRANGER)),
        (prefix4([203, 0, 113, 9], 32), nexthop(GROUP)),
        (prefix4([203, 0, 113, 10], 32), nexthop(GONE)),
        (prefix6([0x20; 16], 3), nexthop(0)),
    ];
    for (prefix, action) in routes {
        writer
            .set_route(&route(table, prefix), action, stamp(0))
            .unwrap();
    }
    writer.remove_nexthop(GONE, OWNER).unwrap();
    writer.hold(9, Family::V4, true, stamp(0)).unwrap();
    writer
}

/// As [`put`], in an IPv4 header whose checksum is right then.
fn put4(at: usize, bytes: &[u8]) -> Vec<u8> {
    summed(put(to(V4), 14 + at, bytes))
}

fn put6(at: usize, bytes: &[u8]) -> Vec<u8> {
    put(to(V6), 14 + at, bytes)
}

fn to4(last: u8) -> Vec<u8> {
    put4(19, &[last])
}

/// Frames that would be routed, but for one thing.
fn routed() -> Vec<(Trap, Vec<u8>)> {
    let fragments = [[0x20, 0], [0, 1], [0x1f, 0xff]];
    let martians = [
        [0, 0, 0, 0],
        [0, 1, 2, 3],
        [127, 0, 0, 1],
        [127, 255, 255, 255],
        [169, 254, 1, 1],
        [240, 0, 0, 1],
        [255, 255, 255, 254],
    ];
    let mut all = vec![
        (Trap::Short, to(V4)[..13].to_vec()),
        (Trap::Short, to(V4)[..33].to_vec()),
        (Trap::Short, to(V6)[..53].to_vec()),
        (Trap::SourceAddress, put(to(V4), 6, &[3])),
        (Trap::SourceAddress, put(to(V4), 6, &[0; 6])),
        (Trap::Group, put(to(V4), 0, &[0xff; 6])),
        (Trap::Group, put(to(V6), 0, &[0x33, 0x33, 0, 0, 0, 1])),
        (Trap::OtherHost, put(to(V4), 5, &[9])),
        (Trap::Tagged, put(to(V4), 12, &[0x81, 0])),
        (Trap::Tagged, put(to(V4), 12, &[0x88, 0xa8])),
        (Trap::Protocol, put(to(V4), 12, &[8, 6])),
        (Trap::Protocol, put(to(V4), 12, &[0, 40])),
        (Trap::Header, put4(0, &[0x44])),
        (Trap::Header, put4(0, &[0x65])),
        (Trap::Header, put(to(V6), 14, &[0x45])),
        (Trap::Options, put4(0, &[0x46])),
        (
            Trap::Options,
            summed(put(with_payload(V4, 40), 14, &[0x4f])),
        ),
        (Trap::Checksum, put(to(V4), 24, &[0x12, 0x34])),
        (Trap::Checksum, put(to(V4), 22, &[7])),
        (Trap::Length, put4(2, &[0, 19])),
        (Trap::Length, put4(2, &[0, 41])),
        (Trap::Length, put6(4, &[0, 21])),
        (Trap::Expired, put4(8, &[1])),
        (Trap::Expired, put4(8, &[0])),
        (Trap::Expired, put6(7, &[1])),
        (Trap::Expired, put6(7, &[0])),
        (Trap::Multicast, put4(16, &[224, 0, 0, 1])),
        (Trap::Multicast, put4(16, &[239, 255, 255, 255])),
        (Trap::Multicast, put4(16, &[255; 4])),
        (Trap::Multicast, put6(24, &[0xff, 2])),
        (Trap::MartianSource, put4(12, &[224, 0, 0, 1])),
        (Trap::MartianSource, put4(12, &[255; 4])),
        (Trap::MartianSource, put6(8, &[0xff, 2])),
        (Trap::NoRoute, put4(16, &[8, 8, 8, 8])),
        (Trap::NoRoute, put6(24, &[0xfd])),
        (Trap::Route, to4(6)),
        (Trap::SamePort, to4(7)),
        (Trap::NoNeighbour, to4(8)),
        (Trap::Unhashed, to4(9)),
        (Trap::NoNexthop, to4(10)),
        (Trap::ReversePath, put4(12, &[203, 0, 113, 6])),
        (Trap::TooLong, with_payload(V4, 1500 - 28 + 1)),
        (Trap::TooLong, with_payload(V6, 1500 - 48 + 1)),
    ];
    all.extend(fragments.map(|fragment| (Trap::Fragment, put4(6, &fragment))));
    for address in martians {
        all.push((Trap::MartianSource, put4(12, &address)));
        all.push((Trap::MartianDestination, put4(16, &address)));
    }
    for next in [0, 43, 51, 59, 60] {
        all.push((Trap::Extension, put6(6, &[next])));
    }
    all.push((Trap::Fragment, put6(6, &[44])));
    let (mut mapped, mut loopback, mut compatible) = ([0; 16], [0; 16], [0; 16]);
    mapped[10..].copy_from_slice(&[0xff, 0xff, 10, 0, 0, 1]);
    loopback[15] = 1;
    compatible[12] = 10;
    let mut link = [0; 16];
    link[..2].copy_from_slice(&[0xfe, 0x80]);
    for address in [mapped, loopback, compatible, link, [0; 16]] {
        all.push((Trap::MartianSource, put6(8, &address)));
        all.push((Trap::MartianDestination, put6(24, &address)));
    }
    all
}

#[test]
fn frames_that_are_not_plain_are_trapped() {
    let writer = router();
    for frame in [
        to(V4),
        to(V6),
        with_payload(V4, 1472),
        with_payload(V6, 1452),
    ] {
        assert_eq!(forwarded(decide(&writer, &frame, ROUTED)).port, OUT);
    }
    for (trap, frame) in routed() {
        assert_eq!(
            trapped(decide(&writer, &frame, ROUTED)),
            trap,
            "{frame:02x?}"
        );
    }
    // What software sends on, too, whatever it is: all of it is the sender's.
    let others = [
        put4(1, &[0xff]),
        put4(6, &[0x40, 0]),
        put4(6, &[0x80, 0]),
        put4(9, &[253]),
        put4(8, &[255]),
        put4(12, &[9, 9, 9, 9]),
        put6(0, &[0x6f, 0xff, 0xff, 0xff]),
        put6(6, &[58]),
        put6(6, &[50]),
        put6(4, &[0, 0]),
    ];
    for frame in others {
        assert_eq!(
            forwarded(decide(&writer, &frame, ROUTED)).port,
            OUT,
            "{frame:02x?}"
        );
    }
}

#[test]
fn roles_of_ports_count() {
    let writer = router();
    let (v4, v6) = (to(V4), to(V6));
    let with = |ipv4, ipv6| Routed {
        ipv4,
        ipv6,
        ..ROUTED
    };
    assert_eq!(
        trapped(decide(&writer, &v4, with(false, true))),
        Trap::NotForwarded
    );
    assert_eq!(
        trapped(decide(&writer, &v6, with(true, false))),
        Trap::NotForwarded
    );
    forwarded(decide(&writer, &v6, with(false, true)));
    let of_table = |table| Routed { table, ..ROUTED };
    assert_eq!(trapped(decide(&writer, &v4, of_table(8))), Trap::NoRoute);
    assert_eq!(trapped(decide(&writer, &v4, of_table(9))), Trap::Held);
    assert_eq!(trapped(decide(&writer, &v6, of_table(9))), Trap::NoRoute);
}

/// What is decided about a frame to `V4`, of `source`.
fn from(writer: &HostWriter, source: [u8; 4], check: SourceCheck) -> Decision {
    let frame = put4(12, &source);
    let source = check;
    decide(writer, &frame, Routed { source, ..ROUTED })
}

#[test]
fn sources_are_looked_for() {
    let mut writer = router();
    // Nothing leads to this one.
    let unknown = [9, 9, 9, 9];
    forwarded(from(&writer, unknown, SourceCheck::None));
    for check in [SourceCheck::Loose, SourceCheck::Strict] {
        assert_eq!(trapped(from(&writer, unknown, check)), Trap::ReversePath);
    }
    // This one is behind another port, and then behind this one, and in a group.
    forwarded(from(&writer, SOURCE4, SourceCheck::Loose));
    assert_eq!(
        trapped(from(&writer, SOURCE4, SourceCheck::Strict)),
        Trap::ReversePath
    );
    let members = [0, BACK].map(|id| Member { id, weight: 1 });
    let set = writer.set_nexthop(GROUP, &Nexthop::Group(&members), stamp(0));
    set.unwrap();
    for id in [BACK, GROUP] {
        let key = route(ROUTED.table, prefix4(SOURCE4, 32));
        writer
            .set_route(&key, Action::Nexthop(id), stamp(0))
            .unwrap();
        forwarded(from(&writer, SOURCE4, SourceCheck::Strict));
    }
    // And then it is the router's own.
    for action in [Action::Trap, Action::Drop] {
        let key = route(ROUTED.table, prefix4(SOURCE4, 32));
        writer.set_route(&key, action, stamp(0)).unwrap();
        for check in [SourceCheck::None, SourceCheck::Loose, SourceCheck::Strict] {
            assert_eq!(trapped(from(&writer, SOURCE4, check)), Trap::ReversePath);
        }
    }
}

#[test]
fn what_is_dropped_is_dropped() {
    let mut writer = router();
    let key = route(ROUTED.table, prefix4([203, 0, 113, 5], 32));
    writer.set_route(&key, Action::Drop, stamp(0)).unwrap();
    assert!(matches!(
        decide(&writer, &to(V4), ROUTED),
        Decision::Drop(_)
    ));
    // But not what was no packet at all.
    let frame = put(to(V4), 24, &[0x12, 0x34]);
    assert_eq!(trapped(decide(&writer, &frame, ROUTED)), Trap::Checksum);
}

#[test]
fn ports_that_are_down_or_bridged_get_nothing() {
    let writer = router();
    let frame = to(V4);
    let arrived = Arrived {
        front: &frame,
        len: frame.len() as u32,
    };
    let by = in_port(Role::Routed(ROUTED));
    let mtu = 1500;
    let bridge = Some(BRIDGED);
    for out in [None, Some(OutPort { mtu, bridge })] {
        let decided = writer.tables().decide(&arrived, &by, |_| out, || None);
        assert_eq!(trapped(decided), Trap::NoPort);
    }
    // The length that counts is that of the packet: what is behind it does not.
    let mut padded = frame.clone();
    padded.resize(60, 0xee);
    let decided = decide(&writer, &padded, ROUTED);
    assert_eq!(forwarded(decided).len, frame.len() as u32);
    // Of a long frame the headers are enough.
    let long = with_payload(V4, 1472);
    let arrived = Arrived {
        front: &long[..34],
        len: long.len() as u32,
    };
    let decided = writer
        .tables()
        .decide(&arrived, &by, out_port(None), || None);
    assert_eq!(forwarded(decided).len, 1514);
}

const BRIDGED: Bridged = Bridged {
    bridge: 77,
    vlan: 5,
};

/// Every reason is tried here, and has a name and a counter of its own.
#[test]
fn reasons_are_all_there() {
    let of_roles = [Trap::NotForwarded, Trap::Held, Trap::NoPort];
    let of_bridges = [Trap::NoStation, Trap::Learn];
    // Nobody can make sure that routes change as fast as they are looked up: see `threads`.
    let tried = routed().into_iter().map(|(trap, _)| trap);
    let tried = tried
        .chain(of_roles)
        .chain(of_bridges)
        .chain([Trap::Changing]);
    let tried: BTreeSet<_> = tried.map(|trap| trap as usize).collect();
    assert!(tried.into_iter().eq(0..Trap::ALL.len()));

    let names: BTreeSet<_> = Trap::ALL.iter().map(|trap| trap.name()).collect();
    assert_eq!(names.len(), Trap::ALL.len());
    let counters = TrapCounters::default();
    for (trap, frames) in Trap::ALL.into_iter().zip(1..) {
        counters.count(trap, frames);
        counters.count(trap, 1);
    }
    for (trap, frames) in Trap::ALL.into_iter().zip(2..) {
        assert_eq!(counters.get(trap), frames);
    }
}

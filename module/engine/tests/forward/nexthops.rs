// SPDX-License-Identifier: GPL-2.0

//! Where routes lead: by gateways, directly, and by one of a group.

use proptest::collection::vec;
use proptest::prelude::*;

use engine::forward::{
    Action, Arrived, Cursor, Decision, EntryError, IpAddress, Member, NeighbourKey, Nexthop, Part,
    Role, Routed, SourceCheck, Trap, Via, MAX_MEMBERS,
};

use super::frames::to;
use super::model::{
    decide, forwarded, in_port, mac, out_port, pair, prefix4, prefix6, route, stamp, trapped,
    with_nexthops, writer, HostWriter, NEXTHOPS, OUT, OWNER, ROUTED, SIZES,
};

const V4: IpAddress = IpAddress::V4([203, 0, 113, 5]);
const V6: IpAddress = IpAddress::V6([0x20, 1, 0xd, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]);

/// The number of the nexthop that all routes lead to.
const ID: u32 = 50;

/// Everything goes to nexthop `ID`, which is there.
fn router() -> HostWriter {
    let mut writer = writer(&SIZES);
    with_nexthops(&mut writer);
    set(&mut writer, &Nexthop::Group(&[Member { id: 0, weight: 1 }])).expect("room");
    for prefix in [prefix4([0; 4], 0), prefix6([0; 16], 0)] {
        let key = route(ROUTED.table, prefix);
        writer
            .set_route(&key, Action::Nexthop(ID), stamp(0))
            .expect("room");
    }
    writer
}

fn set(writer: &mut HostWriter, nexthop: &Nexthop<'_>) -> Result<(), EntryError> {
    writer.set_nexthop(ID, nexthop, stamp(0))
}

/// What is decided about a frame to `V4` with `hash`.
fn hashed(writer: &HostWriter, hash: u32) -> Decision {
    let frame = to(V4);
    let arrived = Arrived {
        front: &frame,
        len: frame.len() as u32,
    };
    let by = in_port(Role::Routed(ROUTED));
    let hash = || Some(hash);
    writer.tables().decide(&arrived, &by, out_port(None), hash)
}

#[test]
fn gateways_and_destinations_are_neighbours() {
    let mut writer = router();
    let gateway6 = IpAddress::V6([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    let gateway4 = IpAddress::V4([192, 0, 2, 1]);
    // IPv4 by a gateway of IPv6 is as usual as the reverse is not.
    for gateway in [None, Some(gateway4), Some(gateway6)] {
        let via = Via {
            port: OUT + 40,
            source: mac(77),
            gateway,
        };
        set(&mut writer, &Nexthop::Via(via)).expect("room");
        for (number, address) in (0..).zip([V4, V6]) {
            let frame = to(address);
            let key = |port| NeighbourKey {
                port,
                address: gateway.unwrap_or(address),
            };
            // A neighbour behind another port is another one.
            writer
                .set_neighbour(&key(OUT + 41), mac(5), stamp(0))
                .expect("room");
            assert_eq!(trapped(decide(&writer, &frame, ROUTED)), Trap::NoNeighbour);
            writer
                .set_neighbour(&key(OUT + 40), mac(number), stamp(0))
                .expect("room");
            let forward = forwarded(decide(&writer, &frame, ROUTED));
            let rewrite = forward.rewrite.expect("it is routed");
            assert_eq!(forward.port, OUT + 40);
            assert_eq!(
                (rewrite.destination, rewrite.source),
                (mac(number), mac(77))
            );
            writer
                .set_neighbour(&key(OUT + 40), mac(9), stamp(0))
                .expect("room");
            let forward = forwarded(decide(&writer, &frame, ROUTED));
            assert_eq!(forward.rewrite.expect("it is routed").destination, mac(9));
            writer
                .remove_neighbour(&key(OUT + 40), OWNER)
                .expect("it is there");
            writer
                .remove_neighbour(&key(OUT + 41), OWNER)
                .expect("it is there");
            let again = writer.remove_neighbour(&key(OUT + 41), OWNER);
            assert_eq!(again, Err(EntryError::NotFound));
        }
    }
}

/// The last hash of each member, as `nh_hthr_group_rebalance()` computes it.
fn bounds(weights: &[u16]) -> Vec<u64> {
    let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    let mut sum = 0;
    let bound = |weight: &u16| {
        sum += u64::from(*weight);
        // DIV_ROUND_CLOSEST_ULL
        ((sum << 31) + total / 2) / total - 1
    };
    weights.iter().map(bound).collect()
}

proptest! {
    #[test]
    fn groups_are_divided_as_in_linux(
        weights in prop_oneof![vec(1..=256_u16, 1..20), vec(1..=u16::MAX, 1..=MAX_MEMBERS)],
        hashes in vec(0..1_u32 << 31, 20),
    ) {
        let mut writer = router();
        let members: Vec<_> = (0..NEXTHOPS)
            .cycle()
            .zip(&weights)
            .map(|(id, weight)| Member { id, weight: *weight })
            .collect();
        set(&mut writer, &Nexthop::Group(&members)).expect("room");
        let bounds = bounds(&weights);
        let mut shares = Vec::new();
        writer.shares(ID, |id, last| shares.push((id, u64::from(last))));
        let expected = members.iter().map(|member| member.id).zip(bounds.iter().copied());
        prop_assert!(expected.eq(shares));
        let edges = bounds.iter().flat_map(|bound| [*bound, bound + 1]);
        let edges = edges.filter(|hash| *hash < 1 << 31).map(|hash| hash as u32);
        for hash in hashes.into_iter().chain(edges).chain([0]) {
            let chosen = bounds.iter().position(|bound| u64::from(hash) <= *bound);
            let chosen = chosen.expect("the last one has the rest");
            let port = forwarded(hashed(&writer, hash)).port;
            prop_assert_eq!(u32::from(port - OUT), members[chosen].id);
        }
        // Nobody else has a hash, so there is no choice.
        prop_assert_eq!(trapped(decide(&writer, &to(V4), ROUTED)), Trap::Unhashed);
    }
}

#[test]
fn groups_that_can_not_be_are_refused() {
    let mut writer = router();
    let (group, other) = (ID, 51);
    let one = |id, weight| [Member { id, weight }];
    let member = Member { id: 0, weight: 1 };
    let many = [member; MAX_MEMBERS + 1];
    writer
        .set_nexthop(other, &Nexthop::Group(&[member]), stamp(0))
        .expect("room");
    let limit = MAX_MEMBERS;
    let cases = [
        (&[][..], EntryError::Members { asked: 0, limit }),
        (
            &many[..],
            EntryError::Members {
                asked: limit + 1,
                limit,
            },
        ),
        (&one(99, 1), EntryError::NoNexthop { id: 99 }),
        (&one(other, 1), EntryError::Nested { id: other }),
        (&one(group, 1), EntryError::Nested { id: group }),
        (&one(1, 0), EntryError::Weight { id: 1 }),
    ];
    for (members, error) in cases {
        assert_eq!(set(&mut writer, &Nexthop::Group(members)), Err(error));
        assert_eq!(forwarded(hashed(&writer, 0)).port, OUT, "as it was");
    }
    assert_eq!(set(&mut writer, &Nexthop::Group(&many[1..])), Ok(()));
    let key = route(ROUTED.table, prefix4([10, 0, 0, 0], 8));
    let refused = writer.set_route(&key, Action::Nexthop(99), stamp(0));
    assert_eq!(refused, Err(EntryError::NoNexthop { id: 99 }));
}

/// A nexthop may go before what leads there: that is trapped, until it is there again.
#[test]
fn what_leads_nowhere_is_trapped() {
    let (shared, mut writer) = pair(&SIZES);
    with_nexthops(&mut writer);
    let members = [1, 2].map(|id| Member { id, weight: 1 });
    set(&mut writer, &Nexthop::Group(&members)).expect("room");
    let key = route(ROUTED.table, prefix4([0; 4], 0));
    writer
        .set_route(&key, Action::Nexthop(ID), stamp(0))
        .expect("room");
    let strict = Routed {
        source: SourceCheck::Strict,
        ..ROUTED
    };
    let used = || shared.fill(Part::Nexthops).used;
    let all = used();

    writer.remove_nexthop(1, OWNER).expect("it is there");
    assert_eq!(writer.remove_nexthop(1, OWNER), Err(EntryError::NotFound));
    assert_eq!(used(), all, "it is still named");
    assert_eq!(trapped(hashed(&writer, 0)), Trap::NoNexthop);
    assert_eq!(forwarded(hashed(&writer, u32::MAX >> 1)).port, OUT + 2);
    assert_eq!(trapped(decide(&writer, &to(V4), strict)), Trap::ReversePath);
    let refused = writer.set_route(&key, Action::Nexthop(1), stamp(0));
    assert_eq!(refused, Err(EntryError::NoNexthop { id: 1 }));
    // It comes again, as another one.
    let via = Via {
        port: OUT + 7,
        source: mac(1),
        gateway: Some(super::model::gateway(7)),
    };
    writer
        .set_nexthop(1, &Nexthop::Via(via), stamp(0))
        .expect("room");
    assert_eq!(forwarded(hashed(&writer, 0)).port, OUT + 7);
    // A member that becomes a group leads nowhere.
    let other = [Member { id: 3, weight: 1 }];
    writer
        .set_nexthop(1, &Nexthop::Group(&other), stamp(0))
        .expect("room");
    assert_eq!(trapped(hashed(&writer, 0)), Trap::NoNexthop);
    writer
        .set_nexthop(1, &Nexthop::Via(via), stamp(0))
        .expect("room");

    // The group goes, its members are still there, and it goes for good with the route.
    writer.remove_nexthop(ID, OWNER).expect("it is there");
    assert_eq!(trapped(hashed(&writer, 0)), Trap::NoNexthop);
    assert_eq!(used(), all);
    writer.remove_route(&key, OWNER).expect("it is there");
    assert_eq!(used(), all - 1);
    for id in 0..NEXTHOPS {
        writer.remove_nexthop(id, OWNER).expect("it is there");
    }
    assert_eq!(used(), 0);
    let mut cursor = Cursor::START;
    while let Some(listed) = writer.next(&mut cursor, 0) {
        let is_nexthop = matches!(listed.content, engine::forward::Content::Nexthop(..));
        assert!(!is_nexthop, "{listed:?}");
    }
    drop(writer);
    assert_eq!(shared.fill(Part::Records).used, 0);
}

/// Members that were taken out go with the group that names them.
#[test]
fn members_go_with_their_group() {
    let (shared, mut writer) = pair(&SIZES);
    with_nexthops(&mut writer);
    let members: Vec<_> = (0..NEXTHOPS).map(|id| Member { id, weight: 1 }).collect();
    set(&mut writer, &Nexthop::Group(&members)).expect("room");
    for id in 0..NEXTHOPS {
        writer.remove_nexthop(id, OWNER).expect("it is there");
    }
    assert_eq!(shared.fill(Part::Nexthops).used, u64::from(NEXTHOPS) + 1);
    writer.remove_nexthop(ID, OWNER).expect("it is there");
    assert_eq!(shared.fill(Part::Nexthops).used, 0);
}

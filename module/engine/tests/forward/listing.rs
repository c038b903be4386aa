// SPDX-License-Identifier: GPL-2.0

//! Whose entries are, what they were used for, and how old ones go.

use engine::forward::{
    Action, Bridged, Content, Cursor, Decision, EntryError, IpAddress, Listed, Member,
    NeighbourKey, Nexthop, Owned, Part, Stamp, StationKey, Usage, Via,
};

use super::frames::to;
use super::model::{
    bridge, decide, gateway, mac, pair, prefix4, prefix6, route, station, with_nexthops, writer,
    HostWriter, IN, OUT, OWNER, ROUTED, SENDER, SIZES,
};

const V4: IpAddress = IpAddress::V4([203, 0, 113, 5]);

const MS: u64 = 1_000_000;

fn stamp(owner: u32, generation: u32, now: u64) -> Stamp {
    Stamp {
        owned: Owned { owner, generation },
        now,
    }
}

/// All that is there at `now`.
fn all(writer: &HostWriter, now: u64) -> Vec<Listed> {
    let mut cursor = Cursor::START;
    std::iter::from_fn(|| writer.next(&mut cursor, now)).collect()
}

const BRIDGED: Bridged = Bridged { bridge: 3, vlan: 0 };

fn group() -> [Member; 2] {
    [0, 1].map(|id| Member { id, weight: 3 })
}

/// One entry of each kind, by `stamp`.
fn one_of_each(writer: &mut HostWriter, stamp: Stamp) -> Result<Vec<Content>, EntryError> {
    let via = Via {
        port: OUT,
        source: mac(1),
        gateway: Some(gateway(0)),
    };
    writer.set_nexthop(0, &Nexthop::Via(via), stamp)?;
    writer.set_nexthop(1, &Nexthop::Via(via), stamp)?;
    writer.set_nexthop(2, &Nexthop::Group(&group()), stamp)?;
    let v4 = route(ROUTED.table, prefix4([0; 4], 0));
    let v6 = route(
        7,
        prefix6(
            [0x20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
            127,
        ),
    );
    writer.set_route(&v4, Action::Nexthop(0), stamp)?;
    writer.set_route(&v6, Action::Nexthop(2), stamp)?;
    let [of_v4, of_v6] =
        [gateway(0), IpAddress::V6([5; 16])].map(|address| NeighbourKey { port: OUT, address });
    writer.set_neighbour(&of_v4, mac(2), stamp)?;
    writer.set_neighbour(&of_v6, mac(3), stamp)?;
    let [from, to] = [SENDER, mac(4)].map(|address| station(address, BRIDGED));
    writer.set_station(&from, IN, stamp)?;
    writer.set_station(&to, OUT, stamp)?;
    Ok(vec![
        Content::Route(v4, Action::Nexthop(0)),
        Content::Route(v6, Action::Nexthop(2)),
        Content::Nexthop(0, Some(via)),
        Content::Nexthop(1, Some(via)),
        Content::Nexthop(2, None),
        Content::Neighbour(of_v4, mac(2)),
        Content::Neighbour(of_v6, mac(3)),
        Content::Station(from, IN),
        Content::Station(to, OUT),
    ])
}

#[test]
fn entries_are_listed_as_they_were_put_in() {
    let mut writer = writer(&SIZES);
    let put = one_of_each(&mut writer, stamp(OWNER, 9, 0)).expect("room");
    let listed = all(&writer, 0);
    let contents: Vec<_> = listed.iter().map(|listed| listed.content).collect();
    assert_eq!(contents, put);
    let owned = Owned {
        owner: OWNER,
        generation: 9,
    };
    let nothing = Usage::default();
    assert!(listed
        .iter()
        .all(|it| (it.owned, it.usage) == (owned, nothing)));
    let used = Part::ALL.map(|part| writer.tables().fill(part));
    let entries = used.iter().filter(|fill| fill.size < 1 << 13);
    assert_eq!(
        entries.map(|fill| fill.used).sum::<u64>(),
        9 + 2,
        "and two tables"
    );
}

/// The usage of what `is_it` finds.
fn usage(writer: &HostWriter, now: u64, is_it: impl Fn(&Content) -> bool) -> Usage {
    let listed = all(writer, now).into_iter();
    let mut usages = listed.filter(|listed| is_it(&listed.content));
    usages.next().expect("it is there").usage
}

#[test]
fn what_was_used_is_counted() {
    let (tables, mut writer) = pair(&SIZES);
    one_of_each(&mut writer, stamp(OWNER, 0, 0)).expect("room");
    let key = route(ROUTED.table, prefix4([11, 0, 0, 0], 8));
    writer
        .set_route(&key, Action::Drop, stamp(OWNER, 0, 0))
        .expect("room");

    let decision = decide(&writer, &to(V4), ROUTED);
    assert!(matches!(decision, Decision::Forward(_)));
    tables.count(&decision, 3, 300, 5000 * MS);
    tables.count(&decision, 1, 60, 7000 * MS);
    let dropped = decide(&writer, &to(IpAddress::V4([11, 1, 1, 1])), ROUTED);
    assert!(matches!(dropped, Decision::Drop(_)));
    tables.count(&dropped, 1, 70, 0);
    let mut frame = to(V4);
    frame[..6].copy_from_slice(&mac(4));
    let bridged = bridge(&writer, &frame, BRIDGED);
    assert!(matches!(bridged, Decision::Bridge(_)));
    tables.count(&bridged, 2, 128, 9000 * MS);
    // Nothing has decided this one.
    tables.count(&decide(&writer, &to(V4)[..20], ROUTED), 9, 9, 9);

    let now = 10_000 * MS;
    let at = |is_it: &dyn Fn(&Content) -> bool| {
        let Usage {
            packets,
            bytes,
            idle,
        } = usage(&writer, now, is_it);
        // To two thousandths of a second, as both times are rounded.
        (packets, bytes, (idle + 2 * MS) / (100 * MS) * 100)
    };
    let forwarded = (4, 360, 3000);
    assert_eq!(
        at(&|it| matches!(it, Content::Route(_, Action::Nexthop(0)))),
        forwarded
    );
    assert_eq!(at(&|it| matches!(it, Content::Nexthop(0, _))), forwarded);
    assert_eq!(
        at(&|it| matches!(it, Content::Neighbour(_, it) if *it == mac(2))),
        forwarded
    );
    assert_eq!(
        at(&|it| matches!(it, Content::Station(_, OUT))),
        (2, 128, 1000)
    );
    assert_eq!(
        at(&|it| matches!(it, Content::Station(_, IN))),
        (0, 0, 1000)
    );
    assert_eq!(
        at(&|it| matches!(it, Content::Route(_, Action::Drop))),
        (1, 70, 10_000)
    );
    let unused = (0, 0, 10_000);
    assert_eq!(at(&|it| matches!(it, Content::Nexthop(1, _))), unused);
    assert_eq!(
        at(&|it| matches!(it, Content::Neighbour(_, it) if *it == mac(3))),
        unused
    );

    // Who puts it in again does not begin anew, and who takes it out does.
    let default = route(ROUTED.table, prefix4([0; 4], 0));
    let again = stamp(OWNER, 1, now);
    writer
        .set_route(&default, Action::Nexthop(1), again)
        .expect("room");
    let is_it = |it: &Content| matches!(it, Content::Route(key, _) if *key == default);
    assert_eq!(usage(&writer, now, is_it).packets, 4);
    writer.remove_route(&default, OWNER).expect("it is there");
    writer
        .set_route(&default, Action::Nexthop(1), again)
        .expect("room");
    assert_eq!(usage(&writer, now, is_it), Usage::default());
}

/// A group counts, and so does its member.
#[test]
fn groups_and_members_are_counted() {
    let (tables, mut writer) = pair(&SIZES);
    with_nexthops(&mut writer);
    let group = group();
    let stamp = stamp(OWNER, 0, 0);
    writer
        .set_nexthop(40, &Nexthop::Group(&group), stamp)
        .expect("room");
    let key = route(ROUTED.table, prefix4([0; 4], 0));
    writer
        .set_route(&key, Action::Nexthop(40), stamp)
        .expect("room");
    let frame = to(V4);
    let arrived = engine::forward::Arrived {
        front: &frame,
        len: 60,
    };
    let role = engine::forward::Role::Routed(ROUTED);
    for (hash, frames) in [(0, 1), (1 << 30, 10)] {
        let by = super::model::in_port(role);
        let out = super::model::out_port(None);
        let decision = tables.decide(&arrived, &by, out, || Some(hash));
        tables.count(&decision, frames, 0, 0);
    }
    let packets = |id| {
        let is_it = |it: &Content| matches!(it, Content::Nexthop(it, _) if *it == id);
        usage(&writer, 0, is_it).packets
    };
    assert_eq!([40, 0, 1, 2].map(packets), [11, 1, 10, 0]);
}

#[test]
fn entries_belong_to_who_put_them_in() {
    let mut writer = writer(&SIZES);
    let put = one_of_each(&mut writer, stamp(1, 0, 0)).expect("room");
    let foreign = Err(EntryError::Foreign { owner: 1 });
    assert_eq!(
        one_of_each(&mut writer, stamp(2, 0, 0)).map(|_| ()),
        foreign
    );
    let StationKey {
        bridge, address, ..
    } = station(SENDER, BRIDGED);
    for content in &put {
        let stamp = stamp(2, 0, 0);
        let (set, removed) = match content {
            Content::Route(key, _) => (
                writer.set_route(key, Action::Drop, stamp),
                writer.remove_route(key, 2),
            ),
            Content::Nexthop(id, _) => (
                writer.set_nexthop(*id, &Nexthop::Group(&group()), stamp),
                writer.remove_nexthop(*id, 2),
            ),
            Content::Neighbour(key, _) => (
                writer.set_neighbour(key, mac(9), stamp),
                writer.remove_neighbour(key, 2),
            ),
            Content::Station(key, _) => (
                writer.set_station(key, 9, stamp),
                writer.remove_station(key, 2),
            ),
        };
        assert_eq!((set, removed), (foreign, foreign), "{content:?}");
    }
    let after: Vec<_> = all(&writer, 0).iter().map(|it| it.content).collect();
    assert_eq!(after, put);
    // In another VLAN it is another station.
    let vlan = 1;
    let key = StationKey {
        bridge,
        vlan,
        address,
    };
    assert_eq!(writer.set_station(&key, 1, stamp(2, 0, 0)), Ok(()));
    assert_eq!(writer.remove_station(&key, 2), Ok(()));
    assert_eq!(writer.remove_station(&key, 2), Err(EntryError::NotFound));
}

/// Sweeps until there is nothing left to look at; how many went.
fn sweep(writer: &mut HostWriter, owner: u32, generation: u32, limit: u32) -> u32 {
    let mut cursor = Cursor::START;
    let mut removed = 0;
    while let Some(more) = writer.sweep(&mut cursor, (owner, generation), limit) {
        removed += more;
    }
    removed
}

#[test]
fn what_is_older_goes() {
    for limit in [1, 4, 1000] {
        let (tables, mut writer) = pair(&SIZES);
        // The numbers of generations wrap around.
        let (old, new) = (u32::MAX, 0);
        one_of_each(&mut writer, stamp(OWNER, old, 0)).expect("room");
        let mine: Vec<_> = (0..100_u8)
            .map(|last| route(1, prefix4([10, last, 0, 0], 16)))
            .collect();
        let theirs: Vec<_> = (0..50_u8)
            .map(|last| route(1, prefix4([10, last, 1, 0], 24)))
            .collect();
        for key in &mine {
            writer
                .set_route(key, Action::Trap, stamp(OWNER, old, 0))
                .expect("room");
        }
        for key in &theirs {
            writer
                .set_route(key, Action::Trap, stamp(8, old, 0))
                .expect("room");
        }
        assert_eq!(sweep(&mut writer, OWNER, old, limit), 0, "nothing is older");
        for key in mine.iter().step_by(2) {
            writer
                .set_route(key, Action::Drop, stamp(OWNER, new, 0))
                .expect("room");
        }
        assert_eq!(sweep(&mut writer, OWNER, new, limit), 50 + 9);
        assert_eq!(sweep(&mut writer, OWNER, new, limit), 0);
        let left = all(&writer, 0);
        assert_eq!(left.len(), 50 + 50);
        let is_newer = |it: &&Listed| it.owned.owner == OWNER;
        assert!(left
            .iter()
            .filter(is_newer)
            .all(|it| it.owned.generation == new));
        assert_eq!(sweep(&mut writer, 8, new, limit), 50);
        assert_eq!(sweep(&mut writer, OWNER, new + 1, limit), 50);
        assert!(all(&writer, 0).is_empty());
        drop(writer);
        for part in Part::ALL {
            let spare = match part {
                Part::Nodes4 | Part::Nodes6 => super::million::SPARE,
                _ => 0,
            };
            assert_eq!(tables.fill(part).used, spare, "{}", part.name());
        }
    }
}

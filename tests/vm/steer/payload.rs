// SPDX-License-Identifier: GPL-2.0

//! Rules that look at two bytes of what packets carry (`user-def`).

use std::net::UdpSocket;
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::UdpGsoSegment;
use offload_tests::cable::{at_both_ends, Cable};
use offload_tests::link::{Link, Statistics};
use offload_tests::netns::enter;
use offload_tests::nic::set_profile;
use offload_tests::{env, streams};
use offload_uapi::{limits, stats};

use crate::packet::{Network, Packet, ESP, GRE, SCTP, TCP, UDP};
use crate::rules::stand;

const QUEUES: u32 = 4;

fn carries(packet: Packet, payload: &[u8]) -> Packet {
    Packet {
        payload: payload.to_vec(),
        ..packet
    }
}

/// What a rule looks at: its words, frames that it has and others.
fn cases() -> Vec<(String, Vec<Packet>, Vec<Packet>)> {
    let v4 = |protocol, payload: &[u8]| carries(Packet::v4(protocol, [1000, 7]), payload);
    let v6 = |protocol, payload: &[u8]| carries(Packet::v6(protocol, [1000, 7]), payload);
    let at = |offset: usize, bytes: [u8; 2]| [&vec![9; offset][..], &bytes].concat();
    let last = usize::from(limits::MAX_PAYLOAD_OFFSET);
    // With all that there may be before it, that is far behind.
    let long = |payload: &[u8]| Packet {
        tags: vec![(0x88a8, 1), (0x8100, 2)],
        network: Network::V6 {
            source: [0xfd; 16],
            destination: [0xfe; 16],
            label: 5,
            extensions: vec![0, 60, 43],
        },
        ..v6(TCP, payload)
    };
    let fragment = |packet| Packet {
        is_fragment: true,
        ..packet
    };
    vec![
        (
            "udp4 user-def 0xbeef".to_owned(),
            vec![v4(UDP, &[0xbe, 0xef]), v4(UDP, &[0xbe, 0xef, 1])],
            vec![
                v4(UDP, &[0xbe, 0xee]),
                v4(UDP, &[0, 0xbe, 0xef]),
                v4(UDP, &[0xbe]),
                v4(TCP, &[0xbe, 0xef]),
                v6(UDP, &[0xbe, 0xef]),
                fragment(v4(UDP, &[0xbe, 0xef])),
            ],
        ),
        (
            "udp4 dst-port 7 user-def 0x3beef m 0xff".to_owned(),
            vec![v4(UDP, &at(3, [0xbe, 0xef])), v4(UDP, &at(3, [0xbe, 1]))],
            vec![
                v4(UDP, &at(3, [0xbf, 0xef])),
                v4(UDP, &at(2, [0xbe, 0xef])),
                carries(Packet::v4(UDP, [1000, 8]), &at(3, [0xbe, 0xef])),
            ],
        ),
        (
            format!("tcp6 user-def {:#x}", last << 16 | 0x1234),
            vec![
                v6(TCP, &at(last, [0x12, 0x34])),
                long(&at(last, [0x12, 0x34])),
            ],
            vec![
                v6(TCP, &at(last - 1, [0x12, 0x34])),
                long(&at(last, [0x12, 0x35])),
                v4(TCP, &at(last, [0x12, 0x34])),
            ],
        ),
        (
            "sctp4 user-def 0x20001".to_owned(),
            vec![v4(SCTP, &at(2, [0, 1]))],
            vec![v4(SCTP, &at(3, [0, 1])), v4(UDP, &at(2, [0, 1]))],
        ),
        // Behind the IP header, whatever begins there: for UDP the checksum is at 6.
        (
            "ip4 user-def 0x66161".to_owned(),
            vec![v4(UDP, &[1]), v4(GRE, &at(2, [0x61, 0x61]))],
            vec![v4(GRE, &at(3, [0x61, 0x61])), fragment(v4(UDP, &[1]))],
        ),
        (
            "ip6 l4proto 50 user-def 0x47777".to_owned(),
            vec![v6(ESP, &[0x77; 4])],
            vec![v6(ESP, &[0x78; 4]), v6(GRE, &[0x77; 4])],
        ),
    ]
}

#[test]
fn bytes_at_an_offset() -> Result<()> {
    let mut stand = stand()?;
    stand.expect_each(cases())?;
    // Beside others, and the lowest location counts.
    let [one, two] = [1, 2].map(|byte| carries(Packet::v4(UDP, [1, 7]), &[0, byte, 0, 3]));
    stand.rule("flow-type udp4 user-def 0x1 action 1 loc 5")?;
    stand.rule("flow-type udp4 user-def 0x2 action -1 loc 6")?;
    stand.rule("flow-type udp4 user-def 0x20003 action 2 loc 4")?;
    stand.rule("flow-type udp4 dst-port 7 action 3 loc 9")?;
    let queues = |stand: &mut crate::stand::Stand| stand.queues(&[one.clone(), two.clone()]);
    let found = queues(&mut stand)?;
    ensure!(found == [Some(2), Some(2)], "{found:?}");
    stand.delete(4)?;
    let found = queues(&mut stand)?;
    ensure!(found == [Some(1), None], "{found:?}");
    stand.ethtool("-K", "ntuple off").run()?;
    let found = queues(&mut stand)?;
    ensure!(found == [Some(0), Some(0)], "switched off: {found:?}");
    stand.ethtool("-K", "ntuple on").run()?;
    for location in [5, 6] {
        stand.delete(location)?;
    }
    let found = queues(&mut stand)?;
    ensure!(found == [Some(3), Some(3)], "{found:?}");

    // By a context, which has all of its frames at once.
    let context = stand.context("start 1 equal 1")?;
    stand.rule(&format!(
        "flow-type udp4 user-def 0x1 context {context} action 1 loc 5"
    ))?;
    let found = queues(&mut stand)?;
    ensure!(found == [Some(2), Some(3)], "{found:?}");
    Ok(())
}

/// A cable with addresses at both ends, as it is in use: super-frames lie on it as one.
fn in_use() -> Result<Cable> {
    let cable = Cable::onic_with_queues(QUEUES, 1500)?;
    at_both_ends(
        &cable.near,
        &cable.far,
        &[
            "ip address add 10.7.0.@/24 dev PORT",
            "ip link set dev PORT arp on promisc off",
            "ethtool -K PORT rx on tx on gso on tso on gro on tx-udp-segmentation on",
        ],
    )?;
    let far = &cable.far;
    far.cmd(format!("ethtool -X {} equal 1", far.name)).run()?;
    Ok(cable)
}

/// What each queue of the far end has got since.
fn by_queue(now: &Statistics, before: &Statistics) -> Result<Vec<u64>> {
    let names = (0..QUEUES).map(|queue| format!("rx{queue}_packets"));
    names.map(|name| now.since(before, &name)).collect()
}

/// Each datagram of what was sent at once goes its own way, whoever cuts it.
#[test]
fn what_was_sent_at_once_is_parted() -> Result<()> {
    let rule = |far: &Link, rule: &str| -> Result<()> {
        far.cmd(format!("ethtool -N {} flow-type udp4 {rule}", far.name))
            .run()
            .map(drop)
    };
    is_parted(
        &|far| {
            for words in [
                "user-def 0x2 action 1 loc 1",
                "user-def 0x3 action -1 loc 2",
                "user-def 0x4 action 3 loc 3",
                "user-def 0x6 action 0 loc 4",
            ] {
                rule(far, words)?;
            }
            Ok(())
        },
        &|far, drops| {
            let action = if drops { -1 } else { 2 };
            rule(far, &format!("dst-port 7 action {action} loc 9"))
        },
    )
}

/// Datagrams to port 7 begin with their number; of eight that are sent at once, 2 goes to queue 1, 3 is dropped,
/// 4 goes to queue 3 and 6 to queue 0, as `set` has it, and all others to queue 2, or are dropped, as `set_others`
/// has it, which does not keep any from its own.
pub(crate) fn is_parted(
    set: &dyn Fn(&Link) -> Result<()>,
    set_others: &dyn Fn(&Link, bool) -> Result<()>,
) -> Result<()> {
    let cable = in_use()?;
    let (near, far) = (&cable.near, &cable.far);
    let socket = |link: &Link, address: &'static str| {
        enter(link.ns.as_deref(), move || Ok(UdpSocket::bind(address)?))
    };
    let (sender, receiver) = (socket(near, "10.7.0.1:7")?, socket(far, "10.7.0.2:7")?);
    sender.connect("10.7.0.2:7")?;
    receiver.set_read_timeout(Some(Duration::from_secs(60)))?;
    // So that the two know each other.
    sender.send(&[9])?;
    receiver.recv(&mut [0; 8]).context("the first datagram")?;

    set(far)?;
    const SEGMENT: usize = 1000;
    const SEGMENTS: u8 = 8;
    let bytes: Vec<u8> = (1..=SEGMENTS)
        .flat_map(|number| {
            let mut segment = vec![number; SEGMENT];
            segment[0] = 0;
            segment
        })
        .collect();
    setsockopt(&sender, UdpGsoSegment, &i32::try_from(SEGMENT)?)?;
    for (profile, drops_others) in [
        ("programmable", false),
        ("none", false),
        ("programmable", true),
        ("legacy", true),
    ] {
        set_profile(0, profile)?;
        set_others(far, drops_others)?;
        let before = (near.statistics()?, far.statistics()?);
        const TIMES: u64 = 20;
        for _ in 0..TIMES {
            sender.send(&bytes)?;
            let mut arrived = Vec::new();
            let expected = if drops_others { 3 } else { 7 };
            while arrived.len() < expected {
                let mut datagram = vec![0; 2 * SEGMENT];
                let len = receiver.recv(&mut datagram).context(profile)?;
                let number = datagram[1];
                let is_same = datagram[1..len].iter().all(|byte| *byte == number);
                ensure!(len == SEGMENT && is_same, "{number}: {len} bytes");
                arrived.push(number);
            }
            arrived.sort_unstable();
            let expected = if drops_others {
                vec![2, 4, 6]
            } else {
                vec![1, 2, 4, 5, 6, 7, 8]
            };
            ensure!(arrived == expected, "{profile}: {arrived:?}");
        }
        let (near, far) = (near.statistics()?, far.statistics()?);
        let cut = near.since(&before.0, stats::TX_HW_GSO_PACKETS)?;
        let at_once = if profile == "programmable" { TIMES } else { 0 };
        ensure!(cut == at_once, "{profile}: {cut} cut by the device");
        let found = by_queue(&far, &before.1)?;
        let (others, dropped) = if drops_others { (0, 5) } else { (4, 1) };
        let expected = [1, 1, others, 1].map(|each| each * TIMES);
        ensure!(found == expected, "{profile}: {found:?}, not {expected:?}");
        let lost = far.since(&before.1, stats::RX_RULE_DROPPED)?;
        ensure!(lost == dropped * TIMES, "{profile}: {lost} dropped");
        let other = far.since(&before.1, stats::XDP_HW_QUEUE_RING_FULL_DROPS)?;
        ensure!(other == 0, "{profile}: {other} lost between queues");
    }
    Ok(())
}

fn ethtool(far: &Link, args: &str) -> Result<()> {
    let (verb, rest) = args.split_once(' ').context("a verb")?;
    far.cmd(format!("ethtool {verb} {} {rest}", far.name))
        .run()
        .map(drop)
}

#[test]
fn a_stream_in_two_queues() -> Result<()> {
    is_shared(
        &|far| {
            ethtool(
                far,
                "-N flow-type tcp4 user-def 0x1 m 0xfffe action 2 loc 1",
            )
        },
        &|far| ethtool(far, "-N delete 1"),
    )
}

/// A stream that queue 2 shares, by one bit of its segments, as `set` has it, is as it was sent, whatever each of
/// the queues puts together; what could have stayed whole has not, until `unset`.
pub(crate) fn is_shared(
    set: &dyn Fn(&Link) -> Result<()>,
    unset: &dyn Fn(&Link) -> Result<()>,
) -> Result<()> {
    let cable = in_use()?;
    let (near, far) = (&cable.near, &cable.far);
    ethtool(far, "-K rx-gro-hw on")?;
    set(far)?;
    let before = far.statistics()?;
    let len = if env::is_slow() { 1 << 20 } else { 8 << 20 };
    streams::tcp(near, far, "10.7.0.2".parse()?, len)?;
    let now = far.statistics()?;
    let found = by_queue(&now, &before)?;
    let [first, second] = [found[0], found[2]];
    let sum = first + second;
    ensure!(
        first > sum / 10 && second > sum / 10 && found[1] == 0 && found[3] == 0,
        "{found:?}"
    );

    // Nobody looks there any more.
    unset(far)?;
    let before = far.statistics()?;
    streams::tcp(near, far, "10.7.0.2".parse()?, len)?;
    let now = far.statistics()?;
    let found = by_queue(&now, &before)?;
    ensure!(found[1..].iter().all(|count| *count == 0), "{found:?}");
    let whole = now.since(&before, stats::RX_HW_GRO_PACKETS)?;
    ensure!(whole > 0, "none stays whole");
    Ok(())
}

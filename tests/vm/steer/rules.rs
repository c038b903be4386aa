// SPDX-License-Identifier: GPL-2.0

//! Rules (`ethtool -N`), contexts (`ethtool -X`) and what keeps users from what can't be.

use std::collections::BTreeSet;
use std::fmt::Display;

use anyhow::{ensure, Context, Result};
use offload_tests::command::says;
use offload_tests::kmsg::Moment;
use offload_uapi::{limits, stats};

use crate::packet::{Network, Packet, AH, ESP, GRE, ICMP, SCTP, TCP, UDP};
use crate::stand::{Seen, Stand};
use crate::toeplitz::toeplitz;

const QUEUES: u32 = 4;

/// A port that has all come by queue 0 that no rule has.
pub(crate) fn stand() -> Result<Stand> {
    let stand = Stand::new(QUEUES)?;
    stand.ethtool("-X", "equal 1").run()?;
    Ok(stand)
}

impl Stand {
    /// Adds a rule.
    pub(crate) fn rule(&self, rule: &str) -> Result<()> {
        self.ethtool("-N", rule).run().map(drop)
    }

    pub(crate) fn delete(&self, location: u32) -> Result<()> {
        self.rule(&format!("delete {location}"))
    }

    /// Makes a context; its number.
    pub(crate) fn context(&self, args: &str) -> Result<u32> {
        let said = self.ethtool("-X", &format!("context new {args}")).run()?;
        let number = said.split_whitespace().last().context("nothing said")?;
        number.parse().with_context(|| said.clone())
    }

    /// Of each case, the words of a rule, frames that it has and others, the rule at location 5 has what it is
    /// to have.
    pub(crate) fn expect_each<W: Display>(
        &mut self,
        cases: Vec<(W, Vec<Packet>, Vec<Packet>)>,
    ) -> Result<()> {
        for (words, its, others) in cases {
            self.rule(&format!("flow-type {words} action 3 loc 5"))?;
            let queues = [vec![3; its.len()], vec![0; others.len()]].concat();
            self.expect(&[its, others].concat(), &queues)
                .with_context(|| words.to_string())?;
        }
        Ok(())
    }

    /// The frames come by these queues, in turn.
    pub(crate) fn expect(&mut self, packets: &[Packet], queues: &[u32]) -> Result<()> {
        let found = self.queues(packets)?;
        let expected: Vec<_> = queues.iter().copied().map(Some).collect();
        ensure!(found == expected, "by {found:?}, not {expected:?}");
        Ok(())
    }

    /// All that users see of what steers.
    fn shown(&self) -> Result<[String; 2]> {
        Ok([self.ethtool("-x", "").run()?, self.ethtool("-n", "").run()?])
    }
}

/// What is hashed of a datagram as long as nobody wants anything else.
fn four_tuple(packet: &Packet) -> Result<Vec<u8>> {
    let (source, destination) = packet.addresses().context("no addresses")?;
    let ports = packet.known_ports().context("no ports")?;
    Ok([source, destination, ports.map(u16::to_be_bytes).concat()].concat())
}

fn datagram(destination: u16) -> Packet {
    Packet::v4(UDP, [1000, destination])
}

#[test]
fn the_lowest_location_counts() -> Result<()> {
    let mut stand = stand()?;
    let packets = [datagram(53), datagram(54)];
    stand.expect(&packets, &[0, 0])?;
    stand.rule("flow-type udp4 dst-port 53 action 1 loc 20")?;
    stand.rule("flow-type udp4 src-ip 10.0.0.1 action 2 loc 10")?;
    stand.expect(&packets, &[2, 2]).context("both rules")?;
    stand.delete(10)?;
    stand.expect(&packets, &[1, 0]).context("one is deleted")?;
    // In the place of another.
    stand.rule("flow-type udp4 dst-port 54 action 3 loc 20")?;
    stand.expect(&packets, &[0, 3]).context("replaced")?;
    stand.rule("flow-type udp4 action 1 loc 16383")?;
    stand
        .expect(&packets, &[1, 3])
        .context("the last location")?;

    let far = stand.cable.far.clone();
    far.set("down").run()?;
    far.set("up").run()?;
    far.await_carrier()?;
    stand.cable.near.await_carrier()?;
    stand.expect(&packets, &[1, 3]).context("down and up")?;

    let [_, listed] = stand.shown()?;
    stand.ethtool("-K", "ntuple off").run()?;
    stand.expect(&packets, &[0, 0]).context("switched off")?;
    stand.ethtool("-K", "ntuple on").run()?;
    stand.expect(&packets, &[1, 3]).context("switched on")?;
    let [_, now] = stand.shown()?;
    ensure!(listed == now, "rules were {listed}, are {now}");
    says(&now, &["Total 2 rules"])
}

/// What a rule looks at: its words, frames that it has and others.
type Case = (&'static str, Vec<Packet>, Vec<Packet>);

fn cases() -> Vec<Case> {
    let tagged = |tpid, tci| Packet {
        tags: vec![(tpid, tci)],
        ..datagram(7)
    };
    let to = |last| Packet {
        destination: [2, 0, 0, 0, 1, last],
        ..datagram(7)
    };
    let fragment = |packet| Packet {
        is_fragment: true,
        ..packet
    };
    let service = |tos, packet| Packet { tos, ..packet };
    // `ethtool` wants the bits of a mask that do not count.
    vec![
        (
            "udp4 dst-port 0x1200 m 0x00ff",
            vec![datagram(0x1200), datagram(0x12ff)],
            vec![datagram(0x1300), Packet::v4(TCP, [1, 0x1200])],
        ),
        (
            "tcp4 src-ip 10.0.0.77 m 0.0.0.255 src-port 8",
            vec![Packet::v4(TCP, [8, 9])],
            vec![Packet::v4(TCP, [9, 8]), Packet::v4(UDP, [8, 9])],
        ),
        (
            "udp4 dst-ip 10.0.1.2 m 0.0.1.0",
            vec![datagram(1)],
            vec![Packet {
                network: Network::V4 {
                    source: [10, 0, 0, 1],
                    destination: [10, 0, 2, 2],
                    options: 0,
                },
                ..datagram(1)
            }],
        ),
        (
            "udp4 dst-port 7",
            vec![datagram(7), tagged(0x8100, 1)],
            vec![fragment(datagram(7)), Packet::v6(UDP, [1000, 7])],
        ),
        (
            "udp4 vlan 0x0005 m 0xf000",
            vec![tagged(0x8100, 0x0005), tagged(0x88a8, 0x6005)],
            vec![tagged(0x8100, 0x0006), datagram(7)],
        ),
        (
            "udp4 vlan-etype 0x88a8",
            vec![tagged(0x88a8, 3)],
            vec![tagged(0x8100, 3), datagram(7)],
        ),
        (
            "udp4 dst-mac 02:00:00:00:01:09",
            vec![to(9)],
            vec![to(8), datagram(7)],
        ),
        (
            "ether dst 02:00:00:00:01:00 m 00:00:00:00:00:0f",
            vec![to(9), to(1)],
            vec![to(0x10), datagram(7)],
        ),
        (
            "ether proto 0x0806",
            vec![Packet::other(0x0806)],
            vec![Packet::other(0x0807), datagram(7)],
        ),
        (
            "ip4 l4proto 47",
            vec![Packet::v4(GRE, [0, 1]), fragment(Packet::v4(GRE, [0, 1]))],
            vec![Packet::v4(ICMP, [0, 1]), Packet::v6(GRE, [0, 1])],
        ),
        (
            "ip6 dst-ip fd00::2",
            vec![Packet::v6(UDP, [1, 2]), fragment(Packet::v6(ICMP, [1, 2]))],
            vec![datagram(7)],
        ),
        (
            "tcp6 src-ip fd00::1 dst-port 80",
            vec![Packet::v6(TCP, [1, 80])],
            vec![Packet::v6(TCP, [80, 1]), Packet::v6(UDP, [1, 80])],
        ),
        (
            "udp6 tclass 0x20 m 0x3",
            vec![
                service(0x20, Packet::v6(UDP, [1, 2])),
                service(0x23, Packet::v6(UDP, [1, 2])),
            ],
            vec![
                service(0x24, Packet::v6(UDP, [1, 2])),
                service(0x20, datagram(7)),
            ],
        ),
        (
            "sctp4 tos 8",
            vec![service(8, Packet::v4(SCTP, [1, 2]))],
            vec![Packet::v4(SCTP, [1, 2]), service(8, datagram(7))],
        ),
        (
            "esp4 spi 0x00010002",
            vec![Packet::v4(ESP, [1, 2])],
            vec![Packet::v4(ESP, [1, 3]), Packet::v4(AH, [1, 2])],
        ),
        (
            "ah6 spi 0x00010002",
            vec![Packet::v6(AH, [1, 2])],
            vec![Packet::v6(AH, [2, 2]), Packet::v6(ESP, [1, 2])],
        ),
    ]
}

#[test]
fn fields_and_masks() -> Result<()> {
    let mut stand = stand()?;
    stand.expect_each(cases())?;
    stand.delete(5)
}

#[test]
fn rules_are_shown_as_they_were_given() -> Result<()> {
    let stand = Stand::new(QUEUES)?;
    let context = stand.context("equal 2")?;
    let to_context = format!("context {context} action 1 loc 9");
    for (rule, location, lines) in [
        (
            "tcp4 src-ip 10.1.2.3 m 0.0.0.255 dst-port 80 m 0xf action 2 loc 7",
            7,
            vec![
                "Rule Type: TCP over IPv4",
                "Src IP addr: 10.1.2.3 mask: 0.0.0.255",
                "Dest IP addr: 0.0.0.0 mask: 255.255.255.255",
                "Src port: 0 mask: 0xffff",
                "Dest port: 80 mask: 0xf",
                "Action: Direct to queue 2",
            ],
        ),
        (
            "udp6 dst-ip fd00::7 vlan 0x5 m 0xf000 dst-mac 02:00:00:00:01:09 action -1 loc 8",
            8,
            vec![
                "Rule Type: UDP over IPv6",
                "Dest IP addr: fd00::7 mask: ::",
                "VLAN: 0x5 mask: 0xf000",
                // The one mask that `ethtool` shows as the kernel has it.
                "Dest MAC addr: 02:00:00:00:01:09 mask: FF:FF:FF:FF:FF:FF",
                "Action: Drop",
            ],
        ),
        (
            &*format!("esp4 spi 0x10002 tos 4 {to_context}"),
            9,
            vec![
                "Rule Type: IPSEC ESP over IPv4",
                "SPI: 65538 mask: 0x0",
                "TOS: 0x4 mask: 0x0",
                &format!("Action: Direct to RSS Context {context} (queue base offset: 1)"),
            ],
        ),
        (
            "tcp4 dst-port 80 user-def 0x3e00ab m 0xff00 action 3 loc 10",
            10,
            vec![
                "Dest port: 80 mask: 0x0",
                "User-defined: 0x3e00ab mask: 0xff00",
                "Action: Direct to queue 3",
            ],
        ),
        (
            "ip6 vlan 0x5 m 0xf000 user-def 0x1beef action 1 loc 11",
            11,
            vec!["VLAN: 0x5 mask: 0xf000", "User-defined: 0x1beef mask: 0x0"],
        ),
        (
            "ether proto 0x88cc dst 01:80:c2:00:00:0e action 0 loc 0",
            0,
            vec![
                "Flow Type: Raw Ethernet",
                "Dest MAC addr: 01:80:C2:00:00:0E mask: 00:00:00:00:00:00",
                "Ethertype: 0x88CC mask: 0x0",
                "Action: Direct to queue 0",
            ],
        ),
    ] {
        stand.rule(&format!("flow-type {rule}"))?;
        let shown = stand.ethtool("-n", &format!("rule {location}")).run()?;
        for line in [format!("Filter: {location}")]
            .iter()
            .map(|line| &**line)
            .chain(lines)
        {
            says(&shown, &[line]).with_context(|| rule.to_owned())?;
        }
    }
    let listed = stand.ethtool("-n", "").run()?;
    let filters = listed
        .lines()
        .filter_map(|line| line.strip_prefix("Filter: "));
    let filters: BTreeSet<_> = filters.collect();
    ensure!(
        filters == BTreeSet::from(["0", "7", "8", "9", "10", "11"]),
        "{listed}"
    );
    says(&listed, &["4 RX rings available"])?;
    says(&listed, &["Total 6 rules"])
}

/// Also more frames than a ring has room for do not hold the sender back.
#[test]
fn frames_that_a_rule_drops() -> Result<()> {
    let mut stand = stand()?;
    let size = limits::MIN_RING;
    stand.ethtool("-G", &format!("rx {size}")).run()?;
    stand.rule("flow-type udp4 dst-port 99 action -1 loc 3")?;
    stand.rule("flow-type udp4 action 2 loc 4")?;
    let packets: Vec<_> = (0..20 * size)
        .map(|number| datagram(99 + u16::from(number % 10 == 9)))
        .collect();
    let (near, far) = (stand.cable.near.clone(), stand.cable.far.clone());
    let before = (near.statistics()?, far.statistics()?);
    let queues = stand.queues(&packets)?;
    for (packet, queue) in packets.iter().zip(queues) {
        let expected = (packet.ports[1] != 99).then_some(2);
        ensure!(queue == expected, "{:?} by {queue:?}", packet.ports);
    }
    let dropped = packets
        .iter()
        .filter(|packet| packet.ports[1] == 99)
        .count() as u64;
    let now = (near.statistics()?, far.statistics()?);
    let counted = now.1.since(&before.1, stats::RX_RULE_DROPPED)?;
    ensure!(counted == dropped, "{counted} counted of {dropped}");
    let by_rule = format!("{}rule", stats::RX_STEERED_PREFIX);
    let others = now.1.since(&before.1, &by_rule)?;
    ensure!(
        others == packets.len() as u64 - dropped,
        "{others} by a rule"
    );
    for (now, before) in [(&now.0, &before.0), (&now.1, &before.1)] {
        let lost = |counters: &offload_tests::link::Statistics| {
            counters.sum(|name| name.ends_with("_drops"))
        };
        ensure!(
            lost(now) == lost(before),
            "lost by another counter: {now:?}"
        );
    }
    // All of them were sent.
    let device = now.1.since(&before.1, stats::RX_DEVICE_FRAMES)?;
    ensure!(device == others, "{device} taken from the cable");
    Ok(())
}

/// But for those that a rule has; also where there is one queue, so that nobody would look.
#[test]
fn frames_of_a_type_that_the_user_drops() -> Result<()> {
    let mut stand = stand()?;
    let packets = [datagram(5), Packet::v4(TCP, [1, 5]), datagram(6)];
    stand.rule("rx-flow-hash udp4 r")?;
    stand.rule("flow-type udp4 dst-port 6 action 2 loc 1")?;
    let before = stand.cable.far.statistics()?;
    let queues = stand.queues(&packets)?;
    ensure!(queues == [None, Some(0), Some(2)], "{queues:?}");
    let now = stand.cable.far.statistics()?;
    let dropped = now.since(&before, stats::RX_FLOW_TYPE_DROPPED)?;
    ensure!(dropped == 1, "{dropped} dropped for their type");
    says(
        &stand.ethtool("-n", "rx-flow-hash udp4").run()?,
        &["discarded on RX"],
    )?;
    stand.delete(1)?;
    stand.ethtool("-L", "combined 1").run()?;
    let queues = stand.queues(&packets)?;
    ensure!(queues == [None, Some(0), None], "{queues:?}");
    stand.rule("rx-flow-hash udp4 sdfn")?;
    stand.expect(&packets, &[0, 0, 0])
}

#[test]
fn contexts_and_offsets() -> Result<()> {
    let mut stand = stand()?;
    let context = stand.context("equal 2")?;
    let rule = format!("flow-type udp4 dst-port 5 context {context}");
    stand.rule(&format!("{rule} loc 1"))?;
    // Of all bits, as not every key makes the last bit of a hash depend on some few.
    let ports = (0..64).map(|number| number * 1021);
    let packets: Vec<_> = ports.map(|port| Packet::v4(UDP, [port, 5])).collect();
    for offset in [0, 2] {
        stand.rule(&format!("{rule} action {offset} loc 1"))?;
        let mut seen = BTreeSet::new();
        for (packet, found) in packets.iter().zip(stand.send(&packets)?) {
            let found = found.context("nothing came")?;
            // The table, of an even number of entries, has 0 and 1 in turn.
            let expected = offset + found.hash % 2;
            ensure!(
                found.queue == expected,
                "{packet:?}: {found:?}, not {expected}"
            );
            seen.insert(found.queue);
        }
        ensure!(seen == BTreeSet::from([offset, offset + 1]), "{seen:?}");
        // What the rule does not have.
        stand.expect(&[datagram(6)], &[0])?;
    }

    // Another table.
    let change = format!("context {context} weight 0 1");
    stand.ethtool("-X", &change).run()?;
    let queues = stand.queues(&packets)?;
    ensure!(queues.iter().all(|queue| *queue == Some(3)), "{queues:?}");
    // Another key chooses the queue, and the stack is told its hash.
    let before = stand.send(&packets)?;
    let key = vec!["5a"; 56].join(":");
    let change = format!("context {context} equal 2 hkey {key}");
    stand.ethtool("-X", &change).run()?;
    let after = stand.send(&packets)?;
    let mut queues = BTreeSet::new();
    for ((packet, before), after) in packets.iter().zip(before).zip(after) {
        let hash = toeplitz(&[0x5a; 56], &four_tuple(packet)?);
        let expected = before.map(|_| Seen {
            queue: 2 + hash % 2,
            hash,
        });
        ensure!(after == expected, "{packet:?}: {after:?}, not {expected:?}");
        queues.insert(2 + hash % 2);
    }
    ensure!(queues == BTreeSet::from([2, 3]), "{queues:?}");

    // As long as a rule names it.
    let shown = stand.shown()?;
    let delete = format!("context {context} delete");
    says(&stand.ethtool("-X", &delete).refused()?, &["busy"])?;
    ensure!(stand.shown()? == shown, "something has changed");
    stand.delete(1)?;
    stand.ethtool("-X", &delete).run()?;
    stand
        .rule(&format!("{rule} loc 1"))
        .err()
        .context("a context that is gone")?;
    stand.expect(&packets[..1], &[0])
}

#[test]
fn what_cannot_be_is_refused_by_name_and_changes_nothing() -> Result<()> {
    // Every refusal is to be in the kernel's log, however many there were of late.
    std::fs::write("/proc/sys/net/core/message_cost", "0")?;
    let stand = Stand::new(QUEUES)?;
    let context = stand.context("equal 2")?;
    stand.rule(&format!(
        "flow-type udp4 dst-port 5 context {context} loc 1"
    ))?;
    stand.rule("flow-type udp4 dst-port 6 action 3 loc 2")?;
    let shown = stand.shown()?;
    let rule = "flow-type udp4 dst-port 7";
    let last = limits::MAX_RULES - 1;
    let beyond_offset = (u32::from(limits::MAX_PAYLOAD_OFFSET) + 1) << 16 | 1;
    let beyond = format!("location {} is beyond the last one, {last}", last + 1);
    // What the kernel's log says: to these requests there is no other answer than a number.
    for (verb, args, logged) in [
        (
            "-N",
            format!("{rule} action 4 loc 3"),
            "queue 4 is none of the 4 that are in use",
        ),
        ("-N", format!("{rule} action 1 loc {}", last + 1), &beyond),
        (
            "-N",
            format!("{rule} user-def {beyond_offset:#x} action 1 loc 3"),
            "user-def 0x3f0001: offset 63 is beyond the last one, 62",
        ),
        (
            "-N",
            format!("{rule} user-def 0xffff0001 action 1 loc 3"),
            "user-def 0xffff0001: offset 65535 is beyond the last one, 62",
        ),
        (
            "-N",
            format!("{rule} user-def 0x100040001 action 1 loc 3"),
            "user-def 0x100040001: bits 32 to 47 and 63 mean nothing, and have to be 0",
        ),
        (
            "-N",
            format!("{rule} user-def 0x40001 m 0x20000 action 1 loc 3"),
            "user-def m 0x20000: bits 16 to 31 are an offset, of which all have to count",
        ),
        (
            "-N",
            format!("{rule} user-def 0x40001 m 0xffff action 1 loc 3"),
            "user-def m 0xffff: bits 0 to 15 are what a frame is to have, and none counts",
        ),
        (
            "-N",
            "flow-type esp4 user-def 0x1 action 1 loc 3".to_owned(),
            "user-def: only what tcp, udp, sctp and ip carry, version 4 or 6, is looked at",
        ),
        (
            "-N",
            "flow-type ether proto 0x0806 user-def 0x1 action 1 loc 3".to_owned(),
            "user-def: only what tcp, udp, sctp and ip carry",
        ),
        ("-N", format!("{rule} context {} loc 3", context + 1), ""),
        ("-N", "delete 3".to_owned(), ""),
        ("-N", format!("delete {}", last + 1), ""),
        (
            "-N",
            "rx-flow-hash tcp4 e".to_owned(),
            "fields refused: a field that",
        ),
        (
            "-N",
            "rx-flow-hash gtpu4 sd".to_owned(),
            "fields refused: GTP is UDP to this device",
        ),
        ("-X", format!("context {context} delete"), ""),
        ("-X", format!("context {} equal 2", context + 1), ""),
        ("-X", format!("context {} delete", context + 1), ""),
        ("-X", "equal 5".to_owned(), ""),
        ("-X", "weight 0 0 0 0 1".to_owned(), ""),
        ("-X", format!("context {context} equal 5"), ""),
        ("-X", "hkey 01:02:03".to_owned(), ""),
        ("-X", "hfunc xor".to_owned(), ""),
    ] {
        let moment = Moment::now()?;
        let said = stand.ethtool(verb, &args).refused()?;
        let log = moment.log()?;
        if !logged.is_empty() {
            says(&log, &[&stand.cable.far.name, logged]).context(args.clone())?;
        }
        let now = stand.shown()?;
        ensure!(
            now == shown,
            "{args}: refused ({said}), but from {shown:?} to {now:?}"
        );
    }
    Ok(())
}

/// A table that nobody has set follows the number of queues; what users have set must fit.
#[test]
fn the_number_of_queues() -> Result<()> {
    let mut stand = Stand::new(QUEUES)?;
    let ports = (0..200).map(|number| number * 327);
    let packets: Vec<_> = ports.map(|port| Packet::v4(UDP, [port, 5])).collect();
    let by = |stand: &mut Stand| -> Result<BTreeSet<u32>> {
        Ok(stand.queues(&packets)?.into_iter().flatten().collect())
    };
    let channels = |stand: &Stand, count| stand.ethtool("-L", &format!("combined {count}"));
    for count in [2, 4, 3, 1, 4] {
        channels(&stand, count).run()?;
        let queues = by(&mut stand)?;
        ensure!(
            queues == (0..count).collect(),
            "{count} in use, frames by {queues:?}"
        );
        let (table, _) = stand.spread()?;
        let even = (0..count).cycle().take(table.len());
        ensure!(even.eq(table.iter().copied()), "{count}: {table:?}");
    }

    let refused = |stand: &Stand, words: &str| -> Result<()> {
        let shown = stand.shown()?;
        says(
            &channels(stand, 3).refused()?,
            &["too low for existing", words],
        )?;
        ensure!(stand.shown()? == shown, "something has changed");
        Ok(())
    };
    stand.ethtool("-X", "weight 1 1 0 1").run()?;
    refused(&stand, "indirection table")?;
    stand.ethtool("-X", "equal 2").run()?;
    channels(&stand, 3).run()?;
    // Set by the user, it stays.
    channels(&stand, 4).run()?;
    let queues = by(&mut stand)?;
    ensure!(queues == BTreeSet::from([0, 1]), "{queues:?}");

    stand.rule("flow-type udp4 dst-port 6 action 3 loc 2")?;
    refused(&stand, "ntuple")?;
    stand.delete(2)?;
    let context = stand.context("weight 0 0 0 1")?;
    refused(&stand, "indirection table")?;
    // Its table and what the rule adds.
    stand
        .ethtool("-X", &format!("context {context} equal 2"))
        .run()?;
    stand.rule(&format!(
        "flow-type udp4 dst-port 6 context {context} action 2 loc 2"
    ))?;
    refused(&stand, "ntuple")?;
    stand.delete(2)?;
    channels(&stand, 3).run()?;
    stand
        .ethtool("-X", &format!("context {context} delete"))
        .run()?;
    // Nobody's any more.
    stand.ethtool("-X", "default").run()?;
    channels(&stand, 4).run()?;
    let queues = by(&mut stand)?;
    ensure!(queues == (0..4).collect(), "{queues:?}");
    Ok(())
}

/// Tables grow and shrink with the number of queues, but for what users would lose.
#[test]
fn tables_of_other_sizes() -> Result<()> {
    const MANY: u32 = 32;
    let stand = Stand::new(MANY)?;
    let channels = |count| stand.ethtool("-L", &format!("combined {count}"));
    let is = |len: u32, queues: u32| -> Result<()> {
        let (table, _) = stand.spread()?;
        let even = (0..queues).cycle().take(len as usize);
        ensure!(even.eq(table.iter().copied()), "not {len}: {table:?}");
        Ok(())
    };
    is(4 * MANY, MANY)?;
    channels(MANY / 2).run()?;
    is(2 * MANY, MANY / 2)?;
    // What users have set is repeated; that can be undone.
    stand.ethtool("-X", "equal 4").run()?;
    channels(MANY).run()?;
    is(4 * MANY, 4)?;
    channels(MANY / 2).run()?;
    is(2 * MANY, 4)?;
    // All of this one would not be there any more.
    channels(MANY).run()?;
    stand.ethtool("-X", "weight 1 2").run()?;
    let shown = stand.shown()?;
    let moment = Moment::now()?;
    channels(MANY / 2).refused()?;
    let words = format!(
        "indirection tables of {} entries can't have {}",
        4 * MANY,
        2 * MANY
    );
    says(&moment.log()?, &[&stand.cable.far.name, &words])?;
    ensure!(stand.shown()? == shown, "something has changed");
    stand.ethtool("-X", "default").run()?;
    channels(MANY / 2).run()?;
    is(2 * MANY, MANY / 2)
}

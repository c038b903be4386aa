// SPDX-License-Identifier: GPL-2.0

//! Raw tables: rules that match any field of the parse graph, inner headers included.

use std::path::Path;
use std::thread;

use anyhow::{ensure, Context, Result};
use nix::errno::Errno;
use offload_tests::command::{says, Cmd};
use offload_tests::env;
use offload_tests::graphs::{sample, Graphs};
use offload_tests::kmsg::Moment;
use offload_tests::link::Link;
use offload_tests::netns::enter;
use offload_tests::nic::Nic;
use offload_uapi::client::Client;
use offload_uapi::error::Error;
use offload_uapi::limits::{MAX_RAW_FIELDS, MAX_RAW_TABLES};
use offload_uapi::netlink::TableTarget;
use offload_uapi::types::{Action, TableField};
use serde_json::{json, Value};

use crate::packet::{Network, Packet, TCP, UDP};
use crate::payload;
use crate::rules::stand;
use crate::stand::Stand;

/// The NIC of the far end.
const NIC: Nic = Nic { id: 0 };
const VXLAN: u16 = 4789;
/// Bytes of an Ethernet address that a stand puts into frames, to know them again.
const SOURCE: [u8; 6] = [2, 0x53, 0, 0, 0, 0];

impl Stand {
    /// `offloadctl table ARGS`, where PORT is the far end.
    fn table(&self, args: &str) -> Result<Cmd> {
        let far = &self.cable.far;
        far.offloadctl(format!("table {}", args.replace("PORT", &far.name)))
    }

    /// Makes a table, or a rule, or deletes one.
    fn change(&self, args: &str) -> Result<()> {
        let said = self.table(args)?.run().with_context(|| args.to_owned())?;
        ensure!(said.is_empty(), "{args}: {said}");
        Ok(())
    }

    /// All tables and rules, as they are shown.
    fn shown_tables(&self) -> Result<[Value; 2]> {
        Ok([
            self.table("show PORT --json")?.json()?,
            self.table("rule show PORT --json")?.json()?,
        ])
    }

    /// How many frames the rule with `priority` of table `table` had.
    fn hits(&self, table: u32, priority: u32) -> Result<u64> {
        let rules = self.table("rule show PORT --json")?.json()?;
        let mut all = rules.as_array().context("no list")?.iter();
        let rule = all.find(|it| it["table"] == table && it["priority"] == priority);
        let rule = rule.with_context(|| format!("no rule {priority} of {table}: {rules}"))?;
        rule["hits"].as_u64().context("no hits")
    }

    /// Flashes a sample, and has it run.
    fn run_graph(&self, name: &str) -> Result<Graphs> {
        let graphs = Graphs::new(NIC, &self.cable.far)?;
        graphs.build(name, &sample(name))?;
        graphs.flash(name).run()?;
        graphs.activate()?;
        Ok(graphs)
    }

    /// What is told of where `packet` would go.
    fn explained(&self, packet: &Packet) -> Result<Value> {
        let bytes: String = packet
            .bytes(SOURCE)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let far = &self.cable.far;
        let explain = format!("steer explain {} --json --frame {bytes}", far.name);
        Ok(far.offloadctl(explain)?.json()?[0].take())
    }
}

/// From 192.168.0.`from`, port 1000, to port `port`, with a header and no more.
fn inner(from: u8, port: u16) -> Packet {
    Packet {
        network: Network::V4 {
            source: [192, 168, 0, from],
            destination: [192, 168, 0, 99],
            options: 0,
        },
        ..Packet::v4(UDP, [1000, port])
    }
}

/// `packet` in a tunnel of VXLAN with the number `network`.
fn in_tunnel(network: u8, packet: &Packet, by: Packet) -> Packet {
    let header = [8, 0, 0, 0, 0, 0, network, 0];
    Packet {
        payload: [&header[..], &packet.bytes([4; 6])].concat(),
        ports: [5000, VXLAN],
        ..by
    }
}

fn v4() -> Packet {
    Packet::v4(UDP, [0; 2])
}

#[test]
fn inner_headers_of_a_tunnel() -> Result<()> {
    let mut stand = stand()?;
    let graphs = stand.run_graph("overlay")?;
    let context = stand.context("start 1 equal 2")?;
    stand.change("add PORT 1 ipv4#2.ipv4_src udp#2:16:16 --name inner --target flower")?;
    stand.change("add PORT 7 vxlan.tunnel_id")?;
    stand.change("rule add PORT 1 192.168.0.1 53 --priority 5 --queue 3")?;
    stand.change("rule add PORT 1 192.168.0.0/24 54 --priority 6 --drop")?;
    stand.change(&format!(
        "rule add PORT 1 192.168.0.7 * --priority 7 --context {context} --queue 1"
    ))?;
    stand.change("rule add PORT 7 9 --priority 8 --queue 2")?;

    let udp6 = || Packet::v6(UDP, [0; 2]);
    let longer = Packet {
        tags: vec![(0x8100, 7)],
        ..udp6()
    };
    let packets = [
        in_tunnel(3, &inner(1, 53), v4()),
        in_tunnel(3, &inner(1, 54), v4()),
        in_tunnel(3, &inner(2, 53), v4()),
        in_tunnel(9, &inner(2, 53), v4()),
        // A lower number comes first.
        in_tunnel(9, &inner(1, 53), v4()),
        // Its header of IPv4 is the first one.
        in_tunnel(9, &inner(1, 53), udp6()),
        in_tunnel(9, &Packet::v6(TCP, [1, 2]), longer),
        // No tunnel.
        inner(1, 53),
        in_tunnel(3, &inner(7, 1), v4()),
    ];
    let found = stand.queues(&packets)?;
    let (spread, others) = found.split_last().context("none")?;
    let expected = [
        Some(3),
        None,
        Some(0),
        Some(2),
        Some(3),
        Some(2),
        Some(2),
        Some(0),
    ];
    ensure!(others == expected, "{found:?}");
    ensure!(matches!(spread, Some(2 | 3)), "{found:?}");
    for (table, priority, hits) in [(1, 5, 2), (1, 6, 1), (1, 7, 1), (7, 8, 3)] {
        let found = stand.hits(table, priority)?;
        ensure!(found == hits, "{table} {priority}: {found}, not {hits}");
    }

    // It is told as it is.
    let [tables, rules] = stand.shown_tables()?;
    ensure!(
        tables[0]["name"] == "inner"
            && tables[0]["target"] == "flower"
            && tables[0]["key"][0]
                == json!({"node": "ipv4", "occurrence": 2, "offset": 96, "bits": 32})
            && tables[0]["bits"] == 48
            && tables[0]["entries"] == 3
            && tables[1]["target"] == "ntuple",
        "{tables:#}"
    );
    ensure!(
        rules[1]["value"] == "c0a800000036"
            && rules[1]["mask"] == "ffffff00ffff"
            && rules[1]["action"] == "drop",
        "{rules:#}"
    );
    let text = stand.table("show PORT")?.run()?;
    says(&text, &["ipv4#2:96:32 udp#2:16:16", "flower", "inner"])?;
    let text = stand.table("rule show PORT 1")?.run()?;
    says(
        &text,
        &["ipv4#2:96:32=0xc0a80000/0xffffff00 udp#2:16:16=0x0036"],
    )?;

    let said = stand.explained(&packets[0])?;
    ensure!(
        said["table"] == 1 && said["rule"] == 5 && said["reason"] == "rule" && said["queue"] == 3,
        "{said}"
    );
    let said = stand.explained(&packets[1])?;
    ensure!(
        said["table"] == 1 && said["rule"] == 6 && said["reason"] == "rule-drop",
        "{said}"
    );
    let said = stand.explained(&packets[7])?;
    ensure!(said["table"].is_null() && said["rule"].is_null(), "{said}");

    // As rules of `ethtool` they can be switched off, and stay.
    stand.ethtool("-K", "ntuple off").run()?;
    stand.expect(&packets[..2], &[0, 0])?;
    stand.ethtool("-K", "ntuple on").run()?;
    ensure!(stand.queues(&packets[..2])? == [Some(3), None], "on again");
    ensure!(stand.hits(1, 5)? == 3, "{}", stand.hits(1, 5)?);

    // Other rules may come and go: those that stay go on counting.
    stand.change("rule del PORT 1 6")?;
    ensure!(
        stand.queues(&packets[..2])? == [Some(3), Some(0)],
        "deleted"
    );
    ensure!(stand.hits(1, 5)? == 4, "{}", stand.hits(1, 5)?);
    stand.change("del PORT 1")?;
    stand.expect(&packets[..5], &[0, 0, 0, 2, 2])?;

    // A graph that knows no tunnel does not come while somebody looks into one.
    graphs.build("kernel", &sample("kernel"))?;
    graphs.flash("kernel").run()?;
    let device = NIC.handle();
    let activate = || Cmd::new(format!("devlink dev reload {device} action fw_activate"));
    let words = format!(
        "{}: table 7: the graph has no node \"vxlan\"",
        stand.cable.far.name
    );
    says(&activate().refused()?, &[&words])?;
    stand.expect(&packets[..5], &[0, 0, 0, 2, 2])?;
    stand.change("del PORT 7")?;
    activate().run()?;
    stand.expect(&packets[..5], &[0; 5])?;
    Ok(())
}

#[test]
fn any_field_of_the_kernels_graph() -> Result<()> {
    let mut stand = stand()?;
    let tos = |tos| Packet {
        tos,
        ..Packet::v4(UDP, [1, 2])
    };
    let tagged = |tci| Packet {
        tags: vec![(0x8100, tci)],
        ..Packet::v4(TCP, [1, 2])
    };
    let fragment = Packet {
        is_fragment: true,
        ..Packet::v4(UDP, [1, 7])
    };
    for (key, values, its, others) in [
        (
            "ipv4:8:6",
            "46",
            vec![tos(46 << 2), tos(46 << 2 | 3)],
            vec![tos(45 << 2)],
        ),
        (
            "vlan-8021q:0:3 tcp:2B:2B",
            "5 2",
            vec![tagged(5 << 13 | 7)],
            vec![tagged(4 << 13 | 7), tos(0)],
        ),
        // The nodes of transports stop in front of fragments.
        (
            "ipv4.ip_proto udp.ports",
            "17 0x00010007",
            vec![Packet::v4(UDP, [1, 7])],
            vec![fragment, Packet::v4(UDP, [2, 7]), Packet::v4(TCP, [1, 7])],
        ),
        (
            "ethernet.eth_dst ethernet.n_proto",
            "02:00:00:00:00:02 0x88cc",
            vec![Packet::other(0x88cc)],
            vec![Packet::other(0x88cd)],
        ),
        (
            "ipv6.ipv6_dst",
            "fd00::2/127",
            vec![Packet::v6(UDP, [1, 2])],
            vec![Packet::v4(UDP, [1, 2])],
        ),
    ] {
        stand.change(&format!("add PORT 32767 {key}"))?;
        stand.change(&format!("rule add PORT 32767 {values} --queue 3"))?;
        let queues = [vec![3; its.len()], vec![0; others.len()]].concat();
        let hits = its.len() as u64;
        stand
            .expect(&[its, others].concat(), &queues)
            .context(key)?;
        // The lowest number that is free.
        let found = stand.hits(32767, 0)?;
        ensure!(found == hits, "{key}: {found} hits of {hits}");
        stand.change("del PORT 32767")?;
    }
    Ok(())
}

/// All rules are on one line of numbers.
#[test]
fn the_lowest_number_counts_whatever_has_it() -> Result<()> {
    let mut stand = stand()?;
    let packet = [Packet::v4(UDP, [1, 7])];
    stand.rule("flow-type udp4 dst-port 7 action 1 loc 10")?;
    stand.change("add PORT 2 udp:16:16")?;
    stand.change("add PORT 1 udp.ports")?;
    stand.change("rule add PORT 2 7 --priority 11 --queue 2")?;
    stand.expect(&packet, &[1])?;
    stand.change("rule add PORT 2 7/8 --priority 9 --queue 3")?;
    stand.expect(&packet, &[3])?;
    stand.change("rule add PORT 2 7/0xf --priority 8 --queue 2")?;
    stand.expect(&packet, &[2])?;
    for priority in [8, 9] {
        stand.change(&format!("rule del PORT 2 {priority}"))?;
    }
    stand.change("rule add PORT 2 7 --priority 10 --queue 2")?;
    stand.expect(&packet, &[1])?;
    stand.delete(10)?;
    stand.expect(&packet, &[2])?;
    // Of two with the same number that of the lower table.
    stand.change("rule add PORT 1 0x00010007 --priority 10 --queue 3")?;
    stand.expect(&packet, &[3])?;
    let said = stand.explained(&packet[0])?;
    ensure!(said["table"] == 1 && said["rule"] == 10, "{said}");
    Ok(())
}

/// By `ethtool`: bits 48 to 62 of `user-def` are the table.
#[test]
fn rules_by_user_def() -> Result<()> {
    let mut stand = stand()?;
    stand.change("add PORT 5 ipv4:8:6 udp:16:16")?;
    let of = |tos: u8, port| Packet {
        tos: tos << 2,
        ..Packet::v4(UDP, [1, port])
    };
    let packets = [of(46, 7), of(46, 8), of(45, 7)];
    stand.rule("flow-type ether user-def 0x00050000002e0007 action 3 loc 4")?;
    stand.expect(&packets, &[3, 0, 0])?;
    let shown = stand.ethtool("-n", "rule 4").run()?;
    says(&shown, &["User-defined: 0x50000002e0007 mask: 0x0"])?;
    says(&shown, &["Action: Direct to queue 3"])?;
    stand.rule("flow-type ether user-def 0x00050000002e0000 m 0xffff action -1 loc 6")?;
    let found = stand.queues(&packets)?;
    ensure!(found == [Some(3), None, Some(0)], "{found:?}");
    let said = stand.explained(&packets[1])?;
    ensure!(
        said["table"] == 5 && said["rule"] == 6 && said["reason"] == "rule-drop",
        "{said}"
    );
    let refused = |args: &str, words: &str| -> Result<()> {
        says(&stand.table(args)?.refused()?, &[words]).with_context(|| args.to_owned())
    };
    refused(
        "del PORT 5",
        "the rule at location 4 (ethtool -n) is in table 5",
    )?;
    refused(
        "rule add PORT 5 1 2 --priority 6 --drop",
        "table 5 has an entry 6 already",
    )?;
    stand.change("rule add PORT 5 46 8 --priority 5 --queue 2")?;
    let found = stand.queues(&packets)?;
    ensure!(found == [Some(3), Some(2), Some(0)], "{found:?}");

    stand.change("add PORT 6 ipv4:96:33")?;
    stand.change("add PORT 8 ipv4:0:8 --target route")?;
    for (rule, words) in [
        (
            "ether user-def 0x0005000000400000",
            "0x400000 does not fit into a key of 22 bits",
        ),
        (
            "ether user-def 0x0006000000000001",
            "the key of raw table 6 has 33 bits, and 32 have room",
        ),
        (
            "ether user-def 0x0007000000000001",
            "there is no raw table 7",
        ),
        (
            "ether user-def 0x0008000000000001",
            "raw table 8 is for route, and not for ntuple",
        ),
        (
            "ether user-def 0x8005000000000001",
            "bits 32 to 47 and 63 mean nothing",
        ),
        (
            "ether user-def 0x0005000000000001 m 0x1000000000000",
            "bits 48 to 62 are a raw table, of which all have to count",
        ),
        (
            "ether proto 0x0800 user-def 0x0005000000000001",
            "looks at its key alone",
        ),
        ("udp4 user-def 0x0005000000000001", "looks at its key alone"),
        (
            "ether vlan 5 user-def 0x0005000000000001",
            "looks at its key alone",
        ),
    ] {
        let moment = Moment::now()?;
        let rule = format!("flow-type {rule} action 1 loc 9");
        stand.ethtool("-N", &rule).refused()?;
        says(&moment.log()?, &[&stand.cable.far.name, words]).context(rule)?;
    }
    let moment = Moment::now()?;
    let taken = "flow-type ether user-def 0x0005000000000001 action 1 loc 5";
    stand.ethtool("-N", taken).refused()?;
    says(&moment.log()?, &["raw table 5 has an entry 5 already"])?;
    for location in [4, 6] {
        stand.delete(location)?;
    }
    stand.change("del PORT 5")?;
    stand.expect(&packets, &[0; 3])
}

#[test]
fn what_cannot_be_is_refused_by_name_and_changes_nothing() -> Result<()> {
    let stand = stand()?;
    let context = stand.context("start 3 equal 1")?;
    stand.change("add PORT 1 ipv4:96:32 udp:16:4")?;
    stand.change(&format!(
        "rule add PORT 1 10.0.0.1 5 --priority 3 --context {context}"
    ))?;
    stand.change("rule add PORT 1 10.0.0.1 6 --priority 4 --queue 2")?;
    let shown = stand.shown_tables()?;
    let fields = vec!["ipv4:0:8"; MAX_RAW_FIELDS as usize + 1].join(" ");
    for (args, words) in [
        ("add PORT 1 ipv4:0:8", "there is a raw table 1 already"),
        (
            "add PORT 2 ipv5:0:8",
            "the parse graph has no node \"ipv5\"",
        ),
        ("add PORT 2 ipv4#17:0:8", "out of range"),
        ("add PORT 2 ipv4:0:0", "out of range"),
        ("add PORT 2 ipv4:2041:8", "ends at bit 2049: limit 2048"),
        (
            "add PORT 2 ipv4:0:300 ipv4:0:213",
            "a key of 513 bits: limit 512",
        ),
        (
            &format!("add PORT 2 {fields}"),
            "a key of 9 fields: limits 1 and 8",
        ),
        ("add PORT 2 ipv4.none", "no field has this name"),
        ("add PORT 2 ipv4.ports", "does not find ports"),
        ("del PORT 2", "there is no raw table 2"),
        ("rule add PORT 2 1 --drop", "there is none"),
        ("rule add PORT 1 1 --drop", "the key has 2 fields"),
        ("rule add PORT 1 1 16 --drop", "longer than 4 bits"),
        (
            "rule add PORT 1 1 1 --drop --priority 3",
            "table 1 has an entry 3 already",
        ),
        (
            "rule add PORT 1 1 1 --queue 4",
            "queue 4 is none of the 4 that are in use",
        ),
        (
            "rule add PORT 1 1 1 --context 9",
            "there is no RSS context 9",
        ),
        (
            &format!("rule add PORT 1 1 1 --context {context} --queue 1"),
            "queue 1 is added to those of the context",
        ),
        ("rule del PORT 1 9", "table 1 has no entry 9"),
        ("rule del PORT 9 9", "there is no raw table 9"),
    ] {
        let said = stand.table(args)?.refused()?;
        says(&said, &[words]).with_context(|| args.to_owned())?;
        ensure!(
            stand.shown_tables()? == shown,
            "{args} has changed something"
        );
    }
    // What a rule needs stays.
    for (verb, args, logged) in [
        (
            "-X",
            format!("context {context} delete"),
            format!("context {context}: table 1: entry 3 gives it frames"),
        ),
        (
            "-L",
            "combined 2".to_owned(),
            "table 1: entry 4: queue 2 is none of the 2 that are in use".to_owned(),
        ),
    ] {
        let moment = Moment::now()?;
        let said = stand.ethtool(verb, &args).refused()?;
        let told = said + &moment.log()?;
        // The indirection tables may be looked at first.
        if verb == "-X" {
            says(&told, &[&logged])?;
        }
        ensure!(
            stand.shown_tables()? == shown,
            "{args} has changed something"
        );
    }
    // Bytes that do not fit, by who does not use the tool.
    let far = &stand.cable.far;
    let mut client = enter(far.ns.as_deref(), || Ok(Client::connect()?))?;
    let place = (far.index()?, 1);
    let drop = Action::Drop;
    for (value, mask, words) in [
        (
            &[1; 4][..],
            None,
            "it has 4 bytes: the key of 36 bits has 5",
        ),
        (
            &[1; 5],
            None,
            "its last byte is 0x01: the last 4 bits are not of the key",
        ),
        (&[16; 5], Some(&[255; 5][..]), "its last byte is 0xff"),
        (&[16; 5], Some(&[16; 6][..]), "it has 6 bytes"),
    ] {
        let refused = client.add_table_entry(place, None, value, mask, drop);
        let error = refused.err().context("it was taken")?.to_string();
        says(&error, &[words])?;
    }
    ensure!(stand.shown_tables()? == shown, "something has changed");
    Ok(())
}

#[test]
fn as_many_tables_and_rules_as_there_may_be() -> Result<()> {
    let stand = stand()?;
    let used = |path: &str| -> Result<u64> { Ok(NIC.used()?[path]) };
    for number in 1..=MAX_RAW_TABLES {
        stand.change(&format!("add PORT {number} ipv4:{number}:8"))?;
    }
    says(
        &stand.table("add PORT 99 ipv4:0:8")?.refused()?,
        &["the interface has 16 raw tables: limit 16"],
    )?;
    ensure!(used("/raw_tables")? == u64::from(MAX_RAW_TABLES), "tables");
    stand.change("rule add PORT 3 7 --drop")?;
    stand.change("rule add PORT 3 8 --drop")?;
    stand.change("rule add PORT 4 8 --drop")?;
    ensure!(used("/raw_rules")? == 3, "rules");
    stand.change("del PORT 3")?;
    ensure!(
        (used("/raw_tables")?, used("/raw_rules")?) == (u64::from(MAX_RAW_TABLES) - 1, 1),
        "deleted"
    );
    // A smaller size counts from the next reload on, which comes when there is no more in use.
    NIC.resize("/raw_rules", 0).run()?;
    let words = "resource raw_rules: size 0 asked for, 1 in use";
    says(&NIC.reload().refused()?, &[words])?;
    stand.change("rule del PORT 4 0")?;
    NIC.resize("/raw_rules", 0).run()?;
    NIC.reload().run()?;
    // Interfaces are made anew, where the NIC is.
    let anew = Link::new("onic1");
    let table = |args: &str| anew.offloadctl(format!("table {args}"));
    let tables = table("show --json")?.json()?;
    ensure!(tables == json!([]), "{tables}");
    table("add onic1 1 ipv4:0:8")?.run()?;
    says(
        &table("rule add onic1 1 7 --drop")?.refused()?,
        &["raw_rules: 1 asked for, 0 of 0 in use"],
    )?;
    Ok(())
}

/// `offloadctl table ARGS` for `far`.
fn table(far: &Link, args: &str) -> Result<()> {
    let said = far.offloadctl(format!("table {args}"))?.run()?;
    ensure!(said.is_empty(), "{args}: {said}");
    Ok(())
}

/// A rule may look at what differs from segment to segment: into what datagrams carry, and at the numbers of a
/// stream.
#[test]
fn super_frames_are_parted() -> Result<()> {
    payload::is_parted(
        &|far| {
            let name = &far.name;
            table(far, &format!("add {name} 1 udp:2B:2B udp:8B:2B"))?;
            for (number, action) in [
                (2, "--queue 1"),
                (3, "--drop"),
                (4, "--queue 3"),
                (6, "--queue 0"),
            ] {
                let priority = number;
                let rule = format!("{name} 1 7 {number} --priority {priority} {action}");
                table(far, &format!("rule add {rule}"))?;
            }
            Ok(())
        },
        &|far, drops| {
            let name = &far.name;
            let action = if drops { "--drop" } else { "--queue 2" };
            // There is one from the second time on.
            let _ = table(far, &format!("rule del {name} 1 9"));
            table(far, &format!("rule add {name} 1 7 * --priority 9 {action}"))
        },
    )?;
    payload::is_shared(
        &|far| {
            let name = &far.name;
            table(far, &format!("add {name} 1 tcp:4B:4B"))?;
            let rule = format!("{name} 1 0x2000/0x2000 --priority 1 --queue 2");
            table(far, &format!("rule add {rule}"))
        },
        &|far| table(far, &format!("rule del {} 1 1", far.name)),
    )
}

#[test]
fn not_everyone_may_change_tables() -> Result<()> {
    let stand = stand()?;
    let [near, far] = [&stand.cable.near, &stand.cable.far];
    stand.change("add PORT 1 ipv4:96:32")?;
    stand.change("rule add PORT 1 10.0.0.9 --priority 3 --drop")?;
    let shown = stand.shown_tables()?;
    let changes = [
        "add PORT 2 ipv4:0:8",
        "del PORT 1",
        "rule add PORT 1 10.0.0.8 --drop",
        "rule del PORT 1 3",
    ];
    let tool = env::offloadctl()?;
    let mut all = vec![
        "setpriv --bounding-set=-net_admin --inh-caps=-net_admin",
        "setpriv --reuid=65534 --regid=65534 --clear-groups",
    ];
    // Who is root there has all capabilities, and none where the interface is. Debug kernels have none of them.
    if Path::new("/proc/self/ns/user").exists() {
        all.push("unshare --user --map-root-user");
    }
    for who in all {
        let by = |args: &str| {
            let args = args.replace("PORT", &far.name);
            far.cmd(who).arg(&tool).args(format!("table {args}"))
        };
        for args in changes {
            let said = by(args).refused()?;
            says(&said, &["error", "not permitted"])
                .and_then(|()| says(&said, &["CAP_NET_ADMIN"]))
                .with_context(|| format!("{who}: {args}"))?;
            ensure!(stand.shown_tables()? == shown, "{who}: {args}");
        }
        // To look is for everyone.
        ensure!(
            [
                by("show PORT --json").json()?,
                by("rule show PORT --json").json()?
            ] == shown,
            "{who}"
        );
    }

    // From another network namespace it is not there, not even by its number.
    let place = (far.index()?, 1);
    ensure!(near.index()? != place.0, "both have one number");
    let mut client = enter(near.ns.as_deref(), || Ok(Client::connect()?))?;
    let key = [TableField {
        node: "ipv4".to_owned(),
        occurrence: 1,
        offset: 0,
        bits: 8,
    }];
    for refused in [
        client
            .add_table(place.0, 2, "", TableTarget::Ntuple, &key)
            .map(drop),
        client.delete_table(place.0, 1),
        client
            .add_table_entry(place, None, &[1; 4], None, Action::Drop)
            .map(drop),
        client.delete_table_entry(place, 3),
        client.table_entries(place.0).map(drop),
    ] {
        let error = refused.err().context("it was taken")?;
        ensure!(
            matches!(&error, Error::Refused(refusal) if refusal.errno == Errno::ENODEV as i32),
            "{error}"
        );
    }
    let there = client.tables(None)?;
    ensure!(there.is_empty(), "{there:?}");
    ensure!(stand.shown_tables()? == shown, "from elsewhere");
    Ok(())
}

/// No frame goes by a rule while another graph is activated, in which nodes have other numbers.
#[test]
fn graphs_come_and_go_under_traffic() -> Result<()> {
    let mut stand = stand()?;
    let graphs = Graphs::new(NIC, &stand.cable.far)?;
    for name in ["kernel", "overlay"] {
        graphs.build(name, &sample(name))?;
    }
    stand.change("add PORT 1 ipv4:96:32 udp:16:16")?;
    stand.change("rule add PORT 1 10.0.0.1 7 --priority 1 --queue 3")?;
    stand.change("rule add PORT 1 10.0.0.1 8 --priority 2 --drop")?;
    let swap = |graphs: &Graphs, rounds: usize| -> Result<()> {
        for round in 0..rounds {
            graphs.flash(["overlay", "kernel"][round % 2]).run()?;
            graphs.activate()?;
        }
        Ok(())
    };
    let passage = stand.send_during(&Packet::v4(UDP, [1, 7]), || swap(&graphs, 6))?;
    let by_others = passage.frames.iter().filter(|seen| seen.queue != 3).count();
    ensure!(
        by_others == 0,
        "{by_others} of {} frames have gone elsewhere",
        passage.frames.len()
    );
    let hits = stand.hits(1, 1)?;
    ensure!(
        hits == passage.frames.len() as u64,
        "{hits} hits of {} frames",
        passage.frames.len()
    );

    let dropped = vec![Packet::v4(UDP, [1, 8]); 64];
    let mut sent = 0;
    thread::scope(|scope| -> Result<()> {
        let swapping = scope.spawn(|| swap(&graphs, 6));
        while !swapping.is_finished() {
            let seen = stand.send(&dropped)?;
            let passed = seen.iter().flatten().count();
            ensure!(passed == 0, "{passed} of 64 have gone by the rule");
            sent += 64;
        }
        swapping.join().expect("it does not panic")
    })?;
    let hits = stand.hits(1, 2)?;
    ensure!(hits == sent, "{hits} hits of {sent}");
    Ok(())
}

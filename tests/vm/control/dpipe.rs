// SPDX-License-Identifier: GPL-2.0

//! The tables by which a NIC steers, as `devlink dpipe` shows them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{ensure, Context, Result};
use offload_tests::command::{says, Cmd};
use offload_tests::dpipe::{dump, told, Entry};
use offload_tests::env;
use offload_tests::graphs::Graphs;
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::netns::NetNs;
use offload_tests::nic::Nic;
use offload_uapi::limits::MAX_RULES;
use serde_json::Value;

const NIC: Nic = Nic { id: 0 };
const QUEUES: u32 = 4;

/// `devlink -j dpipe WHAT DEV ARGS`: what it shows of the NIC.
fn devlink(what: &str, args: &str, section: &str) -> Result<Vec<Value>> {
    let handle = NIC.handle();
    let mut json = Cmd::new(format!("devlink -j dpipe {what} {handle} {args}")).json()?;
    let shown = json[section][&handle].take();
    Ok(shown.as_array().cloned().unwrap_or_default())
}

fn text(of: &Value, name: &str) -> Result<String> {
    let text = of[name].as_str();
    Ok(text.with_context(|| format!("no {name}: {of}"))?.to_owned())
}

/// The table called `name`.
fn table(name: &str) -> Result<Value> {
    let tables = devlink("table show", &format!("name {name}"), "table")?;
    let table = tables.into_iter().find(|table| table["name"] == name);
    table.with_context(|| format!("no table {name}"))
}

/// The fields that table `name` has in its list `list`.
fn fields(name: &str, list: &str) -> Result<BTreeSet<String>> {
    let table = table(name)?;
    let fields = table[list].as_array().context("no list")?;
    fields.iter().map(|field| text(field, "field")).collect()
}

fn set(fields: &[&str]) -> BTreeSet<String> {
    fields.iter().map(|field| (*field).to_owned()).collect()
}

fn ethtool(port: &Link, verb: &str, args: &str) -> Result<String> {
    port.cmd(format!("ethtool {verb} {} {args}", port.name))
        .run()
}

fn nic() -> Result<(Module, Vec<Link>)> {
    let module = Module::insert(&format!("nics=1 ports=2 queues={QUEUES}"))?;
    Ok((module, NIC.ports()?))
}

/// What a parse graph can find has a place in a header, once.
#[test]
fn headers_have_all_fields_of_graphs() -> Result<()> {
    let (_module, _) = nic()?;
    let mut all = BTreeSet::new();
    let mut names = BTreeSet::new();
    for header in devlink("header show", "", "header")? {
        let name = text(&header, "name")?;
        for field in header["field"].as_array().context("no fields")? {
            let bits = field["bitwidth"].as_u64().context("no width")?;
            let once = all.insert(format!("{name} {} {bits}", text(field, "name")?));
            ensure!(once, "twice: {field}");
        }
        names.insert(name);
    }
    let headers = [
        "offload_nic_meta",
        "offload_nic_parser",
        "ethernet",
        "ipv4",
        "ipv6",
    ];
    ensure!(names == set(&headers), "{names:?}");
    for field in parse_graph::Field::ALL {
        let expected = match field {
            parse_graph::Field::EthDst => "ethernet destination mac 48".to_owned(),
            parse_graph::Field::Ipv4Dst => "ipv4 destination ip 32".to_owned(),
            parse_graph::Field::Ipv6Dst => "ipv6 destination ip 128".to_owned(),
            _ => format!("offload_nic_parser {} {}", field.name(), field.bits()),
        };
        ensure!(all.remove(&expected), "no {expected} in {all:?}");
    }
    let meta = all
        .iter()
        .all(|field| field.starts_with("offload_nic_meta "));
    ensure!(meta && all.len() == 13, "{all:?}");
    Ok(())
}

#[test]
fn tables_tell_what_they_are() -> Result<()> {
    let (_module, _) = nic()?;
    let resources = NIC.resources()?;
    for (name, path) in [
        ("parser", "/parser_nodes"),
        ("ntuple", "/rules"),
        ("rss", "/rss_entries"),
        ("arfs", "/flows"),
        ("raw", "/raw_rules"),
    ] {
        let table = table(name)?;
        ensure!(table["size"] == resources[path].size, "{table}");
        ensure!(table["resource_path"] == path, "{table}");
        // Nothing is counted, and nobody is to believe it is.
        ensure!(table["counters_enabled"] == false, "{table}");
        let handle = NIC.handle();
        let set = format!("devlink dpipe table set {handle} name {name} counters_enabled true");
        says(&Cmd::new(set).refused()?, &["not supported"])?;
    }
    let rss = fields("rss", "match")?;
    ensure!(rss == set(&["port", "rss_context", "rss_entry"]), "{rss:?}");
    let arfs = fields("arfs", "match")?;
    ensure!(arfs == set(&["port", "hash"]), "{arfs:?}");
    let rules = fields("ntuple", "action")?;
    let expected = ["queue", "drop", "rss_context", "queue_offset"];
    ensure!(rules == set(&expected), "{rules:?}");
    for name in ["rss", "arfs"] {
        let action = fields(name, "action")?;
        ensure!(action == set(&["queue"]), "{name}: {action:?}");
    }
    for (name, why) in [("nothing", "Invalid argument"), ("parser", "not supported")] {
        // The status of the tool is 0 all the same.
        let dump = format!("devlink dpipe table dump {} name {name}", NIC.handle());
        says(&Cmd::new(dump).output()?.stderr(), &[why])?;
    }
    Ok(())
}

/// Fields that the running graph finds, and no others.
#[test]
fn lists_follow_the_graph() -> Result<()> {
    let (_module, ports) = nic()?;
    let graphs = Graphs::new(NIC, &ports[0])?;
    let before = [fields("parser", "action")?, fields("ntuple", "match")?];
    for field in ["vlan_tci", "eth_src", "destination mac", "tos", "is_frag"] {
        ensure!(
            before.iter().all(|list| list.contains(field)),
            "{field}: {before:?}"
        );
    }
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let small = samples
        .context("no repository")?
        .join("samples/parsers/small.json");
    graphs.build("small", &small)?;
    graphs.flash("small").run()?;
    ensure!(
        fields("parser", "action")? == before[0],
        "it does not run yet"
    );
    ethtool(
        &ports[0],
        "-N",
        "flow-type udp4 vlan 7 dst-port 9 action 1 loc 3",
    )?;
    graphs.activate()?;
    let found = fields("parser", "action")?;
    let of_small = [
        "nhoff",
        "thoff",
        "addr_proto",
        "ip_proto",
        "n_proto",
        "ports",
        "ipv4_src",
        "destination ip",
        "ipv6_src",
    ];
    ensure!(found == set(&of_small), "{found:?}");
    let found = fields("ntuple", "match")?;
    let of_small = [
        "port",
        "user_def",
        "addr_proto",
        "ip_proto",
        "n_proto",
        "ports",
        "ipv4_src",
        "destination ip",
        "ipv6_src",
    ];
    ensure!(found == set(&of_small), "{found:?}");
    // A rule keeps what it asks for, though no frame has it now.
    let rules = dump(&NIC, "ntuple")?;
    ensure!(
        rules.len() == 1 && rules[0].matches.contains("vlan_tci=0x7 "),
        "{rules:?}"
    );
    Ok(())
}

/// Each kind of rule is there with what it asks for and what it does, at the port that has it.
#[test]
fn rules_are_shown_as_they_are() -> Result<()> {
    let (_module, ports) = nic()?;
    ethtool(&ports[1], "-X", "context new start 1 equal 2")?;
    let v4 = "addr_proto=0x800";
    let v6 = "addr_proto=0x86dd";
    let cases = [
        (
            0,
            2,
            "tcp4 dst-port 80 action 3",
            format!("{v4} ip_proto=0x6 is_frag=0x0 ports=0x50/"),
            "queue=0x3",
        ),
        (
            0,
            16_383,
            "udp4 src-ip 10.7.0.0 m 0.0.0.255 dst-ip 10.8.0.1 src-port 7 dst-port 9 action -1",
            format!(
                "{v4} ip_proto=0x11 is_frag=0x0 ipv4_src=0xa070000/ \
                 destination ip=10.8.0.1 ports=0x70009"
            ),
            "drop=0x1",
        ),
        (
            1,
            0,
            "ether dst 02:00:00:00:00:09 src 02:00:00:00:01:00 m 00:00:00:00:00:ff proto 0x88cc \
             action 1",
            "destination mac=2:0:0:0:0:9 eth_src= n_proto=0x88cc".to_owned(),
            "queue=0x1",
        ),
        (
            1,
            5,
            "tcp6 src-ip fd00::7 dst-ip fd00::8 context 1",
            format!(
                "{v6} ip_proto=0x6 is_frag=0x0 ipv6_src= \
                 destination ip=fd00::8"
            ),
            "rss_context=0x1 queue_offset=0x0",
        ),
        (
            1,
            6,
            "udp4 vlan 0x2007 user-def 0x4beef action 2",
            format!("vlan_tci=0x2007 {v4} ip_proto=0x11 is_frag=0x0 user_def=0x4beef"),
            "queue=0x2",
        ),
        (
            1,
            7,
            "ip4 tos 4 m 0xf3 l4proto 47 action 0",
            format!("{v4} ip_proto=0x2f tos=0x4/"),
            "queue=0x0",
        ),
    ];
    let mut expected = Vec::new();
    for (port, location, rule, matches, actions) in &cases {
        let link = &ports[*port];
        ethtool(link, "-N", &format!("flow-type {rule} loc {location}"))?;
        expected.push(Entry {
            index: (*port as u64) << 16 | location,
            matches: format!("port={port:#x} {matches}"),
            actions: (*actions).to_owned(),
        });
        let found = dump(&NIC, "ntuple")?;
        ensure!(found == expected, "{rule}: {found:#?}\nnot {expected:#?}");
    }
    for (port, location, ..) in &cases {
        ethtool(&ports[*port], "-N", &format!("delete {location}"))?;
        expected.remove(0);
        let found = dump(&NIC, "ntuple")?;
        ensure!(found == expected, "{location} deleted: {found:#?}");
    }
    Ok(())
}

/// Which bits of a field count is told beside what they are to be: no tool shows it.
#[test]
fn masks_are_told_as_they_are() -> Result<()> {
    let (_module, ports) = nic()?;
    // A user of `ethtool` gives the bits that do not count.
    let cases = [
        (
            "udp4 src-ip 10.7.9.9 m 0.0.255.255 dst-ip 10.8.0.1 src-port 7 dst-port 4660 m 255",
            "addr_proto=0x800 ip_proto=0x11 is_frag=0x0 ipv4_src=0xa070000/0xffff0000 \
             destination ip=0xa080001 ports=0x71200/0xffffff00",
        ),
        (
            "ether dst 02:00:00:00:00:19 m 00:00:00:00:00:0f src 02:00:00:00:01:00 m 00:00:00:00:00:ff \
             proto 0x88cc m 0x0f",
            "destination mac=020000000010/fffffffffff0 eth_src=020000000100/ffffffffff00 \
             n_proto=0x88c0/0xfff0",
        ),
        (
            "tcp6 src-ip fd00::7 m ::ffff dst-ip fd00::8 dst-port 443",
            "addr_proto=0x86dd ip_proto=0x6 is_frag=0x0 \
             ipv6_src=fd000000000000000000000000000000/ffffffffffffffffffffffffffff0000 \
             destination ip=fd000000000000000000000000000008 ports=0x1bb/0xffff",
        ),
        (
            "udp4 vlan 0x2007 m 0xf000 user-def 0x4beef m 0xff",
            "vlan_tci=0x7/0xfff addr_proto=0x800 ip_proto=0x11 is_frag=0x0 \
             user_def=0x4be00/0xffffff00",
        ),
        (
            "ip4 tos 4 m 0xf3 l4proto 47",
            "addr_proto=0x800 ip_proto=0x2f tos=0x4/0xc",
        ),
        (
            "ip4 src-ip 10.7.0.1 l4data 0x12345678 m 0xffff",
            "addr_proto=0x800 is_frag=0x0 ipv4_src=0xa070001 ports=0x12340000/0xffff0000",
        ),
    ];
    for (location, (rule, _)) in cases.iter().enumerate() {
        let rule = format!("flow-type {rule} action 1 loc {location}");
        ethtool(&ports[1], "-N", &rule)?;
    }
    let expected = (0..).zip(cases).map(|(location, (_, matches))| Entry {
        index: 1 << 16 | location,
        matches: format!("port=0x1 {matches}"),
        actions: "queue=0x1".to_owned(),
    });
    let (expected, found) = (expected.collect::<Vec<_>>(), told(&NIC, "ntuple")?);
    ensure!(found == expected, "{found:#?}\nnot {expected:#?}");
    // Where there are none, and all values have four bytes, the tool shows what is told.
    let (shown, found) = (dump(&NIC, "rss")?, told(&NIC, "rss")?);
    ensure!(found == shown, "{found:#?}\nnot {shown:#?}");
    Ok(())
}

/// Rules of raw tables, by whatever they came, with the bits of their keys.
#[test]
fn rules_of_raw_tables() -> Result<()> {
    let (_module, ports) = nic()?;
    let table = |port: usize, args: &str| -> Result<()> {
        let args = args.replace("PORT", &ports[port].name);
        ports[port]
            .offloadctl(format!("table {args}"))?
            .run()
            .map(drop)
    };
    table(0, "add PORT 3 udp:16:16")?;
    table(1, "add PORT 1 ipv6.ipv6_src ipv4:8:4")?;
    table(1, "rule add PORT 1 fd00::9 3 --queue 2")?;
    table(0, "rule add PORT 3 53 --priority 9 --drop")?;
    ethtool(
        &ports[0],
        "-N",
        "flow-type ether user-def 0x3000000000035 action 1 loc 4",
    )?;
    let expected: Vec<_> = [
        (0, "port=0x0 raw_table=0x3 raw_key0=", "drop=0x1"),
        (1, "port=0x0 raw_table=0x3 raw_key0=", "queue=0x1"),
        (
            1 << 16,
            "port=0x1 raw_table=0x1 raw_key0= raw_key1=",
            "queue=0x2",
        ),
    ]
    .into_iter()
    .map(|(index, matches, actions)| Entry {
        index,
        matches: matches.to_owned(),
        actions: actions.to_owned(),
    })
    .collect();
    let found = dump(&NIC, "raw")?;
    ensure!(found == expected, "{found:#?}\nnot {expected:#?}");
    // It is told once.
    ensure!(
        dump(&NIC, "ntuple")?.is_empty(),
        "{:?}",
        dump(&NIC, "ntuple")?
    );
    let matches = fields("raw", "match")?;
    ensure!(
        matches.contains("raw_table") && matches.contains("raw_key3"),
        "{matches:?}"
    );
    Ok(())
}

/// The queues of a table of `ethtool -x`.
fn indirection(port: &Link, context: u32) -> Result<Vec<u64>> {
    let args = if context == 0 {
        String::new()
    } else {
        format!("context {context}")
    };
    let mut shown = port
        .cmd(format!("ethtool --json -x {} {args}", port.name))
        .json()?;
    let table = shown[0]["rss-indirection-table"].take();
    let table = table
        .as_array()
        .with_context(|| format!("no table: {shown}"))?;
    table
        .iter()
        .map(|queue| queue.as_u64().context("no queue"))
        .collect()
}

#[test]
fn rss_is_what_ethtool_shows() -> Result<()> {
    let (_module, ports) = nic()?;
    ethtool(&ports[0], "-X", "weight 1 1 2 0")?;
    ethtool(&ports[1], "-X", "context new start 2 equal 2")?;
    let mut expected = Vec::new();
    for (port, contexts) in [(0, 0..=0), (1, 0..=1)] {
        for context in contexts {
            let table = indirection(&ports[port], context)?;
            for (entry, queue) in table.into_iter().enumerate() {
                expected.push((
                    format!("port={port:#x} rss_context={context:#x} rss_entry={entry:#x}"),
                    format!("queue={queue:#x}"),
                ));
            }
        }
    }
    let found = dump(&NIC, "rss")?;
    let indices: BTreeSet<_> = found.iter().map(|entry| entry.index).collect();
    ensure!(indices.len() == found.len(), "numbers come twice");
    let found: Vec<_> = found
        .into_iter()
        .map(|it| (it.matches, it.actions))
        .collect();
    ensure!(found == expected, "{found:#?}\nnot {expected:#?}");
    Ok(())
}

/// What sockets have room for that do not ask for more; put back on drop.
struct Room(String);

impl Room {
    const FILE: &str = "/proc/sys/net/core/rmem_default";

    fn new(bytes: u32) -> Result<Self> {
        let before = fs::read_to_string(Self::FILE)?;
        fs::write(Self::FILE, bytes.to_string())?;
        Ok(Self(before))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::write(Self::FILE, self.0.trim());
    }
}

/// All entries are shown if the reader has room for them: the core makes all messages before it lets the
/// reader read the first. Without the room the reader is told.
#[test]
fn many_rules_are_shown_whole() -> Result<()> {
    let (_module, ports) = nic()?;
    let count = if env::is_slow() || env::is_emulated() {
        1000
    } else {
        3000
    };
    // The device makes its table anew for each; one process is enough for all that.
    let script: String = (0..count)
        .map(|number| {
            let at = MAX_RULES - 1 - number;
            format!(
                "ethtool -N {} flow-type udp4 dst-port {number} action {} loc {at} || exit 1\n",
                ports[0].name,
                number % QUEUES
            )
        })
        .collect();
    fs::write("/tmp/many_rules", script)?;
    Cmd::new("sh /tmp/many_rules").run()?;
    // The status of the tool is 0 all the same.
    let shown = || {
        let cmd = Cmd::new(format!(
            "devlink -j dpipe table dump {} name ntuple",
            NIC.handle()
        ));
        Ok::<_, anyhow::Error>(cmd.output()?.stdout())
    };
    let small = Room::new(212_992)?;
    let fit = shown()?.matches("\"index\"").count();
    ensure!(fit < count as usize, "{fit} fit into the room of a socket");
    drop(small);

    let _room = Room::new(16 << 20)?;
    let entries = devlink("table dump", "name ntuple", "table_entry")?;
    ensure!(
        entries.len() == count as usize,
        "{} of {count}",
        entries.len()
    );
    for (entry, number) in entries.iter().zip((0..count).rev()) {
        let value = |list: &str, field: &str| {
            let all = entry[list].as_array().into_iter().flatten();
            let mut all = all.filter(|value| value["field"] == field);
            all.next().and_then(|value| value["value"].as_u64())
        };
        ensure!(
            entry["index"] == MAX_RULES - 1 - number
                && value("match_value", "ports") == Some(number.into())
                && value("action_value", "queue") == Some((number % QUEUES).into()),
            "{number}: {entry}"
        );
    }
    Ok(())
}

/// Tables are there again after a reload, wherever that takes the NIC, and not while its ports are not.
#[test]
fn a_reload_keeps_tables() -> Result<()> {
    let (_module, ports) = nic()?;
    ethtool(&ports[0], "-N", "flow-type udp4 dst-port 9 action 1 loc 3")?;
    let names = || -> Result<Vec<String>> {
        let tables = devlink("table show", "", "table")?;
        tables.iter().map(|table| text(table, "name")).collect()
    };
    let all = ["parser", "ntuple", "rss", "arfs", "raw"];
    ensure!(names()? == all, "{:?}", names()?);
    let ns = NetNs::new("pipes")?;
    for _ in 0..2 {
        Cmd::new(format!("devlink dev reload {}", NIC.handle())).run()?;
        ensure!(names()? == all, "{:?}", names()?);
        ensure!(dump(&NIC, "ntuple")?.is_empty(), "rules stay");
        ensure!(!dump(&NIC, "rss")?.is_empty(), "no ports");
    }
    let reload = format!("devlink dev reload {} netns {}", NIC.handle(), ns.name());
    Cmd::new(reload).run()?;
    let shown = ns
        .cmd(format!("devlink -j dpipe table show {}", NIC.handle()))
        .run()?;
    ensure!(all.iter().all(|name| shown.contains(name)), "{shown}");
    Ok(())
}

// SPDX-License-Identifier: GPL-2.0

//! What a NIC has a limited amount of: what is in use is told as it is, another size comes with a
//! reload, and who gets nothing learns how much there is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{attach_command, detach, Attached, Mode};
use offload_tests::command::{says, Cmd};
use offload_tests::env;
use offload_tests::kmsg::Moment;
use offload_tests::link::{await_that, Link};
use offload_tests::module::Module;
use offload_tests::netns::NetNs;
use offload_tests::nic::Nic;
use offload_tests::traffic::{traffic_flows, under_traffic};
use offload_uapi::limits::DEVICE_MEMORY;

const MEMORY: &str = "/memory";
const MAP_MEMORY: &str = "/memory/map_memory";
const MAP_ENTRIES: &str = "/map_entries";
const PROGRAMS: &str = "/programs";
const OPERATIONS: &str = "/operations";
const RULES: &str = "/rules";
const RAW_TABLES: &str = "/raw_tables";
const RAW_RULES: &str = "/raw_rules";
const RSS_CONTEXTS: &str = "/rss_contexts";
const RSS_ENTRIES: &str = "/rss_entries";
const FLOWS: &str = "/flows";
const GRO_FLOWS: &str = "/gro_flows";
const PARSER_NODES: &str = "/parser_nodes";
const PARSER_ENTRIES: &str = "/parser_entries";
const PARSER_HEADERS: &str = "/parser_headers";
const PARSER_BYTES: &str = "/parser_bytes";

/// What a NIC has in use when nobody has asked for anything: programs run on stacks, a port spreads its
/// frames, and there is a graph by which they are parsed.
const AT_REST: [&str; 6] = [
    MEMORY,
    RSS_ENTRIES,
    PARSER_NODES,
    PARSER_ENTRIES,
    PARSER_HEADERS,
    PARSER_BYTES,
];

type Used = BTreeMap<String, u64>;

/// Something in the BPF file system, removed on drop.
struct Pin(String);

impl Pin {
    fn new(name: &str) -> Self {
        Self(format!("/sys/fs/bpf/resources_{name}"))
    }

    /// The command that loads `tests/bpf/OBJECT.bpf.c` for onic0.
    fn load(&self, object: &str) -> Result<Cmd> {
        Ok(Cmd::new("bpftool prog load")
            .arg(env::object(object)?)
            .args(format!("{} type xdp offload_dev onic0", self.0)))
    }

    /// The command that makes a map with keys of 4 bytes and values of 8 bytes in onic0's device.
    fn create(&self, kind: &str, entries: u64) -> Cmd {
        Cmd::new(format!(
            "bpftool map create {} type {kind} key 4 value 8 entries {entries} name counted \
             offload_dev onic0",
            self.0
        ))
    }

    fn program(object: &str) -> Result<Self> {
        let pin = Self::new(object);
        pin.load(object)?.run()?;
        Ok(pin)
    }

    fn map(kind: &str, entries: u64) -> Result<Self> {
        let pin = Self::new(&format!("{kind}_{entries}"));
        pin.create(kind, entries).run()?;
        Ok(pin)
    }

    /// Operations of a program's image: what is behind its head of 64 bytes, 20 for each.
    fn operations(&self) -> Result<u64> {
        let program = Cmd::new(format!("bpftool -j prog show pinned {}", self.0)).json()?;
        let bytes = program["bytes_jited"].as_u64().context("no image")?;
        ensure!(bytes > 64 && (bytes - 64) % 20 == 0, "{program}");
        Ok((bytes - 64) / 20)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A NIC with two ports, up.
struct Bench {
    nic: Nic,
    port: Link,
    _module: Module,
}

impl Bench {
    fn new() -> Result<Self> {
        // Every refusal is to be in the kernel's log, however many there were of late.
        std::fs::write("/proc/sys/net/core/message_cost", "0")?;
        let module = Module::insert("nics=1 ports=2 queues=1")?;
        let this = Self {
            nic: Nic { id: 0 },
            port: Link::new("onic0"),
            _module: module,
        };
        this.up()?;
        Ok(this)
    }

    fn up(&self) -> Result<()> {
        for port in self.nic.ports()? {
            port.set("up").run()?;
        }
        self.port.await_carrier()
    }

    /// The NIC has these sizes from here on.
    fn set(&self, sizes: &[(&str, u64)]) -> Result<()> {
        for (path, size) in sizes {
            self.nic.resize(path, *size).run()?;
        }
        self.nic.reload().run()?;
        let all = self.nic.resources()?;
        for (path, size) in sizes {
            let resource = &all[*path];
            ensure!(
                resource.size == *size && resource.size_new.is_none(),
                "{path} is not {size}: {resource:?}"
            );
        }
        self.up()
    }

    /// Waits until as much is in use as was `before`: what has no user any more is freed from a
    /// work queue.
    fn await_used(&self, before: &Used) -> Result<()> {
        let mut now = Used::new();
        let done = await_that("what was in use before", || {
            now = self.nic.used()?;
            Ok(now == *before)
        });
        done.with_context(|| format!("{now:?} instead of {before:?}"))
    }

    /// How much more is in use than `before`.
    fn grown(&self, before: &Used) -> Result<Used> {
        let now = self.nic.used()?.into_iter();
        now.map(|(path, used)| {
            let grown = used.checked_sub(before[&path]);
            let grown = grown.with_context(|| format!("{path} has shrunk"))?;
            Ok((path, grown))
        })
        .collect()
    }
}

#[test]
fn what_there_is() -> Result<()> {
    let _module = Module::insert("nics=2 ports=1 queues=1")?;
    for nic in [Nic { id: 0 }, Nic { id: 1 }] {
        let all = nic.resources()?;
        let mut seen = Vec::new();
        for (path, resource) in &all {
            ensure!(resource.size_new.is_none(), "{path}: {resource:?}");
            let range = match &**path {
                MEMORY => None,
                MAP_MEMORY => Some([0, DEVICE_MEMORY, 4096]),
                _ => Some([0, resource.size, 1]),
            };
            ensure!(resource.range == range, "{path}: {resource:?}");
            let at_rest = AT_REST.contains(&&**path);
            ensure!(at_rest == (resource.used > 0), "{all:?}");
            seen.push((&**path, resource.size));
        }
        let expected = [
            (FLOWS, 64 * 4096),
            (GRO_FLOWS, 512),
            (MAP_ENTRIES, DEVICE_MEMORY / 8),
            (MEMORY, DEVICE_MEMORY),
            (MAP_MEMORY, DEVICE_MEMORY),
            (OPERATIONS, DEVICE_MEMORY / 32),
            (PARSER_BYTES, 256 * 1024),
            (PARSER_ENTRIES, 16_384),
            (PARSER_HEADERS, 64),
            (PARSER_NODES, 1024),
            (PROGRAMS, DEVICE_MEMORY / 128),
            (RAW_RULES, 64 * 16_384),
            (RAW_TABLES, 64 * 16),
            (RSS_CONTEXTS, 64 * 64),
            (RSS_ENTRIES, 65 * 64 * 512),
            (RULES, 64 * 16_384),
        ];
        ensure!(seen == expected, "{seen:?}");
    }
    Ok(())
}

#[test]
fn what_comes_is_counted_until_it_goes() -> Result<()> {
    let bench = Bench::new()?;
    let before = bench.nic.used()?;

    let array = Pin::map("array", 100)?;
    let grown = bench.grown(&before)?;
    let expected = [
        (FLOWS, 0),
        (GRO_FLOWS, 0),
        (MAP_ENTRIES, 100),
        (MEMORY, 800),
        (MAP_MEMORY, 800),
        (OPERATIONS, 0),
        (PARSER_BYTES, 0),
        (PARSER_ENTRIES, 0),
        (PARSER_HEADERS, 0),
        (PARSER_NODES, 0),
        (PROGRAMS, 0),
        (RAW_RULES, 0),
        (RAW_TABLES, 0),
        (RSS_CONTEXTS, 0),
        (RSS_ENTRIES, 0),
        (RULES, 0),
    ];
    let expected: Used = expected.map(|(path, by)| (path.to_owned(), by)).into();
    ensure!(grown == expected, "an array: {grown:?}");

    let hash = Pin::map("hash", 50)?;
    let with_hash = bench.grown(&before)?;
    ensure!(with_hash[MAP_ENTRIES] == 150, "a hash: {with_hash:?}");
    // A key, a value and two links.
    let bytes = with_hash[MAP_MEMORY] - 800;
    ensure!(bytes > 50 * 24, "{with_hash:?}");
    ensure!(with_hash[MEMORY] == 800 + bytes, "{with_hash:?}");

    let pass = Pin::program("pass")?;
    let with_pass = bench.grown(&before)?;
    let operations = pass.operations()?;
    ensure!(
        with_pass[PROGRAMS] == 1
            && with_pass[OPERATIONS] == operations
            && with_pass[MAP_MEMORY] == with_hash[MAP_MEMORY]
            && with_pass[MEMORY] > with_hash[MEMORY] + 20 * operations,
        "a program of {operations} operations: {with_pass:?}"
    );

    // Attached, with maps of its own; and another one in its place.
    for object in ["firewall", "stamp_a"] {
        let _ = detach(&bench.port, Mode::Offload);
        let program = Attached::new(&bench.port, Mode::Offload, object)?;
        await_that("one program more", || {
            Ok(bench.grown(&before)?[PROGRAMS] == 2)
        })?;
        let bytes = program.show()?["bytes_jited"].as_u64().context("image")?;
        let mut entries = 150;
        for id in program.maps()?.values().map(|map| map.id) {
            let map = Cmd::new(format!("bpftool -j map show id {id}")).json()?;
            entries += map["max_entries"].as_u64().context("max_entries")?;
        }
        await_that("its operations and its maps", || {
            let grown = bench.grown(&before)?;
            Ok(
                grown[OPERATIONS] == operations + (bytes - 64) / 20
                    && grown[MAP_ENTRIES] == entries,
            )
        })?;
    }
    detach(&bench.port, Mode::Offload)?;
    bench.await_used(
        &with_pass
            .iter()
            .map(|(path, by)| (path.clone(), before[path] + by))
            .collect(),
    )?;
    drop((array, hash, pass));
    bench.await_used(&before)
}

#[test]
fn what_is_refused_is_not_counted() -> Result<()> {
    let bench = Bench::new()?;
    let before = bench.nic.used()?;
    for object in [
        "bad_size",
        "bad_helper",
        "bad_callback",
        "bad_load",
        "bad_map_entries",
        "bad_map_flags",
        "bad_map_value",
        "bad_map_memory",
        "bad_global",
    ] {
        attach_command(&bench.port, Mode::Offload, object)?.refused()?;
        bench
            .await_used(&before)
            .with_context(|| object.to_owned())?;
    }
    // By a switch, at its last instruction.
    bench.nic.throw("bpf_bind_verifier_accept", "N")?;
    Pin::new("pass").load("pass")?.refused()?;
    bench.await_used(&before)
}

/// A program too many: the verifier's log says so.
#[test]
fn a_program_beyond_the_limit() -> Result<()> {
    let bench = Bench::new()?;
    bench.set(&[(PROGRAMS, 1)])?;
    let first = Pin::program("pass")?;
    let before = bench.nic.used()?;
    let second = Pin::new("drop");
    let words = "[offload_nic] programs: 1 asked for, 1 of 1 in use; \
                 free programs of this device, or set another size (devlink resource)";
    for _ in 0..3 {
        let said = second.load("drop")?.refused()?;
        says(&said, &[words])?;
        says(&said, &["-E2BIG"])?;
        bench.await_used(&before)?;
    }
    // The first one is not disturbed.
    bench
        .port
        .set(format!("xdpoffload pinned {}", first.0))
        .run()?;
    detach(&bench.port, Mode::Offload)?;
    drop(first);
    await_that("room for another one", || {
        Ok(bench.nic.used()?[PROGRAMS] == 0)
    })?;
    second.load("drop")?.run()?;
    Ok(())
}

/// Down to the last operation.
#[test]
fn operations_beyond_the_limit() -> Result<()> {
    let bench = Bench::new()?;
    let objects = ["protocols", "calls", "stamp_b"];
    let mut needed = Vec::new();
    for object in objects {
        needed.push(Pin::program(object)?.operations()?);
    }
    for (object, needed) in objects.into_iter().zip(needed) {
        let short = needed - 1;
        bench.set(&[(OPERATIONS, short)])?;
        let before = bench.nic.used()?;
        let pin = Pin::new(object);
        let moment = Moment::now()?;
        let said = pin.load(object)?.refused()?;
        says(&said, &["-E2BIG"])?;
        // Before the verifier has cut out what no path leads to.
        let advice = "free programs of this device, or set another size (devlink resource)";
        let words = format!(" asked for, 0 of {short} in use; {advice}; refused unless");
        says(&said, &["[offload_nic] operations: ", &words])?;
        // After that.
        let words = format!(
            "program '{}' refused: operations: {needed} asked for, 0 of {short} in use; {advice}",
            &object[..object.len().min(15)]
        );
        says(&moment.log()?, &["offload_nic0: ", &words])?;
        bench.await_used(&before)?;
        bench.set(&[(OPERATIONS, needed)])?;
        pin.load(object)?.run()?;
        let used = bench.nic.used()?;
        ensure!(used[OPERATIONS] == needed, "{object}: {used:?}");
        let said = Pin::new("another").load("pass")?.refused()?;
        let words = format!(" asked for, {needed} of {needed} in use");
        says(&said, &["[offload_nic] operations: ", &words])?;
        drop(pin);
        bench.await_used(&before)?;
    }
    Ok(())
}

/// Memory is asked for twice: when the program is stored, and when it is translated.
#[test]
fn a_program_without_memory() -> Result<()> {
    let bench = Bench::new()?;
    let pin = Pin::new("pass");
    let before = bench.nic.used()?;
    // What the device has in use while the verifier looks at the program.
    let said = Cmd::new("bpftool -d prog load")
        .arg(env::object("pass")?)
        .args(format!("{} type xdp offload_dev onic0", pin.0))
        .output()?;
    let said = format!("{}{}", said.stdout(), said.stderr());
    let (_, behind) = said
        .split_once("[offload_nic] taken: ")
        .and_then(|(_, line)| line.split_once("device memory: "))
        .with_context(|| format!("no line: {said}"))?;
    let in_use = behind.split(' ').next().context("no number")?;
    let stored = in_use.parse::<u64>()? - before[MEMORY];
    std::fs::remove_file(&pin.0)?;
    bench.await_used(&before)?;

    let left = DEVICE_MEMORY - before[MEMORY];
    let large = Pin::new("large");
    let large_command = "type array key 4 value 65536 name large offload_dev onic0";
    Cmd::new(format!("bpftool map create {}", large.0))
        .args(format!("{large_command} entries {}", left / 65_536 - 1))
        .run()?;
    let left = DEVICE_MEMORY - bench.nic.used()?[MEMORY];
    for (room, words) in [
        (
            8,
            &["free maps or programs of this device; device memory: "][..],
        ),
        (stored + 8, &["; refused unless", "; device memory: "]),
    ] {
        let rest = Pin::map("array", (left - room) / 8)?;
        let full = bench.nic.used()?;
        let moment = Moment::now()?;
        let said = pin.load("pass")?.refused()?;
        says(&said, &["-ENOMEM"])?;
        let start = "[offload_nic] no device memory for the program: ";
        let of = format!(" of {DEVICE_MEMORY} bytes in use");
        says(&said, &[&[start, " bytes asked for", &of], words].concat())?;
        let log = moment.log()?;
        let told = says(&log, &["offload_nic0: program 'pass' refused: ", &of]);
        ensure!(told.is_ok() == (room > 8), "{room} bytes left: {log}");
        bench.await_used(&full)?;
        drop(rest);
        await_that("room", || {
            Ok(DEVICE_MEMORY - bench.nic.used()?[MEMORY] == left)
        })?;
    }
    drop(large);
    bench.await_used(&before)
}

/// `BPF_MAP_CREATE` has no log: the kernel's says it, and the health reporter.
#[test]
fn maps_beyond_the_limits() -> Result<()> {
    let bench = Bench::new()?;
    bench.set(&[(MAP_ENTRIES, 600), (MAP_MEMORY, 4096)])?;
    let first = Pin::map("array", 100)?;
    let before = bench.nic.used()?;
    let reporter = format!("{} reporter bpf", bench.nic.handle());
    let advice = "free maps of this device, or set another size (devlink resource)";
    for (entries, errno, words) in [
        (
            413,
            "Cannot allocate memory",
            "map_memory: 3304 bytes asked for, 800 of 4096 in use",
        ),
        // The first one that is short is the one that is told.
        (
            600,
            "Cannot allocate memory",
            "map_memory: 4800 bytes asked for, 800 of 4096 in use",
        ),
    ] {
        refused_map(
            &bench,
            "array",
            entries,
            errno,
            &format!("{words}; {advice}"),
        )?;
        let health = Cmd::new(format!("devlink health diagnose {reporter}")).run()?;
        ensure!(health.contains(words), "{health}");
        bench.await_used(&before)?;
    }
    // To the last byte.
    let second = Pin::map("array", 412)?;
    let full = bench.nic.resources()?;
    ensure!(full[MAP_MEMORY].used == full[MAP_MEMORY].size, "{full:?}");
    drop(second);
    bench.await_used(&before)?;

    drop(first);
    await_that("no map", || Ok(bench.nic.used()?[MAP_ENTRIES] == 0))?;
    bench.set(&[(MAP_ENTRIES, 10), (MAP_MEMORY, DEVICE_MEMORY)])?;
    let _first = Pin::map("hash", 4)?;
    let before = bench.nic.used()?;
    let words = format!("map_entries: 7 asked for, 4 of 10 in use; {advice}");
    for kind in ["hash", "array"] {
        refused_map(&bench, kind, 7, "Argument list too long", &words)?;
        bench.await_used(&before)?;
    }
    let _second = Pin::map("array", 6)?;
    Ok(())
}

fn refused_map(bench: &Bench, kind: &str, entries: u64, errno: &str, words: &str) -> Result<()> {
    let moment = Moment::now()?;
    let said = Pin::new("refused").create(kind, entries).refused()?;
    says(&said, &[errno])?;
    let asked = format!("max_entries {entries}) refused: ");
    let nic = format!("offload_nic{}: ", bench.nic.id);
    says(&moment.log()?, &[&nic, &asked, words])
}

/// Rules, contexts and their tables are those of all ports; who gets none learns why.
#[test]
fn steering_beyond_the_limits() -> Result<()> {
    let _module = Module::insert("nics=1 ports=2 queues=4")?;
    std::fs::write("/proc/sys/net/core/message_cost", "0")?;
    let nic = Nic { id: 0 };
    let ethtool =
        |port: &str, verb: &str, args: &str| Cmd::new(format!("ethtool {verb} {port}")).args(args);
    let entries = nic.used()?[RSS_ENTRIES] / 2;
    let (contexts, rules) = (3, 2);
    for (path, size) in [(RSS_CONTEXTS, contexts), (RULES, rules)] {
        nic.resize(path, size).run()?;
    }
    // Room for the tables of the ports themselves, and of two contexts.
    nic.resize(RSS_ENTRIES, 4 * entries).run()?;
    nic.reload().run()?;
    let empty = nic.used()?;

    let new = "context new equal 2";
    let said = ethtool("onic0", "-X", new).run()?;
    let first = said
        .split_whitespace()
        .last()
        .context("no context")?
        .to_owned();
    ethtool("onic1", "-X", new).run()?;
    let full = nic.used()?;
    ensure!(
        full[RSS_CONTEXTS] == 2 && full[RSS_ENTRIES] == 4 * entries,
        "{full:?}"
    );
    let advice = "delete RSS contexts of this device, or set another size (devlink resource)";
    let words = format!(
        "rss_entries: {entries} asked for, {0} of {0} in use; {advice}",
        4 * entries
    );
    let moment = Moment::now()?;
    let said = ethtool("onic1", "-X", new).refused()?;
    // By the answer, or where the request has none, in the log.
    says(&format!("{said}{}", moment.log()?), &[&words])?;
    ensure!(nic.used()? == full, "something is taken");

    let rule = "flow-type udp4 action 1 dst-port";
    for (port, number) in [("onic0", 1), ("onic1", 2)] {
        ethtool(port, "-N", &format!("{rule} {number} loc 5")).run()?;
    }
    let full = nic.used()?;
    let moment = Moment::now()?;
    ethtool("onic1", "-N", &format!("{rule} 3 loc 6")).refused()?;
    let words =
        "onic1: rule refused: rules: 1 asked for, 2 of 2 in use; delete rules of this device, \
                 or set another size (devlink resource)";
    says(&moment.log()?, &[words])?;
    ensure!(nic.used()? == full, "something is taken");
    // In the place of another one there is room.
    ethtool("onic1", "-N", &format!("{rule} 3 loc 5")).run()?;

    // Not below what is in use.
    for (path, used) in [(RULES, 2), (RSS_CONTEXTS, 2)] {
        nic.resize(path, used - 1).run()?;
        let name = path.trim_start_matches('/');
        let words = format!(
            "resource {name}: size {} asked for, {used} in use",
            used - 1
        );
        says(&nic.reload().refused()?, &[&words])?;
    }
    ethtool("onic0", "-N", "delete 5").run()?;
    ethtool("onic0", "-X", &format!("context {first} delete")).run()?;
    let now = nic.used()?;
    ensure!(
        now[RULES] == 1 && now[RSS_CONTEXTS] == 1 && now[RSS_ENTRIES] == 3 * entries,
        "{now:?}"
    );
    // New interfaces have none.
    nic.reload().run()?;
    await_that("what was in use before", || Ok(nic.used()? == empty))
}

/// Sizes that are no sizes are refused by the core, and nothing is to come then.
#[test]
fn sizes_out_of_range() -> Result<()> {
    let bench = Bench::new()?;
    let before = bench.nic.resources()?;
    for (path, size, words) in [
        (MAP_MEMORY, DEVICE_MEMORY + 4096, "Size larger than maximum"),
        (MAP_MEMORY, 4097, "Wrong granularity"),
        (MEMORY, 2 * DEVICE_MEMORY, "Size larger than maximum"),
        (MEMORY, 4096, "Size smaller than minimum"),
        (PROGRAMS, 1 << 40, "Size larger than maximum"),
        (OPERATIONS, u64::MAX, "Size larger than maximum"),
        (FLOWS, 64 * 4096 + 1, "Size larger than maximum"),
        (GRO_FLOWS, 513, "Size larger than maximum"),
        (
            MAP_ENTRIES,
            before[MAP_ENTRIES].size + 1,
            "Size larger than maximum",
        ),
    ] {
        let said = bench.nic.resize(path, size).refused()?;
        says(&said, &[words]).with_context(|| format!("{path} {size}"))?;
        ensure!(bench.nic.resources()? == before, "{path} {size}");
    }
    Ok(())
}

/// A reload that would leave less than is in use says so, and takes nothing down.
#[test]
fn sizes_below_what_is_in_use() -> Result<()> {
    let bench = Bench::new()?;
    let port = &bench.port;
    let program = Attached::new(port, Mode::Offload, "firewall")?;
    let _map = Pin::map("array", 4096)?;
    let verdicts = program.map("verdicts")?;
    let (before, ifindex) = (bench.nic.resources()?, port.index()?);
    let far = Link::new("onic1");
    under_traffic(&far, || {
        for path in [MAP_MEMORY, MAP_ENTRIES, PROGRAMS, OPERATIONS] {
            let used = before[path].used;
            for size in [0, (used - 1) / 4096 * 4096] {
                bench.nic.resize(path, size).run()?;
                let shown = bench.nic.resources()?;
                ensure!(shown[path].size_new == Some(size), "{shown:?}");
                let said = bench.nic.reload().refused()?;
                let name = path.rsplit('/').next().unwrap_or_default();
                let words = format!(
                    "Error: offload_nic: resource {name}: size {size} asked for, {used} in use."
                );
                says(&said, &[&words])?;
                // Nor into another namespace.
                bench.nic.resize(path, size).run()?;
                let ns = NetNs::new("elsewhere")?;
                let said = bench.nic.reload().args(format!("netns {}", ns.name()));
                says(&said.refused()?, &[&words])?;

                ensure!(bench.nic.resources()? == before, "{path} {size}");
                ensure!(port.index()? == ifindex, "another interface");
                let now = Attached::of(port, Mode::Offload)?.context("no program")?;
                ensure!(now.id == program.id, "another program");
                traffic_flows(port)?;
                ensure!(!verdicts.dump()?.is_empty(), "the map can't be read");
            }
        }
        Ok(())
    })?;
    // What was asked for is forgotten: the next reload is one like any other.
    bench.nic.reload().run()?;
    let after = bench.nic.resources()?;
    for (path, resource) in &after {
        let at_rest = AT_REST.contains(&&**path) || resource.used == 0;
        ensure!(at_rest && resource.size == before[path].size, "{after:?}");
    }
    Ok(())
}

/// Exactly as much as is in use will do, and more.
#[test]
fn other_sizes_come_with_a_reload() -> Result<()> {
    let bench = Bench::new()?;
    let other = Nic::new(1, 1, 1)?;
    let untouched = other.resources()?;
    let empty = bench.nic.used()?;
    let far = Link::new("onic1");
    for round in 0..3 {
        let program = Attached::new(&bench.port, Mode::Offload, "firewall")?;
        let used = bench.nic.used()?;
        let pages = used[MAP_MEMORY].div_ceil(4096) * 4096;
        let sizes = [
            (MAP_MEMORY, pages),
            (MAP_ENTRIES, used[MAP_ENTRIES]),
            (PROGRAMS, used[PROGRAMS] + round),
            (OPERATIONS, used[OPERATIONS]),
        ];
        under_traffic(&far, || {
            traffic_flows(&bench.port)?;
            bench.set(&sizes)
        })?;
        // The program went with the reload, as without another size.
        let gone = Attached::of(&bench.port, Mode::Offload)?;
        ensure!(gone.is_none(), "program {} is there", program.id);
        bench.await_used(&empty)?;
        ensure!(other.resources()? == untouched, "the other NIC has changed");
        under_traffic(&far, || traffic_flows(&bench.port))?;
    }
    // It still fits, and the sizes stay over other reloads.
    Attached::new(&bench.port, Mode::Offload, "firewall")?;
    let sizes = |all: &offload_tests::resources::Resources| -> Vec<u64> {
        all.values().map(|resource| resource.size).collect()
    };
    let before = sizes(&bench.nic.resources()?);
    bench.nic.reload().run()?;
    ensure!(
        sizes(&bench.nic.resources()?) == before,
        "not the same sizes"
    );
    Ok(())
}

/// A namespace that ends does not ask.
#[test]
fn a_nic_comes_home_with_any_size() -> Result<()> {
    let bench = Bench::new()?;
    let ns = NetNs::new("ending")?;
    let into = bench.nic.reload().args(format!("netns {}", ns.name()));
    into.run()?;
    let port = Link::within(&ns, "onic0");
    let program = Attached::new(&port, Mode::Offload, "firewall")?;
    let small = bench.nic.resize(PROGRAMS, 0);
    small.in_netns(Some(ns.name())).run()?;
    let shown = bench.nic.resources_in(Some(ns.name()))?;
    ensure!(
        shown[PROGRAMS].size_new == Some(0) && shown[PROGRAMS].used == 1,
        "program {}: {shown:?}",
        program.id
    );
    drop(ns);
    await_that("the NIC in the first namespace", || {
        let home = bench.nic.resources();
        Ok(home.is_ok_and(|all| all.contains_key(PROGRAMS)) && bench.nic.ports()?.len() == 2)
    })?;
    await_that("nothing in use", || Ok(bench.nic.used()?[PROGRAMS] == 0))?;
    let said = Pin::new("none").load("pass")?.refused()?;
    says(
        &said,
        &["[offload_nic] programs: 1 asked for, 0 of 0 in use"],
    )?;
    bench.set(&[(PROGRAMS, 1)])?;
    Pin::program("pass")?;
    Ok(())
}

/// Whoever looks while programs and maps come and go sees no more than there is, and at the end
/// nothing.
#[test]
fn many_at_once() -> Result<()> {
    const WORKERS: usize = 4;
    const ROUNDS: usize = 12;
    let bench = Bench::new()?;
    bench.set(&[(PROGRAMS, 2), (MAP_ENTRIES, 100)])?;
    let before = bench.nic.used()?;
    let stop = AtomicBool::new(false);
    let (loaded, refused) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| -> Result<u32> {
            let mut looks = 0;
            while !stop.load(Ordering::Relaxed) {
                for (path, resource) in bench.nic.resources()? {
                    ensure!(resource.used <= resource.size, "{path}: {resource:?}");
                }
                looks += 1;
            }
            Ok(looks)
        });
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                scope.spawn(move || -> Result<(u32, u32)> {
                    let (mut loaded, mut refused) = (0, 0);
                    for round in 0..ROUNDS {
                        let pin = Pin::new(&format!("worker_{worker}"));
                        let is_map = (worker + round) % 2 == 0;
                        let command = if is_map {
                            pin.create("hash", 40)
                        } else {
                            pin.load("pass")?
                        };
                        let done = command.output()?;
                        let said = format!("{}{}", done.stdout(), done.stderr());
                        if done.success() {
                            loaded += 1;
                        } else if is_map {
                            says(&said, &["Argument list too long"])?;
                            refused += 1;
                        } else {
                            says(
                                &said,
                                &["[offload_nic] programs: 1 asked for, 2 of 2 in use"],
                            )?;
                            refused += 1;
                        }
                    }
                    Ok((loaded, refused))
                })
            })
            .collect();
        let done = workers.into_iter().try_fold((0, 0), |sum, worker| {
            let (loaded, refused) = worker.join().expect("a worker")?;
            Ok::<_, anyhow::Error>((sum.0 + loaded, sum.1 + refused))
        });
        stop.store(true, Ordering::Relaxed);
        let looks = watcher.join().expect("the watcher")?;
        println!("{looks} looks");
        done
    })?;
    println!("{loaded} loaded, {refused} refused");
    ensure!(loaded > 0, "nothing was loaded");
    bench.await_used(&before)
}

// SPDX-License-Identifier: GPL-2.0

//! The bus: NICs, ports and cables that come and go, what of them debugfs shows, and the
//! switches by which tests have them refuse things.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use nix::errno::Errno;
use offload_tests::bpf::{attach_command, detach, Attached, Mode};
use offload_tests::command::{says, Cmd};
use offload_tests::env;
use offload_tests::kmsg::Moment;
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::netns::NetNs;
use offload_tests::nic::{ask_bus, errno_of, plug, unplug, End, Nic};
use offload_tests::tc::{self, Runner};
use offload_tests::traffic::{traffic_flows, under_traffic};

/// Loads `object` for `link` without putting it on, and pins it.
fn load(link: &Link, object: &str, pin: &str) -> Result<Cmd> {
    Ok(Cmd::new("bpftool prog load")
        .arg(env::object(object)?)
        .args(format!("{pin} type xdp offload_dev {}", link.name)))
}

#[test]
fn nics_come_and_go() -> Result<()> {
    let module = Module::insert("nics=0")?;
    ensure!(Link::new("onic0").show().is_err(), "a NIC too many");
    let nic = Nic::new(7, 3, 2)?;
    let ports = nic.ports()?;
    ensure!(ports.len() == 3, "ports: {ports:?}");
    for port in &ports {
        let show = port.show()?;
        ensure!(show["num_tx_queues"] == 2, "{show}");
        ensure!(show["parentbus"] == "offload_nic", "{show}");
        ensure!(show["parentdev"] == "offload_nic7", "{show}");
        let text = port.cmd(format!("ethtool -i {}", port.name)).run()?;
        ensure!(
            text.contains("driver: offload_nic\n") && text.contains("bus-info: offload_nic7\n"),
            "{text}"
        );
        // netdevsim's NICs have no cables by themselves either.
        port.set("up").run()?;
        ensure!(!port.has_carrier()?, "a carrier without a cable");
    }
    let driver = fs::read_link("/sys/bus/offload_nic/devices/offload_nic7/driver")?;
    ensure!(driver.ends_with("offload_nic"), "{driver:?}");

    let answer = errno_of(ask_bus("new_device", "7 1 1"))?;
    ensure!(answer == Errno::ENOSPC, "a second NIC 7: {answer}");
    nic.remove()?;
    ensure!(ports[0].show().is_err(), "a port outlives its NIC");
    let answer = errno_of(ask_bus("del_device", "7"))?;
    ensure!(answer == Errno::ENOENT, "del_device without one: {answer}");

    // As many as one likes; all go with the module.
    for id in 0..20 {
        Nic::new(id, id % 3, 1)?;
    }
    drop(module);
    for path in ["/sys/bus/offload_nic", "/sys/kernel/debug/offload_nic"] {
        ensure!(!Path::new(path).exists(), "{path} is left");
    }
    Ok(())
}

#[test]
fn nonsense_is_refused_with_the_usage() -> Result<()> {
    let _module = Module::insert("nics=1")?;
    let onic = End::new(&Link::new("onic0"))?;
    let lo = End::new(&Link::new("lo"))?;
    let itself = format!("{} {}", onic.text(), onic.text());
    let other = format!("{} {}", onic.text(), lo.text());
    let free = End::new(&Nic::new(1, 1, 1)?.ports()?[0])?;
    let taken = format!("{} {}", free.text(), onic.text());
    let nic0 = "devices/offload_nic0";
    let (new_port, del_port) = (format!("{nic0}/new_port"), format!("{nic0}/del_port"));
    // One for all: the kernel takes few lines a second from user space.
    let moment = Moment::now()?;
    let mut read = 0;
    for (file, request, errno, words) in [
        ("new_device", "\n", Errno::EINVAL, "ID [PORTS [QUEUES]]"),
        ("new_device", "one", Errno::EINVAL, "ID [PORTS [QUEUES]]"),
        (
            "new_device",
            "1 1 1 1",
            Errno::EINVAL,
            "ID [PORTS [QUEUES]]",
        ),
        ("new_device", "2147483648", Errno::EINVAL, "0 to 2147483647"),
        (
            "new_device",
            "2 65",
            Errno::EINVAL,
            "ports 65 is out of range: 0 to 64",
        ),
        (
            "new_device",
            "2 1 0",
            Errno::EINVAL,
            "queues 0 is out of range: 1 to 128",
        ),
        ("del_device", "x", Errno::EINVAL, "takes \"ID\""),
        (
            "link_device",
            "1:1",
            Errno::EINVAL,
            "NETNSFD:IFINDEX NETNSFD:IFINDEX",
        ),
        (
            "link_device",
            "1-1 1-1",
            Errno::EINVAL,
            "NETNSFD:IFINDEX NETNSFD:IFINDEX",
        ),
        (
            "link_device",
            "9999:1 9999:2",
            Errno::EINVAL,
            "not a file descriptor",
        ),
        ("link_device", &itself, Errno::EINVAL, "are one port"),
        (
            "link_device",
            &other,
            Errno::EINVAL,
            "not a port of an offload_nic",
        ),
        (
            "link_device",
            &taken,
            Errno::EBUSY,
            "has a cable: write it to unlink_device",
        ),
        (
            "unlink_device",
            "1",
            Errno::EINVAL,
            "takes \"NETNSFD:IFINDEX\"",
        ),
        (
            "unlink_device",
            &lo.text(),
            Errno::EINVAL,
            "not a port of an offload_nic",
        ),
        (&new_port, "first", Errno::EINVAL, "takes \"PORT\""),
        (
            &new_port,
            "64",
            Errno::EINVAL,
            "port 64 of offload_nic0 is out of range: 0 to 63",
        ),
        (&new_port, "0", Errno::EEXIST, ""),
        (&del_port, "first", Errno::EINVAL, "takes \"PORT\""),
        (&del_port, "2", Errno::ENOENT, ""),
    ] {
        let answer =
            errno_of(ask_bus(file, request)).with_context(|| format!("{request:?} to {file}"))?;
        ensure!(answer == errno, "{request:?} to {file}: {answer}");
        let log = moment.log()?;
        ensure!(
            log[read..].contains(words),
            "{request:?} to {file}: no {words:?} in the log: {}",
            &log[read..]
        );
        read = log.len();
    }
    // It all works as before.
    Link::new("onic0").set("up").run()?;
    Link::new("onic1").set("up").run()?;
    Link::new("onic0").await_carrier()
}

/// While frames come in, ports beside it come and go, and in the end the port itself.
#[test]
fn ports_come_and_go_under_traffic() -> Result<()> {
    let _module = Module::insert("nics=1 ports=2 queues=2")?;
    let nic = Nic { id: 0 };
    let [near, far] = &nic.ports()?[..] else {
        anyhow::bail!("not two ports");
    };
    for port in [near, far] {
        port.cmd(format!(
            "sysctl -q net.ipv6.conf.{}.disable_ipv6=1",
            port.name
        ))
        .run()?;
        port.set("up").run()?;
    }
    Attached::new(far, Mode::Offload, "flows")?;
    under_traffic(near, || {
        for round in 0..5 {
            for port in ["2", "40", "3"] {
                nic.ask("new_port", port).context(port)?;
            }
            traffic_flows(far).with_context(|| format!("round {round}"))?;
            for port in ["3", "2", "40"] {
                nic.ask("del_port", port).context(port)?;
            }
        }
        nic.ask("del_port", "1").context("the port that receives")?;
        ensure!(!near.has_carrier()?, "a carrier, and no other end");
        Ok(())
    })?;
    // A port of that number again, with a cable, and all is as it was.
    nic.ask("new_port", "1")?;
    let far = &nic.ports()?[1];
    far.set("up").run()?;
    plug(near, far)?;
    near.await_carrier()?;
    under_traffic(near, || traffic_flows(far))
}

#[test]
fn cables_between_nics_and_namespaces() -> Result<()> {
    let _module = Module::insert("nics=0")?;
    let homes = [NetNs::new("left")?, NetNs::new("right")?];
    let mut ends = Vec::new();
    for (id, ns) in (1..).zip(&homes) {
        ns.silence()?;
        let mut port = Nic::new(id, 1, 2)?.ports()?.remove(0);
        port.move_to(ns)?;
        port.set("up").run()?;
        ends.push(port);
    }
    let [near, far] = &ends[..] else {
        anyhow::bail!("not two ends");
    };
    for round in 0..5 {
        plug(near, far)?;
        near.await_carrier()?;
        under_traffic(near, || {
            traffic_flows(far)?;
            // From either end, under way.
            unplug(if round % 2 == 0 { near } else { far })
        })
        .with_context(|| format!("round {round}"))?;
        for end in [near, far] {
            ensure!(!end.has_carrier()?, "{end}: a carrier without a cable");
        }
        let answer = errno_of(ask_bus("unlink_device", &End::new(near)?.text()))?;
        ensure!(answer == Errno::EINVAL, "no cable to pull: {answer}");
    }
    // The NIC at one end goes, under way.
    plug(near, far)?;
    near.await_carrier()?;
    under_traffic(near, || {
        traffic_flows(far)?;
        Nic { id: 2 }.remove()
    })?;
    ensure!(!near.has_carrier()?, "a carrier, and no other end");
    Ok(())
}

/// One device behind several ports: its programs and maps live as long as one of them does.
#[test]
fn ports_share_programs_and_maps() -> Result<()> {
    let _module = Module::insert("nics=0")?;
    let nic = Nic::new(3, 3, 1)?;
    let ports = nic.ports()?;
    let pin = "/sys/fs/bpf/shared";
    load(&ports[0], "firewall", pin)?.run()?;
    let program = Attached::pinned(&ports[0], pin)?;
    for port in &ports {
        port.set(format!("xdpoffload pinned {pin}")).run()?;
        let attached = Attached::of(port, Mode::Offload)?.context("no program")?;
        ensure!(attached.id == program.id, "{port} has another program");
    }
    let key = 1_u32.to_le_bytes();
    program.map("verdicts")?.update(&key, &[5; 16])?;
    for (number, port) in ports.iter().enumerate().take(2) {
        nic.ask("del_port", &number.to_string())?;
        ensure!(port.show().is_err(), "{port} is still there");
        let show = program.show()?;
        let home = show["dev"]["ifname"].as_str().context("no device")?;
        ensure!(
            ports[number + 1..].iter().any(|port| port.name == home),
            "the program is on {home}: {show}"
        );
        let value = program.map("verdicts")?.lookup(&key)?;
        ensure!(
            value.as_deref() == Some(&[5; 16][..]),
            "value lost: {value:?}"
        );
    }
    nic.ask("del_port", "2")?;
    let show = program.show()?;
    ensure!(show["orphaned"] == true, "the last port has gone: {show}");
    // A port that comes after that begins anew.
    nic.ask("new_port", "0")?;
    let port = &nic.ports()?[0];
    let said = port.set(format!("xdpoffload pinned {pin}")).refused()?;
    ensure!(said.contains("different device"), "{said}");
    fs::remove_file(pin)?;
    Attached::new(port, Mode::Offload, "firewall")?;
    detach(port, Mode::Offload)
}

#[test]
fn debugfs_shows_the_programs_in_the_device() -> Result<()> {
    let _module = Module::insert("nics=0")?;
    let nic = Nic::new(4, 2, 1)?;
    let ports = nic.ports()?;
    let bound = || -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(nic.debug_file("bpf_bound_progs"))? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        Ok(names)
    };
    ensure!(bound()?.is_empty(), "programs before there are any");
    let pin = "/sys/fs/bpf/shown";
    load(&ports[0], "pass", pin)?.run()?;
    let id = Attached::pinned(&ports[0], pin)?.id.to_string();
    let names = bound()?;
    ensure!(names.len() == 1, "{names:?}");
    let tells = |file: &str| nic.read(&format!("bpf_bound_progs/{}/{file}", names[0]));
    ensure!(tells("id")? == id && tells("state")? == "xlated", "{id}");
    ensure!(tells("loaded")? == "N", "on no port yet");
    for (number, port) in ports.iter().enumerate() {
        let offloaded = || nic.read(&format!("ports/{number}/bpf_offloaded_id"));
        ensure!(offloaded()? == "0", "on no port yet");
        port.set(format!("xdpoffload pinned {pin}")).run()?;
        ensure!(offloaded()? == id && tells("loaded")? == "Y", "attached");
    }
    detach(&ports[0], Mode::Offload)?;
    ensure!(tells("loaded")? == "Y", "the other port still has it");
    detach(&ports[1], Mode::Offload)?;
    ensure!(tells("loaded")? == "N", "no port has it");
    fs::remove_file(pin)?;
    offload_tests::link::await_that("the program's end", || Ok(bound()?.is_empty()))?;

    // The other place for a program, and the switches of it.
    tc::prepare(&ports[0], Runner::Device)?;
    let id = tc::attach(&ports[0], Runner::Device, "tc_verdicts")?.id;
    ensure!(
        nic.read("ports/0/bpf_offloaded_id")? == id.to_string(),
        "not the filter"
    );
    nic.throw("ports/1/bpf_tc_accept", "N")?;
    tc::prepare(&ports[1], Runner::Device)?;
    let add = tc::filter(&ports[1], "add", 1, "tc_verdicts", "skip_sw")?;
    let said = add.refused()?;
    ensure!(
        said.contains("Error: offload_nic: offload_nic configured to reject BPF TC offload"),
        "{said}"
    );
    nic.throw("ports/1/bpf_tc_accept", "Y")?;
    add.run()?;
    Ok(())
}

#[test]
fn switches_make_the_device_refuse() -> Result<()> {
    let _module = Module::insert("nics=0")?;
    let nic = Nic::new(5, 1, 1)?;
    let port = &nic.ports()?.remove(0);
    let pin = "/sys/fs/bpf/switched";
    for (switch, words) in [
        // The number, by bpftool's own name for it or libbpf's.
        ("bpf_bind_accept", ""),
        (
            "bpf_bind_verifier_accept",
            "[offload_nic] Hello from offload_nic!",
        ),
    ] {
        ensure!(nic.read(switch)? == "Y", "{switch} is off from the start");
        nic.throw(switch, "N")?;
        let moment = Moment::now()?;
        let said = load(port, "pass", pin)?.refused()?;
        if words.is_empty() {
            // There is no verifier log yet.
            let name = format!("{switch} in debugfs is N");
            says(&moment.log()?, &["a program refused", &name])?;
        }
        let is_number = said.contains("Operation not supported") || said.contains("-EOPNOTSUPP");
        ensure!(is_number && said.contains(words), "{switch}: {said}");
        nic.throw(switch, "Y")?;
        load(port, "pass", pin)?.run()?;
        fs::remove_file(pin)?;
    }

    for (mode, switch, words) in [
        (
            Mode::Native,
            "ports/0/bpf_xdpdrv_accept",
            "Error: offload_nic: driver XDP disabled in DebugFS.",
        ),
        (
            Mode::Offload,
            "ports/0/bpf_xdpoffload_accept",
            "Error: offload_nic: XDP offload disabled in DebugFS.",
        ),
    ] {
        Attached::new(port, mode, "pass")?;
        nic.throw(switch, "N")?;
        // What is there may go, and nothing may come.
        detach(port, mode)?;
        let said = attach_command(port, mode, "pass")?.refused()?;
        ensure!(said.contains(words), "{said}");
        nic.throw(switch, "Y")?;
    }

    nic.throw("ports/0/bpf_map_accept", "N")?;
    let map = |name| {
        Cmd::new(format!(
            "bpftool map create /sys/fs/bpf/{name} type hash key 4 value 4 entries 4 name m \
             offload_dev {}",
            port.name
        ))
    };
    let moment = Moment::now()?;
    let said = map("refused").refused()?;
    says(
        &moment.log()?,
        &["a map of port 0 refused", "bpf_map_accept in debugfs is N"],
    )?;
    ensure!(said.contains("Operation not supported"), "{said}");
    nic.throw("ports/0/bpf_map_accept", "Y")?;
    map("taken").run()?;
    fs::remove_file("/sys/fs/bpf/taken")?;

    // As the switches of a device are found through each of its ports.
    nic.throw("ports/0/dev/bpf_bind_verifier_delay", "300")?;
    ensure!(
        nic.read("bpf_bind_verifier_delay")? == "300",
        "another file"
    );
    let start = Instant::now();
    load(port, "pass", pin)?.run()?;
    let delay = start.elapsed();
    fs::remove_file(pin)?;
    ensure!(delay >= Duration::from_millis(300), "waited {delay:?}");
    for nonsense in ["", "maybe", "-1", "99999999999999999999"] {
        for switch in ["bpf_bind_accept", "bpf_bind_verifier_delay"] {
            let answer = errno_of(fs::write(nic.debug_file(switch), format!("{nonsense}\n")));
            ensure!(answer? == Errno::EINVAL, "{nonsense:?} to {switch}");
        }
    }
    Ok(())
}

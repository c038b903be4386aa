// SPDX-License-Identifier: GPL-2.0

//! A NIC as `devlink` shows it: versions, ports, reload, and what the device refused.

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{Attached, Mode};
use offload_tests::command::Cmd;
use offload_tests::link::{await_that, Link};
use offload_tests::module::Module;
use offload_tests::netns::NetNs;
use offload_tests::nic::{plug, Nic};
use offload_tests::traffic::{traffic_flows, under_traffic};
use serde_json::Value;

/// What `devlink -j PART show` says of `what`.
fn show(part: &str, what: &str, ns: Option<&NetNs>) -> Result<Value> {
    let line = format!("devlink -j {part} show");
    let mut json = ns
        .map_or_else(|| Cmd::new(&line), |ns| ns.cmd(&line))
        .json()?;
    Ok(json[part][what].take())
}

#[test]
fn a_nic_tells_its_driver_versions_and_ports() -> Result<()> {
    let _module = Module::insert("nics=1")?;
    let nic = Nic { id: 0 };
    let mut info = Cmd::new(format!("devlink -j dev info {}", nic.handle())).json()?;
    let info = info["info"][nic.handle()].take();
    ensure!(info["driver"] == "offload_nic", "{info}");
    ensure!(info["versions"]["fixed"]["bpf.isa"] == "v4", "{info}");
    let image = info["versions"]["running"]["bpf.image"].as_str();
    let image: u32 = image.context("no bpf.image")?.parse()?;
    ensure!(image > 0, "{info}");

    for index in 0..2 {
        let shown = show("port", &format!("{}/{index}", nic.handle()), None)?;
        ensure!(
            shown["netdev"] == format!("onic{index}")
                && shown["flavour"] == "physical"
                && shown["port"] == index + 1,
            "port {index}: {shown}"
        );
    }
    nic.ask("new_port", "9")?;
    let shown = show("port", &format!("{}/9", nic.handle()), None)?;
    ensure!(shown["port"] == 10, "{shown}");
    nic.ask("del_port", "9")?;
    let shown = show("port", &format!("{}/9", nic.handle()), None)?;
    ensure!(shown.is_null(), "{shown}");
    Ok(())
}

/// Programs go, ports and their cables are there again: to a sibling and to another NIC.
#[test]
fn reload_makes_ports_anew_with_their_cables() -> Result<()> {
    let _module = Module::insert("nics=1 ports=2 queues=1")?;
    let (nic, other) = (Nic { id: 0 }, Nic::new(1, 1, 1)?);
    nic.ask("new_port", "7")?;
    let ports = nic.ports()?;
    let far = other.ports()?.remove(0);
    plug(&ports[2], &far)?;
    far.set("up").run()?;
    for port in &ports {
        port.set("up").run()?;
        Attached::new(port, Mode::Offload, "firewall")?;
    }
    for round in 0..3 {
        let addresses: Vec<_> = nic.ports()?.iter().map(Link::show).collect::<Result<_>>()?;
        under_traffic(&far, || {
            Cmd::new(format!("devlink dev reload {}", nic.handle())).run()?;
            Ok(())
        })?;
        let ports = nic.ports()?;
        ensure!(ports.len() == 3, "round {round}: {ports:?}");
        for (port, before) in ports.iter().zip(&addresses) {
            let after = port.show()?;
            ensure!(after["ifindex"] != before["ifindex"], "{port} is the same");
            ensure!(
                Attached::of(port, Mode::Offload)?.is_none(),
                "{port} has kept its program"
            );
            port.set("up").run()?;
        }
        for port in ports.iter().chain([&far]) {
            port.await_carrier()?;
        }
        under_traffic(&ports[0], || traffic_flows(&ports[1]))?;
        under_traffic(&far, || traffic_flows(&ports[2]))?;
    }
    Ok(())
}

#[test]
fn a_nic_moves_between_namespaces() -> Result<()> {
    let _module = Module::insert("nics=1 ports=2 queues=1")?;
    let nic = Nic { id: 0 };
    let ns = NetNs::new("home")?;
    let reload = format!("devlink dev reload {} netns {}", nic.handle(), ns.name());
    Cmd::new(reload).run()?;
    ensure!(nic.ports()?.is_empty(), "ports stay behind");
    let ports = ["onic0", "onic1"].map(|name| Link::within(&ns, name));
    for port in &ports {
        port.set("up").run()?;
    }
    ports[0].await_carrier()?;
    under_traffic(&ports[0], || traffic_flows(&ports[1]))?;
    let shown = show("port", &format!("{}/0", nic.handle()), Some(&ns))?;
    ensure!(shown["netdev"] == "onic0", "{shown}");
    let shown = show("port", &format!("{}/0", nic.handle()), None)?;
    ensure!(shown.is_null(), "still in the first namespace: {shown}");

    // The namespace ends: the NIC comes home.
    drop(ns);
    await_that("the NIC in the first namespace", || {
        let shown = show("port", &format!("{}/1", nic.handle()), None)?;
        Ok(!shown.is_null() && nic.ports()?.len() == 2)
    })
}

#[test]
fn a_nic_is_made_where_it_is_asked_for() -> Result<()> {
    let _module = Module::insert("nics=0")?;
    let ns = NetNs::new("maker")?;
    let nic = ns.enter(|| Nic::new(2, 1, 1))?;
    Link::within(&ns, "onic0").show()?;
    let shown = show("port", &format!("{}/0", nic.handle()), Some(&ns))?;
    ensure!(shown["netdev"] == "onic0", "{shown}");
    // From wherever it is asked to.
    nic.remove()?;
    ensure!(Link::within(&ns, "onic0").show().is_err(), "still there");
    Ok(())
}

/// `BPF_MAP_CREATE` has no place for a reason.
#[test]
fn health_tells_why_a_map_was_refused() -> Result<()> {
    let _module = Module::insert("nics=1")?;
    let nic = Nic { id: 0 };
    let reporter = format!("{} reporter bpf", nic.handle());
    let create = |entries: u64| {
        Cmd::new(format!(
            "bpftool map create /sys/fs/bpf/none type array key 4 value 8 entries {entries} \
             name none offload_dev onic0"
        ))
    };
    let health = || -> Result<Value> {
        let mut all = show("health", &nic.handle(), None)?;
        Ok(all[0].take())
    };
    let before = health()?;
    ensure!(
        before["reporter"] == "bpf" && before["error"] == 0,
        "{before}"
    );
    for (count, entries) in [(1, 4_000_000_000), (2, 3_000_000_000)] {
        create(entries).refused()?;
        // devlink is told from a work queue.
        await_that("a report", || Ok(health()?["error"] == count))?;
        let after = health()?;
        ensure!(after["state"] == "healthy", "nothing is broken: {after}");
        let said = Cmd::new(format!("devlink health diagnose {reporter}")).run()?;
        for words in [
            "request",
            "max_entries",
            &entries.to_string(),
            "1048576",
            "memory_limit: 268435456",
        ] {
            ensure!(said.contains(words), "no {words:?}: {said}");
        }
    }
    // The dump is that of the first one, until it is cleared.
    let dump = Cmd::new(format!("devlink health dump show {reporter}"));
    ensure!(dump.run()?.contains("4000000000"), "{}", dump.run()?);
    Cmd::new(format!("devlink health dump clear {reporter}")).run()?;
    create(5_000_000).refused()?;
    await_that("a report", || Ok(health()?["error"] == 3))?;
    ensure!(dump.run()?.contains("5000000"), "{}", dump.run()?);
    Ok(())
}

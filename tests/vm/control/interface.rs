// SPDX-License-Identifier: GPL-2.0

//! A port as a network interface: addresses, carrier, MTU, counters, rings, queues,
//! namespaces, and the module's parameters.

use std::collections::BTreeSet;

use anyhow::{ensure, Context, Result};
use offload_tests::cable::Cable;
use offload_tests::command::{Background, Cmd};
use offload_tests::env;
use offload_tests::frames::{mark, mark_number, Frames, JUMBO_MTU, MARK_PASS};
use offload_tests::link::{receive_queues, Link};
use offload_tests::module::Module;
use offload_tests::netns::NetNs;
use offload_tests::wire::{Capture, Sender};
use offload_uapi::{limits, stats};

fn ports(count: usize) -> impl Iterator<Item = Link> {
    (0..count).map(|index| Link::new(&format!("onic{index}")))
}

#[test]
fn two_ports_with_real_addresses() -> Result<()> {
    let _module = Module::insert("")?;
    let mut addresses = BTreeSet::new();
    for port in ports(2) {
        let show = port.show()?;
        let address = show["address"].as_str().context("no address")?.to_owned();
        let first = u8::from_str_radix(&address[..2], 16)?;
        ensure!(first & 1 == 0, "{address} is a group address");
        ensure!(address != "00:00:00:00:00:00", "no address");
        ensure!(
            show["link_type"] == "ether" && show["mtu"] == 1500,
            "{show}"
        );
        addresses.insert(address);
    }
    ensure!(addresses.len() == 2, "both ports have the same address");
    ensure!(Link::new("onic2").show().is_err(), "more than two ports");
    Ok(())
}

#[test]
fn module_parameters() -> Result<()> {
    let _module = Module::insert("nics=2 ports=4 queues=3")?;
    let mut addresses = BTreeSet::new();
    for port in ports(8) {
        let show = port.show()?;
        ensure!(
            show["num_tx_queues"] == 3 && matches!(receive_queues(&show), None | Some(3)),
            "{show}"
        );
        addresses.insert(show["address"].to_string());
    }
    ensure!(addresses.len() == 8, "addresses are not unique");
    ensure!(Link::new("onic8").show().is_err(), "more than eight ports");
    // 0 and 1, 2 and 3, ... are cabled to each other, and nothing else is.
    for pair in [(0, 1), (2, 3), (4, 5), (6, 7)] {
        for index in [pair.0, pair.1] {
            Link::new(&format!("onic{index}")).set("up").run()?;
        }
        for (index, port) in ports(8).enumerate() {
            let expected = index <= pair.1;
            port.await_that("its carrier", |port| Ok(port.has_carrier()? == expected))?;
        }
    }
    Ok(())
}

#[test]
fn carrier_follows_the_other_end() -> Result<()> {
    let _module = Module::insert("")?;
    let (left, right) = (Link::new("onic0"), Link::new("onic1"));
    left.set("up").run()?;
    ensure!(
        !left.has_carrier()?,
        "a carrier while the other end is down"
    );
    for _ in 0..3 {
        right.set("up").run()?;
        left.await_carrier()?;
        right.await_carrier()?;
        right.set("down").run()?;
        left.await_that("no carrier", |left| Ok(!left.has_carrier()?))?;
    }
    Ok(())
}

#[test]
fn ethtool_names_the_driver() -> Result<()> {
    let _module = Module::insert("")?;
    let text = Cmd::new("ethtool -i onic0").run()?;
    ensure!(text.contains("driver: offload_nic\n"), "{text}");
    let text = Cmd::new("ethtool onic0").run()?;
    ensure!(text.contains("Link detected: no"), "{text}");
    Ok(())
}

#[test]
fn rings_can_be_resized_under_way() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let rings = |port: &Link| port.cmd(format!("ethtool --json -g {}", port.name)).json();
    let before = rings(&cable.far)?;
    ensure!(
        before[0]["rx"] == limits::DEFAULT_RING && before[0]["rx-max"] == limits::MAX_RING,
        "{before}"
    );
    let mut source = Frames::new(21, 1500);
    let frames: Vec<_> = (0..1000).map(|_| source.next_frame()).collect();
    for size in [limits::MIN_RING, 100, limits::MAX_RING] {
        let set = format!("ethtool -G {} rx {size} tx {size}", cable.far.name);
        cable.far.cmd(set).run()?;
        let now = rings(&cable.far)?;
        ensure!(now[0]["rx"] == size && now[0]["tx"] == size, "{now}");
        all_arrive(&cable, &frames)?;
    }
    Ok(())
}

/// Sends `frames` without a program and wants every one on the other side. Frames
/// that end within a VLAN tag and the EtherType behind it are left out: the stack drops
/// those before anybody can see them.
fn all_arrive(cable: &Cable, frames: &[Vec<u8>]) -> Result<()> {
    let frames: Vec<_> = frames
        .iter()
        .filter(|frame| !matches!(frame[12..14], [0x81, 0x00] | [0x88, 0xa8]) || frame.len() >= 20)
        .collect();
    let sender = Sender::new(&cable.near)?;
    let capture = Capture::start(&cable.far, "")?;
    let before = (
        cable.near.stat("tx", "packets")?,
        cable.far.stat("rx", "packets")?,
    );
    let device = cable.far.statistics()?;
    for frame in &frames {
        sender.send(frame)?;
    }
    sender.end_batch(MARK_PASS, 1)?;
    let arrived = capture.until(|frame| mark_number(MARK_PASS, frame) == Some(1))?;
    ensure!(
        arrived.len() == frames.len(),
        "{} of {} arrived",
        arrived.len(),
        frames.len()
    );
    for (sent, arrived) in frames.iter().zip(&arrived) {
        ensure!(*sent == arrived, "sent {sent:02x?}\narrived {arrived:02x?}");
    }
    capture.stop()?;

    // The mark and what pushed it out arrived too.
    let count = frames.len() as u64 + 4;
    cable.far.await_that("every frame", |far| {
        Ok(far.statistics()?.since(&device, stats::RX_DEVICE_FRAMES)? >= count)
    })?;
    let sent = cable.near.stat("tx", "packets")? - before.0;
    let received = cable.far.stat("rx", "packets")? - before.1;
    let now = cable.far.statistics()?;
    ensure!(
        sent == count,
        "`ip -s link` counts {sent} sent, not {count}"
    );
    ensure!(
        received == count,
        "`ip -s link` counts {received} received, not {count}"
    );
    ensure!(
        now.since(&device, stats::RX_DEVICE_FRAMES)? == count,
        "device"
    );
    let queue = now.since(&device, "rx0_packets")?;
    ensure!(queue == count, "queue 0 counts {queue}, not {count}");
    Ok(())
}

#[test]
fn frames_of_every_length_arrive_unchanged() -> Result<()> {
    let cable = Cable::onic(9000)?;
    let mut source = Frames::new(20, 9000);
    let number = if env::is_slow() { 400 } else { 2000 };
    let mut frames: Vec<_> = (0..number).map(|_| source.next_frame()).collect();
    for len in [14, 15, 59, 60, 61, 1514, 4095, 4096, 4097, 9014] {
        let mut frame = mark(0x88b7, 0);
        frame.resize(len, 0xa5);
        frames.push(frame);
    }
    // The capture keeps 4,096 bytes of each.
    let frames: Vec<_> = frames
        .into_iter()
        .map(|mut frame| {
            frame.truncate(4096);
            frame
        })
        .collect();
    all_arrive(&cable, &frames)
}

/// Nothing is lost on the cable itself, however small the rings and however fast
/// the sender: a full ring stops the sending queue and room wakes it.
#[test]
fn a_full_ring_holds_the_sender_back() -> Result<()> {
    let cable = Cable::onic(JUMBO_MTU)?;
    for port in [&cable.near, &cable.far] {
        let size = limits::MIN_RING;
        port.cmd(format!("ethtool -G {} rx {size} tx {size}", port.name))
            .run()?;
    }
    let sent = if env::is_slow() { 8_000 } else { 40_000 };
    let senders = 4;
    let before = (cable.near.statistics()?, cable.far.statistics()?);
    std::thread::scope(|scope| -> Result<()> {
        let threads: Vec<_> = (0..senders)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    let sender = Sender::new(&cable.near)?;
                    let frame = mark(0x88b7, 0);
                    (0..sent / senders).try_for_each(|_| sender.send(&frame))
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread
                .join()
                .unwrap_or_else(|p| std::panic::resume_unwind(p))
        })
    })?;
    let sent = sent as u64;
    cable.far.await_that("every frame", |far| {
        Ok(far
            .statistics()?
            .since(&before.1, stats::RX_DEVICE_FRAMES)?
            >= sent)
    })?;
    let (near, far) = (cable.near.statistics()?, cable.far.statistics()?);
    let arrived = far.since(&before.1, stats::RX_DEVICE_FRAMES)?;
    ensure!(arrived == sent, "{arrived} of {sent} arrived");
    let stops = near.since(&before.0, stats::TX_QUEUE_STOPS)?;
    let wakes = near.since(&before.0, stats::TX_QUEUE_WAKES)?;
    ensure!(stops == wakes, "{stops} stops but {wakes} wakes");
    for statistics in [&near, &far] {
        let lost = statistics.sum(|name| name.ends_with("_drops"));
        ensure!(lost == 0, "{lost} frames counted as lost: {statistics:?}");
    }
    Ok(())
}

/// The same with the kernel's own TCP and UDP.
#[test]
fn iperf3_loses_nothing() -> Result<()> {
    let _module = Module::insert("queues=2")?;
    let (left, right) = (NetNs::new("left")?, NetNs::new("right")?);
    for (ns, name, host) in [(&left, "onic0", 1), (&right, "onic1", 2)] {
        ns.silence()?;
        Link::new(name).move_to(ns)?;
        ns.cmd(format!("ip address add 10.7.0.{host}/24 dev {name}"))
            .run()?;
        ns.cmd(format!("ip link set dev {name} up")).run()?;
    }
    let [tcp, udp] = if env::is_slow() { [4, 2] } else { [16, 8] };
    for extra in [
        format!("--bytes {tcp}M"),
        format!("--udp --bitrate 0 --bytes {udp}M --length 1400"),
    ] {
        let server = right.cmd("iperf3 --server --one-off --port 5300 --forceflush");
        let mut server = Background::start(&server)?;
        server.await_line("listening")?;
        let client = left.cmd(format!(
            "iperf3 --json --client 10.7.0.2 --port 5300 {extra}"
        ));
        let report = client.json()?;
        server.wait()?;
        let end = &report["end"];
        ensure!(report["error"].is_null(), "{extra}: {}", report["error"]);
        ensure!(end.is_object(), "{extra}: no result");
    }
    let mut device_frames = 0;
    let mut sent = 0;
    for (ns, name) in [(&left, "onic0"), (&right, "onic1")] {
        let port = Link::within(ns, name);
        let statistics = port.statistics()?;
        device_frames += statistics.get(stats::RX_DEVICE_FRAMES)?;
        sent += port.stat("tx", "packets")?;
        let lost = statistics.sum(|name| name.ends_with("_drops"));
        // The first frames of a link may meet an end that is not up yet.
        let early = statistics.get(stats::TX_NO_CARRIER_DROPS)?;
        ensure!(
            lost == early,
            "{name} lost {}: {statistics:?}",
            lost - early
        );
    }
    ensure!(
        sent == device_frames,
        "{sent} sent, {device_frames} received"
    );
    Ok(())
}

#[test]
fn a_port_moves_between_namespaces() -> Result<()> {
    let _module = Module::insert("")?;
    let (left, right) = (NetNs::new("left")?, NetNs::new("right")?);
    let mut port = Link::new("onic0");
    let address = port.show()?["address"].clone();
    for ns in [&left, &right, &left] {
        port.move_to(ns)?;
        let show = port.show()?;
        ensure!(show["address"] == address, "another address: {show}");
    }
    // With its namespace gone, a port comes home.
    drop(left);
    let home = Link::new("onic0");
    home.await_that("back in the first namespace", |home| {
        Ok(home.show().is_ok())
    })?;
    ensure!(home.show()?["address"] == address, "another address");
    Ok(())
}

/// Every frame that the device took is accounted for by exactly one counter.
#[test]
fn counters_add_up() -> Result<()> {
    let cable = Cable::onic(JUMBO_MTU)?;
    cable.attach("actions")?;
    let mut source = Frames::new(30, JUMBO_MTU);
    let number = if env::is_slow() { 400 } else { 2000 };
    let frames: Vec<_> = (0..number).map(|_| source.next_frame()).collect();
    let before = cable.far.statistics()?;
    let observed = cable.exchange(&frames)?;

    // The program's decision is the last byte of the source address modulo 8; each batch
    // of 200 ends with both marks, each with the three frames that push it out.
    let marks = 4 * frames.len().div_ceil(200) as u64;
    let sent = frames.len() as u64 + 2 * marks;
    cable.far.await_that("every frame", |far| {
        Ok(far.statistics()?.since(&before, stats::RX_DEVICE_FRAMES)? >= sent)
    })?;
    let now = cable.far.statistics()?;
    let asked = |wanted: &[u8]| {
        frames
            .iter()
            .filter(|frame| wanted.contains(&(frame[11] % 8)))
            .count() as u64
    };
    for (name, expected) in [
        (stats::RX_DEVICE_FRAMES, sent),
        (stats::XDP_HW_PASS, asked(&[2, 3]) + marks),
        (stats::XDP_HW_DROP, asked(&[1])),
        (stats::XDP_HW_TX, asked(&[4]) + marks),
        (stats::XDP_HW_ABORTED, asked(&[0, 5, 6, 7])),
    ] {
        let found = now.since(&before, name)?;
        ensure!(found == expected, "{name} is {found}, not {expected}");
    }
    ensure!(observed.bounced.len() as u64 == asked(&[4]), "bounced");
    let faults = now.sum(|name| name.starts_with(stats::XDP_HW_FAULT_PREFIX));
    let invalid = asked(&[5, 6, 7]);
    ensure!(
        faults == invalid,
        "{faults} faults counted for {invalid} invalid actions"
    );
    Ok(())
}

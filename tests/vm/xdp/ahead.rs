// SPDX-License-Identifier: GPL-2.0

//! Frames that meet a program which only reads as they arrive, before the host polls: each once and
//! in order, wherever it waits.

use std::net::UdpSocket;

use anyhow::{ensure, Context, Result};
use etherparse::PacketBuilder;
use offload_tests::bpf::{Attached, Mode};
use offload_tests::cable::Cable;
use offload_tests::env;
use offload_tests::link::{await_that, Link, PATIENCE};
use offload_tests::module::Module;
use offload_tests::netns::{self, NetNs};
use offload_tests::sockets;
use offload_tests::wire::{Capture, Sender};
use offload_uapi::stats;

/// What `actions` does with a frame whose address ends like that.
const DROP: u8 = 1;
const PASS: u8 = 2;

/// Of packets as they are sent.
const TTL: u8 = 64;

/// No protocol's.
const ETHERTYPE: [u8; 2] = [0x88, 0xb7];

/// Frame number `number`, which asks for `verdict`.
fn asking(verdict: u8, number: u32) -> Vec<u8> {
    let mut frame = vec![0x02; 12];
    frame[11] = verdict;
    frame.extend(ETHERTYPE);
    frame.extend(number.to_be_bytes());
    frame.resize(60, 0);
    frame
}

fn number_of(frame: &[u8]) -> Option<u32> {
    let number = frame.get(14..18)?.try_into().ok()?;
    (frame[12..14] == ETHERTYPE).then(|| u32::from_be_bytes(number))
}

/// Frames of which the program has said something.
fn met(link: &Link) -> Result<u64> {
    let counters = link.statistics()?;
    Ok(counters.get(stats::XDP_HW_PASS)? + counters.get(stats::XDP_HW_DROP)?)
}

/// Has the far end run `actions`, and nobody poll it any more: frame 0 has come in with the last poll.
/// Who sends more from the near end.
fn unpolled(cable: &Cable) -> Result<Sender> {
    let far = &cable.far;
    cable.attach("actions")?;
    let sender = Sender::new(&cable.near)?;
    far.defer_interrupts(10 * PATIENCE.as_nanos())?;
    sender.send(&asking(PASS, 0))?;
    far.await_that("the first frame", |far| Ok(far.stat("rx", "packets")? == 1))?;
    Ok(sender)
}

/// A frame to `mac` with a UDP datagram.
fn datagram(
    mac: [u8; 6],
    (source, destination): ([u8; 4], [u8; 4]),
    payload: &[u8],
) -> Result<Vec<u8>> {
    let packet = PacketBuilder::ethernet2([2; 6], mac)
        .ipv4(source, destination, TTL)
        .udp(7000, 7000);
    let mut frame = Vec::new();
    packet.write(&mut frame, payload)?;
    Ok(frame)
}

#[test]
fn frames_keep_their_order_and_meet_the_program_once() -> Result<()> {
    const FRAMES: u32 = 3000;
    let cable = Cable::onic(1500)?;
    let (near, far) = (&cable.near, &cable.far);
    cable.attach("actions")?;
    let captured = Capture::start(far, "ether proto 0x88b7")?;
    let sender = Sender::new(near)?;
    // At once, and then with many that wait for a poll behind the one that is held for it.
    for (round, deferral) in (0..).zip([0, 1_000_000]) {
        far.defer_interrupts(deferral)?;
        let numbers = round * FRAMES..(round + 1) * FRAMES;
        for number in numbers.clone() {
            // Some are dropped, and are never in anybody's way.
            let verdict = if number % 3 == 0 { DROP } else { PASS };
            sender.send(&asking(verdict, number))?;
        }
        let wanted: Vec<u32> = numbers.clone().filter(|number| number % 3 != 0).collect();
        let last = wanted.last().copied();
        // More than a buffer of the capture's behind the last one.
        for _ in 0..100 {
            sender.send(&asking(PASS, u32::MAX))?;
        }
        let frames = captured.until(|frame| number_of(frame) == last)?;
        let seen = frames.iter().filter_map(|frame| number_of(frame));
        let seen: Vec<u32> = seen.filter(|number| *number != u32::MAX).collect();
        ensure!(
            seen == wanted[..wanted.len() - 1],
            "round {round}: {seen:?}"
        );
        let sent = u64::from(round + 1) * u64::from(FRAMES + 100);
        far.await_that("all runs of the program", |far| Ok(met(far)? == sent))?;
        far.await_that("all frames", |far| {
            Ok(far.statistics()?.get(stats::RX_DEVICE_FRAMES)? == sent)
        })?;
    }
    captured.stop()?;
    Ok(())
}

/// A task that polls by itself stops when it has something, with the rest still in the ring.
#[test]
fn a_frame_that_arrives_is_behind_those_that_a_poll_has_left() -> Result<()> {
    const WAITING: u32 = 100;
    let cable = Cable::onic(1500)?;
    let (near, far) = (&cable.near, &cable.far);
    cable.attach("pass")?;
    far.cmd(format!("ip address add 10.7.0.2/24 dev {}", far.name))
        .run()?;
    let socket = netns::enter(far.ns.as_deref(), || {
        let socket = UdpSocket::bind(("10.7.0.2", 7000))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(socket)
    })?;
    let (sender, to) = (Sender::new(near)?, far.address()?);
    let send = |number: u32| -> Result<()> {
        let addresses = ([10, 7, 0, 1], [10, 7, 0, 2]);
        sender.send(&datagram(to, addresses, &number.to_ne_bytes())?)
    };
    let receive = |number: u32| -> Result<()> {
        let mut bytes = [0; 4];
        let context = || format!("no datagram {number}");
        socket.recv(&mut bytes).with_context(context)?;
        let came = u32::from_ne_bytes(bytes);
        ensure!(came == number, "datagram {came}, not {number}");
        Ok(())
    };
    // By this one the socket knows which queue to poll.
    send(0)?;
    receive(0)?;
    sockets::poll_busily(&socket)?;
    far.defer_interrupts(10 * PATIENCE.as_nanos())?;
    // After this one nobody but the task polls.
    send(1)?;
    receive(1)?;
    for number in 2..WAITING {
        send(number)?;
    }
    receive(2)?;
    let taken = far.statistics()?.get(stats::RX_DEVICE_FRAMES)?;
    ensure!(taken < WAITING.into(), "all {taken} frames were taken");
    send(WAITING)?;
    (3..=WAITING).try_for_each(receive)
}

#[test]
fn what_is_held_when_the_port_goes_down_is_lost() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let (near, far) = (&cable.near, &cable.far);
    let sender = unpolled(&cable)?;
    // One that is dropped needs no poll, one that is to be held does, and what is behind it waits.
    sender.send(&asking(DROP, 1))?;
    sender.send(&asking(PASS, 2))?;
    sender.send(&asking(DROP, 3))?;
    sender.send(&asking(PASS, 4))?;
    near.await_that("all are sent", |near| Ok(near.stat("tx", "packets")? == 5))?;
    ensure!(met(far)? == 3, "{} frames met the program", met(far)?);
    let counters = far.statistics()?;
    ensure!(counters.get(stats::XDP_HW_DROP)? == 1);
    ensure!(counters.get(stats::RX_DEVICE_FRAMES)? == 2, "{counters:?}");

    far.set("down").run()?;
    let counters = far.statistics()?;
    let lost = counters.get(stats::RX_DOWN_DROPS)?;
    ensure!(lost == 3, "{lost} frames were lost");
    ensure!(counters.get(stats::RX_DEVICE_FRAMES)? == 2, "{counters:?}");
    ensure!(met(far)? == 3, "{} frames met the program", met(far)?);

    // Nothing of it comes back, and the sender is not kept waiting for it.
    far.defer_interrupts(0)?;
    far.set("up").run()?;
    near.await_carrier()?;
    let captured = Capture::start(far, "ether proto 0x88b7")?;
    for number in 5..3000 {
        sender.send(&asking(PASS, number))?;
    }
    let frames = captured.until(|frame| number_of(frame) == Some(2900))?;
    let first = frames.first().and_then(|frame| number_of(frame));
    ensure!(first == Some(5), "the first one is {first:?}");
    captured.stop()?;
    Ok(())
}

/// Who changes what runs finds no frame between the old and the new.
#[test]
fn a_change_of_programs_waits_for_what_is_held() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let far = &cable.far;
    let sender = unpolled(&cable)?;
    let received = |count: u64| -> Result<()> {
        let packets = far.stat("rx", "packets")?;
        ensure!(packets == count, "{packets} frames, not {count}");
        Ok(())
    };
    let run = |count: u64| far.await_that("the program", |far| Ok(met(far)? == count));
    sender.send(&asking(PASS, 1))?;
    run(2)?;
    received(1)?;
    let object = env::object("pass")?;
    far.cmd(format!(
        "ip -force link set dev {} xdpoffload obj",
        far.name
    ))
    .arg(object)
    .args("sec xdp")
    .run()?;
    received(2)?;
    sender.send(&asking(PASS, 2))?;
    run(3)?;
    received(2)?;
    cable.detach()?;
    received(3)
}

/// A host that sends what it has received to where it received it, while it still receives: what
/// works on the queue is taken, by the same processor.
#[test]
fn a_frame_that_comes_back_while_its_queue_is_polled() -> Result<()> {
    let _module = Module::insert("nics=1 ports=2 queues=1")?;
    let ns = NetNs::new("round")?;
    ns.silence()?;
    let (mut near, mut far) = (Link::new("onic0"), Link::new("onic1"));
    for link in [&mut near, &mut far] {
        link.move_to(&ns)?;
    }
    for link in [&near, &far] {
        link.set("up").run()?;
    }
    near.await_carrier()?;
    ns.enter(|| {
        for (name, value) in [
            ("ip_forward", "1"),
            ("conf/all/rp_filter", "0"),
            ("conf/onic1/rp_filter", "0"),
        ] {
            let path = format!("/proc/sys/net/ipv4/{name}");
            std::fs::write(&path, value).with_context(|| format!("write {value} to {path}"))?;
        }
        Ok(())
    })?;
    ns.cmd("ip address add 10.8.0.1/24 dev onic0").run()?;
    let there = far.address_text()?;
    ns.cmd(format!(
        "ip neighbour add 10.8.0.2 lladdr {there} dev onic0"
    ))
    .run()?;
    ns.cmd("ip route add 10.9.0.0/16 via 10.8.0.2 dev onic0")
        .run()?;
    Attached::new(&far, Mode::Offload, "pass")?;

    // There is no way back to the sender, to tell it that its packet has ended.
    let addresses = ([10, 7, 0, 9], [10, 9, 0, 1]);
    let frame = datagram(far.address()?, addresses, &[0; 18])?;
    Sender::new(&near)?.send(&frame)?;
    // It is received with each value down to 1.
    await_that("a packet that has gone round until its end", || {
        Ok(far.statistics()?.get(stats::RX_DEVICE_FRAMES)? >= u64::from(TTL))
    })?;
    let counters = far.statistics()?;
    for name in [stats::RX_DEVICE_FRAMES, stats::XDP_HW_PASS] {
        let count = counters.get(name)?;
        ensure!(count == u64::from(TTL), "{name} is {count}");
    }
    Ok(())
}

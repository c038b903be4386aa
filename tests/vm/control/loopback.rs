// SPDX-License-Identifier: GPL-2.0

//! `ethtool -K X loopback on`: what a port sends comes back to it, and the cable has nothing of it.

use anyhow::{ensure, Result};
use offload_tests::cable::Cable;
use offload_tests::frames::{mark, mark_number, Frames, MARK_PASS};
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::netns::NetNs;
use offload_tests::nic::{plug, unplug, Nic};
use offload_tests::traffic::{traffic_flows, under_traffic};
use offload_tests::wire::{Capture, Sender};
use offload_uapi::stats;

fn set_loopback(link: &Link, value: &str) -> Result<()> {
    let cmd = format!("ethtool -K {} loopback {value}", link.name);
    link.cmd(cmd).run()?;
    Ok(())
}

/// Sends frames by one port, which come in at another one, unchanged, and not at a third one.
fn go_to(sending: &Link, receiving: &Link, other: &Link) -> Result<()> {
    let mut source = Frames::new(90, 1500);
    let frames: Vec<_> = (0..300)
        .map(|_| source.next_frame())
        .filter(|frame| !matches!(frame[12..14], [0x81, 0x00] | [0x88, 0xa8]))
        .collect();
    let sender = Sender::new(sending)?;
    let capture = Capture::start(receiving, "")?;
    let before = other.statistics()?;
    for frame in &frames {
        sender.send(frame)?;
    }
    sender.end_batch(MARK_PASS, 1)?;
    let arrived = capture.until(|frame| mark_number(MARK_PASS, frame) == Some(1))?;
    ensure!(
        arrived == frames,
        "{} of {} came",
        arrived.len(),
        frames.len()
    );
    capture.stop()?;
    let elsewhere = other
        .statistics()?
        .since(&before, stats::RX_DEVICE_FRAMES)?;
    ensure!(elsewhere == 0, "{elsewhere} frames got to {other}");
    Ok(())
}

#[test]
fn frames_come_back_and_the_cable_is_dark() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let (near, far) = (&cable.near, &cable.far);
    go_to(near, far, near)?;
    for _ in 0..2 {
        set_loopback(near, "on")?;
        far.await_that("no carrier", |far| Ok(!far.has_carrier()?))?;
        near.await_carrier()?;
        go_to(near, near, far)?;
        // Down and up, it is still a loop.
        for action in ["down", "up"] {
            near.set(action).run()?;
        }
        near.await_carrier()?;
        go_to(near, near, far)?;

        // The other end may be one as well, and ends being one before this does.
        set_loopback(far, "on")?;
        far.await_carrier()?;
        go_to(far, far, near)?;
        set_loopback(far, "off")?;
        far.await_that("no carrier", |far| Ok(!far.has_carrier()?))?;
        set_loopback(near, "off")?;
        for end in [near, far] {
            end.await_carrier()?;
        }
        go_to(near, far, near)?;
    }
    Ok(())
}

#[test]
fn a_port_without_a_cable_has_itself() -> Result<()> {
    let _module = Module::insert("nics=0")?;
    let nic = Nic::new(3, 2, 1)?;
    let ns = NetNs::new("loop")?;
    ns.silence()?;
    let mut ports = nic.ports()?;
    for port in &mut ports {
        port.move_to(&ns)?;
        port.set("arp off up").run()?;
    }
    let [left, right] = &ports[..] else {
        anyhow::bail!("{ports:?}");
    };
    ensure!(!left.has_carrier()?, "a carrier without a cable");
    set_loopback(left, "on")?;
    left.await_carrier()?;
    go_to(left, left, right)?;
    // A cable makes no difference to a loop, put in or pulled out.
    plug(left, right)?;
    go_to(left, left, right)?;
    ensure!(
        !right.has_carrier()?,
        "a carrier from a port that is looped back"
    );
    unplug(right)?;
    go_to(left, left, right)?;
    plug(right, left)?;
    set_loopback(left, "off")?;
    for port in [left, right] {
        port.await_carrier()?;
    }
    go_to(left, right, left)?;
    // The NIC goes with a loop.
    set_loopback(left, "on")?;
    left.await_carrier()?;
    nic.remove()
}

#[test]
fn programs_run_in_a_loop() -> Result<()> {
    let cable = Cable::onic(1500)?;
    set_loopback(&cable.far, "on")?;
    cable.far.await_carrier()?;
    let before = cable.far.statistics()?;
    cable.attach("drop")?;
    let sender = Sender::new(&cable.far)?;
    for number in 0..100 {
        sender.send(&mark(0x88b7, number))?;
    }
    cable.far.await_that("every frame dropped", |far| {
        Ok(far.statistics()?.since(&before, stats::XDP_HW_DROP)? >= 100)
    })?;
    cable.detach()?;

    // What is sent back comes again, and again: it leaves the machine its time, and ends with the loop.
    cable.attach("bounce")?;
    for number in 0..20 {
        sender.send(&mark(0x88b7, number))?;
    }
    cable.far.await_that("frames bounce", |far| {
        Ok(far.statistics()?.since(&before, stats::XDP_HW_TX)? > 1_000)
    })?;
    set_loopback(&cable.far, "off")?;
    cable.detach()?;
    for end in [&cable.near, &cable.far] {
        end.await_carrier()?;
    }
    go_to(&cable.far, &cable.near, &cable.far)
}

#[test]
fn a_loop_comes_and_goes_under_traffic() -> Result<()> {
    let cable = Cable::onic_with_queues(2, 1500)?;
    under_traffic(&cable.near, || {
        for _ in 0..10 {
            set_loopback(&cable.near, "on")?;
            traffic_flows(&cable.near)?;
            set_loopback(&cable.near, "off")?;
            traffic_flows(&cable.far)?;
        }
        Ok(())
    })?;
    // One queue keeps all frames in order.
    for link in [&cable.near, &cable.far] {
        let cmd = format!("ethtool -L {} combined 1", link.name);
        link.cmd(cmd).run()?;
    }
    go_to(&cable.near, &cable.far, &cable.near)
}

// SPDX-License-Identifier: GPL-2.0

//! VLAN tags that the device takes out of received frames, or puts into sent ones: nobody behind that
//! sees a difference. And VLANs of which it takes no frames.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{ensure, Context, Result};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::UdpGsoSegment;
use offload_tests::bpf::{Attached, Mode};
use offload_tests::cable::{at_both_ends, Cable};
use offload_tests::env;
use offload_tests::frames::{mark_number, tagged, Frames, JUMBO_MTU, MARK_PASS};
use offload_tests::kmsg::Moment;
use offload_tests::link::{Link, Statistics};
use offload_tests::outcome::same_frames;
use offload_tests::streams;
use offload_tests::wire::{Capture, Sender};
use offload_uapi::stats;

/// Tags are taken out, of the one kind and of the other.
const STRIP: [&str; 2] = ["rx-vlan-hw-parse", "rx-vlan-stag-hw-parse"];
/// Tags are put in.
const INSERT: [&str; 2] = ["tx-vlan-hw-insert", "tx-vlan-stag-hw-insert"];

/// Frames of others than the VLANs of the stack are not taken.
const FILTER: [&str; 2] = ["rx-vlan-filter", "rx-vlan-stag-filter"];

/// Switches `features` of `link`.
fn switch(link: &Link, features: &[&str], on: bool) -> Result<()> {
    let word = if on { " on " } else { " off " };
    let args = features.join(word);
    link.cmd(format!("ethtool -K {} {args}{word}", link.name))
        .run()
        .map(drop)
}

/// What a packet socket sees at the far end of `frames`, tags included: those that are not among the
/// bytes it is told of.
fn seen(cable: &Cable, frames: &[Vec<u8>]) -> Result<Vec<Vec<u8>>> {
    let sender = Sender::new(&cable.near)?;
    let capture = Capture::start(&cable.far, "")?;
    let mut seen = Vec::new();
    for (number, batch) in (0..).zip(frames.chunks(200)) {
        for frame in batch {
            sender.send(frame)?;
        }
        sender.end_batch(MARK_PASS, number)?;
        seen.extend(capture.until(|frame| mark_number(MARK_PASS, frame) == Some(number))?);
    }
    seen.extend(capture.stop()?);
    Ok(seen)
}

/// Whether the outermost tag of `frame` is of one of `kinds` and complete: the stack drops others.
fn has_tag(frame: &[u8], kinds: &[[u8; 2]]) -> bool {
    frame.len() >= 20 && kinds.iter().any(|kind| frame[12..14] == *kind)
}

/// All that a packet socket sees of frames of every shape is the same whoever takes the tags out, with and
/// without a program in front of the stack.
#[test]
fn packet_sockets_see_the_same() -> Result<()> {
    let count = if env::is_slow() { 400 } else { 3_000 };
    let mut source = Frames::new(70, JUMBO_MTU);
    let frames: Vec<_> = (0..count).map(|_| source.next_frame()).collect();
    let cable = Cable::onic(JUMBO_MTU)?;
    let far = &cable.far;
    far.cmd(format!("ethtool -K {} rx on", far.name)).run()?;
    let kinds: [(&[&str], &[[u8; 2]]); 3] = [
        (&STRIP[..1], &[[0x81, 0x00]]),
        (&STRIP[1..], &[[0x88, 0xa8]]),
        (&STRIP, &[[0x81, 0x00], [0x88, 0xa8]]),
    ];
    for program in [None, Some(Mode::Offload), Some(Mode::Native)] {
        if let Some(mode) = program {
            Attached::new(far, mode, "pass")?;
        }
        let before = far.statistics()?;
        let by_software = seen(&cable, &frames)?;
        let tags = far.statistics()?.since(&before, stats::RX_HW_VLAN_TAGS)?;
        ensure!(tags == 0, "{tags} tags taken out by nobody's wish");
        for (features, protocols) in kinds {
            switch(far, features, true)?;
            let before = far.statistics()?;
            let by_device = seen(&cable, &frames)?;
            let tags = far.statistics()?.since(&before, stats::RX_HW_VLAN_TAGS)?;
            switch(far, features, false)?;
            let what = format!("{program:?}, {features:?}");
            same_frames(&what, &by_software, &by_device)?;
            let tagged = frames.iter().filter(|it| has_tag(it, protocols)).count();
            ensure!(
                tagged > 0 && tags == tagged as u64,
                "{what}: {tags} tags taken out of {tagged}"
            );
        }
        if let Some(mode) = program {
            offload_tests::bpf::detach(far, mode)?;
        }
    }
    Ok(())
}

/// Where the device's program stands for the host's, which would not see the tag that is taken out, it stays
/// in.
#[test]
fn equal_programs_see_the_same() -> Result<()> {
    let cable = Cable::onic(JUMBO_MTU)?;
    let far = &cable.far;
    let policy = |name: &str| -> Result<String> {
        far.offloadctl(format!("policy set {} {name}", far.name))?
            .run()
    };
    switch(far, &STRIP, true)?;
    Attached::new(far, Mode::Native, "pass")?;
    policy("require-equal")?;
    Attached::new(far, Mode::Offload, "pass")?;
    let sent = [frame(far.address()?, &[[0x8100, 7]])];
    for (name, expected) in [("require-equal", 0), ("report", 1)] {
        policy(name)?;
        let before = far.statistics()?;
        same_frames(name, &sent, &seen(&cable, &sent)?)?;
        let tags = far.statistics()?.since(&before, stats::RX_HW_VLAN_TAGS)?;
        ensure!(tags == expected, "{name}: {tags} tags");
    }
    Ok(())
}

/// Where frames go that have two tags, and those with one.
const TARGETS: [&str; 2] = ["10.8.1.2", "10.8.2.2"];

/// A cable with VLAN interfaces at both ends, and all offloads on. The first addresses are those of
/// VLAN 7, the second ones of VLAN 8 in service VLAN 9.
fn with_vlans() -> Result<Cable> {
    let cable = Cable::onic(1500)?;
    at_both_ends(
        &cable.near,
        &cable.far,
        &[
            "ethtool -K PORT rx on tx on gro on gso on tso on",
            "ip link set dev PORT arp on",
            "ip link add link PORT name single type vlan id 7",
            "ip address add 10.8.1.@/24 dev single",
            "ip link set dev single up",
            "ip link add link PORT name outer type vlan proto 802.1ad id 9",
            "ip link set dev outer up",
            "ip link add link outer name inner type vlan id 8",
            "ip address add 10.8.2.@/24 dev inner",
            "ip link set dev inner up",
        ],
    )?;
    for name in ["single", "inner"] {
        for link in [&cable.near, &cable.far] {
            let vlan = Link {
                name: name.to_owned(),
                ..link.clone()
            };
            vlan.await_carrier()?;
        }
    }
    Ok(cable)
}

fn stream(cable: &Cable, target: &str, len: usize) -> Result<()> {
    streams::tcp(&cable.near, &cable.far, target.parse()?, len).with_context(|| target.to_owned())
}

/// Streams come through with either tag taken out or left in, in super-frames or not, and what the stack is
/// told of their checksums is true.
#[test]
fn streams_through_vlans() -> Result<()> {
    let len = if env::is_slow() { 1 << 18 } else { 1 << 21 };
    let cable = with_vlans()?;
    let log = Moment::now()?;
    for gro in ["on", "off"] {
        for strip in [true, false] {
            cable
                .far
                .cmd(format!("ethtool -K {} gro {gro}", cable.far.name))
                .run()?;
            switch(&cable.far, &STRIP, strip)?;
            for target in TARGETS {
                let before = cable.far.statistics()?;
                stream(&cable, target, len)?;
                let now = cable.far.statistics()?;
                let tags = now.since(&before, stats::RX_HW_VLAN_TAGS)?;
                let frames = now.since(&before, stats::RX_DEVICE_FRAMES)?;
                let complete = now.since(&before, stats::RX_CSUM_COMPLETE)?;
                println!(
                    "gro {gro}, strip {strip}, {target}: {frames} frames, {tags} tags taken out"
                );
                let expected = if strip { frames } else { 0 };
                ensure!(
                    tags == expected && frames >= (len / 1500) as u64 && complete == frames,
                    "{target}, gro {gro}: {tags} tags of {frames} frames, {complete} sums"
                );
            }
        }
    }
    // The stack says so where what it was told of a checksum is wrong.
    let log = log.log()?;
    ensure!(!log.contains("hw csum failure"), "{log}");
    Ok(())
}

/// What the device does with tags is switched at both ends while streams come through.
#[test]
fn switched_under_traffic() -> Result<()> {
    let rounds = if env::is_slow() { 6 } else { 24 };
    let cable = with_vlans()?;
    let done = AtomicBool::new(false);
    let streams = thread::scope(|scope| {
        let traffic = scope.spawn(|| -> Result<u32> {
            let mut streams = 0;
            while !done.load(Ordering::Relaxed) {
                for target in TARGETS {
                    stream(&cable, target, 1 << 18)?;
                    streams += 1;
                }
            }
            Ok(streams)
        });
        let switched = (0..rounds).try_for_each(|round| {
            let on = round % 2 == 0;
            for link in [&cable.near, &cable.far] {
                for feature in STRIP.iter().chain(&INSERT) {
                    switch(link, &[feature], on)?;
                }
            }
            Ok(())
        });
        done.store(true, Ordering::Relaxed);
        let streams = traffic
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        switched.and(streams)
    })?;
    println!("{streams} streams");
    ensure!(streams > 0, "no stream");
    Ok(())
}

/// A frame for `address` with `tags`, each protocol and TCI, the outermost first.
fn frame(address: [u8; 6], tags: &[[u16; 2]]) -> Vec<u8> {
    tagged(address, tags, 0x88b8, 60)
}

/// How many frames were taken since `before`, and how many were not, once there are `count`.
fn arrivals(far: &Link, before: &Statistics, count: u64) -> Result<(u64, u64)> {
    let mut found = (0, 0);
    offload_tests::link::await_that("all frames", || {
        let now = far.statistics()?;
        found = (
            now.since(before, stats::RX_DEVICE_FRAMES)?,
            now.since(before, stats::RX_VLAN_FILTERED)?,
        );
        Ok(found.0 + found.1 >= count)
    })?;
    Ok(found)
}

/// Which of `frames` the far end takes.
fn taken(cable: &Cable, frames: &[Vec<u8>]) -> Result<Vec<bool>> {
    let sender = Sender::new(&cable.near)?;
    let each = frames.iter().map(|frame| -> Result<bool> {
        let before = cable.far.statistics()?;
        sender.send(frame)?;
        let found = arrivals(&cable.far, &before, 1)?;
        ensure!(found.0 + found.1 == 1, "{found:?} of {frame:02x?}");
        Ok(found.0 == 1)
    });
    each.collect()
}

#[test]
fn frames_of_other_vlans_are_not_taken() -> Result<()> {
    const CUSTOMER: u16 = 0x8100;
    const SERVICE: u16 = 0x88a8;
    let cable = Cable::onic(1500)?;
    let far = &cable.far;
    far.set("promisc off").run()?;
    let own = far.address()?;
    let mut cut = frame(own, &[[CUSTOMER, 8]]);
    cut.truncate(19);
    let always = [
        frame(own, &[]),
        frame(own, &[[CUSTOMER, 0]]),
        frame(own, &[[CUSTOMER, 0xf000]]),
        frame(own, &[[SERVICE, 0x6000]]),
        cut,
    ];
    let seven = [
        frame(own, &[[CUSTOMER, 7]]),
        frame(own, &[[CUSTOMER, 0x7007]]),
    ];
    let service = [
        frame(own, &[[SERVICE, 4095]]),
        frame(own, &[[SERVICE, 0x8fff], [CUSTOMER, 8]]),
    ];
    let others = [
        frame(own, &[[CUSTOMER, 8]]),
        frame(own, &[[CUSTOMER, 6]]),
        frame(own, &[[CUSTOMER, 71]]),
        frame(own, &[[SERVICE, 7]]),
        frame(own, &[[CUSTOMER, 8], [CUSTOMER, 7]]),
    ];
    let check = |what: &str, has_seven: bool, has_service: bool, has_others: bool| -> Result<()> {
        for (frames, expected) in [
            (&always[..], true),
            (&seven, has_seven),
            (&service, has_service),
            (&others, has_others),
        ] {
            let found = taken(&cable, frames)?;
            ensure!(
                found.iter().all(|it| *it == expected),
                "{what}: {found:?}, not all {expected}: {frames:02x?}"
            );
        }
        Ok(())
    };
    let add = |name: &str, kind: &str| -> Result<()> {
        let line = format!("ip link add link {} name {name} type vlan {kind}", far.name);
        far.cmd(line).run().map(drop)
    };
    check("off", true, true, true)?;
    switch(far, &FILTER, true)?;
    check("no VLAN", false, false, false)?;
    add("single", "id 7")?;
    check("VLAN 7", true, false, false)?;
    // No interface can have number 4095.
    add("outer", "proto 802.1ad id 4094")?;
    let outer = frame(own, &[[SERVICE, 4094]]);
    ensure!(taken(&cable, std::slice::from_ref(&outer))? == [true]);
    check("service VLAN 4094", true, false, false)?;

    // A program of the device does not see what is not taken.
    cable.attach("pass")?;
    let before = far.statistics()?;
    check("with a program", true, false, false)?;
    let now = far.statistics()?;
    let (seen, all) = (
        now.since(&before, stats::XDP_HW_PASS)?,
        now.since(&before, stats::RX_DEVICE_FRAMES)?,
    );
    ensure!(seen == all, "the program has seen {seen} of {all}");
    cable.detach()?;

    far.set("promisc on").run()?;
    check("promiscuous", true, true, true)?;
    far.set("promisc off").run()?;
    check("no more promiscuous", true, false, false)?;
    // What is switched off and on again knows the VLANs that there are.
    switch(far, &FILTER[..1], false)?;
    let found = taken(&cable, &[others[0].clone(), others[3].clone()])?;
    ensure!(found == [true, false], "{found:?}");
    switch(far, &FILTER[1..], false)?;
    check("off again", true, true, true)?;
    far.cmd("ip link del single").run()?;
    add("single2", "id 8")?;
    switch(far, &FILTER, true)?;
    let found = taken(&cable, &[seven[0].clone(), others[0].clone(), outer])?;
    ensure!(found == [false, true, true], "{found:?}");
    far.cmd("ip link del single2").run()?;
    check("no VLAN 8 any more", false, false, false)?;

    // A super-frame counts as what it is on the wire.
    let near = &cable.near;
    let socket = streams::over_vlan(near, far, 8)?;
    near.cmd(format!("ethtool -K {} tx on gso on", near.name))
        .run()?;
    let before = far.statistics()?;
    setsockopt(&socket, UdpGsoSegment, &1000)?;
    socket.send(&[0x5a; 9500])?;
    let found = arrivals(far, &before, 10)?;
    ensure!(found == (0, 10), "{found:?}");
    Ok(())
}

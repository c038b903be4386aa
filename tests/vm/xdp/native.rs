// SPDX-License-Identifier: GPL-2.0

//! Native XDP: a program of the host on one of our ports does what it does on a veth,
//! beside the one in the device, and the driver refuses what it can't do.

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{attach_command, Attached, Mode};
use offload_tests::cable::{bring_up, Cable};
use offload_tests::command::Cmd;
use offload_tests::env;
use offload_tests::frames::{mark, mark_number, Frames, JUMBO_MTU, MARK_AWAY, MARK_PASS};
use offload_tests::kmsg;
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::netns::NetNs;
use offload_tests::nic::runs;
use offload_tests::outcome::{compare, run, same_frames};
use offload_tests::wire::{Capture, Sender};
use offload_uapi::{flags, stats};

/// The longest MTU that a program without support for fragments can have, where pages
/// have 4 KiB: less 256 bytes before the frame, 320 behind it and an Ethernet header.
const SINGLE_BUFFER_MTU: u32 = 3506;

fn how_many() -> usize {
    if env::is_slow() {
        300
    } else {
        3_000
    }
}

fn frames(seed: u64, mtu: usize) -> Vec<Vec<u8>> {
    let mut source = Frames::new(seed, mtu);
    (0..how_many()).map(|_| source.next_frame()).collect()
}

#[test]
fn native_programs_do_what_they_do_on_a_veth() -> Result<()> {
    let objects = ["resize", "balancer", "vlan", "actions", "firewall"];
    let objects = &objects[..if env::is_slow() { 1 } else { objects.len() }];
    for (seed, object) in (40..).zip(objects) {
        // As in the equality tests: what grew beyond the MTU does not fit through a veth.
        let frames = frames(seed, JUMBO_MTU - 216);
        let expected = run(&Cable::veth(JUMBO_MTU)?, object, |_| Ok(()), &frames)?;
        let cable = Cable::onic_native(JUMBO_MTU)?;
        let found = run(&cable, object, |_| Ok(()), &frames)?;
        ensure!(!expected.observed.passed.is_empty(), "{object} passed none");
        compare(&expected, &found).with_context(|| object.to_string())?;
        adds_up(&cable.far)?;
    }
    Ok(())
}

/// Each frame that the host got went one of the ways that are counted.
fn adds_up(link: &Link) -> Result<()> {
    let counters = link.statistics()?;
    let ways = [
        stats::XDP_NATIVE_PASS,
        stats::XDP_NATIVE_DROP,
        stats::XDP_NATIVE_TX,
        stats::XDP_NATIVE_REDIRECT,
        stats::XDP_NATIVE_ABORTED,
        stats::XDP_NATIVE_TOO_LONG_DROPS,
    ];
    let sum = counters.sum(|name| ways.contains(&name));
    let got = link.stat("rx", "packets")?;
    ensure!(
        sum == got && got > 0,
        "{sum} counted of {got}: {counters:?}"
    );
    Ok(())
}

/// What `tests/bpf/frags.bpf.c` makes of a frame: the bytes, and its action. (A veth, the
/// peer of the other tests, corrupts memory when a program cuts off whole buffers.)
fn frags(frame: &[u8]) -> (Vec<u8>, char) {
    /// A page less what is free before a frame and kept behind it.
    const FIRST: usize = 4096 - 256 - 320;
    let mut bytes = frame.to_vec();
    let (len, choice) = (frame.len(), frame[11]);
    bytes[len - 1] ^= 0x5a;
    match choice % 3 {
        0 if len - len / 2 >= 14 => bytes.truncate(len - len / 2),
        1 => {
            let room = match len.checked_sub(FIRST) {
                None | Some(0) => FIRST - len,
                Some(rest) => rest.next_multiple_of(4096) - rest,
            };
            if room >= 16 {
                bytes.resize(len + 16, 0);
            }
        }
        _ => {}
    }
    let is_tagged = matches!(bytes[12..14], [0x81, 0x00] | [0x88, 0xa8]);
    let action = match choice {
        // The stack drops a frame whose VLAN tag is not complete before anyone sees it.
        _ if is_tagged && bytes.len() < 20 => 'd',
        _ if choice & 4 != 0 => 't',
        _ if choice & 8 != 0 => 'd',
        _ => 'p',
    };
    (bytes, action)
}

#[test]
fn frames_in_several_buffers() -> Result<()> {
    const MTU: usize = 9000;
    let frames = frames(50, MTU);
    let cable = Cable::onic_native(MTU + 16)?;
    let program = cable.attach_frags("frags")?;
    let found = cable.exchange(&frames)?;
    let results: Vec<_> = frames.iter().map(|frame| frags(frame)).collect();
    for (action, found) in [('p', &found.passed), ('t', &found.bounced)] {
        let expected: Vec<_> = results
            .iter()
            .filter(|(_, each)| *each == action)
            .map(|(bytes, _)| bytes.clone())
            .collect();
        let long = expected.iter().filter(|frame| frame.len() > 4096).count();
        ensure!(long > 0, "no long frame: {action}");
        same_frames(&action.to_string(), &expected, found)?;
    }
    let sums = program.map("sums")?.dump()?;
    let sum = |key: u32| -> Result<usize> {
        let value = sums.get(&key.to_le_bytes()[..]).context("no such sum")?;
        Ok(u64::from_le_bytes(value[..8].try_into()?).try_into()?)
    };
    let before: usize = frames.iter().map(Vec::len).sum();
    let after: usize = results.iter().map(|(bytes, _)| bytes.len()).sum();
    ensure!(
        (sum(0)?, sum(1)?, sum(2)?) == (frames.len(), before, after),
        "sums: {sums:?}, not {before} and {after}"
    );
    adds_up(&cable.far)
}

#[test]
fn behind_the_program_in_the_device() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let device = cable.attach("actions")?;
    let native = Attached::new(&cable.far, Mode::Native, "pass")?;
    ensure!(device.id != native.id, "one program in both places");
    let said = attach_command(&cable.far, Mode::Native, "firewall")?.refused()?;
    ensure!(said.contains("already attached"), "{said}");
    let frames = frames(60, 1500);
    let observed = cable.exchange(&frames)?;
    let counters = cable.far.statistics()?;
    let passed = counters.get(stats::XDP_HW_PASS)?;
    let runs = runs(device.id)?;
    ensure!(
        runs["pass"] == passed
            && runs["drop"] == counters.get(stats::XDP_HW_DROP)?
            && runs["runs"] == counters.get(stats::RX_DEVICE_FRAMES)?,
        "the program's own counters: {runs:?}"
    );
    ensure!(
        passed == counters.get(stats::XDP_NATIVE_PASS)?
            && passed == cable.far.stat("rx", "packets")?
            && counters.get(stats::XDP_HW_DROP)? > 0
            && observed.passed.len() < frames.len(),
        "{passed} from the device: {counters:?}"
    );
    Ok(())
}

#[test]
fn an_mtu_that_needs_several_buffers() -> Result<()> {
    let cable = Cable::onic_native(SINGLE_BUFFER_MTU as usize)?;
    cable.attach("pass")?;
    let (far, beyond) = (&cable.far, SINGLE_BUFFER_MTU + 1);
    let moment = kmsg::Moment::now()?;
    far.set(format!("mtu {beyond}")).refused()?;
    let log = moment.log()?;
    let limit = format!("at most {SINGLE_BUFFER_MTU}");
    ensure!(log.contains(&limit), "the log does not say: {log}");
    ensure!(far.show()?["mtu"] == SINGLE_BUFFER_MTU, "another MTU");

    // The other end may send what its own MTU allows, and this one take it.
    cable.near.set("mtu 9000").run()?;
    far.cmd(format!(
        "ethtool --set-priv-flags {} {} on",
        far.name,
        flags::RX_OVER_MTU
    ))
    .run()?;
    let sender = Sender::new(&cable.near)?;
    let capture = Capture::start(far, "")?;
    let mut long = mark(0x88b8, 1);
    long.resize(5000, 0);
    sender.send(&long)?;
    sender.end_batch(MARK_PASS, 1)?;
    let arrived = capture.until(|frame| mark_number(MARK_PASS, frame) == Some(1))?;
    capture.stop()?;
    ensure!(arrived.is_empty(), "{} frames passed", arrived.len());
    let lost = far.statistics()?.get(stats::XDP_NATIVE_TOO_LONG_DROPS)?;
    ensure!(lost == 1, "{lost} frames counted as too long");

    cable.detach()?;
    far.set("mtu 9000").run()?;
    let said = attach_command(far, Mode::Native, "pass")?.refused()?;
    ensure!(said.contains("MTU too large w/ XDP enabled"), "{said}");
    cable.attach_frags("frags")?;
    Ok(())
}

#[test]
fn redirects_in_both_directions() -> Result<()> {
    let _module = Module::insert("nics=1 ports=2 queues=2")?;
    let namespaces = ["nnear", "nmid", "naway"].map(NetNs::new);
    let [near_ns, mid_ns, away_ns] = namespaces;
    let (near_ns, mid_ns, away_ns) = (near_ns?, mid_ns?, away_ns?);
    Cmd::new("ip link add veth0 netns nmid type veth peer name veth1 netns naway").run()?;
    let (mut near, mut port) = (Link::new("onic0"), Link::new("onic1"));
    near.move_to(&near_ns)?;
    port.move_to(&mid_ns)?;
    let (veth, away) = (
        Link::within(&mid_ns, "veth0"),
        Link::within(&away_ns, "veth1"),
    );
    for ns in [&near_ns, &mid_ns, &away_ns] {
        ns.silence()?;
    }
    bring_up(&near, &port, 1500)?;
    bring_up(&veth, &away, 1500)?;
    // A veth takes frames from another interface's program only while it polls.
    Attached::new(&away, Mode::Native, "pass")?;

    // near -> port -> veth -> away, and the other way round.
    let ways = [
        (&near, &port, &veth, &away, stats::XDP_NATIVE_REDIRECT),
        (&away, &veth, &port, &near, stats::TX_REDIRECTED_FRAMES),
    ];
    for (from, by, out, to, counter) in ways {
        let program = Attached::new(by, Mode::Native, "redirect")?;
        let target = out.index()?.to_le_bytes();
        program.map("targets")?.update(&[0; 4], &target)?;
        let (sender, capture) = (Sender::new(from)?, Capture::start(to, "")?);
        let mut sent = Vec::new();
        for number in 0..100 {
            sent.push(mark(MARK_AWAY, number));
            sender.send(&sent[number as usize])?;
        }
        sender.end_batch(MARK_AWAY, 100)?;
        let arrived = capture.until(|frame| mark_number(MARK_AWAY, frame) == Some(100))?;
        capture.stop()?;
        ensure!(
            arrived == sent,
            "{} of {} frames",
            arrived.len(),
            sent.len()
        );
        let counted = port.statistics()?.get(counter)?;
        ensure!(counted >= 101, "{counter} says {counted}");
    }
    Ok(())
}

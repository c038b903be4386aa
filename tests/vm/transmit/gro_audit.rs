// SPDX-License-Identifier: GPL-2.0

//! The audit of `rx-gro-hw`: super-frames that the kernel cuts again, and a device that makes wrong ones.

use std::fs;

use anyhow::{ensure, Context, Result};
use nix::libc;
use offload_tests::command::says;
use offload_tests::env;
use offload_tests::gro::{ethtool, random_batch, By, Stand};
use offload_tests::link::await_that;
use offload_tests::netns;
use offload_tests::nic::Nic;
use offload_tests::wire::vnet::Received;
use offload_tests::ynl;
use offload_uapi::client::Client;
use offload_uapi::netlink::{Slot, State};
use offload_uapi::stats;
use offload_uapi::types::{hex, Event, Known};
use serde_json::{json, Value};

use crate::gro::frames::{Frame, Ip, CWR, DO_NOT_FRAGMENT, ECE, PSH};
use crate::gro::sequences;

const NIC: Nic = Nic { id: 0 };

/// Bytes that each segment carries, and how many there are of a flow.
const SIZE: usize = 300;
const COUNT: usize = 5;

/// The device puts flows together whose last segment says that it is the last, however many polls they take.
fn stand() -> Result<Stand> {
    let stand = Stand::new(64)?;
    stand.put_together(By::Device)?;
    let patience = 60_000_000_000_u64;
    stand.far().write("gro_flush_timeout", patience)?.run()?;
    Ok(stand)
}

/// What the tool says of the audit, and its exit status.
fn audit(stand: &Stand, args: &str) -> Result<(Value, i32)> {
    let far = stand.far();
    let line = format!("gro audit {} --json {args}", far.name);
    let output = far.offloadctl(line)?.output()?;
    let said: Value = serde_json::from_str(&output.stdout()).with_context(|| output.to_string())?;
    Ok((said[0].clone(), output.code().context("no status")?))
}

/// The device's next super-frame is another one in bit number `bit`.
fn flip(bit: usize) -> Result<()> {
    let file = NIC.debug_file("ports/1/flip_coalesced_bit");
    fs::write(&file, bit.to_string()).with_context(|| file.display().to_string())
}

fn v4(id: u16) -> Ip {
    Ip::V4 {
        tos: 2,
        id,
        fragment: DO_NOT_FRAGMENT,
        ttl: 64,
        source: [10, 12, 0, 1],
        target: [10, 12, 0, 2],
        options: 0,
    }
}

fn v6() -> Ip {
    Ip::V6 {
        version: 6,
        class: 2,
        label: 0x12345,
        hops: 64,
        source: [0xfd; 16],
        target: [0xfc; 16],
        extensions: Vec::new(),
    }
}

/// The IP headers and the VLAN tags of a flow.
type Kind<'a> = (&'a [Ip], &'a [(u16, u16)]);

/// Segment number `index` of flow number `number`, with `size` bytes.
fn segment(
    stand: &Stand,
    (ips, tags): Kind<'_>,
    number: u16,
    index: usize,
    (size, flags): (usize, u8),
) -> Vec<u8> {
    let ips = ips.iter().map(|ip| {
        let mut ip = ip.clone();
        if let Ip::V4 { id, .. } = &mut ip {
            *id = id.wrapping_add(index as u16);
        }
        ip
    });
    let ips: Vec<_> = ips.collect();
    let payload = (0..size).map(|at| (index * 7 + at * 3) as u8).collect();
    // The sequence numbers come to their end.
    let at = (u32::MAX - 700).wrapping_add((index * size) as u32);
    let mut frame = Frame::segment_at(&ips, at as usize, payload);
    frame.target = stand.target;
    frame.tags = tags.to_vec();
    frame.tcp.ports[0] += number;
    frame.tcp.flags |= flags;
    frame.tcp.options = vec![1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
    frame.bytes()
}

/// The segments of a flow. Of number 1 all say that there is congestion.
fn flow(stand: &Stand, ips: &[Ip], tags: &[(u16, u16)], number: u16) -> Vec<Vec<u8>> {
    let segment = |index: usize| {
        let last = if index + 1 == COUNT { PSH } else { 0 };
        let congestion = if number == 1 { CWR | ECE } else { 0 };
        let flags = last | congestion;
        segment(stand, (ips, tags), number, index, (SIZE, flags))
    };
    (0..COUNT).map(segment).collect()
}

fn is_super_frame(packet: &Received) -> bool {
    packet.segments.is_some()
}

/// One by one, or a super-frame of all.
#[test]
fn what_comes_out_is_what_was_on_the_wire() -> Result<()> {
    let stand = stand()?;
    let far = stand.far();
    ethtool(far, "rx-vlan-hw-parse off rx-vlan-stag-hw-parse off")?;
    let tag = (0x8100, 0x2005);
    let kinds: [Kind<'_>; 9] = [
        (&[v4(1)], &[]),
        (&[v4(0xfffe)], &[]),
        (&[v6()], &[]),
        (&[v4(1)], &[tag]),
        (&[v6()], &[(0x88a8, 7), tag]),
        (&[v4(1), v4(9)], &[]),
        (&[v6(), v4(9)], &[]),
        (&[v4(1), v6()], &[]),
        (&[v6(), v6()], &[tag]),
    ];
    for strip in ["off", "on"] {
        ethtool(
            far,
            &format!("rx-vlan-hw-parse {strip} rx-vlan-stag-hw-parse {strip}"),
        )?;
        let run = |one_in: usize| -> Result<Vec<Received>> {
            audit(&stand, &format!("--one-in {one_in}"))?;
            let mut all = Vec::new();
            for (number, (ips, tags)) in (1..).zip(kinds) {
                let mut received = stand.exchange(&flow(&stand, ips, tags, number))?;
                all.append(&mut received);
            }
            Ok(all)
        };
        let audited = run(1)?;
        let told = audit(&stand, "")?;
        let expected = json!({
            "interface": far.name, "ifindex": far.index()?, "one_in": 1, "ends_permission": true,
            "ended": false, "audited": kinds.len(), "left_out": 0, "lossy": 0, "different": 0,
            "first": null,
        });
        ensure!(told == (expected, 0), "{told:#?}");
        ensure!(audited.len() == kinds.len(), "{} packets", audited.len());
        ensure!(audited.iter().all(is_super_frame), "{audited:02x?}");
        let unseen = run(0)?;
        ensure!(audited == unseen, "others than without an audit");
        ensure!(audit(&stand, "")?.0["audited"] == 0, "there is none");
    }
    // Of so many one.
    audit(&stand, "--one-in 4")?;
    for number in 0..16 {
        stand.exchange(&flow(&stand, &[v4(1)], &[], 1 + number))?;
    }
    let (told, _) = audit(&stand, "")?;
    ensure!(
        told["audited"] == 4 && told["different"] == 0,
        "not a quarter: {told:#}"
    );
    Ok(())
}

/// Whatever may befall a flow, the audit finds nothing but what GRO itself loses.
#[test]
fn of_any_sequence() -> Result<()> {
    let stand = Stand::new(8)?;
    stand.put_together(By::Device)?;
    stand.await_batches()?;
    let far = stand.far();
    let before = far.statistics()?;
    audit(&stand, "--one-in 1")?;
    let count = sequences() / 4;
    for seed in 0..count {
        let frames = random_batch(seed, stand.target);
        let received = stand.exchange(&frames);
        received.with_context(|| format!("seed {seed}"))?;
    }
    let (told, status) = audit(&stand, "")?;
    let number = |name: &str| told[name].as_u64().context("a number");
    let (audited, lossy) = (number("audited")?, number("lossy")?);
    println!("{count} sequences: {audited} super-frames, of which GRO loses something of {lossy}");
    ensure!(
        number("different")? == 0 && number("left_out")? == 0 && status == 0,
        "{told:#}"
    );
    ensure!(audited > count / 2, "hardly any was put together");
    let up = far.statistics()?.since(&before, stats::RX_HW_GRO_PACKETS)?;
    ensure!(up == audited - lossy, "{up} went up, {told:#}");
    Ok(())
}

/// What the audit says of a super-frame with a wrong byte.
#[derive(Clone, Copy, Debug)]
enum Told {
    /// It can't be cut, with this error.
    Uncut(i32),
    /// Of the first frame that is cut this byte is another one.
    Byte(usize),
    /// What is cut is right, but this byte of its own headers is not that of a frame on the wire.
    Untrue(usize),
}

/// What is wrong does not go up, and all that was on the wire does.
#[test]
fn a_difference_is_kept_and_no_byte_is_lost() -> Result<()> {
    let stand = stand()?;
    let frames = flow(&stand, &[v4(1)], &[], 2);
    let exchange = || stand.exchange(&frames);

    // Nobody looks.
    flip(8 * 100)?;
    let received = exchange()?;
    ensure!(is_super_frame(&received[0]), "{received:02x?}");
    let byte = received[0].frame[100];
    ensure!(byte == frames[0][100] ^ 1, "it is as it was");
    ensure!(audit(&stand, "")?.0["different"] == 0, "somebody looks");

    let no_protocol = libc::EPROTONOSUPPORT;
    for (byte, told) in [
        // The target.
        (0, Told::Byte(0)),
        // The EtherType.
        (12, Told::Uncut(no_protocol)),
        // Of IP: total length, time to live, protocol, checksum. What it says of lengths is made anew.
        (16, Told::Untrue(16)),
        (22, Told::Byte(22)),
        (23, Told::Uncut(no_protocol)),
        (24, Told::Untrue(16)),
        // Of TCP: sequence number, length of the header, flags, the sum that is left open.
        (41, Told::Byte(41)),
        (46, Told::Byte(17)),
        (47, Told::Byte(47)),
        (50, Told::Byte(50)),
        // Payload: first of all the checksum is another one.
        (150, Told::Byte(50)),
    ] {
        audit(&stand, "--one-in 1 --ends-permission no")?;
        flip(8 * byte + 4)?;
        let what = || format!("byte {byte}");
        for different in [true, false] {
            let received = exchange().with_context(what)?;
            if different {
                let received = received.into_iter().map(|packet| packet.frame);
                ensure!(received.eq(frames.iter().cloned()), "byte {byte}");
            } else {
                ensure!(received.len() == 1, "byte {byte}: it goes on");
            }
        }
        let (said, status) = audit(&stand, "")?;
        ensure!(
            said["audited"] == 2 && said["different"] == 1 && said["ended"] == false && status == 3,
            "byte {byte}: {said:#}"
        );
        let first = &said["first"];
        let is_as_told = match told {
            Told::Uncut(error) => first["error"] == error && first["segments"] == 0,
            Told::Byte(at) => first["offset"] == at && first["untrue"] == false,
            Told::Untrue(at) => first["offset"] == at && first["untrue"] == true,
        };
        ensure!(
            is_as_told
                && first["frames"] == COUNT
                && first["index"] == 0
                && first["wire"] == json!({"len": frames[0].len(), "data": hex(&frames[0])}),
            "{told:?}: {first:#}"
        );
    }
    let far = stand.far();
    let shown = far.offloadctl(format!("gro audit {}", far.name))?;
    let shown = shown.output()?.stdout();
    println!("{shown}");
    says(&shown, &[&far.name, " 2 ", " 1 ", "stays"])?;
    says(
        &shown,
        &["5 frames", "cut into 5", "number 1", "from byte 50 on"],
    )?;
    says(&shown, &["wire", "48:"])?;
    says(&shown, &["cut", "48:"])
}

/// Until the audit is set anew the device puts nothing together, which is told.
#[test]
fn a_difference_ends_the_permission() -> Result<()> {
    let stand = stand()?;
    let far = stand.far();
    let frames = flow(&stand, &[v6()], &[], 2);
    let (mut client, mut events) = netns::enter(far.ns.as_deref(), || {
        let client = Client::connect()?;
        let events = client.events()?;
        anyhow::Ok((client, events))
    })?;
    let mut await_event = |is_it: fn(&Event) -> bool| {
        await_that("the event", || {
            while let Some(event) = events.try_next()? {
                if is_it(&event) {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    };
    let ifindex = far.index()?;
    let mut is_active = || -> Result<bool> {
        let device = client
            .slot(ifindex, Slot::Gro)?
            .device
            .context("no device")?;
        Ok(device.state == Some(Known::Is(State::Active)))
    };
    let is_together = || -> Result<bool> {
        let received = stand.exchange(&frames)?;
        let is_together = received.len() == 1;
        let all = received.into_iter().map(|packet| packet.frame);
        ensure!(
            is_together || all.eq(frames.iter().cloned()),
            "other frames"
        );
        Ok(is_together)
    };
    audit(&stand, "--one-in 1")?;
    ensure!(is_together()? && is_active()?, "it does not begin");
    flip(8 * 60)?;
    ensure!(!is_together()?, "what is wrong goes up");
    let (told, status) = audit(&stand, "")?;
    ensure!(
        told["ended"] == true && told["different"] == 1 && status == 3,
        "{told:#}"
    );
    await_event(|event| matches!(event, Event::SlotRemove(it) if it.slot == Known::Is(Slot::Gro)))?;
    ensure!(!is_active()?, "the slot says another thing");
    for _ in 0..3 {
        ensure!(!is_together()?, "it goes on");
    }
    for state in ["off", "on"] {
        ethtool(far, &format!("rx-gro-hw {state}"))?;
    }
    ensure!(!is_together()?, "another feature, and it goes on");
    let (again, _) = audit(&stand, "")?;
    ensure!(again == told, "nothing was put together: {again:#}");
    let shown = far.offloadctl(format!("gro audit {}", far.name))?;
    let shown = shown.output()?.stdout();
    println!("{shown}");
    says(&shown, &["1", "ended by a difference"])?;
    says(&shown, &["number 1", "from byte"])?;

    let (told, status) = audit(&stand, "--one-in 0")?;
    ensure!(
        told["ended"] == false && told["first"].is_null() && status == 0,
        "{told:#}"
    );
    ensure!(is_together()? && is_active()?, "it does not come back");
    await_event(|event| matches!(event, Event::SlotActivate(it) if it.slot == Known::Is(Slot::Gro)))
}

/// With the audit in each of its states: those that wait while it is set are dealt with, too.
#[test]
fn set_while_frames_wait() -> Result<()> {
    let stand = stand()?;
    let far = stand.far();
    let frames = flow(&stand, &[v4(1)], &[], 2);
    for [before, after] in [["0", "1"], ["1", "0"], ["1", "1"]] {
        audit(&stand, &format!("--one-in {before}"))?;
        let counts = far.statistics()?;
        stand.send(&frames[..3])?;
        far.await_that("frames that wait", |far| {
            Ok(far.statistics()?.since(&counts, stats::RX_DEVICE_FRAMES)? == 3)
        })?;
        audit(&stand, &format!("--one-in {after}"))?;
        stand.send(&frames[3..])?;
        let received = stand.tap.next(COUNT)?;
        ensure!(received.len() == 1, "it has gone up before");
        let (told, _) = audit(&stand, "")?;
        let expected = u64::from([before, after] == ["1", "1"]);
        ensure!(
            told["audited"] == expected && told["different"] == 0,
            "{before}, {after}: {told:#}"
        );
    }
    Ok(())
}

/// A queue keeps no more than so much; what goes beyond is left out, and there is room again behind it.
#[test]
fn no_more_is_kept_than_may_be() -> Result<()> {
    const FLOWS: u16 = 60;
    const LEN: usize = 1400;
    let stand = stand()?;
    let ips = [v4(1)];
    let count = 40;
    for (one_in, is_full) in [(1, true), (8, false)] {
        audit(&stand, &format!("--one-in {one_in}"))?;
        for index in 0..count {
            let flags = if index + 1 == count { PSH } else { 0 };
            for number in 0..FLOWS {
                let frame = segment(&stand, (&ips, &[]), number, index, (LEN, flags));
                stand.sender.send(&frame)?;
            }
        }
        let received = stand.tap.next(count * usize::from(FLOWS))?;
        ensure!(
            received.len() == usize::from(FLOWS),
            "{} packets",
            received.len()
        );
        for (packet, number) in received.iter().zip(0..) {
            let first = segment(&stand, (&ips, &[]), number, 0, (LEN, 0));
            let headers = first.len() - LEN;
            let payload = packet.frame.get(headers..).context("no payload")?;
            let sent = (0..count).flat_map(|index| {
                segment(&stand, (&ips, &[]), number, index, (LEN, 0)).split_off(headers)
            });
            ensure!(payload.iter().copied().eq(sent), "flow {number}");
        }
        let (told, _) = audit(&stand, "")?;
        let [audited, left_out] =
            ["audited", "left_out"].map(|name| told[name].as_u64().unwrap_or_default());
        println!("one in {one_in}: {audited} audited, {left_out} left out");
        ensure!(told["different"] == 0 && audited > 0, "{told:#}");
        ensure!(
            audited + left_out == u64::from(FLOWS).div_ceil(one_in) && (left_out > 0) == is_full,
            "{told:#}"
        );
    }
    Ok(())
}

/// What the user gets wrong is told, and changes nothing.
#[test]
fn mistakes_are_told() -> Result<()> {
    let stand = stand()?;
    let far = stand.far();
    let name = &far.name;
    let (before, _) = audit(&stand, "--one-in 7 --ends-permission no")?;
    let tool = |args: &str| far.offloadctl(format!("gro audit {args}"));
    for (args, words) in [
        ("--one-in 3".to_owned(), "required arguments"),
        (format!("{name} --ends-permission no"), "required arguments"),
        (format!("{name} --one-in many"), "many"),
        (format!("{name} --one-in 1 --ends-permission 2"), "2"),
        ("none".to_owned(), "none"),
    ] {
        says(&tool(&args)?.refused()?, &["error", words])?;
    }
    for args in ["--one-in 1", ""] {
        let refused = far
            .cmd("setpriv --bounding-set=-net_admin --inh-caps=-net_admin")
            .arg(env::offloadctl()?)
            .args(format!("gro audit {name} {args}"));
        says(&refused.refused()?, &["CAP_NET_ADMIN"])?;
    }
    let index = far.index()?;
    for (request, words) in [
        (
            json!({"ifindex": index, "one-in": 1, "ends-permission": 2}),
            ["ends-permission is 0 or 1, not 2", ".ends-permission"],
        ),
        (json!({"ifindex": index}), ["one-in", "miss"]),
        (
            json!({"ifindex": 1, "one-in": 1}),
            ["interface 1 reports no programs", ".ifindex"],
        ),
    ] {
        let ynl = ynl::command(&env::specification())?.args("--do gro-audit-set --json");
        let refused = ynl.arg(request.to_string()).in_netns(far.ns.as_deref());
        says(&refused.refused()?, &words)?;
    }
    let file = NIC.debug_file("ports/1/flip_coalesced_bit");
    for text in ["many", "-1", "4294967295"] {
        ensure!(fs::write(&file, text).is_err(), "{text} is a bit");
    }
    ensure!(audit(&stand, "")?.0 == before, "something has changed");
    Ok(())
}

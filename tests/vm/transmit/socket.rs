// SPDX-License-Identifier: GPL-2.0

//! What sockets of AF_XDP ask of the frames that they send: checksums, which are on the wire whoever
//! makes them, and time stamps, which are the system's. Nobody waits for a launch time.

use std::collections::BTreeSet;

use anyhow::{ensure, Context, Result};
use etherparse::checksum::Sum16BitWords;
use offload_tests::cable::Cable;
use offload_tests::clock::{Clocks, Stamping};
use offload_tests::env;
use offload_tests::frames::{mark_number, MARK_PASS};
use offload_tests::link::Link;
use offload_tests::nic::set_profile;
use offload_tests::wire::matrix::{Combination, Fields, Layer2, Network, Storage, Transport, Work};
use offload_tests::wire::packet::Packet;
use offload_tests::wire::{Capture, Sender};
use offload_tests::xsk::{Request, Sockets, CHECKSUM, LAUNCH_TIME, TIMESTAMP};
use offload_tests::ynl;
use offload_uapi::stats;
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{json, Value};

/// The longest piece of a frame that lies in one buffer.
const BUFFER: usize = 3840;
const HOUR: u64 = 3600 * 1_000_000_000;
/// `HWTSTAMP_TX_ON` and `HWTSTAMP_FILTER_ALL`.
const ALL: Stamping = Stamping {
    sent: 1,
    received: 1,
};

/// What the family `netdev` says of `link`.
fn device(link: &Link) -> Result<Value> {
    let asked = json!({ "ifindex": link.index()? });
    ynl::command(&ynl::specification("netdev")?)?
        .in_netns(link.ns.as_deref())
        .args("--output-json --do dev-get --json")
        .arg(asked.to_string())
        .json()
}

/// The names in a list.
fn names(list: &Value) -> Result<BTreeSet<&str>> {
    let list = list
        .as_array()
        .with_context(|| format!("no list: {list}"))?;
    let names = list.iter().map(|name| name.as_str().context("no name"));
    names.collect()
}

#[test]
fn sockets_are_told_what_they_may_ask() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let shown = device(&cable.near)?;
    ensure!(
        names(&shown["xsk-features"])? == BTreeSet::from(["tx-checksum"]),
        "{shown}"
    );
    ensure!(
        names(&shown["xdp-rx-metadata-features"])?
            == BTreeSet::from(["hash", "timestamp", "vlan-tag"]),
        "{shown}"
    );
    Ok(())
}

/// `frame` with its checksum.
fn finished(request: &Request) -> Vec<u8> {
    let mut frame = request.frame.clone();
    if request.flags >= 0 && request.flags & CHECKSUM != 0 {
        let sum = Sum16BitWords::new().add_slice(&frame[request.start..]);
        // Not 0, which stands for none.
        let sum = match sum.ones_complement() {
            0 => u16::MAX,
            sum => sum,
        };
        let at = request.start + request.offset;
        frame[at..at + 2].copy_from_slice(&sum.to_ne_bytes());
    }
    frame
}

/// Frames with the checksums of their protocols open.
fn of_protocols(rng: &mut ChaCha8Rng) -> Vec<Request> {
    let mut all = Vec::new();
    for layer2 in [Layer2::Plain, Layer2::Vlan, Layer2::QinQ, Layer2::Mpls] {
        for network in [
            Network::V4,
            Network::V4Options,
            Network::V6,
            Network::V6Three,
            Network::V6SegmentsLeft,
        ] {
            for transport in [
                Transport::Tcp,
                Transport::Udp,
                Transport::Echo,
                Transport::Experiment,
            ] {
                for (payload, zero) in [
                    (0, false),
                    (37, false),
                    (64, true),
                    (3000, false),
                    (5001, false),
                ] {
                    let packet = Packet::new(
                        &Combination {
                            tunnel: None,
                            layer2,
                            network,
                            transport,
                            work: Work::Checksum,
                            payload,
                            storage: Storage::Linear,
                            zero,
                            fields: Fields::Right,
                        },
                        rng.random(),
                    );
                    let (start, offset) = packet.unfinished.checksum.unwrap_or_default();
                    all.push(request(
                        rng,
                        CHECKSUM,
                        start.into(),
                        offset.into(),
                        packet.bytes,
                    ));
                }
            }
        }
    }
    all
}

/// Frames of any bytes, to be summed up from anywhere.
fn of_no_protocol(rng: &mut ChaCha8Rng, count: usize) -> Vec<Request> {
    let one = |_| {
        let mut frame = vec![0; rng.random_range(60..2 * BUFFER)];
        rng.fill_bytes(&mut frame);
        // To nobody else, and no tag.
        frame[..14].copy_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb8]);
        // The core wants the checksum to lie in the first buffer.
        let start = rng.random_range(0..40);
        let offset = rng.random_range(14_usize.saturating_sub(start)..60 - start - 1);
        let flags = [CHECKSUM, 0, -1][rng.random_range(0..3)];
        request(rng, flags, start, offset, frame)
    };
    (0..count).map(one).collect()
}

/// A request for some of the other things as well, in one buffer or two.
fn request(
    rng: &mut ChaCha8Rng,
    flags: i64,
    start: usize,
    offset: usize,
    frame: Vec<u8>,
) -> Request {
    let others = [0, TIMESTAMP, LAUNCH_TIME, TIMESTAMP | LAUNCH_TIME];
    let headers = (start + offset + 2).max(60);
    let (least, most) = (
        frame.len().saturating_sub(BUFFER),
        frame.len().saturating_sub(headers),
    );
    let apart = if least > 0 || (most > 0 && rng.random()) {
        rng.random_range(least.max(1)..=most.min(BUFFER))
    } else {
        0
    };
    Request {
        flags: if flags < 0 {
            flags
        } else {
            flags | others[rng.random_range(0..4)]
        },
        start,
        offset,
        launch_time: 0,
        apart,
        frame,
    }
}

/// Sends `requests`, and tells whether what was on the wire and what was said of the time is right.
fn compare(cable: &Cable, sockets: &Sockets, requests: &[Request]) -> Result<()> {
    let (near, far) = (&cable.near, &cable.far);
    let (sender, capture) = (Sender::new(near)?, Capture::start(far, "")?);
    for requests in requests.chunks(100) {
        let completions = sockets.send(near, requests)?;
        sender.end_batch(MARK_PASS, 0)?;
        let wire = capture.until(|frame| mark_number(MARK_PASS, frame).is_some())?;
        ensure!(
            wire.len() == requests.len() && completions.len() == requests.len(),
            "{} frames came, {} were completed of {}",
            wire.len(),
            completions.len(),
            requests.len()
        );
        for ((request, frame), completion) in requests.iter().zip(wire).zip(completions) {
            let expected = finished(request);
            let differs = expected.iter().zip(&frame).position(|(a, b)| a != b);
            ensure!(
                expected == frame,
                "{} bytes, not {}, differ from byte {differs:?} on: {request:02x?}, came as {frame:02x?}",
                frame.len(),
                expected.len()
            );
            if request.flags >= 0 && request.flags & TIMESTAMP != 0 {
                let stamp = i64::try_from(completion.stamp)?;
                ensure!(
                    (completion.before..=completion.after).contains(&stamp),
                    "{completion:?}: not by CLOCK_TAI"
                );
            } else {
                // The request stands there still.
                let kept = (request.start | request.offset << 16) as u64;
                ensure!(completion.stamp == kept, "{completion:?} of {request:?}");
            }
        }
    }
    capture.stop().map(drop)
}

#[test]
fn sockets_get_what_they_ask_for() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(env::seed()?);
    let cable = Cable::onic(2 * BUFFER)?;
    let (near, far) = (&cable.near, &cable.far);
    let (sockets, clocks) = (Sockets::new()?, Clocks::new()?);
    // The kernel keeps such stamps where it keeps what it knows of a socket's.
    for link in [near, far] {
        ensure!(clocks.stamp(link, ALL)? == Ok(ALL), "{link}");
    }
    if let Some(clock) = clocks.of(near)? {
        // In 2001: nobody takes it for that of the system.
        clock.set(1_000_000_000_000_000_000)?;
    }
    near.cmd(format!("ethtool -K {} tx on sg on", near.name))
        .run()?;

    let mut requests = of_protocols(&mut rng);
    let count = if env::is_slow() { 100 } else { 400 };
    requests.extend(of_no_protocol(&mut rng, count));
    let later = sockets.send(near, &requests[..1])?[0].after;
    for request in &mut requests {
        request.launch_time = u64::try_from(later)? + HOUR;
    }
    let asked = requests
        .iter()
        .filter(|it| it.flags >= 0 && it.flags & CHECKSUM != 0)
        .count() as u64;
    // Who makes them: the device, the driver's software, or the core.
    for (profile, word, by) in [
        ("programmable", "on", [asked, 0]),
        // Nobody has noted where the IP header of such a frame begins.
        ("legacy", "on", [0, asked]),
        ("none", "on", [0, asked]),
        ("programmable", "off", [0, 0]),
    ] {
        set_profile(0, profile)?;
        near.cmd(format!("ethtool -K {} tx {word}", near.name))
            .run()?;
        let counts = || -> Result<[u64; 2]> {
            let statistics = near.statistics()?;
            let software = statistics.sum(|name| name.starts_with(stats::TX_SW_CSUM_PREFIX));
            Ok([statistics.get(stats::TX_HW_CHECKSUMS)?, software])
        };
        let before = counts()?;
        let what = format!("profile {profile}, checksums {word}");
        compare(&cable, &sockets, &requests).with_context(|| what.clone())?;
        let now = counts()?;
        let done = [now[0] - before[0], now[1] - before[1]];
        println!(
            "{what}: of {asked} {} by the device, {} by software",
            done[0], done[1]
        );
        ensure!(done == by, "{what}: {done:?}, not {by:?}");
    }
    Ok(())
}

// SPDX-License-Identifier: GPL-2.0

//! `ethtool -L`: the number of queues changes while frames come, and nothing gets lost that is not
//! counted, neither frames nor counts.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{ensure, Context, Result};
use offload_tests::cable::Cable;
use offload_tests::command::{says, Cmd};
use offload_tests::env;
use offload_tests::frames::{mark_number, Frames, MARK_PASS};
use offload_tests::link::{receive_queues, Link};
use offload_tests::wire::{Capture, Sender};
use offload_uapi::stats;

/// Queue pairs of each port.
const QUEUES: u64 = 4;

fn set_queues(port: &Link, count: u64) -> Result<()> {
    let set = format!("ethtool -L {} combined {count}", port.name);
    port.cmd(set).run()?;
    let channels = port.cmd(format!("ethtool -l {}", port.name)).run()?;
    let combined: Vec<_> = channels
        .lines()
        .filter_map(|line| line.strip_prefix("Combined:"))
        .map(str::trim)
        .collect();
    ensure!(
        combined == [QUEUES.to_string(), count.to_string()],
        "{channels}"
    );
    // `ip netns exec` brings the namespace's own sysfs.
    let ns = port.ns.as_deref().context("no namespace")?;
    let folder = format!("/sys/class/net/{}/queues", port.name);
    let queues = Cmd::new(format!("ip netns exec {ns} ls {folder}")).run()?;
    let rx = queues.lines().filter(|line| line.starts_with("rx-"));
    let rx = rx.count() as u64;
    let is_shown = receive_queues(&port.show()?).is_some();
    ensure!(rx == if is_shown { count } else { 0 }, "sysfs has {queues}");
    Ok(())
}

#[test]
fn queues_come_and_go_under_traffic() -> Result<()> {
    let cable = Cable::onic_with_queues(QUEUES as u32, 1500)?;
    let frames: Vec<_> = {
        let mut source = Frames::new(70, 1500);
        std::iter::repeat_with(|| source.next_frame())
            .filter(|frame| !matches!(frame[12..14], [0x81, 0x00] | [0x88, 0xa8]))
            .take(500)
            .collect()
    };
    let rounds = if env::is_slow() { 2 } else { 10 };
    let done = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| -> Result<u64> {
        let traffic = scope.spawn(|| -> Result<u64> {
            let sender = Sender::new(&cable.near)?;
            let mut sent = 0;
            while !done.load(Ordering::Relaxed) {
                for frame in &frames {
                    sender.send(frame)?;
                    sent += 1;
                }
            }
            Ok(sent)
        });
        let change = || -> Result<()> {
            for round in 0..rounds {
                for count in [1, QUEUES, 2 + round % 2] {
                    set_queues(&cable.far, count)?;
                    set_queues(&cable.near, QUEUES + 1 - count)?;
                }
            }
            Ok(())
        };
        let changed = change();
        done.store(true, Ordering::Relaxed);
        let sent = traffic.join().ok().context("the sender panicked")??;
        changed.map(|()| sent)
    })?;

    // All of what was sent is where it can be counted, once the last frame has come through.
    let sender = Sender::new(&cable.near)?;
    let capture = Capture::start(&cable.far, "")?;
    sender.end_batch(MARK_PASS, 1)?;
    capture.until(|frame| mark_number(MARK_PASS, frame) == Some(1))?;
    capture.stop()?;
    let sent = sent + 4;
    let lost = |counters: &offload_tests::link::Statistics| -> Result<u64> {
        Ok(counters.get(stats::RX_RESIZE_DROPS)? + counters.get(stats::RX_DOWN_DROPS)?)
    };
    cable.far.await_that("every frame", |far| {
        let counters = far.statistics()?;
        Ok(counters.get(stats::RX_DEVICE_FRAMES)? + lost(&counters)? == sent)
    })?;
    let counters = cable.far.statistics()?;
    println!("{sent} frames, {} lost on the way", lost(&counters)?);
    let out = cable.near.stat("tx", "packets")?;
    ensure!(out == sent, "{out} of {sent} counted as sent");
    let received = cable.far.stat("rx", "packets")?;
    ensure!(received > sent / 2, "{received} of {sent} received");
    Ok(())
}

#[test]
fn a_number_of_queues_that_cannot_be() -> Result<()> {
    let cable = Cable::onic_with_queues(QUEUES as u32, 1500)?;
    // The core's own words; `ethtool -l` shows the limits.
    let too_many = "requested channel count exceeds maximum";
    for (args, words) in [
        (format!("combined {}", QUEUES + 1), too_many),
        ("combined 0".to_owned(), "no RX or TX channel"),
        ("rx 1".to_owned(), too_many),
    ] {
        let set = format!("ethtool -L {} {args}", cable.far.name);
        let said = cable.far.cmd(set).refused()?;
        says(&said, &[words]).context(args)?;
    }
    set_queues(&cable.far, QUEUES)
}

#[test]
fn flow_control_and_error_correction_are_reported() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let pause = format!("ethtool --json -I -a {}", cable.far.name);
    let pause = cable.far.cmd(pause).json()?;
    ensure!(
        pause[0]["rx"] == true
            && pause[0]["tx"] == true
            && pause[0]["statistics"]["rx_pause_frames"] == 0,
        "{pause}"
    );
    let fec = format!("ethtool -I --show-fec {}", cable.far.name);
    let fec = cable.far.cmd(fec).run()?;
    // Which codewords had how many errors, an ethtool of Debian 13 does not ask; the kernel's own
    // `stats.py` does.
    for line in [
        "Active FEC encoding: RS",
        "corrected_blocks: 0",
        "uncorrectable_blocks: 0",
    ] {
        ensure!(fec.contains(line), "no {line:?} in {fec}");
    }
    Ok(())
}

/// Whoever changes the threads of all NAPI instances waits for each of them: one of a queue that is
/// not in use, or of a port that is down, would be waited for for ever.
#[test]
fn threads_of_queues_that_are_off() -> Result<()> {
    let cable = Cable::onic_with_queues(QUEUES as u32, 1500)?;
    let far = &cable.far;
    let threaded = |is_on: u8| far.write("threaded", is_on);
    threaded(1)?.run()?;
    set_queues(far, 1)?;
    threaded(0)?.run()?;
    set_queues(far, QUEUES)?;
    threaded(1)?.run()?;
    far.set("down").run()?;
    // There is no instance to change.
    threaded(0)?.refused()?;
    far.set("up").run()?;
    far.await_carrier()?;
    let (sender, capture) = (Sender::new(&cable.near)?, Capture::start(far, "")?);
    sender.end_batch(MARK_PASS, 1)?;
    capture.until(|frame| mark_number(MARK_PASS, frame) == Some(1))?;
    capture.stop().map(drop)
}

// SPDX-License-Identifier: GPL-2.0

//! Replacing the program of a port while frames come in: none is lost, and each meets
//! the old program or the new one, never some of both.

use anyhow::{ensure, Result};
use offload_tests::cable::Cable;
use offload_tests::env;
use offload_tests::frames::{mark, mark_number, MARK_PASS};
use offload_tests::wire::{Capture, Sender};

/// The EtherType that `tests/bpf/stamp.h` stamps.
const STAMP: u16 = 0x88b7;

#[test]
fn live_replacement_under_traffic() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let mut pins = Vec::new();
    for name in ["stamp_a", "stamp_b"] {
        let pin = format!("/sys/fs/bpf/{name}");
        cable
            .far
            .cmd("bpftool prog load")
            .arg(env::object(name)?)
            .args(format!("{pin} type xdp offload_dev {}", cable.far.name))
            .run()?;
        pins.push(pin);
    }
    let swap = |pin: &str| {
        let target = format!("dev {} xdpoffload pinned {pin}", cable.far.name);
        cable.far.cmd("ip -force link set").args(target).run()
    };
    swap(&pins[0])?;

    let sender = Sender::new(&cable.near)?;
    let capture = Capture::start(&cable.far, "")?;
    let swaps = if env::is_slow() { 10 } else { 60 };
    let (sent, arrived) = std::thread::scope(|scope| -> Result<_> {
        let swapper = scope.spawn(|| (1..=swaps).try_for_each(|n| swap(&pins[n % 2]).map(drop)));
        // Frames go on for as long as programs are replaced.
        let mut sent = 0;
        let mut arrived = Vec::new();
        while !swapper.is_finished() {
            for _ in 0..100 {
                sender.send(&mark(STAMP, sent))?;
                sent += 1;
            }
            sender.end_batch(MARK_PASS, sent)?;
            arrived.extend(capture.until(|frame| mark_number(MARK_PASS, frame) == Some(sent))?);
        }
        swapper
            .join()
            .unwrap_or_else(|p| std::panic::resume_unwind(p))?;
        Ok((sent, arrived))
    })?;
    capture.stop()?;
    for pin in pins {
        std::fs::remove_file(pin)?;
    }

    ensure!(
        arrived.len() == sent as usize,
        "{} of {sent} arrived",
        arrived.len()
    );
    let mut seen = [0_usize; 2];
    for (number, frame) in (0..).zip(&arrived) {
        ensure!(
            mark_number(STAMP, frame) == Some(number),
            "frame {number} is missing or late"
        );
        match (frame[20], frame[40]) {
            (b'A', b'A') => seen[0] += 1,
            (b'B', b'B') => seen[1] += 1,
            stamps => anyhow::bail!("frame {number} met a mixture: {stamps:?}"),
        }
    }
    println!("{sent} frames, {swaps} swaps: {seen:?} by each program");
    ensure!(
        seen.iter().all(|count| *count > 0),
        "only one program ever ran"
    );
    Ok(())
}

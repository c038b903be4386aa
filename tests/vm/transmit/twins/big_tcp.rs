// SPDX-License-Identifier: GPL-2.0

//! BIG TCP: super-frames longer than an IP header could tell.

use anyhow::{ensure, Context, Result};
use offload_tests::env;
use offload_tests::nic::set_profile;
use offload_tests::streams;
use offload_tests::wire::twins::Twins;
use offload_tests::wire::Capture;
use offload_uapi::stats;

use super::profiles;

/// Bytes in the longest super-frame. A capture takes no longer ones.
const LONGEST: u64 = 250_000;

/// Bytes of the stream: the first super-frames of one are short.
fn stream() -> usize {
    if env::is_slow() {
        1 << 18
    } else {
        2 << 20
    }
}

#[test]
fn super_frames_of_more_than_64_kib_are_the_same() -> Result<()> {
    let twins = Twins::new(1500)?;
    for link in [&twins.near, &twins.mirror] {
        link.set(format!(
            "gso_max_size {LONGEST} gso_ipv4_max_size {LONGEST}"
        ))
        .run()?;
    }
    for target in ["10.8.0.2", "fd08::2"] {
        let address = target.parse()?;
        let sent = Capture::of_sent(&twins.near, "greater 65536")?;
        for profile in profiles() {
            set_profile(0, profile)?;
            let what = || format!("{target}, {profile}");
            let stream = || streams::tcp(&twins.near, &twins.far, address, stream());
            let outcome = twins.compare(stream).with_context(what)?;
            outcome.ensure_same().with_context(what)?;
            let cut = outcome.count(stats::TX_HW_GSO_PACKETS)?;
            let count = outcome.frames.len();
            println!(
                "{}: {count} frames, {cut} super-frames cut by the device",
                what()
            );
            ensure!(
                (cut > 0) == (*profile != "none"),
                "{}: the device has cut {cut}",
                what()
            );
        }
        let long = sent.stop()?.len();
        println!("{target}: {long} super-frames of more than 64 KiB");
        // Where an answer takes long, TCP makes them shorter.
        ensure!(
            long > 0 || env::is_slow(),
            "{target}: no super-frame of more than 64 KiB"
        );
    }
    Ok(())
}

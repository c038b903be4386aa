// SPDX-License-Identifier: GPL-2.0

//! Nanoseconds per frame for programs as NICs run them: on the device, with fusion and without it, and
//! on rbpf's interpreter and just-in-time compiler.
//!
//! First criterion's figures, one machine after the other; then a comparison in which the machines
//! take turns of a millisecond, so that whatever else the computer does hits all of them. From this
//! come the table at the end and the picture.
//!
//! `ENGINE_BENCH_SVG=FILE` says where the picture goes; without it there is none. The JIT is there
//! with `--features jit` only. For the flags that the kernel passes to rustc, as far as they change
//! this code:
//!
//! ```text
//! RUSTFLAGS="-Copt-level=2 -Cforce-frame-pointers=y -Cjump-tables=n -Coverflow-checks=y" \
//!     cargo bench -p engine_peers --target-dir target/kernel-flags
//! ```
//!
//! (before Rust 1.93 `-Zno-jump-tables`, with a nightly compiler).

#![allow(missing_docs, reason = "criterion's macros make public functions")]

#[path = "../../../tests/common/mod.rs"]
mod common;
mod comparison;
mod device;
mod facts;
mod listing;
mod picture;
mod rival;
mod tables;
mod traffic;
mod translation;

use std::time::Duration;

use criterion::Criterion;
use engine::image::Fusion;

use device::Device;
use rival::{Mode, Rival};
use traffic::Traffic;

/// The frames of a program: one packet, and, where the way through the program depends on the
/// packet, mixed ones.
fn traffic_of(name: &str) -> Vec<(&'static str, Traffic)> {
    let one = (
        "one packet",
        traffic::one(if name == "checksum" { 1500 } else { 64 }),
    );
    match name {
        "parse" | "lookup" | "balancer" | "router" | "keyed_hash" => {
            vec![one, ("mixed", traffic::mixed(64))]
        }
        "options" => vec![
            ("one packet", traffic::one_with_options()),
            ("mixed", traffic::mixed_with_options()),
        ],
        "extensions" => vec![
            ("one packet", traffic::one_with_extensions()),
            ("mixed", traffic::mixed_with_extensions()),
        ],
        _ => vec![one],
    }
}

/// The device, as it is and without fusion, rbpf's interpreter and rbpf's JIT, as far as they can run a
/// program.
struct Machines {
    device: Device,
    unfused: Device,
    interpreter: Result<Rival, String>,
    jit: Result<Rival, String>,
}

impl Machines {
    /// Sets the machines up and has them agree on all frames.
    fn new(listing: &listing::Listing, traffic: &Traffic) -> Self {
        let mut machines = Self {
            device: Device::new(listing, traffic, Fusion::On),
            unfused: Device::new(listing, traffic, Fusion::Off),
            interpreter: Rival::new(listing, traffic, Mode::Interpreter),
            jit: Rival::new(listing, traffic, Mode::Jit),
        };
        for frame in 0..traffic.frames.len() {
            let verdict = machines.device.run(frame);
            let theirs = machines.unfused.run(frame);
            assert_eq!(verdict, theirs, "{}, frame {frame}", listing.name);
            let (left, theirs) = (machines.device.left(frame), machines.unfused.left(frame));
            assert_eq!(left, theirs, "{}, frame {frame}", listing.name);
            for rival in [&mut machines.interpreter, &mut machines.jit]
                .into_iter()
                .flatten()
            {
                let theirs = rival.run(frame);
                assert_eq!(verdict, theirs, "{}, frame {frame}", listing.name);
                let (left, theirs) = (machines.device.left(frame), rival.left(frame));
                assert_eq!(left, theirs, "{}, frame {frame}", listing.name);
            }
        }
        machines
    }
}

fn programs(c: &mut Criterion) {
    for listing in listing::all() {
        for (kind, mut traffic) in traffic_of(listing.name) {
            let mut machines = Machines::new(&listing, &traffic);
            let mut group = c.benchmark_group(format!("{}, {kind}", listing.name));
            group.bench_function("engine", |bencher| {
                bencher.iter(|| machines.device.run(traffic.next()));
            });
            group.bench_function("engine, no fusion", |bencher| {
                bencher.iter(|| machines.unfused.run(traffic.next()));
            });
            for (name, rival) in [
                ("rbpf interpreter", &mut machines.interpreter),
                ("rbpf JIT", &mut machines.jit),
            ] {
                match rival {
                    Ok(rival) => {
                        group.bench_function(name, |bencher| {
                            bencher.iter(|| rival.run(traffic.next()))
                        });
                    }
                    Err(reason) => println!("{}: not on the {name}: {reason}", listing.name),
                }
            }
            group.finish();
        }
    }
}

fn main() {
    tables::fill();
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    programs(&mut criterion);
    translation::bench(&mut criterion);
    criterion.final_summary();
    // `cargo test --benches` only wants to know whether all this still runs.
    if std::env::args().any(|argument| argument == "--bench") {
        comparison::run();
    }
}

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
mod machines;
mod picture;
mod rival;
mod tables;
mod traffic;
mod translation;

use std::time::Duration;

use criterion::Criterion;

use machines::{traffic_of, Machines};

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
        let rows = comparison::run();
        if let Some(file) = std::env::var_os("ENGINE_BENCH_SVG") {
            picture::draw(&rows, file.as_ref());
        }
    }
}

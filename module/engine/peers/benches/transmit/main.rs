// SPDX-License-Identifier: GPL-2.0

//! Bytes per second of checksums and of segmentation, beside a plain loop that adds 64 bits and
//! folds, as the kernel's portable code does, and beside a copy of the same bytes.
//!
//! First criterion's figures; then a comparison in which the three take turns of a millisecond, so
//! that whatever else the computer does hits all of them, and the table of ratios. For the flags
//! that the kernel passes to rustc, as far as they change this code:
//!
//! ```text
//! RUSTFLAGS="-Copt-level=2 -Cforce-frame-pointers=y -Coverflow-checks=y \
//!     -Cno-vectorize-loops -Cno-vectorize-slp" \
//!     cargo bench -p engine_peers --target-dir target/kernel-flags --bench transmit
//! ```
//!
//! (the kernel has no vector registers; Rust's library for the host can't do without). `memcpy` is
//! that of the host's C library, with the widest vectors of the processor, which the kernel's has
//! not either.

mod folding;
mod segmentation;
mod table;
#[path = "../common/turns.rs"]
mod turns;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};

use folding::folding_loop;
use table::Contest;
use turns::Contestant;

/// What a contestant reads goes around in so many bytes, to find them in a cache or in memory.
const PLACES: [(&str, usize); 2] = [("cache", 1), ("memory", 256 << 20)];
const LENGTHS: [usize; 5] = [64, 1500, 4096, 9000, 65_536];

/// Pieces of `len` bytes, one after the other in `source`.
struct Pieces<'a> {
    source: &'a [u8],
    len: usize,
    at: usize,
}

impl<'a> Pieces<'a> {
    fn next(&mut self) -> &'a [u8] {
        if self.at + self.len > self.source.len() {
            self.at = 0;
        }
        let piece = &self.source[self.at..self.at + self.len];
        self.at += self.len;
        black_box(piece)
    }
}

/// The three that sum or copy pieces of `len` bytes out of `bytes`, which is as long as a place or
/// as a piece.
fn checksums<'a>(source: &'a [u8], len: usize) -> Vec<Contestant<'a>> {
    let pieces = || Pieces { source, len, at: 0 };
    let (mut engine, mut folding, mut copied) = (pieces(), pieces(), pieces());
    let mut target = vec![0; len];
    vec![
        Contestant::new("engine", move || {
            black_box(engine::checksum::sum(engine.next()).complement());
        }),
        Contestant::new("folding loop", move || {
            black_box(folding_loop(folding.next()));
        }),
        Contestant::new("memcpy", move || {
            black_box(&mut target[..]).copy_from_slice(copied.next());
        }),
    ]
}

/// The sums agree: what is measured is the same work.
fn check(source: &[u8]) {
    for len in (0..200).chain([1500, 65_535]) {
        let bytes = &source[1..1 + len];
        let ours = u16::from_le_bytes(engine::checksum::sum(bytes).complement());
        assert_eq!(ours, folding_loop(bytes), "{len} bytes");
    }
}

fn main() {
    let source: Vec<u8> = (0..256_usize << 20).map(|at| (at % 251) as u8).collect();
    check(&source);
    let mut contests = Vec::new();
    for (place, bytes) in PLACES {
        for len in LENGTHS {
            contests.push(Contest {
                name: format!("checksum, {len} bytes in {place}"),
                bytes: len as u64,
                contestants: checksums(&source[..bytes.max(len)], len),
            });
        }
    }
    contests.extend([1448, 8948].map(segmentation::contest));

    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    for contest in &mut contests {
        let mut group = criterion.benchmark_group(&contest.name);
        group.throughput(Throughput::Bytes(contest.bytes));
        for contestant in &mut contest.contestants {
            group.bench_function(contestant.name, |bencher| bencher.iter(&mut contestant.run));
        }
        group.finish();
    }
    criterion.final_summary();
    // `cargo test --benches` only wants to know whether all this still runs.
    if std::env::args().any(|argument| argument == "--bench") {
        table::compare(&mut contests);
    }
}

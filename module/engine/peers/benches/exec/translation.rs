// SPDX-License-Identifier: GPL-2.0

//! How long translation takes, for programs of several lengths.

use criterion::{BenchmarkId, Criterion, Throughput};
use engine::limits::Limits;
use engine::store::RegisterKind;

use crate::common::{asm, image_of, source, Always};
use crate::listing::{self, Listing};

/// The largest one is beyond what a device of full size stores.
const LENGTHS: [usize; 4] = [1_024, 4_096, 16_384, 100_000];

/// The instructions of the parser, again and again, `len` of them.
fn long(parser: &Listing, len: usize) -> Vec<engine::insn::Insn> {
    let body = parser.insns.split_last().map_or(&[][..], |(_, body)| body);
    let mut insns: Vec<_> = std::iter::repeat_n(body, len / body.len())
        .flatten()
        .copied()
        .collect();
    insns.resize(len - 1, asm::mov_imm(asm::R0, 2));
    insns.push(asm::exit());
    insns
}

/// Registers the measurements.
pub(crate) fn bench(c: &mut Criterion) {
    let limits = Limits {
        max_insns: usize::MAX,
        max_ops: usize::MAX,
        ..Limits::default()
    };
    let listings = listing::all();
    let parser = listings
        .iter()
        .find(|listing| listing.name == "parse")
        .expect("the parser");
    let mut group = c.benchmark_group("translate");
    for len in LENGTHS {
        let insns = long(parser, len);
        let mut stored = source(&insns, &limits).unwrap_or_else(|refusal| panic!("{refusal}"));
        for at in 0..len {
            // With every pointer into the frame there is as much to fuse as can be.
            stored
                .check_insn(at, &Always(RegisterKind::Packet))
                .unwrap_or_else(|refusal| panic!("{refusal}"));
        }
        group.throughput(Throughput::Elements(len as u64));
        group.bench_function(BenchmarkId::from_parameter(len), |bencher| {
            bencher
                .iter(|| image_of(&stored, &limits).unwrap_or_else(|refusal| panic!("{refusal}")));
        });
    }
    group.finish();
}

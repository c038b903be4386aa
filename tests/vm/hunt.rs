// SPDX-License-Identifier: GPL-2.0

//! A short hunt: see `offload_tests::hunt`. `cargo xtask hunt` goes on for as long as one likes.

use anyhow::{ensure, Result};
use engine::helper::Helper;
use offload_tests::env;
use offload_tests::hunt::cable::Cables;
use offload_tests::hunt::run::{Hunt, Plan};
use offload_tests::until::Until;

/// What is enough to reach every operation, and then some.
const PROGRAMS: u64 = 1_000;
const FRAMES: usize = 20;
/// Where chance begins: a test has to find the same each time.
const SEED: u64 = 1;

#[test]
fn random_programs_do_the_same_and_reach_everything() -> Result<()> {
    let mut hunt = Hunt::new()?;
    let has_events = hunt.setting().events;
    let plan = Plan {
        seed: SEED,
        first: 0,
        until: Until::Count(PROGRAMS),
        frames: FRAMES,
    };
    let report = hunt.run(&plan, |_| {})?;
    println!("{}{report}", report.coverage);
    ensure!(report.findings.is_empty(), "{}", report.findings.join("\n"));
    let mut holes = report.coverage.holes();
    if !has_events {
        let event = Helper::PerfEventOutput.name();
        println!("skipped: {event}: this kernel has no CONFIG_PERF_EVENTS; that for QEMU has");
        holes.retain(|hole| hole != event);
    }
    ensure!(holes.is_empty(), "not reached: {holes:?}");
    ensure!(report.accepted * 10 > report.programs * 7, "{report}");
    Ok(())
}

/// Programs that go the whole way: each takes a second.
const ON_CABLES: u64 = 8;

#[test]
fn random_programs_do_the_same_on_cables() -> Result<()> {
    if env::is_slow() {
        println!("skipped: random programs on cables: the engine is the same on all kernels, and the way to it is tested by others");
        return Ok(());
    }
    let cables = Cables::new()?;
    let mut accepted = 0;
    for number in 0..ON_CABLES {
        accepted += u64::from(cables.equal(SEED, number, 100)?);
    }
    println!("{accepted} of {ON_CABLES} programs accepted");
    ensure!(accepted * 2 > ON_CABLES, "only {accepted} were accepted");
    Ok(())
}

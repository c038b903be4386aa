// SPDX-License-Identifier: GPL-2.0

//! Classifiers that are to run in the device, with memory that runs out.

use anyhow::{ensure, Result};
use nix::errno::Errno;
use offload_tests::env;
use offload_tests::tc::{self, Runner};
use offload_uapi::stats;

use crate::injection::{Attempt, Case};
use crate::{Bench, Pin};

/// netlink has another word where it has no memory for the request.
fn says_otherwise(attempt: &Attempt) -> bool {
    Errno::from_raw(attempt.errno) == Errno::ENOBUFS
}

/// The classifier `tests/bpf/OBJECT.bpf.c`, loaded for the port but in no filter.
fn classifier(bench: &Bench, object: &str) -> Result<Pin> {
    let (pin, port) = (Pin::new(object), bench.port());
    port.cmd("bpftool prog load")
        .arg(env::object(object)?)
        .args(format!(
            "{} type classifier offload_dev {}",
            pin.0, port.name
        ))
        .run()?;
    Ok(pin)
}

/// The next frame that comes to the port is counted as `verdict`.
fn runs(bench: &Bench, verdict: &str) -> Result<()> {
    let port = bench.port();
    let before = port.statistics()?;
    bench.traffic_flows()?;
    let seen = port.statistics()?.since(&before, verdict)?;
    ensure!(seen == 1, "{verdict}: {seen} frames, not 1");
    Ok(())
}

#[test]
fn adding_a_filter() -> Result<()> {
    let Some(bench) = Bench::new("adding_a_filter", 1)? else {
        return Ok(());
    };
    let port = bench.port();
    tc::prepare(port, Runner::Device)?;
    let program = classifier(&bench, "tc_count")?;
    let memory = bench.memory()?;
    let is_undone = || {
        let filters = tc::show(port)?;
        ensure!(filters.trim().is_empty(), "a filter stays: {filters}");
        Ok(())
    };
    let tally = bench.faults.each(&Case {
        operation: format!("filter {} {}", port.name, program.0),
        port: Some(port),
        nths: (1, 1),
        says_otherwise,
        is_undone: &is_undone,
        undo: &|| {
            runs(&bench, stats::TC_HW_UNSPEC)?;
            tc::delete(port, 1).run()?;
            is_undone()
        },
    })?;
    ensure!(tally.failed > 0, "never failed");
    bench.await_memory(memory)?;
    drop(program);
    bench.finish()
}

/// The old filter stays until the new one is there.
#[test]
fn replacing_a_filter() -> Result<()> {
    let Some(bench) = Bench::new("replacing_a_filter", 1)? else {
        return Ok(());
    };
    let port = bench.port();
    tc::prepare(port, Runner::Device)?;
    let old = classifier(&bench, "tc_stamp_a")?;
    let new = classifier(&bench, "tc_count")?;
    let [put_old, put_new] = [&old, &new].map(|pin| format!("filter {} {}", port.name, pin.0));
    bench.faults.succeed(port, &put_old)?;
    let id = tc::attached(port, 1)?.id;
    let memory = bench.memory()?;
    let old_one_runs = || {
        let now = tc::attached(port, 1)?.id;
        ensure!(now == id, "program {now} is in the filter, not {id}");
        runs(&bench, stats::TC_HW_OK)
    };
    let tally = bench.faults.each(&Case {
        operation: put_new,
        port: Some(port),
        nths: (1, 1),
        says_otherwise,
        is_undone: &old_one_runs,
        undo: &|| {
            runs(&bench, stats::TC_HW_UNSPEC)?;
            bench.faults.succeed(port, &put_old)?;
            old_one_runs()
        },
    })?;
    ensure!(tally.failed > 0, "never failed");
    bench.await_memory(memory)?;
    tc::delete(port, 1).run()?;
    drop((old, new));
    bench.finish()
}

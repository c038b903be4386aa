// SPDX-License-Identifier: GPL-2.0

//! Clocks of several NICs, which the tools that people have for that hold in step.

use std::time::Instant;

use anyhow::{ensure, Context, Result};
use offload_tests::clock::{Clock, Clocks};
use offload_tests::command::{Background, Cmd};
use offload_tests::link::{Link, PATIENCE};
use offload_tests::module::Module;
use offload_tests::netns::NetNs;
use offload_tests::nic::plug;

const SECOND: i64 = 1_000_000_000;
/// How far apart clocks in step are at most, in nanoseconds.
const BOUND: u64 = 100_000;
/// For how many lines of a tool's in a row.
const LINES: usize = 5;
/// What a clock is made faster by, in 2^-16 parts per million: it would be out of step in a 200th of a
/// second.
const FAST: i64 = 20_000 << 16;

/// What a tool says of the clock that it sets.
#[derive(Debug)]
struct Told {
    /// How far it is from the other one, in nanoseconds.
    offset: i64,
    /// Whether it is followed by its rate alone, and no more by being set.
    is_locked: bool,
}

impl Told {
    /// What is in `line`, if that is of a clock.
    fn of(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace().skip_while(|word| *word != "offset");
        let offset = words.nth(1)?.parse().ok()?;
        let is_locked = words.next()? == "s2";
        Some(Self { offset, is_locked })
    }
}

/// How much `clock` is ahead of `reference`, in nanoseconds, if both go as their counter does between
/// the two questions.
fn ahead(clock: &Clock<'_>, reference: &Clock<'_>) -> Result<i64> {
    let (of_reference, of_clock) = (reference.moment()?, clock.moment()?);
    let passed = of_clock.raw - of_reference.raw;
    Ok(of_clock.time - of_reference.time - passed)
}

/// Puts `clock` out of step with `reference`, in time and rate.
fn set_apart(clock: &Clock<'_>, reference: &Clock<'_>) -> Result<()> {
    reference.set(1_000_000 * SECOND)?;
    clock.set(500_000 * SECOND)?;
    clock.adjust(FAST)?;
    let apart = ahead(clock, reference)?;
    ensure!(
        (apart + 500_000 * SECOND).abs() < 120 * SECOND,
        "{apart} ns apart"
    );
    Ok(())
}

/// Reads what `tool` says until the two clocks are in step, by its own words and by what they say of the
/// same moment.
fn await_step(tool: &mut Background, clock: &Clock<'_>, reference: &Clock<'_>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let (mut lines, mut last) = (0, Vec::new());
    while Instant::now() < deadline {
        let line = tool.next_line()?;
        let Some(told) = Told::of(&line) else {
            println!("{line}");
            continue;
        };
        let is_in_step = told.is_locked && told.offset.unsigned_abs() < BOUND;
        lines = if is_in_step { lines + 1 } else { 0 };
        last.push(told.offset);
        if lines >= LINES {
            let apart = ahead(clock, reference)?;
            if apart.unsigned_abs() < BOUND {
                println!("{apart} ns apart at last; it was {last:?}");
                return Ok(());
            }
            lines = 0;
        }
    }
    anyhow::bail!("not in step; the tool has said {last:?}")
}

/// The clocks of two ports; `None` on a kernel that has none.
fn clocks_of<'a>(
    clocks: &'a Clocks,
    ports: [&Link; 2],
    test: &str,
) -> Result<Option<[Clock<'a>; 2]>> {
    let [Some(one), Some(two)] = [clocks.of(ports[0])?, clocks.of(ports[1])?] else {
        println!(
            "skipped: {test}: this kernel has no CONFIG_PTP_1588_CLOCK; those of the distribution have"
        );
        return Ok(None);
    };
    ensure!(one.index != two.index, "two NICs, one clock");
    Ok(Some([one, two]))
}

/// By reading both.
#[test]
fn one_clock_follows_another() -> Result<()> {
    let _module = Module::insert("nics=2 ports=2")?;
    let clocks = Clocks::new()?;
    let (source, sink) = (Link::new("onic0"), Link::new("onic3"));
    let found = clocks_of(&clocks, [&source, &sink], "one_clock_follows_another")?;
    let Some([reference, clock]) = found else {
        return Ok(());
    };
    set_apart(&clock, &reference)?;
    let line = format!(
        "phc2sys -s {} -c {} -O 0 -R 16 -N 9 -q -m",
        source.name, sink.name
    );
    let mut tool = Background::start(&Cmd::new(line))?;
    await_step(&mut tool, &clock, &reference)
}

/// By messages over the cable, which the two NICs stamp.
#[test]
fn a_slave_follows_its_master() -> Result<()> {
    let _module = Module::insert("nics=2 ports=1")?;
    let clocks = Clocks::new()?;
    let (near_ns, far_ns) = (NetNs::new("master")?, NetNs::new("slave")?);
    let (mut near, mut far) = (Link::new("onic0"), Link::new("onic1"));
    near.move_to(&near_ns)?;
    far.move_to(&far_ns)?;
    let found = clocks_of(&clocks, [&near, &far], "a_slave_follows_its_master")?;
    let Some([reference, clock]) = found else {
        return Ok(());
    };
    plug(&near, &far)?;
    for link in [&near, &far] {
        link.set("up").run()?;
    }
    near.await_carrier()?;
    set_apart(&clock, &reference)?;
    // Messages of Ethernet, as often as 16 times a second; no stamp is late for want of a processor.
    let start = |link: &Link, role: &str| {
        let name = &link.name;
        let line = format!(
            "ptp4l -i {name} -2 -H -q -m --uds_address=/run/ptp4l.{name} --uds_ro_address=/run/ptp4lro.{name} \
             --logSyncInterval=-4 --logMinDelayReqInterval=-4 --logAnnounceInterval=-2 \
             --summary_interval=-4 --tx_timestamp_timeout=30000 --fault_reset_interval=-2 {role}"
        );
        Background::start(&link.cmd(line))
    };
    let mut master = start(&near, "--serverOnly=1")?;
    let mut slave = start(&far, "--clientOnly=1")?;
    await_step(&mut slave, &clock, &reference)?;
    let grand = "assuming the grand master role";
    master.await_line(grand).context("no master").map(drop)
}

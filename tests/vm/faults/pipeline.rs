// SPDX-License-Identifier: GPL-2.0

//! What devlink shows of the tables of a NIC, with memory that runs out.

use anyhow::{bail, ensure, Result};
use nix::errno::Errno;

use crate::injection::{Attempt, Faults, Tally};
use crate::{Bench, NIC};

/// Rules of many values and masks, of which several messages have to be made.
const RULES: u16 = 40;

/// Asks for `what` with each of its allocations failing in turn. Who asks gets all of it, or is told that there
/// is no memory.
fn each(faults: &Faults, what: &str) -> Result<Tally> {
    let operation = format!("dpipe {what} {}", NIC.handle().replace('/', " "));
    let whole = |attempt: Attempt, nth: u32| {
        let errno = Errno::from_raw(attempt.errno);
        ensure!(attempt.errno == 0, "{operation}: {nth}: {errno}");
        Ok(attempt.verifier_log)
    };
    let expected = whole(faults.attempt(None, 0, &operation)?, 0)?;
    let mut tally = Tally::default();
    for nth in 1..10_000 {
        let attempt = faults.attempt(None, nth, &operation)?;
        match Errno::from_raw(attempt.errno) {
            // Of the socket's own, before anybody has seen the request.
            Errno::ENOMEM | Errno::ENOBUFS => {
                ensure!(attempt.left == 0, "{operation}: {nth}: nothing failed");
                tally.failed += 1;
                let now = whole(faults.attempt(None, 0, &operation)?, 0)?;
                ensure!(now == expected, "{operation}: {nth}: {now}, not {expected}");
            }
            _ => {
                let left = attempt.left;
                let told = whole(attempt, nth)?;
                ensure!(
                    told == expected,
                    "{operation}: {nth}: {told}, not {expected}"
                );
                if left > 0 {
                    println!("{operation}: {tally:?}, up to allocation {nth}: {expected}");
                    return Ok(tally);
                }
                tally.survived += 1;
            }
        }
    }
    bail!("{operation}: no end of allocations")
}

#[test]
fn tables_are_shown_whole_or_not_at_all() -> Result<()> {
    let Some(bench) = Bench::new("tables_are_shown_whole_or_not_at_all", 4)? else {
        return Ok(());
    };
    let port = bench.port();
    for number in 1..=RULES {
        let rule = format!(
            "flow-type udp4 src-ip 10.7.{number}.0 m 0.0.0.255 dst-ip 10.8.0.1 src-port {number} \
             dst-port 9 vlan 7 user-def 0x4beef action {}",
            number % 4
        );
        port.cmd(format!("ethtool -N {} {rule}", port.name)).run()?;
    }
    for what in ["headers", "tables", "ntuple", "rss", "arfs"] {
        let tally = each(&bench.faults, what)?;
        ensure!(tally.failed > 0, "{what}: never failed");
    }
    bench.finish()
}

// SPDX-License-Identifier: GPL-2.0

//! The tests of the module: its test programs, in guests with one kernel.

use std::collections::BTreeSet;
use std::sync::{mpsc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;

use super::Row;
use crate::cargo::{self, Program, Tests};
use crate::cmd::{Chosen, Workshop};
use crate::flavour::Flavour;
use crate::guest::{Outcome, Output};
use crate::selftests;
use crate::session::Session;
use crate::summary::{self, Counts};
use crate::ui;

/// What random tests begin with.
const SEED: &str = "OFFLOAD_NIC_SEED";

/// Runs several test programs in one guest.
const RUN_PROGRAMS: &str = include_str!("run-programs.sh");

/// The test programs that take longest, the worst first: begun first and each in a guest of its own,
/// so that no guest is busy with one of them while the other processors have nothing left to do.
const LONGEST: &[&str] = &[
    "selftests_programs",
    "faults",
    "lifecycle",
    "equality",
    "tc_equality",
];

/// The test programs that a kernel is spared, as what it is there for is not in them.
const SPARED: &[(Flavour, &[&str], &str)] = &[
    (
        Flavour::Qemu,
        &["offloadctl", "ynl", "resources", "refusals", "rules"],
        "what is said and what is refused does not depend on the machine",
    ),
    (
        Flavour::Qemu,
        &["faults"],
        "this kernel has no fault injection; that with KASAN has",
    ),
];

/// Why `program` is not run on the kernel `flavour`, if it is not.
fn spared(flavour: Flavour, program: &str) -> Option<&'static str> {
    let (_, _, reason) = SPARED
        .iter()
        .find(|(kernel, programs, _)| *kernel == flavour && programs.contains(&program))?;
    Some(reason)
}

/// The test programs on one kernel, in several guests at a time.
///
/// # Errors
///
/// Where a kernel, the module or the objects can't be built, or a guest can't be started.
pub(super) fn run(
    workshop: &Workshop,
    flavour: Flavour,
    tests: &Tests,
    filter: &[String],
) -> Result<Row> {
    let kernel = workshop.kernel(flavour, None)?;
    let selftests = selftests::build(workshop, &kernel.source)?.keep(workshop)?;
    let source = kernel.source.clone();
    let mut session = Session::new(workshop, Chosen::Ours(kernel))?;
    session.user_side(Some(&source))?;
    // Random tests say how to have the same again.
    if let Ok(seed) = std::env::var(SEED) {
        session.env(SEED, seed);
    }
    session.env("OFFLOAD_NIC_SELFTESTS", selftests.display().to_string());
    let started = Instant::now();
    let mut programs = Vec::new();
    // The names of those that need not be run, and later of those that were.
    let mut settled = BTreeSet::new();
    for program in &tests.in_guest {
        if matches(program, filter)? {
            programs.push(program);
        } else {
            settled.insert(&*program.name);
        }
    }
    programs.sort_by_key(|program| {
        let place = LONGEST.iter().position(|name| *name == program.name);
        place.unwrap_or(LONGEST.len())
    });
    let mut row = Row {
        place: format!("guest: {flavour}"),
        counts: Counts::default(),
        took: String::new(),
        notes: Vec::new(),
    };
    programs.retain(|program| {
        let Some(reason) = spared(flavour, &program.name) else {
            return true;
        };
        row.counts.skipped += 1;
        row.notes
            .push(format!("skipped: {}: {reason}", program.name));
        settled.insert(&program.name);
        false
    });
    let at_once = guests_at_once().min(programs.len());
    let rest = Mutex::new(&programs[..]);
    let next = || {
        let mut rest = rest.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, later) = rest.split_at(share(&rest, at_once));
        *rest = later;
        (!now.is_empty()).then_some(now)
    };
    let (done, outcomes) = mpsc::channel();
    let output = if at_once > 1 {
        Output::KeepStdout
    } else {
        Output::PassAndKeep
    };
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            let done = done.clone();
            let (next, session) = (&next, &session);
            scope.spawn(move || {
                while let Some(programs) = next() {
                    let what = format!("{flavour}: {}", names(programs));
                    ui::say(&what);
                    let started = Instant::now();
                    let outcome = session.run(Some(argv(programs, filter)), output);
                    let took = ui::duration(started.elapsed());
                    ui::say(&format!("{what}: done in {took}"));
                    // Nobody listens any more after an error.
                    if done.send((programs, outcome)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(done);
        for (programs, outcome) in outcomes {
            let outcome = outcome?;
            if output == Output::KeepStdout {
                println!("{flavour}: {}\n{}", names(programs), outcome.stdout);
            }
            row.add(programs, &outcome);
            settled.extend(programs.iter().map(|program| &*program.name));
        }
        anyhow::Ok(())
    })?;
    for name in cargo::lost(&tests.listed, settled) {
        row.notes.push(format!("FAILED: {name}: it was not run"));
        row.counts.failed += 1;
    }
    row.took = ui::duration(started.elapsed());
    Ok(row)
}

/// Whether a program has a test that the filter takes: a guest for none is a
/// waste of time.
fn matches(program: &Program, filter: &[String]) -> Result<bool> {
    if filter.is_empty() {
        return Ok(true);
    }
    let mut argv = vec!["--list".to_owned(), "--format=terse".to_owned()];
    argv.extend(filter.iter().cloned());
    let list = duct::cmd(&program.path, argv).stderr_null().read()?;
    Ok(list.lines().any(|line| line.ends_with(": test")))
}

/// How test programs are called in a guest.
fn argv(programs: &[&Program], filter: &[String]) -> Vec<String> {
    let mut argv = ["bash", "-c", RUN_PROGRAMS, "run-programs"]
        .map(str::to_owned)
        .to_vec();
    argv.extend(filter.iter().cloned());
    argv.extend([
        // The tests share the guest's network and the module.
        "--test-threads=1".to_owned(),
        // The reason why a test was skipped is in its output.
        "--show-output".to_owned(),
        "--".to_owned(),
    ]);
    argv.extend(programs.iter().map(|program| path(program)));
    argv
}

/// A test program as the guest calls it.
fn path(program: &Program) -> String {
    program.path.display().to_string()
}

/// The names of test programs, for people.
fn names(programs: &[&Program]) -> String {
    let names: Vec<_> = programs.iter().map(|program| &*program.name).collect();
    names.join(", ")
}

/// How many of the first of `programs` go into the next guest. A boot takes as long as a short
/// program, so several do; fewer and fewer, so that all guests come to their end at about the same
/// time.
fn share(programs: &[&Program], at_once: usize) -> usize {
    match programs.first() {
        Some(first) if LONGEST.contains(&&*first.name) => 1,
        _ => programs.len().div_ceil(2 * at_once.max(1)),
    }
}

/// How many guests keep this machine busy. A test does one thing at a time, so that a guest uses
/// little more than a processor, even QEMU, which has a thread for each of the guest's two.
fn guests_at_once() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Row {
    /// Adds what came of the test programs in one guest.
    fn add(&mut self, programs: &[&Program], outcome: &Outcome) {
        outcome.report();
        let success = outcome.code() == 0;
        self.counts += Counts::from_output(&outcome.stdout, success);
        let skipped = summary::skipped(&outcome.stdout);
        self.notes
            .extend(skipped.map(|what| format!("skipped: {what}")));
        for program in programs {
            let Some(how) = trouble(&outcome.stdout, &path(program)) else {
                continue;
            };
            self.notes.push(format!("FAILED: {}: {how}", program.name));
            // A guest without success counts as at least one failure already.
            self.counts.failed += u64::from(success);
        }
        if !outcome.faults.is_empty() {
            self.notes.push(format!(
                "FAILED: a kernel fault or leak in the guest with {}",
                names(programs)
            ));
        }
    }
}

/// Why it can't be said that all tests of the test program at `path` have passed, going by what
/// was printed in its guest.
fn trouble(output: &str, path: &str) -> Option<String> {
    let end = format!("test program {path}: exit status ");
    let mut has_result = false;
    for line in output.lines() {
        if let Some(status) = line.strip_prefix(&end) {
            return match status {
                "0" if has_result => None,
                "0" => Some("it ended before its tests did".to_owned()),
                status => Some(format!("exit status {status}")),
            };
        }
        if line.starts_with("test result: ") {
            has_result = true;
        } else if line.starts_with("test program ") {
            has_result = false;
        }
    }
    Some("the guest died before it was done".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(name: &str) -> Program {
        Program {
            name: name.to_owned(),
            kind: cargo_metadata::TargetKind::Test,
            path: name.into(),
            is_test: true,
        }
    }

    #[test]
    fn program_without_results_is_no_success() {
        let output = "test result: ok. 1 passed\n\
                      test program /a: exit status 0\n\
                      test program /b: exit status 0\n\
                      test result: FAILED. 0 passed; 1 failed\n\
                      test program /c: exit status 101\n\
                      test result: ok. 1 passed\n";
        assert_eq!(trouble(output, "/a"), None);
        for (path, how) in [("/b", "before"), ("/c", "status 101"), ("/d", "died")] {
            let trouble = trouble(output, path).unwrap();
            assert!(trouble.contains(how), "{trouble}");
        }
    }

    #[test]
    fn a_guest_that_lost_a_program_fails() {
        let (a, b) = (program("a"), program("b"));
        let mut row = Row {
            place: String::new(),
            counts: Counts::default(),
            took: String::new(),
            notes: Vec::new(),
        };
        let outcome = Outcome {
            status: Some(0),
            faults: Vec::new(),
            stdout: "test result: ok. 1 passed\ntest program a: exit status 0\n".to_owned(),
            console: "".into(),
            took: std::time::Duration::ZERO,
        };
        row.add(&[&a, &b], &outcome);
        assert_eq!((row.counts.passed, row.counts.failed), (1, 1));
        assert_eq!(row.notes, ["FAILED: b: the guest died before it was done"]);
    }

    #[test]
    fn long_programs_are_alone_and_short_ones_share() {
        let all: Vec<_> = ["faults", "lifecycle"]
            .into_iter()
            .chain(["a", "b", "c", "d", "e", "f", "g", "h"])
            .map(program)
            .collect();
        let all: Vec<_> = all.iter().collect();
        let (mut rest, mut shares) = (&all[..], Vec::new());
        while !rest.is_empty() {
            let (now, later) = rest.split_at(share(rest, 2));
            shares.push(now.len());
            rest = later;
        }
        assert_eq!(shares, [1, 1, 2, 2, 1, 1, 1, 1]);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The tests of the module: its test programs, in guests with one kernel.

use std::collections::BTreeSet;
use std::mem;
use std::panic::resume_unwind;
use std::sync::{mpsc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::Result;

use super::group::Group;
use super::limit::Limit;
use super::row::Row;
use crate::cargo::{self, Tests};
use crate::flavour::{Flavour, Machine};
use crate::guest::{Outcome, Output};
use crate::module;
use crate::selftests;
use crate::session::Session;
use crate::target::Target;
use crate::ui;
use crate::workshop::Workshop;

/// What random tests begin with.
const SEED: &str = "OFFLOAD_NIC_SEED";

/// Runs several groups in one guest.
const RUN_PROGRAMS: &str = include_str!("run-programs.sh");

/// The groups that take longest, the worst first: begun first and each in a guest of its own,
/// so that no guest is busy with one of them while the other processors have nothing left to do.
const LONGEST: &[&str] = &[
    "programs::selftests",
    "faults",
    "control::lifecycle",
    "xdp::equality",
    "tc::equality",
];

/// The programs and groups that a kernel is spared, as what it is there for is not in them.
const SPARED: &[(Flavour, &[&str], &str)] = &[
    (
        Flavour::UmlKasan,
        &["hunt"],
        "what random programs compute does not depend on the kernel's checks",
    ),
    (
        Flavour::UmlKasan,
        &["offload::offloadctl", "offload::ynl"],
        "what tools say does not depend on the kernel's checks",
    ),
    (
        Flavour::UmlLockdep,
        &["hunt"],
        "what random programs compute does not depend on the kernel's checks",
    ),
    (
        Flavour::UmlLockdep,
        &[
            "control::resources",
            "offload::offloadctl",
            "offload::ynl",
            "programs::refusals",
            "programs::rules",
        ],
        "what is said and what is refused does not depend on locks; that with KASAN has it",
    ),
    (
        Flavour::UmlLockdep,
        &["tc::equality", "xdp::equality"],
        "what programs make of frames does not depend on locks; that with KASAN has it",
    ),
];

/// As [`SPARED`], of the distribution's kernels.
const SPARED_DISTRIBUTIONS: &[(&[&str], &str)] = &[
    (
        &["hunt"],
        "emulated, it takes too long: `cargo xtask hunt --on distro` has the JIT compiler",
    ),
    (
        &[
            "offload::offloadctl",
            "offload::ynl",
            "control::resources",
            "programs::refusals",
            "programs::rules",
        ],
        "what is said and what is refused does not depend on the machine",
    ),
    (
        &["faults"],
        "this kernel has no fault injection; that with KASAN has",
    ),
];

/// The sample that is tested.
const SAMPLE: &str = "loopback_nic";

/// Why `group` is not run on the kernel `flavour`, if it is not. `part` are those that the kernel
/// runs, if it is not to run all.
fn spared(flavour: Flavour, group: &Group<'_>, part: &[&str]) -> Option<String> {
    let is_one = |names: &[&str]| names.iter().any(|name| group.is(name));
    let own = SPARED.iter().filter(|(kernel, ..)| *kernel == flavour);
    let own = own.map(|(_, names, reason)| (*names, *reason));
    let distributions = SPARED_DISTRIBUTIONS.iter().copied();
    let theirs = distributions.filter(|_| flavour.is_distribution());
    if let Some((_, reason)) = own.chain(theirs).find(|(names, _)| is_one(names)) {
        return Some(reason.to_owned());
    }
    let is_left = !part.is_empty() && !is_one(part);
    is_left.then(|| {
        format!("where all kernels are run, that is left to others: `cargo xtask test --on {flavour}` has it")
    })
}

/// A kernel and all that its guests need.
pub(super) struct Ready<'a> {
    flavour: Flavour,
    session: Session<'a>,
}

/// Gets a kernel, and builds what its guests need.
///
/// # Errors
///
/// Where the kernel, the module or the objects can't be built.
pub(super) fn prepare(workshop: &Workshop, flavour: Flavour) -> Result<Ready<'_>> {
    let kernel = workshop.kernel(flavour, None)?;
    let selftests = selftests::build(workshop, &kernel.source)?.keep(workshop)?;
    let source = kernel.source.clone();
    let kernel = Target::Ours(kernel);
    // A module is compiled by one processor, crate after crate.
    let (module, sample) = thread::scope(|scope| {
        let sample =
            scope.spawn(|| module::build_sample(workshop, &kernel, SAMPLE)?.keep(workshop));
        let module = module::build(workshop, &kernel, &[]);
        let sample = sample.join();
        (module, sample.unwrap_or_else(|panic| resume_unwind(panic)))
    });
    let sample = sample?;
    let mut session = Session::with_module(workshop, kernel, module?.path())?;
    session.user_side(Some(&source))?;
    // Random tests say how to have the same again.
    if let Ok(seed) = std::env::var(SEED) {
        session.env(SEED, seed);
    }
    session.env("OFFLOAD_NIC_SELFTESTS", selftests.display().to_string());
    session.env("OFFLOAD_NIC_SAMPLE", sample.display().to_string());
    Ok(Ready { flavour, session })
}

/// The groups of tests that a kernel is to run.
pub(super) struct Groups<'a> {
    tests: &'a Tests,
    groups: Vec<Group<'a>>,
    /// Whether the kernel runs some of all there are, as others have the rest.
    is_part: bool,
    /// The names of the programs that need not be run, and later of those that were.
    settled: BTreeSet<&'a str>,
    row: Row,
}

impl<'a> Groups<'a> {
    /// Those of `tests` on the kernel `flavour`, whose names contain a word of `filter`, if it has any.
    /// `part` are those that the kernel runs, if it is not to run all.
    ///
    /// # Errors
    ///
    /// Where a program can't say what tests it has.
    pub(super) fn of(
        flavour: Flavour,
        tests: &'a Tests,
        filter: &[String],
        part: &[&str],
    ) -> Result<Self> {
        let mut all = Self {
            tests,
            groups: Vec::new(),
            is_part: !part.is_empty(),
            settled: BTreeSet::new(),
            row: Row::new(format!("guest: {flavour}")),
        };
        let mut groups = Vec::new();
        for program in &tests.in_guest {
            let wanted = Group::all(program, filter)?;
            if wanted.is_empty() && !filter.is_empty() {
                all.settled.insert(&*program.name);
            }
            groups.extend(wanted);
        }
        groups.sort_by_key(|group| {
            let place = LONGEST.iter().position(|name| group.is(name));
            place.unwrap_or(LONGEST.len())
        });
        for group in groups {
            match spared(flavour, &group, part) {
                None => all.groups.push(group),
                Some(reason) => all.leave_out(&group, &reason),
            }
        }
        Ok(all)
    }

    /// Notes that `group` is not run.
    fn leave_out(&mut self, group: &Group<'a>, reason: &str) {
        self.row.skip(&group.name, reason);
        self.settled.insert(&group.program.name);
    }

    /// Runs none of them, for `reason`.
    pub(super) fn skip(mut self, reason: &str) -> Row {
        for group in mem::take(&mut self.groups) {
            self.leave_out(&group, reason);
        }
        self.row
    }

    /// Runs them, in several guests at a time, as long as there is time for another one.
    ///
    /// # Errors
    ///
    /// Where a guest can't be started.
    pub(super) fn run(mut self, ready: Ready<'_>, limit: Limit) -> Result<Row> {
        let Ready {
            flavour,
            mut session,
        } = ready;
        if self.is_part {
            session.env("OFFLOAD_NIC_SHARING", "1".to_owned());
        }
        let started = Instant::now();
        let groups = mem::take(&mut self.groups);
        let rest = self.run_in_guests(flavour, &session, &groups, limit)?;
        if let Some(reason) = limit.passed() {
            for group in rest {
                self.leave_out(group, &reason);
            }
        }
        for name in cargo::lost(&self.tests.listed, self.settled) {
            self.row.fail(&format!("{name}: it was not run"));
        }
        self.row.took = ui::duration(started.elapsed());
        Ok(self.row)
    }

    /// Runs `groups` as long as there is time; those that are left.
    fn run_in_guests<'g>(
        &mut self,
        flavour: Flavour,
        session: &Session<'_>,
        groups: &'g [Group<'a>],
        limit: Limit,
    ) -> Result<&'g [Group<'a>]> {
        let at_once = guests_at_once(flavour).min(groups.len());
        let rest = Mutex::new(groups);
        let next = || {
            if limit.passed().is_some() {
                return None;
            }
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
        thread::scope(|scope| {
            for _ in 0..at_once {
                let done = done.clone();
                let next = &next;
                scope.spawn(move || {
                    while let Some(groups) = next() {
                        let what = format!("{flavour}: {}", names(groups));
                        ui::say(&what);
                        let started = Instant::now();
                        let outcome = session.run(Some(argv(groups)), output);
                        let took = ui::duration(started.elapsed());
                        ui::say(&format!("{what}: done in {took}"));
                        // Nobody listens any more after an error.
                        if done.send((groups, outcome)).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(done);
            for (groups, outcome) in outcomes {
                let outcome = outcome?;
                if output == Output::KeepStdout {
                    println!("{flavour}: {}\n{}", names(groups), outcome.stdout);
                }
                self.row.add(groups, &outcome);
                let programs = groups.iter().map(|group| &*group.program.name);
                self.settled.extend(programs);
            }
            anyhow::Ok(())
        })?;
        Ok(rest.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How tests are called in a guest.
fn argv(groups: &[Group<'_>]) -> Vec<String> {
    let mut argv = ["bash", "-c", RUN_PROGRAMS, "run-programs"]
        .map(str::to_owned)
        .to_vec();
    argv.extend([
        "--exact".to_owned(),
        // The tests share the guest's network and the module.
        "--test-threads=1".to_owned(),
        // The reason why a test was skipped is in its output.
        "--show-output".to_owned(),
        "--".to_owned(),
    ]);
    argv.extend(groups.iter().flat_map(Group::argv));
    argv
}

/// The names of groups, for people.
fn names(groups: &[Group<'_>]) -> String {
    let names: Vec<_> = groups.iter().map(|group| &*group.name).collect();
    names.join(", ")
}

/// How many of the first of `groups` go into the next guest. A boot takes as long as a short
/// group, so several do; fewer and fewer, so that all guests come to their end at about the same
/// time.
fn share(groups: &[Group<'_>], at_once: usize) -> usize {
    match groups.first() {
        Some(first) if LONGEST.iter().any(|name| first.is(name)) => 1,
        _ => groups.len().div_ceil(2 * at_once.max(1)),
    }
}

/// How many guests keep this machine busy. A test does one thing at a time, and waits now and then:
/// a guest of User Mode Linux uses less than a processor. QEMU has a thread for each of the guest's
/// two, and a guest that is held up by others makes its own emulation slower.
fn guests_at_once(flavour: Flavour) -> usize {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    match flavour.machine() {
        Machine::Uml => processors + 1,
        Machine::Qemu => processors,
    }
}

impl Row {
    /// Adds what came of the tests in one guest.
    fn add(&mut self, groups: &[Group<'_>], outcome: &Outcome) {
        outcome.report();
        let success = outcome.code() == 0;
        self.count(&outcome.stdout, success);
        for group in groups {
            let Some(how) = group.trouble(&outcome.stdout) else {
                continue;
            };
            self.failed.push(format!("{}: {how}", group.name));
            // A guest without success counts as at least one failure already.
            self.counts.failed += u64::from(success);
        }
        if !outcome.faults.is_empty() {
            self.failed.push(format!(
                "a kernel fault or leak in the guest with {}:\n{}",
                names(groups),
                outcome.faults.join("\n").trim_end()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::group::tests::program;
    use super::*;
    use crate::cargo::Program;

    /// A group of one test.
    fn group(program: &Program) -> Group<'_> {
        Group {
            program,
            name: program.name.clone(),
            tests: vec!["works".to_owned()],
        }
    }

    #[test]
    fn a_guest_that_lost_a_program_fails() {
        let (a, b) = (program("a"), program("b"));
        let mut row = Row::new("");
        let outcome = Outcome {
            status: Some(0),
            faults: Vec::new(),
            stdout: "test result: ok. 1 passed; 0 failed\ntest program a: exit status 0\n"
                .to_owned(),
            console: "".into(),
            took: std::time::Duration::ZERO,
        };
        row.add(&[group(&a), group(&b)], &outcome);
        assert_eq!((row.counts.passed, row.counts.failed), (1, 1));
        assert_eq!(row.failed, ["b: the guest died before it was done"]);
    }

    #[test]
    fn long_programs_are_alone_and_short_ones_share() {
        let all: Vec<_> = ["faults", "tc::equality"]
            .into_iter()
            .chain(["a", "b", "c", "d", "e", "f", "g", "h"])
            .map(program)
            .collect();
        let all: Vec<_> = all.iter().map(group).collect();
        let (mut rest, mut shares) = (&all[..], Vec::new());
        while !rest.is_empty() {
            let (now, later) = rest.split_at(share(rest, 2));
            shares.push(now.len());
            rest = later;
        }
        assert_eq!(shares, [1, 1, 2, 2, 1, 1, 1, 1]);
    }
}

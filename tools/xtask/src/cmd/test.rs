// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask test`: all tests, each where it can run.

use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use anyhow::Result;

use crate::cargo::{self, Program};
use crate::flavour::Flavour;
use crate::fuzz;
use crate::summary::Counts;
use crate::ui;
use crate::workshop::Workshop;

mod group;
mod guests;
mod limit;
mod row;

use guests::Groups;
use limit::Limit;
use row::Row;

/// Runs all tests; the last line counts them
///
/// First those of the crates that Cargo builds, on this machine; then those of
/// the module, in guests, on one kernel after another. A kernel warning, a leak
/// or a lock report fails the guest it comes with, whose log says which test
/// program was running.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// In guests, User Mode Linux without debug checks only
    #[arg(long)]
    fast: bool,
    /// In guests with this kernel alone, and nothing on this machine; may be given several times
    #[arg(long, value_name = "KERNEL", conflicts_with = "fast")]
    on: Vec<Flavour>,
    /// Begin no guest, and make no kernel, once so many minutes have passed; what was left then counts
    /// as skipped
    #[arg(long, value_name = "MINUTES")]
    within: Option<u64>,
    /// Only tests whose names contain one of these
    filter: Vec<String>,
}

/// A kernel of a run.
#[derive(Clone, Copy)]
struct Kernel {
    flavour: Flavour,
    /// What it is there for, where it was not asked for by name.
    why: Option<&'static str>,
    /// The test programs, or modules of them, that it runs then; none for all.
    part: &'static [&'static str],
}

/// The kernels, the quickest to answer first. Those of the distribution share the programs: emulated,
/// both take too long for all of them.
const KERNELS: &[Kernel] = &[
    Kernel {
        flavour: Flavour::Uml,
        why: Some("everything that needs no x86 machine, at native speed"),
        part: &[],
    },
    Kernel {
        flavour: Flavour::UmlKasan,
        why: Some("the same under KASAN and UBSAN: memory errors"),
        part: &[],
    },
    Kernel {
        flavour: Flavour::UmlLockdep,
        why: Some("the same under lockdep and kmemleak, which cannot work beside KASAN: locking, lifetimes, leaks"),
        part: &[],
    },
    Kernel {
        flavour: Flavour::DistroNext,
        why: Some("what the newest kernel asks of a driver, its flow dissector, and loading programs"),
        part: &[
            "control::bus",
            "control::devlink",
            "control::interface",
            "control::lifecycle",
            "control::link",
            "control::loopback_nic",
            "control::mac",
            "control::qstats",
            "control::queues",
            "control::time",
            "control::vlan",
            "offload::uapi",
            // The graph `kernel` is believed on releases that this passes on.
            "parser::device",
            "programs::attach",
            "transmit::features",
        ],
    },
    Kernel {
        flavour: Flavour::Distro,
        why: Some("programs on x86_64, as users run them: BPF JIT, real interrupts, preemption"),
        part: &[
            "programs::maps",
            "programs::samples",
            "programs::swap",
            "steer::socket",
            "steer::told",
            "tc",
            "xdp",
        ],
    },
];

impl Args {
    /// Runs the command; its exit status.
    pub(crate) fn run(self) -> Result<i32> {
        let limit = Limit::new(Instant::now(), self.within);
        // Before anything else, so that what is missing is known at once.
        let workshop = Workshop::open()?;
        let tests = cargo::vm_tests(&workshop)?;
        let mut rows = Vec::new();
        // What the guests of a kernel need is made meanwhile: much of it by one processor.
        thread::scope(|scope| {
            let (give, ready) = mpsc::sync_channel(0);
            scope.spawn({
                let (args, workshop) = (&self, &workshop);
                move || {
                    for kernel in args.kernels() {
                        let next = match limit.passed() {
                            None => guests::prepare(workshop, kernel.flavour).map(Ok),
                            Some(reason) => Ok(Err(reason)),
                        };
                        // Nobody takes any more after an error.
                        if give.send(next).is_err() {
                            break;
                        }
                    }
                }
            });
            if self.on.is_empty() {
                ui::say("Tests of the crates, on this machine: engine, parse graphs, uapi, offloadctl, xtask");
                rows.push(self.on_host(&workshop, "this machine: crates", &["test"])?);
                rows.push(self.peers(&workshop)?);
                rows.push(self.helpers(&tests.here)?);
                rows.push(self.fuzzing(&workshop)?);
            }
            for (kernel, ready) in self.kernels().zip(ready) {
                let Kernel { flavour, why, part } = kernel;
                let why = why.map_or_else(String::new, |why| format!(": {why}"));
                ui::say(&format!("Tests of the module on the kernel {flavour}{why}"));
                let groups = Groups::of(flavour, &tests, &self.filter, part)?;
                rows.push(match ready? {
                    Ok(ready) => groups.run(ready, limit)?,
                    Err(reason) => groups.skip(&reason),
                });
            }
            anyhow::Ok(())
        })?;
        Ok(show(&rows))
    }

    /// The kernels of this run.
    fn kernels(&self) -> impl Iterator<Item = Kernel> + '_ {
        let chosen = self.on.iter().map(|&flavour| Kernel {
            flavour,
            why: None,
            part: &[],
        });
        let all = KERNELS.iter().copied();
        let all = all
            .filter(|kernel| self.on.is_empty() && (!self.fast || kernel.flavour == Flavour::Uml));
        chosen.chain(all)
    }

    /// Tests that Cargo runs on this machine.
    fn on_host(&self, workshop: &Workshop, place: &str, cargo_test: &[&str]) -> Result<Row> {
        let argv = cargo_test.iter().copied().chain(["--"]);
        let argv = argv.chain(self.filter.iter().map(String::as_str));
        let (output, success, took) = stream(cargo::cargo(&workshop.repo, argv))?;
        let mut row = Row::new(place);
        row.count(&output, success);
        if !success && row.failed.is_empty() {
            row.failed
                .push("what it printed last, above, says why".to_owned());
        }
        row.took = took;
        Ok(row)
    }

    /// The engine against another interpreter.
    fn peers(&self, workshop: &Workshop) -> Result<Row> {
        let place = "this machine: peers";
        ui::say("Tests of the engine against rbpf, on this machine");
        let Some(reason) = cargo::no_peers()? else {
            return self.on_host(workshop, place, &["test", "--package", cargo::PEERS]);
        };
        let mut row = Row::new(place);
        row.skip(cargo::PEERS, &reason);
        Ok(row)
    }

    /// A short run of each fuzz target, which counts as a test `fuzz_TARGET`.
    fn fuzzing(&self, workshop: &Workshop) -> Result<Row> {
        ui::say("A short run of the engine's fuzz targets, on this machine");
        let started = Instant::now();
        let mut row = Row::new("this machine: fuzzing");
        let missing = fuzz::missing();
        for (target, corpus) in fuzz::TARGETS {
            let name = format!("fuzz_{target}");
            let is_wanted = |filter: &String| name.contains(filter.as_str());
            if !self.filter.is_empty() && !self.filter.iter().any(is_wanted) {
                continue;
            }
            if let Some(reason) = &missing {
                row.skip(&name, reason);
                continue;
            }
            let run = fuzz::command(&workshop.repo, target, corpus)?;
            if run.unchecked().run()?.status.success() {
                println!("test {name} ... ok");
                row.counts.passed += 1;
            } else {
                println!("test {name} ... FAILED");
                row.fail(&format!("{name}: the input is in target/fuzz/findings"));
            }
        }
        row.took = ui::duration(started.elapsed());
        Ok(row)
    }

    /// The unit tests of what the guests' tests are made of.
    fn helpers(&self, programs: &[Program]) -> Result<Row> {
        ui::say("Tests of the guests' tests' own helpers, on this machine");
        let started = Instant::now();
        let mut row = Row::new("this machine: helpers");
        for program in programs {
            let (output, success, _) = stream(duct::cmd(&program.path, &self.filter))?;
            row.count(&output, success);
        }
        row.took = ui::duration(started.elapsed());
        Ok(row)
    }
}

/// Runs `expr`, passing its stdout on; the stdout, its success, the time it took.
fn stream(expr: duct::Expression) -> Result<(String, bool, String)> {
    let started = Instant::now();
    let (read, write) = os_pipe::pipe()?;
    let handle = expr.stdout_file(write).unchecked().start()?;
    let kept = crate::guest::pump(read, Some(std::io::stdout()), true);
    let success = handle.wait()?.status.success();
    Ok((
        String::from_utf8_lossy(&kept).into_owned(),
        success,
        ui::duration(started.elapsed()),
    ))
}

/// Prints the table, what was skipped, what failed and, last and alone, the sums; the exit status.
fn show(rows: &[Row]) -> i32 {
    let mut total = Counts::default();
    println!();
    println!(
        "{:<24} {:>7} {:>7} {:>8} {:>8}",
        "where", "passed", "failed", "skipped", "time"
    );
    for row in rows {
        let Counts {
            passed,
            failed,
            skipped,
        } = row.counts;
        println!(
            "{:<24} {passed:>7} {failed:>7} {skipped:>8} {:>8}",
            row.place, row.took
        );
        total += row.counts;
    }
    for row in rows {
        for (reason, names) in &row.skipped {
            println!("{}: skipped: {}: {reason}", row.place, names.join(", "));
        }
    }
    // Below all else, as some show no more than the end of a long log.
    for row in rows {
        for what in &row.failed {
            println!("\n{}: FAILED: {what}", row.place);
        }
    }
    println!();
    println!("{total}");
    if total.passed + total.failed + total.skipped == 0 {
        ui::say("no test has a name that contains what was asked for");
        return 1;
    }
    i32::from(total.failed > 0)
}

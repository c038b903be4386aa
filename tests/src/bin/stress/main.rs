// SPDX-License-Identifier: GPL-2.0

//! Everything at once, for as long as it is told: programs loaded, swapped and removed, maps
//! updated, ports added and removed, cables plugged, namespaces moved, rings and queues changed, all
//! under traffic. Every now and then all of it stops, and each port's counters must add up.
//!
//! What is tried at random is often refused, which is right; but each kind of action must have
//! succeeded in the end. The kernel's own checkers judge the rest.
//!
//! With `flashes COUNT` it is parse graphs alone, that often (see [`flashes`]).

mod actions;
mod flashes;
mod fleet;
mod pace;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use actions::{Worker, OF_SEVERAL_PROCESSORS, WORKERS};
use anyhow::{ensure, Context, Result};
use comfy_table::Table;
use fleet::Fleet;
use offload_tests::module::Module;
use pace::Pace;

/// How long a run lasts unless told otherwise.
const MINUTES: u64 = 30;
/// How many graphs are flashed unless told otherwise.
const FLASHES: u64 = 10_000;
/// Time between two checks.
const BETWEEN_CHECKS: Duration = Duration::from_secs(30);

/// The argument number `index`, a number.
fn argument(index: usize, default: u64) -> Result<u64> {
    std::env::args().nth(index).map_or(Ok(default), |text| {
        text.parse()
            .with_context(|| format!("{text:?} is no number"))
    })
}

fn main() -> Result<()> {
    if std::env::args().nth(1).as_deref() == Some("flashes") {
        return flashes::run(argument(2, FLASHES)?, argument(3, 1)?);
    }
    let (minutes, seed) = (argument(1, MINUTES)?, argument(2, 1)?);
    println!("stress: {minutes} minutes, seed {seed}");
    let module = Module::insert("nics=0")?;
    let fleet = Fleet::new()?;
    let pace = Pace::new(WORKERS.len());
    let end = Instant::now() + Duration::from_secs(60 * minutes);

    let workers = std::thread::scope(|scope| -> Result<Vec<Worker>> {
        let threads: Vec<_> = (1..)
            .zip(WORKERS)
            .map(|(number, actions)| {
                let (fleet, pace) = (&fleet, &pace);
                scope.spawn(move || {
                    let mut worker = Worker::new(actions, seed * 1000 + number);
                    pace.work(|| worker.act(fleet));
                    worker
                })
            })
            .collect();
        let mut checks = 0;
        let result = loop {
            let left = end.saturating_duration_since(Instant::now());
            pace.let_run(left.min(BETWEEN_CHECKS));
            if let Err(error) = pace.while_stopped(|| fleet.check()) {
                break Err(error);
            }
            checks += 1;
            println!(
                "{:4} s left, {checks} checks: counters add up",
                left.as_secs()
            );
            if left.is_zero() {
                break Ok(());
            }
        };
        pace.end();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Worker>| {
            thread.join().ok().context("a worker panicked")
        };
        let workers = threads.into_iter().map(join).collect::<Result<Vec<_>>>()?;
        result.map(|()| workers)
    })?;

    drop(fleet);
    drop(module);
    ensure!(!Module::is_loaded()?, "rmmod was refused");

    let mut table = Table::new();
    table.set_header(["action", "done", "refused"]);
    let mut totals = BTreeMap::new();
    for (name, done, refused) in workers.iter().flat_map(Worker::counts) {
        let (all_done, all_refused) = totals.entry(name).or_insert((0, 0));
        *all_done += done;
        *all_refused += refused;
    }
    let processors = std::thread::available_parallelism()?.get();
    let mut never = Vec::new();
    for (name, (done, refused)) in totals {
        table.add_row([name, &done.to_string(), &refused.to_string()]);
        if done == 0 && processors < 2 && OF_SEVERAL_PROCESSORS.contains(&name) {
            println!("skipped: {name}: one processor");
        } else if done == 0 {
            let why = workers.iter().find_map(|worker| worker.refusal_of(name));
            never.push(format!("{name}: {}", why.unwrap_or("not tried")));
        }
    }
    println!("{table}");
    ensure!(never.is_empty(), "never done: {}", never.join(", "));
    println!("All of it was done, and all counters added up.");
    Ok(())
}

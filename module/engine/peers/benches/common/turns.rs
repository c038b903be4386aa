// SPDX-License-Identifier: GPL-2.0

//! Contestants in turns, and the table of ratios.

use std::time::{Duration, Instant};

/// How often each contestant has its turn.
const ROUNDS: usize = 201;
/// About how long a turn is.
const TURN: Duration = Duration::from_millis(1);

/// One way to do the work once.
pub(crate) struct Contestant<'a> {
    pub(crate) name: &'static str,
    pub(crate) run: Box<dyn FnMut() + 'a>,
}

impl<'a> Contestant<'a> {
    pub(crate) fn new(name: &'static str, run: impl FnMut() + 'a) -> Self {
        let run = Box::new(run);
        Self { name, run }
    }

    fn turn(&mut self, runs: u32) -> Duration {
        let start = Instant::now();
        for _ in 0..runs {
            (self.run)();
        }
        start.elapsed()
    }
}

/// The same work, done by the engine, by the folding loop, and the copy alone, in this order.
pub(crate) struct Contest<'a> {
    pub(crate) name: String,
    /// Bytes that are worked on at once.
    pub(crate) bytes: u64,
    pub(crate) contestants: Vec<Contestant<'a>>,
}

impl Contest<'_> {
    /// Nanoseconds for the work once, by each contestant.
    fn times(&mut self) -> Vec<f64> {
        let runs_of = |contestant: &mut Contestant<'_>| {
            let mut runs = 1;
            while contestant.turn(runs) < TURN {
                runs *= 2;
            }
            runs
        };
        let runs: Vec<_> = self.contestants.iter_mut().map(runs_of).collect();
        let mut times = vec![Vec::new(); runs.len()];
        for _ in 0..ROUNDS {
            for ((contestant, runs), times) in
                self.contestants.iter_mut().zip(&runs).zip(&mut times)
            {
                times.push(contestant.turn(*runs).as_secs_f64() * 1e9 / f64::from(*runs));
            }
        }
        times.into_iter().map(undisturbed).collect()
    }
}

/// The tenth percentile: whatever else the computer does only ever adds to a turn.
fn undisturbed(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 10]
}

/// Compares, and prints the table.
pub(crate) fn compare(contests: &mut [Contest<'_>]) {
    println!();
    println!(
        "{:34} {:>8} {:>8} {:>8} {:>12} {:>12}",
        "gigabytes per second", "engine", "folding", "memcpy", "eng./folding", "memcpy/eng."
    );
    for contest in contests {
        let bytes = contest.bytes as f64;
        let rates: Vec<f64> = contest.times().iter().map(|time| bytes / time).collect();
        let [engine, folding, copy] = rates[..] else {
            panic!("{} has three contestants", contest.name);
        };
        println!(
            "{:34} {engine:>8.1} {folding:>8.1} {copy:>8.1} {:>12.2} {:>12.2}",
            contest.name,
            engine / folding,
            copy / engine
        );
    }
}

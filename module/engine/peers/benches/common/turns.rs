// SPDX-License-Identifier: GPL-2.0

//! Contestants that take turns, so that whatever else the computer does hits all of them.

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

/// Nanoseconds for the work once, by each of `contestants`.
pub(crate) fn times(contestants: &mut [Contestant<'_>]) -> Vec<f64> {
    let runs_of = |contestant: &mut Contestant<'_>| {
        let mut runs = 1;
        while contestant.turn(runs) < TURN {
            runs *= 2;
        }
        runs
    };
    let runs: Vec<_> = contestants.iter_mut().map(runs_of).collect();
    let mut times = vec![Vec::new(); runs.len()];
    for _ in 0..ROUNDS {
        for ((contestant, runs), times) in contestants.iter_mut().zip(&runs).zip(&mut times) {
            times.push(contestant.turn(*runs).as_secs_f64() * 1e9 / f64::from(*runs));
        }
    }
    times.into_iter().map(undisturbed).collect()
}

/// The tenth percentile: whatever else the computer does only ever adds to a turn.
fn undisturbed(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 10]
}

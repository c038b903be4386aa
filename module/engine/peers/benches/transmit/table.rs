// SPDX-License-Identifier: GPL-2.0

//! The table of ratios.

use crate::turns::{times, Contestant};

/// The same work, done by the engine, by the folding loop, and the copy alone, in this order.
pub(crate) struct Contest<'a> {
    pub(crate) name: String,
    /// Bytes that are worked on at once.
    pub(crate) bytes: u64,
    pub(crate) contestants: Vec<Contestant<'a>>,
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
        let times = times(&mut contest.contestants);
        let rates: Vec<f64> = times.iter().map(|time| bytes / time).collect();
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

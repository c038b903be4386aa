// SPDX-License-Identifier: GPL-2.0

//! Several who do the same, by turns, and the table of how fast each was.
//!
//! A ratio is the median of those of the rounds: whatever else the machine does comes and goes, and
//! hits the turns of a round alike.

use std::time::{Duration, SystemTime};

use anyhow::{ensure, Context, Result};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::Table;
use offload_tests::env;

use crate::marks::Marks;

/// What one turn came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// How much was carried, in the contest's unit.
    pub(crate) amount: f64,
    /// How long that took.
    pub(crate) elapsed: Duration,
    /// By the wall clock, when it began and ended.
    pub(crate) began: SystemTime,
    pub(crate) ended: SystemTime,
}

impl Turn {
    /// The turn that `work` is, whose result says how much was carried and how long that took.
    pub(crate) fn of(work: impl FnOnce() -> Result<(f64, Duration)>) -> Result<Self> {
        let began = SystemTime::now();
        let (amount, elapsed) = work()?;
        Ok(Self {
            amount,
            elapsed,
            began,
            ended: SystemTime::now(),
        })
    }
}

/// What is compared.
pub(crate) struct Contest {
    /// What everyone does.
    pub(crate) what: String,
    /// What is carried: "frames", "MB".
    pub(crate) unit: &'static str,
    /// The piece whose time the table shows, and how much of the unit it is.
    pub(crate) piece: (&'static str, f64),
    /// Rounds that count. One before them warms caches and page pools.
    pub(crate) rounds: usize,
}

/// One of those who are compared.
pub(crate) struct Entrant<'a> {
    name: &'static str,
    /// What the heading of the column calls it that compares the others with it, if one does.
    reference: Option<&'static str>,
    turn: Box<dyn FnMut() -> Result<Turn> + 'a>,
    rates: Vec<f64>,
}

impl<'a> Entrant<'a> {
    pub(crate) fn new(name: &'static str, turn: impl FnMut() -> Result<Turn> + 'a) -> Self {
        Self {
            name,
            reference: None,
            turn: Box::new(turn),
            rates: Vec::new(),
        }
    }

    /// Has the table say how many times as fast as each of the others it is, under `heading`.
    pub(crate) fn compared_as(self, heading: &'static str) -> Self {
        Self {
            reference: Some(heading),
            ..self
        }
    }

    /// How many times as fast it is as `other`.
    fn times(&self, other: &Self) -> f64 {
        let ratios = self.rates.iter().zip(&other.rates);
        median(ratios.map(|(ours, theirs)| ours / theirs).collect())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

impl Contest {
    /// Who carries the most frames.
    pub(crate) fn of_frames(what: &str, rounds: usize) -> Self {
        Self {
            what: format!("{what}, {}", env::flavour()),
            unit: "frames",
            piece: ("frame", 1.0),
            rounds,
        }
    }

    /// Has all of them take turns, prints the table, and notes when whose turn was.
    pub(crate) fn run(&self, mut entrants: Vec<Entrant<'_>>, marks: &mut Marks) -> Result<()> {
        ensure!(self.rounds > 0, "no rounds");
        marks.begin()?;
        for round in 0..=self.rounds {
            for entrant in &mut entrants {
                let context = || format!("{}: {}", self.what, entrant.name);
                let turn = (entrant.turn)().with_context(context)?;
                if round > 0 {
                    let rate = turn.amount / turn.elapsed.as_secs_f64();
                    entrant.rates.push(rate);
                    marks.note(self, entrant.name, &turn)?;
                }
            }
        }
        println!("{}", self.table(&entrants));
        Ok(())
    }

    fn table(&self, entrants: &[Entrant<'_>]) -> Table {
        let (piece, amount) = self.piece;
        let mut table = Table::new();
        table.load_preset(UTF8_FULL_CONDENSED);
        let mut header = vec![
            self.what.clone(),
            format!("{}/s, median of {}", self.unit, self.rounds),
            "lowest".to_owned(),
            "highest".to_owned(),
            format!("ns per {piece}, median"),
            "least".to_owned(),
        ];
        let references = || {
            entrants
                .iter()
                .filter(|entrant| entrant.reference.is_some())
        };
        header
            .extend(references().filter_map(|entrant| Some(format!("{} is", entrant.reference?))));
        table.set_header(header);
        for entrant in entrants {
            let low = entrant.rates.iter().copied().fold(f64::INFINITY, f64::min);
            let high = entrant.rates.iter().copied().fold(0.0, f64::max);
            let middle = median(entrant.rates.clone());
            let time = |rate: f64| format!("{:.0}", amount / rate * 1e9);
            let mut row = vec![
                entrant.name.to_owned(),
                format!("{middle:.0}"),
                format!("{low:.0}"),
                format!("{high:.0}"),
                time(middle),
                time(high),
            ];
            row.extend(
                references().map(|other| format!("{:.2} times as fast", other.times(entrant))),
            );
            table.add_row(row);
        }
        table
    }
}

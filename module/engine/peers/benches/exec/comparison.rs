// SPDX-License-Identifier: GPL-2.0

//! The machines in turns, and the table of ratios.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::listing;
use crate::machines::{traffic_of, Machines};
use crate::traffic::Traffic;

/// How often each machine has its turn.
const ROUNDS: usize = 201;
/// About how long a turn is.
const TURN: Duration = Duration::from_millis(1);

/// One program with one kind of traffic.
pub(crate) struct Row {
    pub(crate) name: String,
    /// Nanoseconds per frame on the device.
    pub(crate) device: f64,
    /// The same without fusion.
    pub(crate) unfused: Versus,
    /// The same on rbpf's interpreter and JIT, where they run the program.
    pub(crate) interpreter: Option<Versus>,
    pub(crate) jit: Option<Versus>,
}

/// Another machine beside the device.
#[derive(Clone, Copy)]
pub(crate) struct Versus {
    /// Nanoseconds per frame.
    pub(crate) time: f64,
    /// Its time by that of the device.
    pub(crate) ratio: f64,
}

/// Compares, prints the table, and gives its rows.
pub(crate) fn run() -> Vec<Row> {
    let mut rows = Vec::new();
    for listing in listing::all() {
        for (kind, traffic) in traffic_of(listing.name) {
            let mut machines = Machines::new(&listing, &traffic);
            rows.push(compare(
                format!("{}, {kind}", listing.name),
                &mut machines,
                &traffic,
            ));
        }
    }
    print(&rows);
    rows
}

/// Runs a machine as often as it is told to; says how long that took.
type Runner<'a> = Box<dyn FnMut(usize) -> Duration + 'a>;

fn compare(name: String, machines: &mut Machines, traffic: &Traffic) -> Row {
    let Machines {
        device,
        unfused,
        interpreter,
        jit,
    } = machines;
    let mut runners: Vec<(Runner<'_>, usize)> = Vec::new();
    for device in [device, unfused] {
        let mut frames = traffic.clone();
        let device = move |runs| turn(&mut frames, runs, |frame| device.run(frame));
        runners.push((Box::new(device), 0));
    }
    let has_interpreter = interpreter.is_ok();
    for rival in [interpreter, jit].into_iter().flatten() {
        let mut frames = traffic.clone();
        let rival = move |runs| turn(&mut frames, runs, |frame| rival.run(frame));
        runners.push((Box::new(rival), 0));
    }
    for (run, runs) in &mut runners {
        *runs = 16;
        while run(*runs) < TURN {
            *runs *= 2;
        }
    }
    let mut times = vec![Vec::new(); runners.len()];
    for _ in 0..ROUNDS {
        for ((run, runs), times) in runners.iter_mut().zip(&mut times) {
            times.push(run(*runs).as_secs_f64() * 1e9 / *runs as f64);
        }
    }
    let times: Vec<f64> = times.into_iter().map(undisturbed).collect();
    let device = times[0];
    let versus = |time: &f64| Versus {
        time: *time,
        ratio: time / device,
    };
    let mut rivals = times[2..].iter().map(versus);
    Row {
        name,
        device,
        unfused: versus(&times[1]),
        interpreter: if has_interpreter { rivals.next() } else { None },
        jit: rivals.next(),
    }
}

fn turn(traffic: &mut Traffic, runs: usize, mut run: impl FnMut(usize) -> u64) -> Duration {
    let start = Instant::now();
    for _ in 0..runs {
        black_box(run(traffic.next()));
    }
    start.elapsed()
}

/// The tenth percentile: whatever else the computer does only ever adds to a turn.
fn undisturbed(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 10]
}

fn print(rows: &[Row]) {
    println!();
    println!(
        "{:24} {:>10} {:>10} {:>12} {:>10} {:>15} {:>16} {:>10}",
        "ns per frame",
        "engine",
        "no fusion",
        "interpreter",
        "JIT",
        "no fusion/eng.",
        "interpreter/eng.",
        "eng./JIT"
    );
    let shown = |value: Option<f64>, digits: usize| {
        value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
    };
    for row in rows {
        println!(
            "{:24} {:>10.1} {:>10.1} {:>12} {:>10} {:>15.2} {:>16} {:>10}",
            row.name,
            row.device,
            row.unfused.time,
            shown(row.interpreter.map(|versus| versus.time), 1),
            shown(row.jit.map(|versus| versus.time), 1),
            row.unfused.ratio,
            shown(row.interpreter.map(|versus| versus.ratio), 2),
            shown(row.jit.map(|versus| 1.0 / versus.ratio), 2),
        );
    }
    let with_interpreter = rows.iter().filter_map(|row| Some((row, row.interpreter?)));
    let unfused = with_interpreter
        .clone()
        .map(|(row, interpreter)| interpreter.ratio / row.unfused.ratio);
    println!(
        "geometric means: no fusion/engine {:.2}, interpreter/engine {:.2}, \
         interpreter/no fusion {:.2}",
        geometric_mean(rows.iter().map(|row| row.unfused.ratio)),
        geometric_mean(with_interpreter.map(|(_, interpreter)| interpreter.ratio)),
        geometric_mean(unfused)
    );
}

fn geometric_mean(ratios: impl Iterator<Item = f64>) -> f64 {
    let logarithms: Vec<f64> = ratios.map(f64::ln).collect();
    (logarithms.iter().sum::<f64>() / logarithms.len() as f64).exp()
}

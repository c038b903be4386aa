// SPDX-License-Identifier: GPL-2.0

//! Whose code a benchmark's time goes to.
//!
//! A User Mode Linux is a process of the host's, so the host's `perf` can take samples of it. A
//! sample has an address and a time; the guest has noted which address is which function's
//! (`/proc/kallsyms`), and when it did what. One sample stands for the time between two, in which
//! the guest's process ran: what else the machine does meanwhile is not in it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{ensure, Context, Result};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde::Deserialize;

use crate::flavour::Machine;
use crate::session::Session;

mod groups;
mod symbols;

use symbols::{Symbol, Symbols};

/// Samples per second of the guest's time: not in step with its timer.
const FREQUENCY: u32 = 7919;
/// How many of the module's functions are shown.
const FUNCTIONS: usize = 25;

/// Samples of one guest, and its notes.
pub(crate) struct Profile {
    directory: PathBuf,
}

/// One turn of somebody's, as the guest notes it (tests/src/bin/bench/marks.rs).
#[derive(Deserialize)]
struct Mark {
    contest: String,
    entrant: String,
    piece: String,
    pieces: f64,
    /// Nanoseconds since 1970.
    began: u64,
    ended: u64,
    symbols: String,
}

/// A line of `perf script`.
struct Sample {
    /// Nanoseconds since 1970.
    time: u64,
    address: u64,
    /// The file that lies there, as the host's kernel knows it.
    file: String,
}

/// What somebody did in one contest.
#[derive(Default)]
struct Account {
    piece: String,
    pieces: f64,
    samples: BTreeMap<Place, u64>,
}

/// Where a sample was taken.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// In a function of the guest's kernel, or of a module.
    Function(Symbol),
    /// Elsewhere in this file.
    File(String),
}

/// Why there can be no profile, if that is so.
pub(crate) fn missing(machine: Machine) -> Option<String> {
    if machine != Machine::Uml {
        return Some("only a guest that is a process can be looked into".to_owned());
    }
    let try_it = duct::cmd(
        "perf",
        arguments("/dev/null".as_ref()).chain(["true".into()]),
    );
    match try_it.stderr_to_stdout().stdout_capture().unchecked().run() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!(
            "perf can't take samples here: {}",
            String::from_utf8_lossy(&output.stdout).trim()
        )),
        Err(error) => Some(format!("perf can't be run: {error}")),
    }
}

/// What `perf` is to do with the command that follows: what it finds out goes to `data`.
fn arguments(data: &Path) -> impl Iterator<Item = OsString> {
    let record = [
        "record",
        "--quiet",
        "-e",
        "cpu-clock",
        "-k",
        "CLOCK_REALTIME",
    ];
    let record = record.map(OsString::from).into_iter();
    let frequency = ["-F".into(), FREQUENCY.to_string().into()];
    let data = ["-o".into(), data.into(), "--".into()];
    record.chain(frequency).chain(data)
}

impl Profile {
    /// A profile that is taken in `directory`, which is empty.
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    fn data(&self) -> PathBuf {
        self.directory.join("perf.data")
    }

    /// Has the guests of `session` run under `perf`, and note what they do when.
    pub(crate) fn of(&self, session: &mut Session<'_>) {
        let perf = [OsString::from("perf")].into_iter();
        let perf = perf.chain(arguments(&self.data())).collect();
        session.under(perf);
        session.results(&self.directory);
        session.env("OFFLOAD_NIC_MARKS", self.directory.display().to_string());
    }

    /// Prints whose the time was.
    pub(crate) fn show(&self) -> Result<()> {
        let marks = self.marks()?;
        let samples = self.samples()?;
        ensure!(
            !samples.is_empty(),
            "perf has taken no samples: {}",
            self.data().display()
        );
        let mut contests: Vec<(String, Vec<(String, Account)>)> = Vec::new();
        let mut symbols: Option<(String, Symbols)> = None;
        for mark in marks {
            if symbols
                .as_ref()
                .is_none_or(|(name, _)| *name != mark.symbols)
            {
                let text = fs::read_to_string(self.directory.join(&mark.symbols))?;
                symbols = Some((mark.symbols.clone(), Symbols::parse(&text)));
            }
            let (_, symbols) = symbols.as_ref().context("no symbols")?;
            let entrants = entry(&mut contests, &mark.contest);
            let account = entry(entrants, &mark.entrant);
            account.add(&mark, &samples, symbols);
        }
        for (contest, entrants) in &contests {
            println!("{}", table(contest, entrants));
            for (entrant, account) in entrants {
                account.print_functions(entrant);
            }
        }
        Ok(())
    }

    fn marks(&self) -> Result<Vec<Mark>> {
        let text = fs::read_to_string(self.directory.join("marks"))?;
        let marks = text.lines().map(serde_json::from_str);
        marks.collect::<Result<_, _>>().context("the guest's notes")
    }

    /// All samples, in the order of their times.
    fn samples(&self) -> Result<Vec<Sample>> {
        let fields = "time,ip,dso";
        let text = duct::cmd!("perf", "script", "--ns", "-F", fields, "-i", self.data())
            .stderr_null()
            .read()
            .context("perf script")?;
        let mut samples: Vec<_> = text.lines().filter_map(Sample::parse).collect();
        samples.sort_by_key(|sample| sample.time);
        Ok(samples)
    }
}

/// The value of `key`, which is added at the end if it is not there.
fn entry<'a, V: Default>(list: &'a mut Vec<(String, V)>, key: &str) -> &'a mut V {
    let at = list.iter().position(|(name, _)| name == key);
    let at = at.unwrap_or_else(|| {
        list.push((key.to_owned(), V::default()));
        list.len() - 1
    });
    &mut list[at].1
}

impl Sample {
    /// Reads ` 1795874029.993668823:      7f1b624e0dd4 (/usr/lib/libc.so.6)`.
    fn parse(line: &str) -> Option<Self> {
        let (time, rest) = line.trim_start().split_once(':')?;
        let (seconds, fraction) = time.split_once('.')?;
        let time = seconds.parse::<u64>().ok()? * 1_000_000_000 + fraction.parse::<u64>().ok()?;
        let (address, rest) = rest.trim_start().split_once(' ')?;
        let file = rest.rsplit_once('(')?.1.trim_end_matches(')');
        Some(Self {
            time,
            address: u64::from_str_radix(address, 16).ok()?,
            file: file.to_owned(),
        })
    }
}

impl Account {
    /// Adds a turn.
    fn add(&mut self, mark: &Mark, samples: &[Sample], symbols: &Symbols) {
        self.piece.clone_from(&mark.piece);
        self.pieces += mark.pieces;
        let first = samples.partition_point(|sample| sample.time < mark.began);
        let during = samples[first..]
            .iter()
            .take_while(|sample| sample.time < mark.ended);
        for sample in during {
            let place = match symbols.at(sample.address) {
                Some(symbol) => Place::Function(symbol.clone()),
                None => Place::File(sample.file.clone()),
            };
            *self.samples.entry(place).or_default() += 1;
        }
    }

    /// The samples by what the code is for.
    fn groups(&self) -> BTreeMap<String, u64> {
        let mut groups = BTreeMap::new();
        for (place, samples) in &self.samples {
            let group = match place {
                Place::Function(symbol) => groups::of(symbol),
                Place::File(file) => groups::of_file(file).to_owned(),
            };
            *groups.entry(group).or_default() += samples;
        }
        groups
    }

    /// Nanoseconds per piece that `samples` stand for.
    fn time(&self, samples: u64) -> f64 {
        samples as f64 * 1e9 / f64::from(FREQUENCY) / self.pieces
    }

    fn total(&self) -> u64 {
        self.samples.values().sum()
    }

    /// Prints which functions of the module take most.
    fn print_functions(&self, entrant: &str) {
        let ours = self
            .samples
            .iter()
            .filter_map(|(place, samples)| match place {
                Place::Function(symbol) if symbol.module == groups::OURS => {
                    Some((groups::readable(&symbol.name), *samples))
                }
                _ => None,
            });
        let mut functions: Vec<_> = ours.collect();
        functions.sort_by_key(|(_, samples)| std::cmp::Reverse(*samples));
        for (number, (name, samples)) in functions.into_iter().take(FUNCTIONS).enumerate() {
            if number == 0 {
                println!(
                    "{entrant}: ns per {} in functions of the module",
                    self.piece
                );
            }
            println!("{:8.1}  {name}", self.time(samples));
        }
    }
}

/// Nanoseconds per piece, by group and entrant.
fn table(contest: &str, entrants: &[(String, Account)]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    let piece = entrants.first().map_or("", |(_, account)| &account.piece);
    let mut header = vec![format!("{contest}: ns of the processor per {piece}")];
    header.extend(entrants.iter().map(|(name, _)| name.clone()));
    table.set_header(header);
    let accounts: Vec<_> = entrants
        .iter()
        .map(|(_, account)| (account, account.groups()))
        .collect();
    let mut groups: BTreeMap<&str, f64> = BTreeMap::new();
    for (account, samples) in &accounts {
        for (group, samples) in samples {
            *groups.entry(group).or_default() += account.time(*samples);
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    for (group, _) in groups {
        let mut row = vec![group.to_owned()];
        row.extend(accounts.iter().map(|(account, samples)| {
            let samples = samples.get(group).copied().unwrap_or(0);
            format!("{:.1}", account.time(samples))
        }));
        table.add_row(row);
    }
    let mut row = vec!["all of it".to_owned()];
    row.extend(entrants.iter().map(|(_, account)| {
        let total = account.total();
        format!("{:.1} ({total} samples)", account.time(total))
    }));
    table.add_row(row);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_a_time_an_address_and_a_file() {
        let line = " 1795874029.993668823:      7f1b624e0dd4 (/usr/lib/libc.so.6)";
        let sample = Sample::parse(line).unwrap();
        assert_eq!(sample.time, 1_795_874_029_993_668_823);
        assert_eq!(sample.address, 0x7f1b_624e_0dd4);
        assert_eq!(sample.file, "/usr/lib/libc.so.6");
        assert!(Sample::parse("nonsense").is_none());
    }

    #[test]
    fn only_samples_of_a_turn_count() {
        let symbols = Symbols::parse("100 T one\n200 t two [offload_nic]\n300 T three\n");
        let sample = |time, address| Sample {
            time,
            address,
            file: String::new(),
        };
        let samples = [
            sample(9, 0x100),
            sample(10, 0x100),
            sample(19, 0x2ff),
            sample(20, 0x300),
        ];
        let mark = Mark {
            contest: String::new(),
            entrant: String::new(),
            piece: "frame".to_owned(),
            pieces: 2.0,
            began: 10,
            ended: 20,
            symbols: String::new(),
        };
        let mut account = Account::default();
        account.add(&mark, &samples, &symbols);
        assert_eq!(account.total(), 2);
        assert_eq!(account.groups()["offload_nic: C"], 1);
    }
}

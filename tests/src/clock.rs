// SPDX-License-Identifier: GPL-2.0

//! Hardware clocks, and which frames are stamped with them, by a small program in C: the guest has no
//! tool for it.

use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

use crate::command::Cmd;
use crate::compiled::Compiled;
use crate::link::Link;

/// The compiled program.
#[derive(Debug)]
pub struct Clocks(Compiled);

/// Which frames a port stamps, as `struct hwtstamp_config` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamping {
    /// `HWTSTAMP_TX_*`.
    pub sent: u32,
    /// `HWTSTAMP_FILTER_*`.
    pub received: u32,
}

/// What a clock and the system say of one moment.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The clock.
    pub time: i64,
    /// `CLOCK_REALTIME`.
    pub system: i64,
    /// `CLOCK_MONOTONIC_RAW`.
    pub raw: i64,
}

/// A clock, `/dev/ptpN`.
#[derive(Debug)]
pub struct Clock<'a> {
    clocks: &'a Clocks,
    /// The N.
    pub index: u32,
}

impl Clocks {
    /// Compiles the program.
    ///
    /// # Errors
    ///
    /// Where there is no C compiler.
    pub fn new() -> Result<Self> {
        Compiled::tool("clock", include_str!("../clock/clock.c")).map(Self)
    }

    /// What the program says of `what`, or the name of the error with which the kernel refuses it.
    fn ask(&self, command: Cmd, what: &str) -> Result<Result<String, String>> {
        let finished = command.args(what).output()?;
        if finished.success() {
            return Ok(Ok(finished.stdout().trim().to_owned()));
        }
        match finished.stderr().trim() {
            name if name.starts_with('E') => Ok(Err(name.to_owned())),
            _ => bail!("{finished}"),
        }
    }

    /// Has `link` stamp frames; what the driver makes of that, or the name of its error.
    ///
    /// # Errors
    ///
    /// Where the program can't be run.
    pub fn stamp(&self, link: &Link, stamping: Stamping) -> Result<Result<Stamping, String>> {
        let Stamping { sent, received } = stamping;
        let command = link.cmd("").arg(self.0.path()).arg(&link.name);
        let answer = self.ask(command, &format!("stamp {sent} {received}"))?;
        answer
            .map(|text| parse(&text))
            .map_or_else(|name| Ok(Err(name)), |it| it.map(Ok))
    }

    /// Which frames `link` stamps.
    ///
    /// # Errors
    ///
    /// Where it does not say so.
    pub fn stamping(&self, link: &Link) -> Result<Stamping> {
        let command = link.cmd("").arg(self.0.path()).arg(&link.name);
        match self.ask(command, "stamped")? {
            Ok(text) => parse(&text),
            Err(name) => bail!("{link}: {name}"),
        }
    }

    /// The clock of `link` by `ethtool -T`, if the kernel has such clocks.
    ///
    /// # Errors
    ///
    /// Where `ethtool` does not say it in words that are known.
    pub fn of(&self, link: &Link) -> Result<Option<Clock<'_>>> {
        let text = link.cmd(format!("ethtool -T {}", link.name)).run()?;
        // It has another name where there is one.
        let (none, some) = (
            "PTP Hardware Clock: none",
            "Hardware timestamp provider index: ",
        );
        if text.lines().any(|line| line == none) {
            return Ok(None);
        }
        let mut lines = text.lines();
        let index = lines
            .find_map(|line| line.strip_prefix(some))
            .with_context(|| format!("no clock in {text}"))?;
        Ok(Some(Clock {
            clocks: self,
            index: index.parse().with_context(|| text.clone())?,
        }))
    }
}

/// Two numbers.
fn parse(text: &str) -> Result<Stamping> {
    let numbers = text.split_once(' ').context("two numbers")?;
    Ok(Stamping {
        sent: numbers.0.parse()?,
        received: numbers.1.parse()?,
    })
}

impl Clock<'_> {
    /// The file by which it is asked.
    pub fn path(&self) -> PathBuf {
        Path::new("/dev").join(format!("ptp{}", self.index))
    }

    /// What the clock answers to `what`, or the name of the error.
    ///
    /// # Errors
    ///
    /// Where the program can't be run.
    pub fn ask(&self, what: &str) -> Result<Result<String, String>> {
        let command = Cmd::new("").arg(self.clocks.0.path()).arg(self.path());
        self.clocks.ask(command, what)
    }

    fn must(&self, what: &str) -> Result<String> {
        match self.ask(what)? {
            Ok(text) => Ok(text),
            Err(name) => bail!("{}: {what}: {name}", self.path().display()),
        }
    }

    /// Nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// Where it can't be read.
    pub fn time(&self) -> Result<i64> {
        Ok(self.must("time")?.parse()?)
    }

    /// Sets it to `time`.
    ///
    /// # Errors
    ///
    /// Where it is refused.
    pub fn set(&self, time: i64) -> Result<()> {
        self.must(&format!("set {time}")).map(drop)
    }

    /// Moves it by `delta` nanoseconds.
    ///
    /// # Errors
    ///
    /// Where it is refused.
    pub fn shift(&self, delta: i64) -> Result<()> {
        self.must(&format!("shift {delta}")).map(drop)
    }

    /// Makes it faster than its counter by `rate` 2^-16 parts per million.
    ///
    /// # Errors
    ///
    /// Where it is refused.
    pub fn adjust(&self, rate: i64) -> Result<()> {
        self.must(&format!("rate {rate}")).map(drop)
    }

    /// The most of that, in parts per billion.
    ///
    /// # Errors
    ///
    /// Where it does not say so.
    pub fn most(&self) -> Result<i64> {
        Ok(self.must("most")?.parse()?)
    }

    /// What it says at the same moment as the clocks of the system.
    ///
    /// # Errors
    ///
    /// Where it can't say that.
    pub fn moment(&self) -> Result<Moment> {
        let text = self.must("cross")?;
        let numbers = text.split(' ').map(str::parse);
        match numbers.collect::<Result<Vec<i64>, _>>()?[..] {
            [time, system, raw] => Ok(Moment { time, system, raw }),
            _ => bail!("not three numbers: {text}"),
        }
    }
}

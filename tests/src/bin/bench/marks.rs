// SPDX-License-Identifier: GPL-2.0

//! When whose turn was, for a profile that the host takes of the guest at the same time.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::contest::{Contest, Turn};

/// Where the marks go, if anybody wants them.
const DIRECTORY: &str = "OFFLOAD_NIC_MARKS";

/// The notes, or nothing if nobody profiles.
pub(crate) struct Marks(Option<Notes>);

struct Notes {
    directory: PathBuf,
    /// A turn a line.
    file: File,
    /// Tables of symbols that were written.
    tables: usize,
}

/// A turn.
#[derive(Serialize)]
struct Mark<'a> {
    /// What was done.
    contest: &'a str,
    /// By whom.
    entrant: &'a str,
    /// The name of the piece that times are given for, and how many there were.
    piece: &'a str,
    pieces: f64,
    /// Nanoseconds since 1970: the guest's clock is the host's.
    began: u64,
    ended: u64,
    /// The file with the symbols of that time. Whenever the module is loaded it lies elsewhere.
    symbols: String,
}

fn nanoseconds(time: SystemTime) -> Result<u64> {
    let since = time.duration_since(UNIX_EPOCH).context("before 1970")?;
    u64::try_from(since.as_nanos()).context("beyond the year 2554")
}

impl Marks {
    /// Notes go where the environment says.
    pub(crate) fn new() -> Result<Self> {
        let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else {
            return Ok(Self(None));
        };
        let file = File::create(directory.join("marks"))?;
        Ok(Self(Some(Notes {
            directory,
            file,
            tables: 0,
        })))
    }

    /// Keeps the addresses of all symbols as they are now.
    pub(crate) fn begin(&mut self) -> Result<()> {
        let Some(notes) = &mut self.0 else {
            return Ok(());
        };
        notes.tables += 1;
        let path = notes.directory.join(notes.symbols());
        fs::write(path, fs::read("/proc/kallsyms")?)?;
        Ok(())
    }

    /// Notes a turn.
    pub(crate) fn note(&mut self, contest: &Contest, entrant: &str, turn: &Turn) -> Result<()> {
        let Some(notes) = &mut self.0 else {
            return Ok(());
        };
        let (piece, amount) = contest.piece;
        let mark = Mark {
            contest: &contest.what,
            entrant,
            piece,
            pieces: turn.amount / amount,
            began: nanoseconds(turn.began)?,
            ended: nanoseconds(turn.ended)?,
            symbols: notes.symbols(),
        };
        writeln!(notes.file, "{}", serde_json::to_string(&mark)?)?;
        Ok(())
    }
}

impl Notes {
    fn symbols(&self) -> String {
        format!("symbols-{}", self.tables)
    }
}

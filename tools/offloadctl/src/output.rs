// SPDX-License-Identifier: GPL-2.0

//! How answers are shown: tables for people, JSON for programs.

use std::io::{self, Write};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use anyhow::{Context, Result};
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{Cell, Color, Table};
use offload_uapi::error::Error;
use offload_uapi::netlink::{DigestAlgorithm, State, Verdict};
use offload_uapi::types::{hex, Known, Program};
use serde::Serialize;

/// How a command has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// All is well.
    Good,
    /// What was compared is not the same.
    Different,
}

/// Where answers go.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// To standard output, as JSON or not.
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Shows `value` as JSON, or what `table` makes of it.
    pub(crate) fn show<T: Serialize + ?Sized>(
        &self,
        value: &T,
        table: impl FnOnce(&T) -> Table,
    ) -> Result<()> {
        self.show_text(value, |value| drawn(table(value)))
    }

    /// Shows `value` as JSON, or what `text` makes of it.
    pub(crate) fn show_text<T: Serialize + ?Sized>(
        &self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<()> {
        if self.json {
            self.write(&(serde_json::to_string_pretty(value)? + "\n"))
        } else {
            self.write(&text(value))
        }
    }

    /// Shows `value` as one line, which is out at once.
    pub(crate) fn line<T: Serialize>(
        &self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<()> {
        let mut line = if self.json {
            serde_json::to_string(value)?
        } else {
            text(value)
        };
        line.push('\n');
        self.write(&line)
    }

    /// Writes text as it is, but for colours that nobody sees.
    pub(crate) fn write(&self, text: &str) -> Result<()> {
        let mut out = anstream::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        written.context(STDOUT)
    }
}

/// What a failure to write is told with.
const STDOUT: &str = "standard output";

/// A table as text.
pub(crate) fn drawn(mut table: Table) -> String {
    if colours() {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    format!("{table}\n")
}

/// Whether standard output takes colours: it is a terminal, and `NO_COLOR` is not set.
fn colours() -> bool {
    AutoStream::choice(&io::stdout()) != ColorChoice::Never
}

/// Tells why a command has failed; the exit status.
pub(crate) fn failure(error: &anyhow::Error) -> ExitCode {
    let closed = |cause: &(dyn std::error::Error + 'static)| {
        let cause = cause.downcast_ref::<io::Error>();
        cause.is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
    };
    // Whoever reads has enough.
    if error.chain().any(closed) {
        return ExitCode::SUCCESS;
    }
    let style = anstyle::AnsiColor::Red.on_default();
    anstream::eprintln!("{style}error:{style:#} {error:#}");
    if let Some(hint) = hint(error) {
        anstream::eprintln!("{hint}");
    }
    ExitCode::FAILURE
}

/// What may help.
fn hint(error: &anyhow::Error) -> Option<&'static str> {
    const EPERM: i32 = 1;
    match error.downcast_ref::<Error>()? {
        Error::Refused(refusal) if refusal.errno == EPERM => Some(
            "This takes CAP_NET_ADMIN in the user namespace that owns the network namespace: run it \
             as root, or with `sudo`.",
        ),
        _ => None,
    }
}

/// A table with these headings.
pub(crate) fn table<const N: usize>(headings: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    table.set_header(headings);
    table
}

/// A value, or a dash.
pub(crate) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// A verdict, green if all is well and red if not.
pub(crate) fn verdict_cell(verdict: Known<Verdict>) -> Cell {
    let cell = Cell::new(verdict);
    match verdict {
        Known::Is(Verdict::Equal) => cell.fg(Color::Green),
        Known::Is(Verdict::Different) => cell.fg(Color::Red),
        _ => cell,
    }
}

/// The state of a program, red if it is faulted.
pub(crate) fn state_cell(state: Option<Known<State>>) -> Cell {
    let cell = Cell::new(or_dash(state));
    if state.is_some_and(|state| state == State::Faulted) {
        cell.fg(Color::Red)
    } else {
        cell
    }
}

/// A program in a few words: its name, its number, its tag.
pub(crate) fn brief(program: Option<&Program>) -> String {
    let Some(program) = program else {
        return "-".to_owned();
    };
    let name = program.name.as_deref();
    let mut words = vec![name.map_or_else(|| program.kind.to_string(), str::to_owned)];
    words.extend(program.id.map(|id| format!("id {id}")));
    words.extend(program.tag().map(hex));
    words.join(", ")
}

/// The digest of a program by `algorithm`, in hexadecimal.
pub(crate) fn digest(program: &Program, algorithm: DigestAlgorithm) -> Option<String> {
    program.digest(algorithm).map(hex)
}

#[cfg(test)]
mod tests {
    use offload_uapi::error::Refusal;

    use super::*;
    use crate::samples;

    #[test]
    fn programs_are_told_in_a_few_words() {
        let program = samples::program("firewall", 17, 0x11);
        assert_eq!(brief(Some(&program)), "firewall, id 17, 1111111111111111");
        assert_eq!(brief(None), "-");
        let nameless = Program {
            name: None,
            id: None,
            digests: Vec::new(),
            ..program
        };
        assert_eq!(brief(Some(&nameless)), "xdp");
    }

    #[test]
    fn who_may_not_is_told_who_may() {
        let error = |errno| {
            anyhow::Error::from(Error::Refused(Refusal {
                errno,
                message: None,
                missing: None,
            }))
        };
        assert!(hint(&error(1)).is_some_and(|hint| hint.contains("CAP_NET_ADMIN")));
        assert_eq!(hint(&error(19)), None);
    }
}

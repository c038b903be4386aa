// SPDX-License-Identifier: GPL-2.0

//! Showing commands as they run, and keeping score of what was expected.

use std::fmt::Display;

use anyhow::Result;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::Table;
use offload_tests::command::Cmd;

/// What the demo's numbers must be, and what they were.
#[derive(Debug, Default)]
pub(crate) struct Score {
    rows: Vec<[String; 5]>,
    wrong: usize,
    chapter: &'static str,
}

impl Score {
    /// Begins a chapter: a headline, and the name under which its rows stand.
    pub(crate) fn chapter(&mut self, name: &'static str, why: &str) {
        self.chapter = name;
        println!("\n### {name}\n    {why}");
    }

    /// A number that must be exactly `expected`.
    pub(crate) fn exactly(&mut self, what: &str, expected: u64, found: u64) {
        self.row(what, &expected, found, expected == found);
    }

    /// A number that must lie strictly between two others.
    pub(crate) fn between(&mut self, what: &str, low: u64, high: u64, found: u64) {
        let expected = format!("{}..{}", low + 1, high.saturating_sub(1));
        self.row(what, &expected, found, low < found && found < high);
    }

    /// A statement that must hold.
    pub(crate) fn holds(&mut self, what: &str, found: bool) {
        self.row(what, &"yes", if found { "yes" } else { "no" }, found);
    }

    fn row(&mut self, what: &str, expected: &dyn Display, found: impl Display, right: bool) {
        self.wrong += usize::from(!right);
        let verdict = if right { "ok" } else { "WRONG" };
        println!("    {verdict}: {what}: {found} (expected {expected})");
        self.rows.push([
            self.chapter.to_owned(),
            what.to_owned(),
            expected.to_string(),
            found.to_string(),
            verdict.to_owned(),
        ]);
    }

    /// Prints everything as a table and gives the number of wrong rows.
    pub(crate) fn print(&self) -> usize {
        let mut table = Table::new();
        table.load_preset(UTF8_FULL_CONDENSED);
        table.set_header(["step", "number", "expected", "found", ""]);
        let mut last = "";
        for row in &self.rows {
            let mut row: Vec<&str> = row.iter().map(String::as_str).collect();
            let step = row[0];
            if step == last {
                row[0] = "";
            }
            last = step;
            table.add_row(row);
        }
        println!("\n{table}");
        self.wrong
    }
}

/// The command as a reader types it after defining the shell functions `left` and
/// `right` (see [`print_functions`]).
fn typed(cmd: &Cmd) -> String {
    let line = cmd.to_string();
    for side in ["left", "right"] {
        if let Some(rest) = line.strip_prefix(&format!("nsenter --net=/run/netns/{side} ")) {
            return format!("{side} {rest}");
        }
    }
    line
}

/// Prints the shell functions that the commands printed later make use of.
pub(crate) fn print_functions() {
    println!("Every command is shown as it runs. To repeat them by hand, define first:");
    for side in ["left", "right"] {
        println!("    {side}() {{ nsenter --net=/run/netns/{side} \"$@\"; }}");
    }
}

/// Shows a command that is about to run.
pub(crate) fn show(cmd: &Cmd) {
    println!("$ {}", typed(cmd));
}

/// Shows a command that runs beside the others.
pub(crate) fn show_background(cmd: &Cmd) {
    println!("$ {} &", typed(cmd));
}

/// Shows and runs a command that must succeed.
pub(crate) fn run(cmd: &Cmd) -> Result<String> {
    show(cmd);
    cmd.run()
}

/// Shows and runs a command, and shows the lines of its output that `keep` picks.
pub(crate) fn run_and_print(cmd: &Cmd, keep: impl Fn(&str) -> bool) -> Result<String> {
    let text = run(cmd)?;
    for line in text.lines().filter(|line| keep(line)) {
        println!("    {}", line.trim_end());
    }
    Ok(text)
}

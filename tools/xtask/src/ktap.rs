// SPDX-License-Identifier: GPL-2.0

//! The reports of the kernel's own scripts as KTAP (Documentation/dev-tools/ktap.rst
//! of the kernel): line by line, so that every case shows when it is over.
//!
//! Three kinds of scripts, told apart by what they print: those that speak TAP, those
//! that print "TEST: NAME [ OK ]", and one that says what it is about to try
//! ("Test TC replace...") and ends at the first failure.

use std::io::Write;

use crate::summary::Counts;

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    /// With the reason. A failure that the script expected, for a reason that it gives, is
    /// one too: nothing was tested.
    Skipped(String),
    /// Failed, as it does on any NIC, with the reason.
    Excused(&'static str),
}

/// A case that fails on any NIC, and why.
pub(crate) type Excuse = (&'static str, &'static str);

/// A report under conversion.
#[derive(Default)]
pub(crate) struct Report {
    cases: Vec<(String, Verdict)>,
    planned: Option<usize>,
    /// What is being tried, and whether it has failed already.
    step: Option<(String, bool)>,
}

impl Report {
    /// A whole report.
    pub(crate) fn of(output: &str) -> Self {
        let mut report = Self::default();
        for line in output.lines() {
            report.line(line);
        }
        report
    }

    /// What a line of the script's makes, in KTAP: no line, or some.
    fn line(&mut self, line: &str) -> Vec<String> {
        let line = line.trim_end();
        let words = line.trim_start();
        if words.starts_with("TAP version") || words.starts_with("KTAP version") {
            return Vec::new();
        }
        if let Some(count) = line
            .strip_prefix("1..")
            .and_then(|count| count.parse().ok())
        {
            self.planned = Some(count);
            return vec![line.to_owned()];
        }
        if let Some((name, verdict)) = result(line) {
            self.cases.push((name, verdict));
            return vec![line.to_owned()];
        }
        if line.starts_with('#') {
            return vec![line.to_owned()];
        }
        if let Some((name, verdict)) = words.strip_prefix("TEST: ").and_then(bracketed) {
            return vec![self.case(name, verdict)];
        }
        if let Some(reason) = line.strip_prefix("SKIP: ") {
            return vec![self.case("all", Verdict::Skipped(reason.to_owned()))];
        }
        if line.starts_with("Test ") && line.ends_with("...") {
            let before = self.close();
            self.step = Some((line.trim_end_matches('.').to_owned(), false));
            return before.into_iter().collect();
        }
        if self.step.is_some() && line.ends_with(": OK") {
            return self.close().into_iter().collect();
        }
        if let (Some((_, failed)), true) = (&mut self.step, line.starts_with("FAIL: ")) {
            *failed = true;
        }
        vec![format!("# {line}").trim_end().to_owned()]
    }

    /// The step that was tried before is over.
    fn close(&mut self) -> Option<String> {
        let (name, failed) = self.step.take()?;
        let verdict = if failed {
            Verdict::Failed
        } else {
            Verdict::Passed
        };
        Some(self.case(&name, verdict))
    }

    /// Adds a case; its line.
    fn case(&mut self, name: &str, verdict: Verdict) -> String {
        let number = self.cases.len() + 1;
        let line = match &verdict {
            Verdict::Passed => format!("ok {number} {name}"),
            Verdict::Failed | Verdict::Excused(_) => format!("not ok {number} {name}"),
            Verdict::Skipped(reason) => format!("ok {number} {name} # SKIP {reason}"),
        };
        self.cases.push((name.to_owned(), verdict));
        line
    }

    /// The script is over: the last lines. A step that nothing followed is the one at which
    /// the script ended.
    pub(crate) fn end(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some((_, failed)) = &mut self.step {
            *failed = true;
        }
        lines.extend(self.close());
        if self.planned.is_none() {
            lines.push(format!("1..{}", self.cases.len()));
        }
        lines
    }

    /// Says of those that have failed of which `excuses` say that they do on any NIC, why; how many
    /// there were.
    pub(crate) fn excuse(&mut self, excuses: &[Excuse]) -> usize {
        let mut excused = 0;
        for (name, verdict) in &mut self.cases {
            let excuse = excuses.iter().find(|(case, _)| case == name);
            if let (Some((_, why)), Verdict::Failed) = (excuse, &verdict) {
                *verdict = Verdict::Excused(why);
                excused += 1;
            }
        }
        excused
    }

    /// How many cases passed, failed, were skipped: excused ones are among these, as nothing was tested.
    /// Cases that were planned and did not come have failed.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (_, verdict) in &self.cases {
            match verdict {
                Verdict::Passed => counts.passed += 1,
                Verdict::Failed => counts.failed += 1,
                Verdict::Skipped(_) | Verdict::Excused(_) => counts.skipped += 1,
            }
        }
        let missing = self.planned.unwrap_or(0).saturating_sub(self.cases.len());
        counts.failed += missing as u64;
        counts
    }

    /// The cases that did not pass, each "skipped: NAME: REASON", "FAILED: NAME" or "fails on any NIC:
    /// NAME: REASON".
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> + '_ {
        self.cases
            .iter()
            .filter_map(|(name, verdict)| match verdict {
                Verdict::Passed => None,
                Verdict::Failed => Some(format!("FAILED: {name}")),
                Verdict::Skipped(reason) => Some(format!("skipped: {name}: {reason}")),
                Verdict::Excused(why) => Some(format!("fails on any NIC: {name}: {why}")),
            })
    }
}

/// A result line of TAP: "ok 1 NAME", "not ok 2 NAME", "ok 3 NAME # SKIP REASON".
fn result(line: &str) -> Option<(String, Verdict)> {
    let (line, mut verdict) = match line.strip_prefix("not ") {
        Some(rest) => (rest, Verdict::Failed),
        None => (line, Verdict::Passed),
    };
    let line = line.strip_prefix("ok ")?;
    let (name, directive) = line.split_once(" # ").unwrap_or((line, ""));
    if let Some(reason) = directive.strip_prefix("SKIP") {
        verdict = Verdict::Skipped(match reason.trim() {
            "" => "the script gives no reason".to_owned(),
            reason => reason.to_owned(),
        });
    } else if directive.starts_with("XFAIL") {
        verdict = Verdict::Skipped(directive.to_owned());
    }
    let name = name.trim_start_matches(|c: char| c.is_ascii_digit());
    Some((name.trim_start_matches([' ', '-']).to_owned(), verdict))
}

/// "NAME   [ OK ]" of the scripts in shell. Some tell so that they skip themselves:
/// "SKIP: REASON   [ OK ]".
fn bracketed(line: &str) -> Option<(&str, Verdict)> {
    let (name, rest) = line.rsplit_once('[')?;
    if let Some(reason) = name.strip_prefix("SKIP: ") {
        return Some(("all", Verdict::Skipped(reason.trim().to_owned())));
    }
    let verdict = match rest.trim_end_matches(']').trim() {
        "OK" => Verdict::Passed,
        "FAIL" => Verdict::Failed,
        word @ ("SKIP" | "XFAIL") => Verdict::Skipped(format!("{word}, see the next line")),
        _ => return None,
    };
    Some((name.trim(), verdict))
}

/// Writes a script's report as that of a subtest, as it comes.
pub(crate) struct Subtest<W> {
    to: W,
    report: Report,
    /// The beginning of a line.
    rest: Vec<u8>,
}

impl<W: Write> Subtest<W> {
    pub(crate) fn new(to: W) -> Self {
        Self {
            to,
            report: Report::default(),
            rest: Vec::new(),
        }
    }
}

impl<W: Write> Write for Subtest<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        for &byte in bytes {
            if byte != b'\n' {
                self.rest.push(byte);
                continue;
            }
            let line = String::from_utf8_lossy(&self.rest);
            for line in self.report.line(&line) {
                writeln!(self.to, "{}", indent(&line))?;
            }
            self.rest.clear();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

/// A line of a subtest.
pub(crate) fn indent(line: &str) -> String {
    format!("  {line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a report becomes, its sums and its notes.
    fn convert(output: &str) -> (String, String, Vec<String>) {
        let mut text = Vec::new();
        let mut subtest = Subtest::new(&mut text);
        // In pieces that are no lines.
        for piece in output.as_bytes().chunks(7) {
            subtest.write_all(piece).unwrap();
        }
        let mut report = Report::of(output);
        for line in report.end() {
            writeln!(text, "{}", indent(&line)).unwrap();
        }
        let text = String::from_utf8(text).unwrap();
        (text, report.counts().to_string(), report.notes().collect())
    }

    #[test]
    fn tap_stays_as_it_is() {
        let (text, counts, notes) = convert(
            "TAP version 13\n1..5\nok 1 ping.v4\n# Check failed 1 != 2\nnot ok 2 ping.tcp\n\
             ok 3 ping.hw # SKIP no such feature\nok 4 ping.x # XFAIL only a simulation\n# Totals: 1\n\
             ok 5 e # SKIP\n",
        );
        assert_eq!(
            text,
            "  1..5\n  ok 1 ping.v4\n  # Check failed 1 != 2\n  not ok 2 ping.tcp\n  \
             ok 3 ping.hw # SKIP no such feature\n  ok 4 ping.x # XFAIL only a simulation\n  \
             # Totals: 1\n  ok 5 e # SKIP\n"
        );
        assert_eq!(counts, "1 passed, 1 failed, 3 skipped");
        assert_eq!(
            notes,
            [
                "FAILED: ping.tcp",
                "skipped: ping.hw: no such feature",
                "skipped: ping.x: XFAIL only a simulation",
                "skipped: e: the script gives no reason"
            ]
        );
    }

    #[test]
    fn steps_become_cases() {
        let (text, counts, _) = convert(
            "Test a...\nTest multi-attachment XDP - default + offload...\nbpf_offload.py: OK\n",
        );
        assert_eq!(
            text,
            "  ok 1 Test a\n  ok 2 Test multi-attachment XDP - default + offload\n  1..2\n"
        );
        assert_eq!(counts, "2 passed, 0 failed, 0 skipped");
    }

    #[test]
    fn step_at_which_a_script_ends_has_failed() {
        let expected = "  ok 1 Test a\n  # FAIL: no extack\n  not ok 2 Test b\n  1..2\n";
        let (text, counts, notes) = convert("Test a...\nTest b...\nFAIL: no extack\n");
        assert_eq!(text, expected);
        assert_eq!(counts, "1 passed, 1 failed, 0 skipped");
        assert_eq!(notes, ["FAILED: Test b"]);
        let (text, counts, _) = convert("Test a...\nTraceback (most recent call last):\n");
        assert!(text.ends_with("not ok 1 Test a\n  1..1\n"), "{text}");
        assert_eq!(counts, "0 passed, 1 failed, 0 skipped");
    }

    #[test]
    fn scripts_in_shell_have_brackets() {
        let (text, counts, _) =
            convert("TEST: Loopback          [ OK ]\nTEST: b [FAIL]\n    why\nTEST: c [SKIP]\nTEST: SKIP: no d [ OK ]\n");
        assert_eq!(
            text,
            "  ok 1 Loopback\n  not ok 2 b\n  #     why\n  ok 3 c # SKIP SKIP, see the next line\n  ok 4 all # SKIP no d\n  1..4\n"
        );
        assert_eq!(counts, "1 passed, 1 failed, 2 skipped");
    }

    #[test]
    fn skipped_script_has_its_reason() {
        let (text, counts, notes) = convert("SKIP: veth has no bus\n");
        assert_eq!(text, "  ok 1 all # SKIP veth has no bus\n  1..1\n");
        assert_eq!(counts, "0 passed, 0 failed, 1 skipped");
        assert_eq!(notes, ["skipped: all: veth has no bus"]);
    }

    #[test]
    fn a_failure_may_be_excused() {
        const EXCUSES: &[Excuse] = &[("a", "why"), ("b", "nobody asks"), ("c", "why not")];
        let mut report =
            Report::of("1..4\nnot ok 1 a\nok 2 b\nnot ok 3 d\nok 4 c # SKIP too few\n");
        assert_eq!(report.excuse(EXCUSES), 1);
        assert_eq!(report.counts().to_string(), "1 passed, 1 failed, 2 skipped");
        assert_eq!(
            report.notes().collect::<Vec<_>>(),
            [
                "fails on any NIC: a: why",
                "FAILED: d",
                "skipped: c: too few"
            ]
        );
    }

    #[test]
    fn cases_that_did_not_come_have_failed() {
        let (_, counts, _) = convert("1..3\nok 1 a\n");
        assert_eq!(counts, "1 passed, 2 failed, 0 skipped");
    }
}

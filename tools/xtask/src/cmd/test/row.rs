// SPDX-License-Identifier: GPL-2.0

//! A line of what comes out of all tests.

use std::collections::BTreeMap;

use crate::summary::{self, Counts};

/// Where tests ran, and with what result.
pub(super) struct Row {
    pub(super) place: String,
    pub(super) counts: Counts,
    pub(super) took: String,
    /// What was skipped, by reason.
    pub(super) skipped: BTreeMap<String, Vec<String>>,
    /// What went wrong, and what was printed where it did.
    pub(super) failed: Vec<String>,
}

impl Row {
    /// Of tests that are yet to be run.
    pub(super) fn new(place: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            counts: Counts::default(),
            took: String::new(),
            skipped: BTreeMap::new(),
            failed: Vec::new(),
        }
    }

    /// Adds what test programs printed, and whether all of them succeeded.
    pub(super) fn count(&mut self, output: &str, success: bool) {
        self.counts += Counts::from_output(output, success);
        for what in summary::skipped(output) {
            let (name, reason) = what
                .split_once(": ")
                .unwrap_or((what, "it does not say why"));
            self.note_skip(name, reason);
        }
        let failures = summary::failures(output).into_iter();
        let failures = failures.map(|(name, text)| format!("{name}: it printed:\n{text}"));
        self.failed.extend(failures);
    }

    /// Notes that `what` was not run.
    pub(super) fn skip(&mut self, what: &str, reason: &str) {
        self.counts.skipped += 1;
        self.note_skip(what, reason);
    }

    fn note_skip(&mut self, what: &str, reason: &str) {
        let names = self.skipped.entry(reason.to_owned()).or_default();
        names.push(what.to_owned());
    }

    /// Notes a failure that no test program has counted.
    pub(super) fn fail(&mut self, what: &str) {
        self.counts.failed += 1;
        self.failed.push(what.to_owned());
    }
}

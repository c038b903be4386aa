// SPDX-License-Identifier: GPL-2.0

//! Counting what test programs say.

use std::fmt;
use std::ops::AddAssign;

/// How many tests passed, failed, were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    /// From the output of `cargo test` or of test programs, and whether all of
    /// them succeeded.
    ///
    /// A test that finds that it cannot run here prints a line "skipped: NAME:
    /// REASON" and returns, which its harness takes for a pass. A failure that the
    /// harness did not count (it crashed, or the kernel complained) counts as one.
    pub(crate) fn from_output(output: &str, success: bool) -> Self {
        let mut counts = Self::default();
        for line in output.lines() {
            if let Some(result) = line.trim_start().strip_prefix("test result: ") {
                let number = |word: &str| {
                    result
                        .split([';', '.'])
                        .filter_map(|part| part.trim().strip_suffix(word))
                        .find_map(|number| number.trim().parse::<u64>().ok())
                        .unwrap_or(0)
                };
                counts.passed += number("passed");
                counts.failed += number("failed");
                counts.skipped += number("ignored");
            }
        }
        let skipped = skipped(output).count() as u64;
        let skipped = skipped.min(counts.passed);
        counts.passed -= skipped;
        counts.skipped += skipped;
        if !success && counts.failed == 0 {
            counts.failed = 1;
        }
        counts
    }
}

/// The tests that skipped themselves, each "NAME: REASON".
pub(crate) fn skipped(output: &str) -> impl Iterator<Item = &str> {
    output
        .lines()
        .filter_map(|line| line.trim().strip_prefix("skipped: "))
}

/// What each failed test printed, as its harness repeats it: "NAME" and the lines.
pub(crate) fn failures(output: &str) -> Vec<(String, String)> {
    let mut failures = Vec::new();
    let mut is_inside = false;
    for line in output.lines() {
        // A harness says it twice: before what they printed, and before their names.
        if line == "failures:" {
            is_inside = !is_inside;
            continue;
        }
        if line.starts_with("test result: ") {
            is_inside = false;
        }
        if !is_inside {
            continue;
        }
        let head = line.strip_prefix("---- ");
        if let Some(name) = head.and_then(|line| line.strip_suffix(" stdout ----")) {
            failures.push((name.to_owned(), String::new()));
        } else if let Some((_, text)) = failures.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    for (_, text) in &mut failures {
        text.truncate(text.trim_end().len());
    }
    failures
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
running 3 tests
test a ... ok
test b ... ok
test c ... ignored

successes:

---- b stdout ----
skipped: b: no JIT on User Mode Linux

test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.01s

running 1 test
test d ... FAILED

test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.50s
";

    #[test]
    fn results_add_up_and_skips_are_no_passes() {
        let counts = Counts::from_output(OUTPUT, false);
        assert_eq!(counts.to_string(), "1 passed, 1 failed, 2 skipped");
        assert_eq!(
            skipped(OUTPUT).collect::<Vec<_>>(),
            ["b: no JIT on User Mode Linux"]
        );
    }

    #[test]
    fn what_failed_tests_printed() {
        let output = "test a ... FAILED\ntest b ... FAILED\n\nsuccesses:\n\n---- c stdout ----\nfine\n\n\
                      failures:\n\n---- a stdout ----\none\n\ntwo\n\n---- m::b stdout ----\nthree\n\n\n\
                      failures:\n    a\n    m::b\n\ntest result: FAILED. 0 passed; 2 failed\n";
        let expected = [("a", "one\n\ntwo"), ("m::b", "three")];
        let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
        // A second harness begins anew.
        assert_eq!(
            failures(&output.repeat(2)),
            [expected.clone(), expected].concat()
        );
        assert!(failures(OUTPUT).is_empty());
    }

    #[test]
    fn crash_without_a_result_is_a_failure() {
        let counts = Counts::from_output("running 1 test\n", false);
        assert_eq!(counts.to_string(), "0 passed, 1 failed, 0 skipped");
    }

    #[test]
    fn uncounted_failure_is_counted_once() {
        let fine = "test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured\n";
        assert_eq!(Counts::from_output(fine, true).failed, 0);
        assert_eq!(Counts::from_output(fine, false).failed, 1);
        assert_eq!(Counts::from_output(OUTPUT, false).failed, 1);
    }
}

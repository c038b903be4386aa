// SPDX-License-Identifier: GPL-2.0

//! Which tests run together: those of one module of a test program.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::cargo::Program;

/// The tests of one module at the top of a test program, or of the program's own file.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) program: &'a Program,
    /// The program, and the module if there is one: `control::devlink`.
    pub(super) name: String,
    /// The names of the tests.
    pub(super) tests: Vec<String>,
}

impl<'a> Group<'a> {
    /// The groups of `program` that have tests whose names contain a word of `filter`, if it has
    /// any.
    ///
    /// # Errors
    ///
    /// Where the program can't say what tests it has.
    pub(super) fn all(program: &'a Program, filter: &[String]) -> Result<Vec<Self>> {
        let argv = ["--list", "--format=terse"];
        let list = duct::cmd(&program.path, argv).stderr_null().read()?;
        Ok(Self::of(program, &list, filter))
    }

    /// The same, from the program's list.
    fn of(program: &'a Program, list: &str, filter: &[String]) -> Vec<Self> {
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in list.lines() {
            let Some(test) = line.strip_suffix(": test") else {
                continue;
            };
            let full = format!("{}::{test}", program.name);
            if !filter.is_empty() && !filter.iter().any(|word| full.contains(word.as_str())) {
                continue;
            }
            let name = match test.split_once("::") {
                Some((module, _)) => format!("{}::{module}", program.name),
                None => program.name.clone(),
            };
            groups.entry(name).or_default().push(test.to_owned());
        }
        let groups = groups.into_iter();
        groups
            .map(|(name, tests)| Self {
                program,
                name,
                tests,
            })
            .collect()
    }

    /// Whether it is one of those that `name` stands for: a group, or all of a program.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name || self.program.name == name
    }

    /// Words for run-programs.sh.
    pub(super) fn argv(&self) -> impl Iterator<Item = String> + '_ {
        let path = self.program.path.display().to_string();
        let head = [self.name.clone(), path, self.tests.len().to_string()];
        head.into_iter().chain(self.tests.iter().cloned())
    }

    /// Why it can't be said that all of them have passed, going by what was printed in their
    /// guest.
    pub(super) fn trouble(&self, output: &str) -> Option<String> {
        let end = format!("test program {}: exit status ", self.name);
        let mut ended = 0;
        for line in output.lines() {
            if let Some(status) = line.strip_prefix(&end) {
                return match status {
                    "0" if ended == self.tests.len() => None,
                    "0" => Some(format!("{ended} of {} tests were run", self.tests.len())),
                    status => Some(format!("exit status {status}")),
                };
            }
            if let Some(result) = line.strip_prefix("test result: ") {
                ended = tested(result);
            } else if line.starts_with("test program ") {
                ended = 0;
            }
        }
        Some("the guest died before it was done".to_owned())
    }
}

/// How many tests a harness says that it has run, or found to be ignored.
fn tested(result: &str) -> usize {
    let words = [" passed", " failed", " ignored"];
    let parts = result.split([';', '.']).map(str::trim);
    parts
        .filter_map(|part| words.iter().find_map(|word| part.strip_suffix(word)))
        .filter_map(|number| number.parse::<usize>().ok())
        .sum()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A program without a file.
    pub(crate) fn program(name: &str) -> Program {
        Program {
            name: name.to_owned(),
            kind: cargo_metadata::TargetKind::Test,
            path: name.into(),
            is_test: true,
        }
    }

    const LIST: &str = "a::one: test\na::b::two: test\nthree: test\nc::four: test\n2 benchmarks\n";

    #[test]
    fn tests_of_a_module_are_a_group() {
        let program = program("p");
        let names = |filter: &[&str]| {
            let filter: Vec<_> = filter.iter().map(|&word| word.to_owned()).collect();
            let groups = Group::of(&program, LIST, &filter).into_iter();
            groups
                .map(|group| format!("{} {}", group.name, group.tests.join(" ")))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names(&[]),
            ["p three", "p::a a::one a::b::two", "p::c c::four"]
        );
        assert_eq!(names(&["two", "fo"]), ["p::a a::b::two", "p::c c::four"]);
        assert_eq!(names(&["p::c"]), ["p::c c::four"]);
        assert!(names(&["five"]).is_empty());
    }

    #[test]
    fn each_test_must_have_a_result() {
        let program = program("p");
        let groups = Group::of(&program, LIST, &[]);
        let [own, a, c] = &groups[..] else {
            panic!("{groups:?}");
        };
        let output = "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out\n\
                      test program p::a: exit status 0\n\
                      test program p: exit status 0\n\
                      test result: FAILED. 0 passed; 1 failed; 0 ignored\n\
                      test program p::c: exit status 101\n";
        assert_eq!(a.trouble(output), None);
        assert!(own.trouble(output).unwrap().contains("0 of 1"));
        assert!(c.trouble(output).unwrap().contains("status 101"));
        assert!(a.trouble("").unwrap().contains("died"));
        let fewer = output.replace("ok. 2 passed", "ok. 1 passed");
        assert!(a.trouble(&fewer).unwrap().contains("1 of 2"));
    }
}

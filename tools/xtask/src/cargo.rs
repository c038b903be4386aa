// SPDX-License-Identifier: GPL-2.0

//! Cargo, run by xtask: the programs that guests run.

use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};
use duct::Expression;
use serde::Deserialize;

use crate::ui::Step;

/// What guests run is linked statically: the host's C library may be newer than
/// the guest's. A target given by name keeps these flags from build scripts.
const TARGET: &str = "x86_64-unknown-linux-gnu";
const RUSTFLAGS: &str = "-Ctarget-feature=+crt-static";
/// The package of the tests, the demo and the benchmark.
const PACKAGE: &str = "offload_tests";

/// A program that Cargo has built.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// The name of the Cargo target.
    pub(crate) name: String,
    /// Its kind: "test", "lib", "bin".
    pub(crate) kind: String,
    pub(crate) path: PathBuf,
}

/// The Cargo that runs xtask.
pub(crate) fn cargo<I>(repo: &Path, args: I) -> Expression
where
    I: IntoIterator,
    I::Item: Into<std::ffi::OsString>,
{
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    duct::cmd(program, args).dir(repo)
}

/// Builds the test programs of the package `offload_tests`.
pub(crate) fn vm_tests(repo: &Path) -> Result<Vec<Program>> {
    build(repo, "the tests", &["test", "--no-run"])
}

/// Builds one of the package's binaries.
pub(crate) fn vm_binary(repo: &Path, name: &str) -> Result<PathBuf> {
    let programs = build(repo, name, &["build", "--bin", name])?;
    programs
        .into_iter()
        .find(|program| program.kind == "bin" && program.name == name)
        .map(|program| program.path)
        .with_context(|| format!("the package {PACKAGE} has no program {name:?}"))
}

/// Runs Cargo and reads the programs from its messages.
fn build(repo: &Path, what: &str, args: &[&str]) -> Result<Vec<Program>> {
    let logs = repo.join("target/logs");
    let messages = logs.join("cargo.json");
    let step = Step::start(
        &format!("Building {what} for the guests"),
        "",
        &logs.join("cargo.log"),
    )?;
    let mut argv = args.to_vec();
    argv.extend([
        "--package",
        PACKAGE,
        "--release",
        "--target",
        TARGET,
        "--message-format=json-render-diagnostics",
    ]);
    // The step shows stderr, which has the diagnostics; the messages go elsewhere.
    let expr = cargo(repo, argv)
        .env("RUSTFLAGS", RUSTFLAGS)
        .stdout_path(&messages);
    step.run(expr)?;
    step.done();
    let text = std::fs::read_to_string(&messages)?;
    programs(&text)
}

/// The programs named in Cargo's messages, one JSON object per line.
fn programs(messages: &str) -> Result<Vec<Program>> {
    #[derive(Deserialize)]
    struct Message {
        reason: String,
        target: Option<Target>,
        executable: Option<PathBuf>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
        kind: Vec<String>,
    }
    let mut programs = Vec::new();
    for line in messages.lines().filter(|line| line.starts_with('{')) {
        let message: Message = serde_json::from_str(line)
            .with_context(|| format!("cannot read Cargo's message {line:?}"))?;
        if message.reason != "compiler-artifact" {
            continue;
        }
        if let (Some(target), Some(path)) = (message.target, message.executable) {
            let Some(kind) = target.kind.into_iter().next() else {
                bail!("Cargo's message names no kind of target: {line:?}");
            };
            programs.push(Program {
                name: target.name,
                kind,
                path,
            });
        }
    }
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(programs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_artifacts_with_an_executable() {
        let messages = r#"
{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"duct"},"executable":null}
{"reason":"compiler-artifact","target":{"kind":["test"],"name":"programs"},"executable":"/t/programs-1"}
{"reason":"build-script-executed","package_id":"x"}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(
            programs(messages).unwrap(),
            [Program {
                name: "programs".to_owned(),
                kind: "test".to_owned(),
                path: PathBuf::from("/t/programs-1"),
            }]
        );
        assert!(programs("{nonsense\n").is_err());
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Cargo, run by xtask: the programs that guests run.

use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};
use duct::Expression;
use rustc_version::Version;
use serde::Deserialize;

use crate::ui::Step;

/// What guests run is linked statically: the host's C library may be newer than
/// the guest's. A target given by name keeps these flags from build scripts.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-gnu";
const RUSTFLAGS: &str = "-Ctarget-feature=+crt-static";
/// The package of the tests, the demo and the benchmark.
const PACKAGE: &str = "offload_tests";
/// The package of the user's tool, and its program.
const OFFLOADCTL: &str = "offloadctl";

/// The package that needs a newer Rust than the rest, and that Rust (see its manifest).
pub(crate) const PEERS: &str = "engine_peers";
const PEERS_RUST: Version = Version::new(1, 88, 0);

/// A program that Cargo has built.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// The name of the Cargo target.
    pub(crate) name: String,
    /// Its kind: "test", "lib", "bin".
    pub(crate) kind: String,
    pub(crate) path: PathBuf,
    /// Whether it is a test harness. Cargo builds the binaries themselves along
    /// with tests that may call them.
    pub(crate) is_test: bool,
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

/// Why [`PEERS`] cannot be built here, if it can't.
pub(crate) fn no_peers() -> Result<Option<String>> {
    let rustc = rustc_version::version().context("cannot ask rustc for its version")?;
    Ok((rustc < PEERS_RUST).then(|| format!("rbpf needs Rust {PEERS_RUST}, this is {rustc}")))
}

/// Builds the test programs of the package `offload_tests`.
pub(crate) fn vm_tests(repo: &Path) -> Result<Vec<Program>> {
    let mut programs = build(repo, "the tests", PACKAGE, &["test", "--no-run"])?;
    programs.retain(|program| program.is_test);
    Ok(programs)
}

/// Builds one of the package's binaries.
pub(crate) fn vm_binary(repo: &Path, name: &str) -> Result<PathBuf> {
    binary(repo, PACKAGE, name)
}

/// Builds the user's tool.
pub(crate) fn offloadctl(repo: &Path) -> Result<PathBuf> {
    binary(repo, OFFLOADCTL, OFFLOADCTL)
}

/// Builds a binary of a package.
fn binary(repo: &Path, package: &str, name: &str) -> Result<PathBuf> {
    let programs = build(repo, name, package, &["build", "--bin", name])?;
    programs
        .into_iter()
        .find(|program| program.kind == "bin" && !program.is_test && program.name == name)
        .map(|program| program.path)
        .with_context(|| format!("the package {package} has no program {name:?}"))
}

/// Runs Cargo and reads the programs from its messages.
fn build(repo: &Path, what: &str, package: &str, args: &[&str]) -> Result<Vec<Program>> {
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
        package,
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
        profile: Option<Profile>,
        executable: Option<PathBuf>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
        kind: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Profile {
        test: bool,
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
                is_test: message.profile.is_some_and(|profile| profile.test),
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
{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"duct"},"profile":{"test":false},"executable":null}
{"reason":"compiler-artifact","target":{"kind":["test"],"name":"programs"},"profile":{"test":true},"executable":"/t/programs-1"}
{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"demo"},"profile":{"test":false},"executable":"/t/demo"}
{"reason":"build-script-executed","package_id":"x"}
{"reason":"build-finished","success":true}
"#;
        let program = |name: &str, kind: &str, path: &str, is_test| Program {
            name: name.to_owned(),
            kind: kind.to_owned(),
            path: PathBuf::from(path),
            is_test,
        };
        assert_eq!(
            programs(messages).unwrap(),
            [
                program("demo", "bin", "/t/demo", false),
                program("programs", "test", "/t/programs-1", true),
            ]
        );
        assert!(programs("{nonsense\n").is_err());
    }
}

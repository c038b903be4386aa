// SPDX-License-Identifier: GPL-2.0

//! Cargo, run by xtask: the programs that guests run.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Seek};
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};
use cargo_metadata::{Message, MetadataCommand, Target, TargetKind};
use duct::Expression;
use rustc_version::Version;

use crate::lock::Lock;
use crate::ui::Step;
use crate::workshop::Workshop;

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
    pub(crate) kind: TargetKind,
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

/// The test programs of the package `offload_tests`.
#[derive(Debug)]
pub(crate) struct Tests {
    /// The names of those that the package's manifest has for guests.
    pub(crate) listed: BTreeSet<String>,
    /// Those that run in guests.
    pub(crate) in_guest: Vec<Program>,
    /// The unit tests of what those share.
    pub(crate) here: Vec<Program>,
}

/// Builds the test programs of the package `offload_tests`.
///
/// # Errors
///
/// Also where Cargo has not built each of those that the package's manifest lists: a test that is
/// not there can't fail.
pub(crate) fn vm_tests(workshop: &Workshop) -> Result<Tests> {
    let mut programs = build(workshop, "the tests", PACKAGE, &["test", "--no-run"])?;
    programs.retain(|program| program.is_test);
    let (in_guest, here): (Vec<_>, Vec<_>) = programs
        .into_iter()
        .partition(|program| program.kind == TargetKind::Test);
    let listed = listed(&workshop.repo)?;
    let lost = lost(&listed, in_guest.iter().map(|program| &*program.name));
    if !lost.is_empty() {
        bail!("Cargo has not built these tests of {PACKAGE}: {lost:?}");
    }
    Ok(Tests {
        listed,
        in_guest,
        here,
    })
}

/// The names of the test programs that the package's manifest lists.
fn listed(repo: &Path) -> Result<BTreeSet<String>> {
    let targets = targets(repo)?.into_iter();
    let tests = targets.filter(|target| target.is_test());
    Ok(tests.map(|target| target.name).collect())
}

/// The root files of the package's crates.
pub(crate) fn roots(repo: &Path) -> Result<Vec<PathBuf>> {
    let targets = targets(repo)?.into_iter();
    Ok(targets.map(|target| target.src_path.into()).collect())
}

/// What the package's manifest lists.
fn targets(repo: &Path) -> Result<Vec<Target>> {
    let metadata = MetadataCommand::new()
        .current_dir(repo)
        .no_deps()
        .exec()
        .context("cannot ask Cargo for its targets")?;
    let mut packages = metadata.packages.into_iter();
    let package = packages
        .find(|package| package.name.as_str() == PACKAGE)
        .with_context(|| format!("the workspace has no package {PACKAGE}"))?;
    Ok(package.targets)
}

/// The names of `all` that are not among `there`.
pub(crate) fn lost<'a>(
    all: &'a BTreeSet<String>,
    there: impl IntoIterator<Item = &'a str>,
) -> BTreeSet<&'a str> {
    let there = there.into_iter().collect();
    let all: BTreeSet<_> = all.iter().map(String::as_str).collect();
    &all - &there
}

/// Builds one of the package's binaries.
pub(crate) fn vm_binary(workshop: &Workshop, name: &str) -> Result<PathBuf> {
    binary(workshop, PACKAGE, name)
}

/// Builds the user's tool.
pub(crate) fn offloadctl(workshop: &Workshop) -> Result<PathBuf> {
    binary(workshop, OFFLOADCTL, OFFLOADCTL)
}

/// Builds a binary of a package.
fn binary(workshop: &Workshop, package: &str, name: &str) -> Result<PathBuf> {
    let programs = build(workshop, name, package, &["build", "--bin", name])?;
    programs
        .into_iter()
        .find(|program| program.kind == TargetKind::Bin && !program.is_test && program.name == name)
        .map(|program| program.path)
        .with_context(|| format!("the package {package} has no program {name:?}"))
}

/// Runs Cargo and keeps the programs that its messages name.
fn build(workshop: &Workshop, what: &str, package: &str, args: &[&str]) -> Result<Vec<Program>> {
    let target = workshop.target(".")?;
    // Cargo has a lock of its own, for the build alone: the programs must still be those of this
    // build when they are taken over. And the log is one for all.
    let _lock = Lock::take(&target.join("cargo.lock"), "Cargo's builds for the guests")?;
    let step = Step::start(
        &format!("Building {what} for the guests"),
        "",
        &target.join("logs/cargo.log"),
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
    let mut messages = tempfile::tempfile()?;
    let expr = cargo(&workshop.repo, argv)
        .env("RUSTFLAGS", RUSTFLAGS)
        .stdout_file(messages.try_clone()?);
    step.run(expr)?;
    step.done();
    messages.rewind()?;
    let mut programs = programs(BufReader::new(messages))?;
    for program in &mut programs {
        program.path = workshop.own.keep(&program.path)?;
    }
    Ok(programs)
}

/// The programs named in Cargo's messages, one JSON object per line.
fn programs(messages: impl BufRead) -> Result<Vec<Program>> {
    let mut programs = Vec::new();
    let mut is_complete = false;
    for message in Message::parse_stream(messages) {
        let artifact = match message.context("cannot read Cargo's messages")? {
            Message::CompilerArtifact(artifact) => artifact,
            Message::BuildFinished(end) => {
                is_complete = end.success;
                continue;
            }
            _ => continue,
        };
        let Some(path) = artifact.executable else {
            continue;
        };
        let Some(kind) = artifact.target.kind.into_iter().next() else {
            bail!("Cargo names no kind of {path}");
        };
        programs.push(Program {
            name: artifact.target.name,
            kind,
            path: path.into(),
            is_test: artifact.profile.test,
        });
    }
    if !is_complete {
        bail!("Cargo's messages have no end: more may have been built than they tell");
    }
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(programs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_artifacts_with_an_executable() {
        let artifact = |kind: &str, name: &str, test: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"p","target":{{"kind":["{kind}"],"crate_types":["bin"],"name":"{name}","src_path":"/s"}},"profile":{{"opt_level":"3","debuginfo":0,"debug_assertions":false,"overflow_checks":false,"test":{test}}},"features":[],"filenames":[],"executable":{executable},"fresh":true}}"#
            )
        };
        let messages = [
            artifact("lib", "duct", false, "null"),
            artifact("test", "programs", true, "\"/t/programs-1\""),
            artifact("bin", "demo", false, "\"/t/demo\""),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ]
        .join("\n");
        let program = |name: &str, kind, path: &str, is_test| Program {
            name: name.to_owned(),
            kind,
            path: PathBuf::from(path),
            is_test,
        };
        assert_eq!(
            programs(messages.as_bytes()).unwrap(),
            [
                program("demo", TargetKind::Bin, "/t/demo", false),
                program("programs", TargetKind::Test, "/t/programs-1", true),
            ]
        );
        // What has been cut short is no shorter list.
        assert!(programs(&messages.as_bytes()[..messages.len() / 2]).is_err());
    }

    #[test]
    fn tests_of_the_manifest_are_known_by_name() {
        let all = listed(&crate::workshop::repo().unwrap()).unwrap();
        assert!(all.len() > 1);
        let mut there = all.iter().map(String::as_str);
        assert_eq!(lost(&all, there.clone()), BTreeSet::new());
        let first = there.next().unwrap();
        assert_eq!(lost(&all, there), BTreeSet::from([first]));
    }
}

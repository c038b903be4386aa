// SPDX-License-Identifier: GPL-2.0

//! A short run of each of the engine's fuzz targets, for what was overlooked today. `cargo fuzz`
//! is for long ones: it takes the same targets.

use std::path::Path;

use anyhow::{Context, Result};
use duct::Expression;

use crate::cargo;

/// The crate of the targets, which is not in the workspace.
const CRATE: &str = "module/engine/fuzz";
/// The targets, and the inputs that each begins with.
pub(crate) const TARGETS: &[(&str, &str)] = &[
    ("program", "program"),
    ("image", "program"),
    ("transmit", "transmit"),
    ("graph", "graph"),
    ("document", "document"),
];
/// Inputs per target: some seconds.
const RUNS: &str = "-runs=30000";
/// What `cargo fuzz` has the compiler do on a stable toolchain, where there are no sanitizers: counts
/// and comparisons for libFuzzer to steer by, checks of what Rust leaves unchecked in a release.
const RUSTFLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Ccodegen-units=1 -Cdebug-assertions";

/// Why there can be no fuzzing here, if there can't.
pub(crate) fn missing() -> Option<String> {
    let found = duct::cmd!("c++", "--version")
        .stdout_null()
        .stderr_null()
        .unchecked()
        .run()
        .is_ok_and(|output| output.status.success());
    (!found).then(|| {
        "libFuzzer is built with a C++ compiler, and there is no `c++` (Debian: apt-get install g++)"
            .to_owned()
    })
}

/// The command that builds `target` and runs it. What it finds stays in `target/fuzz`.
pub(crate) fn command(repo: &Path, target: &str, corpus: &str) -> Result<Expression> {
    let dir = repo.join("target/fuzz");
    let found = dir.join("corpus").join(target);
    let findings = dir.join("findings");
    for dir in [&found, &findings] {
        std::fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
    }
    let crate_dir = repo.join(CRATE);
    let argv = [
        "run".to_owned(),
        "--quiet".to_owned(),
        "--release".to_owned(),
        format!("--manifest-path={}", crate_dir.join("Cargo.toml").display()),
        // A target given by name keeps the flags from build scripts.
        format!("--target={}", cargo::TARGET),
        format!("--target-dir={}", dir.display()),
        format!("--bin={target}"),
        "--".to_owned(),
        RUNS.to_owned(),
        "-max_len=8192".to_owned(),
        "-timeout=60".to_owned(),
        "-verbosity=0".to_owned(),
        format!("-artifact_prefix={}/{target}-", findings.display()),
        // New inputs go to the first directory.
        found.display().to_string(),
        crate_dir.join("corpus").join(corpus).display().to_string(),
    ];
    Ok(cargo::cargo(repo, argv).env("RUSTFLAGS", RUSTFLAGS))
}

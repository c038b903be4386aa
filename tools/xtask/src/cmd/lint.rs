// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask lint`: style and the rules of the house.

use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Result;

use crate::cargo::{cargo, no_peers, PEERS};
use crate::flavour::Flavour;
use crate::module;
use crate::target::Target;
use crate::uapi;
use crate::ui;
use crate::workshop::Workshop;

mod imports;
mod layers;

/// Checks formatting, lints and the rules of the house
///
/// rustfmt and clippy for the Cargo crates and for the module (there with the
/// kernel's own settings), the netlink specification by the kernel's schema, no
/// `unsafe` outside module/net, a licence line in every source file, imports in the module that go
/// one way.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave out what needs a kernel: the module's clippy, the kernel's schema
    #[arg(long)]
    no_kernel: bool,
    /// Only show which imports go round in the crate with this root file, such as
    /// module/driver/lib.rs
    #[arg(long, value_name = "FILE")]
    imports_of: Option<PathBuf>,
}

impl Args {
    /// Runs the command; its exit status.
    pub(crate) fn run(self) -> Result<i32> {
        if let Some(root) = &self.imports_of {
            let found = layers::check(root, &[])?;
            for text in &found {
                println!("{text}");
            }
            return Ok(i32::from(!found.is_empty()));
        }
        let repo = crate::workshop::repo()?;
        let mut checks = thread::scope(|scope| -> Result<Checks> {
            // One processor compiles the module, crate after crate: the others have all the rest.
            let module = (!self.no_kernel).then(|| scope.spawn(|| of_module(&repo)));
            let mut checks = of_sources(&repo)?;
            if let Some(module) = module {
                checks.extend(module.join().unwrap_or_else(|panic| resume_unwind(panic))?);
            }
            Ok(checks)
        })?;
        checks.retain(|(_, good)| !good);
        if checks.is_empty() {
            ui::say("lint: all clean");
            return Ok(0);
        }
        let failures: Vec<_> = checks.into_iter().map(|(what, _)| what).collect();
        ui::say(&format!("lint: not clean: {}", failures.join(", ")));
        Ok(1)
    }
}

/// What was checked, and whether it was good.
type Checks = Vec<(&'static str, bool)>;

/// Whether `expr` succeeds.
fn run(expr: duct::Expression) -> Result<bool> {
    Ok(expr.unchecked().run()?.status.success())
}

/// Checks all that takes no kernel.
fn of_sources(repo: &Path) -> Result<Checks> {
    let mut checks = Checks::new();
    if installed(repo, "fmt", "rustfmt") {
        ui::say("cargo fmt --check");
        let good = run(cargo(repo, ["fmt", "--all", "--check"]))?;
        checks.push(("cargo fmt", good));
        ui::say("rustfmt --check of module/");
        let mut sources = files(&repo.join("module"), &["rs"])?;
        sources.extend(files(&repo.join("samples"), &["rs"])?);
        let mut rustfmt = ["--check", "--edition=2021"].map(PathBuf::from).to_vec();
        rustfmt.extend(sources);
        let good = run(duct::cmd("rustfmt", rustfmt).dir(repo))?;
        checks.push(("rustfmt of module/", good));
        ui::say(&format!("{} against {}", uapi::FILE, uapi::SPEC));
        let outdated = uapi::outdated(repo)?;
        if let Some(why) = &outdated {
            eprintln!("{why}");
        }
        checks.push((uapi::FILE, outdated.is_none()));
    }
    if installed(repo, "clippy", "clippy") {
        ui::say("cargo clippy");
        let mut argv = vec!["clippy", "--quiet", "--workspace", "--all-targets"];
        if let Some(reason) = no_peers()? {
            ui::say(&format!("{PEERS} is left out: {reason}"));
            argv.extend(["--exclude", PEERS]);
        }
        argv.extend(["--", "-Dwarnings"]);
        checks.push(("cargo clippy", run(cargo(repo, argv))?));
    }

    ui::say("The rules of the house");
    let broken = rules(repo)?;
    for line in &broken {
        eprintln!("{line}");
    }
    checks.push(("the rules of the house", broken.is_empty()));

    ui::say("Which way imports go in module/");
    let breaches = layers::breaches(repo)?;
    for text in &breaches {
        eprintln!("{text}");
    }
    checks.push(("imports in module/", breaches.is_empty()));
    Ok(checks)
}

/// Checks what takes a kernel: its settings for clippy, its schema.
fn of_module(repo: &Path) -> Result<Checks> {
    let workshop = Workshop::open()?;
    let kernel = workshop.kernel(Flavour::Uml, None)?;
    let target = Target::Ours(kernel.clone());
    let built = module::build(&workshop, &target, &["CLIPPY=1", "KRUSTFLAGS=-Dwarnings"]);
    if let Err(error) = &built {
        eprintln!("{error:#}");
    }
    ui::say(&format!("{} by the kernel's schema", uapi::SPEC));
    let invalid = uapi::invalid(repo, &kernel.source)?;
    for line in &invalid {
        eprintln!("{line}");
    }
    Ok(vec![
        ("clippy of the module", built.is_ok()),
        (uapi::SPEC, invalid.is_empty()),
    ])
}

/// Whether Cargo has a subcommand. A machine without it still can run the rest,
/// and is told what it leaves out.
fn installed(repo: &Path, subcommand: &str, component: &str) -> bool {
    let found = cargo(repo, [subcommand, "--version"])
        .stdout_null()
        .stderr_null()
        .unchecked()
        .run()
        .is_ok_and(|output| output.status.success());
    if !found {
        ui::say(&format!(
            "cargo {subcommand} is not installed: its checks are left out (`rustup component add \
             {component}`, or the distribution's package)"
        ));
    }
    found
}

/// The breaches of the rules that no other tool checks.
fn rules(repo: &Path) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    let tops = [
        "module", "samples", "uapi", "tools", "tests", "qemu", "Kbuild", "Makefile", ".ci",
    ];
    for top in tops.map(|top| repo.join(top)) {
        for path in files(&top, &[])? {
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            let name = path.strip_prefix(repo).unwrap_or(&path);
            broken.extend(
                file_rules(name, &text)
                    .into_iter()
                    .map(|breach| format!("{}: {breach}", name.display())),
            );
        }
    }
    Ok(broken)
}

/// The breaches in one file.
fn file_rules(name: &Path, text: &str) -> Vec<String> {
    let extension = name.extension().unwrap_or_default().to_string_lossy();
    let mut broken = Vec::new();
    // A few formats have no comments; the package manifests name the licence.
    let bare = ["json", "toml", "md", "lock", "proptest-regressions", "txt"];
    if !bare.contains(&extension.as_ref())
        && !text
            .lines()
            .take(2)
            .any(|line| line.contains("SPDX-License-Identifier: "))
    {
        broken.push("no SPDX licence line at its top".to_owned());
    }
    if extension == "rs" && !name.starts_with("module/net") {
        for (number, line) in text.lines().enumerate() {
            if uses_unsafe(line) {
                broken.push(format!("line {}: `unsafe` outside module/net", number + 1));
            }
        }
    }
    broken
}

/// Whether a line of Rust has the word `unsafe` outside comments and strings.
/// Lint names such as `unsafe_code` are other words.
fn uses_unsafe(line: &str) -> bool {
    let line = line.replace("\\\"", "");
    let code = line.split("//").next().unwrap_or_default();
    let mut outside = String::new();
    for (index, part) in code.split('"').enumerate() {
        if index % 2 == 0 {
            outside.push_str(part);
        }
        outside.push(' ');
    }
    outside
        .split(|c: char| !c.is_alphanumeric() && c != '_' && c != '`')
        .any(|word| word == concat!("un", "safe"))
}

/// The files under `path` (or `path` itself) with one of the extensions; with
/// none given, all. Generated files and Kbuild's products are not ours to check.
fn files(path: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if path.is_dir() {
        for item in fs::read_dir(path)? {
            let item = item?.path();
            let name = item.file_name().unwrap_or_default().to_string_lossy();
            if name == "target" || name == "bindings_generated.rs" {
                continue;
            }
            found.extend(files(&item, extensions)?);
        }
        found.sort();
    } else if path.exists() {
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        let product = ["o", "ko", "mod", "rmeta", "cmd", "d"].contains(&extension.as_ref());
        if !product && (extensions.is_empty() || extensions.contains(&extension.as_ref())) {
            found.push(path.to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_is_found_as_code_only() {
        for (line, expected) in [
            ("    unsafe { f() }", true),
            ("pub unsafe fn f() {}", true),
            ("#![forbid(unsafe_code)]", false),
            ("// unsafe in a comment", false),
            ("let text = \"unsafe\";", false),
            ("let text = \"x\"; unsafe { g() }", true),
        ] {
            assert_eq!(uses_unsafe(line), expected, "{line}");
        }
    }

    #[test]
    fn rules_know_their_places() {
        let with = |name: &str, text: &str| file_rules(Path::new(name), text).len();
        let head = "// SPDX-License-Identifier: GPL-2.0\n";
        assert_eq!(with("uapi/src/a.rs", head), 0);
        assert_eq!(with("uapi/src/a.rs", ""), 1);
        assert_eq!(with("uapi/Cargo.toml", ""), 0);
        let unsafe_code = format!("{head}fn f() {{ unsafe {{}} }}\n");
        assert_eq!(with("module/net/a.rs", &unsafe_code), 0);
        assert_eq!(with("module/driver/a.rs", &unsafe_code), 1);
    }
}

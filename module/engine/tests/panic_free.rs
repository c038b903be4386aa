// SPDX-License-Identifier: GPL-2.0

//! Proof that the engine has no code that can panic: a panic in the kernel is a `BUG()`.
//!
//! The engine is compiled with the kernel's flags, with every generic function made concrete.
//! Whatever could panic, an index, an overflow check, a slice, leaves an undefined symbol in the
//! object file; so the objects may need nothing but the four memory functions that compilers take
//! for granted and `core`'s formatting.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::{Object, ObjectSymbol};

const MEMORY_FUNCTIONS: [&str; 4] = ["memcpy", "memmove", "memset", "memcmp"];

/// Compiles `source` to an object with the flags that the kernel passes, and metadata beside it.
fn compile(source: &Path, name: &str, out: &Path, level: &str, externs: &[String]) -> PathBuf {
    let object = out.join(format!("{name}.o"));
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let status = Command::new(rustc)
        .args([
            "--edition",
            "2021",
            "--crate-type",
            "rlib",
            "--crate-name",
            name,
        ])
        .args([
            "--cap-lints",
            "allow",
            "-Cpanic=abort",
            "-Coverflow-checks=y",
            "-Ccodegen-units=1",
        ])
        .args([
            "-Cforce-unwind-tables=n",
            "-Csymbol-mangling-version=v0",
            "-Cembed-bitcode=n",
        ])
        .arg(format!("-Copt-level={level}"))
        .arg(format!(
            "--emit=obj={},metadata={}",
            object.display(),
            out.join(format!("lib{name}.rmeta")).display()
        ))
        .args(externs)
        .arg(source)
        .status()
        .expect("rustc starts");
    assert!(
        status.success(),
        "{} compiles with -Copt-level={level}",
        source.display()
    );
    object
}

fn symbols(object: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let bytes = std::fs::read(object).expect("the object is there");
    let file = object::File::parse(&*bytes).expect("an object file");
    let named = file
        .symbols()
        .filter(|symbol| symbol.name().is_ok_and(|name| !name.is_empty()));
    let (undefined, defined): (Vec<_>, Vec<_>) = named.partition(|symbol| symbol.is_undefined());
    let names = |symbols: Vec<object::Symbol<'_, '_>>| {
        symbols
            .iter()
            .filter_map(|symbol| symbol.name().ok())
            .map(str::to_owned)
            .collect()
    };
    (names(undefined), names(defined))
}

#[test]
fn nothing_in_the_engine_can_panic() {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR"));
    // The kernel is compiled for speed or for size; the last inlines least, as older compilers do
    // for size.
    for level in ["2", "s", "z"] {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("panic_free-{level}"));
        std::fs::create_dir_all(&out).expect("a directory for the objects");
        let library = compile(&engine.join("src/lib.rs"), "engine", &out, level, &[]);
        let externs = [
            "--extern".to_owned(),
            format!("engine={}", out.join("libengine.rmeta").display()),
        ];
        let probe = compile(
            &engine.join("tests/panic_free/probe.rs"),
            "probe",
            &out,
            level,
            &externs,
        );

        let (mut needed, mut defined) = symbols(&library);
        let (probe_needs, probe_defines) = symbols(&probe);
        assert!(
            probe_defines.len() > 20,
            "the probe was compiled to code, not to nothing: {probe_defines:?}"
        );
        needed.extend(probe_needs);
        defined.extend(probe_defines);
        let unwanted: Vec<_> = needed
            .difference(&defined)
            .filter(|name| !MEMORY_FUNCTIONS.contains(&name.as_str()))
            // By whichever scheme `core` was compiled.
            .filter(|name| !name.contains("4core3fmt") && !name.contains("core..fmt.."))
            .collect();
        assert!(
            unwanted.is_empty(),
            "with -Copt-level={level} the engine needs {unwanted:#?}"
        );
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Proof that the engine has no code that can panic: a panic in the kernel is a `BUG()`.
//!
//! The engine is compiled with the kernel's flags, with every generic function made concrete.
//! Whatever could panic, an index, an overflow check, a slice, leaves an undefined symbol in the
//! object file; so the objects may need nothing but the memory functions that compilers take for
//! granted. Text is another matter: who prints it pulls in `core`'s formatting, and so does one
//! source here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::{Object, ObjectSymbol};

/// `bcmp` is what LLVM makes of a `memcmp` whose sign nobody looks at; the kernel has it too.
const MEMORY_FUNCTIONS: [&str; 5] = ["memcpy", "memmove", "memset", "memcmp", "bcmp"];

/// Compiles `source` to an object with the flags that the kernel passes, and metadata beside it.
fn compile(source: &Path, name: &str, out: &Path, level: &str, externs: &[String]) -> PathBuf {
    let object = out.join(format!("{name}.o"));
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    // Where rustc puts what is for itself, by names that two of them may share.
    let status = Command::new(rustc)
        .current_dir(out)
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

/// How the compiler is told of a crate that was compiled before.
fn extern_crate(name: &str, out: &Path) -> Vec<String> {
    let metadata = out.join(format!("lib{name}.rmeta"));
    // What a crate uses itself is looked for in the directory.
    vec![
        format!("-L{}", out.display()),
        "--extern".to_owned(),
        format!("{name}={}", metadata.display()),
    ]
}

/// What the engine and `tests/panic_free/NAME.rs`, which uses it, need that neither of them has.
fn needed_with(name: &str, level: &str) -> BTreeSet<String> {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("panic_free-{name}-{level}"));
    std::fs::create_dir_all(&out).expect("a directory for the objects");
    let graph = engine.join("../graph/src/lib.rs");
    let graph = compile(&graph, "parse_graph", &out, level, &[]);
    let mut externs = extern_crate("parse_graph", &out);
    let library = compile(&engine.join("src/lib.rs"), "engine", &out, level, &externs);
    externs.extend(extern_crate("engine", &out));
    let source = engine.join(format!("tests/panic_free/{name}.rs"));
    let user = compile(&source, name, &out, level, &externs);

    let (mut needed, mut defined) = symbols(&library);
    let (graph_needs, graph_defines) = symbols(&graph);
    needed.extend(graph_needs);
    defined.extend(graph_defines);
    let (user_needs, user_defines) = symbols(&user);
    assert!(
        user_defines.len() > 4,
        "{name} was compiled to code, not to nothing: {user_defines:?}"
    );
    needed.extend(user_needs);
    defined.extend(user_defines);
    let mut needed = &needed - &defined;
    needed.retain(|name| !MEMORY_FUNCTIONS.contains(&name.as_str()));
    needed
}

/// The kernel is compiled for speed or for size; the last level inlines least, as older compilers
/// do for size.
const LEVELS: [&str; 3] = ["2", "s", "z"];

#[test]
fn nothing_in_the_engine_can_panic() {
    for level in LEVELS {
        let needed = needed_with("probe", level);
        assert!(
            needed.is_empty(),
            "with -Copt-level={level} the engine needs {needed:#?}"
        );
    }
}

#[test]
fn what_the_engine_prints_can_panic_in_the_formatting_of_core_alone() {
    for level in LEVELS {
        let mut needed = needed_with("text", level);
        needed.retain(|name| !name.contains("core3fmt") && !name.contains("core..fmt"));
        assert!(
            needed.is_empty(),
            "with -Copt-level={level} the engine's texts need {needed:#?}"
        );
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What `cargo xtask` tells a process in the VM about its surroundings.

use std::path::PathBuf;

use anyhow::{Context, Result};

fn path(name: &str) -> Result<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).with_context(|| {
        format!("{name} is not set; run this in the VM: cargo xtask vm -- CMD, or cargo xtask test")
    })
}

/// The module built for the running kernel.
///
/// # Errors
///
/// Outside the VM.
pub fn module() -> Result<PathBuf> {
    path("OFFLOAD_NIC_KO")
}

/// The object file of the program `name` (`tests/bpf/NAME.bpf.c`), or of `selftests/NAME`, which
/// `tests/selftests/programs` lists.
///
/// # Errors
///
/// Outside the VM.
pub fn object(name: &str) -> Result<PathBuf> {
    let (directory, name) = match name.strip_prefix("selftests/") {
        Some(name) => (selftests()?, name),
        None => (path("OFFLOAD_NIC_BPF")?, name),
    };
    Ok(directory.join(format!("{name}.bpf.o")))
}

/// The directory with the objects of the kernel's own selftests (`tests/selftests`).
///
/// # Errors
///
/// Where `cargo xtask test` has not compiled them.
pub fn selftests() -> Result<PathBuf> {
    path("OFFLOAD_NIC_SELFTESTS")
}

/// A directory that outlives the VM.
///
/// # Errors
///
/// Outside the VM.
pub fn results() -> Result<PathBuf> {
    path("OFFLOAD_NIC_RESULTS")
}

/// How the kernel was built, as `cargo xtask` names it (`uml`, `uml-kasan`, ...).
pub fn flavour() -> String {
    std::env::var("OFFLOAD_NIC_FLAVOUR").unwrap_or_default()
}

/// Whether the processor itself is emulated.
///
/// With KVM it is not, but that can't be told from in here: every QEMU counts.
pub fn is_emulated() -> bool {
    std::env::var("OFFLOAD_NIC_VM").as_deref() == Ok("qemu")
}

/// Whether the kernel checks itself at every step, memory or locks.
///
/// What two programs in the device differ in is then only what the engine computes, which is
/// safe Rust, takes no locks beyond those of maps, and has been compared on faster kernels.
pub fn is_checked() -> bool {
    ["uml-kasan", "uml-lockdep"].contains(&flavour().as_str())
}

/// Whether `program` is left to the kernels without checkers, which is said on standard output:
/// where there are checkers, only `kept` ones are run, of which each takes a way of its own
/// through the driver.
pub fn is_left_to_others(program: &str, kept: &[&str]) -> bool {
    let left = is_checked() && !kept.contains(&program);
    if left {
        println!(
            "skipped: {program}: takes no way through the driver that {} does not; it runs on \
             the kernels that do not check themselves",
            if kept.is_empty() {
                "equality".to_owned()
            } else {
                kept.join(" or ")
            }
        );
    }
    left
}

/// Whether kernel code runs many times slower than usual here: under emulation
/// or with checkers compiled in.
pub fn is_slow() -> bool {
    is_emulated() || flavour() != "uml"
}

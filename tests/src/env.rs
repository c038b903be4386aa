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

/// Whether kernel code runs many times slower than usual here: under emulation
/// or with checkers compiled in.
pub fn is_slow() -> bool {
    is_emulated() || flavour() != "uml"
}

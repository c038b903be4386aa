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

/// The module of the sample NIC (`samples/loopback_nic`), built for the running kernel.
///
/// # Errors
///
/// Where `cargo xtask test` has not built it.
pub fn sample() -> Result<PathBuf> {
    path("OFFLOAD_NIC_SAMPLE")
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

/// The user's tool.
///
/// # Errors
///
/// Outside the VM.
pub fn offloadctl() -> Result<PathBuf> {
    path("OFFLOADCTL")
}

/// The kernel's own tools for netlink specifications (`tools/net/ynl`), unmodified.
///
/// # Errors
///
/// Where the kernel's source is not at hand.
pub fn ynl() -> Result<PathBuf> {
    path("OFFLOAD_NIC_YNL")
}

/// The specification of the family `offload`.
pub fn specification() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../uapi/netlink/specs/offload.yaml")
}

/// The seed of a random test: what the environment says (`OFFLOAD_NIC_SEED`), or another one each time.
/// It is printed, so that a failure can be had again.
///
/// # Errors
///
/// Where the environment has something else there.
pub fn seed() -> Result<u64> {
    let seed = match std::env::var("OFFLOAD_NIC_SEED") {
        Ok(text) => text
            .parse()
            .with_context(|| format!("OFFLOAD_NIC_SEED={text} is no number"))?,
        Err(_) => rand::random(),
    };
    println!("seed {seed}: OFFLOAD_NIC_SEED={seed} does the same again");
    Ok(seed)
}

/// The directory with the objects of the kernel's own selftests (`tests/selftests`).
///
/// # Errors
///
/// Where `cargo xtask test` has not compiled them.
pub fn selftests() -> Result<PathBuf> {
    path("OFFLOAD_NIC_SELFTESTS")
}

/// The object of the kernel's own sample of a flow dissector, if it could be compiled.
pub fn sample_dissector() -> Option<PathBuf> {
    let object = path("OFFLOAD_NIC_SAMPLE_DISSECTOR").ok();
    object.filter(|object| object.exists())
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

/// Whether this kernel is one of several that share what there is to be run.
fn is_sharing() -> bool {
    std::env::var_os("OFFLOAD_NIC_SHARING").is_some()
}

/// Whether `program` is left to the kernels without checkers, which is said on standard output:
/// where there are checkers, or the kernel shares the work with others, only `kept` ones are run, of
/// which each takes a way of its own through the driver.
pub fn is_left_to_others(program: &str, kept: &[&str]) -> bool {
    let left = (is_checked() || is_sharing()) && !kept.contains(&program);
    if left {
        println!(
            "skipped: {program}: takes no way through the driver that {} does not; it runs on \
             a kernel that neither checks itself nor shares the tests with others",
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

// SPDX-License-Identifier: GPL-2.0

//! The subcommands, one file each, and what they share.

pub(crate) mod bench;
pub(crate) mod build;
pub(crate) mod clean;
pub(crate) mod demo;
pub(crate) mod hunt;
pub(crate) mod kernel;
pub(crate) mod lint;
pub(crate) mod selftests;
pub(crate) mod stress;
pub(crate) mod test;
pub(crate) mod uapi;
pub(crate) mod vm;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::flavour::Flavour;
use crate::kdir::Kdir;
use crate::target::Target;
use crate::workshop::Workshop;

/// Which debug kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Debug {
    /// KASAN, UBSAN, fault injection, atomic-sleep and list checks.
    Memory,
    /// Lockdep, RCU, object lifetime, leak, atomic-sleep and list checks.
    Locking,
}

/// Which of Debian's kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Distro {
    /// Of the version that the others are built from.
    Same,
    /// The newest.
    Next,
}

/// The options that choose a kernel.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct KernelOptions {
    /// A debug kernel: `--debug` for memory errors (KASAN, UBSAN, fault injection),
    /// `--debug=locking` for lockdep and kmemleak, which cannot work beside KASAN on
    /// User Mode Linux
    #[arg(long, value_name = "KIND", num_args = 0..=1, require_equals = true,
          default_missing_value = "memory")]
    debug: Option<Debug>,
    /// User Mode Linux: boots in a second and needs no KVM; no BPF JIT
    #[arg(long, conflicts_with = "qemu")]
    uml: bool,
    /// x86_64 under QEMU (the default without --debug): Debian's own kernel, or one built from the
    /// tree of --kernel-source
    #[arg(long, conflicts_with = "debug")]
    qemu: bool,
    /// Debian's own kernel under QEMU, with all its modules: the one of the version that the others
    /// are built from, or (`--distro=next`) the newest
    #[arg(long, value_name = "WHICH", num_args = 0..=1, require_equals = true,
          default_missing_value = "same", conflicts_with_all = ["debug", "uml", "btf"])]
    distro: Option<Distro>,
    /// x86_64 under QEMU, built with BTF and fault injection into functions
    #[arg(long, conflicts_with_all = ["debug", "uml"])]
    btf: bool,
    /// Build the kernel from this tree of yours, unbuilt, instead of Debian's
    /// source package
    #[arg(long, value_name = "DIR")]
    kernel_source: Option<PathBuf>,
}

/// A kernel that xtask makes, or one that is there.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct TargetOptions {
    #[command(flatten)]
    ours: KernelOptions,
    /// Use this kernel build directory of yours: 7.2 or newer, with CONFIG_RUST
    #[arg(long, value_name = "DIR", env = "KDIR",
          conflicts_with_all = ["debug", "uml", "qemu", "distro", "btf", "kernel_source"])]
    kdir: Option<PathBuf>,
}

impl TargetOptions {
    /// A debug kernel.
    pub(crate) fn debug(debug: Debug) -> Self {
        Self {
            ours: KernelOptions {
                debug: Some(debug),
                uml: true,
                qemu: false,
                distro: None,
                btf: false,
                kernel_source: None,
            },
            kdir: None,
        }
    }

    /// Finds, checks or builds the kernel that they ask for.
    pub(crate) fn choose(&self, workshop: &Workshop) -> Result<Target> {
        Ok(match &self.kdir {
            Some(dir) => Target::Theirs(Kdir::check(dir, &workshop.root)?),
            None => {
                let (flavour, source) = (self.ours.flavour(), self.ours.kernel_source());
                Target::Ours(workshop.kernel(flavour, source)?)
            }
        })
    }
}

impl KernelOptions {
    /// The flavour asked for.
    pub(crate) fn flavour(&self) -> Flavour {
        match self.debug {
            Some(Debug::Memory) => Flavour::UmlKasan,
            Some(Debug::Locking) => Flavour::UmlLockdep,
            None if self.uml => Flavour::Uml,
            None if self.btf => Flavour::QemuBtf,
            None => match self.distro {
                Some(Distro::Next) => Flavour::DistroNext,
                Some(Distro::Same) => Flavour::Distro,
                None if self.kernel_source.is_some() => Flavour::Qemu,
                None => Flavour::Distro,
            },
        }
    }

    /// The flavour, if the options say any.
    pub(crate) fn asked(&self) -> Option<Flavour> {
        let asked =
            self.debug.is_some() || self.uml || self.qemu || self.distro.is_some() || self.btf;
        asked.then(|| self.flavour())
    }

    /// The tree of the user's, if any.
    pub(crate) fn kernel_source(&self) -> Option<&Path> {
        self.kernel_source.as_deref()
    }
}

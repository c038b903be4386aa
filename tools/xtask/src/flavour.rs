// SPDX-License-Identifier: GPL-2.0

//! The kernels that xtask builds, and why there are several.

use std::fmt;

/// What a kernel runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    /// x86_64 under QEMU.
    Qemu,
    /// A process: User Mode Linux.
    Uml,
}

impl Machine {
    /// The name in options and in `OFFLOAD_NIC_VM`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Machine::Qemu => "qemu",
            Machine::Uml => "uml",
        }
    }
}

/// A kernel configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Flavour {
    /// User Mode Linux: boots in a second, native speed without KVM, no BPF JIT.
    Uml,
    /// User Mode Linux without SMP, for the benchmark: with it, each change of the interrupt flag
    /// is a system call of the host's. Not among the kernels of `cargo xtask test`.
    UmlUp,
    /// Debian's own kernel, x86_64 under QEMU, of the version that the other kernels are built
    /// from: what users have.
    Distro,
    /// The newest of Debian's kernels.
    DistroNext,
    /// x86_64 for QEMU, built from a source tree of the user's.
    Qemu,
    /// User Mode Linux for the kernel's own suites, with what they ask for besides. Not among the
    /// kernels of `cargo xtask test`, which need none of it.
    UmlSuites,
    /// The same on x86_64, with BTF and fault injection into functions, for those of the kernel's
    /// own scripts whose programs call kernel functions. Not among the kernels of
    /// `cargo xtask test`: it takes more than twice as long to build.
    QemuBtf,
    /// User Mode Linux with KASAN, UBSAN, fault injection.
    UmlKasan,
    /// User Mode Linux with lockdep, object lifetime checks and kmemleak. Apart from
    /// KASAN, under which lockdep reports a false imbalance at boot and stops, and
    /// which takes clang, under which kmemleak has no backtraces.
    UmlLockdep,
}

impl Flavour {
    /// The name in the cache, in options and in `OFFLOAD_NIC_FLAVOUR`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Flavour::Uml => "uml",
            Flavour::UmlUp => "uml-up",
            Flavour::Distro => "distro",
            Flavour::DistroNext => "distro-next",
            Flavour::Qemu => "qemu",
            Flavour::UmlSuites => "uml-suites",
            Flavour::QemuBtf => "qemu-btf",
            Flavour::UmlKasan => "uml-kasan",
            Flavour::UmlLockdep => "uml-lockdep",
        }
    }

    /// What the kernel runs on.
    pub(crate) fn machine(self) -> Machine {
        match self {
            Flavour::Distro | Flavour::DistroNext | Flavour::Qemu | Flavour::QemuBtf => {
                Machine::Qemu
            }
            Flavour::Uml
            | Flavour::UmlUp
            | Flavour::UmlSuites
            | Flavour::UmlKasan
            | Flavour::UmlLockdep => Machine::Uml,
        }
    }

    /// The fragments in `qemu/`, in the order in which they are merged.
    pub(crate) fn fragments(self) -> &'static [&'static str] {
        match self {
            Flavour::Distro | Flavour::DistroNext => &[],
            Flavour::Uml => &["kernel.config", "wide.config", "uml.config"],
            Flavour::UmlUp => &["kernel.config", "uml.config", "up.config"],
            Flavour::Qemu => &["kernel.config", "x86.config"],
            Flavour::UmlSuites => &[
                "kernel.config",
                "wide.config",
                "suites.config",
                "uml.config",
                "stack.config",
            ],
            Flavour::QemuBtf => &[
                "kernel.config",
                "wide.config",
                "suites.config",
                "x86.config",
                "btf.config",
            ],
            Flavour::UmlKasan => &[
                "kernel.config",
                "uml.config",
                "debug.config",
                "kasan.config",
            ],
            Flavour::UmlLockdep => &[
                "kernel.config",
                "uml.config",
                "debug.config",
                "lockdep.config",
            ],
        }
    }

    /// What the kernel is told when it boots.
    pub(crate) fn parameters(self) -> &'static [&'static str] {
        match self {
            // A slab with any check has no sheaves: those keep stale pointers to what was
            // taken out of them, so that kmemleak sees no leak. Red zones are the cheapest.
            Flavour::UmlLockdep => &["slab_debug=Z"],
            Flavour::Uml
            | Flavour::UmlUp
            | Flavour::UmlSuites
            | Flavour::Distro
            | Flavour::DistroNext
            | Flavour::Qemu
            | Flavour::QemuBtf
            | Flavour::UmlKasan => &[],
        }
    }

    /// Variables for every `make` with this kernel.
    pub(crate) fn make_variables(self) -> &'static [&'static str] {
        match self {
            Flavour::Qemu | Flavour::QemuBtf => &[],
            // As it calls itself in the kernel's configuration.
            Flavour::Distro | Flavour::DistroNext => &["CC=x86_64-linux-gnu-gcc-14"],
            // SUBARCH stays unset: set, bindgen's target triple is empty.
            Flavour::Uml | Flavour::UmlUp | Flavour::UmlSuites | Flavour::UmlLockdep => {
                &["ARCH=um"]
            }
            // RUST depends on !KASAN || CC_IS_CLANG.
            // The warning is one that clang has of a header of UML's, in every file.
            Flavour::UmlKasan => &[
                "ARCH=um",
                "CC=clang-19",
                "HOSTCC=gcc",
                "KCFLAGS=-Wno-null-pointer-arithmetic",
            ],
        }
    }

    /// Whether it is taken from the distribution as it is.
    pub(crate) fn is_distribution(self) -> bool {
        matches!(self, Flavour::Distro | Flavour::DistroNext)
    }

    /// Whether it is compiled with debug information, from which BTF is made.
    pub(crate) fn has_debug_information(self) -> bool {
        self == Flavour::QemuBtf
    }

    /// How long a build takes on two cores.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Flavour::Uml | Flavour::UmlUp | Flavour::UmlSuites => "about 5 min",
            Flavour::QemuBtf => "about 15 min",
            Flavour::Distro | Flavour::DistroNext => "about 1 min",
            _ => "about 7 min",
        }
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

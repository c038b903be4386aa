// SPDX-License-Identifier: GPL-2.0

//! What modules are built for and guests boot.

use std::path::{Path, PathBuf};

use crate::flavour::Machine;
use crate::kdir::Kdir;
use crate::kernel::Kernel;

/// Objects that UML's module loader cannot place otherwise ("Unknown rela
/// relocation: 9").
const UML_RUSTFLAGS: &str = "KRUSTFLAGS=-Crelocation-model=static -Ccode-model=large";

/// A kernel: xtask's or the user's.
pub(crate) enum Target {
    Ours(Kernel),
    Theirs(Kdir),
}

impl Target {
    /// The source tree of a kernel of ours.
    pub(crate) fn source(&self) -> Option<&Path> {
        match self {
            Target::Ours(kernel) => Some(&kernel.source),
            Target::Theirs(_) => None,
        }
    }

    /// What people call it, and a directory of its own.
    pub(crate) fn name(&self) -> String {
        match self {
            Target::Ours(kernel) => kernel.flavour.name().to_owned(),
            Target::Theirs(kdir) => format!("kdir-{}", kdir.key()),
        }
    }

    /// The build directory for modules (`KDIR`).
    pub(crate) fn kdir(&self) -> PathBuf {
        match self {
            Target::Ours(kernel) => kernel.kdir(),
            Target::Theirs(kdir) => kdir.dir().to_owned(),
        }
    }

    /// Another one for another kernel.
    pub(crate) fn key(&self) -> String {
        match self {
            Target::Ours(kernel) => kernel.key().to_owned(),
            Target::Theirs(kdir) => kdir.key().to_owned(),
        }
    }

    /// What it runs on.
    pub(crate) fn machine(&self) -> Machine {
        match self {
            Target::Ours(kernel) => kernel.flavour.machine(),
            Target::Theirs(kdir) => kdir.machine(),
        }
    }

    /// Variables for every `make` with it.
    pub(crate) fn make_variables(&self) -> Vec<String> {
        let mut variables: Vec<String> = match self {
            Target::Ours(kernel) => kernel.make_variables.clone(),
            Target::Theirs(kdir) => kdir.make_variables(),
        };
        if self.machine() == Machine::Uml {
            variables.push(UML_RUSTFLAGS.to_owned());
        }
        variables
    }
}

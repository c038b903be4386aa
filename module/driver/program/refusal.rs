// SPDX-License-Identifier: GPL-2.0

//! Why the device does not take a program, and where the user reads it.

use crate::asic::Asic;
use core::fmt;
use engine::resources::Exhausted;
use kernel::{
    alloc::AllocError,
    prelude::*, //
};
use net::bpf::VerifierEnv;

/// Why the device does not take a program.
#[derive(Clone)]
pub(super) enum Refusal {
    Engine(engine::refusal::Refusal),
    /// There is not enough left of what the device has.
    Exhausted(Exhausted),
    /// No memory, of the device or of the kernel.
    OutOfMemory,
    /// The program store holds something else than the kernel's digest says.
    Digest,
    /// The kernel calls in an order that makes no sense.
    Stage,
    /// The device has no place where it runs programs of that type, by its number.
    Kind(u32),
}

impl Refusal {
    pub(super) fn error(&self) -> Error {
        Error::from_errno(match self {
            Self::Engine(refusal) => -refusal.errno(),
            Self::Exhausted(exhausted) => -exhausted.errno(),
            Self::OutOfMemory => -engine::errno::ENOMEM,
            Self::Digest | Self::Stage | Self::Kind(_) => -engine::errno::EINVAL,
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(refusal) => refusal.fmt(f),
            Self::Exhausted(exhausted) => exhausted.fmt(f),
            Self::OutOfMemory => f.write_str("no memory for the program's table of maps"),
            Self::Digest => f.write_str(
                "the instructions in the device do not have the digest that the kernel computed: \
                 maps must be named by descriptor (BPF_PSEUDO_MAP_FD), not by index in fd_array",
            ),
            Self::Stage => f.write_str("the program is not in the device's program store"),
            Self::Kind(number) => write!(
                f,
                "program type {number}: the device runs XDP programs (xdp) and classifiers (tc) only"
            ),
        }
    }
}

impl From<engine::refusal::Refusal> for Refusal {
    fn from(refusal: engine::refusal::Refusal) -> Self {
        Self::Engine(refusal)
    }
}

impl From<Exhausted> for Refusal {
    fn from(exhausted: Exhausted) -> Self {
        Self::Exhausted(exhausted)
    }
}

impl From<engine::memory::OutOfMemory> for Refusal {
    fn from(_: engine::memory::OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

impl From<AllocError> for Refusal {
    fn from(_: AllocError) -> Self {
        Self::OutOfMemory
    }
}

/// Tells the verifier log why `device` refuses the program.
pub(super) fn refuse(env: &VerifierEnv<'_>, device: &Asic, refusal: Refusal) -> Error {
    let error = refusal.error();
    if error == ENOMEM {
        env.log(format_args!("[offload_nic] {refusal}; {}", device.memory));
    } else {
        env.log(format_args!("[offload_nic] {refusal}"));
    }
    error
}

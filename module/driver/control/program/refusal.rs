// SPDX-License-Identifier: GPL-2.0

//! Why the device does not take a program, and where the user reads it.

use core::fmt;
use device::{
    memory::DeviceMemory,
    program, //
};
use kernel::prelude::*;
use net::bpf::VerifierEnv;

/// Why the device does not take a program.
#[derive(Clone)]
pub(super) enum Refusal {
    /// The device says so.
    Device(program::Refusal),
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
            Self::Device(refusal) => -refusal.errno(),
            Self::Digest | Self::Stage | Self::Kind(_) => -engine::errno::EINVAL,
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(refusal) => refusal.fmt(f),
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

impl<T: Into<program::Refusal>> From<T> for Refusal {
    fn from(refusal: T) -> Self {
        Self::Device(refusal.into())
    }
}

/// Tells the verifier log why the device with `memory` refuses the program.
pub(super) fn refuse(env: &VerifierEnv<'_>, memory: &DeviceMemory, refusal: Refusal) -> Error {
    let error = refusal.error();
    if error == ENOMEM {
        env.log(format_args!("[offload_nic] {refusal}; {memory}"));
    } else {
        env.log(format_args!("[offload_nic] {refusal}"));
    }
    error
}

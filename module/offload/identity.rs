// SPDX-License-Identifier: GPL-2.0

//! Which program it is.

use crate::Digest;
use core::fmt;
use net::bpf::ProgramKind;

/// A place of a port where the device runs a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// For each received frame, before the host sees it.
    Xdp,
    /// For each received frame, as the classifier at the interface's ingress.
    Tc,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Xdp => "XDP",
            Self::Tc => "TC",
        })
    }
}

/// What makes a program the one it is.
#[derive(Clone, Copy)]
pub struct ProgramIdentity {
    /// What it is for.
    pub kind: ProgramKind,
    /// Digest of its instructions.
    pub digest: Digest,
}

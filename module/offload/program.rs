// SPDX-License-Identifier: GPL-2.0

//! What is told of a program: of one in a device, and of one that the kernel runs.

use crate::digest::{
    Digest,
    Digests, //
};
use net::bpf::{
    self,
    NAME_LEN, //
};
use offload_uapi::netlink::{
    ProgramKind,
    State, //
};

/// A program that lies in a device, as it is at this moment.
#[derive(Clone, Copy)]
pub struct DeviceProgram {
    /// What it is.
    pub kind: ProgramKind,
    /// The name that it was loaded with, and zeroes behind it.
    pub name: [u8; NAME_LEN],
    /// The number that user space knows it by; 0 if it has none, or none any more.
    pub id: u32,
    /// Made of what lies in the device's memory, for each call: a copy that the host kept would
    /// agree with the kernel whatever the device has. `None` for a function that is no program.
    pub digests: Option<Digests>,
    /// What has become of it. [`State::Faulted`] once it was found to be something else than what the
    /// kernel loaded, for good.
    pub state: State,
    /// What the device runs of it.
    pub image: Option<ImageFacts>,
}

/// What a device has made of a program.
#[derive(Clone, Copy)]
pub struct ImageFacts {
    /// Instruction slots of the program in the device.
    pub instructions: u32,
    /// Version of the image's format.
    pub format: u32,
    /// Bytes of the image.
    pub size: u32,
    /// Operations of the image.
    pub operations: u32,
    /// Bytes of device memory that the program takes, without its maps.
    pub memory: u64,
}

/// A program, or a function, that the kernel runs itself.
#[derive(Clone, Copy)]
pub struct KernelProgram {
    /// What it is.
    pub kind: ProgramKind,
    /// The name that it was loaded with, and zeroes behind it.
    pub name: [u8; NAME_LEN],
    /// The number that user space knows it by; 0 if it has none.
    pub id: u32,
    /// `None` for what has no digest, or does with its program something else than the device does.
    pub digest: Option<Digest>,
}

impl KernelProgram {
    /// A function of the kernel that is no program.
    pub const FIXED: Self = Self {
        kind: ProgramKind::Fixed,
        name: [0; NAME_LEN],
        id: 0,
        digest: None,
    };
}

impl From<bpf::KernelProgram> for KernelProgram {
    fn from(program: bpf::KernelProgram) -> Self {
        let kind = kind_of(program.kind);
        Self {
            kind: kind.unwrap_or(ProgramKind::Fixed),
            name: program.name,
            id: program.id,
            // A type that has no slot is compared with nothing.
            digest: kind.map(|_| Digest(program.digest)),
        }
    }
}

/// What is told of a program of type `kind`. `None` if no slot is for that type.
fn kind_of(kind: bpf::ProgramKind) -> Option<ProgramKind> {
    match kind {
        bpf::ProgramKind::Xdp => Some(ProgramKind::Xdp),
        bpf::ProgramKind::SchedCls => Some(ProgramKind::SchedCls),
        bpf::ProgramKind::Other(_) => None,
    }
}

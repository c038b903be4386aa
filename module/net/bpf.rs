// SPDX-License-Identifier: GPL-2.0

//! BPF offload: programs and maps that live in a device.
//!
//! A driver implements [`ProgramOffload`] and [`MapOffload`] and makes one [`OffloadDevice`] for
//! each device. The ports of a device share its programs and maps.
//!
//! C header: [`include/linux/bpf.h`](srctree/include/linux/bpf.h), core:
//! [`kernel/bpf/offload.c`](srctree/kernel/bpf/offload.c)

mod device;
mod events;
mod kernel;
mod map;
mod ndo;
mod number;
mod program;
mod verifier;

pub use device::{
    OffloadDevice,
    ProgramOffload, //
};
pub use events::{
    EventArray,
    EventData, //
};
pub use kernel::{
    name_text,
    KernelProgram,
    ProgramKind,
    NAME_LEN, //
};
pub use map::{
    MapOffload,
    MapSpec, //
};
pub use ndo::{
    AttachedProgram,
    BpfOffload, //
};
pub use number::ProgramNumber;
pub use program::{
    Instruction,
    NewProgram,
    UsedMap,
    UsedMapKind,
    VerifiedProgram, //
};
pub use verifier::{
    Register,
    RegisterKind,
    VerifierEnv, //
};

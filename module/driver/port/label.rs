// SPDX-License-Identifier: GPL-2.0

//! What the driver notes with the programs in the device.

use core::sync::atomic::{
    AtomicBool,
    AtomicU32,
    Ordering, //
};
use kernel::sync::Arc;
use net::bpf::{
    KernelProgram,
    ProgramNumber, //
};

/// A program in the device's memory, ready to run.
pub(crate) type LoadedProgram = device::program::Program<Label>;
/// A program in the device's program store.
pub(crate) type StoredProgram = device::program::StoredProgram<Label>;

/// What is known of a program beside what lies in the device.
pub(crate) struct Label {
    /// What the kernel has loaded.
    pub(crate) loaded: KernelProgram,
    number: Arc<ProgramNumber>,
    /// The number that was told of it; 0 before that. Written under RTNL.
    told: AtomicU32,
    /// Whether it was found not to be what the kernel loaded. Never taken back.
    is_faulted: AtomicBool,
}

impl Label {
    /// Of what the kernel knows as `loaded` and, once it has a number, by `number`.
    pub(crate) fn new(loaded: KernelProgram, number: Arc<ProgramNumber>) -> Self {
        Self {
            loaded,
            number,
            told: AtomicU32::new(0),
            is_faulted: AtomicBool::new(false),
        }
    }

    /// The number that user space knows the program by; 0 when the kernel has taken it from the
    /// device. Any context but softirq.
    pub(crate) fn number(&self) -> u32 {
        self.number.get()
    }

    /// The number that was told of the program.
    pub(crate) fn told(&self) -> u32 {
        self.told.load(Ordering::Relaxed)
    }

    /// Notes that the program is told of by `number`.
    pub(crate) fn set_told(&self, number: u32) {
        self.told.store(number, Ordering::Relaxed);
    }

    /// Whether the program was found not to be what the kernel loaded.
    pub(crate) fn is_faulted(&self) -> bool {
        self.is_faulted.load(Ordering::Relaxed)
    }

    /// Notes that it was.
    pub(crate) fn set_faulted(&self) {
        self.is_faulted.store(true, Ordering::Relaxed);
    }
}

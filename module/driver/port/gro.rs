// SPDX-License-Identifier: GPL-2.0

//! The GRO programs of a port, but for the one in the device.

use super::LoadedProgram;
use core::sync::atomic::{
    AtomicBool,
    Ordering, //
};
use net::{
    rcu,
    xdp::NativeProgram, //
};
use offload::Policy;

/// The program that the kernel has.
pub(crate) struct KernelGro {
    pub(crate) program: NativeProgram,
    /// Whether the driver runs it for frames that the device does not put together.
    pub(crate) is_run: bool,
}

/// What is known of a port's GRO programs beside the one in the device. Written under RTNL, unless it says
/// something else.
pub(crate) struct GroPrograms {
    /// What the kernel has.
    pub(crate) kernel: rcu::Slot<KernelGro>,
    /// The device's, when that was found to be faulted.
    pub(crate) faulted: rcu::Slot<LoadedProgram>,
    /// Whether the device's is not what it was: until there is another one, the device is to put nothing
    /// together. A poll that finds that sets it.
    is_faulted: AtomicBool,
    /// Whether there was one that is missed by policies that want one.
    is_missed: AtomicBool,
}

impl GroPrograms {
    pub(super) const fn new() -> Self {
        Self {
            kernel: rcu::Slot::empty(),
            faulted: rcu::Slot::empty(),
            is_faulted: AtomicBool::new(false),
            is_missed: AtomicBool::new(false),
        }
    }

    /// Whether the device's is not what it was. Any context.
    #[inline]
    pub(crate) fn is_faulted(&self) -> bool {
        self.is_faulted.load(Ordering::Relaxed)
    }

    /// Notes that it is not. Any context.
    pub(crate) fn set_faulted(&self) {
        self.is_faulted.store(true, Ordering::Relaxed);
    }

    /// Begins anew: with programs, or with none that policies may miss (`is_missed`).
    pub(crate) fn begin(&self, is_missed: bool) {
        self.is_missed.store(is_missed, Ordering::Relaxed);
        self.is_faulted.store(false, Ordering::Relaxed);
    }

    /// Whether the device is to put nothing together under `policy`: its own rules are not what one permits
    /// that requires programs. Any context.
    #[inline]
    pub(crate) fn stops(&self, policy: Policy) -> bool {
        let is_missed = self.is_missed.load(Ordering::Relaxed);
        self.is_faulted() || (is_missed && policy == Policy::RequireEqual)
    }

    /// The program that the driver runs, if the device puts nothing together.
    #[inline]
    pub(crate) fn run<'a>(&'a self, guard: &'a rcu::Guard) -> Option<&'a NativeProgram> {
        let kernel = self.kernel.load(guard)?;
        kernel.is_run.then_some(&kernel.program)
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The programs of a port that are asked where fixed rules leave something open, but for those in the device.

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
pub(crate) struct KernelRules {
    pub(crate) program: NativeProgram,
    /// Whether the driver runs it for frames for which the device does not ask its own.
    pub(crate) is_run: bool,
}

/// What is known of the programs of a slot beside the one in the device. Written under RTNL, unless it says
/// something else.
pub(crate) struct Rules {
    /// What the kernel has.
    pub(crate) kernel: rcu::Slot<KernelRules>,
    /// The device's, when that was found to be faulted.
    pub(crate) faulted: rcu::Slot<LoadedProgram>,
    /// Whether the device's is not what it was, until there is another one. A poll that finds that sets it.
    is_faulted: AtomicBool,
    /// Whether there was one that is missed by policies that want one.
    is_missed: AtomicBool,
}

impl Rules {
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

    /// Whether `policy` misses the device's program: fixed rules are not what one permits that requires
    /// programs. Any context.
    #[inline]
    pub(crate) fn is_missed_by(&self, policy: Policy) -> bool {
        let is_missed = self.is_faulted() || self.is_missed.load(Ordering::Relaxed);
        is_missed && policy == Policy::RequireEqual
    }

    /// The program that the driver runs, where the device does not.
    #[inline]
    pub(crate) fn run<'a>(&'a self, guard: &'a rcu::Guard) -> Option<&'a NativeProgram> {
        let kernel = self.kernel.load(guard)?;
        kernel.is_run.then_some(&kernel.program)
    }
}

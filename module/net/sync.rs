// SPDX-License-Identifier: GPL-2.0

//! Context of execution, and who may use what.

mod claim;
mod seqlock;

use crate::bindings;
pub use claim::{
    Claim,
    Claimed, //
};
pub use seqlock::SeqLock;

/// Whether interrupts are off on this CPU, as they are where netpoll sends: that may have come upon
/// whatever packet processing was doing, so that no lock of that may be taken.
#[inline]
pub fn irqs_disabled() -> bool {
    // SAFETY: Any context; no requirement.
    unsafe { bindings::offload_nic_irqs_disabled() }
}

/// Runs `f` with bottom halves off on this CPU, so that a lock which packet processing takes too
/// can be taken by process context without a deadlock.
///
/// `f` must not sleep.
#[inline]
pub fn with_bh_disabled<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: Paired with the call below; there is no way out of `f` between them, as the kernel
    // does not unwind.
    unsafe { bindings::offload_nic_local_bh_disable() };
    let result = f();
    // SAFETY: Bottom halves were disabled above.
    unsafe { bindings::offload_nic_local_bh_enable() };
    result
}

/// A full memory barrier between what comes before and what comes after, on all CPUs.
// That of the kernel's crate takes an argument from 7.3 on.
#[inline]
pub fn memory_barrier() {
    // SAFETY: A barrier has no requirement.
    unsafe { bindings::offload_nic_smp_mb() };
}

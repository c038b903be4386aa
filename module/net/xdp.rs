// SPDX-License-Identifier: GPL-2.0

//! Native XDP: programs of the host that see a frame in the driver's buffer, before there is an
//! skb, and frames that the programs of other interfaces send.
//!
//! # Context, locks, life
//!
//! | | context | locks | kept alive by |
//! |---|---|---|---|
//! | [`NativeProgram`] | run in a NAPI poll; taken and dropped anywhere | none | the reference that it owns |
//! | [`XdpBuffer`] | NAPI poll of the queue whose pages it has | NAPI's bit, which the page pool relies on | the queue's memory, which goes when the queue is off; pages still under way go back to the pool later |
//! | [`XdpFrames`] | `ndo_xdp_xmit`: softirq | none: several CPUs may send by one interface | the caller; what is taken out is the taker's |
//!
//! C header: [`include/net/xdp.h`](srctree/include/net/xdp.h)

mod buffer;
mod look;
mod native;
mod queue;
mod socket;
mod transmit;

pub use buffer::{
    NativeAction,
    RssHash,
    RssType,
    Told,
    XdpBuffer,
    SINGLE_BUFFER, //
};
pub(crate) use native::setup;
pub use native::NativeXdp;
pub(crate) use queue::Memory;
pub use transmit::XdpFrames;

use crate::{
    bindings,
    bpf::KernelProgram, //
};
use core::ptr::NonNull;

/// A program of the host that is, or is about to be, attached to a port.
///
/// # Invariants
///
/// `0` is a valid XDP program that the host can run, and this object owns one reference to it.
pub struct NativeProgram(NonNull<bindings::bpf_prog>);

// SAFETY: A program may be run and released by any task.
unsafe impl Send for NativeProgram {}
// SAFETY: A program is not changed by those that run it.
unsafe impl Sync for NativeProgram {}

impl NativeProgram {
    /// Takes a reference of its own to `prog`.
    ///
    /// # Safety
    ///
    /// `prog` must be a valid XDP program that is not offloaded to a device.
    pub(crate) unsafe fn from_raw(prog: NonNull<bindings::bpf_prog>) -> Self {
        // SAFETY: By the function's contract.
        unsafe { bindings::bpf_prog_inc(prog.as_ptr()) };
        // INVARIANT: The reference was taken above.
        Self(prog)
    }

    /// Whether the program can handle frames that lie in several buffers (section `xdp.frags`).
    pub fn takes_frags(&self) -> bool {
        // SAFETY: By the type invariants; a program's `aux` lives as long as it.
        unsafe { (*(*self.0.as_ptr()).aux).xdp_has_frags }
    }

    /// What names it.
    pub fn facts(&self) -> KernelProgram {
        // SAFETY: Valid by the type invariants; a program that can be attached has been verified.
        unsafe { KernelProgram::of(self.0.as_ptr()) }
    }

    pub(crate) fn as_ptr(&self) -> *mut bindings::bpf_prog {
        self.0.as_ptr()
    }
}

impl Drop for NativeProgram {
    fn drop(&mut self) {
        // SAFETY: By the type invariants we own a reference, given up here.
        unsafe { bindings::bpf_prog_put(self.0.as_ptr()) };
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The interrupt of a queue as the kernel has it: a number in `/proc/interrupts`, an affinity, and a
//! handler on the CPU that this names.
//!
//! C headers: [`include/linux/irq.h`](srctree/include/linux/irq.h),
//! [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

use crate::bindings;
use kernel::{
    error::to_result,
    prelude::*,
    types::Opaque, //
};

/// An interrupt of the kernel's, whose handler schedules a NAPI instance.
///
/// # Invariants
///
/// `inner` was set up by `offload_nic_vector_init()`. It is requested only between [`Self::request`] and
/// [`Self::free`].
#[pin_data(PinnedDrop)]
pub(super) struct Vector {
    #[pin]
    inner: Opaque<bindings::offload_nic_vector>,
}

// SAFETY: The interrupt may be raised on any CPU; the rest is done by one task at a time, which need not
// be the same.
unsafe impl Send for Vector {}
// SAFETY: As above.
unsafe impl Sync for Vector {}

impl Vector {
    /// A new interrupt, number `index` of its device, which is not requested. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or `ENOSPC` if the kernel has no number left.
    pub(super) fn new(index: u16) -> impl PinInit<Self, Error> {
        // INVARIANT: It is set up, or there is an error and no value.
        try_pin_init!(Self {
            inner <- Opaque::try_ffi_init(|place| {
                // SAFETY: There is room at `place`, where it stays: it is pinned.
                to_result(unsafe { bindings::offload_nic_vector_init(place, index) })
            }),
        })
    }

    /// Has `napi` scheduled when it is raised, under a name made of that of `dev`. Process context.
    ///
    /// # Errors
    ///
    /// What `request_irq()` gives.
    ///
    /// # Safety
    ///
    /// `dev` must be registered or being registered, and RTNL held. `napi` must be valid until
    /// [`Self::free`], which must follow. It is not requested yet.
    pub(super) unsafe fn request(
        &self,
        dev: *mut bindings::net_device,
        napi: *mut bindings::napi_struct,
    ) -> Result {
        // SAFETY: The vector is set up. The rest is the function's contract.
        to_result(unsafe { bindings::offload_nic_vector_request(self.inner.get(), dev, napi) })
    }

    /// Has the core know that it is the interrupt of `napi`, and follow its affinity.
    ///
    /// # Safety
    ///
    /// It must be requested for `napi`, which is in the list of its device and off. RTNL must be held.
    pub(super) unsafe fn follow(&self, napi: *mut bindings::napi_struct) {
        // SAFETY: By the function's contract.
        unsafe { bindings::offload_nic_vector_follow(self.inner.get(), napi) };
    }

    /// Undoes [`Self::request`] and [`Self::follow`]: `napi` is not scheduled by it any more when this
    /// returns. Whoever raises it then does so in vain. Process context.
    ///
    /// # Safety
    ///
    /// It must be requested for `napi`, which is in the list of its device and off. RTNL must be held.
    pub(super) unsafe fn free(&self, napi: *mut bindings::napi_struct) {
        // SAFETY: By the function's contract.
        unsafe { bindings::offload_nic_vector_free(self.inner.get(), napi) };
    }

    /// Raises it: the CPU that its affinity names handles it, once for all who raise it before.
    /// Context: any but process context with bottom halves on.
    #[inline]
    pub(super) fn raise(&self) {
        // SAFETY: It is set up, and stays so as long as it is borrowed.
        unsafe { bindings::offload_nic_vector_raise(self.inner.get()) };
    }
}

#[pinned_drop]
impl PinnedDrop for Vector {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: It is set up, and is not requested. Nobody raises it: that takes a borrow. Process
        // context, as that is where queues are dropped.
        unsafe { bindings::offload_nic_vector_destroy(self.inner.get()) };
    }
}

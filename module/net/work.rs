// SPDX-License-Identifier: GPL-2.0

//! Work that is done soon, by a kernel thread.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

use crate::bindings;
use kernel::{
    container_of,
    prelude::*,
    types::Opaque, //
};

/// What is done soon.
pub trait Work: Send + Sync + 'static {
    /// Until it is done again, in milliseconds, if it is.
    const PAUSE: u32 = 1;

    /// Does it, in process context with no lock held, and gives whether it is to be done again, about
    /// [`Self::PAUSE`] later.
    fn work(&self) -> bool;
}

/// A `T` whose work can be asked for.
///
/// # Invariants
///
/// `work` was set up with [`Self::run`], and is not queued any more when this is dropped.
#[pin_data(PinnedDrop)]
pub struct Worker<T: Work> {
    #[pin]
    work: Opaque<bindings::delayed_work>,
    context: T,
}

// SAFETY: Work may be queued and cancelled by any task; `T` may be shared.
unsafe impl<T: Work> Send for Worker<T> {}
// SAFETY: As above.
unsafe impl<T: Work> Sync for Worker<T> {}

impl<T: Work> Worker<T> {
    /// Nothing is asked for yet.
    pub fn new(context: T) -> impl PinInit<Self> {
        // INVARIANT: Set up where it lies.
        pin_init!(Self {
            // SAFETY: The place is valid, and nobody knows the work yet.
            work <- Opaque::ffi_init(|work| unsafe {
                bindings::offload_nic_init_delayed_work(work, Some(Self::run))
            }),
            context,
        })
    }

    /// What the work is about.
    pub fn context(&self) -> &T {
        &self.context
    }

    /// Asks for the work to be done. Any context. Nothing happens after [`Self::stop`].
    pub fn ask(&self) {
        // SAFETY: Set up by the type invariant.
        unsafe { bindings::offload_nic_schedule_delayed_work(self.work.get(), 0) };
    }

    /// Waits for work that is being done, and has no more of it done. Process context, without any
    /// lock that the work takes.
    pub fn stop(&self) {
        // SAFETY: Set up by the type invariant.
        unsafe { bindings::disable_delayed_work_sync(self.work.get()) };
    }

    /// # Safety
    ///
    /// To be called as the function of the work of a `Self`.
    unsafe extern "C" fn run(work: *mut bindings::work_struct) {
        // SAFETY: The work is the first part of a delayed one that lies in a `Self`, and the drop of
        // that waits for it.
        let this = unsafe {
            let work = container_of!(work, bindings::delayed_work, work);
            &*container_of!(Opaque::cast_from(work), Self, work)
        };
        if this.context.work() {
            // SAFETY: Set up by the type invariant.
            unsafe { bindings::offload_nic_schedule_delayed_work(this.work.get(), T::PAUSE) };
        }
    }
}

#[pinned_drop]
impl<T: Work> PinnedDrop for Worker<T> {
    fn drop(self: Pin<&mut Self>) {
        self.stop();
    }
}

// SPDX-License-Identifier: GPL-2.0

//! A NAPI instance with its interrupt, and what raises that: the device, and a timer by which its poll
//! asks for another one later.

use super::{
    interrupt::Interrupt,
    moderation::Moderated, //
};
use crate::bindings;
use core::sync::atomic::{
    AtomicBool,
    Ordering, //
};
use kernel::{
    prelude::*,
    time::{
        hrtimer::{
            HasHrTimer,
            HrTimer,
            HrTimerCallback,
            HrTimerCallbackContext,
            HrTimerRestart,
            RelativePinnedMode, //
        },
        Delta,
        Monotonic, //
    },
    types::Opaque, //
};

/// A NAPI instance.
///
/// Who may poll is NAPI's to say, by the bit `NAPI_STATE_SCHED`: the softirq, a thread, or a task
/// that polls for itself. So nothing here does more than raise the interrupt, which asks for a poll
/// and is masked while somebody polls or the user wants it deferred.
///
/// # Invariants
///
/// `instance` is in no list of a device, or set up by `netif_napi_add()`. The timer is started by the
/// poll alone, which does not run between `napi_disable()` and `napi_enable()`. The vector schedules
/// `instance` and no other.
#[pin_data]
pub(crate) struct Napi {
    #[pin]
    instance: Opaque<bindings::napi_struct>,
    #[pin]
    timer: HrTimer<Self>,
    /// Whether the timer is started and has not raised the interrupt yet.
    is_timed: AtomicBool,
    interrupt: Interrupt,
    #[pin]
    moderated: Moderated,
}

// SAFETY: All that is done to the instance is done by functions of the core that may be called by
// any task, with the locks that they ask for.
unsafe impl Send for Napi {}
// SAFETY: As above.
unsafe impl Sync for Napi {}

kernel::impl_has_hr_timer! {
    impl HasHrTimer<Self> for Napi {
        mode: RelativePinnedMode<Monotonic>,
        field: self.timer,
    }
}

impl HrTimerCallback for Napi {
    type Pointer<'a> = Pin<&'a Self>;

    fn run(this: Pin<&Self>, _: HrTimerCallbackContext<'_, Self>) -> HrTimerRestart {
        // Whoever finds the timer started from here on has its poll still to come.
        this.is_timed.store(false, Ordering::Release);
        this.raise();
        HrTimerRestart::NoRestart
    }
}

impl Napi {
    /// That of queue `index`. It is off. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or `ENOSPC` if the kernel has no number left for its interrupt.
    pub(crate) fn new(index: u16) -> impl PinInit<Self, Error> {
        // INVARIANT: In no list, and nobody polls it; the vector is not requested.
        try_pin_init!(Self {
            instance: Opaque::new(pin_init::zeroed()),
            timer <- HrTimer::new(),
            is_timed: AtomicBool::new(false),
            interrupt: Interrupt::new(),
            moderated <- Moderated::new(index),
        })
    }

    /// Makes it one that is off: it is marked as scheduled, so that [`Self::raise`] does nothing until
    /// it is on. Nobody else knows it yet.
    pub(crate) fn prepare(&self) {
        // SAFETY: The instance is valid.
        unsafe { bindings::offload_nic_napi_mark_scheduled(self.as_ptr()) };
    }

    pub(crate) fn as_ptr(&self) -> *mut bindings::napi_struct {
        self.instance.get()
    }

    /// The [`Napi`] around an instance.
    ///
    /// # Safety
    ///
    /// `instance` must be that of a [`Napi`], which lives as long as the lifetime that is chosen.
    pub(crate) unsafe fn of<'a>(instance: *mut bindings::napi_struct) -> &'a Self {
        // SAFETY: By the function's contract.
        unsafe { &*kernel::container_of!(Opaque::cast_from(instance), Self, instance) }
    }

    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    pub(crate) fn moderated(&self) -> &Moderated {
        &self.moderated
    }

    /// Has its interrupt handled, under a name made of that of `dev`: it asks for a poll. Process context.
    ///
    /// # Errors
    ///
    /// What `request_irq()` gives.
    ///
    /// # Safety
    ///
    /// `dev` must be registered or being registered, and RTNL held. The instance must be off, and stay in
    /// place until [`Self::free_interrupt`], which must follow.
    pub(crate) unsafe fn request_interrupt(&self, dev: *mut bindings::net_device) -> Result {
        // SAFETY: By the function's contract.
        unsafe { self.moderated.vector().request(dev, self.as_ptr()) }
    }

    /// Has the core know the interrupt, and keep its affinity.
    ///
    /// # Safety
    ///
    /// It must be requested; the instance must be in the list of its device and off, RTNL held.
    pub(crate) unsafe fn tell_interrupt(&self) {
        // SAFETY: By the function's contract.
        unsafe { self.moderated.vector().follow(self.as_ptr()) };
    }

    /// Has the interrupt not handled any more. Process context.
    ///
    /// # Safety
    ///
    /// As [`Self::tell_interrupt`].
    pub(crate) unsafe fn free_interrupt(&self) {
        // SAFETY: By the function's contract.
        unsafe { self.moderated.vector().free(self.as_ptr()) };
    }

    /// Raises the interrupt, which asks for a poll on the CPU of its affinity. Context: any but process
    /// context with bottom halves on.
    #[inline]
    pub(crate) fn raise(&self) {
        if self.interrupt.raise() {
            self.moderated.deliver();
        } else {
            self.moderated.join();
        }
    }

    /// Asks for a poll on the CPU of the interrupt's affinity, whether or not it is masked, and at once.
    /// Context: as [`Self::raise`].
    #[inline]
    pub(crate) fn schedule(&self) {
        self.moderated.vector().raise();
    }

    /// Has the interrupt raised in `nanoseconds`, unless the timer is already started for another
    /// time.
    ///
    /// # Safety
    ///
    /// This must be the poll of the instance, and [`Self::stop_timer`] must follow before it is gone.
    pub(crate) unsafe fn raise_after(self: Pin<&Self>, nanoseconds: u64) {
        if self.is_timed.swap(true, Ordering::AcqRel) {
            return;
        }
        let delay = Delta::from_nanos(i64::try_from(nanoseconds).unwrap_or(i64::MAX));
        // SAFETY: `self` is pinned, and stays until the timer is stopped, by the function's contract.
        unsafe { Self::start(core::ptr::from_ref(self.get_ref()), delay) };
    }

    /// Stops the timer, and waits until it does nothing any more. Process context.
    ///
    /// # Safety
    ///
    /// The instance must be off, so that nobody starts the timer.
    pub(crate) unsafe fn stop_timer(&self) {
        // SAFETY: The timer was set up by `new`. The type of the kernel's crate is that of ours.
        unsafe { bindings::hrtimer_cancel(Self::c_timer_ptr(self).cast_mut().cast()) };
        self.is_timed.store(false, Ordering::Relaxed);
    }
}

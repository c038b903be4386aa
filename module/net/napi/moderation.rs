// SPDX-License-Identifier: GPL-2.0

//! Moderation: an interrupt that stands for several events.
//!
//! It waits for as long as the user says, or until as many events have come as he says, whichever is
//! first (`ethtool -C`, `rx-usecs` and `rx-frames`).

use super::vector::Vector;
use core::sync::atomic::{
    AtomicBool,
    AtomicU32,
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
    }, //
};

/// How interrupts are moderated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Coalescing {
    /// For how many microseconds an interrupt waits for other events; 0: for none.
    pub usecs: u32,
    /// Of how many events the last one does not wait; 0: of none.
    pub frames: u32,
}

impl Coalescing {
    /// Each event has an interrupt.
    pub const NONE: Self = Self {
        usecs: 0,
        frames: 1,
    };
}

/// An interrupt that may be moderated.
///
/// # Invariants
///
/// It is pinned from the beginning: there are only initialisers of pinned ones. The timer is started by
/// nobody but whoever has a borrow, and stopped when the value is dropped.
#[pin_data(PinnedDrop)]
pub(crate) struct Moderated {
    #[pin]
    vector: Vector,
    #[pin]
    timer: HrTimer<Self>,
    usecs: AtomicU32,
    frames: AtomicU32,
    /// Whether an interrupt waits.
    is_waiting: AtomicBool,
    /// Events that it stands for so far.
    events: AtomicU32,
}

kernel::impl_has_hr_timer! {
    impl HasHrTimer<Self> for Moderated {
        mode: RelativePinnedMode<Monotonic>,
        field: self.timer,
    }
}

impl HrTimerCallback for Moderated {
    type Pointer<'a> = Pin<&'a Self>;

    fn run(this: Pin<&Self>, _: HrTimerCallbackContext<'_, Self>) -> HrTimerRestart {
        this.end_waiting();
        HrTimerRestart::NoRestart
    }
}

impl Moderated {
    /// Interrupt number `index` of its device, which is not moderated. Process context.
    ///
    /// # Errors
    ///
    /// As [`Vector::new`].
    pub(super) fn new(index: u16) -> impl PinInit<Self, Error> {
        // INVARIANT: Nobody has started the timer.
        try_pin_init!(Self {
            vector <- Vector::new(index),
            timer <- HrTimer::new(),
            usecs: AtomicU32::new(Coalescing::NONE.usecs),
            frames: AtomicU32::new(Coalescing::NONE.frames),
            is_waiting: AtomicBool::new(false),
            events: AtomicU32::new(0),
        })
    }

    pub(super) fn vector(&self) -> &Vector {
        &self.vector
    }

    /// How it is moderated. Any context.
    pub(crate) fn coalescing(&self) -> Coalescing {
        Coalescing {
            usecs: self.usecs.load(Ordering::Relaxed),
            frames: self.frames.load(Ordering::Relaxed),
        }
    }

    /// Has it moderated otherwise from the next event on. Any context.
    pub(crate) fn set_coalescing(&self, coalescing: Coalescing) {
        self.usecs.store(coalescing.usecs, Ordering::Relaxed);
        self.frames.store(coalescing.frames, Ordering::Relaxed);
    }

    /// The first event since the last poll: raises the interrupt, or has it wait for others. Context: as
    /// [`Vector::raise`].
    #[inline]
    pub(super) fn deliver(&self) {
        let Coalescing { usecs, frames } = self.coalescing();
        if usecs == 0 || frames == 1 {
            return self.vector.raise();
        }
        self.wait(usecs);
    }

    #[cold]
    fn wait(&self, usecs: u32) {
        self.events.store(1, Ordering::Relaxed);
        if self.is_waiting.swap(true, Ordering::AcqRel) {
            return;
        }
        let delay = Delta::from_micros(usecs.into());
        // SAFETY: By the type invariants, `self` is pinned, and its drop stops the timer.
        unsafe { Self::start(core::ptr::from_ref(self), delay) };
    }

    /// Another event, for which there is an interrupt already. Context: as [`Vector::raise`].
    #[inline]
    pub(super) fn join(&self) {
        if self.is_waiting.load(Ordering::Relaxed) {
            let frames = self.frames.load(Ordering::Relaxed);
            let events = self.events.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            if frames > 0 && events >= frames {
                self.end_waiting();
            }
        }
    }

    /// Raises the interrupt if it waits.
    fn end_waiting(&self) {
        if self.is_waiting.swap(false, Ordering::AcqRel) {
            self.vector.raise();
        }
    }
}

#[pinned_drop]
impl PinnedDrop for Moderated {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: The timer was set up by `new`. The type of the kernel's crate is that of ours. Process
        // context, as that is where queues are dropped.
        unsafe {
            let timer = Self::c_timer_ptr(core::ptr::from_ref(&*self));
            crate::bindings::hrtimer_cancel(timer.cast_mut().cast());
        }
    }
}

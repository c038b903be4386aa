// SPDX-License-Identifier: GPL-2.0

//! The clock of a card.

use core::num::NonZeroU64;
use engine::clock::{
    OutOfRange,
    Timebase, //
};
use kernel::prelude::*;
use net::{
    machine::{
        ktime_get_raw_ns,
        ktime_get_real_ns, //
    },
    sync::SeqLock, //
};

/// The clock of a card, by which all of its ports stamp frames. It begins with the time of the system,
/// and from there goes as the system's raw counter does, until somebody sets or steers it.
///
/// Any context but non-maskable interrupts. Whoever reads it after another has, or after it was
/// steered, has no earlier time; only by being set or moved does it go back.
pub struct Clock(Pin<KBox<SeqLock<Timebase>>>);

impl Clock {
    /// Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        let timebase = Timebase::new(ktime_get_raw_ns(), ktime_get_real_ns());
        Ok(Self(KBox::pin_init(SeqLock::new(timebase), GFP_KERNEL)?))
    }

    /// The time when the system's raw counter (`CLOCK_MONOTONIC_RAW`) reads what `counter` gives, which
    /// may be called several times: the last one counts.
    #[inline]
    pub fn time_at(&self, counter: impl FnMut() -> u64) -> u64 {
        let (timebase, counter) = self.0.read(counter);
        timebase.time_at(counter)
    }

    /// The time now, as a stamp: nothing if it is 0.
    #[inline]
    pub(crate) fn stamp(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.time_at(ktime_get_raw_ns))
    }

    /// Makes another timebase of the one that there is, at the time that the counter reads.
    fn change(
        &self,
        change: impl FnOnce(&Timebase, u64) -> Result<Timebase, OutOfRange>,
    ) -> Result<(), OutOfRange> {
        // The counter is read when nobody reads the clock any more: what they have read is earlier.
        self.0
            .write(|timebase| change(timebase, ktime_get_raw_ns()))
    }

    /// Sets the time to `time`, in nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// Beyond [`MAX_TIME`](engine::clock::MAX_TIME); then nothing changes.
    pub fn set(&self, time: u64) -> Result<(), OutOfRange> {
        self.change(|timebase, now| timebase.set(now, time))
    }

    /// Moves the time by `delta` nanoseconds.
    ///
    /// # Errors
    ///
    /// Before 1970, or beyond [`MAX_TIME`](engine::clock::MAX_TIME); then nothing changes.
    pub fn shift(&self, delta: i64) -> Result<(), OutOfRange> {
        self.change(|timebase, now| timebase.shifted(now, delta))
    }

    /// Makes it faster than the counter by `scaled_ppm`, parts per million of which the last 16 bits
    /// are a fraction.
    ///
    /// # Errors
    ///
    /// Beyond [`MAX_ADJUSTMENT`](engine::clock::MAX_ADJUSTMENT); then nothing changes.
    pub fn adjust(&self, scaled_ppm: i64) -> Result<(), OutOfRange> {
        self.change(|timebase, now| timebase.adjusted(now, scaled_ppm))
    }
}

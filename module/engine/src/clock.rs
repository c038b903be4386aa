// SPDX-License-Identifier: GPL-2.0

//! The clock of a card: a time that is set and steered, over a counter that is neither.
//!
//! A [`Timebase`] says what time it was at one reading of the counter, and how fast time goes since
//! then. Each change makes another one, which begins where the old one is at that moment, fractions
//! of a nanosecond included: however often its rate is changed, a clock loses nothing by it, and it
//! never goes back by itself. Who changes it and who reads it must agree on the order of the two.

/// The latest time that a clock may be set to, in nanoseconds since 1970: as that of the system, 30
/// years before a `ktime_t` ends (`TIME_SETTOD_SEC_MAX`).
pub const MAX_TIME: u64 = (i64::MAX as u64 / 1_000_000_000 - 30 * 365 * 24 * 3600) * 1_000_000_000;

/// How much faster or slower than its counter a clock may be made, in parts per billion.
pub const MAX_ADJUSTMENT: i32 = 100_000_000;

/// The same in the unit of [`Timebase::adjusted`], and a little more: what is rounded to
/// [`MAX_ADJUSTMENT`] is within.
const MAX_SCALED_PPM: i64 = 1 << 33;

/// One part per million with 16 more bits, as a fraction of 2^96: 2^96 / (10^6 * 2^16).
const SCALED_PPM: i128 = 1_208_925_819_614_629_175;

/// What was asked of a clock is beyond [`MAX_TIME`], before 1970, or more than [`MAX_ADJUSTMENT`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfRange;

/// What time it is, as a function of a counter of nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Timebase {
    /// The reading of the counter from which on this is true.
    counter: u64,
    /// The time at that moment, in nanoseconds since 1970.
    time: u64,
    /// And what of a nanosecond was over, as a fraction of 2^64.
    fraction: u64,
    /// How much more than a nanosecond passes with each of the counter, as a fraction of 2^64.
    drift: i64,
}

impl Timebase {
    /// A clock that is as fast as its counter, and at `time` when that reads `counter`.
    pub const fn new(counter: u64, time: u64) -> Self {
        Self {
            counter,
            time,
            fraction: 0,
            drift: 0,
        }
    }

    /// The time in nanoseconds when the counter reads `counter`. That of all readings before this
    /// began is the one with which it began.
    #[inline]
    pub const fn time_at(&self, counter: u64) -> u64 {
        self.moment(counter).0
    }

    /// The time, and the fraction of a nanosecond that goes with it.
    const fn moment(&self, counter: u64) -> (u64, u64) {
        let elapsed = counter.saturating_sub(self.counter);
        // Below 2^128 by far, as the drift is below an eighth.
        let more = (elapsed as i128)
            .wrapping_mul(self.drift as i128)
            .wrapping_add(self.fraction as i128);
        // CAST: What is whole of it is no more than a counter has.
        let whole = (more >> 64) as i64;
        let time = self.time.saturating_add(elapsed);
        // CAST: The lower half is the fraction, of a negative number too: the upper half is rounded
        // down.
        (time.saturating_add_signed(whole), more as u64)
    }

    /// This, as of reading `counter`: from there on it says the same.
    const fn at(&self, counter: u64) -> Self {
        let (time, fraction) = self.moment(counter);
        Self {
            counter,
            time,
            fraction,
            drift: self.drift,
        }
    }

    /// The clock that is at `time` when the counter reads `counter`, and goes on as fast as this.
    ///
    /// # Errors
    ///
    /// If that is later than [`MAX_TIME`].
    pub const fn set(&self, counter: u64, time: u64) -> Result<Self, OutOfRange> {
        if time > MAX_TIME {
            return Err(OutOfRange);
        }
        Ok(Self {
            counter,
            time,
            fraction: 0,
            drift: self.drift,
        })
    }

    /// The clock that is ahead of this by `delta` nanoseconds.
    ///
    /// # Errors
    ///
    /// If it were before 1970, or later than [`MAX_TIME`], when the counter reads `counter`.
    pub const fn shifted(&self, counter: u64, delta: i64) -> Result<Self, OutOfRange> {
        let now = self.at(counter);
        match now.time.checked_add_signed(delta) {
            Some(time) if time <= MAX_TIME => Ok(Self { time, ..now }),
            _ => Err(OutOfRange),
        }
    }

    /// The clock that is with this when the counter reads `counter`, and from there on faster than the
    /// counter by `scaled_ppm` parts per million, of which the last 16 bits are a fraction; slower if
    /// that is negative.
    ///
    /// # Errors
    ///
    /// If that is more than [`MAX_ADJUSTMENT`].
    pub const fn adjusted(&self, counter: u64, scaled_ppm: i64) -> Result<Self, OutOfRange> {
        if scaled_ppm < -MAX_SCALED_PPM || scaled_ppm > MAX_SCALED_PPM {
            return Err(OutOfRange);
        }
        // CAST: Below 2^62, as the factors are below 2^34 and 2^61.
        let drift = ((scaled_ppm as i128).wrapping_mul(SCALED_PPM) >> 32) as i64;
        Ok(Self {
            drift,
            ..self.at(counter)
        })
    }
}

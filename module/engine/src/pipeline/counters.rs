// SPDX-License-Identifier: GPL-2.0

//! What the programs of a receive queue have said so far.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::exec::{TcVerdict, XdpVerdict};
use crate::fault::FaultCause;

/// A counter that one queue advances and anyone reads: two who count at once lose counts, and nothing
/// else.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    #[inline]
    pub(crate) fn add(&self, amount: u64) {
        // A locked operation for each frame would cost more than the rest of the counting.
        self.0
            .store(self.get().wrapping_add(amount), Ordering::Relaxed);
    }

    /// Its value.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What offloaded programs decided about the frames of a receive queue, by `VERDICTS` verdicts. Wrap
/// around at 2^64.
pub(super) struct ByVerdict<const VERDICTS: usize> {
    packets: [Counter; VERDICTS],
    bytes: [Counter; VERDICTS],
    faults: [Counter; FaultCause::ALL.len()],
}

impl<const VERDICTS: usize> Default for ByVerdict<VERDICTS> {
    fn default() -> Self {
        Self {
            packets: [const { Counter::new() }; VERDICTS],
            bytes: [const { Counter::new() }; VERDICTS],
            faults: Default::default(),
        }
    }
}

impl<const VERDICTS: usize> ByVerdict<VERDICTS> {
    #[inline]
    pub(super) fn count(&self, verdict: usize, bytes: usize) {
        if let (Some(packets), Some(total)) = (self.packets.get(verdict), self.bytes.get(verdict)) {
            packets.add(1);
            total.add(bytes as u64);
        }
    }

    pub(super) fn count_fault(&self, cause: FaultCause) {
        if let Some(faults) = self.faults.get(cause as usize) {
            faults.add(1);
        }
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident: $verdict:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Default)]
            pub struct $name(pub(super) ByVerdict<{ $verdict::ALL.len() }>);

            impl $name {
                /// Frames with verdict `verdict`.
                #[inline]
                pub fn packets(&self, verdict: $verdict) -> u64 {
                    self.0.packets.get(verdict as usize).map_or(0, Counter::get)
                }

                /// Bytes of the frames with verdict `verdict`, as their programs got them.
                pub fn bytes(&self, verdict: $verdict) -> u64 {
                    self.0.bytes.get(verdict as usize).map_or(0, Counter::get)
                }

                /// Frames whose program the device stopped because of `cause`.
                pub fn faults(&self, cause: FaultCause) -> u64 {
                    self.0.faults.get(cause as usize).map_or(0, Counter::get)
                }
            }
        )*
    };
}

counters! {
    /// What offloaded XDP programs decided about the frames of a receive queue. Frames whose program
    /// the device stopped count as aborted, too. Wrap around at 2^64.
    XdpCounters: XdpVerdict;
    /// What offloaded classifiers decided about the frames of a receive queue. Frames whose program
    /// the device stopped count as shot, too. Wrap around at 2^64.
    TcCounters: TcVerdict;
}

/// What programs have said so far, of one receive queue.
#[derive(Default)]
pub struct Counters {
    /// XDP programs.
    pub xdp: XdpCounters,
    /// Classifiers.
    pub tc: TcCounters,
}

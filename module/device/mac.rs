// SPDX-License-Identifier: GPL-2.0

//! What a MAC counts: what has left it, and what has come to it.
//!
//! A frame is counted once, as it gets on the cable. It is at the other end of it then: a cable is
//! memory of the receiving port, and loses nothing. So what a port has received is what the ports at the
//! other ends of its cables have sent while they were there, whatever becomes of it behind the MAC.

use engine::mac::{
    Burst,
    Counts, //
};
use net::stats::Counter;

/// What a MAC has sent of one origin.
pub struct Sent([Counter; Counts::NUMBER]);

impl Sent {
    pub(crate) const fn new() -> Self {
        Self([const { Counter::new() }; Counts::NUMBER])
    }

    /// Counts a burst. One context at a time: of two that count at once, counts are lost.
    #[inline]
    pub fn count(&self, burst: &Burst) {
        self.each(burst, Counter::add);
    }

    /// As [`Self::count`], of something that only this counts, which several contexts may do at once.
    #[inline]
    pub(crate) fn count_shared(&self, burst: &Burst) {
        self.each(burst, Counter::add_shared);
    }

    #[inline]
    fn each(&self, burst: &Burst, add: impl Fn(&Counter, u64)) {
        burst.each(|number, amount| {
            if let Some(counter) = self.0.get(number) {
                add(counter, amount);
            }
        });
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().map(Counter::get)
    }
}

/// What a MAC has received.
pub(crate) struct Meter {
    /// What had come when its cable was put in.
    before: Counts,
    /// What the port at the other end had sent by then.
    begun: Counts,
}

impl Meter {
    pub(crate) const fn new() -> Self {
        Self {
            before: Counts::ZERO,
            begun: Counts::ZERO,
        }
    }

    /// All that has come while there is no cable.
    pub(crate) fn before(&self) -> Counts {
        self.before
    }

    /// A cable was put in to a port that has `sent` this.
    pub(crate) fn begin(&mut self, sent: Counts) {
        self.begun = sent;
    }

    /// The cable was pulled out when the port at the other end had `sent` this.
    pub(crate) fn end(&mut self, sent: &Counts) {
        self.before = self.read(sent);
    }

    /// What has come, now that the port at the other end has `sent` this.
    pub(crate) fn read(&self, sent: &Counts) -> Counts {
        let mut all = self.before;
        all.add(sent.since(&self.begun).values());
        all
    }
}

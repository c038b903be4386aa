// SPDX-License-Identifier: GPL-2.0

//! A port gets what puts frames together when that is wanted for the first time.

use crate::{
    coalesce::Coalescer,
    port::{
        Plugged,
        Port, //
    }, //
};
use kernel::{
    prelude::*,
    time::{
        delay::fsleep,
        Delta, //
    }, //
};
use net::sync::with_bh_disabled;

/// How long who waits for a poll leaves the processor to it.
const NAP: Delta = Delta::from_micros(100);

impl<H: Plugged> Port<H> {
    /// Has all queues ready to put frames together, which they stay. Process context; whoever changes the
    /// port has its lock.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; those that were made ready stay so, and nothing else has changed.
    pub fn prepare_coalescing(&self, host: &H) -> Result {
        for (rx, queue) in self.rx.iter().zip(0u16..) {
            let mut new = Some(KBox::new(Coalescer::new(&self.card.memory)?, GFP_KERNEL)?);
            // A poll, or a sender, may have what works on the queue now.
            let give = |new: &mut Option<KBox<Coalescer>>| {
                let work = rx.work.take(|| host.poll(queue));
                work.is_some_and(|mut work| {
                    if work.coalescer.is_none() {
                        work.coalescer = new.take();
                    }
                    true
                })
            };
            while !with_bh_disabled(|| give(&mut new)) {
                fsleep(NAP);
            }
        }
        Ok(())
    }
}

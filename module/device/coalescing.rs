// SPDX-License-Identifier: GPL-2.0

//! A port gets what puts frames together when that is wanted for the first time.

use crate::{
    coalesce::Coalescer,
    port::{
        Plugged,
        Port, //
    },
    queue::RxQueue,
    work::{
        Work,
        NAP, //
    }, //
};
use kernel::{
    prelude::*,
    time::delay::fsleep, //
};
use net::sync::with_bh_disabled;

impl<H: Plugged> Port<H> {
    /// Has all queues ready to put frames together, which they stay. Process context; whoever changes the
    /// port has its lock.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; those that were made ready stay so, and nothing else has changed.
    pub fn prepare_coalescing(&self, host: &H) -> Result {
        for (rx, queue) in self.rx.iter().zip(0u16..) {
            let work = |see: &mut dyn FnMut(&mut Work)| Self::work_of(host, rx, queue, see);
            let mut is_ready = false;
            work(&mut |work| is_ready = work.coalescer.is_some());
            if is_ready {
                continue;
            }
            let mut new = Some(KBox::new(Coalescer::new(&self.card.memory)?, GFP_KERNEL)?);
            work(&mut |work| work.coalescer = new.take());
        }
        Ok(())
    }

    /// Has `see` what works on the frames of queue `queue`, once. A poll, or a sender, may have that now.
    fn work_of(host: &H, rx: &RxQueue, queue: u16, see: &mut dyn FnMut(&mut Work)) {
        let mut seen = || {
            let work = rx.work.take(|| host.poll(queue));
            work.map(|mut work| see(&mut work))
        };
        while with_bh_disabled(&mut seen).is_none() {
            fsleep(NAP);
        }
    }
}

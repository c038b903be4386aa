// SPDX-License-Identifier: GPL-2.0

//! Another program for a port: when it is there, no frame is between it and the one before.

use crate::{
    port::{
        Plugged,
        Port, //
    },
    program::Program,
    work::NAP, //
};
use kernel::{
    prelude::*,
    sync::Arc,
    time::delay::fsleep, //
};
use net::sync::with_bh_disabled;

impl<H: Plugged> Port<H> {
    /// Has the device run `program` for each frame, and the host its own behind it unless
    /// `replaces_host`; gives what ran before. `host` is whose port this is. Process context.
    ///
    /// Each frame meets either what was there or `program`. On return no frame is in what was there
    /// any more, nor on its way from there to the host, and each sees `program`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then what was there stays.
    pub fn set_xdp(
        &self,
        host: &H,
        program: Arc<Program<H::Label>>,
        replaces_host: bool,
    ) -> Result<Option<Arc<Program<H::Label>>>> {
        let old = self.slots.set_xdp(program, replaces_host)?;
        self.settle(host);
        Ok(old)
    }

    /// Takes the XDP program away, and gives it. On return no frame is in it any more, nor on its way
    /// from there to the host. Process context.
    pub fn clear_xdp(&self, host: &H) -> Option<Arc<Program<H::Label>>> {
        let old = self.slots.clear_xdp();
        self.settle(host);
        old
    }

    /// Has the device run the classifier `program`; gives what ran before. Otherwise as
    /// [`Self::set_xdp`].
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then what was there stays.
    pub fn set_classifier(
        &self,
        host: &H,
        program: Arc<Program<H::Label>>,
        direct_action: bool,
    ) -> Result<Option<Arc<Program<H::Label>>>> {
        let old = self.slots.set_classifier(program, direct_action)?;
        self.settle(host);
        Ok(old)
    }

    /// Takes the classifier away, and gives it, with whether what it returned was the verdict.
    /// Otherwise as [`Self::clear_xdp`].
    pub fn clear_classifier(&self, host: &H) -> Option<(Arc<Program<H::Label>>, bool)> {
        let old = self.slots.clear_classifier();
        self.settle(host);
        old
    }

    /// Waits until all frames are with the host that are held now. Who holds others meanwhile has seen
    /// what is in the slots now.
    fn settle(&self, host: &H) {
        for (rx, queue) in self.rx.iter().zip(0u16..) {
            // Of one that works on the queue now it is not known whether it has begun with what is held.
            let held = || rx.work.take(|| host.poll(queue)).map(|work| work.held_as());
            let mut before = None;
            while self.is_up() {
                match with_bh_disabled(held) {
                    Some(None) => break,
                    Some(Some(number)) if *before.get_or_insert(number) != number => break,
                    // However long the user wants its interrupt deferred.
                    Some(Some(_)) => with_bh_disabled(|| host.poll(queue)),
                    None => {}
                }
                fsleep(NAP);
            }
        }
    }
}

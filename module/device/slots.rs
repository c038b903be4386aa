// SPDX-License-Identifier: GPL-2.0

//! The slots of a port: which program the device runs for each received frame.
//!
//! Frames read them under RCU. Who changes one has the host's lock for that, so that two changes
//! never meet; what is in a slot is replaced as a whole.

use crate::{
    map::MapRef,
    memory::KernelMemory,
    program::{
        Program,
        Slotted,
        StoredProgram, //
    },
    rules::AskedSlot, //
};
use engine::pipeline::Running;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::rcu;

/// The XDP program of a port.
struct ActiveXdp<L> {
    program: Slotted<L>,
    replaces_host: bool,
}

/// The classifier of a port.
struct ActiveClassifier<L> {
    program: Slotted<L>,
    direct_action: bool,
}

/// What the device runs for a frame.
pub(crate) struct Active<'a, L> {
    /// The program.
    pub(crate) running: Running<'a, KernelMemory, MapRef>,
    /// Its place in the program store.
    pub(crate) stored: Option<&'a StoredProgram<L>>,
    /// Whether the host does not run its own XDP program for the frames that this one has seen.
    pub(crate) replaces_host: bool,
}

/// The slots of a port. One of the first two is empty: who fills one has made sure of that.
pub struct Slots<L: Send + Sync> {
    xdp: rcu::Slot<ActiveXdp<L>>,
    classifier: rcu::Slot<ActiveClassifier<L>>,
    /// What is asked which frames are put together.
    pub gro: AskedSlot<L>,
    /// What is asked for the headers of segments of what the port sends.
    pub gso: AskedSlot<L>,
}

impl<L: Send + Sync> Slots<L> {
    pub(crate) const fn empty() -> Self {
        Self {
            xdp: rcu::Slot::empty(),
            classifier: rcu::Slot::empty(),
            gro: AskedSlot::empty(),
            gso: AskedSlot::empty(),
        }
    }

    /// What the device runs for the frame at hand, for as long as `guard` is held.
    #[inline]
    pub(crate) fn active<'a>(&'a self, guard: &'a rcu::Guard) -> Active<'a, L> {
        if let Some(active) = self.xdp.load(guard) {
            Active {
                running: Running::Xdp(active.program.engine()),
                stored: Some(active.program.stored()),
                replaces_host: active.replaces_host,
            }
        } else if let Some(active) = self.classifier.load(guard) {
            Active {
                running: Running::Classifier {
                    program: active.program.engine(),
                    returns_class: !active.direct_action,
                },
                stored: Some(active.program.stored()),
                replaces_host: false,
            }
        } else {
            Active {
                running: Running::Nothing,
                stored: None,
                replaces_host: false,
            }
        }
    }

    /// The XDP program that runs, and whether it replaces the host's.
    pub fn xdp(&self) -> Option<(Arc<Program<L>>, bool)> {
        let guard = rcu::Guard::new();
        let active = self.xdp.load(&guard)?;
        Some((active.program.clone(), active.replaces_host))
    }

    /// The classifier that runs, and whether what it returns is the verdict.
    pub fn classifier(&self) -> Option<(Arc<Program<L>>, bool)> {
        let guard = rcu::Guard::new();
        let active = self.classifier.load(&guard)?;
        Some((active.program.clone(), active.direct_action))
    }

    /// Has the device run `program` for each frame, and the host its own behind it unless
    /// `replaces_host`; gives what ran before. Process context.
    ///
    /// Each frame meets either what was there or `program`. On return no frame is in what was there
    /// any more, and each sees `program`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then what was there stays.
    pub(crate) fn set_xdp(
        &self,
        program: Arc<Program<L>>,
        replaces_host: bool,
    ) -> Result<Option<Arc<Program<L>>>> {
        let active = ActiveXdp {
            program: Slotted::new(program),
            replaces_host,
        };
        let old = self.xdp.publish(Some(Arc::new(active, GFP_KERNEL)?));
        Ok(old.map(|old| old.program.clone()))
    }

    /// Takes the XDP program away, and gives it. On return no frame is in it any more. Process
    /// context.
    pub(crate) fn clear_xdp(&self) -> Option<Arc<Program<L>>> {
        self.xdp.publish(None).map(|old| old.program.clone())
    }

    /// Has the device run the classifier `program`; gives what ran before. Process context.
    ///
    /// Each frame meets either the old one or the new one. On return no frame is in the old one any
    /// more.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then what was there stays.
    pub(crate) fn set_classifier(
        &self,
        program: Arc<Program<L>>,
        direct_action: bool,
    ) -> Result<Option<Arc<Program<L>>>> {
        let active = ActiveClassifier {
            program: Slotted::new(program),
            direct_action,
        };
        let old = self.classifier.replace(Some(Arc::new(active, GFP_KERNEL)?));
        Ok(old.map(|old| old.program.clone()))
    }

    /// Takes the classifier away, and gives it, with whether what it returned was the verdict. On
    /// return no frame is in it any more. Process context.
    pub(crate) fn clear_classifier(&self) -> Option<(Arc<Program<L>>, bool)> {
        let old = self.classifier.replace(None)?;
        Some((old.program.clone(), old.direct_action))
    }

    /// Has what runs of `program`'s place in the program store run as `program` does. Process
    /// context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then some of it may run as before.
    pub(crate) fn swap_image(&self, program: &Arc<Program<L>>) -> Result {
        let is_same = |it: &StoredProgram<L>| core::ptr::eq(it, &**program.stored());
        if let Some((active, replaces_host)) = self.xdp() {
            if is_same(active.stored()) {
                self.set_xdp(program.clone(), replaces_host)?;
            }
        }
        if let Some((active, direct_action)) = self.classifier() {
            if is_same(active.stored()) {
                self.set_classifier(program.clone(), direct_action)?;
            }
        }
        self.gro.swap_image(program)?;
        self.gso.swap_image(program)
    }
}

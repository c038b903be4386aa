// SPDX-License-Identifier: GPL-2.0

//! The card as `bpf()` reaches it: where programs are loaded and maps are made.

use super::refusals::Refusals;
use crate::port::{
    Asic,
    DeviceSwitches, //
};
use core::{
    fmt,
    sync::atomic::AtomicU32, //
};
use kernel::{
    debugfs::Dir,
    prelude::*,
    sync::Arc, //
};
use net::devlink::Reporter;

/// What programs and maps of a NIC are loaded into.
pub(crate) struct Store {
    pub(super) asic: Asic,
    /// What tests have it refuse.
    pub(super) switches: DeviceSwitches,
    /// The programs, for people to look at.
    pub(super) programs: BoundPrograms,
    /// What it refused.
    pub(super) refusals: Arc<Reporter<Refusals>>,
}

impl Store {
    /// Of the card behind `asic`, whose programs people find in `programs`.
    pub(super) fn new(asic: Asic, programs: BoundPrograms) -> Result<Self> {
        let refusals = Refusals::new(asic.card.memory.clone())?;
        Ok(Self {
            asic,
            switches: DeviceSwitches::new(),
            programs,
            refusals: Reporter::new(refusals)?,
        })
    }

    /// Tells the kernel log and `devlink health` that the device refused `what`, for requests that
    /// have no better place for the reason. Process context.
    pub(super) fn log_refusal(&self, what: fmt::Arguments<'_>, reason: &dyn fmt::Display) {
        if net::log::ratelimit() {
            pr_warn!(
                "offload_nic{}: {} refused: {}; {}\n",
                self.asic.nic,
                what,
                format_args!("{reason}"),
                format_args!("{}", self.asic.card.memory)
            );
        }
        self.refusals.report().set(what, reason);
        self.refusals.note();
    }
}

/// The directory of a NIC's programs, `bpf_bound_progs`.
pub(crate) struct BoundPrograms {
    pub(super) dir: Dir,
    /// The name of the next one: a program has no number yet when it comes.
    pub(super) next: AtomicU32,
}

impl BoundPrograms {
    /// In the directory `nic` of a NIC.
    pub(super) fn new(nic: &Dir) -> Self {
        Self {
            dir: nic.subdir(c"bpf_bound_progs"),
            next: AtomicU32::new(0),
        }
    }
}

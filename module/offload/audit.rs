// SPDX-License-Identifier: GPL-2.0

//! Audits: of some of what a device does, whether the kernel would do the same.

use core::sync::atomic::{
    AtomicBool,
    AtomicU32,
    AtomicU64,
    Ordering, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    netdev::Rtnl,
    rcu, //
};

/// Of what the kernel is asked as well, and what has come of it. A `D` is what they do not agree on.
pub struct Audit<D: Send + Sync> {
    /// Of so many one is looked at; 0 for none. Written under RTNL, as the next one.
    one_in: AtomicU32,
    /// Whether a difference ends the permission.
    ends_permission: AtomicBool,
    /// Whether one has. Set by polls, and cleared under RTNL.
    has_ended: AtomicBool,
    /// What has gone by.
    passed: AtomicU32,
    audited: AtomicU64,
    left_out: AtomicU64,
    different: AtomicU64,
    /// The first one that they do not agree on. Filled by polls, and emptied under RTNL.
    first: rcu::Slot<D>,
}

impl<D: Send + Sync> Default for Audit<D> {
    fn default() -> Self {
        Self {
            one_in: AtomicU32::new(0),
            ends_permission: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            passed: AtomicU32::new(0),
            audited: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
            different: AtomicU64::new(0),
            first: rcu::Slot::empty(),
        }
    }
}

/// What was counted, and how the audit is set.
#[derive(Clone, Copy)]
pub(crate) struct Told {
    pub(crate) one_in: u32,
    pub(crate) ends_permission: bool,
    pub(crate) has_ended: bool,
    pub(crate) audited: u64,
    pub(crate) left_out: u64,
    pub(crate) different: u64,
}

impl<D: Send + Sync> Audit<D> {
    /// Begins anew: of `one_in` one is looked at, or none for 0, and a difference ends the permission or does
    /// not.
    pub(crate) fn set(&self, one_in: u32, ends_permission: bool, _rtnl: &Rtnl<'_>) {
        self.one_in.store(0, Ordering::Relaxed);
        // No poll is at it any more.
        rcu::synchronize_net();
        self.first.replace(None);
        for count in [&self.audited, &self.left_out, &self.different] {
            count.store(0, Ordering::Relaxed);
        }
        self.passed.store(0, Ordering::Relaxed);
        self.has_ended.store(false, Ordering::Relaxed);
        self.ends_permission
            .store(ends_permission, Ordering::Relaxed);
        self.one_in.store(one_in, Ordering::Relaxed);
    }

    /// What there is to tell.
    pub(crate) fn told(&self, _rtnl: &Rtnl<'_>) -> Told {
        Told {
            one_in: self.one_in.load(Ordering::Relaxed),
            ends_permission: self.ends_permission.load(Ordering::Relaxed),
            has_ended: self.has_ended(),
            audited: self.audited.load(Ordering::Relaxed),
            left_out: self.left_out.load(Ordering::Relaxed),
            different: self.different.load(Ordering::Relaxed),
        }
    }

    /// The first one that they do not agree on.
    pub(crate) fn first(&self) -> Option<Arc<D>> {
        self.first.load_arc(&rcu::Guard::new())
    }

    /// Whether a difference has ended the permission. Any context.
    #[inline]
    pub fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    /// Whether anything is looked at. Any context.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.one_in.load(Ordering::Relaxed) != 0
    }

    /// Whether the one that goes by is one to be looked at. Context: softirq, several at once.
    #[inline]
    pub fn is_due(&self) -> bool {
        let one_in = self.one_in.load(Ordering::Relaxed);
        one_in != 0 && self.counts_off(one_in)
    }

    #[cold]
    fn counts_off(&self, one_in: u32) -> bool {
        let passed = self.passed.fetch_add(1, Ordering::Relaxed);
        passed.checked_rem(one_in) == Some(0)
    }

    /// Counts one that both have looked at. Context, as of the two below: softirq, in the read side of RCU
    /// since it was asked whether the audit is on.
    pub(crate) fn count_audited(&self) {
        self.audited.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one that was to be looked at, and on which there is nothing to agree.
    pub(crate) fn count_left_out(&self) {
        self.left_out.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one that they do not agree on, of which `keep` makes what is kept if it is the first.
    pub(crate) fn count_different(&self, keep: impl FnOnce() -> Result<Arc<D>>) {
        if self.different.fetch_add(1, Ordering::Relaxed) == 0 {
            if let Ok(difference) = keep() {
                // Who was first has it.
                let _ = self.first.fill(difference);
            }
        }
        if self.ends_permission.load(Ordering::Relaxed) {
            self.has_ended.store(true, Ordering::Relaxed);
        }
    }
}

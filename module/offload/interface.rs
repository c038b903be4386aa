// SPDX-License-Identifier: GPL-2.0

//! What is kept of an interface.

use crate::{
    audit::Audit,
    compare::Comparison,
    gro_audit::GroAudit,
    parser_audit::Difference,
    Policy,
    Verdict, //
};
use core::sync::atomic::{
    AtomicU32,
    AtomicU64,
    Ordering, //
};
use kernel::{
    prelude::*,
    str::CString, //
};
use net::netdev::Rtnl;

/// Which device it is.
pub struct DeviceName {
    /// The driver's name.
    pub driver: &'static CStr,
    /// Name of the bus that the device is on.
    pub bus: &'static CStr,
    /// Its name there.
    pub name: CString,
}

/// The policy of an interface, and what has happened at it. A port of a driver has one.
pub struct Interface {
    pub(crate) device: DeviceName,
    /// A number of a [`Policy`]. Written under RTNL.
    policy: AtomicU32,
    /// Whether its parser finds what the kernel does.
    pub audit: Audit<Difference>,
    /// Whether what it puts together of several frames is cut into these again.
    pub gro_audit: GroAudit,
    pub(crate) statistics: Statistics,
}

impl Interface {
    /// An interface of the device of that name, with the policy [`Policy::Report`].
    pub fn new(device: DeviceName) -> Self {
        Self {
            device,
            policy: AtomicU32::new(Policy::Report.raw()),
            audit: Audit::default(),
            gro_audit: GroAudit::default(),
            statistics: Statistics::default(),
        }
    }

    /// What the comparison is for.
    pub fn policy(&self, _rtnl: &Rtnl<'_>) -> Policy {
        self.current_policy()
    }

    /// The policy at this moment: another one may be made its policy right now. Any context.
    #[inline]
    pub fn current_policy(&self) -> Policy {
        Policy::from_raw(self.policy.load(Ordering::Relaxed)).unwrap_or(Policy::Report)
    }

    pub(crate) fn store_policy(&self, policy: Policy, _rtnl: &Rtnl<'_>) {
        self.policy.store(policy.raw(), Ordering::Relaxed);
    }

    /// Whether both are interfaces of one device.
    pub(crate) fn shares_device_with(&self, other: &Self) -> bool {
        let (one, other) = (&self.device, &other.device);
        one.bus.to_bytes() == other.bus.to_bytes() && one.name.to_bytes() == other.name.to_bytes()
    }
}

/// Counts under RTNL.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add_one(&self, _rtnl: &Rtnl<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What has happened at an interface.
#[derive(Default)]
pub(crate) struct Statistics {
    pub(crate) comparisons: Count,
    pub(crate) mismatches: Count,
    pub(crate) faults: Count,
    pub(crate) refusals: Count,
    pub(crate) activations: Count,
    pub(crate) removals: Count,
}

impl Statistics {
    /// Counts `comparison`, if it has compared two programs.
    pub(crate) fn compared(&self, comparison: &Comparison, rtnl: &Rtnl<'_>) {
        match comparison.verdict {
            Verdict::Equal => self.comparisons.add_one(rtnl),
            Verdict::Different => {
                self.comparisons.add_one(rtnl);
                self.mismatches.add_one(rtnl);
            }
            _ => {}
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Switches by which tests make a port refuse what it could do, or take what it could not.

use core::sync::atomic::AtomicBool;

/// The switches of one port. Under RTNL they are read; anyone may throw them at any time.
pub(crate) struct TestSwitches {
    /// Whether filters are taken at all.
    pub(crate) bpf_tc_accept: AtomicBool,
    /// Whether filters are taken whose programs were loaded for the host. The device does not run
    /// them; the host still does.
    pub(crate) bpf_tc_non_bound_accept: AtomicBool,
}

impl TestSwitches {
    /// As they are unless somebody throws one.
    pub(crate) const fn new() -> Self {
        Self {
            bpf_tc_accept: AtomicBool::new(true),
            bpf_tc_non_bound_accept: AtomicBool::new(false),
        }
    }
}

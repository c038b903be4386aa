// SPDX-License-Identifier: GPL-2.0

//! Switches by which tests make a device or a port refuse what it could do, or take what it could
//! not. They are files in debugfs, of the names and with the defaults that users of `netdevsim` know.

use core::sync::atomic::{
    AtomicBool,
    AtomicU32, //
};

/// The switches of one device. Anyone may throw them at any time.
pub(crate) struct DeviceSwitches {
    /// Whether programs are taken into the program store at all.
    pub(crate) bpf_bind_accept: AtomicBool,
    /// Milliseconds for which the verifier waits before the first instruction.
    pub(crate) bpf_bind_verifier_delay: AtomicU32,
    /// Whether programs get past their last instruction.
    pub(crate) bpf_bind_verifier_accept: AtomicBool,
}

impl DeviceSwitches {
    /// As they are unless somebody throws one.
    pub(crate) const fn new() -> Self {
        Self {
            bpf_bind_accept: AtomicBool::new(true),
            bpf_bind_verifier_delay: AtomicU32::new(0),
            bpf_bind_verifier_accept: AtomicBool::new(true),
        }
    }
}

/// The switches of one port. Under RTNL they are read; anyone may throw them at any time.
pub(crate) struct TestSwitches {
    /// Whether filters are taken at all.
    pub(crate) bpf_tc_accept: AtomicBool,
    /// Whether filters are taken whose programs were loaded for the host. The device does not run
    /// them; the host still does.
    pub(crate) bpf_tc_non_bound_accept: AtomicBool,
    /// Whether programs may be attached to the driver (`xdpdrv`).
    pub(crate) bpf_xdpdrv_accept: AtomicBool,
    /// Whether programs may be attached to the device (`xdpoffload`).
    pub(crate) bpf_xdpoffload_accept: AtomicBool,
    /// Whether maps may be made through this port.
    pub(crate) bpf_map_accept: AtomicBool,
}

impl TestSwitches {
    /// As they are unless somebody throws one.
    pub(crate) const fn new() -> Self {
        Self {
            bpf_tc_accept: AtomicBool::new(true),
            bpf_tc_non_bound_accept: AtomicBool::new(false),
            bpf_xdpdrv_accept: AtomicBool::new(true),
            bpf_xdpoffload_accept: AtomicBool::new(true),
            bpf_map_accept: AtomicBool::new(true),
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The tables of callbacks that the stack gets for a driver's port type.

use crate::bindings;
use core::marker::PhantomData;
use kernel::{
    fmt,
    prelude::*, //
};

/// What the ports of type `T` can do for the stack.
///
/// [`Table::base`] has what every net device does. Each other concern is a trait that the port type
/// implements, and a method here that takes its callbacks in: what a driver does not have, it neither
/// implements nor names.
pub struct Table<T> {
    pub(crate) netdev: bindings::net_device_ops,
    pub(crate) ethtool: bindings::ethtool_ops,
    /// The bit fields at the beginning of `ethtool`.
    pub(super) ethtool_bits: u16,
    pub(crate) stat: bindings::netdev_stat_ops,
    /// What users may switch beside the features of the [`Config`](super::Config).
    pub(crate) hw_features: bindings::netdev_features_t,
    /// Whether the port has a filter for unicast addresses.
    pub(super) filters_unicast: bool,
    pub(crate) xdp_features: u32,
    /// Whether programs can ask for what the device says of a frame.
    pub(crate) has_xdp_metadata: bool,
    /// Whether AF_XDP sockets are told that they may ask for checksums.
    pub(crate) has_socket_checksums: bool,
    /// Runs in `ndo_init`.
    pub(crate) init: Option<Init>,
    /// Runs in `ndo_uninit`, if `init` has succeeded.
    pub(crate) uninit: Option<Uninit>,
    /// Visits the counters that `ethtool -S` shows.
    pub(crate) visit_statistics: Option<Visit<T>>,
    /// What users call the private flags.
    pub(crate) private_flags: &'static [&'static str],
    pub(super) _port: PhantomData<fn(T)>,
}

impl<T> Table<T> {
    /// Sets `bits` of `ethtool`'s bit fields too.
    pub(crate) const fn with_ethtool_bits(mut self, bits: u16) -> Self {
        self.ethtool_bits |= bits;
        // The functions that bindgen has for this can't be called for a constant.
        self.ethtool._bitfield_1 =
            bindings::__BindgenBitfieldUnit::new(self.ethtool_bits.to_ne_bytes());
        self
    }
}

/// Gives a visitor the name and the value of each counter of a port.
pub(crate) type Visit<T> = fn(&T, &mut dyn FnMut(fmt::Arguments<'_>, u64));

/// To be called with RTNL held, for the net device of a port of the table's type that is being
/// registered.
pub(crate) type Init = unsafe fn(*mut bindings::net_device) -> Result;

/// To be called with RTNL held, for the net device of a registered port of the table's type.
pub(crate) type Uninit = unsafe fn(*mut bindings::net_device);

// SPDX-License-Identifier: GPL-2.0

//! What the private memory of a net device holds.

use crate::bindings;
use core::{
    cell::Cell,
    ffi::c_void, //
};

/// The private memory of a net device whose port is a `T`.
///
/// # Invariants
///
/// While the net device is registered, `port` and `device`, a [`Device<T>`](super::Device) that is the
/// port's, are valid. RTNL guards `offload` and `indirection_size`.
pub(crate) struct Private<T> {
    pub(super) port: *const T,
    pub(super) device: *const c_void,
    /// How many counters `ethtool -S` shows: what the stack's buffers are made for.
    pub(crate) statistics: usize,
    /// The last answer to how long the indirection table is: what the stack's buffers are made for.
    pub(crate) indirection_size: Cell<u32>,
    /// What the offload of BPF programs keeps from `ndo_init` to `ndo_uninit`.
    pub(crate) offload: Cell<*const c_void>,
}

/// The private memory of a net device.
///
/// # Safety
///
/// `dev` must be the net device of a port of type `T` that is registered, or is being registered, and
/// stay so for all of the lifetime that is chosen.
#[inline]
pub(crate) unsafe fn private<'a, T>(dev: *mut bindings::net_device) -> &'a Private<T> {
    // SAFETY: By the function's contract; `Registration` writes it before it registers the device.
    unsafe { &*(&raw const (*dev).priv_).cast::<Private<T>>() }
}

/// The port behind a net device.
///
/// # Safety
///
/// As for [`private`].
#[inline]
pub(crate) unsafe fn port<'a, T>(dev: *mut bindings::net_device) -> &'a T {
    // SAFETY: By the invariants of `Private`.
    unsafe { &*private::<T>(dev).port }
}

// SPDX-License-Identifier: GPL-2.0

//! Network namespaces.
//!
//! C header: [`include/net/net_namespace.h`](srctree/include/net/net_namespace.h)

use crate::{
    bindings,
    netdev::{
        NetDevice,
        Rtnl, //
    }, //
};
use core::ptr::NonNull;
use kernel::{
    error::from_err_ptr,
    prelude::*, //
};

/// A reference to a network namespace.
///
/// # Invariants
///
/// The namespace is valid, and a reference to it is held.
pub struct NetNamespace(NonNull<bindings::net>);

// SAFETY: A namespace may be used by any task; references are counted atomically.
unsafe impl Send for NetNamespace {}
// SAFETY: As above.
unsafe impl Sync for NetNamespace {}

impl NetNamespace {
    /// The namespace of the calling task.
    pub fn current() -> Self {
        // SAFETY: The namespace of a task that runs is never null and gets a reference more.
        // INVARIANT: As just said.
        unsafe {
            Self(NonNull::new_unchecked(
                bindings::offload_nic_get_current_net(),
            ))
        }
    }

    /// The namespace that the calling task's file descriptor `fd` stands for.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it does not stand for a network namespace, `EBADF` if there is no such descriptor.
    pub fn from_fd(fd: i32) -> Result<Self> {
        // SAFETY: Process context; any number may be asked for.
        let net = from_err_ptr(unsafe { bindings::get_net_ns_by_fd(fd) })?;
        // INVARIANT: The function has taken a reference.
        Ok(Self(NonNull::new(net).ok_or(EINVAL)?))
    }

    /// Whether there is an interface of this index, of any driver.
    pub fn has_interface(&self, ifindex: u32, _rtnl: &Rtnl<'_>) -> bool {
        let Ok(ifindex) = i32::try_from(ifindex) else {
            return false;
        };
        // SAFETY: The namespace is valid, and RTNL is held.
        !unsafe { bindings::__dev_get_by_index(self.as_ptr(), ifindex) }.is_null()
    }

    /// Whether `device` is in this namespace.
    pub fn contains(&self, device: &NetDevice, _rtnl: &Rtnl<'_>) -> bool {
        // SAFETY: The device is valid, and RTNL keeps it from being moved.
        unsafe { bindings::offload_nic_dev_net(device.as_ptr()) == self.as_ptr() }
    }

    pub(crate) fn as_ptr(&self) -> *mut bindings::net {
        self.0.as_ptr()
    }
}

impl Drop for NetNamespace {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the reference is this value's.
        unsafe { bindings::offload_nic_put_net(self.0.as_ptr()) };
    }
}

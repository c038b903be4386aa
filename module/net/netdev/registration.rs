// SPDX-License-Identifier: GPL-2.0

//! A port's time as an interface.

use super::{
    operations::Operations,
    private::Private,
    table::Table, //
};
use crate::{
    bindings,
    netns::NetNamespace, //
};
use core::{
    cell::Cell,
    ptr::{
        null,
        null_mut,
        NonNull, //
    },
    sync::atomic::Ordering, //
};
use kernel::{
    error::to_result,
    prelude::*,
    sync::Arc, //
};

/// The registration of a port with the stack; dropping it takes the interface away (process context,
/// RTNL not held).
///
/// A port of a devlink instance is registered by
/// [`Locked::register_port`](crate::devlink::Locked::register_port) instead, and its registration is
/// the instance's.
///
/// # Invariants
///
/// `device` is `port`'s registered net device, whose private memory is a [`Private<T>`] for them.
pub struct Registration<T: Operations> {
    port: Arc<T>,
    device: NonNull<bindings::net_device>,
}

// SAFETY: A registration may be ended by any task.
unsafe impl<T: Operations> Send for Registration<T> {}
// SAFETY: A shared registration only gives access to the port, which is `Sync`.
unsafe impl<T: Operations> Sync for Registration<T> {}

impl<T: Operations> Registration<T> {
    const TABLE: &'static Table<T> = &T::TABLE;

    /// Registers the net device of `port` in the namespace `ns`. The interface can be used at once.
    ///
    /// Process context, RTNL not held.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the device is or was registered, else what `register_netdev` gives.
    pub fn new(port: Arc<T>, ns: &NetNamespace) -> Result<Self> {
        // SAFETY: There is no place; a reference to the namespace is held for the call.
        unsafe { Self::on_place(port, ns.as_ptr(), null_mut()) }
    }

    /// As [`Self::new`], on a port of devlink's.
    ///
    /// # Safety
    ///
    /// `net` must be a namespace that does not end during the call. `place` must be null or a
    /// registered port, and stay registered until the value is dropped, or the call fails.
    pub(crate) unsafe fn on_place(
        port: Arc<T>,
        net: *mut bindings::net,
        place: *mut bindings::devlink_port,
    ) -> Result<Self> {
        let device = port.device();
        if device.registered.swap(true, Ordering::Relaxed) {
            return Err(EBUSY);
        }
        let ptr = device.ptr;
        let private = Private {
            port: Arc::as_ptr(&port),
            device: core::ptr::from_ref(device).cast(),
            statistics: Self::TABLE.count_statistics(&port),
            indirection_size: Cell::new(0),
            offload: Cell::new(null()),
        };
        // SAFETY: The device is valid and its private memory has room for this. Nobody reads it
        // before `register_netdev`. `port` is kept until after `unregister_netdev`, and what it
        // lent, `device`, stays where it is as long. The namespace and the place are as the caller
        // promises. All tables live for ever, as does the code in them until the module is unloaded,
        // which needs all devices gone.
        let result = to_result(unsafe {
            bindings::offload_nic_netdev_priv(ptr.as_ptr())
                .cast::<Private<T>>()
                .write(private);
            bindings::offload_nic_dev_net_set(ptr.as_ptr(), net);
            let dev = ptr.as_ptr();
            (*dev).netdev_ops = &Self::TABLE.netdev;
            (*dev).ethtool_ops = &Self::TABLE.ethtool;
            (*dev).stat_ops = &Self::TABLE.stat;
            (*dev).hw_features |= Self::TABLE.hw_features;
            (*dev).xdp_features = Self::TABLE.xdp_features;
            if Self::TABLE.filters_unicast {
                bindings::offload_nic_set_unicast_filter(dev);
            }
            if Self::TABLE.has_xdp_metadata {
                (*dev).xdp_metadata_ops = &raw const bindings::offload_nic_xdp_metadata_ops;
            }
            if Self::TABLE.has_socket_checksums {
                (*dev).xsk_tx_metadata_ops = &raw const bindings::offload_nic_xsk_tx_metadata_ops;
            }
            (*dev).devlink_port = place;
            // The device is set up and was never registered: `registered` was clear.
            bindings::register_netdev(dev)
        });
        if let Err(error) = result {
            // SAFETY: The device is valid, not registered, and nobody else knows of it.
            unsafe { (*ptr.as_ptr()).devlink_port = null_mut() };
            return Err(error);
        }
        // INVARIANT: It is registered now.
        Ok(Self { port, device: ptr })
    }

    /// The registered port.
    pub fn port(&self) -> &Arc<T> {
        &self.port
    }
}

impl<T: Operations> Drop for Registration<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants, the device is registered. When the first call returns no
        // callback runs or will run, so that the port may be released, and nobody looks for the
        // place any more.
        unsafe {
            bindings::unregister_netdev(self.device.as_ptr());
            (*self.device.as_ptr()).devlink_port = null_mut();
        }
    }
}

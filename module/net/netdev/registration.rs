// SPDX-License-Identifier: GPL-2.0

//! A port's time as an interface.

use super::{
    Device,
    Operations, //
};
use crate::{
    bindings,
    devlink::{
        self,
        DevlinkPort, //
    },
};
use core::{
    ptr::NonNull,
    sync::atomic::Ordering, //
};
use kernel::{
    error::to_result,
    prelude::*,
    sync::Arc, //
};

/// What a net device's private memory holds.
pub(crate) struct Private<T: Operations> {
    /// How many counters `ethtool -S` shows: what the stack's buffers are made for.
    pub(crate) statistics: usize,
    pub(super) port: *const T,
    pub(super) device: *const Device<T>,
}

/// The registration of a port with the stack and with devlink.
///
/// [`Self::end`] takes both away. Dropping it takes the interface away alone, and leaves devlink with
/// a port that nobody can take away any more.
///
/// # Invariants
///
/// `device` is `port`'s registered net device, whose private pointer is `port`, on `place`.
pub struct Registration<T: Operations> {
    port: Arc<T>,
    device: NonNull<bindings::net_device>,
    place: Option<DevlinkPort>,
}

// SAFETY: A registration may be ended by any task.
unsafe impl<T: Operations> Send for Registration<T> {}
// SAFETY: A shared registration only gives access to the port, which is `Sync`.
unsafe impl<T: Operations> Sync for Registration<T> {}

impl<T: Operations> Registration<T> {
    /// Registers `port` as one of `devlink` and its net device in that instance's namespace. The
    /// interface can be used at once.
    ///
    /// Process context, RTNL not held.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the device is or was registered or its number is taken, else what
    /// `register_netdev` gives.
    pub fn new<D: devlink::Operations>(
        port: Arc<T>,
        devlink: &devlink::Locked<'_, D>,
    ) -> Result<Self> {
        let device = port.device();
        if device.registered.swap(true, Ordering::Relaxed) {
            return Err(EBUSY);
        }
        let ptr = device.ptr;
        let private = Private {
            statistics: crate::ethtool::count_statistics(&*port),
            port: Arc::as_ptr(&port),
            device,
        };
        // SAFETY: The device is valid.
        let place = DevlinkPort::new(unsafe { (*ptr.as_ptr()).dev_port }, devlink)?;
        // SAFETY: The device is valid and its private memory has room for this. Nobody reads it
        // before `register_netdev`. `port` is kept until after `unregister_netdev`, and what it
        // lent, `device`, stays where it is as long. `place` stays until after that, too. The
        // namespace can't end before devlink has moved the instance, which needs the lock.
        let result = to_result(unsafe {
            bindings::offload_nic_netdev_priv(ptr.as_ptr())
                .cast::<Private<T>>()
                .write(private);
            bindings::offload_nic_dev_net_set(
                ptr.as_ptr(),
                bindings::devlink_net(devlink.as_ptr()),
            );
            (*ptr.as_ptr()).devlink_port = place.as_ptr();
            // The device is set up and was never registered: `registered` was clear.
            bindings::register_netdev(ptr.as_ptr())
        });
        if let Err(error) = result {
            // SAFETY: The net device is not registered.
            unsafe { place.unregister(devlink) };
            return Err(error);
        }
        // INVARIANT: It is registered now.
        Ok(Self {
            port,
            device: ptr,
            place: Some(place),
        })
    }

    /// The registered port.
    pub fn port(&self) -> &Arc<T> {
        &self.port
    }

    /// Takes the interface away, and the port from `devlink`, where it was registered. Process
    /// context, RTNL not held.
    pub fn end<D: devlink::Operations>(mut self, devlink: &devlink::Locked<'_, D>) {
        let place = self.place.take();
        drop(self);
        if let Some(place) = place {
            // SAFETY: The net device that was on it is not registered any more.
            unsafe { place.unregister(devlink) };
        }
    }
}

impl<T: Operations> Drop for Registration<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants, the device is registered. When this returns no callback
        // runs or will run, so that the port may be released.
        unsafe { bindings::unregister_netdev(self.device.as_ptr()) };
    }
}

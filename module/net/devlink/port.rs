// SPDX-License-Identifier: GPL-2.0

//! A port of a devlink instance, with the net device that is on it.

use crate::{
    bindings,
    netdev::{
        Operations,
        Registration, //
    }, //
};
use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// A registered port, of the physical kind, and the registration of its net device.
///
/// It is kept by its instance and nobody else, so that neither of the two outlives the other, or the
/// instance.
///
/// # Invariants
///
/// `place` is registered with an instance, came from a `KBox`, and stays until the net device is
/// unregistered. The value is made and dropped with the lock of that instance held.
pub(super) struct Port<T: Operations> {
    registration: ManuallyDrop<Registration<T>>,
    place: Place,
}

/// Memory of a port as devlink has it.
type Place = NonNull<Opaque<bindings::devlink_port>>;

// SAFETY: A registration may be sent, and a port be taken away by any task that holds the lock.
unsafe impl<T: Operations> Send for Port<T> {}

impl<T: Operations> Port<T> {
    /// Registers `port` with `devlink`, under the number that its net device has, and the net device
    /// in the instance's namespace. Users see the port by the number behind, as counting from 1 is
    /// usual on a NIC's bracket: interface attribute `phys_port_name` is `p` and that number.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the device is or was registered or its number is taken, else what
    /// `register_netdev` gives; then nothing is registered.
    ///
    /// # Safety
    ///
    /// `devlink` must be a valid instance and its lock be held, now and when the value is dropped,
    /// which must be before the instance is freed.
    pub(super) unsafe fn new(port: Arc<T>, devlink: *mut bindings::devlink) -> Result<Self> {
        // SAFETY: By the function's contract.
        let place = unsafe { Self::register_place(port.device().number(), devlink) }?;
        // SAFETY: The place stays until the registration is dropped. The namespace can't end before
        // devlink has moved the instance, which needs the lock.
        let registration = unsafe {
            Registration::on_place(port, bindings::devlink_net(devlink), place.as_ref().get())
        };
        match registration {
            // INVARIANT: Both are registered; the rest is promised by the caller.
            Ok(registration) => Ok(Self {
                registration: ManuallyDrop::new(registration),
                place,
            }),
            Err(error) => {
                // SAFETY: Registered just now, and no net device is on it; the lock is held.
                unsafe { Self::unregister_place(place) };
                Err(error)
            }
        }
    }

    /// # Safety
    ///
    /// `devlink` must be a valid instance with its lock held.
    unsafe fn register_place(index: u16, devlink: *mut bindings::devlink) -> Result<Place> {
        let place = KBox::new(Opaque::new(pin_init::zeroed()), GFP_KERNEL)?;
        let mut attributes = bindings::devlink_port_attrs {
            flavour: bindings::devlink_port_flavour_DEVLINK_PORT_FLAVOUR_PHYSICAL,
            ..pin_init::zeroed()
        };
        attributes.__bindgen_anon_1.phys.port_number = u32::from(index) + 1;
        let place = NonNull::from(KBox::leak(place));
        // SAFETY: The port is new and zero; its instance's lock is held.
        let result = to_result(unsafe {
            let port: *mut bindings::devlink_port = place.as_ref().get();
            bindings::devlink_port_attrs_set(port, &attributes);
            bindings::devl_port_register_with_ops(
                devlink,
                port,
                u32::from(index),
                core::ptr::null(),
            )
        });
        if let Err(error) = result {
            // SAFETY: It is not registered, and came from a box just now.
            drop(unsafe { KBox::from_raw(place.as_ptr()) });
            return Err(error);
        }
        Ok(place)
    }

    /// # Safety
    ///
    /// `place` must be what [`Self::register_place`] gave, with no net device on it and the lock of
    /// its instance held. It is used up.
    unsafe fn unregister_place(place: Place) {
        // SAFETY: By the function's contract.
        unsafe {
            bindings::devl_port_unregister(place.as_ref().get());
            drop(KBox::from_raw(place.as_ptr()));
        }
    }

    /// What is on it.
    pub(super) fn port(&self) -> &Arc<T> {
        self.registration.port()
    }
}

impl<T: Operations> Drop for Port<T> {
    fn drop(&mut self) {
        // SAFETY: Not used again. By the type invariants the lock is held, and after the first call
        // no net device is on the place.
        unsafe {
            ManuallyDrop::drop(&mut self.registration);
            Self::unregister_place(self.place);
        }
    }
}

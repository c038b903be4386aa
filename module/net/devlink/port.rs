// SPDX-License-Identifier: GPL-2.0

//! A port of a devlink instance.

use super::{
    Locked,
    Operations, //
};
use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    prelude::*,
    types::Opaque, //
};

/// A registered port, of the physical kind.
///
/// It can only be taken away with the instance's lock held. One that is dropped stays, memory and
/// all.
///
/// # Invariants
///
/// The port is registered and came from a `KBox`.
pub(crate) struct DevlinkPort(NonNull<Opaque<bindings::devlink_port>>);

// SAFETY: A port may be used by any task; taking it away needs the lock.
unsafe impl Send for DevlinkPort {}
// SAFETY: As above.
unsafe impl Sync for DevlinkPort {}

impl DevlinkPort {
    /// Registers port `index`. Users see it by the number behind, as counting from 1 is usual on a
    /// NIC's bracket: interface attribute `phys_port_name` is `p` and that number.
    pub(crate) fn new<T: Operations>(index: u16, instance: &Locked<'_, T>) -> Result<Self> {
        let port = KBox::new(Opaque::new(pin_init::zeroed()), GFP_KERNEL)?;
        let port = NonNull::from(KBox::leak(port));
        let mut attributes = bindings::devlink_port_attrs {
            flavour: bindings::devlink_port_flavour_DEVLINK_PORT_FLAVOUR_PHYSICAL,
            ..pin_init::zeroed()
        };
        attributes.__bindgen_anon_1.phys.port_number = u32::from(index) + 1;
        // SAFETY: The port is new and zero; its instance's lock is held.
        let result = to_result(unsafe {
            let port: *mut bindings::devlink_port = port.as_ref().get();
            bindings::devlink_port_attrs_set(port, &attributes);
            bindings::devl_port_register_with_ops(
                instance.as_ptr(),
                port,
                u32::from(index),
                core::ptr::null(),
            )
        });
        // INVARIANT: On success it is registered.
        let this = Self(port);
        if let Err(error) = result {
            // SAFETY: It is not registered, and came from a box just now.
            drop(unsafe { KBox::from_raw(this.0.as_ptr()) });
            return Err(error);
        }
        Ok(this)
    }

    pub(crate) fn as_ptr(&self) -> *mut bindings::devlink_port {
        // SAFETY: By the type invariant it is valid.
        unsafe { self.0.as_ref() }.get()
    }

    /// Takes the port away. No net device may be on it any more.
    ///
    /// # Safety
    ///
    /// No registered net device may refer to the port.
    pub(crate) unsafe fn unregister<T: Operations>(self, instance: &Locked<'_, T>) {
        // SAFETY: A registered port, by the type invariant.
        if unsafe { (*self.as_ptr()).devlink } != instance.as_ptr() {
            // Not the lock that guards it.
            return;
        }
        // SAFETY: It is registered with the instance whose lock is held, and came from a box; no
        // net device refers to it.
        unsafe {
            bindings::devl_port_unregister(self.as_ptr());
            drop(KBox::from_raw(self.0.as_ptr()));
        }
    }
}

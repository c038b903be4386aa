// SPDX-License-Identifier: GPL-2.0

//! A device of a bus.

use super::{
    files,
    Bus,
    Operations, //
};
use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    container_of,
    device,
    error::to_result,
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// A device, and what stands behind it.
///
/// # Invariants
///
/// `bus` counts this device.
pub(super) struct Shell<T: Operations> {
    device: Opaque<bindings::device>,
    bus: NonNull<Bus<T>>,
    context: Arc<T::Device>,
}

impl<T: Operations> Shell<T> {
    /// What stands behind `device`.
    ///
    /// # Safety
    ///
    /// `device` must be one of a [`Bus<T>`], and somebody must hold it for `'a`.
    pub(super) unsafe fn context<'a>(device: *mut bindings::device) -> &'a T::Device {
        // SAFETY: `DeviceRegistration::new` alone makes devices of the bus, each in a shell.
        let shell = unsafe { &*container_of!(Opaque::cast_from(device), Self, device) };
        &shell.context
    }

    /// # Safety
    ///
    /// To be called by the driver core, when nobody holds the device any more.
    unsafe extern "C" fn release(device: *mut bindings::device) {
        // SAFETY: As in `context`.
        let shell = unsafe { container_of!(Opaque::cast_from(device), Self, device) }.cast_mut();
        // SAFETY: The shell came from a `KBox`, and nobody knows of it any more.
        let shell = unsafe { KBox::from_raw(shell) };
        let bus = shell.bus;
        drop(shell);
        // SAFETY: The bus stays as long as it counts a device, and it counts this one.
        unsafe { bus.as_ref() }.release();
    }
}

/// The registration of a device; dropping it takes the device away.
///
/// # Invariants
///
/// The device is registered, in a shell.
pub struct DeviceRegistration<T: Operations>(NonNull<Shell<T>>);

// SAFETY: A device may be used and taken away by any task; what is in the shell may be shared.
unsafe impl<T: Operations> Send for DeviceRegistration<T> {}
// SAFETY: As above.
unsafe impl<T: Operations> Sync for DeviceRegistration<T> {}

impl<T: Operations> DeviceRegistration<T> {
    /// Registers device number `id` of `bus`, with `context` behind it. Process context.
    ///
    /// # Errors
    ///
    /// `EEXIST` if there is one of that number, `ENOMEM`, `ENODEV` if the bus is going away or does
    /// not bind devices to its driver (`/sys/bus/NAME/drivers_autoprobe`).
    pub fn new(bus: &Bus<T>, id: u32, context: Arc<T::Device>) -> Result<Self> {
        bus.hold()?;
        // INVARIANT: Counted just now.
        let shell = Shell {
            device: Opaque::new(bindings::device {
                bus: bus.bus.get(),
                groups: files::device_groups::<T>().cast_mut(),
                release: Some(Shell::<T>::release),
                id,
                ..pin_init::zeroed()
            }),
            bus: NonNull::from(bus),
            context,
        };
        let shell = KBox::new(shell, GFP_KERNEL).inspect_err(|_| bus.release())?;
        let shell = NonNull::from(KBox::leak(shell));
        // SAFETY: The shell is valid; it is given back by `release` alone.
        let device = unsafe { shell.as_ref() }.device.get();
        // SAFETY: A new device, zero but for what was set; it stays where it is until its release.
        let result = to_result(unsafe { bindings::device_register(device) });
        if let Err(error) = result {
            // SAFETY: The one reference there is. Releases the shell.
            unsafe { bindings::put_device(device) };
            return Err(error);
        }
        // INVARIANT: It is registered.
        let registration = Self(shell);
        // SAFETY: A registered device.
        if unsafe { (*device).driver.is_null() } {
            return Err(ENODEV);
        }
        Ok(registration)
    }
}

impl<T: Operations> AsRef<device::Device> for DeviceRegistration<T> {
    fn as_ref(&self) -> &device::Device {
        // SAFETY: By the type invariant the device is valid as long as `self` is; the bindings of
        // the `kernel` crate describe the same C type.
        unsafe { device::Device::from_raw(self.0.as_ref().device.get().cast()) }
    }
}

impl<T: Operations> Drop for DeviceRegistration<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it is registered. Who is in one of its files is waited for.
        unsafe { bindings::device_unregister(self.0.as_ref().device.get()) };
    }
}

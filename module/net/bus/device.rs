// SPDX-License-Identifier: GPL-2.0

//! A device of a bus.

use super::{
    devices::Devices,
    files::{
        attribute,
        for_each_file,
        write,
        File,
        Groups,
        Owner,
        MOST, //
    },
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

/// What a driver does for a device of a bus.
pub trait DeviceOperations: Send + Sync + Sized + 'static {
    /// Its files, `/sys/bus/NAME/devices/NAMEn/*`, eight at most. They may be written to before
    /// [`DeviceRegistration::new`] has returned.
    const FILES: &'static [File<Self>];
}

/// A device, and what stands behind it.
///
/// # Invariants
///
/// `devices` counts this device.
struct Shell<D: DeviceOperations> {
    device: Opaque<bindings::device>,
    devices: NonNull<Devices>,
    context: Arc<D>,
}

impl<D: DeviceOperations> Shell<D> {
    /// # Safety
    ///
    /// To be called by the driver core, when nobody holds the device any more, which must lie in a
    /// `Self`.
    unsafe extern "C" fn release(device: *mut bindings::device) {
        // SAFETY: By the function's contract.
        let shell = unsafe { container_of!(Opaque::cast_from(device), Self, device) }.cast_mut();
        // SAFETY: The shell came from a `KBox`, and nobody knows of it any more.
        let shell = unsafe { KBox::from_raw(shell) };
        let devices = shell.devices;
        drop(shell);
        // SAFETY: The bus stays as long as it counts a device, and it counts this one.
        unsafe { devices.as_ref() }.release();
    }
}

/// The registration of a device; dropping it takes the device away.
///
/// # Invariants
///
/// The device is registered, in a shell.
pub struct DeviceRegistration<D: DeviceOperations>(NonNull<Shell<D>>);

// SAFETY: A device may be used and taken away by any task; what is in the shell may be shared.
unsafe impl<D: DeviceOperations> Send for DeviceRegistration<D> {}
// SAFETY: As above.
unsafe impl<D: DeviceOperations> Sync for DeviceRegistration<D> {}

impl<D: DeviceOperations> DeviceRegistration<D> {
    /// Registers device number `id` of a bus, one of its `devices`, with `context` behind it. Process
    /// context.
    ///
    /// # Errors
    ///
    /// `EEXIST` if there is one of that number, `ENOMEM`, `ENODEV` if the bus is going away or does
    /// not bind devices to its driver (`/sys/bus/NAME/drivers_autoprobe`).
    pub fn new(devices: &Devices, id: u32, context: Arc<D>) -> Result<Self> {
        devices.hold()?;
        // INVARIANT: Counted just now.
        let shell = Shell {
            device: Opaque::new(bindings::device {
                bus: devices.bus(),
                groups: Groups::<Shell<D>>::ALL.as_ptr().cast_mut(),
                release: Some(Shell::<D>::release),
                id,
                ..pin_init::zeroed()
            }),
            devices: NonNull::from(devices),
            context,
        };
        let shell = KBox::new(shell, GFP_KERNEL).inspect_err(|_| devices.release())?;
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

impl<D: DeviceOperations> AsRef<device::Device> for DeviceRegistration<D> {
    fn as_ref(&self) -> &device::Device {
        // SAFETY: By the type invariant the device is valid as long as `self` is; the bindings of
        // the `kernel` crate describe the same C type.
        unsafe { device::Device::from_raw(self.0.as_ref().device.get().cast()) }
    }
}

impl<D: DeviceOperations> Drop for DeviceRegistration<D> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it is registered. Who is in one of its files is waited for.
        unsafe { bindings::device_unregister(self.0.as_ref().device.get()) };
    }
}

impl<D: DeviceOperations> Shell<D> {
    /// # Safety
    ///
    /// To be called by the driver core, for file `INDEX` of a device in a `Self`.
    unsafe extern "C" fn store<const INDEX: usize>(
        device: *mut bindings::device,
        _attribute: *mut bindings::device_attribute,
        text: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: By the function's contract; a device stays as long as somebody is in its files. The
        // text is as promised.
        unsafe {
            let shell = &*container_of!(Opaque::cast_from(device), Self, device);
            write::<Self>(INDEX, &shell.context, text, count)
        }
    }
}

impl<D: DeviceOperations> Owner for Shell<D> {
    type Context = D;
    type Attribute = bindings::device_attribute;

    const FILES: &'static [File<D>] = D::FILES;
    const ATTRIBUTES: &'static [bindings::device_attribute; MOST] = &{
        type Store = unsafe extern "C" fn(
            *mut bindings::device,
            *mut bindings::device_attribute,
            *const c_char,
            usize,
        ) -> isize;
        let stores: [Store; MOST] = for_each_file!(Self::store);
        let mut attributes = [const { pin_init::zeroed::<bindings::device_attribute>() }; MOST];
        let mut index = 0;
        while index < D::FILES.len() {
            attributes[index].attr = attribute(D::FILES[index].name);
            attributes[index].__bindgen_anon_2 = bindings::device_attribute__bindgen_ty_2 {
                store: Some(stores[index]),
            };
            index += 1;
        }
        attributes
    };
}

// SPDX-License-Identifier: GPL-2.0

//! A device of a bus.

use super::{
    devices::Devices,
    files::{
        attribute,
        group,
        store,
        MOST, //
    },
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::{
        from_ref,
        null,
        NonNull, //
    }, //
};
use kernel::{
    container_of,
    device,
    error::to_result,
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// A file of a device, `/sys/bus/NAME/devices/NAMEn/*`. Root may write to it, and nobody read it.
pub struct DeviceFile<D> {
    /// Its name.
    pub name: &'static CStr,
    /// Serves what is written: text, without the blanks and the line end around it. Process context,
    /// several at once, and before [`DeviceRegistration::new`] has returned.
    pub write: fn(&D, &str) -> Result,
}

/// What a driver does for a device of a bus.
pub trait DeviceOperations: Send + Sync + Sized + 'static {
    /// The device's files, eight at most.
    const FILES: &'static [DeviceFile<Self>];
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
                groups: Files::<D>::GROUPS.as_ptr().cast_mut(),
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

/// The files of a device.
struct Files<D>(PhantomData<D>);

type Store = unsafe extern "C" fn(
    *mut bindings::device,
    *mut bindings::device_attribute,
    *const c_char,
    usize,
) -> isize;

impl<D: DeviceOperations> Files<D> {
    const STORES: [Store; MOST] = [
        Self::store::<0>,
        Self::store::<1>,
        Self::store::<2>,
        Self::store::<3>,
        Self::store::<4>,
        Self::store::<5>,
        Self::store::<6>,
        Self::store::<7>,
    ];
    const FILES: &'static [bindings::device_attribute; MOST] = &{
        assert!(D::FILES.len() <= MOST);
        let mut files: [bindings::device_attribute; MOST] = [const { pin_init::zeroed() }; MOST];
        let mut index = 0;
        while index < D::FILES.len() {
            files[index].attr = attribute(D::FILES[index].name);
            files[index].__bindgen_anon_2 = bindings::device_attribute__bindgen_ty_2 {
                store: Some(Self::STORES[index]),
            };
            index += 1;
        }
        files
    };
    /// Each file begins with its `attribute`.
    const ATTRIBUTES: &'static [*const bindings::attribute; MOST + 1] = &{
        let mut attributes = [null(); MOST + 1];
        let mut index = 0;
        while index < D::FILES.len() {
            attributes[index] = from_ref(&Self::FILES[index]).cast();
            index += 1;
        }
        attributes
    };
    const GROUP: &'static bindings::attribute_group = &group(from_ref(Self::ATTRIBUTES).cast());
    const GROUPS: &'static [*const bindings::attribute_group; 2] = &[Self::GROUP, null()];

    /// # Safety
    ///
    /// To be called by the driver core, for file `INDEX` of a device in a [`Shell<D>`].
    unsafe extern "C" fn store<const INDEX: usize>(
        device: *mut bindings::device,
        _attribute: *mut bindings::device_attribute,
        text: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: By the function's contract; a device stays as long as somebody is in its files.
        let shell = unsafe { &*container_of!(Opaque::cast_from(device), Shell<D>, device) };
        let serve = |text: &str| {
            let file = D::FILES.get(INDEX).ok_or(EINVAL)?;
            (file.write)(&shell.context, text)
        };
        // SAFETY: The text is as promised.
        unsafe { store(text, count, serve) }
    }
}

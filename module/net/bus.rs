// SPDX-License-Identifier: GPL-2.0

//! A bus of virtual devices, and the files by which users make them, take them away, and put cables
//! between their ports: those that users of `netdevsim` know.
//!
//! A driver implements [`Operations`] for what stands behind the bus and [`DeviceOperations`] for
//! what stands behind a device of it.
//!
//! C header: [`include/linux/device/bus.h`](srctree/include/linux/device/bus.h)

mod device;
mod files;

use crate::bindings;
use core::sync::atomic::{
    AtomicUsize,
    Ordering, //
};
pub use device::DeviceRegistration;
use kernel::{
    error::to_result,
    prelude::*,
    sync::Completion,
    types::Opaque, //
};

/// What a driver does for the files of its bus, `/sys/bus/NAME/*`.
///
/// All of it runs in process context, several at once. What is written comes as text without the
/// blanks and the line end around it.
pub trait Operations: Send + Sync + Sized + 'static {
    /// Name of the bus, of its driver and, with a number behind, of its devices.
    const NAME: &'static CStr;
    /// What stands behind a device.
    type Device: DeviceOperations;

    /// `new_device` was written.
    fn new_device(bus: &Bus<Self>, request: &str) -> Result;

    /// `del_device` was written.
    fn del_device(&self, request: &str) -> Result;

    /// `link_device` was written.
    fn link_device(&self, request: &str) -> Result;

    /// `unlink_device` was written.
    fn unlink_device(&self, request: &str) -> Result;

    /// The bus is going away. On return its devices must have been taken away, and none may be made
    /// any more. Process context.
    fn shut_down(&self);
}

/// What a driver does for the files of a device, `/sys/bus/NAME/devices/NAMEn/*`.
///
/// As for [`Operations`]. The files are there while [`DeviceRegistration::new`] has not returned
/// yet.
pub trait DeviceOperations: Send + Sync + 'static {
    /// `new_port` was written.
    fn new_port(&self, request: &str) -> Result;

    /// `del_port` was written.
    fn del_port(&self, request: &str) -> Result;
}

/// A bus that is registered.
///
/// # Invariants
///
/// `devices` counts the devices whose memory was not given back yet, and one more until the bus is
/// going away. When it reaches zero `all_gone` is completed, and it stays there.
#[pin_data]
pub struct Bus<T: Operations> {
    #[pin]
    bus: Opaque<bindings::bus_type>,
    #[pin]
    driver: Opaque<bindings::device_driver>,
    devices: AtomicUsize,
    #[pin]
    all_gone: Completion,
    context: T,
}

// SAFETY: The driver core guards what is its own; `T` may be shared.
unsafe impl<T: Operations> Send for Bus<T> {}
// SAFETY: As above.
unsafe impl<T: Operations> Sync for Bus<T> {}

impl<T: Operations> Bus<T> {
    fn new(context: T, module: &'static ThisModule) -> impl PinInit<Self> {
        let bus = bindings::bus_type {
            name: T::NAME.as_char_ptr(),
            dev_name: T::NAME.as_char_ptr(),
            bus_groups: files::bus_groups::<T>(),
            ..pin_init::zeroed()
        };
        let driver = bindings::device_driver {
            name: T::NAME.as_char_ptr(),
            owner: module.as_ptr().cast(),
            // Devices come and go with the files of the bus and not by being bound.
            suppress_bind_attrs: true,
            probe_type: bindings::probe_type_PROBE_FORCE_SYNCHRONOUS,
            ..pin_init::zeroed()
        };
        pin_init!(Self {
            bus: Opaque::new(bus),
            driver: Opaque::new(driver),
            devices: AtomicUsize::new(1),
            all_gone <- Completion::new(),
            context,
        })
    }

    /// What stands behind the bus.
    pub fn context(&self) -> &T {
        &self.context
    }

    /// Counts one more device, unless the bus is going away.
    fn hold(&self) -> Result {
        let one_more = |count: usize| (count > 0).then(|| count.saturating_add(1));
        self.devices
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .map_err(|_| ENODEV)?;
        Ok(())
    }

    /// Counts one device less. The bus may be gone on return.
    fn release(&self) {
        if self.devices.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.all_gone.complete_all();
        }
    }
}

/// The registration of a bus; dropping it takes the bus and its devices away.
///
/// # Invariants
///
/// The bus and its driver are registered.
pub struct Registration<T: Operations>(Pin<KBox<Bus<T>>>);

impl<T: Operations> Registration<T> {
    /// Registers a bus with `context` behind it, and its driver, which `module` is. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EEXIST` if there is a bus of that name.
    pub fn new(context: T, module: &'static ThisModule) -> Result<Self> {
        let bus = KBox::pin_init(Bus::new(context, module), GFP_KERNEL)?;
        // SAFETY: The bus is valid, stays where it is, and is registered nowhere yet. Its files
        // find `context` in place.
        to_result(unsafe { bindings::bus_register(bus.bus.get()) })?;
        // SAFETY: Nobody knows the driver yet; it is one of the bus that was just registered.
        let result = to_result(unsafe {
            (*bus.driver.get()).bus = bus.bus.get();
            bindings::driver_register(bus.driver.get())
        });
        if let Err(error) = result {
            // A file may have made a device already, which then has no driver and is of no use.
            bus.context.shut_down();
            bus.release();
            bus.all_gone.wait_for_completion();
            // SAFETY: It is registered, and no device is on it.
            unsafe { bindings::bus_unregister(bus.bus.get()) };
            return Err(error);
        }
        // INVARIANT: Both are registered.
        Ok(Self(bus))
    }

    /// The bus.
    pub fn bus(&self) -> &Bus<T> {
        &self.0
    }
}

impl<T: Operations> Drop for Registration<T> {
    fn drop(&mut self) {
        let bus = &*self.0;
        bus.context.shut_down();
        bus.release();
        // Whoever still holds a device of the bus has its memory, which has the code of this
        // module give it back.
        bus.all_gone.wait_for_completion();
        // SAFETY: Both are registered by the type invariant. No device is on the bus, and none can
        // come: `hold` refuses. Who is in one of the bus's files is waited for.
        unsafe {
            bindings::driver_unregister(bus.driver.get());
            bindings::bus_unregister(bus.bus.get());
        }
    }
}

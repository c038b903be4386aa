// SPDX-License-Identifier: GPL-2.0

//! A bus of virtual devices, with files by which users make them and take them away.
//!
//! A driver implements [`Operations`] for what stands behind the bus and [`DeviceOperations`] for
//! what stands behind a device of it. Which files there are, and what is written to them, is the
//! driver's business.
//!
//! C header: [`include/linux/device/bus.h`](srctree/include/linux/device/bus.h)

mod device;
mod devices;
mod files;

use crate::bindings;
pub use device::{
    DeviceOperations,
    DeviceRegistration, //
};
pub use devices::Devices;
pub use files::File;
use files::{
    attribute,
    for_each_file,
    write,
    Groups,
    Owner,
    MOST, //
};
use kernel::{
    container_of,
    error::to_result,
    prelude::*,
    types::Opaque, //
};

/// What a driver does for a bus.
pub trait Operations: Send + Sync + Sized + 'static {
    /// Name of the bus, of its driver and, with a number behind, of its devices.
    const NAME: &'static CStr;
    /// Its files, `/sys/bus/NAME/*`, eight at most.
    const FILES: &'static [File<Bus<Self>>];

    /// The bus is going away. On return its devices must have been taken away, and none may be made
    /// any more. Process context.
    fn shut_down(&self);
}

/// A bus that is registered.
#[pin_data]
pub struct Bus<T: Operations> {
    #[pin]
    devices: Devices,
    context: T,
}

impl<T: Operations> Bus<T> {
    fn new(context: T, module: &'static ThisModule) -> impl PinInit<Self> {
        pin_init!(Self {
            devices <- Devices::new(T::NAME, Groups::<Self>::ALL, module),
            context,
        })
    }

    /// What stands behind the bus.
    pub fn context(&self) -> &T {
        &self.context
    }

    /// Its devices.
    pub fn devices(&self) -> &Devices {
        &self.devices
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
        to_result(unsafe { bindings::bus_register(bus.devices.bus()) })?;
        // SAFETY: Nobody knows the driver yet; it is one of the bus that was just registered.
        let result = to_result(unsafe {
            (*bus.devices.driver()).bus = bus.devices.bus();
            bindings::driver_register(bus.devices.driver())
        });
        if let Err(error) = result {
            // A file may have made a device already, which then has no driver and is of no use.
            bus.context.shut_down();
            bus.devices.close();
            // SAFETY: It is registered, and no device is on it.
            unsafe { bindings::bus_unregister(bus.devices.bus()) };
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
        // Whoever still holds a device of the bus has its memory, which has the code of this
        // module give it back.
        bus.devices.close();
        // SAFETY: Both are registered by the type invariant. No device is on the bus, and none can
        // come. Who is in one of the bus's files is waited for.
        unsafe {
            bindings::driver_unregister(bus.devices.driver());
            bindings::bus_unregister(bus.devices.bus());
        }
    }
}

impl<T: Operations> Bus<T> {
    /// # Safety
    ///
    /// To be called by the driver core, for file `INDEX` of a [`Bus<T>`].
    unsafe extern "C" fn store<const INDEX: usize>(
        bus: *const bindings::bus_type,
        text: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: The bus type lies in the devices of a `Bus<T>`, which stays as long as somebody is
        // in its files. The text is as promised.
        unsafe {
            let devices = container_of!(Opaque::cast_from(bus), Devices, bus);
            let bus = &*container_of!(devices, Self, devices);
            write::<Self>(INDEX, bus, text, count)
        }
    }
}

impl<T: Operations> Owner for Bus<T> {
    type Context = Self;
    type Attribute = bindings::bus_attribute;

    const FILES: &'static [File<Self>] = T::FILES;
    const ATTRIBUTES: &'static [bindings::bus_attribute; MOST] = &{
        type Store = unsafe extern "C" fn(*const bindings::bus_type, *const c_char, usize) -> isize;
        let stores: [Store; MOST] = for_each_file!(Self::store);
        let mut attributes = [const { pin_init::zeroed::<bindings::bus_attribute>() }; MOST];
        let mut index = 0;
        while index < T::FILES.len() {
            attributes[index].attr = attribute(T::FILES[index].name);
            attributes[index].store = Some(stores[index]);
            index += 1;
        }
        attributes
    };
}

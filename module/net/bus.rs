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
use core::{
    marker::PhantomData,
    ptr::{
        from_ref,
        null, //
    }, //
};
pub use device::{
    DeviceFile,
    DeviceOperations,
    DeviceRegistration, //
};
pub use devices::Devices;
use files::{
    attribute,
    group,
    store,
    MOST, //
};
use kernel::{
    container_of,
    error::to_result,
    prelude::*,
    types::Opaque, //
};

/// A file of a bus, `/sys/bus/NAME/*`. Root may write to it, and nobody read it.
pub struct BusFile<T: Operations> {
    /// Its name.
    pub name: &'static CStr,
    /// Serves what is written: text, without the blanks and the line end around it. Process context,
    /// several at once.
    pub write: fn(&Bus<T>, &str) -> Result,
}

/// What a driver does for a bus.
pub trait Operations: Send + Sync + Sized + 'static {
    /// Name of the bus, of its driver and, with a number behind, of its devices.
    const NAME: &'static CStr;
    /// Its files, eight at most.
    const FILES: &'static [BusFile<Self>];

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
            devices <- Devices::new(T::NAME, Files::<T>::GROUPS, module),
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

/// The files of a bus.
struct Files<T>(PhantomData<T>);

type Store = unsafe extern "C" fn(*const bindings::bus_type, *const c_char, usize) -> isize;

impl<T: Operations> Files<T> {
    /// The core does not tell a function which file it is for: so there is one for each.
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
    const FILES: &'static [bindings::bus_attribute; MOST] = &{
        assert!(T::FILES.len() <= MOST);
        let mut files: [bindings::bus_attribute; MOST] = [const { pin_init::zeroed() }; MOST];
        let mut index = 0;
        while index < T::FILES.len() {
            files[index].attr = attribute(T::FILES[index].name);
            files[index].store = Some(Self::STORES[index]);
            index += 1;
        }
        files
    };
    /// Each file begins with its `attribute`.
    const ATTRIBUTES: &'static [*const bindings::attribute; MOST + 1] = &{
        let mut attributes = [null(); MOST + 1];
        let mut index = 0;
        while index < T::FILES.len() {
            attributes[index] = from_ref(&Self::FILES[index]).cast();
            index += 1;
        }
        attributes
    };
    const GROUP: &'static bindings::attribute_group = &group(from_ref(Self::ATTRIBUTES).cast());
    const GROUPS: &'static [*const bindings::attribute_group; 2] = &[Self::GROUP, null()];

    /// # Safety
    ///
    /// To be called by the driver core, for file `INDEX` of a [`Bus<T>`].
    unsafe extern "C" fn store<const INDEX: usize>(
        bus: *const bindings::bus_type,
        text: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: The bus type lies in the devices of a `Bus<T>`, which stays as long as somebody is
        // in its files.
        let bus = unsafe {
            let devices = container_of!(Opaque::cast_from(bus), Devices, bus);
            &*container_of!(devices, Bus<T>, devices)
        };
        let serve = |text: &str| {
            let file = T::FILES.get(INDEX).ok_or(EINVAL)?;
            (file.write)(bus, text)
        };
        // SAFETY: The text is as promised.
        unsafe { store(text, count, serve) }
    }
}

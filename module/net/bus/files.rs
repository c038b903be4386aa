// SPDX-License-Identifier: GPL-2.0

//! The files of a bus and of its devices: all of them can be written and none can be read.
//!
//! C header: [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h)

use super::{
    device::Shell,
    Bus,
    DeviceOperations,
    Operations, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::{
        from_ref,
        null, //
    }, //
};
use kernel::{
    container_of,
    prelude::*,
    types::Opaque, //
};

/// The files of a bus.
pub(super) const fn bus_groups<T: Operations>() -> *const *const bindings::attribute_group {
    from_ref(BusFiles::<T>::GROUPS).cast()
}

/// The files of a device.
pub(super) const fn device_groups<T: Operations>() -> *const *const bindings::attribute_group {
    from_ref(DeviceFiles::<T>::GROUPS).cast()
}

/// May be written by root.
const WRITE_ONLY: bindings::umode_t = 0o200;

const fn attribute(name: &'static CStr) -> bindings::attribute {
    // There are more fields where lock dependencies are checked.
    let mut attribute: bindings::attribute = pin_init::zeroed();
    attribute.name = name.to_bytes_with_nul().as_ptr().cast();
    attribute.mode = WRITE_ONLY;
    attribute
}

const fn group(attributes: *const *const bindings::attribute) -> bindings::attribute_group {
    bindings::attribute_group {
        __bindgen_anon_2: bindings::attribute_group__bindgen_ty_2 {
            attrs_const: attributes,
        },
        ..pin_init::zeroed()
    }
}

/// Has `serve` answer to the `count` bytes at `text` that were written to a file.
///
/// # Safety
///
/// `text` must be readable for `count` bytes.
unsafe fn store(text: *const c_char, count: usize, serve: impl FnOnce(&str) -> Result) -> isize {
    // SAFETY: By the function's contract.
    let text = unsafe { core::slice::from_raw_parts(text.cast::<u8>(), count) };
    let served = core::str::from_utf8(text)
        .map_err(|_| EINVAL)
        .and_then(|text| serve(text.trim()));
    match served {
        // CAST: At most a page.
        Ok(()) => count as isize,
        // CAST: A small number.
        Err(error) => error.to_errno() as isize,
    }
}

type BusStore = unsafe extern "C" fn(*const bindings::bus_type, *const c_char, usize) -> isize;

struct BusFiles<T>(PhantomData<T>);

impl<T: Operations> BusFiles<T> {
    const NEW_DEVICE: &'static bindings::bus_attribute =
        &Self::file(c"new_device", Self::new_device);
    const DEL_DEVICE: &'static bindings::bus_attribute =
        &Self::file(c"del_device", Self::del_device);
    const LINK_DEVICE: &'static bindings::bus_attribute =
        &Self::file(c"link_device", Self::link_device);
    const UNLINK_DEVICE: &'static bindings::bus_attribute =
        &Self::file(c"unlink_device", Self::unlink_device);

    /// Each begins with its `attribute`.
    const ATTRIBUTES: &'static [*const bindings::attribute; 5] = &[
        from_ref(Self::NEW_DEVICE).cast(),
        from_ref(Self::DEL_DEVICE).cast(),
        from_ref(Self::LINK_DEVICE).cast(),
        from_ref(Self::UNLINK_DEVICE).cast(),
        null(),
    ];
    const GROUP: &'static bindings::attribute_group = &group(from_ref(Self::ATTRIBUTES).cast());
    const GROUPS: &'static [*const bindings::attribute_group; 2] = &[Self::GROUP, null()];

    const fn file(name: &'static CStr, store: BusStore) -> bindings::bus_attribute {
        bindings::bus_attribute {
            attr: attribute(name),
            show: None,
            store: Some(store),
        }
    }

    /// The bus behind `bus`.
    ///
    /// # Safety
    ///
    /// `bus` must be that of a [`Bus<T>`], which stays for `'a`.
    unsafe fn bus<'a>(bus: *const bindings::bus_type) -> &'a Bus<T> {
        // SAFETY: By the function's contract.
        unsafe { &*container_of!(Opaque::cast_from(bus), Bus<T>, bus) }
    }

    /// # Safety
    ///
    /// To be called by the driver core, for the file of that name of a [`Bus<T>`].
    unsafe extern "C" fn new_device(
        bus: *const bindings::bus_type,
        text: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: The bus stays as long as somebody is in its files; the text is as promised.
        unsafe { store(text, count, |text| T::new_device(Self::bus(bus), text)) }
    }

    /// # Safety
    ///
    /// As for [`Self::new_device`].
    unsafe extern "C" fn del_device(
        bus: *const bindings::bus_type,
        text: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: As in `new_device`.
        unsafe { store(text, count, |text| Self::bus(bus).context.del_device(text)) }
    }

    /// # Safety
    ///
    /// As for [`Self::new_device`].
    unsafe extern "C" fn link_device(
        bus: *const bindings::bus_type,
        text: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: As in `new_device`.
        unsafe { store(text, count, |text| Self::bus(bus).context.link_device(text)) }
    }

    /// # Safety
    ///
    /// As for [`Self::new_device`].
    unsafe extern "C" fn unlink_device(
        bus: *const bindings::bus_type,
        text: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: As in `new_device`.
        unsafe {
            store(text, count, |text| {
                Self::bus(bus).context.unlink_device(text)
            })
        }
    }
}

type DeviceStore = unsafe extern "C" fn(
    *mut bindings::device,
    *mut bindings::device_attribute,
    *const c_char,
    usize,
) -> isize;

struct DeviceFiles<T>(PhantomData<T>);

impl<T: Operations> DeviceFiles<T> {
    const NEW_PORT: &'static bindings::device_attribute = &Self::file(c"new_port", Self::new_port);
    const DEL_PORT: &'static bindings::device_attribute = &Self::file(c"del_port", Self::del_port);

    /// Each begins with its `attribute`.
    const ATTRIBUTES: &'static [*const bindings::attribute; 3] = &[
        from_ref(Self::NEW_PORT).cast(),
        from_ref(Self::DEL_PORT).cast(),
        null(),
    ];
    const GROUP: &'static bindings::attribute_group = &group(from_ref(Self::ATTRIBUTES).cast());
    const GROUPS: &'static [*const bindings::attribute_group; 2] = &[Self::GROUP, null()];

    const fn file(name: &'static CStr, store: DeviceStore) -> bindings::device_attribute {
        bindings::device_attribute {
            attr: attribute(name),
            __bindgen_anon_2: bindings::device_attribute__bindgen_ty_2 { store: Some(store) },
            ..pin_init::zeroed()
        }
    }

    /// # Safety
    ///
    /// To be called by the driver core, for the file of that name of a device of a [`Bus<T>`].
    unsafe extern "C" fn new_port(
        device: *mut bindings::device,
        _attribute: *mut bindings::device_attribute,
        text: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: A device stays as long as somebody is in its files; the text is as promised.
        unsafe {
            let context = Shell::<T>::context(device);
            store(text, count, |text| context.new_port(text))
        }
    }

    /// # Safety
    ///
    /// As for [`Self::new_port`].
    unsafe extern "C" fn del_port(
        device: *mut bindings::device,
        _attribute: *mut bindings::device_attribute,
        text: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: As in `new_port`.
        unsafe {
            let context = Shell::<T>::context(device);
            store(text, count, |text| context.del_port(text))
        }
    }
}

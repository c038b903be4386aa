// SPDX-License-Identifier: GPL-2.0

//! How devlink flashes a device.

use super::operations::{
    Firmware,
    Locked,
    Operations, //
};
use crate::{
    bindings,
    extack::Extack, //
};
use core::ffi::c_int;
use kernel::{
    error::from_result,
    prelude::*,
    str::CStr, //
};

/// # Safety
///
/// To be called by devlink, as the operation of that name of an instance with a `T`.
pub(super) unsafe extern "C" fn flash_update<T: Operations>(
    devlink: *mut bindings::devlink,
    params: *mut bindings::devlink_flash_update_params,
    extack: *mut bindings::netlink_ext_ack,
) -> c_int {
    // SAFETY: devlink holds the lock in its operations, and lends its acknowledgement.
    let (mut instance, extack) =
        unsafe { (Locked::<T>::from_raw(devlink), Extack::from_raw(extack)) };
    // SAFETY: The parameters and the file in them, which was read, are valid for the call; the name of
    // a component is null, or a text that is valid as long.
    let (component, image) = unsafe {
        let bindings::devlink_flash_update_params { fw, component, .. } = *params;
        let component = (!component.is_null()).then(|| CStr::from_char_ptr(component));
        let bindings::firmware { size, data, .. } = *fw;
        // An empty file has no data.
        let image: &[u8] = if size == 0 {
            &[]
        } else {
            core::slice::from_raw_parts(data, size)
        };
        (component, image)
    };
    from_result(|| T::Firmware::flash(&mut instance, component, image, &extack).map(|()| 0))
}

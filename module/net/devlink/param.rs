// SPDX-License-Identifier: GPL-2.0

//! Parameters: what the administrator of a device sets by `devlink dev param`.

use super::operations::{
    Locked,
    Operations,
    Parameter, //
};
use crate::{
    bindings,
    extack::Extack, //
};
use core::{
    ffi::c_int,
    marker::PhantomData,
    str::from_utf8, //
};
use kernel::{
    error::{
        from_result,
        to_result, //
    },
    prelude::*, //
};

/// Bytes of the longest value, with the zero behind it.
const VALUE_SIZE: usize = bindings::__DEVLINK_PARAM_MAX_STRING_VALUE as usize;

/// What devlink calls for the parameter of an instance with a `T`.
pub(super) struct ParameterAdapter<T: Operations>(PhantomData<T>);

impl<T: Operations> ParameterAdapter<T> {
    const TABLE: &'static [bindings::devlink_param; 1] = &[bindings::devlink_param {
        id: bindings::devlink_param_generic_id_DEVLINK_PARAM_GENERIC_ID_MAX + 1,
        name: core::ptr::from_ref(T::Parameter::NAME).cast(),
        type_: bindings::devlink_param_type_DEVLINK_PARAM_TYPE_STRING,
        supported_cmodes: 1 << bindings::devlink_param_cmode_DEVLINK_PARAM_CMODE_RUNTIME,
        get: Some(Self::get),
        set: Some(Self::set),
        ..pin_init::zeroed()
    }];

    /// Makes the parameter known.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, and it is not.
    ///
    /// # Safety
    ///
    /// `devlink` must be an instance with a `T`, with its lock held.
    pub(super) unsafe fn register(devlink: *mut bindings::devlink) -> Result {
        // SAFETY: By the function's contract. The table lives for ever.
        to_result(unsafe { bindings::devl_params_register(devlink, Self::TABLE.as_ptr(), 1) })
    }

    /// Has the parameter forgotten.
    ///
    /// # Safety
    ///
    /// As for [`Self::register`], which must have succeeded.
    pub(super) unsafe fn unregister(devlink: *mut bindings::devlink) {
        // SAFETY: By the function's contract.
        unsafe { bindings::devl_params_unregister(devlink, Self::TABLE.as_ptr(), 1) };
    }

    /// # Safety
    ///
    /// To be called by devlink, as the operation of that name of a parameter of an instance with a
    /// `T`.
    unsafe extern "C" fn get(
        devlink: *mut bindings::devlink,
        _id: u32,
        context: *mut bindings::devlink_param_gset_ctx,
        _extack: *mut bindings::netlink_ext_ack,
    ) -> c_int {
        // SAFETY: devlink holds the lock, and gives memory for a text.
        let (instance, place) = unsafe { (Locked::<T>::from_raw(devlink), text(context)) };
        let value = T::Parameter::get(&instance).as_bytes();
        let len = value.len().min(VALUE_SIZE - 1);
        place.fill(0);
        for (to, from) in place.iter_mut().zip(value.iter().take(len)) {
            *to = *from;
        }
        0
    }

    /// # Safety
    ///
    /// As for [`Self::get`].
    unsafe extern "C" fn set(
        devlink: *mut bindings::devlink,
        _id: u32,
        context: *mut bindings::devlink_param_gset_ctx,
        extack: *mut bindings::netlink_ext_ack,
    ) -> c_int {
        // SAFETY: devlink holds the lock, gives a text that ends with a zero, and lends its
        // acknowledgement.
        let (mut instance, place, extack) = unsafe {
            (
                Locked::<T>::from_raw(devlink),
                text(context),
                Extack::from_raw(extack),
            )
        };
        let value = place.split(|byte| *byte == 0).next().unwrap_or_default();
        let instance: &mut Locked<'_, T> = &mut instance;
        from_result(|| {
            let value = from_utf8(value).map_err(|_| EINVAL)?;
            T::Parameter::set(instance, value, &extack).map(|()| 0)
        })
    }
}

/// The text in the value of `context`.
///
/// # Safety
///
/// `context` must be valid for `'a` and belong to a parameter that is a text.
unsafe fn text<'a>(context: *mut bindings::devlink_param_gset_ctx) -> &'a mut [u8; VALUE_SIZE] {
    // SAFETY: By the function's contract; a `char` is a byte, and all bytes are initialised: devlink
    // zeroes the context.
    unsafe { &mut *(&raw mut (*context).val.vstr).cast() }
}

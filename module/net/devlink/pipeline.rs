// SPDX-License-Identifier: GPL-2.0

//! The pipeline of an instance, as devlink calls it.

use super::{
    dpipe::{
        Dump,
        Fields,
        Pipeline, //
    },
    operations::{
        Locked,
        Operations, //
    },
    resource, //
};
use crate::bindings;
use core::marker::PhantomData;
use kernel::{
    error::{
        from_result,
        to_result, //
    },
    prelude::*, //
};

/// What devlink calls for the tables of an instance with a `T`.
pub(super) struct PipelineAdapter<T: Operations>(PhantomData<T>);

impl<T: Operations> PipelineAdapter<T> {
    /// devlink gives the functions of a table one pointer, and that is the instance's: so there are some for
    /// each table.
    const OPS: &'static [bindings::devlink_dpipe_table_ops; 5] = &[
        Self::ops::<0>(),
        Self::ops::<1>(),
        Self::ops::<2>(),
        Self::ops::<3>(),
        Self::ops::<4>(),
    ];

    const fn ops<const INDEX: usize>() -> bindings::devlink_dpipe_table_ops {
        bindings::devlink_dpipe_table_ops {
            actions_dump: Some(Self::actions::<INDEX>),
            matches_dump: Some(Self::matches::<INDEX>),
            entries_dump: Some(Self::entries::<INDEX>),
            counters_set_update: None,
            size_get: Some(Self::size::<INDEX>),
        }
    }

    /// Makes headers and tables known.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, and no table is.
    ///
    /// # Safety
    ///
    /// `devlink` must be an instance with a `T`, with its resources and without tables, with its lock held.
    /// Who takes away the `T` must call [`Self::unregister`] before.
    pub(super) unsafe fn register(devlink: *mut bindings::devlink) -> Result {
        const { assert!(T::Pipeline::TABLES.len() <= Self::OPS.len()) };
        let headers = T::Pipeline::headers().as_ptr();
        // SAFETY: The lock is held. The headers live for ever, and the core only reads them.
        unsafe { bindings::devl_dpipe_headers_register(devlink, headers) };
        for (table, ops) in T::Pipeline::TABLES.iter().zip(Self::OPS) {
            // SAFETY: The lock is held. Name and functions live for ever. The core calls these with the lock
            // held, for a table that it finds among the instance's: not after `unregister`.
            let result = to_result(unsafe {
                bindings::devl_dpipe_table_register(
                    devlink,
                    table.name.as_char_ptr(),
                    ops,
                    devlink.cast(),
                    true,
                )
            });
            if let Err(error) = result {
                // SAFETY: By the function's contract.
                unsafe { Self::unregister(devlink) };
                return Err(error);
            }
            if let Some(index) = table.resource {
                // SAFETY: The lock is held. It fails if there is no such table alone.
                unsafe {
                    bindings::devl_dpipe_table_resource_set(
                        devlink,
                        table.name.as_char_ptr(),
                        resource::id(index),
                        1,
                    )
                };
            }
        }
        Ok(())
    }

    /// Has headers and tables forgotten, if they are known.
    ///
    /// # Safety
    ///
    /// `devlink` must be an instance with a `T`, with its lock held.
    pub(super) unsafe fn unregister(devlink: *mut bindings::devlink) {
        for table in T::Pipeline::TABLES {
            // SAFETY: The lock is held, so that nobody is in one of the table's functions. Who looks for it
            // under RCU instead, which is for drivers to do, sees memory that stays until then.
            unsafe { bindings::devl_dpipe_table_unregister(devlink, table.name.as_char_ptr()) };
        }
        // SAFETY: The lock is held: nobody reads them.
        unsafe { bindings::devl_dpipe_headers_unregister(devlink) };
    }

    /// # Safety
    ///
    /// To be called by devlink, as the function of that name of table `INDEX` of an instance with a `T`.
    unsafe extern "C" fn size<const INDEX: usize>(devlink: *mut c_void) -> u64 {
        // SAFETY: The pointer is the one that was registered, that of the instance, whose lock devlink holds.
        let instance = unsafe { Locked::<T>::from_raw(devlink.cast()) };
        T::Pipeline::size(&instance, INDEX)
    }

    /// # Safety
    ///
    /// As for [`Self::size`].
    unsafe extern "C" fn matches<const INDEX: usize>(
        devlink: *mut c_void,
        skb: *mut bindings::sk_buff,
    ) -> c_int {
        // SAFETY: As in `size`.
        let instance = unsafe { Locked::<T>::from_raw(devlink.cast()) };
        // SAFETY: devlink lends its message for the call.
        let mut list = unsafe { Fields::from_raw(skb, true) };
        from_result(|| T::Pipeline::matches(&instance, INDEX, &mut list).map(|()| 0))
    }

    /// # Safety
    ///
    /// As for [`Self::size`].
    unsafe extern "C" fn actions<const INDEX: usize>(
        devlink: *mut c_void,
        skb: *mut bindings::sk_buff,
    ) -> c_int {
        // SAFETY: As in `size`.
        let instance = unsafe { Locked::<T>::from_raw(devlink.cast()) };
        // SAFETY: devlink lends its message for the call.
        let mut list = unsafe { Fields::from_raw(skb, false) };
        from_result(|| T::Pipeline::actions(&instance, INDEX, &mut list).map(|()| 0))
    }

    /// # Safety
    ///
    /// As for [`Self::size`].
    unsafe extern "C" fn entries<const INDEX: usize>(
        devlink: *mut c_void,
        _counters_enabled: bool,
        context: *mut bindings::devlink_dpipe_dump_ctx,
    ) -> c_int {
        // SAFETY: As in `size`.
        let instance = unsafe { Locked::<T>::from_raw(devlink.cast()) };
        // SAFETY: devlink lends the context for the call.
        let mut dump = unsafe { Dump::from_raw(context) };
        from_result(|| {
            T::Pipeline::dump(&instance, INDEX, &mut dump)?;
            dump.finish().map(|()| 0)
        })
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Resources: what a device has a limited amount of, for `devlink resource`.
//!
//! The administrator asks for another size (`devlink resource set`), and the next reload brings it.

use super::operations::{
    Locked,
    Operations,
    Resources, //
};
use crate::bindings;
use core::marker::PhantomData;
use kernel::{
    error::to_result,
    prelude::*, //
};

impl<T: Operations> Locked<'_, T> {
    /// The size that resource `index` is to have by the wish of the administrator: as devlink
    /// shows it from here on, it has it, or the reload in which this is asked fails before anything
    /// was taken down. `None` if devlink has no such resource.
    pub fn resource_size(&self, index: usize) -> Option<u64> {
        // SAFETY: The lock is held, by the type invariant.
        unsafe { size_asked_for(self.as_ptr(), id(index)) }
    }
}

/// The number by which devlink knows resource `index`; 0 is the parent of those that have none.
pub(super) const fn id(index: usize) -> u64 {
    // CAST: `usize` has at most 64 bits, and a table's index is small.
    index as u64 + 1
}

/// As [`Locked::resource_size`], for the resource with number `id`.
///
/// # Safety
///
/// `devlink` must be valid and its lock be held.
unsafe fn size_asked_for(devlink: *mut bindings::devlink, id: u64) -> Option<u64> {
    let mut size = 0;
    // SAFETY: By the function's contract; `size` is only written.
    let result = to_result(unsafe { bindings::devl_resource_size_get(devlink, id, &mut size) });
    result.is_ok().then_some(size)
}

type Getter = unsafe extern "C" fn(*mut c_void) -> u64;

/// What devlink calls for the resources of an instance with a `T`.
pub(super) struct ResourceAdapter<T: Operations>(PhantomData<T>);

impl<T: Operations> ResourceAdapter<T> {
    /// devlink gives one pointer to a function that tells what is in use, and that is the
    /// instance's: so there is a function for each resource.
    const GETTERS: [Getter; 16] = [
        Self::occupancy::<0>,
        Self::occupancy::<1>,
        Self::occupancy::<2>,
        Self::occupancy::<3>,
        Self::occupancy::<4>,
        Self::occupancy::<5>,
        Self::occupancy::<6>,
        Self::occupancy::<7>,
        Self::occupancy::<8>,
        Self::occupancy::<9>,
        Self::occupancy::<10>,
        Self::occupancy::<11>,
        Self::occupancy::<12>,
        Self::occupancy::<13>,
        Self::occupancy::<14>,
        Self::occupancy::<15>,
    ];

    /// Makes the resources known, as large as they are.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, and none is.
    ///
    /// # Safety
    ///
    /// `devlink` must be an instance with a `T` and without resources, with its lock held.
    pub(super) unsafe fn register(devlink: *mut bindings::devlink) -> Result {
        const { assert!(T::Resources::TABLE.len() <= Self::GETTERS.len()) };
        // SAFETY: By the function's contract.
        let instance = unsafe { Locked::<T>::from_raw(devlink) };
        for (index, resource) in T::Resources::TABLE.iter().enumerate() {
            let range = bindings::devlink_resource_size_params {
                size_min: resource.min,
                size_max: resource.max,
                size_granularity: resource.granularity,
                unit: bindings::devlink_resource_unit_DEVLINK_RESOURCE_UNIT_ENTRY,
            };
            // SAFETY: The lock is held. The name lives for ever, and the range is copied.
            let result = to_result(unsafe {
                bindings::devl_resource_register(
                    devlink,
                    resource.name.as_char_ptr(),
                    T::Resources::size(&instance, index),
                    id(index),
                    resource.parent.map_or(0, id),
                    &range,
                )
            });
            if let Err(error) = result {
                // SAFETY: By the function's contract.
                unsafe { Self::unregister(devlink) };
                return Err(error);
            }
        }
        for (index, getter) in (0..T::Resources::TABLE.len()).zip(Self::GETTERS) {
            // SAFETY: The lock is held, and the resource was registered just now. devlink calls the
            // getter with the lock held, and no longer than the resource is registered, which is
            // shorter than the instance's life.
            unsafe {
                bindings::devl_resource_occ_get_register(
                    devlink,
                    id(index),
                    Some(getter),
                    devlink.cast(),
                )
            };
        }
        Ok(())
    }

    /// Has the resources forgotten.
    ///
    /// # Safety
    ///
    /// `devlink` must be an instance with a `T`, with its lock held.
    pub(super) unsafe fn unregister(devlink: *mut bindings::devlink) {
        // SAFETY: By the function's contract.
        unsafe { bindings::devl_resources_unregister(devlink) };
    }

    /// Has devlink show the resources as large as they are, and the sizes that were asked for
    /// forgotten. It offers no other way back: who looks at a size that was asked for has taken it.
    /// Without memory for that, there are no resources to be shown until [`Self::repair`].
    ///
    /// # Safety
    ///
    /// As for [`Self::unregister`].
    pub(super) unsafe fn restore(devlink: *mut bindings::devlink) {
        // SAFETY: By the function's contract.
        unsafe { Self::unregister(devlink) };
        // SAFETY: As above.
        unsafe { Self::repair(devlink) };
    }

    /// Makes the resources known if they are not.
    ///
    /// # Safety
    ///
    /// As for [`Self::unregister`], in a reload.
    pub(super) unsafe fn repair(devlink: *mut bindings::devlink) {
        // SAFETY: By the function's contract.
        if unsafe { size_asked_for(devlink, id(0)) }.is_none() {
            // SAFETY: As above; registered are all or none.
            let _ = unsafe { Self::register(devlink) };
        }
    }

    /// # Safety
    ///
    /// To be called by devlink, as the function that tells what is in use of resource `INDEX` of an
    /// instance with a `T`.
    unsafe extern "C" fn occupancy<const INDEX: usize>(devlink: *mut c_void) -> u64 {
        // SAFETY: The pointer is the one that was registered, that of the instance, whose lock
        // devlink holds.
        let instance = unsafe { Locked::<T>::from_raw(devlink.cast()) };
        T::Resources::occupancy(&instance, INDEX)
    }
}

// SPDX-License-Identifier: GPL-2.0

//! devlink: what a device with several ports tells about itself, and how it is reloaded.
//!
//! A driver keeps in a [`Devlink`] instance what is guarded by the instance's lock. The lock comes
//! before RTNL.
//!
//! What belongs to an instance is made with it and goes with it, or is kept by it: the device that it
//! is for, its parameters, resources, tables and health reporter, its ports and the registrations of their net
//! devices. There is no handle of any of these that could be dropped too late, or too early, or given
//! to another instance.
//!
//! C header: [`include/net/devlink.h`](srctree/include/net/devlink.h)

pub mod dpipe;
mod firmware;
mod health;
mod operations;
mod param;
mod pipeline;
mod port;
mod resource;

use crate::{
    bindings,
    extack::Extack,
    netns::NetNamespace, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use firmware::flash_update;
use health::Attached;
pub use health::{
    Message,
    Report,
    Reporter, //
};
use kernel::{
    device,
    error::from_result,
    prelude::*,
    sync::Arc, //
};
use operations::{
    private,
    Private, //
};
pub use operations::{
    Firmware,
    Info,
    Locked,
    Operations,
    Parameter,
    Resource,
    Resources, //
};
use param::ParameterAdapter;
use pipeline::PipelineAdapter;
use resource::ResourceAdapter;

/// The reload that has the device run what was flashed, and stops nothing.
const ACTIVATE: bindings::devlink_reload_action =
    bindings::devlink_reload_action_DEVLINK_RELOAD_ACTION_FW_ACTIVATE;

/// A registered devlink instance with a `T` in it, for the device `P`; dropping it (process context,
/// neither RTNL nor the instance's lock held) takes its ports away, then the instance, then the device.
///
/// # Invariants
///
/// `ptr` is registered and its private memory holds a `Private<T>`, which only the holder of the
/// instance's lock touches. `reporter` is attached to it.
pub struct Devlink<T: Operations, P> {
    ptr: NonNull<bindings::devlink>,
    reporter: Attached<T::Report>,
    _owns: PhantomData<T>,
    /// Goes last: the instance is for it, and the net devices are on it.
    _parent: P,
}

// SAFETY: An instance may be used by any task, and takes turns with `T` and the ports, which are
// `Send`; the reporter may be shared.
unsafe impl<T: Operations, P: Send> Send for Devlink<T, P> {}
// SAFETY: As above.
unsafe impl<T: Operations, P: Sync> Sync for Devlink<T, P> {}

impl<T: Operations, P: AsRef<device::Device>> Devlink<T, P> {
    const OPS: &'static bindings::devlink_ops = &bindings::devlink_ops {
        flash_update: Some(flash_update::<T>),
        reload_actions: 1 << bindings::devlink_reload_action_DEVLINK_RELOAD_ACTION_DRIVER_REINIT
            | 1 << ACTIVATE,
        reload_limits: 1 << bindings::devlink_reload_limit_DEVLINK_RELOAD_LIMIT_NO_RESET,
        reload_down: Some(Self::reload_down),
        reload_up: Some(Self::reload_up),
        info_get: Some(Self::info_get),
        ..pin_init::zeroed()
    };

    /// Registers an instance for `parent`, in the namespace `ns`, with `reporter` as its health
    /// reporter and without ports. Process context.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the device is not bound to a driver, `EBUSY` if an instance has or had the
    /// reporter, `ENOMEM`.
    pub fn new(
        parent: P,
        ns: &NetNamespace,
        reporter: &Arc<Reporter<T::Report>>,
        value: T,
    ) -> Result<Self> {
        // The C side aligns the private memory to 32 bytes.
        const { assert!(align_of::<Private<T>>() <= 32) };
        // `device::Device` is a transparent wrapper of `struct device`.
        let device: *mut bindings::device = core::ptr::from_ref(parent.as_ref()).cast_mut().cast();
        // SAFETY: The device is valid.
        if unsafe { (*device).driver.is_null() } {
            return Err(ENODEV);
        }
        let size = size_of::<Private<T>>();
        // SAFETY: The operations live for ever; the instance takes a reference to the device. A
        // namespace that ends has its instances reloaded into the first one.
        let ptr = unsafe { bindings::devlink_alloc_ns(Self::OPS, size, ns.as_ptr(), device) };
        let ptr = NonNull::new(ptr).ok_or(ENOMEM)?;
        let contents = Private {
            ports: KVec::new(),
            value,
        };
        // SAFETY: The private memory is large enough and nobody has seen it.
        unsafe { private::<T>(ptr.as_ptr()).write(contents) };
        // SAFETY: The instance is new. Registering it can't fail.
        let result = unsafe {
            bindings::devl_lock(ptr.as_ptr());
            let result = Self::register_parts(ptr.as_ptr(), reporter);
            if let Ok(reporter) = &result {
                bindings::devl_register(ptr.as_ptr());
                reporter.open();
            }
            bindings::devl_unlock(ptr.as_ptr());
            result
        };
        match result {
            // INVARIANT: Registered, and initialised before that.
            Ok(reporter) => Ok(Self {
                ptr,
                reporter,
                _owns: PhantomData,
                _parent: parent,
            }),
            Err(error) => {
                // SAFETY: Nobody but us has seen the instance, which has a `Private<T>`.
                unsafe {
                    core::ptr::drop_in_place(private::<T>(ptr.as_ptr()));
                    bindings::devlink_free(ptr.as_ptr());
                }
                Err(error)
            }
        }
    }

    /// Registers what belongs to an instance.
    ///
    /// # Errors
    ///
    /// `EBUSY` for the reporter, `ENOMEM`; then nothing of it is registered.
    ///
    /// # Safety
    ///
    /// `devlink` must be an instance with a `Private<T>`, with its lock held.
    unsafe fn register_parts(
        devlink: *mut bindings::devlink,
        reporter: &Arc<Reporter<T::Report>>,
    ) -> Result<Attached<T::Report>> {
        // SAFETY: By the function's contract.
        unsafe { ParameterAdapter::<T>::register(devlink) }?;
        // SAFETY: As above.
        let result = unsafe { ResourceAdapter::<T>::register(devlink) }.and_then(|()| {
            // SAFETY: As above. Nobody sees the tables until the instance is registered, and the drop of the
            // `Devlink` has them forgotten.
            let result = unsafe { PipelineAdapter::<T>::register(devlink) }.and_then(|()| {
                // SAFETY: As above. The value goes into the `Devlink`, whose drop destroys it.
                unsafe { Attached::new(reporter.clone(), devlink) }.inspect_err(|_| {
                    // SAFETY: As above; registered just now.
                    unsafe { PipelineAdapter::<T>::unregister(devlink) };
                })
            });
            result.inspect_err(|_| {
                // SAFETY: As above; registered just now.
                unsafe { ResourceAdapter::<T>::unregister(devlink) };
            })
        });
        result.inspect_err(|_| {
            // SAFETY: As above; registered just now.
            unsafe { ParameterAdapter::<T>::unregister(devlink) };
        })
    }

    /// Runs `f` with the instance's lock held. Process context, RTNL not held.
    pub fn with_lock<R>(&self, f: impl FnOnce(&mut Locked<'_, T>) -> R) -> R {
        // SAFETY: The instance is valid. Paired with the call below; there is no way out of `f`
        // between them, as the kernel does not unwind.
        unsafe { bindings::devl_lock(self.ptr.as_ptr()) };
        // SAFETY: The lock was taken just now, and is kept until after the last use of this.
        let result = f(&mut unsafe { Locked::from_raw(self.ptr.as_ptr()) });
        // SAFETY: Taken above.
        unsafe { bindings::devl_unlock(self.ptr.as_ptr()) };
        result
    }

    /// # Safety
    ///
    /// To be called by devlink, as the operation of that name of an instance with a `T`.
    unsafe extern "C" fn info_get(
        devlink: *mut bindings::devlink,
        request: *mut bindings::devlink_info_req,
        _extack: *mut bindings::netlink_ext_ack,
    ) -> c_int {
        // SAFETY: devlink holds the lock in its operations.
        let instance = unsafe { Locked::<T>::from_raw(devlink) };
        // SAFETY: The request is valid for the call.
        let mut info = unsafe { Info::from_raw(request) };
        from_result(|| instance.info(&mut info).map(|()| 0))
    }

    /// # Safety
    ///
    /// As for [`Self::info_get`].
    unsafe extern "C" fn reload_down(
        devlink: *mut bindings::devlink,
        _netns_change: bool,
        action: bindings::devlink_reload_action,
        _limit: bindings::devlink_reload_limit,
        extack: *mut bindings::netlink_ext_ack,
    ) -> c_int {
        // SAFETY: devlink holds the lock in its operations, and lends its acknowledgement.
        let (mut instance, extack) =
            unsafe { (Locked::<T>::from_raw(devlink), Extack::from_raw(extack)) };
        if action == ACTIVATE {
            // Nothing of it is to stop, and what fails here is no failed reload to devlink, but none.
            return from_result(|| T::Firmware::activate(&mut instance, &extack).map(|()| 0));
        }
        let result = T::reload_down(&mut instance, &extack);
        if result.is_err() {
            // SAFETY: As above.
            unsafe { ResourceAdapter::<T>::restore(devlink) };
        } else {
            // devlink wants none to be left.
            // SAFETY: As above.
            unsafe { PipelineAdapter::<T>::unregister(devlink) };
        }
        from_result(|| result.map(|()| 0))
    }

    /// # Safety
    ///
    /// As for [`Self::info_get`].
    unsafe extern "C" fn reload_up(
        devlink: *mut bindings::devlink,
        action: bindings::devlink_reload_action,
        _limit: bindings::devlink_reload_limit,
        performed: *mut u32,
        extack: *mut bindings::netlink_ext_ack,
    ) -> c_int {
        // SAFETY: As in `reload_down`; the memory for what was done is valid.
        let (mut instance, extack) = unsafe {
            *performed = 1 << action;
            (Locked::<T>::from_raw(devlink), Extack::from_raw(extack))
        };
        if action == ACTIVATE {
            // Done before.
            return 0;
        }
        // SAFETY: As above. There are no tables, as they have gone before.
        unsafe {
            ResourceAdapter::<T>::repair(devlink);
            // Without memory for them there are none until the next reload: what shows ports is not worth
            // those.
            let _ = PipelineAdapter::<T>::register(devlink);
        }
        from_result(|| T::reload_up(&mut instance, &extack).map(|()| 0))
    }
}

impl<T: Operations, P> Drop for Devlink<T, P> {
    fn drop(&mut self) {
        let ptr = self.ptr.as_ptr();
        // The work of the reporter takes the lock.
        self.reporter.close();
        // SAFETY: By the type invariant it is registered. Under the lock no operation runs, and
        // after it none begins: devlink looks whether the instance is registered. So no port comes
        // after the ports have gone, and the reporter, which is closed, is not used again.
        unsafe {
            bindings::devl_lock(ptr);
            drop(core::mem::take(Locked::<T>::from_raw(ptr).ports()));
            bindings::devl_unregister(ptr);
            self.reporter.destroy();
            PipelineAdapter::<T>::unregister(ptr);
            ResourceAdapter::<T>::unregister(ptr);
            ParameterAdapter::<T>::unregister(ptr);
            bindings::devl_unlock(ptr);
        }
        // SAFETY: Nobody else can come to it any more; it was written when the instance was made.
        unsafe { core::ptr::drop_in_place(private::<T>(ptr)) };
        // SAFETY: Not registered any more. Whoever holds the memory does not look into the private
        // part.
        unsafe { bindings::devlink_free(ptr) };
    }
}

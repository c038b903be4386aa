// SPDX-License-Identifier: GPL-2.0

//! devlink: what a device with several ports tells about itself, and how it is reloaded.
//!
//! A driver keeps in a [`Devlink`] instance what is guarded by the instance's lock: its ports, above
//! all. The lock comes before RTNL.
//!
//! C header: [`include/net/devlink.h`](srctree/include/net/devlink.h)

mod health;
mod param;
mod port;
mod resource;

use crate::{
    bindings,
    extack::Extack,
    netns::NetNamespace, //
};
use core::{
    marker::PhantomData,
    ops::{
        Deref,
        DerefMut, //
    },
    ptr::NonNull, //
};
pub use health::{
    Message,
    Report,
    Reporter, //
};
use kernel::{
    device,
    error::{
        from_result,
        to_result, //
    },
    fmt,
    prelude::*,
    str::CString, //
};
pub use param::Parameter;
use param::ParameterAdapter;
pub(crate) use port::DevlinkPort;
use resource::ResourceAdapter;
pub use resource::{
    Resource,
    Resources, //
};

/// What a driver does for `devlink`. The value is what the instance's lock guards.
///
/// All of it runs in process context with that lock held.
pub trait Operations: Send + Sized + 'static {
    /// What of it can be set by `devlink dev param`.
    type Parameter: Parameter<Self>;
    /// What of it is shown and divided by `devlink resource`.
    type Resources: Resources<Self>;

    /// Tells which versions the device is of (`devlink dev info`).
    fn info(&self, info: &mut Info<'_>) -> Result;

    /// Takes down all that a reload makes anew (`devlink dev reload`). On an error nothing was
    /// taken down, and the sizes of resources that the reload was to bring are forgotten.
    fn reload_down(instance: &mut Locked<'_, Self>, extack: &Extack<'_>) -> Result;

    /// Makes anew what [`Self::reload_down`] took down, in the instance's namespace, which may be
    /// another one now, and brings the resources to the sizes that were asked for
    /// ([`Locked::resource_size`]). On an error nothing of it is there, and the next reload starts
    /// here.
    fn reload_up(instance: &mut Locked<'_, Self>, extack: &Extack<'_>) -> Result;
}

/// A registered devlink instance with a `T` in it; dropping it takes the instance away.
///
/// # Invariants
///
/// `ptr` is registered and its private memory holds a `T`, which only the holder of the instance's
/// lock touches.
pub struct Devlink<T: Operations> {
    ptr: NonNull<bindings::devlink>,
    _owns: PhantomData<T>,
}

// SAFETY: An instance may be used by any task, and takes turns with `T`, which is `Send`.
unsafe impl<T: Operations> Send for Devlink<T> {}
// SAFETY: As above.
unsafe impl<T: Operations> Sync for Devlink<T> {}

impl<T: Operations> Devlink<T> {
    const OPS: &'static bindings::devlink_ops = &bindings::devlink_ops {
        reload_actions: 1 << bindings::devlink_reload_action_DEVLINK_RELOAD_ACTION_DRIVER_REINIT,
        reload_down: Some(Self::reload_down),
        reload_up: Some(Self::reload_up),
        info_get: Some(Self::info_get),
        ..pin_init::zeroed()
    };

    /// Registers an instance for `device`, in the namespace `ns`. Process context.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the device is not bound to a driver, `ENOMEM`.
    pub fn new(device: &device::Device, ns: &NetNamespace, value: T) -> Result<Self> {
        // The C side aligns the private memory to 32 bytes.
        const { assert!(align_of::<T>() <= 32) };
        // `device::Device` is a transparent wrapper of `struct device`.
        let device: *mut bindings::device = core::ptr::from_ref(device).cast_mut().cast();
        // SAFETY: The device is valid.
        if unsafe { (*device).driver.is_null() } {
            return Err(ENODEV);
        }
        // SAFETY: The operations live for ever; the instance takes a reference to the device. A
        // namespace that ends has its instances reloaded into the first one.
        let ptr =
            unsafe { bindings::devlink_alloc_ns(Self::OPS, size_of::<T>(), ns.as_ptr(), device) };
        let ptr = NonNull::new(ptr).ok_or(ENOMEM)?;
        // SAFETY: The private memory is large enough and nobody has seen it.
        unsafe { Self::private(ptr.as_ptr()).write(value) };
        // SAFETY: The instance is new. Registering it can't fail.
        let result = unsafe {
            bindings::devl_lock(ptr.as_ptr());
            let result = Self::register_parts(ptr.as_ptr());
            if result.is_ok() {
                bindings::devl_register(ptr.as_ptr());
            }
            bindings::devl_unlock(ptr.as_ptr());
            result
        };
        if let Err(error) = result {
            // SAFETY: Nobody but us has seen the instance, which has a `T`.
            unsafe {
                core::ptr::drop_in_place(Self::private(ptr.as_ptr()));
                bindings::devlink_free(ptr.as_ptr());
            }
            return Err(error);
        }
        // INVARIANT: Registered, and initialised before that.
        Ok(Self {
            ptr,
            _owns: PhantomData,
        })
    }

    /// Registers what belongs to an instance.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, and nothing of it is registered.
    ///
    /// # Safety
    ///
    /// `devlink` must be an instance with a `T`, with its lock held.
    unsafe fn register_parts(devlink: *mut bindings::devlink) -> Result {
        // SAFETY: By the function's contract.
        unsafe { ParameterAdapter::<T>::register(devlink) }?;
        // SAFETY: As above.
        unsafe { ResourceAdapter::<T>::register(devlink) }.inspect_err(|_| {
            // SAFETY: As above; registered just now.
            unsafe { ParameterAdapter::<T>::unregister(devlink) };
        })
    }

    /// Runs `f` with the instance's lock held. Process context, RTNL not held.
    pub fn with_lock<R>(&self, f: impl FnOnce(&mut Locked<'_, T>) -> R) -> R {
        // SAFETY: The instance is valid. Paired with the call below; there is no way out of `f`
        // between them, as the kernel does not unwind.
        unsafe { bindings::devl_lock(self.ptr.as_ptr()) };
        // INVARIANT: Just taken.
        let result = f(&mut Locked {
            ptr: self.ptr,
            _guards: PhantomData,
        });
        // SAFETY: Taken above.
        unsafe { bindings::devl_unlock(self.ptr.as_ptr()) };
        result
    }

    fn private(devlink: *mut bindings::devlink) -> *mut T {
        // SAFETY: Only computes an address.
        unsafe { bindings::devlink_priv(devlink).cast() }
    }

    /// The instance that a callback was called for.
    ///
    /// # Safety
    ///
    /// `devlink` must be a registered instance with a `T`, and its lock be held for `'a`.
    unsafe fn locked<'a>(devlink: *mut bindings::devlink) -> Locked<'a, T> {
        // INVARIANT: Promised by the caller.
        Locked {
            // SAFETY: A valid pointer is not null.
            ptr: unsafe { NonNull::new_unchecked(devlink) },
            _guards: PhantomData,
        }
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
        let instance = unsafe { Self::locked(devlink) };
        let mut info = Info {
            request,
            _call: PhantomData,
        };
        from_result(|| instance.info(&mut info).map(|()| 0))
    }

    /// # Safety
    ///
    /// As for [`Self::info_get`].
    unsafe extern "C" fn reload_down(
        devlink: *mut bindings::devlink,
        _netns_change: bool,
        _action: bindings::devlink_reload_action,
        _limit: bindings::devlink_reload_limit,
        extack: *mut bindings::netlink_ext_ack,
    ) -> c_int {
        // SAFETY: devlink holds the lock in its operations, and lends its acknowledgement.
        let (mut instance, extack) = unsafe { (Self::locked(devlink), Extack::from_raw(extack)) };
        let result = T::reload_down(&mut instance, &extack);
        drop(instance);
        if result.is_err() {
            // SAFETY: As above.
            unsafe { ResourceAdapter::<T>::restore(devlink) };
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
            ResourceAdapter::<T>::repair(devlink);
            (Self::locked(devlink), Extack::from_raw(extack))
        };
        from_result(|| T::reload_up(&mut instance, &extack).map(|()| 0))
    }
}

impl<T: Operations> Drop for Devlink<T> {
    fn drop(&mut self) {
        let ptr = self.ptr.as_ptr();
        // SAFETY: By the type invariant it is registered. Under the lock no operation runs, and
        // after it none begins: devlink looks whether the instance is registered.
        unsafe {
            bindings::devl_lock(ptr);
            bindings::devl_unregister(ptr);
            ResourceAdapter::<T>::unregister(ptr);
            ParameterAdapter::<T>::unregister(ptr);
            bindings::devl_unlock(ptr);
        }
        // SAFETY: Nobody else can come to it any more; it was written when the instance was made.
        unsafe { core::ptr::drop_in_place(Self::private(ptr)) };
        // SAFETY: Not registered any more. Whoever holds the memory does not look into the private
        // part.
        unsafe { bindings::devlink_free(ptr) };
    }
}

/// A devlink instance whose lock is held, and what that lock guards.
///
/// # Invariants
///
/// The lock of `ptr` is held, on behalf of this value alone.
pub struct Locked<'a, T: Operations> {
    ptr: NonNull<bindings::devlink>,
    _guards: PhantomData<(&'a mut T, *mut ())>,
}

impl<T: Operations> Locked<'_, T> {
    pub(crate) fn as_ptr(&self) -> *mut bindings::devlink {
        self.ptr.as_ptr()
    }
}

impl<T: Operations> Deref for Locked<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: The private memory holds a `T`, and the lock gives this value alone access to it.
        unsafe { &*Devlink::<T>::private(self.ptr.as_ptr()) }
    }
}

impl<T: Operations> DerefMut for Locked<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: As in `deref`.
        unsafe { &mut *Devlink::<T>::private(self.ptr.as_ptr()) }
    }
}

/// The answer to `devlink dev info`.
pub struct Info<'a> {
    request: *mut bindings::devlink_info_req,
    _call: PhantomData<&'a mut ()>,
}

impl Info<'_> {
    /// A version that the device was made with and keeps.
    pub fn fixed(&mut self, name: &CStr, version: fmt::Arguments<'_>) -> Result {
        let version = CString::try_from_fmt(version)?;
        // SAFETY: The request is valid as long as the call that made `self`; the texts are copied.
        to_result(unsafe {
            bindings::devlink_info_version_fixed_put(
                self.request,
                name.as_char_ptr(),
                version.as_char_ptr(),
            )
        })
    }

    /// The version of something that runs in the device now.
    pub fn running(&mut self, name: &CStr, version: fmt::Arguments<'_>) -> Result {
        let version = CString::try_from_fmt(version)?;
        // SAFETY: As in `fixed`.
        to_result(unsafe {
            bindings::devlink_info_version_running_put(
                self.request,
                name.as_char_ptr(),
                version.as_char_ptr(),
            )
        })
    }
}

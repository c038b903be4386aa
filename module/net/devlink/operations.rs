// SPDX-License-Identifier: GPL-2.0

//! What a driver does for devlink, and what it has of an instance while it does it.

use super::{
    dpipe::Pipeline,
    health::Report,
    port::Port, //
};
use crate::{
    bindings,
    extack::Extack,
    netdev, //
};
use core::{
    marker::PhantomData,
    ops::{
        Deref,
        DerefMut, //
    },
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    fmt,
    prelude::*,
    str::CString,
    sync::Arc, //
};

/// What a driver does for `devlink`. The value is what the instance's lock guards.
///
/// All of it runs in process context with that lock held.
pub trait Operations: Send + Sized + 'static {
    /// What is on its ports.
    type Port: netdev::Operations;
    /// What its health reporter tells.
    type Report: Report;
    /// What of it can be set by `devlink dev param`.
    type Parameter: Parameter<Self>;
    /// What of it is shown and divided by `devlink resource`.
    type Resources: Resources<Self>;
    /// What `devlink dpipe` shows of it.
    type Pipeline: Pipeline<Self>;
    /// What can be flashed to it.
    type Firmware: Firmware<Self>;

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

/// The parameter of an instance with a `T`: a text that can be changed at any time (`cmode
/// runtime`). It keeps its value over reloads.
///
/// All of it runs in process context with the lock of the instance held.
pub trait Parameter<T> {
    /// Its name: none that devlink itself gives a meaning to.
    const NAME: &'static CStr;

    /// Its value: at most 31 bytes.
    fn get(instance: &T) -> &'static str;

    /// Changes it. `extack` is for why not.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a text that is no value.
    fn set(instance: &mut T, value: &str, extack: &Extack<'_>) -> Result;
}

/// A resource as the administrator may divide it. devlink counts all of them in "entries".
pub struct Resource {
    /// Its name.
    pub name: &'static CStr,
    /// The resource that this one is a part of, by its number in the table; it comes before this
    /// one. The parts of a resource can't be larger than it is, taken together.
    pub parent: Option<usize>,
    /// The smallest size that can be asked for.
    pub min: u64,
    /// The largest size that can be asked for.
    pub max: u64,
    /// What all sizes are multiples of; not 0.
    pub granularity: u64,
}

/// The resources of an instance with a `T`, known by their numbers in the table.
///
/// All of it runs in process context with the lock of the instance held.
pub trait Resources<T> {
    /// The resources, eight at most.
    const TABLE: &'static [Resource];

    /// How large resource `index` is now.
    fn size(instance: &T, index: usize) -> u64;

    /// How much of resource `index` is in use now.
    fn occupancy(instance: &T, index: usize) -> u64;
}

/// What an instance's private memory holds. The instance's lock guards all of it.
pub(super) struct Private<T: Operations> {
    /// Dropped before the instance is unregistered.
    pub(super) ports: KVec<Port<T::Port>>,
    pub(super) value: T,
}

/// Where an instance has its private memory.
pub(super) fn private<T: Operations>(devlink: *mut bindings::devlink) -> *mut Private<T> {
    // SAFETY: Only computes an address.
    unsafe { bindings::devlink_priv(devlink).cast() }
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
    /// The instance that a callback was called for.
    ///
    /// # Safety
    ///
    /// `devlink` must be an instance with a `Private<T>`, and its lock be held for all of the lifetime
    /// that is chosen, on behalf of the value alone.
    pub(super) unsafe fn from_raw(devlink: *mut bindings::devlink) -> Self {
        // INVARIANT: Promised by the caller.
        Self {
            // SAFETY: A valid pointer is not null.
            ptr: unsafe { NonNull::new_unchecked(devlink) },
            _guards: PhantomData,
        }
    }

    pub(super) fn as_ptr(&self) -> *mut bindings::devlink {
        self.ptr.as_ptr()
    }

    pub(super) fn ports(&mut self) -> &mut KVec<Port<T::Port>> {
        // SAFETY: The private memory holds a `Private<T>`, and the lock gives this value alone access
        // to it.
        unsafe { &mut (*private::<T>(self.as_ptr())).ports }
    }

    /// Registers `port` as one of the instance's, by the number of its net device, and the net device
    /// in the instance's namespace. The interface can be used at once. Process context, RTNL not held.
    ///
    /// The instance keeps the port until [`Self::unregister_port`], or until it goes itself.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the device is or was registered or its number is taken, `ENOMEM`, else what
    /// `register_netdev` gives.
    pub fn register_port(&mut self, port: Arc<T::Port>) -> Result {
        let devlink = self.as_ptr();
        let ports = self.ports();
        ports.reserve(1, GFP_KERNEL)?;
        // SAFETY: The lock is held, by the type invariant. The port goes into a list that is reached
        // with the lock held only, and emptied before the instance goes.
        let port = unsafe { Port::new(port, devlink) }?;
        Ok(ports.push_within_capacity(port)?)
    }

    /// Takes the interface of `port` away, and the port from the instance. Process context, RTNL not
    /// held.
    ///
    /// # Errors
    ///
    /// `ENOENT` if it is none of the instance's.
    pub fn unregister_port(&mut self, port: &Arc<T::Port>) -> Result {
        let ports = self.ports();
        let mut all = ports.iter();
        let index = all.position(|it| Arc::ptr_eq(it.port(), port));
        let port = ports.remove(index.ok_or(ENOENT)?).map_err(|_| ENOENT)?;
        drop(port);
        Ok(())
    }
}

impl<T: Operations> Deref for Locked<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: The private memory holds a `Private<T>`, and the lock gives this value alone access
        // to it.
        unsafe { &(*private::<T>(self.as_ptr())).value }
    }
}

impl<T: Operations> DerefMut for Locked<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: As in `deref`.
        unsafe { &mut (*private::<T>(self.as_ptr())).value }
    }
}

/// What can be flashed to an instance with a `T` (`devlink dev flash`), and is run by the next activation
/// (`devlink dev reload DEV action fw_activate`), without a reset.
///
/// All of it runs in process context with the lock of the instance held.
pub trait Firmware<T: Operations> {
    /// Stores `image` for `component`, which is one that [`Operations::info`] tells of; `None` if the user
    /// names none. On an error what was stored stays.
    fn flash(
        instance: &mut Locked<'_, T>,
        component: Option<&CStr>,
        image: &[u8],
        extack: &Extack<'_>,
    ) -> Result;

    /// Has the device run what was flashed. On an error it goes on with what it has.
    fn activate(instance: &mut Locked<'_, T>, extack: &Extack<'_>) -> Result;
}

/// The answer to `devlink dev info`.
///
/// # Invariants
///
/// `request` is valid for `'a`.
pub struct Info<'a> {
    request: *mut bindings::devlink_info_req,
    _call: PhantomData<&'a mut ()>,
}

impl Info<'_> {
    /// # Safety
    ///
    /// `request` must be what devlink passed to a callback, and the call last for all of the lifetime
    /// that is chosen.
    pub(super) unsafe fn from_raw(request: *mut bindings::devlink_info_req) -> Self {
        // INVARIANT: Promised by the caller.
        Self {
            request,
            _call: PhantomData,
        }
    }

    /// A version that the device was made with and keeps.
    pub fn fixed(&mut self, name: &CStr, version: fmt::Arguments<'_>) -> Result {
        let version = CString::try_from_fmt(version)?;
        // SAFETY: The request is valid by the type invariant; the texts are copied.
        to_result(unsafe {
            bindings::devlink_info_version_fixed_put(
                self.request,
                name.as_char_ptr(),
                version.as_char_ptr(),
            )
        })
    }

    /// The version of a component that can be flashed: what the device has stored, and what it runs.
    pub fn component(
        &mut self,
        name: &CStr,
        stored: fmt::Arguments<'_>,
        running: fmt::Arguments<'_>,
    ) -> Result {
        let kind = bindings::devlink_info_version_type_DEVLINK_INFO_VERSION_TYPE_COMPONENT;
        let (stored, running) = (
            CString::try_from_fmt(stored)?,
            CString::try_from_fmt(running)?,
        );
        // SAFETY: As in `fixed`.
        to_result(unsafe {
            bindings::devlink_info_version_stored_put_ext(
                self.request,
                name.as_char_ptr(),
                stored.as_char_ptr(),
                kind,
            )
        })?;
        // SAFETY: As in `fixed`.
        to_result(unsafe {
            bindings::devlink_info_version_running_put_ext(
                self.request,
                name.as_char_ptr(),
                running.as_char_ptr(),
                kind,
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

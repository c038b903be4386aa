// SPDX-License-Identifier: GPL-2.0

//! The functions that the core calls.

use super::{
    family::{
        Family,
        Operations, //
    },
    request::{
        DumpAnswer,
        Request, //
    },
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    container_of,
    error::from_result,
    prelude::*,
    types::Opaque, //
};

/// The C side of `T`.
pub(super) struct Adapter<T: Operations>(PhantomData<T>);

/// The family that a request is for.
///
/// # Safety
///
/// `info` must be what the core passed for a request to a family that lies in a `Family<T>`, and the
/// call last for all of the lifetime that is chosen.
unsafe fn family<'a, T: Operations>(info: NonNull<bindings::genl_info>) -> &'a Family<T> {
    // SAFETY: By the function's contract. A family stays where it is while it is registered, and as
    // long as a dump of it runs: see the end of `Registration`.
    unsafe {
        let family = (*info.as_ptr()).family.cast_mut();
        &*container_of!(Opaque::cast_from(family), Family<T>, family)
    }
}

impl<T: Operations> Adapter<T> {
    /// What serves requests without `NLM_F_DUMP`.
    pub(super) fn one() -> bindings::genl_split_ops {
        let mut operation = bindings::genl_split_ops {
            // CAST: The flags of an operation have 8 bits.
            flags: bindings::GENL_CMD_CAP_DO as u8,
            ..pin_init::zeroed()
        };
        operation.__bindgen_anon_1.__bindgen_anon_1.doit = Some(Self::execute);
        operation
    }

    /// What serves requests with `NLM_F_DUMP`.
    pub(super) fn dump() -> bindings::genl_split_ops {
        let mut operation = bindings::genl_split_ops {
            // CAST: As above.
            flags: bindings::GENL_CMD_CAP_DUMP as u8,
            ..pin_init::zeroed()
        };
        // SAFETY: All members of the union are functions that are there or not, and none is yet.
        let functions = unsafe { &mut operation.__bindgen_anon_1.__bindgen_anon_2 };
        functions.start = Some(Self::start);
        functions.dumpit = Some(Self::dump_part);
        operation
    }

    /// # Safety
    ///
    /// To be called by the core for a request to a family that lies in a `Family<T>`.
    unsafe extern "C" fn execute(
        _skb: *mut bindings::sk_buff,
        info: *mut bindings::genl_info,
    ) -> c_int {
        from_result(|| {
            let info = NonNull::new(info).ok_or(EINVAL)?;
            // SAFETY: By the function's contract.
            let family = unsafe { family::<T>(info) };
            // SAFETY: As above; a request has a header.
            let command = unsafe { (*(*info.as_ptr()).genlhdr).cmd };
            let places = family.commands.places(command, false);
            // SAFETY: The core has made the table by the operation's policy.
            let request = unsafe { Request::from_raw(info, places) };
            T::execute(family, &request).map(|()| 0)
        })
    }

    /// Where the cursor of a dump lies.
    ///
    /// # Safety
    ///
    /// `callback` must be valid.
    unsafe fn cursor(callback: NonNull<bindings::netlink_callback>) -> *mut T::Cursor {
        const {
            assert!(size_of::<T::Cursor>() <= size_of::<[c_long; 6]>());
            assert!(align_of::<T::Cursor>() <= align_of::<c_long>());
        };
        // SAFETY: By the function's contract. The place is as large and as aligned as six numbers of
        // type `long`, as which it can be used, too.
        unsafe { (&raw mut (*callback.as_ptr()).__bindgen_anon_1).cast() }
    }

    /// # Safety
    ///
    /// As for [`Self::execute`], for one that asks for a dump.
    unsafe extern "C" fn start(callback: *mut bindings::netlink_callback) -> c_int {
        let Some(callback) = NonNull::new(callback) else {
            return EINVAL.to_errno();
        };
        // SAFETY: The core gives this place to the family, and a dump is alone with it.
        unsafe { Self::cursor(callback).write(T::Cursor::default()) };
        0
    }

    /// # Safety
    ///
    /// As for [`Self::start`], which has come before.
    unsafe extern "C" fn dump_part(
        skb: *mut bindings::sk_buff,
        callback: *mut bindings::netlink_callback,
    ) -> c_int {
        from_result(|| {
            let skb = NonNull::new(skb).ok_or(EINVAL)?;
            let callback = NonNull::new(callback).ok_or(EINVAL)?;
            // SAFETY: The core keeps this structure there for as long as a dump runs.
            let info = unsafe {
                let info = (*callback.as_ptr())
                    .data
                    .cast::<bindings::genl_dumpit_info>();
                NonNull::new(&raw mut (*info).info).ok_or(EINVAL)?
            };
            // SAFETY: By the function's contract.
            let family = unsafe { family::<T>(info) };
            // SAFETY: As above; a request has a header.
            let command = unsafe { (*(*info.as_ptr()).genlhdr).cmd };
            let places = family.commands.places(command, true);
            // SAFETY: The core has made the table by the operation's policy.
            let request = unsafe { Request::from_raw(info, places) };
            // SAFETY: All of it is this dump's, whose parts come one after the other. `start` has
            // written the cursor.
            let (mut answer, cursor) = unsafe {
                (
                    DumpAnswer::from_raw(skb, callback, &request),
                    &mut *Self::cursor(callback),
                )
            };
            T::dump(family, &request, cursor, &mut answer).map(|()| 0)
        })
    }
}

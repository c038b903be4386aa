// SPDX-License-Identifier: GPL-2.0

//! Extended acknowledgement: the text that goes back with a netlink answer.
//!
//! C header: [`include/linux/netlink.h`](srctree/include/linux/netlink.h)

use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    fmt,
    prelude::*,
    str::NullTerminatedFormatter, //
};

/// The extended acknowledgement of the request that is being answered.
///
/// Requests without a reader for it (teardown by the kernel itself) have none: then texts go
/// nowhere.
///
/// # Invariants
///
/// `ptr` is null or points to a `netlink_ext_ack` that only this context uses for `'a`.
pub struct Extack<'a> {
    ptr: *mut bindings::netlink_ext_ack,
    _request: PhantomData<&'a mut bindings::netlink_ext_ack>,
}

impl Extack<'_> {
    /// Wraps the pointer that the core passed to a callback.
    ///
    /// # Safety
    ///
    /// `ptr` must be null or valid for `'a`, and nobody else may use what it points to meanwhile.
    pub(crate) unsafe fn from_raw(ptr: *mut bindings::netlink_ext_ack) -> Self {
        // INVARIANT: Promised by the caller.
        Self {
            ptr,
            _request: PhantomData,
        }
    }

    /// Whether the request has a reader. Where it has none, nobody waits for the answer either.
    pub fn has_reader(&self) -> bool {
        !self.ptr.is_null()
    }

    /// Sets a fixed text. It may be of any length; the last text set is the one that is sent.
    pub fn msg(&self, text: &'static CStr) {
        // SAFETY: `self.ptr` is null or valid by the type invariant; `text` is terminated and,
        // being static, outlives the acknowledgement as long as the module's code runs, which the
        // core ensures while it is in one of its callbacks. The function copies nothing and frees
        // nothing.
        unsafe { bindings::offload_nic_extack_set(self.ptr, text.as_char_ptr()) };
    }

    /// Sets a text made from `args`.
    ///
    /// The kernel keeps at most 79 bytes of such a text. What is longer is cut there, and the whole
    /// goes to the kernel log.
    pub fn fmt(&self, args: fmt::Arguments<'_>) {
        let mut buffer = [0; 256];
        if let Some(mut formatter) = NullTerminatedFormatter::new(&mut buffer) {
            // A piece that does not fit is left out; what was written before it is still worth
            // sending.
            let _ = fmt::Write::write_fmt(&mut formatter, args);
        }
        // SAFETY: `self.ptr` is null or valid by the type invariant; `buffer` is zero-terminated,
        // by the formatter or by its initial value, and the function copies it.
        unsafe { bindings::offload_nic_extack_set_copy(self.ptr, buffer.as_ptr().cast()) };
    }

    /// Names the attribute of the request that is wrong.
    pub(crate) fn bad_attribute(&self, attribute: NonNull<bindings::nlattr>) {
        // SAFETY: `self.ptr` is null or valid by the type invariant. The core only computes where in
        // the request the attribute is.
        if let Some(extack) = unsafe { self.ptr.as_mut() } {
            extack.bad_attr = attribute.as_ptr();
        }
    }

    /// Names an attribute that the request lacks.
    pub(crate) fn missing(&self, number: u16) {
        // SAFETY: As above.
        if let Some(extack) = unsafe { self.ptr.as_mut() } {
            extack.miss_type = number;
            extack.miss_nest = core::ptr::null();
        }
        self.msg(c"an attribute is missing");
    }
}

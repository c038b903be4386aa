// SPDX-License-Identifier: GPL-2.0

//! Files in sysfs that can be written and not read.
//!
//! C header: [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h)

use crate::bindings;
use kernel::prelude::*;

/// The most files of one bus or device.
pub(super) const MOST: usize = 8;

/// May be written by root.
const WRITE_ONLY: bindings::umode_t = 0o200;

pub(super) const fn attribute(name: &'static CStr) -> bindings::attribute {
    // There are more fields where lock dependencies are checked.
    let mut attribute: bindings::attribute = pin_init::zeroed();
    attribute.name = name.to_bytes_with_nul().as_ptr().cast();
    attribute.mode = WRITE_ONLY;
    attribute
}

pub(super) const fn group(
    attributes: *const *const bindings::attribute,
) -> bindings::attribute_group {
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
pub(super) unsafe fn store(
    text: *const c_char,
    count: usize,
    serve: impl FnOnce(&str) -> Result,
) -> isize {
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

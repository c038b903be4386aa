// SPDX-License-Identifier: GPL-2.0

//! Error numbers that the `kernel` crate does not name.

use crate::bindings;
use kernel::prelude::*;

/// `EOPNOTSUPP`: the device does not do that.
pub fn not_supported() -> Error {
    // CAST: A small number.
    Error::from_errno(-(bindings::EOPNOTSUPP as c_int))
}

/// `EMSGSIZE`: more than there is room for.
pub fn message_too_long() -> Error {
    // CAST: A small number.
    Error::from_errno(-(bindings::EMSGSIZE as c_int))
}

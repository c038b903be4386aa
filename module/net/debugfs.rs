// SPDX-License-Identifier: GPL-2.0

//! What the `kernel` crate's `debugfs` does not have.
//!
//! C header: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h)

use crate::bindings;
use core::ptr::null_mut;
use kernel::{
    error::from_err_ptr,
    prelude::*, //
};

/// Makes a symbolic link called `name`, to `target`, in the directory that `path` leads to from the
/// root of debugfs. It goes with that directory. Process context.
///
/// As with all of debugfs, nobody depends on it: on an error there is no link.
pub fn symlink(path: &[&CStr], name: &CStr, target: &CStr) {
    let mut dir: *mut bindings::dentry = null_mut();
    for step in path {
        // SAFETY: `dir` is null, which is the root, or a directory that is held.
        let next = unsafe { bindings::offload_nic_debugfs_lookup(step.as_char_ptr(), dir) };
        let next = from_err_ptr(next);
        // SAFETY: Null, or held by the lookup before this one.
        unsafe { bindings::offload_nic_dput(dir) };
        match next {
            Ok(next) if !next.is_null() => dir = next,
            _ => return,
        }
    }
    // SAFETY: `dir` is held; the texts are copied. The link is removed with its directory.
    unsafe {
        bindings::offload_nic_debugfs_create_symlink(name.as_char_ptr(), dir, target.as_char_ptr());
        bindings::offload_nic_dput(dir);
    }
}

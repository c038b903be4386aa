// SPDX-License-Identifier: GPL-2.0

//! Switches of a driver's own.

use crate::{
    bindings,
    netdev::{
        port,
        Operations,
        Rtnl,
        Table, //
    },
};
use kernel::{
    error::from_result,
    prelude::*, //
};

// `ETHTOOL_OP_NEEDS_RTNL_SPFLAGS`: a macro that bindgen does not see.
const NEEDS_RTNL_SPFLAGS: u32 = 1 << 1;

/// A port with switches that no other driver has.
pub trait PrivateFlags: Operations {
    /// What users call them: 32 at most.
    const PRIVATE_FLAGS: &'static [&'static str];

    /// Those that are on, a bit for each in their order (`ethtool --show-priv-flags`). RTNL is held.
    fn private_flags(&self) -> u32;

    /// Switches them (`ethtool --set-priv-flags`).
    ///
    /// # Errors
    ///
    /// Why that can't be; then all of them stay as they were.
    fn set_private_flags(&self, flags: u32, rtnl: &Rtnl<'_>) -> Result;
}

impl<T: PrivateFlags> Table<T> {
    /// The port has [`PrivateFlags`].
    pub const fn private_flags(mut self) -> Self {
        assert!(T::PRIVATE_FLAGS.len() <= 32);
        self.private_flags = T::PRIVATE_FLAGS;
        self.ethtool.op_needs_rtnl |= NEEDS_RTNL_SPFLAGS;
        self.ethtool.get_priv_flags = Some(get_priv_flags::<T>);
        self.ethtool.set_priv_flags = Some(set_priv_flags::<T>);
        self.strings()
    }
}

/// # Safety
///
/// To be called by the stack, as `get_priv_flags` of a registered port of type `T`.
unsafe extern "C" fn get_priv_flags<T: PrivateFlags>(dev: *mut bindings::net_device) -> u32 {
    // SAFETY: The stack asks registered devices only.
    unsafe { port::<T>(dev) }.private_flags()
}

/// # Safety
///
/// To be called by the stack, as `set_priv_flags` of a registered port of type `T`.
unsafe extern "C" fn set_priv_flags<T: PrivateFlags>(
    dev: *mut bindings::net_device,
    flags: u32,
) -> i32 {
    // SAFETY: The stack asks registered devices only, with RTNL held.
    let (port, rtnl) = unsafe { (port::<T>(dev), Rtnl::held()) };
    from_result(|| {
        // Who asks by the old system call may name others.
        let known = (1u64 << T::PRIVATE_FLAGS.len()).wrapping_sub(1);
        if u64::from(flags) & !known != 0 {
            return Err(EINVAL);
        }
        port.set_private_flags(flags, &rtnl).map(|()| 0)
    })
}

// SPDX-License-Identifier: GPL-2.0

//! RTNL, the lock of the network configuration, as a value.

use crate::bindings;
use core::marker::PhantomData;
use kernel::prelude::*;

/// Evidence that RTNL is held.
///
/// Made by the adapters of callbacks that run under it.
pub struct Rtnl<'a>(PhantomData<(&'a (), *mut ())>);

impl Rtnl<'_> {
    /// # Safety
    ///
    /// RTNL must be held for all of the lifetime that is chosen.
    pub(crate) unsafe fn held() -> Self {
        Self(PhantomData)
    }
}

/// Runs `f` with RTNL held. Process context, RTNL not held yet.
///
/// Lock order: the devlink instance, then RTNL, then the core's lock of BPF offload.
pub fn with_rtnl<R>(f: impl FnOnce(&Rtnl<'_>) -> R) -> R {
    // SAFETY: Paired with the call below; there is no way out of `f` between them, as the kernel
    // does not unwind.
    unsafe { bindings::rtnl_lock() };
    // SAFETY: RTNL was taken above and is kept until after the last use of this.
    let result = f(&unsafe { Rtnl::held() });
    // SAFETY: RTNL was taken above.
    unsafe { bindings::rtnl_unlock() };
    result
}

/// As [`with_rtnl`], for a system call whose end somebody may be waiting for with RTNL held: if it is
/// held, the error that is returned has the kernel make the system call again.
///
/// # Errors
///
/// What the system call must return.
pub fn try_with_rtnl<R>(f: impl FnOnce(&Rtnl<'_>) -> R) -> Result<R> {
    // SAFETY: Process context. Paired with the call below, as in `with_rtnl`.
    if unsafe { bindings::rtnl_trylock() } == 0 {
        // SAFETY: The task is in a system call.
        return Err(Error::from_errno(unsafe {
            bindings::offload_nic_restart_syscall()
        }));
    }
    // SAFETY: RTNL was taken above and is kept until after the last use of this.
    let result = f(&unsafe { Rtnl::held() });
    // SAFETY: RTNL was taken above.
    unsafe { bindings::rtnl_unlock() };
    Ok(result)
}

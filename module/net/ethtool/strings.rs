// SPDX-License-Identifier: GPL-2.0

//! What users call the counters and the private flags of a port.

use crate::{
    bindings,
    netdev::{
        port,
        private,
        Operations,
        Table, //
    },
};
use core::ptr::addr_of_mut;
use kernel::{
    fmt,
    prelude::*,
    str::CString, //
};

impl<T: Operations> Table<T> {
    /// The port has something with names.
    pub(super) const fn strings(mut self) -> Self {
        self.ethtool.get_sset_count = Some(get_sset_count::<T>);
        self.ethtool.get_strings = Some(get_strings::<T>);
        self
    }

    /// How many counters `port` has.
    pub(crate) fn count_statistics(&self, port: &T) -> usize {
        let mut count = 0usize;
        if let Some(visit) = self.visit_statistics {
            visit(port, &mut |_, _| count = count.saturating_add(1));
        }
        count
    }
}

/// # Safety
///
/// To be called by the stack, as `get_sset_count` of a registered port of type `T`.
unsafe extern "C" fn get_sset_count<T: Operations>(
    dev: *mut bindings::net_device,
    set: i32,
) -> i32 {
    // CAST: A small enumeration.
    let count = match set as u32 {
        bindings::ethtool_stringset_ETH_SS_STATS if T::TABLE.visit_statistics.is_some() => {
            // SAFETY: The stack asks registered devices only.
            unsafe { private::<T>(dev).statistics }
        }
        bindings::ethtool_stringset_ETH_SS_PRIV_FLAGS if !T::TABLE.private_flags.is_empty() => {
            T::TABLE.private_flags.len()
        }
        // CAST: A small number.
        _ => return -(bindings::EOPNOTSUPP as i32),
    };
    i32::try_from(count).unwrap_or(0)
}

/// # Safety
///
/// To be called by the stack, as `get_strings` of a registered port of type `T`, with room for as many
/// strings as `get_sset_count` said.
unsafe extern "C" fn get_strings<T: Operations>(
    dev: *mut bindings::net_device,
    set: u32,
    data: *mut u8,
) {
    let mut next = data;
    match (set, T::TABLE.visit_statistics) {
        (bindings::ethtool_stringset_ETH_SS_STATS, Some(visit)) => {
            // SAFETY: The stack asks registered devices only.
            let (port, mut room) = unsafe { (port::<T>(dev), private::<T>(dev).statistics) };
            visit(port, &mut |name, _| {
                if room == 0 {
                    return;
                }
                room -= 1;
                // SAFETY: There is room for one more.
                unsafe { put(&mut next, name) };
            });
        }
        (bindings::ethtool_stringset_ETH_SS_PRIV_FLAGS, _) => {
            for name in T::TABLE.private_flags {
                // SAFETY: There is room for all of them.
                unsafe { put(&mut next, fmt!("{name}")) };
            }
        }
        _ => {}
    }
}

/// Puts a name to where `next` points, which then points behind it.
///
/// # Safety
///
/// There must be room for a string of `ETH_GSTRING_LEN` bytes.
unsafe fn put(next: &mut *mut u8, name: fmt::Arguments<'_>) {
    let name = CString::try_from_fmt(name);
    let text = name.as_deref().unwrap_or(c"unnamed (no memory)");
    // SAFETY: There is room, as the caller promises; the text ends with a zero.
    unsafe { bindings::ethtool_puts(addr_of_mut!(*next), text.as_char_ptr()) };
}

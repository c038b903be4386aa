// SPDX-License-Identifier: GPL-2.0

//! How the indirection tables of a port get another size, or its queues another number.

use super::{
    rss::Rss,
    RssContexts, //
};
use crate::{
    bindings,
    netdev::{
        Device,
        NetDevice,
        Rtnl, //
    },
};
use core::marker::PhantomData;
use kernel::{
    error::to_result,
    prelude::*, //
};

impl NetDevice {
    /// Whether the user has set the main configuration's indirection table, and not set it back.
    /// While not, the driver spreads the hashes over all queues in use.
    pub fn has_user_indirection(&self, _rtnl: &Rtnl<'_>) -> bool {
        // SAFETY: The device is valid, and its state for ethtool lives as long.
        unsafe { bindings::netif_is_rxfh_configured(self.as_ptr()) }
    }
}

/// A new size of all indirection tables, which they can have: the users' tables are only repeated,
/// or are themselves repetitions of what stays.
///
/// What users have set can't be lost: they would find a table that they never set.
#[must_use]
pub struct Resize<'a, T: RssContexts> {
    device: &'a Device<T>,
    from: u32,
    to: u32,
    _rtnl: PhantomData<&'a Rtnl<'a>>,
}

impl<T: RssContexts> Device<T> {
    /// Checks whether the main configuration's indirection table, which is `table` now, and those of
    /// all others can have `to` entries.
    ///
    /// Not to be called from callbacks of [`Rss`] and [`RssContexts`], as the core's mutex for RSS is
    /// taken. The check takes no lock of the driver's.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the interface is not registered, `EINVAL` if they can't, or `to` is 0 or beyond [`Rss::MAX_INDIRECTION`].
    pub fn check_indirection_size<'a>(
        &'a self,
        table: &[u32],
        to: u32,
        rtnl: &'a Rtnl<'_>,
    ) -> Result<Resize<'a, T>> {
        if !self.is_registered(rtnl) {
            return Err(ENODEV);
        }
        let from = u32::try_from(table.len())?;
        if from == 0 || to == 0 || to > T::MAX_INDIRECTION {
            return Err(EINVAL);
        }
        // SAFETY: The device is valid; the table has `from` entries, and neither size, by which the
        // core divides, is 0. RTNL is held.
        let can_resize = unsafe {
            bindings::ethtool_rxfh_indir_can_resize(self.as_ptr(), table.as_ptr(), from, to)
        };
        if !can_resize {
            return Err(EINVAL);
        }
        // SAFETY: The device is valid, and RTNL is held. `get_rxfh_indir_size` never gives 0, so that
        // no table has that size.
        to_result(unsafe { bindings::ethtool_rxfh_ctxs_can_resize(self.as_ptr(), to) })?;
        Ok(Resize {
            device: self,
            from,
            to,
            _rtnl: PhantomData,
        })
    }
}

impl<T: RssContexts> Resize<'_, T> {
    /// Gives the tables their new size. `table` becomes the main configuration's: it has the new
    /// number of entries, and begins with the old ones, as many as fit. What the user has set is
    /// repeated; else it is spread over `queues` queues.
    ///
    /// The core does the same with what it keeps of the other configurations, and tells users: it
    /// asks for [`Rss::hash_fields`], whose locks must not be held. The driver's own copies of those
    /// tables are the driver's to resize: entry `i` is that of `i` modulo the old size.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `table` has another length, or there are no queues; then nothing has changed.
    pub fn apply(self, table: &mut [u32], queues: u16, rtnl: &Rtnl<'_>) -> Result {
        if table.len() != self.to as usize || queues == 0 {
            return Err(EINVAL);
        }
        spread(self.device, table, queues, rtnl);
        let dev = self.device.as_ptr();
        // SAFETY: The device is valid and RTNL is held, since the check that says that the tables
        // can have this size. The core writes to the entries from `from` to `to`, which are there,
        // in its own tables too: those have room for `MAX_INDIRECTION`.
        unsafe {
            bindings::ethtool_rxfh_indir_resize(dev, table.as_mut_ptr(), self.from, self.to);
            bindings::ethtool_rxfh_ctxs_resize(dev, self.to);
        }
        Ok(())
    }
}

/// Spreads `table` over `queues` queues in turn, if the user has not set it: what the main
/// configuration's becomes with another number of queues. RTNL is held.
fn spread<T: Rss>(device: &Device<T>, table: &mut [u32], queues: u16, rtnl: &Rtnl<'_>) {
    if device.has_user_indirection(rtnl) {
        return;
    }
    for (place, queue) in table.iter_mut().zip((0..u32::from(queues)).cycle()) {
        *place = queue;
    }
}
